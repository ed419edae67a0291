"""Train a picker for several species from their maps alone: from choices to package, recipe and figures."""

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from livetomo.config.model_card import Canonical, Card, Layout, read_card
from livetomo.core.errors import ConfigurationError
from livetomo.core.false_share import DecoyCalibration
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.networks.package import load_model
from livetomo.simulate.species import Mixture, Species
from livetomo.system.atomic_write import replace_text
from livetomo.train.goals import Goal
from livetomo.train.particle_choices import Pace, goals_of, measured_pace
from livetomo.train.particle_evaluation import Evaluation, evaluate
from livetomo.train.particle_recipe import recipe_of
from livetomo.train.pool import Pool, workers
from livetomo.train.segmentation import commit, device_name
from livetomo.train.simulated_particles import HeldOutParticles, SimulatedParticles
from livetomo.train.trainer import Trainer, TrainingPlan

BEGUN = "training.json"
EVALUATED_SNR = (0.05, 0.1, 0.2, 0.3)
EVALUATED_SHAPE_ZYX = (96, 192, 192)
EVALUATED_VOXEL_ANGSTROM = 10.0
_RATE, _RATE_FROM_TRUNK = 3e-3, 2e-3
_COARSER, _FINER = 1.1, 6.0
"""Voxels of tomograms that the network is run on, in shares of its own: finer ones are averaged to its own."""
_SCORES = 6


@dataclass(frozen=True, slots=True)
class ParticleOptions:
    """What a person has asked for, or what was chosen in place of it. The same options give the same network.

    facts: of each map, by species, what says that it is the same: stored with the training. start: a package to begin
    with. rate: None for the one that suits a beginning from a trunk, or from nothing. pool: specimens in memory;
    choosing, held_out: specimens that choose thresholds, and that judge.
    """

    mixture: Mixture
    facts: Mapping[str, Mapping[str, Any]]
    voxel_size_angstrom: float
    base: int = 16
    levels: int = 4
    batch: int = 4
    patch: int = 48
    rate: float | None = None
    seed: int = 1
    pool: int = 32
    validation: int = 6
    choosing: int = 6
    held_out: int = 8
    workers: int = 0
    start: Path | None = None

    @property
    def processes(self) -> int:
        """How many processes make specimens: as given, or one for each core but the trainer's."""
        return self.workers or max(1, (os.cpu_count() or 2) - 1)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What is learned of each species."""
        return goals_of(self.mixture.species, self.voxel_size_angstrom)

    @property
    def simulated(self) -> SimulatedParticles:
        """What is learned from."""
        return SimulatedParticles(self.seed, self.mixture, self.goals, Canonical.at(self.voxel_size_angstrom))

    def held_out_specimens(self, *, choosing: bool) -> HeldOutParticles:
        """What judges the network, or chooses its thresholds."""
        return HeldOutParticles(
            self.seed,
            self.mixture,
            self.goals,
            Canonical.at(self.voxel_size_angstrom),
            TomogramGeometry(EVALUATED_SHAPE_ZYX, EVALUATED_VOXEL_ANGSTROM),
            EVALUATED_SNR,
            choosing,
        )

    def plan(self, steps: int) -> TrainingPlan:
        """The training of so many steps."""
        features = tuple(species.name for species in self.mixture.species)
        rate = self.rate or (_RATE if self.start is None else _RATE_FROM_TRUNK)
        return TrainingPlan(
            Layout(features, self.base, self.levels),
            Canonical.at(self.voxel_size_angstrom),
            steps=steps,
            batch=self.batch,
            patch=self.patch,
            rate=rate,
            warm_up=30,
            average=0.99,
            seed=self.seed,
            score_every=max(steps // _SCORES, 1),
            save_every=100,
            goals=self.goals,
            around=0.5,
        )


@dataclass(frozen=True, slots=True)
class Length:
    """How long a training is: its steps, and after how many of them a new specimen comes."""

    steps: int
    renew_every: int


def length_of(options: ParticleOptions, folder: Path, device: str, *, minutes: float, steps: int | None) -> Length:
    """As the training in `folder` was begun, or else as many steps as fit into the time on this machine.

    Raises:
        ConfigurationError: the training there was begun with other options.
    """
    begun = _begun(folder)
    if begun is not None:
        _refuse_others(options, begun["options"], folder)
        return Length(steps or begun["steps"], begun["renew_every"])
    pace = _pace(options, device)
    length = Length(steps or pace.steps(minutes), pace.renew_every(options.processes))
    folder.mkdir(parents=True, exist_ok=True)
    content = {"options": _comparable(options), **asdict(length), "pace": asdict(pace)}
    replace_text(folder / BEGUN, json.dumps(content, indent=1) + "\n")
    return length


def train_particles(
    options: ParticleOptions,
    length: Length,
    folder: Path,
    *,
    name: str,
    device: str,
    progress: Callable[[int, float], None] = lambda step, value: None,
    say: Callable[[str], None] = lambda line: None,
) -> Card:
    """Train, or go on, in `folder`; `NAME.safetensors` and the recipe `NAME.toml` there are the result.

    say: gets a sentence at each turn. Returns the package's card, with the figures on the held-out specimens.

    Raises:
        TrainingDiverged: the loss is not a number any more.
    """
    on = torch.device(device)
    _share_cores(options, on)
    network = load_model(options.start).network if options.start is not None else None
    plan = options.plan(length.steps)
    trainer = Trainer(plan, folder, on, network)
    if trainer.begun_with is not None:
        say(f"{options.start}: {trainer.begun_with}")
    with workers(options.processes) as executor:
        aside = replace(options.simulated, validation=True, looks=1)
        coming = [executor.submit(aside.examples, number) for number in range(options.validation)]
        validation = [example for future in coming for example in future.result()]
        pool = Pool(
            options.simulated,
            size=options.pool,
            renew_every=length.renew_every,
            executor=executor,
            ahead=2 * options.processes,
        )
        trainer.run(pool.at, validation, progress)
        say(f"thresholds are chosen on {options.choosing} specimens that were not learned from")
        choosing = _evaluated(trainer, options, on, executor, choosing=True)
        chosen, calibrations = choosing.thresholds(), choosing.calibrations()
        say(f"the network is judged on {options.held_out} others")
        highest_f4 = {species: thresholds.highest_f4 for species, thresholds in chosen.items()}
        metrics = _evaluated(trainer, options, on, executor, choosing=False).metrics(highest_f4, calibrations)
    card = _card(options, plan, name, device, metrics, calibrations)
    trainer.export(folder / f"{name}.safetensors", card)
    replace_text(folder / f"{name}.toml", recipe_of(card, f"{name}.safetensors", options.goals, chosen))
    return card


def judged_again(
    model: Path,
    species: tuple[Species, ...],
    *,
    specimens: int,
    voxel_size_angstrom: float,
    snr: tuple[float, ...],
    seed: int,
    processes: int,
    device: str,
) -> dict[str, dict[str, float]]:
    """The figures of a package of `train_particles` on specimens of other densities, voxels or noise.

    species: those of its card, in that order. At the thresholds of its card.
    """
    loaded = load_model(model, device)
    card = loaded.card
    goals = tuple(
        replace(goal, centre=replace(goal.centre, radius_angstrom=card.centre_radii_angstrom[goal.feature]))
        for goal in goals_of(species, card.voxel_size_angstrom)
        if goal.centre is not None
    )
    geometry = TomogramGeometry(EVALUATED_SHAPE_ZYX, voxel_size_angstrom)
    source = HeldOutParticles(seed, Mixture(species), goals, card.canonical, geometry, snr)
    with workers(processes or max(1, (os.cpu_count() or 2) - 1)) as executor:
        found = evaluate(loaded.network, source, specimens, torch.device(device), executor)
    return found.metrics({name: card.metrics[name]["threshold"] for name in card.features}, card.decoy_calibration)


def _evaluated(
    trainer: Trainer, options: ParticleOptions, device: torch.device, executor: ProcessPoolExecutor, *, choosing: bool
) -> Evaluation:
    source = options.held_out_specimens(choosing=choosing)
    return evaluate(trainer.kept, source, options.choosing if choosing else options.held_out, device, executor)


def _card(
    options: ParticleOptions,
    plan: TrainingPlan,
    name: str,
    device: str,
    metrics: dict[str, dict[str, float]],
    calibrations: dict[str, DecoyCalibration],
) -> Card:
    species, size = options.mixture.species, options.voxel_size_angstrom
    begun = "from nothing" if options.start is None else f"from the network {read_card(options.start).name}"
    shape = " x ".join(map(str, EVALUATED_SHAPE_ZYX))
    return Card.of(
        name,
        plan.layout,
        plan.canonical,
        voxel_range_angstrom=(round(size / _FINER, 2), round(size * _COARSER, 2)),
        diameters_angstrom={one.name: round(one.shape.diameter_angstrom, 1) for one in species},
        centres_angstrom={goal.feature: round(goal.centre.radius_angstrom, 2) for goal in plan.learned if goal.centre},
        densities_per_um3={one.name: one.density_per_um3 for one in species},
        data=f"simulated specimens alone, of {len(species)} species from their maps, {begun}",
        seed=plan.seed,
        steps=plan.steps,
        commit=commit(),
        device=device_name(device),
        metrics=metrics,
        decoy_calibration=calibrations,
        limits=f"judged on {options.held_out} simulated specimens of {shape} voxels of {EVALUATED_VOXEL_ANGSTROM:g} Å "
        f"that chose nothing, each at SNR {', '.join(f'{snr:g}' for snr in EVALUATED_SNR)}, at the densities expected; "
        f"thresholds (those of the highest F4) and calibrations of decoys are of {options.choosing} others; "
        "nothing real was used",
    )


def _pace(options: ParticleOptions, device: str) -> Pace:
    on = torch.device(device)
    _share_cores(options, on)
    return measured_pace(options.plan(1), on, replace(options.simulated, validation=True).examples)


def _share_cores(options: ParticleOptions, device: torch.device) -> None:
    """Leave the others to the processes that simulate: with all cores, steps beside them take longer."""
    if device.type == "cpu":
        torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 2) - options.processes)))


def _begun(folder: Path) -> dict[str, Any] | None:
    path = folder / BEGUN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: content[key] for key in ("options", "steps", "renew_every")}
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError):
        raise ConfigurationError(f"{path}: says no training's options. Train in another folder.") from None


def _refuse_others(options: ParticleOptions, begun: Mapping[str, Any], folder: Path) -> None:
    now = _comparable(options)
    if changed := [key for key in now if begun.get(key) != now[key]]:
        raise ConfigurationError(
            f"{folder}: was begun with another {', '.join(changed)}. Go on with the same, or train in another folder."
        )


def _comparable(options: ParticleOptions) -> dict[str, Any]:
    """What a training that goes on must share with its beginning, by what a person calls it."""
    return {
        "map": {species: dict(facts) for species, facts in options.facts.items()},
        "expected": {one.name: one.density_per_um3 for one in options.mixture.species},
        "voxel-size": options.voxel_size_angstrom,
        "from": None if options.start is None else read_card(options.start).name,
        **{key: getattr(options, key) for key in ("base", "levels", "batch", "patch", "rate", "seed", "pool")},
    }
