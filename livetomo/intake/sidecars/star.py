"""RELION 5's tomograms.star and tilt_series/TS.star; with a STAR reader of our own, as starfile needs pandas."""

from typing import Any

from livetomo.intake.sidecars.numbers import NotUnderstood, median, number, tidy, tilt_range

Table = list[dict[str, str]]


def read_star(text: str) -> dict[str, Table]:
    """Each block's rows by label; a block of single values is one row."""
    blocks: dict[str, Table] = {}
    rows: Table = []
    labels: list[str] = []
    in_loop = False
    for raw in text.splitlines():
        line = raw.split(" #")[0].strip()
        if line.startswith("data_"):
            rows, labels, in_loop = [], [], False
            blocks[line[5:]] = rows
        elif line == "loop_":
            labels, in_loop = [], True
        elif line.startswith("_"):
            label, *value = line[1:].split()
            if in_loop:
                labels.append(label)
            elif value:
                if not rows:
                    rows.append({})
                rows[0][label] = value[0]
        elif in_loop and line and not line.startswith("#"):
            words = line.split()
            if len(words) == len(labels):
                rows.append(dict(zip(labels, words, strict=True)))
    return blocks


def read_tomograms_star(text: str, name: str) -> dict[str, Any]:
    """What RELION calls the tomogram `name`: sizes and pixel size of the unbinned tilt series."""
    blocks = read_star(text)
    found = [row for rows in blocks.values() for row in rows if row.get("rlnTomoName") in (name, f"rec_{name}")]
    if not found:
        raise NotUnderstood(f"no row for {name}")
    row = found[-1]
    facts: dict[str, Any] = {"tilt_series_name": row["rlnTomoName"]}
    if pixel := number(row.get("rlnTomoTiltSeriesPixelSize", "")):
        facts["pixel_size_angstrom"] = tidy(pixel)
    if voltage := number(row.get("rlnVoltage", "")):
        facts["voltage_kilovolt"] = tidy(voltage)
    if binning := number(row.get("rlnTomoTomogramBinning", "")):
        facts["binning"] = tidy(binning)
    size = [number(row.get(f"rlnTomoSize{axis}", "")) for axis in "XYZ"]
    if all(size):
        facts["unbinned_size_xyz"] = [int(value or 0) for value in size]
    if hand := number(row.get("rlnTomoHand", "")):
        facts["defocus_handedness"] = int(hand)
    if thickness := number(row.get("rlnTomoTomogramThickness", "")):
        facts["thickness_angstrom"] = tidy(thickness * 10)
    if residual := number(row.get("rlnIMODResidualErrorMean", "")):
        facts["alignment_residual_angstrom"] = tidy(residual * 10)  # nm
    return facts


def read_tilt_series_star(text: str) -> dict[str, Any]:
    """The views of one series."""
    rows = max(read_star(text).values(), key=len, default=[])

    def column(*labels: str) -> list[float]:
        for label in labels:
            values = [value for row in rows if (value := number(row.get(label, ""))) is not None]
            if values:
                return values
        return []

    facts: dict[str, Any] = dict(tilt_range(column("rlnTomoYTilt", "rlnTomoNominalStageTiltAngle")))
    if axis := column("rlnTomoZRot", "rlnTomoNominalTiltAxisAngle"):
        facts["tilt_axis_degrees"] = tidy(median(axis))
    if dose := column("rlnMicrographPreExposure"):
        # Before each view; the last view's own dose is not in it.
        facts["pre_exposure_electrons_per_angstrom2"] = tidy(max(dose))
    if defocus := column("rlnDefocusU"):
        facts["defocus_angstrom"] = tidy(median(defocus))
    if resolution := column("rlnCtfMaxResolution"):
        facts["ctf_resolution_angstrom"] = tidy(min(resolution))
    return facts
