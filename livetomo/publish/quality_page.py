"""The page of all quality figures: `python -m livetomo.publish.quality_page docs/quality.md`."""

import sys
from pathlib import Path
from typing import NamedTuple

from livetomo.publish.figures import buckets, metric_name


class Figure(NamedTuple):
    """A figure as it is explained to people. In a `name`, `<feature>` stands for a feature of the recipe."""

    name: str
    unit: str
    definition: str
    limits: str
    source: str


_OWN = "our own"
_DENOISET = "DenoisET's choice of tomograms"
VOLUME = (
    Figure("voxel_size", "Å", "As a person, the header or the configuration says", "warn where it is doubtful", _OWN),
    Figure("finite_share", "", "Voxels that are numbers", "warn below 1, bad below 0.99", _OWN),
    Figure("saturated_share", "", "Voxels at the lowest or highest value", "warn above 0.001, bad above 0.05", _OWN),
    Figure(
        "thickness",
        "Å",
        "Full width at half height of the standard deviation of z planes; missing where no face is seen",
        "warn above 3000, bad above 5000",
        "mean free path of inelastic scattering, 3000-4000 Å at 300 kV",
    ),
    Figure(
        "<feature>_share",
        "",
        "The volume that a mask of very dense matter takes",
        "warn above 0.02, bad above 0.1",
        _OWN,
    ),
    Figure("<feature>_count", "", "Published picks; as a metric `livetomo_tomogram_picks`", "none", ""),
    Figure("<feature>_density", "1/µm³", "Published picks for the volume", "none", ""),
)
HALVES = (
    Figure(
        "halves_agreement",
        "",
        "Mean Fourier shell correlation (FSC) of 100-30 Å, or as fine as the voxels allow",
        "bad where a half is dead, both are identical, they do not match, or have nothing in common",
        _OWN,
    ),
    Figure("band_snr", "", "Signal to noise of the whole in that band, 2 FSC / (1 - FSC)", "none", ""),
    Figure("fsc_0143_resolution", "Å", "Where the FSC first falls below 0.143 for two shells", "none", ""),
    Figure("fsc_05_resolution", "Å", "Where the FSC first falls below 0.5 for two shells", "none", ""),
)
METADATA = (
    Figure(
        "declared_thickness",
        "Å",
        "As AreTomo or RELION estimated it",
        "warn below 1000 and above 3000, bad above 5000",
        f"below: {_DENOISET}; above: as `thickness`",
    ),
    Figure("tilt_axis", "°", "The direction of the tilt axis in the images", "none", ""),
    Figure("global_shift", "Å", "The largest shift of a view", "warn above 750", _DENOISET),
    Figure(
        "bad_patches_low_tilt",
        "",
        "Local patches that could not be aligned, at up to 30°; missing where none were asked for",
        "warn above 0.05, bad above 0.5",
        f"{_DENOISET}; bad: {_OWN}",
    ),
    Figure("bad_patches", "", "The same at all angles", "warn above 0.10, bad above 0.5", f"{_DENOISET}; bad: {_OWN}"),
    Figure(
        "ctf_resolution",
        "Å",
        "To which Thon rings are fitted",
        "warn above 20, bad above 40",
        f"{_DENOISET}; bad: {_OWN}",
    ),
    Figure("ctf_score", "", "Correlation of the CTF's fit", "warn below 0.05", _DENOISET),
    Figure("defocus", "µm", "Of the fit; underfocus is positive", "warn outside 1-8", _OWN),
    Figure("defocus_error", "µm", "Fitted less targeted, sizes only", "warn beyond 2 to either side", _OWN),
    Figure("tilt_range", "°", "From the lowest to the highest angle used", "warn below 80", _OWN),
    Figure("used_tilts", "tilts", "Views that the reconstruction is made of", "none", ""),
    Figure("used_tilts_share", "", "Of the views that were taken", "warn below 0.8", _OWN),
)
_ROOMS = (
    ("From the volume", VOLUME, ""),
    (
        "From the halves",
        HALVES,
        """\
Only where the producer writes even and odd halves. They are compared in a box in the middle, at most an eighth of the
volume and 256 voxels wide (at least 96), with a Hann window along z, so that the slab counts and its surroundings do
not; coefficients in the missing wedge count in no shell. Halves made from the frames of the same views share their
alignment and fixed pattern, so their FSC is optimistic; it compares tomograms of one session rather than labs. Where a
volume is not corrected for the CTF, its zeros end the FSC: the first one at 4 µm defocus and 300 kV is at 28 Å. The
agreement is told as 0 where the halves differ in shape or one is dead.
""",
    ),
    (
        "From the metadata",
        METADATA,
        """\
Only what sidecars say. AreTomo3 writes 0 bad patches both where all were good and where none were asked for: the figure
is 0 only where its .aln says that there were patches.
""",
    ),
)
_HEAD = """\
# Quality

The figures of a tomogram in its `result.json`, messages and metrics. This page is made from the code by
`python -m livetomo.publish.quality_page`; how well the figures do on tomograms whose truth is known is in
[quality-truth.md](quality-truth.md).

Every figure has a verdict: `good`, `warn`, `bad`, or `missing` where it was to be expected and could not be had, with
the reason. A tomogram's verdict is its worst figure's; what is missing does not count. Figures without limits are
`good`. A share or a score has no unit.
"""


def page() -> str:
    """The page."""
    text = _HEAD
    for title, figures, note in _ROOMS:
        text += f"\n## {title}\n\n" + (f"{note}\n" if note else "")
        text += "| figure | unit | definition | limits | their source | metric |\n|---|---|---|---|---|---|\n"
        text += "".join(_row(figure) for figure in figures)
    return text


def _row(figure: Figure) -> str:
    metric = metric_name(figure.name.replace("<feature>", "feature"), figure.unit)
    told = f"`livetomo_quality_{metric}`".replace("feature", "<feature>") if metric and buckets(metric) else ""
    cells = (f"`{figure.name}`", figure.unit, figure.definition, figure.limits, figure.source, told)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
