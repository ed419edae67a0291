"""The verdicts of a tomogram's figures, by the recipe's limits, by the published ones, and by what sidecars say."""

from collections.abc import Sequence
from dataclasses import replace

from livetomo.core.quality.definitions import judged
from livetomo.core.quality.metric import Quality
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.tomogram_extent import TomogramExtent
from livetomo.processing.voxel_witnesses import contradiction

_OF_DENSE_MATTER = ("dense_share", "contamination_share", "carbon_share")
_POLARITY = {
    one: f"Wrong polarity: density seems to be {other} in this volume, and is taken for {one}, so matter is taken for "
    f'ice, and picks mean nothing. Set density = "{other}" in the recipe, or `livetomo sessions set … --density '
    f"{other}`, and reprocess."
    for one, other in (("dark", "bright"), ("bright", "dark"))
}


def judge(spec: JobSpec, extent: TomogramExtent, figures: Sequence[Quality]) -> Findings:
    """The figures as the recipe's limits, or else the published ones, and the sidecars' sizes judge them."""
    recipe = spec.recipe
    verdicts = [judged(quality, recipe.limits.get(quality.name), recipe.radiation) for quality in figures]
    warnings = []
    if any(one.name == "density_skew" and one.verdict == "bad" for one in verdicts):
        wrong = _POLARITY[recipe.density]
        verdicts = [_by_polarity(one, wrong) for one in verdicts]
        warnings.append(wrong)
    axes = [
        one.reason for one in verdicts if one.verdict == "warn" and one.name in ("relative_depth", "seen_tilt_range")
    ]
    warnings += [
        f"Axes: {reason}{'' if reason.endswith('?') else '.'}"
        for reason in axes
        if "axes" in reason or "axis" in reason
    ]
    doubt = contradiction(extent.geometry.voxel_size_angstrom, extent.geometry.shape_zyx, spec.facts)
    if doubt is not None:
        warnings.append(f"Voxel size: {doubt}.")
        verdicts = [replace(one, verdict="bad", reason=doubt) if one.name == "voxel_size" else one for one in verdicts]
    return Findings(tuple(verdicts), tuple(warnings))


def _by_polarity(figure: Quality, wrong: str) -> Quality:
    """In a volume of the other polarity ice passes for dense matter: nobody is to look for contamination."""
    if figure.name == "density_skew":
        return replace(figure, reason=wrong)
    if figure.name not in _OF_DENSE_MATTER or figure.verdict not in ("warn", "bad"):
        return figure
    return replace(figure, verdict="unjudged", reason="")
