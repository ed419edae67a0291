"""Score recipes on simulated tomograms: `python scripts/score-recipes.py --templates MAPS --ribosome 4v4r cellular …`.

Networks that learned from simulations are scored on simulations: scores compare methods, and do not say how well any
of them does on a microscope's tomograms.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before anybody imports torch

import numpy as np
from tqdm import tqdm

from livetomo.cli.one_shot import make
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate.matching import Counts, count
from livetomo.evaluate.positions import Positions, read_positions
from livetomo.evaluate.segmentation import ProbabilityHistogram, curve, where_seen
from livetomo.formats.mrc import PROBABILITY_SCALE, read_volume
from livetomo.processing.pipeline.run import run
from livetomo.simulate.random_cell import Library
from livetomo.simulate.templates import load_templates
from livetomo.simulate.tomogram import simulate_cell
from livetomo.simulate.truth import label_of
from livetomo.simulate.write import write_tomogram

FIRST_SEED = 90_001
"""Far from the seeds that trainings use; thresholds are chosen on others, for which --first-seed is."""
GEOMETRY = TomogramGeometry((128, 256, 256), voxel_size_angstrom=10.0)
RIBOSOME_RADIUS_ANGSTROM = 150.0
HIDDEN_REACH_ANGSTROM = 60.0


@dataclass
class Score:
    """Of one recipe at one signal-to-noise ratio, over all its tomograms."""

    picks: Counts
    membrane: ProbabilityHistogram
    membrane_seen: ProbabilityHistogram

    @staticmethod
    def nothing() -> "Score":
        """Before the first tomogram."""
        empty = ProbabilityHistogram(np.zeros(256, np.int64), np.zeros(256, np.int64))
        return Score(Counts(0, 0, 0), empty, empty)


def main() -> None:
    """Print a table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("recipes", nargs="+")
    words.add_argument("--templates", type=Path, required=True)
    words.add_argument("--map-tables", type=Path, help="masses of the templates; default: maps.toml among them")
    words.add_argument("--ribosome", required=True)
    words.add_argument("--snr", type=float, nargs="+", default=[0.05, 0.1, 0.2, 0.3])
    words.add_argument("--tomograms", type=int, default=4, help="at each SNR")
    words.add_argument("--first-seed", type=int, default=FIRST_SEED)
    wanted = words.parse_args()
    library = Library.of(load_templates(wanted.templates, wanted.map_tables), wanted.ribosome)
    scores = {(recipe, snr): Score.nothing() for recipe in wanted.recipes for snr in wanted.snr}
    with TemporaryDirectory(prefix="livetomo-score-") as scratch, tqdm(total=len(wanted.snr) * wanted.tomograms) as bar:
        for level, snr in enumerate(wanted.snr):
            for number in range(wanted.tomograms):
                seed = wanted.first_seed + level * wanted.tomograms + number
                simulated = simulate_cell(seed, GEOMETRY, library=library, snr=(snr, snr))
                write_tomogram(Path(scratch), f"sim_{seed}", simulated)
                for recipe in wanted.recipes:
                    _add(scores[recipe, snr], recipe, Path(scratch), f"sim_{seed}")
                bar.update()
    print("| recipe | SNR | ribosomes | recall | precision | F4 | membrane Dice, seen | all | at its best |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (recipe, snr), score in scores.items():
        _print(recipe, f"{snr:g}", score)
    for recipe in wanted.recipes:
        parts = [score for (name, _), score in scores.items() if name == recipe]
        _print(recipe, "all", _sum(parts))


def _add(score: Score, name: str, folder: Path, tomogram: str) -> None:
    path = folder / f"{tomogram}.mrc"
    recipe = load_recipe(name)
    recipe = recipe.model_copy(update={"keep": ("probabilities",)})
    made, _ = make(path, tomogram, name, recipe, folder / "results", lambda order, attempt: run(order, attempt))
    true = folder / f"{tomogram}_ribosome.copick.json"
    truth = read_positions(true, "ribosome", GEOMETRY) if true.exists() else Positions(np.zeros((0, 3)), np.zeros(0))
    found = read_positions(made.folder, "ribosome", GEOMETRY)
    threshold = next(rule.threshold for rule in recipe.pick if rule.feature == "ribosome")
    published = found.xyz_angstrom[found.score >= threshold]
    score.picks += count(published, truth.xyz_angstrom, RIBOSOME_RADIUS_ANGSTROM / 2)
    membrane = made.folder / "probabilities" / "membrane.mrc"
    if membrane.exists():
        claimed = read_volume(membrane).voxels.astype(np.float32) / PROBABILITY_SCALE
        labels = read_volume(folder / f"{tomogram}_labels.mrc").voxels == label_of("membrane")
        normals = read_volume(folder / f"{tomogram}_normal_z.mrc").voxels.astype(np.float32) / 100
        seen = where_seen(labels, normals, reach_voxels=GEOMETRY.voxels(HIDDEN_REACH_ANGSTROM))
        score.membrane += curve(claimed, labels)
        score.membrane_seen += curve(claimed, labels, seen)


def _sum(parts: list[Score]) -> Score:
    total = Score.nothing()
    for part in parts:
        total.picks += part.picks
        total.membrane += part.membrane
        total.membrane_seen += part.membrane_seen
    return total


def _print(recipe: str, snr: str, score: Score) -> None:
    picks = score.picks
    true = picks.true_positives + picks.false_negatives
    some = score.membrane.inside.sum() + score.membrane.outside.sum() > 0
    dice = [score.membrane_seen.dice(), score.membrane.dice(), _best_dice(score.membrane_seen)]
    cells = " | ".join(f"{value:.3f}" if some else "-" for value in dice)
    print(f"| {recipe} | {snr} | {true} | {picks.recall:.3f} | {picks.precision:.3f} | {picks.f(4):.3f} | {cells} |")


def _best_dice(membrane: ProbabilityHistogram) -> float:
    """At whatever threshold it is largest: methods whose maps are no probabilities are compared so."""
    recall, precision = membrane.points()
    return float(np.max(2 * recall * precision / np.maximum(recall + precision, 1e-9)))


if __name__ == "__main__":
    main()
