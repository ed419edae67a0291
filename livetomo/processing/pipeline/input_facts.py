"""What is known of a tomogram before a voxel is read: its voxel size, and what cannot be looked for."""

from livetomo.core.quality.metric import Quality
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.missing_features import not_kept_away
from livetomo.processing.voxel_evidence import Settled, settle


def settle_voxel_size(spec: JobSpec, header: MrcHeader) -> Settled:
    """The voxel size by all that is said of it."""
    said, default = spec.recipe.voxel_size_angstrom, spec.default_voxel_size_angstrom
    return settle(header, spec.path, spec.facts, said=said, default=default)


def describe_input(spec: JobSpec, voxel_size: Settled, plan: FeaturePlan) -> Findings:
    """The voxel size as a figure, and warnings: notes, a doubtful voxel size, missing features."""
    warnings = list(spec.facts.notes)
    if voxel_size.trouble:
        warnings.append(f"Voxel size: {voxel_size.trouble}.")
    warnings += [f"{feature} is missing: {reason}." for feature, reason in plan.missing.items()]
    warnings += not_kept_away(spec.recipe, plan.missing)
    return Findings((_voxel_size(voxel_size, plan),), tuple(warnings))


def _voxel_size(voxel_size: Settled, plan: FeaturePlan) -> Quality:
    if doubt := voxel_size.trouble or next(iter(plan.unfit.values()), ""):
        return Quality("voxel_size", voxel_size.angstrom, "Å", "warn", doubt)
    return Quality("voxel_size", voxel_size.angstrom, "Å", "good" if voxel_size.is_confirmed else "unjudged")
