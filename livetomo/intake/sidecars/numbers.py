"""Numbers in text that people and programs have written in many ways."""

from collections.abc import Iterable, Iterator

from livetomo.core.sidecar_facts import SidecarFacts

_BOUND = 1e12  # beyond what anything here can be, so a sign of damage; squares and sums of what is below stay finite


class NotUnderstood(ValueError):
    """The file is not what its name says, or says nothing."""


def number(text: str) -> float | None:
    """A number of a size that a measurement can have, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < _BOUND else None


def measured(text: str, *, unit: float = 1.0, may_be_zero: bool = False) -> float | None:
    """So many units, tidied; None where the text is no number, or says 0 where that means "not known"."""
    value = number(text)
    return None if value is None or not (value or may_be_zero) else tidy(value * unit)


def rows(lines: Iterable[str], columns: int) -> Iterator[list[float]]:
    """The lines that hold at least `columns` numbers and begin with them; others are headings, comments or damage."""
    for line in lines:
        values = [number(word) for word in line.split()[: max(columns, 16)]]
        numbers = values[: values.index(None)] if None in values else values
        if len(numbers) >= columns:
            yield [value for value in numbers if value is not None]


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean of at least one value."""
    known = list(values)
    return sum(known) / len(known)


def median(values: Iterable[float]) -> float:
    """The median of at least one value; the lower of two in the middle."""
    known = sorted(values)
    return known[(len(known) - 1) // 2]


def tidy(value: float) -> float:
    """Without the noise of binary arithmetic, so that the same file gives the same metadata everywhere."""
    return float(f"{value:.6g}")


def tilt_range(tilts: list[float]) -> SidecarFacts:
    """What a tilt series' angles say, in degrees."""
    if not tilts:
        raise NotUnderstood("no tilt angles in it")
    return SidecarFacts(tilt_min_degrees=tidy(min(tilts)), tilt_max_degrees=tidy(max(tilts)), tilt_count=len(tilts))
