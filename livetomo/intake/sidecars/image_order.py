"""In which order the images of a tilt series were taken, and the dose before each: by its mdoc."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from livetomo.core.tilt_views import Column
from livetomo.intake.sidecars.mdoc import AcquiredImage
from livetomo.intake.sidecars.numbers import NotUnderstood, tidy

SAME_TILT_DEGREES = 0.05  # they are written with two digits


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """By section of the stack: how many images were taken before, and the dose before, e/Å²; empty if not known."""

    before: tuple[int, ...]
    pre_exposure: Column


def order_of_mdoc(taken: Sequence[AcquiredImage], rank: Sequence[int], tilts: Mapping[int, float]) -> ImageOrder | None:
    """By the mdoc's times; None where it does not have them all.

    rank: of each section among the tilts, the lowest first. tilts: of the stage, by section, where they are known.

    Raises:
        NotUnderstood: the mdoc has other images than the stack.
    """
    if len(taken) != len(rank):
        raise NotUnderstood(f"the mdoc has {len(taken)} images, and the stack {len(rank)}")
    by_tilt = sorted(taken, key=lambda one: one.tilt_degrees)
    images = [by_tilt[place] for place in rank]
    for section, tilt in tilts.items():
        if abs(images[section].tilt_degrees - tilt) > SAME_TILT_DEGREES:
            other = images[section].tilt_degrees
            raise NotUnderstood(
                f"image {section + 1} of the stack is tilted by {tilt:g} degrees, in the mdoc by {other:g}"
            )
    times = sorted({one.time for one in images if one.time is not None})
    if len(times) != len(images):
        return None
    before = tuple(times.index(one.time) for one in images if one.time is not None)
    return ImageOrder(before, accumulated(before, [one.dose or 0.0 for one in images]))


def accumulated(before: Sequence[int], doses: Sequence[float]) -> Column:
    """The dose before each image; nothing where some image has none."""
    if len(doses) != len(before) or min(doses, default=0.0) <= 0:
        return ()
    in_order = [dose for _, dose in sorted(zip(before, doses, strict=True))]
    until = [0.0, *accumulate(in_order)]
    return tuple(tidy(until[place]) for place in before)
