"""Distinguishes stacks of images, or of volumes, from tomograms, by the header and by the tilts that lie beside it."""

import re
from collections.abc import Mapping
from pathlib import Path

from livetomo.core.errors import ParticleBox, TiltStack, VolumeStack
from livetomo.formats.endings import STACKS
from livetomo.formats.mrc_header import MrcHeader

THINNEST_ANGSTROM = 1000.0
"""No reconstruction is thinner: a stack of images that calls itself one is believed below it."""
FEWEST_TILTS = 5
LARGEST_BOX = 512
"""Voxels along an edge."""
_BOX = re.compile(
    r"(?:^|[/._ -])(?P<word>ref(?:erence)?s?|av(?:era)?ges?|templates?|masks?|maps?|models?|class\d*|half\d?|unfil|fsc"
    r"|sta|particles?|subtomo(?:gram)?s?|boxes|species|frealign|refine\w*|initial|run|bfactor|sharp(?:ened)?)"
    r"(?=[/._ -]|\d|$)",
    re.IGNORECASE,
)
_OF_ACQUISITION = ("SERI", "FEI1", "FEI2")


def refuse_volumes(header: MrcHeader, path: Path) -> None:
    """Refuse several volumes behind one another.

    MRC2014 has ISPG 401 for them, and mz as the depth of one. Some writers leave ISPG at 1: then cubes are meant.

    Raises:
        VolumeStack: says what shows it.
    """
    depth, height, width = header.shape_zyx
    one = header.sampled_sections
    if header.axis_order != "zyx" or not 1 < one < depth or depth % one:
        return
    if header.space_group >= 400 or one == height == width:
        said = f"its header says ISPG {header.space_group} and mz {one}"
        raise VolumeStack(path, f"{said}, and it has {depth} sections, {depth // one} times as many")


def refuse_images(header: MrcHeader, path: Path, own: Mapping[str, int], others: Mapping[str, int]) -> None:
    """Refuse a stack of images.

    own, others: how many tilts files beside it list, by the names of these; own where that is its own name. A number
    may agree by chance with that of a series by whose name its own begins: that is believed of what is thin only.

    Many tomograms have ISPG 0, and some mz 1: such a header is believed where the volume would be thinner than any is.

    Raises:
        TiltStack: says what shows it.
    """
    sections = header.stored_shape[0]
    if path.suffix.lower() in STACKS:
        why = f"files that end in {path.suffix} hold the images of a series"
        raise TiltStack(path, why, " If it is a volume, give it a name that ends in .mrc.")
    for name, count in {**(others if is_thin(header) else {}), **own}.items():
        if count == sections >= FEWEST_TILTS:
            raise TiltStack(path, f"it has {sections} sections, and {name} lists as many tilts")
    is_stack = header.space_group == 0 and header.sampled_sections == 1
    is_acquired = header.space_group == 0 and header.extended_type in _OF_ACQUISITION and header.extended_bytes > 0
    if (is_stack or is_acquired) and is_thin(header):
        said = "ISPG 0, mz 1" if is_stack else f"ISPG 0, an extended header of {header.extended_type}"
        advice = f" If it is a volume, its header has to say so: ISPG 1, mz {sections} (mrcfile: set_volume())."
        raise TiltStack(path, f"its header says that it is a stack of images ({said})", advice)


def refuse_box(header: MrcHeader, path: Path) -> None:
    """Refuse a particle's box, an average, a reference or a mask: a small cube whose name, or its folder's, says so.

    Raises:
        ParticleBox: says what shows it.
    """
    side, height, width = header.shape_zyx
    if side == height == width <= LARGEST_BOX and (word := _BOX.search("/".join(path.parts[-2:]))):
        raise ParticleBox(path, side, word["word"])


def is_thin(header: MrcHeader) -> bool:
    """Whether no tomogram is so thin, or nothing says how thick it would be."""
    return header.stored_shape[0] * header.voxel_size_xyz[0] < THINNEST_ANGSTROM
