"""Whether the voxels of a volume are stored in another byte order than its header is, by what their values are like."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from livetomo.core.evidence import Evidence
from livetomo.formats.mrc import Volume

_SECTIONS, _MOST_EXTENT = 4, 512
_LEAST_VALUES = 256
# Of each kind of float: its bits below the exponent, the exponent's own, how far exponents lie apart where the bytes
# are wrong (then they are as good as random) and where they are right, and whether many steps of the least number there
# is are a sign, too: half precision may need them.
_FLOATS = {4: (23, 8, 80, 40, True), 2: (10, 5, 24, 10, False)}
_ORDINARY = (60, 194)  # exponents of 1e-20 and 1e20 in single precision
_FLAT_BITS, _LEAST_BITS, _MOST_SPREAD = 7.8, 0.3, 128
_ROUGHER = 0.9


def settled_order(volume: Volume) -> Volume:
    """The volume, its bytes swapped in place (a copy would need its memory again) where that is clearly right.

    A header and its voxels may come from two machines, or from a program that has swapped the one alone. A few sections
    are looked at. Where the values do not say it clearly, they stay as the header says.
    """
    voxels = volume.voxels
    sample = _sample(voxels)
    if np.count_nonzero(sample) < _LEAST_VALUES or not _is_swapped(sample):
        return volume
    voxels.byteswap(inplace=True)
    found = "little-endian" if volume.header.byte_order == ">" else "big-endian"
    warning = f"Byte order: the header is not {found}, but the voxels make sense {found} alone; they are read so."
    header = volume.header
    said = Evidence("byte_order", found, "values", warning)
    return Volume(voxels, replace(header, evidence=(*header.evidence, said), warnings=(*header.warnings, warning)))


def _sample(voxels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """A few sections that lie evenly spread, and of each no more than its middle."""
    step = max(1, len(voxels) // _SECTIONS)
    middle = tuple(slice(max(0, (n - _MOST_EXTENT) // 2), (n + _MOST_EXTENT) // 2) for n in voxels.shape[1:])
    return np.ascontiguousarray(voxels[(slice(step // 2, None, step), *middle)])


def _is_swapped(sample: npt.NDArray[np.generic]) -> bool:
    if sample.dtype.kind == "f":
        return _floats_are_swapped(sample)
    return sample.dtype.itemsize == 2 and _integers_are_swapped(sample)


def _floats_are_swapped(sample: npt.NDArray[np.generic]) -> bool:
    """Numbers of one measurement have similar exponents; bytes in the wrong order have any, or none."""
    below, size, apart, together, may_be_least = _FLOATS[sample.dtype.itemsize]

    def exponents(values: npt.NDArray[np.generic]) -> tuple[float, float, float]:
        bits = values.view(f"u{values.dtype.itemsize}").ravel()
        low, middle, high = np.percentile((bits[bits != 0] >> below) & (2**size - 1), (5, 50, 95))
        return float(low), float(middle), float(high)

    low, _, high = exponents(sample)
    if high - low < apart and not (may_be_least and high <= 2):
        return False
    low, middle, high = exponents(sample.byteswap())
    is_ordinary = not may_be_least or _ORDINARY[0] <= middle <= _ORDINARY[1]
    return is_ordinary and high - low <= together


def _integers_are_swapped(sample: npt.NDArray[np.generic]) -> bool:
    """High bytes of one measurement are alike and low bytes are not; neighbours are no more alike the wrong way."""
    high, low = (sample.view("u2") >> 8).astype(np.uint8), sample.view("u2").astype(np.uint8)
    if _bits(high) < _FLAT_BITS or _bits(low) < _LEAST_BITS:
        return False
    spread = min(np.ptp(np.percentile(low.view(kind), (1, 99))) for kind in ("u1", "i1"))
    return bool(spread <= _MOST_SPREAD) and _roughness(sample) > _ROUGHER * _roughness(sample.byteswap())


def _bits(values: npt.NDArray[np.uint8]) -> float:
    """The entropy of bytes: 8 where all are equally frequent, 0 where all are the same."""
    share = np.bincount(values.ravel(), minlength=256) / values.size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def _roughness(sample: npt.NDArray[np.generic]) -> float:
    """The mean square of steps between neighbours in a row, by twice the variance: 1 for noise, less where smooth."""
    values = sample.astype(np.float32)
    return float(np.square(np.diff(values, axis=-1)).mean() / (2 * max(float(values.var()), 1e-12)))
