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
from livetomo.train.example import Example, add_ribosomes, bit, bits_of_labels, on_grid, prepared


@dataclass(frozen=True, slots=True)
class AnnotatedExamples:
    """Tomogram number i of a folder, laid out as `livetomo simulate tomograms` writes it.

    Beside NAME.mrc: NAME_labels.mrc (label values by the `label_names` of NAME_truth.json, or in the order of
    `FEATURES` where there is none), NAME_ribosome.star or NAME_ribosome.copick.json (see `read_positions`).
    """

    names: tuple[Path, ...]
    canonical: Canonical
    bright: bool = False

    @staticmethod
    def of(folder: Path, canonical: Canonical, *, bright: bool = False) -> "AnnotatedExamples":
        """Every annotated tomogram in `folder`.

        Raises:
            ConfigurationError: there is none.
        """
        names = tuple(path.with_suffix("") for path in sorted(folder.glob("*.mrc")) if _annotations(path))
        if not names:
            raise ConfigurationError(
                f"{folder}: there is no annotated tomogram. Put NAME_labels.mrc, NAME_ribosome.star or "
                "NAME_ribosome.copick.json beside each NAME.mrc."
            )
        return AnnotatedExamples(names, canonical, bright)

    def examples(self, number: int) -> Sequence[Example]:
        """Tomogram `number`, counted around: one example."""
        name = self.names[number % len(self.names)]
        volume = read_volume(name.with_suffix(".mrc"))
        size = volume.header.voxel_size(name.with_suffix(".mrc"))
        seen = prepared(volume.voxels.astype(np.float32), size, self.canonical, bright=self.bright)
        targets, known = np.zeros(seen.shape, np.uint8), set[str]()
        labels = Path(f"{name}_labels.mrc")
        if labels.exists():
            names = _label_names(name)
            targets |= bits_of_labels(on_grid(_labels(labels, volume.voxels.shape), seen.shape), names)
            known |= {feature for feature in names if feature in FEATURES and feature != "ribosome"}
        ribosomes = _positions(name, volume.header.geometry())
        if ribosomes is not None:
            scale = np.array(seen.shape) / np.array(volume.voxels.shape)
            ribosomes = ribosomes * scale
            add_ribosomes(targets, ribosomes, size / scale)
            known.add("ribosome")
        places = np.zeros((0, 3)) if ribosomes is None else ribosomes
        return [Example(seen, targets, frozenset(known), places, self.canonical.voxel_size_angstrom)]

    def check(self, features: tuple[str, ...]) -> None:
        """Refuse what nothing can be learned from.

        Raises:
            ConfigurationError: a label volume has another shape than its tomogram, or a feature is nowhere.
        """
        found = 0
        for number in range(len(self.names)):
            for example in self.examples(number):
                found |= int(np.bitwise_or.reduce(example.targets, axis=None))
        if nowhere := [feature for feature in features if not found & bit(feature)]:
            raise ConfigurationError(
                f"{self.names[0].parent}: nothing is annotated as {', '.join(nowhere)}; "
                "leave it out with --features, or annotate some."
            )


def _annotations(path: Path) -> bool:
    endings = ("_labels.mrc", "_ribosome.star", "_ribosome.copick.json")
    return any(path.with_name(path.stem + ending).exists() for ending in endings)


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


def _positions(name: Path, geometry: TomogramGeometry) -> npt.NDArray[np.float64] | None:
    """Ribosomes (n, 3) as voxel indices (z, y, x); None where nobody said where they are."""
    for ending in ("copick.json", "star"):
        path = Path(f"{name}_ribosome.{ending}")
        if path.exists():
            return geometry.of_corner(read_positions(path, "ribosome", geometry).xyz_angstrom)[:, ::-1]
    return None
