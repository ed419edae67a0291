"""One tomogram's result in the making: what each stage leaves for the next."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.config.recipe.picks import Pick
from livetomo.core.evidence import Evidence
from livetomo.core.picks import Picks
from livetomo.core.quality.metric import Quality
from livetomo.processing.blank import Blank
from livetomo.processing.measure.volume import Seen
from livetomo.processing.networks.model_cache import Models
from livetomo.processing.pipeline.feature_maps import FeatureMaps, Grid
from livetomo.processing.pipeline.find_particles import Found
from livetomo.processing.pipeline.job_spec import Order


def now() -> str:
    """The time, as manifests hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class Making:
    """What is known so far of a tomogram's result; every stage adds to it."""

    order: Order
    folder: Path
    device: torch.device
    models: Models
    tell: Callable[[str], None]
    started: str = field(default_factory=now)
    seconds: dict[str, float] = field(default_factory=dict)
    quality: list[Quality] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    blank: Blank | None = None
    voxel_size: float = 0.0
    voxel_size_source: str = "header"
    evidence: list[Evidence] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    features: FeatureMaps = field(init=False)
    maps: dict[str, Tensor] = field(default_factory=dict)
    labels: npt.NDArray[np.int8] | None = None
    found: Found = field(default_factory=Found)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell that it begins, and remember how long it took."""
        self.tell(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)

    @property
    def blank_mask(self) -> Tensor | None:
        """Bool, on the tomogram's grid: the voxels that hold nothing; None where there are none."""
        return None if self.blank is None else self.blank.mask

    @property
    def grid(self) -> Grid:
        """Where the features' maps lie."""
        return self.features.grid

    def voxels(self, angstrom: float) -> float:
        """A length in voxels of the tomogram."""
        return angstrom / self.voxel_size

    def published(self, rule: Pick) -> Picks:
        """The picks of a rule's feature that are above its threshold."""
        return self.found.candidates[rule.feature].above(rule.threshold)
