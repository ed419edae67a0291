"""The training itself: step by step, so that it can be stopped anywhere and goes on as if it had not been."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from livetomo.config.model_card import Canonical, Card, Layout
from livetomo.core.errors import ConfigurationError, LivetomoError
from livetomo.processing.networks.package import save_model
from livetomo.processing.networks.tile_memory import has_bfloat16
from livetomo.processing.networks.unet import Network
from livetomo.system.atomic_write import replacing
from livetomo.train.batch import make_batch
from livetomo.train.example import Example
from livetomo.train.goals import CELLULAR, Goal
from livetomo.train.score import score
from livetomo.train.trunk import CarriedOver, carry_over

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
_CROSS_ENTROPY, _OVERLAP = 3.0, 0.7


class TrainingDiverged(LivetomoError, reason="training diverged"):
    """The loss is not a number any more."""

    def __init__(self, step: int, rate: float) -> None:
        super().__init__(
            f"the loss is not a number at step {step}. Start again with another --seed, or with a lower rate than "
            f"{rate:g}; the last checkpoint is from before."
        )


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is trained, and how. The same plan on the same device and data gives the same network.

    goals: of the layout's features, and maybe of others; all that have a bit in the examples, in that order.
    around: of the pieces that are learned from, the share that lies around a feature, each feature alike; the rest lie
        anywhere. The worth of the default was not measured by itself.
    average: of the weights that are kept, the share that a step leaves. warm_up: steps until the full rate.
    """

    layout: Layout
    canonical: Canonical = field(default_factory=Canonical)
    steps: int = 20_000
    batch: int = 8
    patch: int = 64
    rate: float = 2e-3
    decay: float = 1e-4
    warm_up: int = 100
    average: float = 0.998
    clip: float = 5.0
    seed: int = 1
    score_every: int = 1000
    save_every: int = 200
    goals: tuple[Goal, ...] = CELLULAR
    around: float = 0.25

    @property
    def learned(self) -> tuple[Goal, ...]:
        """The goals of the layout's features, in its order."""
        by_feature = {goal.feature: goal for goal in self.goals}
        return tuple(by_feature[feature] for feature in self.layout.features)

    def rate_at(self, step: int) -> float:
        """A linear start, then half a cosine down to nothing."""
        start = min(1.0, (step + 1) / max(self.warm_up, 1))
        return self.rate * start * 0.5 * (1 + math.cos(math.pi * min(step / max(self.steps, 1), 1.0)))


class Trainer:
    """One training in a folder of its own, which holds its checkpoint, its log and in the end its model package.

    begun_with: what was taken from the network that it began with; None where there was none, or where it goes on.
    """

    def __init__(self, plan: TrainingPlan, folder: Path, device: torch.device, start: Network | None = None) -> None:
        self.plan = plan
        self.folder = folder
        self.device = device
        self.step = 0
        torch.manual_seed(plan.seed)
        self.network = Network(plan.layout)
        self.begun_with: CarriedOver | None = None
        if start is not None:
            self.begun_with = carry_over(start, self.network)
        self.network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # torch's stubs
        self.kept = Network(plan.layout).to(device)
        self.kept.load_state_dict(self.network.state_dict())
        self._optimiser = torch.optim.AdamW(self.network.parameters(), lr=plan.rate, weight_decay=plan.decay)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self._resume()

    def run(
        self,
        pool: Callable[[int], Sequence[Example]],
        validation: Sequence[Example],
        progress: Callable[[int, float], None] = lambda step, value: None,
    ) -> dict[str, float]:
        """Go on to the plan's last step; the figures on `validation` at its end.

        pool: the examples to draw from at a step. progress: gets each step's number and loss.

        Raises:
            TrainingDiverged: the loss is not a number.
        """
        try:
            while self.step < self.plan.steps:
                value = self._learn(pool(self.step))
                self.step += 1
                progress(self.step, value)
                if self.step % self.plan.score_every == 0 and self.step < self.plan.steps:
                    self._note({"step": self.step, "loss": value} | self._score(validation))
                if self.step % self.plan.save_every == 0:
                    self._save()
        except KeyboardInterrupt:
            self._save()
            raise
        figures = self._score(validation)
        self._note({"step": self.step} | figures)
        self._save()
        return figures

    def export(self, path: Path, card: Card) -> None:
        """Write the averaged weights as a model package."""
        save_model(path, self.kept, card)

    def _score(self, validation: Sequence[Example]) -> dict[str, float]:
        return score(self.kept, validation, self.plan.learned, self.device)

    def _learn(self, examples: Sequence[Example]) -> float:
        plan = self.plan
        rng = np.random.default_rng([plan.seed, 3, self.step])
        features = plan.layout.features
        batch = make_batch(
            examples,
            features,
            count=plan.batch,
            patch=plan.patch,
            around=plan.around,
            rng=rng,
            device=self.device,
        )
        for group in self._optimiser.param_groups:
            group["lr"] = plan.rate_at(self.step)
        self.network.train()
        self._optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=has_bfloat16(self.device)):
            logits = self.network(batch.volume.contiguous(memory_format=torch.channels_last_3d))
        value = loss(logits, batch.targets, batch.known, tuple(goal.weight for goal in plan.learned))
        if not torch.isfinite(value):
            raise TrainingDiverged(self.step, plan.rate)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), plan.clip)
        self._optimiser.step()
        self._average()
        return float(value.detach())

    @torch.no_grad()
    def _average(self) -> None:
        """Follow the weights slowly; at first faster, or the start would be remembered too long."""
        share = min(self.plan.average, (1 + self.step) / (10 + self.step))
        for kept, new in zip(self.kept.state_dict().values(), self.network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - share)
            else:
                kept.copy_(new)

    def _save(self) -> None:
        content: dict[str, Any] = {
            "plan": json.dumps(asdict(self.plan)),
            "step": self.step,
            "network": self.network.state_dict(),
            "kept": self.kept.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        with replacing(self.folder / CHECKPOINT) as scratch:
            torch.save(content, scratch)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        content: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        before, now = json.loads(content["plan"]), json.loads(json.dumps(asdict(self.plan)))
        before = json.loads(json.dumps(asdict(TrainingPlan(self.plan.layout)))) | before  # without what came later
        free = ("steps", "score_every", "save_every")
        if changed := [key for key in now if key not in free and before[key] != now[key]]:
            raise ConfigurationError(
                f"{path}: was begun with another {', '.join(changed)}. Go on with the same, or train in another folder."
            )
        self.step, self.begun_with = content["step"], None
        state: dict[str, Tensor] = content["network"]
        self.network.load_state_dict(state)
        self.kept.load_state_dict(content["kept"])
        self._optimiser.load_state_dict(content["optimiser"])

    def _note(self, figures: dict[str, float]) -> None:
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(figures) + "\n")


def loss(logits: Tensor, targets: Tensor, known: Tensor, weights: Sequence[float]) -> Tensor:
    """How wrong a network is: cross-entropy for every voxel, and overlap for every feature.

    `Batch` says what the tensors are. Features that are not known count for nothing. weights: see `Goal`.
    """
    logits = logits.float()
    weight = torch.tensor(weights, device=logits.device)
    entropy = functional.binary_cross_entropy_with_logits(
        logits, targets, pos_weight=weight[:, None, None, None], reduction="none"
    ).mean(dim=(2, 3, 4))
    mask = known[:, :, None, None, None]
    probability = torch.sigmoid(logits) * mask
    wanted = targets * mask
    both = (probability * wanted).sum(dim=(0, 2, 3, 4))
    either = probability.sum(dim=(0, 2, 3, 4)) + wanted.sum(dim=(0, 2, 3, 4))
    overlap = 1 - (2 * both + 100.0) / (either + 100.0)
    # A feature that is nowhere in the batch has no overlap to gain. Were it asked for none, rare ones would die out.
    some = (wanted.sum(dim=(0, 2, 3, 4)) > 0).float()
    return _CROSS_ENTROPY * (entropy * known).sum() / known.sum().clamp(min=1) + _OVERLAP * (
        overlap * some
    ).sum() / some.sum().clamp(min=1)
