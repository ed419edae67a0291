"""AreTomo's .aln (alignment), _TLT.txt (tilt, acquisition index, dose), _CTF.txt (as ctffind's) and session."""

import json
import re
from collections.abc import Iterator
from typing import Any

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, measured, median, number, rows, tidy, tilt_range

_VERSION = re.compile(r"\d+(\.\d+)+")


def read_aln(text: str) -> SidecarFacts:
    """Tilts that were used, axis, shifts and offsets; lengths are in unbinned pixels, whose size it does not say."""
    if not text.startswith("# AreTomo"):
        raise NotUnderstood('does not begin with "# AreTomo"')
    head, _, _ = text.partition("# Local Alignment")
    facts = SidecarFacts()
    dark = 0
    for line in head.splitlines():
        key, equals, value = line.lstrip("# ").partition("=")
        words = value.split()
        match key.strip().lower():
            case "rawsize" if equals and len(words) == 3:
                x, y, z = (int(number(word) or 0) for word in words)
                facts |= SidecarFacts(raw_size_xy=(x, y), raw_tilt_count=z)
            case "numpatches" if words:
                facts |= SidecarFacts(patches=int(number(words[0]) or 0))
            case "thickness" if words:
                facts |= SidecarFacts(thickness_pixels=measured(words[0]))
            case "alphaoffset" if words:
                facts |= SidecarFacts(alpha_offset_degrees=measured(words[0], may_be_zero=True))
            case "betaoffset" if words:
                facts |= SidecarFacts(beta_offset_degrees=measured(words[0], may_be_zero=True))
            case "darkframe":
                dark += 1
    table = list(rows((line for line in head.splitlines() if not line.startswith("#")), 10))
    if not table:
        raise NotUnderstood("no aligned tilt in it")
    return (
        facts
        | tilt_range([row[9] for row in table])
        | SidecarFacts(
            dark_tilt_count=dark,
            tilt_axis_degrees=tidy(median(row[1] for row in table)),
            global_shift_pixels=tidy(max((row[3] ** 2 + row[4] ** 2) ** 0.5 for row in table)),
        )
    )


def read_tlt_txt(text: str) -> SidecarFacts:
    """One line a tilt: degrees and, in most, acquisition index and dose of that tilt."""
    table = list(rows(text.splitlines(), 1))
    doses = [row[2] for row in table if len(row) >= 3]
    dose = tidy(sum(doses)) if len(doses) == len(table) and sum(doses) > 0 else None
    return tilt_range([row[0] for row in table]) | SidecarFacts(total_dose_electrons_per_angstrom2=dose)


def read_ctf_text(text: str) -> SidecarFacts:
    """Columns: index, defocus 1 and 2 (Å), azimuth, phase shift, score, resolution (Å), and in some the handedness."""
    table = list(rows((line for line in text.splitlines() if not line.lstrip().startswith("#")), 7))
    if not table:
        raise NotUnderstood("no fit in it")
    best = max(table, key=lambda row: row[5])
    return SidecarFacts(
        defocus_angstrom=tidy(median((row[1] + row[2]) / 2 for row in table)),
        ctf_score=tidy(best[5]),
        ctf_resolution_angstrom=tidy(min(row[6] for row in table)),
        astigmatism_angstrom=tidy(median(abs(row[1] - row[2]) for row in table)),
        defocus_handedness=int(table[0][7]) if len(table[0]) > 7 and table[0][7] in (-1, 1) else None,
    )


def read_aretomo_session(text: str) -> SidecarFacts:
    """The microscope, and by how much the first volume of each series is binned.

    Its pixel is that of the frames, which may be finer than the tilt series'.
    """
    binning = setting(text, "atbin") or None
    facts = SidecarFacts(
        binning=binning if binning and binning > 0 else None,
        voltage_kilovolt=setting(text, "kv") or None,
        spherical_aberration_mm=setting(text, "cs") or None,
        amplitude_contrast=setting(text, "ampcontrast") or None,
    )
    if not facts:
        raise NotUnderstood("no AtBin in it")
    return facts


def setting(text: str, name: str) -> float | None:
    """A number among AreTomo3's settings, by its option in small letters; the first of several. None if not there.

    Raises:
        NotUnderstood: the text is no JSON.
    """
    try:
        pairs = list(_pairs(json.loads(text)))
    except (ValueError, RecursionError) as fault:
        raise NotUnderstood(f"not JSON: {fault}") from None
    for key, value in pairs:
        if key.lower().lstrip("-") == name:
            first = value[0] if isinstance(value, list) and value else value
            return measured(str(first), may_be_zero=True)
    return None


def version(text: str) -> tuple[int, ...] | None:
    """AreTomo3's version that a session names; None where it does not."""
    said = next((str(value) for key, value in _pairs(json.loads(text)) if key.lower() == "version"), "")
    found = _VERSION.search(said)
    return tuple(map(int, found[0].split("."))) if found else None


def _pairs(body: Any) -> Iterator[tuple[str, Any]]:
    """Every key of objects inside each other."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield key, value
            yield from _pairs(value)
