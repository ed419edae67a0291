"""What the producer and its sidecars say of a tomogram, judged by published limits."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from livetomo.quality import Quality, Verdict

Facts = Mapping[str, Any]
Judge = Callable[[float], tuple[Verdict, str]]
_GOOD: tuple[Verdict, str] = ("good", "")


@dataclass(frozen=True, slots=True)
class _Figure:
    """name, unit: as told. value: from the facts; None where they do not say. judge: the verdict and its reason."""

    name: str
    unit: str
    value: Callable[[Facts], float | None]
    judge: Judge = lambda value: _GOOD


def metadata_figures(facts: Facts) -> list[Quality]:
    """Every figure that `facts`, an order's metadata, speak of; those they do not speak of are left out.

    The limits are those by which DenoisET (denoiset/curation.py) chooses tomograms, where it has one; a value beyond
    is worth a look and no more. What they mean, and where the others come from, is in docs/quality.md.
    """
    figures = [quality for figure in _FIGURES if (quality := _quality(figure, facts)) is not None]
    return figures + _bad_patches(facts)


def _quality(figure: _Figure, facts: Facts) -> Quality | None:
    value = figure.value(facts)
    if value is None:
        return None
    verdict, reason = figure.judge(value)
    return Quality(figure.name, value, figure.unit, verdict, reason)


def _number(facts: Facts, key: str, scale: float = 1.0) -> float | None:
    value = facts.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value * scale


def _fact(key: str, scale: float = 1.0) -> Callable[[Facts], float | None]:
    return lambda facts: _number(facts, key, scale)


def _at_most(limit: float, reason: str, *, bad_above: float = math.inf) -> Judge:
    return lambda value: ("bad" if value > bad_above else "warn", reason) if value > limit else _GOOD


def _at_least(limit: float, reason: str) -> Judge:
    return lambda value: ("warn", reason) if value < limit else _GOOD


def _thickness(value: float) -> tuple[Verdict, str]:
    if value < 1000:
        return "warn", "the alignment found hardly any specimen: it is empty there, or the fit failed"
    return _at_most(3000, "so thick a specimen holds little detail", bad_above=5000)(value)


def _defocus(value: float) -> tuple[Verdict, str]:
    if not 1 <= value <= 8:
        return "warn", "hardly anybody aims there: the fit may have failed"
    return _GOOD


def _defocus_error(facts: Facts) -> float | None:
    found, target = _number(facts, "defocus_angstrom"), _number(facts, "target_defocus_angstrom")
    return None if found is None or target is None else (abs(found) - abs(target)) * 1e-4


def _tilt_range(facts: Facts) -> float | None:
    low, high = _number(facts, "tilt_min_degrees"), _number(facts, "tilt_max_degrees")
    return None if low is None or high is None else high - low


def _tilts_used_share(facts: Facts) -> float | None:
    used, dark = _number(facts, "tilt_count"), _number(facts, "dark_tilt_count")
    taken = _number(facts, "raw_tilt_count")
    if used is None or (taken is None and dark is None):
        return None
    return used / max(taken or 0, used + (dark or 0), 1)


_FIGURES = (
    _Figure("declared_thickness", "Å", _fact("thickness_angstrom"), _thickness),
    _Figure("tilt_axis", "°", _fact("tilt_axis_degrees")),
    _Figure(
        "global_shift",
        "Å",
        _fact("global_shift_angstrom"),
        _at_most(750, "a view was moved so far that the alignment is in doubt"),
    ),
    _Figure(
        "ctf_resolution",
        "Å",
        _fact("ctf_resolution_angstrom"),
        _at_most(20, "Thon rings are fitted to no better than that", bad_above=40),
    ),
    _Figure("ctf_score", "", _fact("ctf_score"), _at_least(0.05, "the CTF's fit hardly follows the Thon rings")),
    _Figure("defocus", "µm", _fact("defocus_angstrom", 1e-4), _defocus),
    _Figure(
        "defocus_error",
        "µm",
        _defocus_error,
        lambda error: _GOOD if abs(error) <= 2 else ("warn", "the defocus is not where it was aimed at"),
    ),
    _Figure("tilt_range", "°", _tilt_range, _at_least(80, "so few angles leave a wide missing wedge")),
    _Figure("used_tilts", "tilts", _fact("tilt_count")),
    _Figure("used_tilts_share", "", _tilts_used_share, _at_least(0.8, "many views are dark or were dropped")),
)
_PATCHES = (
    ("bad_patches_low_tilt", "bad_patch_low_tilt_fraction", 0.05),
    ("bad_patches", "bad_patch_fraction", 0.10),
)


def _bad_patches(facts: Facts) -> list[Quality]:
    """AreTomo3 says 0 both for nothing bad and for nothing looked at: only with its patches' number is 0 a figure."""
    patches = _number(facts, "patches")
    sidecars = facts.get("sidecars")
    aligned = isinstance(sidecars, Mapping) and "AreTomo3 metrics" in sidecars.values()
    figures = []
    for name, key, limit in _PATCHES:
        value = _number(facts, key)
        if patches == 0 and (aligned or value is not None):
            figures.append(Quality(name, None, "", "missing", "no patches were asked for"))
        elif value is None and aligned:
            figures.append(
                Quality(name, 0.0, "")
                if patches
                else Quality(name, None, "", "missing", "no patch is bad, or none was asked for")
            )
        elif value is not None:
            verdict, reason = _at_most(limit, f"{value:.0%} of the patches could not be aligned", bad_above=0.5)(value)
            figures.append(Quality(name, value, "", verdict, reason))
    return figures
