"""Whether the integers of a volume are signed, by where its values would wrap round: headers are often wrong."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from livetomo.core.evidence import Evidence
from livetomo.formats.mrc import Volume
from livetomo.formats.mrc_header import MrcHeader

_MOST_SAMPLED = 2**21
_CLEAR = 4.0
_CERTAIN = 20.0
_LEAST_SHARE = 1e-3
_MODES = (0, 1, 6)
_REACH = 9  # of 256 classes of values


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
