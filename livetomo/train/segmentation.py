"""Train a segmentation network from its sources to its model package."""

import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from livetomo.config.model_card import Card
from livetomo.core.errors import ConfigurationError
from livetomo.processing.networks.package import load_model
from livetomo.processing.particle_map.read import map_name, map_paths
from livetomo.train.annotated import AnnotatedExamples
from livetomo.train.example import Example
from livetomo.train.pool import Pool, Source, workers
from livetomo.train.simulated import SimulatedExamples
from livetomo.train.trainer import Trainer, TrainingPlan

HELD_OUT = 5
"""Of annotated tomograms, every so manieth is for validation alone."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is learned from. pool: specimens that are in memory at once; renew_every: steps until one is replaced."""

    simulated: SimulatedExamples | None
    annotated: tuple[AnnotatedExamples, ...] = ()
    pool: int = 64
    renew_every: int = 4
    validation: int = 24
    workers: int = 0

    @property
    def processes(self) -> int:
        """How many processes make examples: as given, or one for each core but the trainer's."""
        return self.workers or max(1, (os.cpu_count() or 2) - 1)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Several sources in turn."""

    sources: tuple[Source, ...]

    def examples(self, number: int) -> Sequence[Example]:
        """See `Source`."""
        return self.sources[number % len(self.sources)].examples(number // len(self.sources))


def train_segmentation(
    plan: TrainingPlan,
    sources: Sources,
    folder: Path,
    *,
    name: str,
    device: str,
    start: Path | None = None,
    voxel_range_angstrom: tuple[float, float] | None = None,
    progress: Callable[[int, float], None] = lambda step, value: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Train, or go on, in `folder`; `NAME.safetensors` there is the result. Returns its figures on the validation.

    start: a model package to begin with; see `carry_over` for what is taken from it. voxel_range_angstrom: as the card
    is to say it.

    Raises:
        ConfigurationError: the sources do not suit the plan.
        TrainingDiverged: the loss is not a number any more.
    """
    _check(plan, sources)
    network = load_model(start).network if start is not None else None
    trainer = Trainer(plan, folder, torch.device(device), network)
    if trainer.begun_with is not None:
        say(f"{start}: {trainer.begun_with}")
    learned, held_out = _split(sources)
    with workers(sources.processes) as executor:
        validation = _gather(held_out, sources, executor)
        pool = Pool(
            learned, size=sources.pool, renew_every=sources.renew_every, executor=executor, ahead=2 * sources.processes
        )
        figures = trainer.run(pool.at, validation, progress)
    card = Card.of(
        name,
        plan.layout,
        plan.canonical,
        data=_described(sources),
        seed=plan.seed,
        steps=plan.steps,
        commit=commit(),
        device=device_name(device),
        voxel_range_angstrom=voxel_range_angstrom,
        centres_angstrom={goal.feature: goal.centre.radius_angstrom for goal in plan.learned if goal.centre},
        metrics={"validation": figures},
    )
    trainer.export(folder / f"{name}.safetensors", card)
    return figures


def _check(plan: TrainingPlan, sources: Sources) -> None:
    if sources.simulated is None and not sources.annotated:
        raise ConfigurationError("there is nothing to learn from: give --annotated, or leave --no-simulated out")
    if plan.patch % plan.layout.multiple:
        raise ConfigurationError(f"--patch {plan.patch} is not a multiple of {plan.layout.multiple}, as --levels needs")
    if sources.simulated is None:
        for annotated in sources.annotated:
            annotated.check(plan.layout.features)


def _split(sources: Sources) -> tuple[Source, tuple[Source, ...]]:
    """What is learned from, and what is only for validation."""
    learned: list[Source] = []
    held_out: list[Source] = []
    if sources.simulated is not None:
        learned.append(sources.simulated)
        held_out.append(replace(sources.simulated, validation=True, looks=1))
    for annotated in sources.annotated:
        aside = annotated.names[HELD_OUT - 1 :: HELD_OUT]
        rest = tuple(name for name in annotated.names if name not in aside)
        learned.append(replace(annotated, names=rest))
        if aside:
            held_out.append(replace(annotated, names=aside))
    return Mixed(tuple(learned)), tuple(held_out)


def _gather(held_out: tuple[Source, ...], sources: Sources, executor: ProcessPoolExecutor) -> list[Example]:
    coming = []
    for source in held_out:
        count = len(source.names) if isinstance(source, AnnotatedExamples) else sources.validation
        coming += [executor.submit(source.examples, number) for number in range(count)]
    return [example for future in coming for example in future.result()]


def _described(sources: Sources) -> str:
    parts = []
    if (simulated := sources.simulated) is not None:
        maps = "procedural shapes"
        if simulated.templates is not None:
            names = sorted(map(map_name, map_paths(simulated.templates)))
            maps = f"procedural shapes and the densities {', '.join(names)} (ribosome: {simulated.ribosome})"
        parts.append(f"simulated cells, {maps}")
        if simulated.negatives or simulated.nulls or simulated.scrambled:
            parts.append(
                f"of the specimens {simulated.negatives:.0%} with lookalikes of membranes and ribosomes, "
                f"{simulated.nulls:.0%} without either; of the images {simulated.scrambled:.0%} with random phases, "
                f"{simulated.finished:.0%} filtered or denoised"
            )
    parts += [f"{len(annotated.names)} annotated tomograms" for annotated in sources.annotated]
    return "; ".join(parts)


def commit() -> str:
    """Of the code that trains; empty where it is not a checkout."""
    described = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip() if described.returncode == 0 else ""


def device_name(device: str) -> str:
    """As a card is to say it."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
