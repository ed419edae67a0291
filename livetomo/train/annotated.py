"""Examples from tomograms that people annotated: a folder with label volumes and positions beside the tomograms."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from livetomo.config.model_card import Canonical
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate.positions import read_positions
from livetomo.formats.mrc import read_volume
from livetomo.simulate.truth import FEATURES
from livetomo.train.example import Example, add_labels, add_spheres, no_targets, on_grid, prepared
from livetomo.train.goals import CELLULAR, Goal


@dataclass(frozen=True, slots=True)
class AnnotatedExamples:
    """Tomogram number i of a folder, laid out as `livetomo simulate tomograms` writes it.

    Beside NAME.mrc: NAME_labels.mrc (label values by the `label_names` of NAME_truth.json, or in the order of
    `FEATURES` where there is none), and of each feature that is particles NAME_FEATURE.star or
    NAME_FEATURE.copick.json (see `read_positions`).
    """

    names: tuple[Path, ...]
    canonical: Canonical
    bright: bool = False
    goals: tuple[Goal, ...] = CELLULAR

    @staticmethod
    def of(
        folder: Path, canonical: Canonical, *, bright: bool = False, goals: tuple[Goal, ...] = CELLULAR
    ) -> "AnnotatedExamples":
        """Every annotated tomogram in `folder`.

        Raises:
            ConfigurationError: there is none.
        """
        names = tuple(path.with_suffix("") for path in sorted(folder.glob("*.mrc")) if _annotated(path, goals))
        if not names:
            particles = "FEATURE" if len(_particles(goals)) != 1 else _particles(goals)[0].feature
            raise ConfigurationError(
                f"{folder}: there is no annotated tomogram. Put NAME_labels.mrc, NAME_{particles}.star or "
                f"NAME_{particles}.copick.json beside each NAME.mrc."
            )
        return AnnotatedExamples(names, canonical, bright, goals)

    def examples(self, number: int) -> Sequence[Example]:
        """Tomogram `number`, counted around: one example."""
        name = self.names[number % len(self.names)]
        volume = read_volume(name.with_suffix(".mrc"))
        size = volume.header.voxel_size(name.with_suffix(".mrc"))
        seen = prepared(volume.voxels.astype(np.float32), size, self.canonical, bright=self.bright)
        targets, known = no_targets(seen.shape, self.goals), set[str]()
        labels = Path(f"{name}_labels.mrc")
        if labels.exists():
            names = _label_names(name)
            add_labels(targets, on_grid(_labels(labels, volume.voxels.shape), seen.shape), names, self.goals)
            known |= {goal.feature for goal in self.goals if goal.feature in names and goal.centre is None}
        scale = np.array(seen.shape) / np.array(volume.voxels.shape)
        centres = {}
        for index, goal in enumerate(self.goals):
            found = None if goal.centre is None else _positions(name, goal.feature, volume.header.geometry())
            if goal.centre is not None and found is not None:
                centres[goal.feature] = found * scale
                add_spheres(targets, 1 << index, found * scale, goal.centre.radius_angstrom, size / scale)
                known.add(goal.feature)
        features = tuple(goal.feature for goal in self.goals)
        return [Example(seen, targets, features, frozenset(known), centres, self.canonical.voxel_size_angstrom)]

    def check(self, features: tuple[str, ...]) -> None:
        """Refuse what nothing can be learned from.

        Raises:
            ConfigurationError: a label volume has another shape than its tomogram, or a feature is nowhere.
        """
        found = set[str]()
        for number in range(len(self.names)):
            for example in self.examples(number):
                bits = int(np.bitwise_or.reduce(example.targets, axis=None))
                found |= {feature for feature in example.features if bits & example.bit(feature)}
        if nowhere := [feature for feature in features if feature not in found]:
            raise ConfigurationError(
                f"{self.names[0].parent}: nothing is annotated as {', '.join(nowhere)}; "
                "leave it out with --features, or annotate some."
            )


def _particles(goals: Sequence[Goal]) -> list[Goal]:
    return [goal for goal in goals if goal.centre is not None]


def _annotated(path: Path, goals: Sequence[Goal]) -> bool:
    lists = [f"_{goal.feature}{ending}" for goal in _particles(goals) for ending in (".star", ".copick.json")]
    return any(path.with_name(path.stem + ending).exists() for ending in ("_labels.mrc", *lists))


def _labels(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    labels = read_volume(path).voxels
    if labels.shape != shape:
        raise ConfigurationError(
            f"{path}: has {' x '.join(map(str, labels.shape))} voxels (z, y, x), its tomogram "
            f"{' x '.join(map(str, shape))}. Labels lie on the tomogram's own grid."
        )
    return labels.astype(np.int8)


def _label_names(name: Path) -> tuple[str, ...]:
    truth = Path(f"{name}_truth.json")
    return tuple(json.loads(truth.read_text(encoding="utf-8"))["label_names"]) if truth.exists() else FEATURES


def _positions(name: Path, feature: str, geometry: TomogramGeometry) -> npt.NDArray[np.float64] | None:
    """A feature's particles (n, 3) as voxel indices (z, y, x); None where nobody said where they are."""
    for ending in ("copick.json", "star"):
        path = Path(f"{name}_{feature}.{ending}")
        if path.exists():
            return geometry.of_corner(read_positions(path, feature, geometry).xyz_angstrom)[:, ::-1]
    return None
