"""What a training of particles chooses where a person has not: from the particles' sizes, the device and the time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from livetomo.config.model_card import Layout
from livetomo.processing.networks.tile_memory import has_bfloat16
from livetomo.processing.networks.unet import Network
from livetomo.simulate.species import Species
from livetomo.train.goals import Centre, Goal
from livetomo.train.trainer import TrainingPlan, loss

FINEST_ANGSTROM, COARSEST_ANGSTROM = 10.0, 14.0
SMALLEST_VOXELS, LARGEST_VOXELS = 8.0, 24.0
LEAST_RADIUS_VOXELS = 2.2
"""Smaller spheres are not learned."""
SPACING_DIAMETERS = 0.6
MATCH_DIAMETERS = 0.25
"""Half a particle's radius, as in the CZII challenge."""
_TIMED_STEPS = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast this machine is: seconds for a step, and for a specimen of one process."""

    step_seconds: float
    specimen_seconds: float

    def steps(self, minutes: float) -> int:
        """How many fit into so much time."""
        return max(1, round(60 * minutes / self.step_seconds))

    def renew_every(self, workers: int) -> int:
        """Steps after which so many processes have made a new specimen."""
        return max(1, int(np.ceil(self.specimen_seconds / workers / self.step_seconds)))


def chosen_voxel_size(species: Sequence[Species]) -> float:
    """So small that the smallest species is `SMALLEST_VOXELS` wide, but no smaller than 10 Å nor larger than 14, in Å.

    And no smaller than that a training piece of 48 voxels holds two of the largest species side by side: for a small
    one beside large ones a network would see too little of these.
    """
    diameters = [one.shape.diameter_angstrom for one in species]
    wanted = max(min(diameters) / SMALLEST_VOXELS, max(diameters) / LARGEST_VOXELS)
    return round(float(np.clip(wanted, FINEST_ANGSTROM, COARSEST_ANGSTROM)), 1)


def goals_of(species: Sequence[Species], voxel_size_angstrom: float) -> tuple[Goal, ...]:
    """What is learned of each: a sphere of its radius of gyration, which counts the more the smaller it is."""
    goals = []
    for one in species:
        radius = max(one.radius_of_gyration_angstrom, LEAST_RADIUS_VOXELS * voxel_size_angstrom)
        diameter = one.shape.diameter_angstrom
        weight = float(np.clip(4 * (95 / radius) ** 1.5, 4, 20))
        goals.append(Goal(one.name, weight, Centre(radius, SPACING_DIAMETERS * diameter, MATCH_DIAMETERS * diameter)))
    return tuple(goals)


def measured_pace(plan: TrainingPlan, device: torch.device, make_specimen: Callable[[int], object]) -> Pace:
    """A few steps and specimens, timed; each kind once before, unmeasured."""
    make_specimen(0)
    began = time.perf_counter()
    for number in (1, 2):
        make_specimen(number)
    specimen_seconds = (time.perf_counter() - began) / 2
    step = _step(plan.layout, plan.batch, plan.patch, device)
    step()
    began = time.perf_counter()
    for _ in range(_TIMED_STEPS):
        step()
    return Pace((time.perf_counter() - began) / _TIMED_STEPS, specimen_seconds)


def _step(layout: Layout, batch: int, patch: int, device: torch.device) -> Callable[[], float]:
    """One that learns from noise, as long as one that learns from examples."""
    network = Network(layout).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters())
    seen = torch.randn(batch, 1, patch, patch, patch, device=device)
    seen = seen.contiguous(memory_format=torch.channels_last_3d)
    targets = torch.zeros(batch, len(layout.features), patch, patch, patch, device=device)
    known = torch.ones(batch, len(layout.features), device=device)

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device)):
            logits = network(seen)
        value = loss(logits, targets, known, [1.0] * len(layout.features))
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(value.detach())

    return step
