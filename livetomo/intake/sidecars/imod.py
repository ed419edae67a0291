"""IMOD's .tlt, .rawtlt and .xtilt (degrees), .xf (transforms) and tilt.com (how it was reconstructed)."""

import math
from typing import Any

from livetomo.intake.sidecars.numbers import NotUnderstood, median, number, rows, tidy, tilt_range


def read_tilts(text: str) -> dict[str, Any]:
    """One angle a line."""
    return dict(tilt_range([row[0] for row in rows(text.splitlines(), 1)]))


def read_xtilt(text: str) -> dict[str, Any]:
    """The tilt around X of each view, one a line."""
    angles = [row[0] for row in rows(text.splitlines(), 1)]
    if not angles:
        raise NotUnderstood("no angles in it")
    return {"x_tilt_degrees": tidy(median(angles))}


def read_xf(text: str) -> dict[str, Any]:
    """A matrix (A11 A12 A21 A22) and a shift (DX DY, unbinned pixels) for each view."""
    table = list(rows(text.splitlines(), 6))
    if not table:
        raise NotUnderstood("no transform in it")
    # The transform turns the tilt axis onto Y.
    axis = median(math.degrees(math.atan2(row[1], row[0])) for row in table)
    shift = max(math.hypot(row[4], row[5]) for row in table)
    return {"tilt_axis_degrees": tidy(axis), "global_shift_pixels": tidy(shift), "tilt_count": len(table)}


def read_tilt_com(text: str) -> dict[str, Any]:
    """Unbinned image size, binning and reconstructed thickness."""
    words = {key.upper(): value for key, _, value in (line.strip().partition(" ") for line in text.splitlines())}
    facts: dict[str, Any] = {}
    size = [int(value) for word in words.get("FULLIMAGE", "").split() if (value := number(word))]
    if len(size) == 2:
        facts["raw_size_xy"] = size
    if binning := number(words.get("IMAGEBINNED", "")):
        facts["binning"] = tidy(binning)
    if thickness := number(words.get("THICKNESS", "")):
        facts["reconstructed_thickness_pixels"] = tidy(thickness)
    if not facts:
        raise NotUnderstood("neither FULLIMAGE nor IMAGEBINNED nor THICKNESS in it")
    return facts


def tilt_com_is_of(text: str, root: str) -> bool:
    """Whether it reconstructs the data set `root`: a folder may hold several, and only one tilt.com."""
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key.upper() == "OUTPUTFILE":
            name = value.strip()
            return any(name == root + ending for ending in ("_full_rec.mrc", "_full.rec", "_rec.mrc", ".rec"))
    return False


def read_newst_com(text: str) -> dict[str, Any]:
    """By how much the aligned stack is binned, of which the volume is made."""
    words = {key.upper(): value for key, _, value in (line.strip().partition(" ") for line in text.splitlines())}
    if binning := number(words.get("BINBYFACTOR", "")):
        return {"binning": tidy(binning)}
    raise NotUnderstood("no BinByFactor in it")


def newst_com_is_of(text: str, root: str) -> bool:
    """Whether it aligns the data set `root`, as `tilt_com_is_of`."""
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key.upper() == "OUTPUTFILE":
            return value.strip() in (f"{root}_ali.mrc", f"{root}.ali")
    return False
