"""Evidence distinguishes a stack of images or of volumes from a tomogram; a header alone is seldom enough."""

import io
from contextlib import nullcontext
from pathlib import Path

import pytest

from livetomo.core.errors import TiltStack, VolumeStack
from livetomo.formats.mrc_header import parse_header
from livetomo.formats.stacks import refuse_images, refuse_volumes
from tests.intake.fakes import mrc

PATH = Path("TS_01.mrc")
SMALL = {"mode": 0, "fill": b"\0"}
# What it is; the header's block, and the tilts beside it.
TABLE = [
    # A stack's header as MRC2014 has it: ISPG 0 and mz 1.
    (TiltStack, mrc((41, 64, 64), voxel=3, mz=1, **SMALL), {}),
    (TiltStack, mrc((2, 64, 64), voxel=1.5, mz=1, **SMALL), {}),
    (TiltStack, mrc((61, 64, 64), voxel=0, mz=1, **SMALL), {}),
    (TiltStack, mrc((41, 64, 64), voxel=13.5, mz=1, **SMALL), {}),
    # As SerialEM writes one: a volume's header, and an extended header with the angles.
    (TiltStack, mrc((41, 64, 64), voxel=3, extended=bytes(41 * 12), **SMALL), {}),
    # Any header, and as many sections as tilts.
    (TiltStack, mrc((41, 64, 64), space_group=1, **SMALL), {"TS_01.rawtlt": 41}),
    (TiltStack, mrc((41, 64, 64), voxel=13.5, **SMALL), {"TS_01.mdoc": 41}),
    # Particles' boxes: as MRC2014 has them, and cubes with a volume's header.
    (VolumeStack, mrc((320, 64, 64), space_group=401, mz=64, **SMALL), {}),
    (VolumeStack, mrc((96, 64, 32), space_group=401, mz=32, **SMALL), {}),
    (VolumeStack, mrc((320, 64, 64), space_group=1, mz=64, **SMALL), {}),
    # Tomograms: many have ISPG 0, some mz 1, one is the only volume of its stack, a trimmed one keeps its old mz.
    (None, mrc((300, 64, 64), space_group=1, **SMALL), {"TS_01.rawtlt": 41}),
    (None, mrc((300, 64, 64), space_group=0, **SMALL), {}),
    (None, mrc((96, 160, 192), voxel=12, space_group=0, mz=1, **SMALL), {}),
    (None, mrc((96, 160, 192), voxel=12, space_group=401, **SMALL), {}),
    (None, mrc((64, 160, 192), voxel=12, space_group=1, mz=128, **SMALL), {}),
    (TiltStack, mrc((41, 64, 64), voxel=2, space_group=1, **SMALL), {"TS.rawtlt": 41}),
    (None, mrc((61, 64, 64), voxel=20, space_group=1, **SMALL), {"TS.rawtlt": 61}),
    (None, mrc((3, 64, 64), voxel=3, space_group=1, **SMALL), {"TS_01.rawtlt": 3}),
]


def own(tilts):
    return {name: count for name, count in tilts.items() if name.startswith("TS_01.")}


def others(tilts):
    return {name: count for name, count in tilts.items() if not name.startswith("TS_01.")}


@pytest.mark.parametrize(("kind", "data", "tilts"), TABLE)
def test_a_stack_is_distinguished_from_a_tomogram(kind, data, tilts):
    header = parse_header(io.BytesIO(data), PATH)
    with pytest.raises(kind, match=r"^TS_01.mrc is a stack of ") if kind else nullcontext():
        refuse_volumes(header, PATH)
        refuse_images(header, PATH, *(pick(tilts) for pick in (own, others)))
