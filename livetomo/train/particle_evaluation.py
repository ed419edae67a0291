"""How well a network finds species of particles, on simulated specimens that it never learned from."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from livetomo.core.false_share import DecoyCalibration
from livetomo.evaluate.decoy_calibration import FEWEST, Measured, fit
from livetomo.evaluate.species import NOTHING_NAMED, JudgedPicks, judge
from livetomo.processing.networks.unet import Network
from livetomo.processing.pick.false_share import FalseShares, decoys_at_least, false_shares
from livetomo.simulate.amounts import CUBIC_ANGSTROM_PER_UM3
from livetomo.train.goals import Goal
from livetomo.train.score import centre_picks, predict
from livetomo.train.simulated_particles import HeldOutParticles

Scores = npt.NDArray[np.float32]

LEAST_SCORE = 0.02
_FEWEST_SPECIMENS = 4
"""Fewer say nothing of how much specimens differ."""
PRECISION, LEAST_RECALL, DECIDING_SNR = 0.8, 0.5, 0.1
BETA = 4.0
"""F4 is the figure of the CZII challenge: recall counts 4 times as much as precision."""


@dataclass(frozen=True, slots=True)
class SpeciesThresholds:
    """Scores from which on a species' picks may be published.

    highest_f4: a half where there is no candidate. precise: from which on 80 % are right; None where no score does it.
    recall: the share of the particles that can be found so, at an SNR of 0.1.
    """

    highest_f4: float
    precise: float | None
    recall: float

    @property
    def is_publishable(self) -> bool:
        """Whether half of the particles are found while 80 % of the picks are right."""
        return self.precise is not None and self.recall >= LEAST_RECALL


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a network claims in held-out specimens.

    picks: by species and signal-to-noise ratio, of each specimen. decoys: the same, scores (n,) of what is found in the
        specimen with its contrast inverted, where nothing is to be found.
    """

    picks: Mapping[str, Mapping[float, Sequence[JudgedPicks]]]
    decoys: Mapping[str, Mapping[float, Sequence[Scores]]]
    volume_um3: float

    def ranked(self, species: str, snr: float | None = None) -> JudgedPicks:
        """A species' candidates at one signal-to-noise ratio, or at all."""
        by_snr = self.picks[species]
        return JudgedPicks.pooled(one for ratio, each in by_snr.items() if snr in (None, ratio) for one in each)

    def thresholds(self) -> dict[str, SpeciesThresholds]:
        """By species, what these specimens choose; `DECIDING_SNR` is one of their signal-to-noise ratios."""
        chosen = {}
        for species in self.picks:
            everything, deciding = self.ranked(species), self.ranked(species, DECIDING_SNR)
            best = everything.best_threshold(BETA)
            chosen[species] = SpeciesThresholds(
                0.5 if best is None else best,
                everything.threshold_at_precision(PRECISION),
                deciding.recall_at_precision(PRECISION),
            )
        return chosen

    def calibrations(self) -> dict[str, DecoyCalibration]:
        """By species, how the share of false picks follows from decoys; not of those that are hardly ever claimed."""
        measured = {species: [_measured(*each) for each in self._specimens(species)] for species in self.picks}
        enough = {name: [one for one in each if len(one.score) >= FEWEST] for name, each in measured.items()}
        return {name: fit(each) for name, each in enough.items() if len(each) >= _FEWEST_SPECIMENS}

    def claims(self, species: str, threshold: float, calibration: DecoyCalibration) -> dict[str, float]:
        """What share of the picks above a threshold decoys let expect to be false, beside what is; none if unknown."""
        claimed, true = [], []
        for picks, decoys in self._specimens(species):
            published = picks.above(threshold)
            shares = false_shares(picks.score, decoys, calibration)
            if isinstance(shares, FalseShares) and (said := shares.of_those_above(threshold)) is not None:
                claimed.append(said.value)
                true.append(1 - published.counts().precision)
        if not claimed:
            return {}
        error = np.abs(np.array(claimed) - np.array(true))
        return {
            "share of false picks, claimed": float(np.mean(claimed)),
            "share of false picks, true": float(np.mean(true)),
            "share of false picks, mean error": float(error.mean()),
        }

    def _specimens(self, species: str) -> Iterator[tuple[JudgedPicks, Scores]]:
        """The candidates of each specimen, and its decoys."""
        for snr, specimens in self.picks[species].items():
            yield from zip(specimens, self.decoys[species][snr], strict=True)

    def metrics(
        self, thresholds: Mapping[str, float], calibrations: Mapping[str, DecoyCalibration]
    ) -> dict[str, dict[str, float]]:
        """As a card says them: by species and of all; thresholds and calibrations are those that others chose."""
        species = list(self.picks)
        metrics = {name: self._metrics_of(name, thresholds[name], species) for name in species}
        for name, calibration in calibrations.items():
            claims = self.claims(name, thresholds[name], calibration)
            metrics[name] |= {key: round(value, 4) for key, value in claims.items()}
        means = {
            "mean average precision": [metrics[name]["average precision"] for name in species],
            "mean F4": [metrics[name]["F4"] for name in species],
        }
        return metrics | {"all species": {name: sum(values) / len(values) for name, values in means.items()}}

    def _metrics_of(self, name: str, threshold: float, species: Sequence[str]) -> dict[str, float]:
        everything = self.ranked(name)
        published = everything.above(threshold)
        counts, places = published.counts(), published.places(species)
        beside = places.pop(NOTHING_NAMED)
        volume = self.volume_um3 * sum(len(each) for each in self.picks[name].values())
        figures = {
            "average precision": everything.average_precision(),
            "threshold": threshold,
            "F4": counts.f(BETA),
            "precision": counts.precision,
            "recall": counts.recall,
            "false picks per µm³, other species apart": beside / volume,
            "false picks per µm³ on other species": sum(places.values()) / volume,
        }
        for snr in self.picks[name]:
            ranked = self.ranked(name, snr)
            figures[f"average precision, SNR {snr:g}"] = ranked.average_precision()
            figures[f"F4, SNR {snr:g}"] = ranked.above(threshold).counts().f(BETA)
            figures[f"recall at 80 % precision, SNR {snr:g}"] = ranked.recall_at_precision(PRECISION)
        for other in species:
            if other != name:
                figures[f"share of picks on {other}"] = places[other] / max(len(published.score), 1)
        return {key: round(value, 4) for key, value in figures.items()}


@torch.inference_mode()
def evaluate(
    network: Network,
    source: HeldOutParticles,
    count: int,
    device: torch.device,
    executor: ProcessPoolExecutor,
) -> Evaluation:
    """Look for every species in `count` specimens. The goals of `source` are the network's features, in its order."""
    network.eval()
    picks: dict[str, dict[float, list[JudgedPicks]]] = {
        goal.feature: {snr: [] for snr in source.snr} for goal in source.goals
    }
    decoys: dict[str, dict[float, list[Scores]]] = {
        goal.feature: {snr: [] for snr in source.snr} for goal in source.goals
    }
    for coming in [executor.submit(source.examples, number) for number in range(count)]:
        for snr, example in zip(source.snr, coming.result(), strict=True):
            size = example.voxel_size_angstrom
            probability, inverted = (predict(network, sign * example.volume, device) for sign in (1, -1))
            truth = {species: places * size for species, places in example.centres.items()}
            for channel, goal in enumerate(source.goals):
                found = _candidates(probability[channel], size, goal)
                picks[goal.feature][snr].append(judge(*found, goal.feature, truth, _match_radii(source.goals)))
                decoys[goal.feature][snr].append(_candidates(inverted[channel], size, goal)[1])
    x, y, z = source.geometry.extent_angstrom
    return Evaluation(picks, decoys, float(x * y * z) / CUBIC_ANGSTROM_PER_UM3)


def _measured(picks: JudgedPicks, decoys: Scores) -> Measured:
    return Measured(picks.score.astype(np.float32), picks.right, decoys_at_least(decoys, picks.score))


def _candidates(
    probability: torch.Tensor, voxel_size_angstrom: float, goal: Goal
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """Positions (n, 3; z, y, x) in Å, and scores."""
    assert goal.centre is not None
    found = centre_picks(probability, voxel_size_angstrom, goal.centre, LEAST_SCORE)
    return found.position.astype(np.float64) * voxel_size_angstrom, found.score


def _match_radii(goals: Sequence[Goal]) -> dict[str, float]:
    return {goal.feature: goal.centre.match_angstrom for goal in goals if goal.centre is not None}
