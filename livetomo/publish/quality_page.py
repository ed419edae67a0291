"""The page of all quality figures: `python -m livetomo.publish.quality_page docs/quality.md`."""

import sys
from pathlib import Path

from livetomo.measures import FEATURES, HALVES, METADATA, VOLUME, Limits, Measure
from livetomo.publish.figures import buckets, metric_name

_ROOMS = (
    (
        "From the volume",
        VOLUME,
        """\
Of the volume as it was read, before it is denoised, so that recipes do not change the figures. The slab is found by how
much structure of 600 to 100 Å there is in each of a grid of cells; its faces are where half of the structure sets in:
particles that keep away from them make it read low by up to a tenth (`quality-truth.md`). Where a volume holds no
empty ice, no face is seen, and what rests on the faces is missing. Contrast and sharpness compare the slab with what
lies beside it, where back-projection leaves the views' noise alone: a CTF that is not corrected, a thick slab and a
poor alignment all lower them. They compare the tomograms of one session rather than labs. The filled wedge is seen to
2° or so, and only where nothing has filled the rest.

Matter is dense here and there, ice lies everywhere: where the values of the slab are clearly skewed to the other side,
the recipe's `density` is the wrong one, and a warning says so. Of 60 simulated tomograms with an SNR of 0.05 to 0.5,
with and without gold, ice and carbon, it is clear in 42, and in 42 of the same inverted: 18 of 30 at 0.05 and 0.1, 11
of 15 at 0.2, 13 of 15 above. None was told the wrong way round, nor was the real lamella that we test with.

A wrong voxel size shows only against the tilt series' own sizes, where sidecars tell them.
""",
    ),
    (
        "From the results",
        FEATURES,
        """\
Features with an extent have a share, a volume and an area; those that are found as particles, the rest.
""",
    ),
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

A broken alignment leaves the halves' agreement alone, for both have the same one: what it takes is focus.
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

Every figure has a verdict: `good` where a limit or a check was met, `warn`, `bad`, `unjudged` where there is no limit,
or `missing` where it was to be expected and could not be had, with the reason. A tomogram's verdict is its worst
figure's; what is unjudged or missing does not count. A tomogram of which nothing was judged is `unjudged`. A recipe's
own limits (`[[limit]]`) judge a figure that has none here. A share or a score has no unit.

A metric `livetomo_quality_…` is the histogram of all tomograms; the last one's value is in `livetomo_latest_…`, which
is all that details have.
"""


def page() -> str:
    """The page."""
    text = _HEAD
    for title, figures, note in _ROOMS:
        text += f"\n## {title}\n\n" + (f"{note}\n" if note else "")
        text += "| figure | unit | definition | limits | their source | metric |\n|---|---|---|---|---|---|\n"
        text += "".join(_row(figure) for figure in figures)
    return text


def _row(measure: Measure) -> str:
    metric = metric_name(measure.name.replace("<feature>", "feature"), measure.unit)
    kind = "quality" if metric and buckets(metric) else "latest"
    told = f"`livetomo_{kind}_{metric}`".replace("feature", "<feature>") if metric else ""
    said = "; ".join(filter(None, (_limits(measure.limits), measure.words))) or "none"
    cells = (f"`{measure.name}`", measure.unit, measure.definition, said, measure.source, told)
    return f"| {' | '.join(cells)} |\n"


def _limits(limits: Limits) -> str:
    """As a person would say them: `warn below 1000 and above 3000, bad above 5000`."""
    told = []
    for word in ("warn", "bad"):
        sides = {side: getattr(limits, f"{word}_{side}") for side in ("below", "above")}
        there = " and ".join(f"{side} {value:g}" for side, value in sides.items() if value is not None)
        told += [f"{word} {there}"] if there else []
    return ", ".join(told)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
