"""AreTomo3's TiltSeries_Metrics.csv: one row for each series, written after its volumes; columns differ by version."""

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, measured

METRICS_FILE = "TiltSeries_Metrics.csv"
_SERIES = "tilt_series"


def series_with_metrics(text: str) -> set[str]:
    """The series that have a whole row: one that is being written does not count yet."""
    return {_name(row) for row in _rows(text)} if text else set()


def read_metrics(text: str, series: str) -> SidecarFacts:
    """What the last row of `series` says: one that was processed again is appended again."""
    found = [row for row in _rows(text) if _name(row) == series]
    if not found:
        raise NotUnderstood(f"no row for {series}")
    row = found[-1]

    def cell(column: str, *, unit: float = 1.0, may_be_zero: bool = False) -> float | None:
        return measured(row.get(column, ""), unit=unit, may_be_zero=may_be_zero)

    pixel = cell("pix_size")
    # Nothing bad at all is what it says where no patches were used.
    has_patches = any(cell(column) for column in ("bad_patch_low", "bad_patch_all"))
    return SidecarFacts(
        tilt_axis_degrees=cell("tilt_axis", may_be_zero=True),
        bad_patch_low_tilt_fraction=cell("bad_patch_low", may_be_zero=True) if has_patches else None,
        bad_patch_fraction=cell("bad_patch_all", may_be_zero=True) if has_patches else None,
        defocus_angstrom=cell("defocus"),
        phase_shift_degrees=cell("extphase", may_be_zero=True),
        ctf_resolution_angstrom=cell("ctf_res"),
        ctf_score=cell("ctf_score"),
        defocus_handedness=cell("df_hand"),
        pixel_size_angstrom=pixel,
        spherical_aberration_mm=cell("cs"),  # its heading "Cs(nm)" is in truth in mm
        voltage_kilovolt=cell("kv"),
        alpha_offset_degrees=cell("alpha0", may_be_zero=True),
        beta_offset_degrees=cell("beta0", may_be_zero=True),
        thickness_angstrom=cell("thickness", unit=pixel) if pixel else None,
        global_shift_angstrom=cell("global_shift", unit=pixel) if pixel else None,
    )


def _name(row: dict[str, str]) -> str:
    return row[_SERIES].removesuffix(".mrc").removesuffix(".st")


def _rows(text: str) -> list[dict[str, str]]:
    """The whole rows, cells without their padding, by column names without their units. AreTomo3 quotes nothing."""
    lines = text.splitlines(keepends=True)
    table = [[cell.strip() for cell in line.split(",")] for line in lines if line.endswith(("\n", "\r"))]
    if not table:
        return []
    heading = [name.partition("(")[0].lower() for name in table[0]]
    if _SERIES not in heading:
        return []
    return [dict(zip(heading, row, strict=False)) for row in table[1:] if len(row) == len(heading) and row[0]]
