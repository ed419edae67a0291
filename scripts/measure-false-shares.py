"""How well decoys tell the share of false picks: measure it on simulated tomograms, fit it, and show what is claimed.

    python scripts/measure-false-shares.py measure fit.jsonl cellular --first-seed 600001 --templates maps
    python scripts/measure-false-shares.py fit fit.jsonl --recipe cellular
    python scripts/measure-false-shares.py show test.jsonl --recipe cellular --calibration 1.156 0.788 --picture new.png

`measure` adds a line for each tomogram and goes on where it was stopped. Every fourth tomogram holds no ribosome at
all (each kind of such specimens in turn), every fourth is a cell with lookalikes, the others are cells.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before anybody imports torch

import numpy as np
import torch
from tqdm import tqdm

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.false_share import DecoyCalibration
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.tomogram import TomogramId
from livetomo.evaluate.decoy_calibration import Measured, deciles, fit
from livetomo.evaluate.matching import match as owners
from livetomo.evaluate.plot import plot_claimed_against_true
from livetomo.evaluate.positions import read_positions
from livetomo.processing.networks.package import Models
from livetomo.processing.pick.false_share import FalseShares, false_shares
from livetomo.processing.pipeline.before_denoising import look_and_clip_
from livetomo.processing.pipeline.decoys import with_decoys_
from livetomo.processing.pipeline.denoise import denoise_
from livetomo.processing.pipeline.feature_maps import segment
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.processing.pipeline.find_particles import FoundParticles
from livetomo.processing.pipeline.input_facts import settle_voxel_size
from livetomo.processing.pipeline.input_volume import normalise_input_
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.pick_particles import interact, pick
from livetomo.processing.pipeline.read_input import read_source_header, read_tensor
from livetomo.simulate.negatives import NULLS
from livetomo.simulate.random_cell import Library
from livetomo.simulate.templates import load_templates
from livetomo.simulate.tomogram import Simulated, simulate_cell, simulate_lookalikes, simulate_null
from livetomo.simulate.write import write_tomogram
from livetomo.system.sampled_digest import digest_file

FEATURE = "ribosome"
MATCH_RADIUS_ANGSTROM = 75.0
FEWEST_SHOWN = 5


def main() -> None:
    """Measure, fit or show."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = words.add_subparsers(dest="part", required=True)
    measuring = parts.add_parser("measure")
    measuring.add_argument("file", type=Path)
    measuring.add_argument("recipes", nargs="+")
    measuring.add_argument("--templates", type=Path, required=True)
    measuring.add_argument("--map-tables", type=Path, help="masses of the templates; default: maps.toml among them")
    measuring.add_argument("--ribosome", default="4v4r")
    measuring.add_argument("--first-seed", type=int, required=True)
    measuring.add_argument("--tomograms", type=int, default=60)
    measuring.add_argument("--shape", type=int, nargs=3, default=(128, 256, 256))
    measuring.add_argument("--voxel-size", type=float, default=10.0)
    fitting = parts.add_parser("fit")
    fitting.add_argument("files", type=Path, nargs="+")
    fitting.add_argument("--recipe", required=True)
    showing = parts.add_parser("show")
    showing.add_argument("files", type=Path, nargs="+")
    showing.add_argument(
        "--recipe",
        nargs=3,
        action="append",
        required=True,
        metavar=("NAME", "INTERCEPT", "DECOYS"),
        help="a recipe and its calibration; may be repeated",
    )
    showing.add_argument("--picture", type=Path)
    wanted = words.parse_args()
    match wanted.part:
        case "measure":
            measure(wanted)
        case "fit":
            print(fit(_read(wanted.files, wanted.recipe)))
        case "show":
            rules = {name: DecoyCalibration(float(a), float(b)) for name, a, b in wanted.recipe}
            show(wanted.files, rules, wanted.picture)


def measure(wanted: argparse.Namespace) -> None:
    """A line for each tomogram that has none yet."""
    torch.set_num_threads(1)
    done = (
        {json.loads(line)["seed"] for line in wanted.file.read_text().splitlines()} if wanted.file.exists() else set()
    )
    geometry = TomogramGeometry(tuple(wanted.shape), wanted.voxel_size)
    library = Library.of(load_templates(wanted.templates, wanted.map_tables), wanted.ribosome)
    models = Models("cpu")
    for number in tqdm(range(wanted.tomograms), unit="tomogram"):
        seed = wanted.first_seed + number
        if seed in done:
            continue
        with TemporaryDirectory(prefix="livetomo-decoys-") as scratch:
            simulated = _simulated(seed, number, geometry, library)
            write_tomogram(Path(scratch), "sim", simulated)
            truth = _truth(Path(scratch), geometry)
            line = {"seed": seed, "specimen": simulated.specimen, "snr": simulated.microscope.snr}
            for recipe in wanted.recipes:
                line[recipe] = _candidates(Path(scratch) / "sim.mrc", recipe, truth, geometry, models)
        with wanted.file.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _simulated(seed: int, number: int, geometry: TomogramGeometry, library: Library) -> Simulated:
    match number % 4:
        case 3:
            return simulate_null(seed, geometry, NULLS[number // 4 % len(NULLS)])
        case 2:
            return simulate_lookalikes(seed, geometry, library=library)
    return simulate_cell(seed, geometry, library=library)


def _truth(folder: Path, geometry: TomogramGeometry) -> np.ndarray:
    """Å (n, 3), x first."""
    path = folder / f"sim_{FEATURE}.copick.json"
    return read_positions(path, FEATURE, geometry).xyz_angstrom if path.exists() else np.zeros((0, 3))


def _candidates(
    path: Path, name: str, truth: np.ndarray, geometry: TomogramGeometry, models: Models
) -> dict[str, list[float]]:
    """Of each candidate, strongest first: its score, whether it is true, and how many decoys are at least as strong."""
    recipe = load_recipe(name)
    picks = tuple(rule.model_copy(update={"decoys": True, "candidate_threshold": 0.01}) for rule in recipe.pick)
    found = _found(path, recipe.model_copy(update={"pick": picks}), models)
    shares, candidates = found.false_shares[FEATURE], found.candidates[FEATURE]
    if not isinstance(shares, FalseShares):
        return {"score": [], "true": [], "decoys": []}
    xyz_angstrom = candidates.position[:, ::-1] * geometry.voxel_size_angstrom
    own = owners(xyz_angstrom, truth, MATCH_RADIUS_ANGSTROM) >= 0
    return {
        "score": [round(float(score), 5) for score in shares.score],
        "true": [int(each) for each in own],
        "decoys": [int(each) for each in shares.decoys],
    }


def _found(path: Path, recipe: Recipe, models: Models) -> FoundParticles:
    """The stages of a tomogram's processing up to its particles."""
    spec = JobSpec(TomogramId("process", "process", path.stem), 1, path, digest_file(path), recipe.hash, recipe, 10.0)
    declared = read_source_header(spec)
    tomogram = declared.geometry(settle_voxel_size(spec, declared).angstrom)
    plan = plan_features(recipe, tomogram, models)
    volume, _ = read_tensor(spec, torch.device("cpu"))
    blank, _ = normalise_input_(volume, spec)
    _, inputs = look_and_clip_(volume, plan, spec, blank)
    volume = denoise_(volume, spec, tomogram, blank).volume
    nothing = None if blank is None else blank.mask
    maps = segment(volume, inputs, plan, models, nothing)
    maps = with_decoys_(maps, volume, inputs, plan, models, nothing)
    return pick(interact(maps, plan), plan)


def show(files: Sequence[Path], rules: Mapping[str, DecoyCalibration], picture: Path | None) -> None:
    """A table of what is claimed and what is true for each recipe, and one picture of all."""
    curves = {}
    for recipe, rule in rules.items():
        measured = _read(files, recipe)
        shown = deciles((one, _claimed(one, rule)) for one in measured)
        print(f"\n{recipe}: {len(measured)} tomograms\n")
        print("| claimed | tomograms | claimed, mean | true, mean | true, standard deviation |")
        print("|---|---|---|---|---|")
        for one in shown:
            cells = (f"{one.low:.1f} to {one.low + 0.1:.1f}", one.tomograms, f"{one.claimed:.2f}", f"{one.true:.2f}")
            print(f"| {' | '.join(map(str, cells))} | {one.spread:.2f} |")
        often = [one for one in shown if one.tomograms >= FEWEST_SHOWN]
        curves[recipe] = (np.array([one.claimed for one in often]), np.array([one.true for one in often]))
    if picture is not None:
        plot_claimed_against_true(picture, curves)


def _claimed(one: Measured, calibration: DecoyCalibration) -> np.ndarray:
    """What the estimate says; the decoys' scores matter by their numbers above each candidate alone."""
    steps = np.diff(one.decoys, prepend=0)
    shares = false_shares(one.score, np.repeat(one.score, steps), calibration)
    assert isinstance(shares, FalseShares), "shorter lists were not kept"
    return shares.value


def _read(files: Sequence[Path], recipe: str) -> list[Measured]:
    read = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    lines = [line[recipe] for line in read if recipe in line]
    columns = (
        (np.array(line["score"], np.float32), np.array(line["true"], bool), np.array(line["decoys"], np.intp))
        for line in lines
    )
    return [Measured(*column) for column in columns if len(column[0])]


if __name__ == "__main__":
    main()
