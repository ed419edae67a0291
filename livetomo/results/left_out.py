"""A tomogram that an export goes without, and why: the others are written all the same."""

from dataclasses import dataclass

from livetomo.core.errors import LivetomoError


@dataclass(frozen=True, slots=True)
class LeftOut:
    """tomogram: its name, or that of its folder if no more is known."""

    tomogram: str
    fault: LivetomoError


def refuse(left_out: LeftOut) -> None:
    """For those who do not want to go without any."""
    raise left_out.fault
