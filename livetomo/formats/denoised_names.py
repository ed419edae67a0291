"""Where programs write the denoised volume of a tomogram, and what they call it."""

from collections.abc import Iterator
from pathlib import Path

from livetomo.formats.endings import stem

FOLDERS = (
    "denoised",  # Warp's Noise2Map and WarpTools' ts_apply_denoiser
    "denoiset",  # DenoisET writes the tomogram's own name, into a folder of one's choice
    "cryocare",  # cryoCARE writes the name of the even half-map, into a folder of one's choice
    "topaz",
    "isonet",
    "corrected_tomos",  # IsoNet
    "corrected",
)
SUFFIXES = (
    ".denoised",  # cryoem-services
    "_denoised",
    "_corrected",  # IsoNet
)


def denoised_places(tomogram: Path, *, beside_folder: bool) -> Iterator[Path]:
    """Where the denoised volume of a tomogram may lie, likeliest first: in its folder, and in folders called as above.

    Such a folder lies in that of the tomogram, or (`beside_folder`) next to it.
    """
    folder, name = tomogram.parent, stem(tomogram.name)
    for suffix in SUFFIXES:
        yield folder / f"{name}{suffix}.mrc"
    for place in (folder, *([folder.parent] if beside_folder else [])):
        for word in FOLDERS:
            if place / word != folder:
                yield from (place / word / f"{name}{suffix}.mrc" for suffix in ("", *SUFFIXES))
