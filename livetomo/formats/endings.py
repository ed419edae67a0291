"""What a file's name, or its first bytes, say of its format: a volume, compressed or not, or something else."""

from collections.abc import Mapping
from itertools import product

COMPRESSED = (".gz", ".bz2")
VOLUMES = (".mrc", ".rec")
REWRITTEN = (
    *COMPRESSED,
    *(f".{''.join(name)}" for one in VOLUMES for name in product(*zip(one[1:], one[1:].upper(), strict=True))),
)
"""Endings of names that `plain_path` may change: a cheap test for what need not be asked of it."""
STACKS = (".st", ".mrcs", ".ali", ".preali")
STORES = (".zarr", ".n5")
"""Endings of folders that hold one volume in many files."""

_HDF = ("an HDF file, as EMAN2 writes them", "Convert it: e2proc3d.py NAME.hdf NAME.mrc")
_TIFF = ("a TIFF file", "Convert it, if it is a volume: tif2mrc NAME.tif NAME.mrc (IMOD)")
_ZARR = (
    "a Zarr folder, as the CryoET Data Portal and copick have them",
    "Convert it, in Python: mrcfile.write('NAME.mrc', zarr.open('NAME.zarr')['0'][:], voxel_size=…)",
)
_EM = ("an EM file, as Dynamo and TOM write them", "Convert it: e2proc3d.py NAME.em NAME.mrc (EMAN2)")
_STACK = ("a tilt stack, by its ending", "Give the volume that is reconstructed from it.")
_MAP = ("a map", "Most maps are MRC files: a watch takes them by a pattern that ends so, livetomo process takes them.")
_OLDER = ("IMOD's copy of an older version, by its ending", "Give it a name without the ~.")
_PACKED = ("compressed in a way that is not read", "Decompress it; .gz and .bz2 are read as they are.")

OTHERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys((".hdf", ".hdf5", ".h5"), _HDF),
    **dict.fromkeys((".tif", ".tiff"), _TIFF),
    **dict.fromkeys(STORES, _ZARR),
    **dict.fromkeys((".em",), _EM),
    **dict.fromkeys(STACKS, _STACK),
    **dict.fromkeys((".map", ".ccp4"), _MAP),
    **dict.fromkeys((".mrc~", ".rec~", ".st~"), _OLDER),
    **{f"{volume}{packed}": _PACKED for volume in VOLUMES for packed in (".xz", ".zst", ".zip")},
}
"""Endings, in lower case, of what may hold a volume and is not taken: what it is, and what to do."""

_CONTENTS = (
    (b"\x89HDF\r\n\x1a\n", _HDF),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"\xfd7zXZ\0", _PACKED),
    (b"\x28\xb5\x2f\xfd", _PACKED),
    (b"PK\x03\x04", _PACKED),
)


def plain_path(path: str) -> str:
    """`path` as it would be called without compression, and with the ending of a volume in lower case."""
    if path.endswith(VOLUMES):
        return path
    plain = path.removesuffix(".gz").removesuffix(".bz2")
    return plain[:-4] + plain[-4:].lower() if plain[-4:].lower() in VOLUMES else plain


def packed(path: str) -> list[str]:
    """What `path` is called when it is compressed."""
    return [path + ending for ending in COMPRESSED]


def stem(name: str) -> str:
    """The name of a volume's file without its ending, and without that of its compression."""
    plain = plain_path(name)
    return plain.rpartition(".")[0] or plain


def by_ending(name: str) -> tuple[str, str] | None:
    """What a file or folder of this name is that livetomo does not take, and what to do; None where it may be taken."""
    lower = name.lower().removesuffix(".gz").removesuffix(".bz2")
    return next((kind for ending, kind in OTHERS.items() if lower.endswith(ending)), None)


def by_content(block: bytes) -> tuple[str, str] | None:
    """As `by_ending`, by the first bytes of a file; None where they are of none of these formats."""
    return next((kind for magic, kind in _CONTENTS if block.startswith(magic)), None)
