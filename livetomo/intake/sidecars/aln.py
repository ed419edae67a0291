"""AreTomo's .aln (alignment) and _TLT.txt (tilt, acquisition index, dose)."""

from typing import Any

from livetomo.intake.sidecars.numbers import NotUnderstood, median, number, rows, tidy, tilt_range

_HEADINGS = {"alphaoffset": "alpha_offset_degrees", "betaoffset": "beta_offset_degrees"}


def read_aln(text: str) -> dict[str, Any]:
    """Tilts that were used, axis, shifts and offsets; lengths are in unbinned pixels, whose size it does not say."""
    if not text.startswith("# AreTomo"):
        raise NotUnderstood('does not begin with "# AreTomo"')
    head, _, _ = text.partition("# Local Alignment")
    facts: dict[str, Any] = {}
    dark = 0
    for line in head.splitlines():
        key, equals, value = line.lstrip("# ").partition("=")
        words = value.split()
        match key.strip().lower():
            case "rawsize" if equals and len(words) == 3:
                x, y, z = (int(number(word) or 0) for word in words)
                facts |= {"raw_size_xy": [x, y], "raw_tilt_count": z}
            case "numpatches" if words:
                facts["patches"] = int(number(words[0]) or 0)
            case "thickness" if words and (thickness := number(words[0])):
                facts["thickness_pixels"] = tidy(thickness)
            case "darkframe":
                dark += 1
            case name if name in _HEADINGS and words and (offset := number(words[0])) is not None:
                facts[_HEADINGS[name]] = tidy(offset)
    table = list(rows((line for line in head.splitlines() if not line.startswith("#")), 10))
    if not table:
        raise NotUnderstood("no aligned tilt in it")
    facts |= tilt_range([row[9] for row in table])
    facts["dark_tilt_count"] = dark
    facts["tilt_axis_degrees"] = tidy(median(row[1] for row in table))
    facts["global_shift_pixels"] = tidy(max((row[3] ** 2 + row[4] ** 2) ** 0.5 for row in table))
    return facts


def read_tlt_txt(text: str) -> dict[str, Any]:
    """One line a tilt: degrees and, in most, acquisition index and dose of that tilt."""
    table = list(rows(text.splitlines(), 1))
    facts: dict[str, Any] = tilt_range([row[0] for row in table])
    doses = [row[2] for row in table if len(row) >= 3]
    if len(doses) == len(table) and sum(doses) > 0:
        facts["total_dose_electrons_per_angstrom2"] = tidy(sum(doses))
    return facts
