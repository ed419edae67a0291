"""The page of all quality figures: `python -m tools.docs.quality_page docs/quality.md`."""

import sys
from pathlib import Path

from livetomo.core.quality.definitions import GROUPS, Definition, Limits
from livetomo.publish.prometheus.quality_buckets import buckets, metric_name

_ROOMS = (
    (
        "From the volume",
        GROUPS["volume"],
        """\
These figures come from the volume as it was read, before it is denoised, so that recipes do not change them. The slab
is found by the amount of structure of 600 to 100 Å in each cell of a grid; a face of the slab is where half of the
structure begins. If particles keep away from the faces, the thickness is too low by up to a tenth
([quality-truth.md](quality-truth.md)). If a volume holds no empty ice, no face is seen, and the figures that need faces
are missing. Contrast and sharpness compare the slab with its surroundings, which hold only the noise of the views: a
CTF that is not corrected, a thick slab and a poor alignment all lower both. Use them to compare tomograms of one
session, not of different laboratories. The filled wedge is measured to about 2°, and only if nothing has filled the
rest.

Matter is compact and ice is everywhere. So if the values of the slab are clearly skewed to the other side, the recipe's
`density` is wrong, and a warning says so. In 60 simulated tomograms with an SNR of 0.05 to 0.5, with and without gold,
ice and carbon, the sign was clear in 42, and in 42 of the same tomograms inverted: in 18 of 30 at 0.05 and 0.1, in 11
of 15 at 0.2, in 13 of 15 above. It was never wrong, also not for the real lamella that we test with.

A wrong voxel size shows only if sidecars give the sizes of the tilt series.
""",
    ),
    (
        "From the results",
        GROUPS["features"],
        """\
Features with an extent have a share, a volume and an area; features that are picked have the other figures.
""",
    ),
    (
        "From the half-maps",
        GROUPS["halves"],
        """\
These figures exist only if the producer writes even and odd half-maps. The half-maps are compared in a box in the
middle, at most an eighth of the volume and 256 voxels wide (at least 96), with a Hann window along z, so that the slab
counts and its surroundings do not; coefficients in the missing wedge are not used. Half-maps from the frames of the
same views share their alignment and fixed pattern, so their FSC is optimistic: use it to compare tomograms of one
session, not of different laboratories. If a volume is not corrected for the CTF, the zeros of the CTF end the FSC: at 4
µm defocus and 300 kV the first zero is at 28 Å. The agreement is 0 if the half-maps differ in shape or one is blank.

A broken alignment does not lower the agreement, because both half-maps have the same alignment; it lowers `focus`.
""",
    ),
    (
        "From the metadata",
        GROUPS["metadata"],
        """\
These figures come from sidecars. AreTomo3 writes 0 bad patches if all were good, and also if no patches were used: the
figure is 0 only if AreTomo3's .aln file says that there were patches.
""",
    ),
)
_HEAD = """\
# Quality

This page lists the quality figures of a tomogram in `result.json`, messages and metrics. It is made from the code by
`python -m tools.docs.quality_page`; how well the figures do on tomograms whose truth is known is in
[quality-truth.md](quality-truth.md).

Every figure has a verdict: `good` if it meets its limit or check, `warn`, `bad`, `unjudged` if it has no limit, or
`missing` if it was expected and could not be measured, with the reason. A tomogram's verdict is that of its worst
figure; figures that are unjudged or missing do not count. A tomogram without any judged figure is `unjudged`. A recipe
can set limits (`[[limit]]`), also for a figure that has none here. Shares and scores have no unit.

For X-ray tomograms (`radiation = "xray"` in the recipe) the column *X-rays* says which limits and checks hold: those
about the soundness of the file, and those that compare sources with each other. Limits that hold for electrons alone,
like those of thickness, tilt range and the CTF, give no verdict: the figures are there, and are unjudged.

A metric `livetomo_quality_…` is the histogram over all tomograms; `livetomo_latest_…` is the value of the last
tomogram. Figures that are details have only the latter.
"""


def page() -> str:
    """The page."""
    columns = ("figure", "unit", "definition", "limits", "source of the limits", "X-rays", "metric")
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n"
    text = _HEAD
    for title, figures, note in _ROOMS:
        text += f"\n## {title}\n\n" + (f"{note}\n" if note else "")
        text += head
        text += "".join(_row(figure) for figure in figures)
    return text


def _row(measure: Definition) -> str:
    metric = metric_name(measure.name.replace("<feature>", "feature"), measure.unit)
    kind = "quality" if metric and buckets(measure.name, measure.unit) else "latest"
    described = f"`livetomo_{kind}_{metric}`".replace("feature", "<feature>") if metric else ""
    said = "; ".join(filter(None, (_limits(measure.limits), measure.words))) or "none"
    cells = (f"`{measure.name}`", measure.unit, measure.definition, said, measure.source, _xray(measure), described)
    return f"| {' | '.join(cells)} |\n"


def _xray(measure: Definition) -> str:
    """Which of its verdicts X-ray tomograms get."""
    if measure.limits == Limits() and not measure.words:
        return ""
    missing = [f"no {verdict}" for verdict in ("good", "warn", "bad") if verdict not in measure.xray]
    return ", ".join(missing) if 0 < len(missing) < 3 else "unjudged" if missing else "the same"


def _limits(limits: Limits) -> str:
    """As a person would say them: `warn below 1000 and above 3000, bad above 5000`."""
    described = []
    for word in ("warn", "bad"):
        sides = {side: getattr(limits, f"{word}_{side}") for side in ("below", "above")}
        there = " and ".join(f"{side} {value:g}" for side, value in sides.items() if value is not None)
        described += [f"{word} {there}"] if there else []
    return ", ".join(described)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
