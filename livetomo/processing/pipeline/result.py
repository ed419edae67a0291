"""What is known of a tomogram when everything has been done: its files and its manifest are made of this."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from livetomo.config.recipe.picks import Pick
from livetomo.core.manifest import DenoiserUsed
from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.find_particles import FoundParticles
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.voxel_evidence import Settled
from livetomo.results.average.sums_file import TomogramAverage


@dataclass(frozen=True, slots=True)
class TomogramResult:
    """One tomogram's result.

    header, voxel_size: of the volume that was read; frame: what exported files say of it.
    denoised: that volume, matter positive.
    maps: by feature, after competition and interactions. labels: int8, which feature each voxel of the maps' grid
        belongs to; None where no feature has an extent.
    found: positions in voxels of the tomogram. findings: every figure with its verdict, every warning.
    averages: by feature, of picks with orientations.
    denoiser: by what the volume was denoised, where the recipe leaves it open.
    """

    spec: JobSpec
    header: MrcHeader
    voxel_size: Settled
    frame: Frame
    plan: FeaturePlan
    denoised: Tensor
    maps: Mapping[str, Tensor]
    labels: npt.NDArray[np.int8] | None
    found: FoundParticles
    findings: Findings
    averages: Mapping[str, TomogramAverage] = field(default_factory=dict)
    denoiser: DenoiserUsed | None = None

    def published(self, rule: Pick) -> Picks:
        """The picks of a rule's feature that are above its threshold."""
        return self.found.published(rule)

    def diameter_angstrom(self, rule: Pick) -> float:
        """How large a rule's particles are: as is said, else as their regions are, else as far apart as they may be."""
        said = rule.diameter_angstrom or self.plan.diameter_angstrom(rule.feature)
        if said is None and rule.method != "maxima" and len(picks := self.published(rule)):
            said = 2 * float(np.cbrt(3 * np.median(picks.volume) / (4 * np.pi)))
        return round(said, 1) if said else rule.min_spacing_angstrom
