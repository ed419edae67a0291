"""SerialEM's and Tomo5's .mdoc: what the acquisition did. Its dose and rotation are not always to be trusted."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, mean, measured, number, tidy, tilt_range

_SLASHES = re.compile(r"[\\/]")
_SECTION = re.compile(r"\[\s*(ZValue|FrameSet|MontSection)\s*=\s*-?\d+\s*\]", re.IGNORECASE)
_TIMES = ("%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%Y-%b-%d %H:%M:%S")
_TITLE_AXIS = re.compile(r"Tilt axis angle\s*=\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)


def read_mdoc(text: str) -> SidecarFacts:
    """Tilts, dose, tilt axis, pixel size, target defocus; without what is absent, or 0 where 0 cannot be."""
    sections = list(_sections(text))
    head, tilts = sections[0], [section for section in sections[1:] if "tiltangle" in section]
    if not tilts:
        raise NotUnderstood("no section with a TiltAngle")
    pixels = [value for one in (*tilts, head) if (value := measured(one.get("pixelspacing", "")))]
    size = (head.get("imagesize") or tilts[0].get("imagesize") or "").split()
    doses = [value for one in tilts if (value := number(one.get("exposuredose", "")))]
    targets = [value for one in tilts if (value := number(one.get("targetdefocus", "")))]
    # RotationAngle has another zero, and is wrong in some Tomo5 files; the title is what the operator calibrated.
    axis = _TITLE_AXIS.search(text)
    return tilt_range([angle for one in tilts if (angle := number(one["tiltangle"])) is not None]) | SidecarFacts(
        acquisition_pixel_size_angstrom=pixels[0] if pixels else None,
        acquisition_image_size_xy=tuple(int(number(word) or 0) for word in size) if len(size) == 2 else None,
        voltage_kilovolt=measured(head.get("voltage", "") or tilts[0].get("voltage", "")),
        total_dose_electrons_per_angstrom2=tidy(sum(doses)) if len(doses) == len(tilts) else None,
        target_defocus_angstrom=tidy(abs(mean(targets)) * 1e4) if targets else None,
        tilt_axis_degrees=measured(axis[1], may_be_zero=True) if axis else None,
        acquisition_digest=acquisition(tilts),
    )


@dataclass(frozen=True, slots=True)
class AcquiredImage:
    """An image of a tilt series as it was taken. dose: in e/Å²; time: on the microscope's clock; None if not said."""

    tilt_degrees: float
    dose: float | None
    time: datetime | None


def acquired_images(text: str) -> list[AcquiredImage]:
    """Every image that has a tilt, in the order of the mdoc."""
    return [
        AcquiredImage(tilt, measured(one.get("exposuredose", "")), _time(one.get("datetime", "")))
        for one in _sections(text)
        if (tilt := number(one.get("tiltangle", ""))) is not None
    ]


def _time(text: str) -> datetime | None:
    for form in _TIMES:
        try:
            return datetime.strptime(" ".join(text.split()), form)  # without a zone: only the order counts
        except ValueError:
            continue
    return None


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
