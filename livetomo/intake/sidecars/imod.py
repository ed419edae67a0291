"""IMOD's .tlt, .rawtlt and .xtilt (degrees), .xf (transforms) and tilt.com (how it was reconstructed)."""

import math
from collections.abc import Iterator

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, measured, median, number, rows, tidy, tilt_range


def read_tilts(text: str) -> SidecarFacts:
    """One angle a line."""
    return tilt_range([row[0] for row in rows(text.splitlines(), 1)])


def read_xtilt(text: str) -> SidecarFacts:
    """The tilt around X of each view, one a line."""
    angles = [row[0] for row in rows(text.splitlines(), 1)]
    if not angles:
        raise NotUnderstood("no angles in it")
    return SidecarFacts(x_tilt_degrees=tidy(median(angles)))


def read_xf(text: str) -> SidecarFacts:
    """A matrix (A11 A12 A21 A22) and a shift (DX DY, unbinned pixels) for each view."""
    table = list(rows(text.splitlines(), 6))
    if not table:
        raise NotUnderstood("no transform in it")
    # The transform turns the tilt axis onto Y.
    axis = median(math.degrees(math.atan2(row[1], row[0])) for row in table)
    shift = max(math.hypot(row[4], row[5]) for row in table)
    return SidecarFacts(tilt_axis_degrees=tidy(axis), global_shift_pixels=tidy(shift), tilt_count=len(table))


def read_tilt_com(text: str) -> SidecarFacts:
    """Unbinned image size, binning and reconstructed thickness."""
    words = settings(text)
    size = [int(value) for word in words.get("FULLIMAGE", "").split() if (value := number(word))]
    facts = SidecarFacts(
        raw_size_xy=tuple(size) if len(size) == 2 else None,
        binning=measured(words.get("IMAGEBINNED", "")),
        reconstructed_thickness_pixels=measured(words.get("THICKNESS", "")),
    )
    if not facts:
        raise NotUnderstood("neither FULLIMAGE nor IMAGEBINNED nor THICKNESS in it")
    return facts


def tilt_com_is_of(text: str, root: str) -> bool:
    """Whether it reconstructs the data set `root`: a folder may hold several, and only one tilt.com."""
    return _output(text) in [root + ending for ending in ("_full_rec.mrc", "_full.rec", "_rec.mrc", ".rec")]


def read_newst_com(text: str) -> SidecarFacts:
    """By how much the aligned stack is binned, of which the volume is made."""
    if binning := measured(settings(text).get("BINBYFACTOR", "")):
        return SidecarFacts(binning=binning)
    raise NotUnderstood("no BinByFactor in it")


def newst_com_is_of(text: str, root: str) -> bool:
    """Whether it aligns the data set `root`, as `tilt_com_is_of`."""
    return _output(text) in (f"{root}_ali.mrc", f"{root}.ali")


def settings(text: str) -> dict[str, str]:
    """The last value of each key, keys in upper case."""
    return {key.upper(): value for key, value in com_lines(text)}


def _output(text: str) -> str | None:
    """What the first program that says so writes."""
    return next((value for key, value in com_lines(text) if key.upper() == "OUTPUTFILE"), None)


def com_lines(text: str) -> Iterator[tuple[str, str]]:
    """Each line's first word, and what follows it after blanks or tabs."""
    for line in text.splitlines():
        key, *value = line.split(maxsplit=1)[:2] or [""]
        yield key, "".join(value).strip()
