"""AreTomo's .aln (alignment) and _TLT.txt (tilt, acquisition index, dose)."""

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, measured, median, number, rows, tidy, tilt_range


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
