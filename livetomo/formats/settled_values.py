"""Whether voxels are stored in another byte order, or signedness, than their header says, by what they are like."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from livetomo.core.evidence import Evidence
from livetomo.formats.mrc import Volume
from livetomo.formats.mrc_header import MrcHeader

_SECTIONS, _MOST_EXTENT = 4, 512
_LEAST_VALUES = 256
# Of each kind of float: its bits below the exponent, the exponent's own, how far exponents lie apart where the bytes
# are wrong (then they are as good as random) and where they are right, and whether many steps of the least number there
# is are a sign, too: half precision may need them.
_FLOATS = {4: (23, 8, 80, 40, True), 2: (10, 5, 24, 10, False)}
_ORDINARY = (60, 194)  # exponents of 1e-20 and 1e20 in single precision
_FLAT_BITS, _LEAST_BITS, _MOST_SPREAD = 7.8, 0.3, 128
_ROUGHER = 0.9
_MOST_SAMPLED = 2**21
_CLEAR = 4.0
_CERTAIN = 20.0
_LEAST_SHARE = 1e-3
_MODES = (0, 1, 6)
_REACH = 9  # of 256 classes of values


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


@dataclass(frozen=True, slots=True)
class Crossing:
    """How much of the values lies on both sides of the place where a reading wraps round, as shares.

    unsigned: at 0 and the highest, where an unsigned reading tears signed values apart. signed: in the middle.
    """

    unsigned: float
    signed: float

    def says(self, ratio: float) -> bool | None:
        """True where the values are signed, False where not; None where they do not say it `ratio` times over."""
        if self.unsigned > ratio * self.signed + _LEAST_SHARE:
            return True
        return False if self.signed > ratio * self.unsigned + _LEAST_SHARE else None


def settled_signs(volume: Volume) -> Volume:
    """The volume with its integers read as its values show them to be; where they do not, as its header says.

    Values are spread round one place. Read wrongly they are torn in two: many just above the lowest possible value and
    many just below the highest. The extreme values themselves do not count, as clipping puts many there.
    """
    header = volume.header
    if header.mode not in _MODES:
        return volume
    declared_signed = header.mode == 1 or (header.mode == 0 and not header.unsigned_bytes)
    is_said = header.mode != 0 or header.imod_stamp
    found = _crossing(volume.voxels).says(_CERTAIN if is_said else _CLEAR)
    if found is None or found == declared_signed:
        source = "values" if found is not None else _who(header)
        return _with(volume, declared_signed, source)
    bits = volume.voxels.dtype.itemsize * 8
    read = volume.voxels.view(f"{'i' if found else 'u'}{bits // 8}")
    warning = ""
    if is_said:
        warning = (
            f"Signedness: the {_who(header)} says that the values are {_word(declared_signed)}, which would tear them "
            f"apart; they are read as {_word(found)}."
        )
    return _with(Volume(read, header), found, "values", warning)


def _crossing(voxels: npt.NDArray[np.generic]) -> Crossing:
    bits = voxels.dtype.itemsize * 8
    thin = max(1, round((voxels.size / _MOST_SAMPLED) ** (1 / 3)))
    sample = np.ascontiguousarray(voxels[::thin, ::thin, ::thin]).view(f"u{bits // 8}").ravel()
    counts = np.bincount(sample >> (bits - 8), minlength=256).astype(np.float64)
    for extreme in (0, 2 ** (bits - 1) - 1, 2 ** (bits - 1), 2**bits - 1):
        counts[extreme >> (bits - 8)] -= np.count_nonzero(sample == extreme)
    total = max(1.0, float(sample.size))
    above, below = counts[:_REACH].sum(), counts[-_REACH:].sum()
    up, down = counts[128 : 128 + _REACH].sum(), counts[128 - _REACH : 128].sum()
    return Crossing(float(min(above, below)) / total, float(min(up, down)) / total)


def _who(header: MrcHeader) -> str:
    if header.mode != 0:
        return "header"
    return "flag of IMOD" if header.imod_stamp else "standard"


def _word(is_signed: bool) -> str:
    return "signed" if is_signed else "unsigned"


def _with(volume: Volume, is_signed: bool, source: str, warning: str = "") -> Volume:
    header = volume.header
    said = Evidence("signedness", _word(is_signed), source, warning)
    return Volume(
        volume.voxels,
        replace(
            header,
            unsigned_bytes=header.mode == 0 and not is_signed,
            evidence=(*header.evidence, said),
            warnings=(*header.warnings, warning) if warning else header.warnings,
        ),
    )
