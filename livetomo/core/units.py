"""Numbers with their units as a person writes them: "20s", "5min", "1.5h", "50GB"; lengths are in Å."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from livetomo.core.voxel_size import possible

_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _parse(value: Any, units: Mapping[str, float], example: str) -> Any:
    if isinstance(value, bool):  # which pydantic would take for a number
        raise ValueError(f'write a duration or size like "{example}"')
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]+)\s*", value)
    if match is None or match[2] not in units:
        raise ValueError(f'write a number and one of {", ".join(units)}, like "{example}"')
    return float(match[1]) * units[match[2]]


_Amount = Field(ge=0, allow_inf_nan=False)
as_seconds = BeforeValidator(lambda value: _parse(value, _SECONDS, "20s"))
as_bytes = BeforeValidator(lambda value: _parse(value, _BYTES, "50GB"))
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
as_voxel_size = AfterValidator(possible)
VoxelSize = Annotated[Number, as_voxel_size]
Seconds = Annotated[float, as_seconds, _Amount]
Bytes = Annotated[float, as_bytes, _Amount]


def _whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a whole number")
    return value


whole_number = BeforeValidator(_whole)


def written_seconds(seconds: float) -> str:
    """A duration as a person would write it in a file: `20s`, `10min`, `1h`."""
    unit = next((unit for unit in ("d", "h", "min") if seconds and seconds % _SECONDS[unit] == 0), "s")
    return f"{seconds / _SECONDS[unit]:.3f}".rstrip("0").rstrip(".") + unit


def written_bytes(size: float) -> str:
    """A size as a person would write it in a file: `2GB`, `1500MB`."""
    unit = next((unit for unit in ("TB", "GB", "MB", "kB") if size and size % _BYTES[unit] == 0), "B")
    return f"{size / _BYTES[unit]:.0f}{unit}"


def spoken_seconds(seconds: float) -> str:
    """A duration as a person would say it: `12 s`, `3 min`, `5 h`, `2 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
