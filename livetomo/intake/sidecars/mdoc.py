"""SerialEM's and Tomo5's .mdoc: what the acquisition did. Its dose and rotation are not always to be trusted."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from livetomo.intake.sidecars.numbers import NotUnderstood, mean, number, tidy, tilt_range

ACQUISITION = "acquisition_digest"

_SLASHES = re.compile(r"[\\/]")
_SECTION = re.compile(r"\[\s*(ZValue|FrameSet|MontSection)\s*=\s*-?\d+\s*\]", re.IGNORECASE)
_TITLE_AXIS = re.compile(r"Tilt axis angle\s*=\s*(-?[0-9.]+)", re.IGNORECASE)


def read_mdoc(text: str) -> dict[str, Any]:
    """Tilts, dose, tilt axis, pixel size, target defocus; without what is absent, or 0 where 0 cannot be."""
    sections = list(_sections(text))
    head, tilts = sections[0], [section for section in sections[1:] if "tiltangle" in section]
    if not tilts:
        raise NotUnderstood("no section with a TiltAngle")
    facts: dict[str, Any] = tilt_range([angle for one in tilts if (angle := number(one["tiltangle"])) is not None])
    pixels = [value for one in (*tilts, head) if (value := number(one.get("pixelspacing", "")))]
    if pixels:
        facts["acquisition_pixel_size_angstrom"] = tidy(pixels[0])
    if (size := head.get("imagesize") or tilts[0].get("imagesize")) and len(size.split()) == 2:
        facts["acquisition_image_size_xy"] = [int(number(word) or 0) for word in size.split()]
    if voltage := number(head.get("voltage", "") or tilts[0].get("voltage", "")):
        facts["voltage_kilovolt"] = tidy(voltage)
    doses = [value for one in tilts if (value := number(one.get("exposuredose", "")))]
    if len(doses) == len(tilts):
        facts["total_dose_electrons_per_angstrom2"] = tidy(sum(doses))
    targets = [value for one in tilts if (value := number(one.get("targetdefocus", "")))]
    if targets:
        facts["target_defocus_angstrom"] = tidy(abs(mean(targets)) * 1e4)
    if axis := _TITLE_AXIS.search(text):
        # RotationAngle has another zero, and is wrong in some Tomo5 files; the title is what the operator calibrated.
        facts["tilt_axis_degrees"] = tidy(float(axis[1]))
    if acquired := acquisition(tilts):
        facts[ACQUISITION] = acquired
    return facts


def acquisition(tilts: Iterable[Mapping[str, str]]) -> str:
    """A digest of when each image was taken and to which file it went, whatever was changed in the mdoc since.

    No two series have the same; empty where the mdoc says neither.
    """
    images = [(one.get("datetime", ""), _SLASHES.split(one.get("subframepath", ""))[-1]) for one in tilts]
    known = sorted(f"{time} {name}" for time, name in images if time or name)
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16] if known else ""


def _sections(text: str) -> Iterator[dict[str, str]]:
    """The head, then each image's section, keys in lower case; the last value of a key counts."""
    section: dict[str, str] = {}
    for line in text.splitlines():
        if _SECTION.match(line.strip()):
            yield section
            section = {}
            continue
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith(("[", "T ")):
            section[key.strip().lower()] = value.strip()
    yield section
