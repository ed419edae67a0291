"""RELION 5's tomograms.star and tilt_series/TS.star."""

from livetomo.core.errors import BadStar
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.formats.star import parse_loops
from livetomo.intake.sidecars.numbers import NotUnderstood, measured, median, number, tidy, tilt_range

Table = list[dict[str, str]]


def _tables(text: str) -> list[Table]:
    """Each block's rows by label; a block of single values is one row. Rows that are not whole are left out."""
    try:
        blocks = parse_loops(text, skip_ragged=True)
    except BadStar as fault:
        raise NotUnderstood(str(fault)) from None
    tables = [{name: words for name, words in columns.items() if words} for columns in blocks.values()]
    return [[dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] for columns in tables]


def read_tomograms_star(text: str, name: str) -> SidecarFacts:
    """What RELION calls the tomogram `name`: sizes and pixel size of the unbinned tilt series."""
    return facts_of_tomogram(tomogram_rows(text), name)


def tomogram_rows(text: str) -> Table:
    """The rows of a tomograms.star.

    Raises:
        NotUnderstood: it is no star.
    """
    return [row for table in _tables(text) for row in table]


def facts_of_tomogram(rows: Table, name: str) -> SidecarFacts:
    """As `read_tomograms_star`, of rows that are read already.

    Raises:
        NotUnderstood: there is none of `name`.
    """
    # Of TS_01 and rec_TS_01 each is a series of its own.
    found = [row for row in rows if row.get("rlnTomoName") == name] or [
        row for row in rows if row.get("rlnTomoName") == f"rec_{name}"
    ]
    if not found:
        raise NotUnderstood(f"no row for {name}")
    row = found[-1]
    size = [number(row.get(f"rlnTomoSize{axis}", "")) for axis in "XYZ"]
    hand = number(row.get("rlnTomoHand", ""))
    return SidecarFacts(
        tilt_series_name=row["rlnTomoName"],
        pixel_size_angstrom=measured(row.get("rlnTomoTiltSeriesPixelSize", "")),
        voltage_kilovolt=measured(row.get("rlnVoltage", "")),
        binning=measured(row.get("rlnTomoTomogramBinning", "")),
        unbinned_size_xyz=tuple(int(value or 0) for value in size) if all(size) else None,
        defocus_handedness=int(hand) if hand else None,
        thickness_angstrom=measured(row.get("rlnTomoTomogramThickness", ""), unit=10),
        alignment_residual_angstrom=measured(row.get("rlnIMODResidualErrorMean", ""), unit=10),  # nm
    )


def read_tilt_series_star(text: str) -> SidecarFacts:
    """The views of one series."""
    rows = max(_tables(text), key=len, default=[])

    def column(*labels: str) -> list[float]:
        for label in labels:
            values = [value for row in rows if (value := number(row.get(label, ""))) is not None]
            if values:
                return values
        return []

    axis = column("rlnTomoZRot", "rlnTomoNominalTiltAxisAngle")
    dose = column("rlnMicrographPreExposure")
    defocus = column("rlnDefocusU")
    resolution = column("rlnCtfMaxResolution")
    return tilt_range(column("rlnTomoYTilt", "rlnTomoNominalStageTiltAngle")) | SidecarFacts(
        tilt_axis_degrees=tidy(median(axis)) if axis else None,
        # Before each view; the last view's own dose is not in it.
        pre_exposure_electrons_per_angstrom2=tidy(max(dose)) if dose else None,
        defocus_angstrom=tidy(median(defocus)) if defocus else None,
        ctf_resolution_angstrom=tidy(min(resolution)) if resolution else None,
    )
