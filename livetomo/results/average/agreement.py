"""Whether the two halves of an average agree more than what was not picked does."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from livetomo.core.particle_sums import (
    DIAMETERS,
    SIDE,
    Array,
    ParticleSums,
    average_voxel_angstrom,
    radius_voxels,
)

THRESHOLD = 0.143
_SOFT_VOXELS = 3.0
_BAND_DIAMETERS = (0.35, 0.15)
_MOST = 0.9999
_FEWEST = 100


@dataclass(frozen=True, slots=True)
class HalfCorrelation:
    """The Fourier shell correlation of two halves: 1/Å, correlation, coefficients of each shell, float64 (shells)."""

    frequency: Array
    correlation: Array
    coefficients: Array

    def of_particles(self, now: int, then: int) -> "HalfCorrelation":
        """What as good particles give, `then` in a half in place of `now`: FSC / (1 - FSC) grows with their number."""
        signal = np.maximum(self.signals(), 0) * then / max(now, 1)
        return replace(self, correlation=signal / (1 + signal))

    def beyond(self, chance: "HalfCorrelation") -> "HalfCorrelation":
        """What is more than `chance` gives: (FSC - by chance) / (1 - by chance).

        As Chen et al. 2013, Ultramicroscopy 135:24, have it for what is over-fitted.
        """
        by_chance = np.clip(chance.correlation, 0, _MOST)
        return replace(self, correlation=(self.correlation - by_chance) / (1 - by_chance))

    def signals(self) -> Array:
        """Signal over noise of each half, FSC / (1 - FSC), by shells."""
        fsc = np.minimum(self.correlation, _MOST)
        ratio: Array = fsc / (1 - fsc)
        return ratio

    def resolution_angstrom(self) -> float | None:
        """Where the curve first falls below .143, linear between shells; None where it is below from the beginning.

        Nyquist's where it never does. The coarsest shells have too few coefficients to say anything.
        """
        first = int(np.argmax(self.coefficients >= _FEWEST))
        if self.correlation[first] < THRESHOLD:
            return None
        for at, (high, low) in enumerate(pairwise(self.correlation.tolist())):
            if at >= first and low < THRESHOLD:
                share = (high - THRESHOLD) / (high - low)
                return float(1 / (self.frequency[at] + share * (self.frequency[at + 1] - self.frequency[at])))
        return float(1 / self.frequency[-1])


def half_correlation(sums: ParticleSums, *, diameter_angstrom: float) -> HalfCorrelation:
    """Of the two halves, within a soft sphere of the particle's diameter (Harauz & van Heel 1986, Optik 73:146).

    The sphere is the same for both and agrees with itself in the first shells, whatever is in it.
    """
    masked = sums.halves() * _soft_sphere(SIDE / DIAMETERS / 2 + _SOFT_VOXELS)
    one, other = np.fft.rfftn(masked, axes=(1, 2, 3))
    k, half = np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE)
    shell = np.rint(np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + half**2) * SIDE).astype(int).ravel()
    last = SIDE // 2 + 1

    def summed(values: Array) -> Array:
        return np.bincount(shell, values.ravel(), last)[1:last]

    power = np.sqrt(summed(np.abs(one) ** 2) * summed(np.abs(other) ** 2))
    correlation = np.divide(summed((one * other.conj()).real), power, out=np.zeros_like(power), where=power > 0)
    frequency = np.arange(1, last) / (SIDE * average_voxel_angstrom(diameter_angstrom))
    return HalfCorrelation(frequency, correlation, summed(np.ones(shell.shape)))


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the halves of an average say.

    particles: how many are in it.
    signal: of one particle over its noise, by the correlation of the halves between .35 and .15 diameters. by_chance:
        the same of places beside the particles, which were turned to fit the map as the particles were: any noise that
        is turned so looks a little like the map, in both halves.
    resolution_angstrom: where the correlation beyond that of chance falls below .143; None where it is below from the
        beginning.
    curve, chance: the correlation of the halves, and what as many places beside the particles give.
    """

    particles: int
    signal: float
    by_chance: float
    resolution_angstrom: float | None
    curve: HalfCorrelation
    chance: HalfCorrelation


def agreement(sums: ParticleSums, null: ParticleSums, *, diameter_angstrom: float) -> Agreement:
    """Of an average and of its null, which need not have as many particles."""
    curve = half_correlation(sums, diameter_angstrom=diameter_angstrom)
    beside = half_correlation(null, diameter_angstrom=diameter_angstrom)
    chance = beside.of_particles(min(null.count), min(sums.count))
    return Agreement(
        sum(sums.count),
        _signal(curve, sums, diameter_angstrom),
        _signal(beside, null, diameter_angstrom),
        curve.beyond(chance).resolution_angstrom(),
        curve,
        chance,
    )


def _signal(curve: HalfCorrelation, sums: ParticleSums, diameter_angstrom: float) -> float:
    """Of one particle: what a half has, over the number of particles in it."""
    coarse, fine = (1 / (share * diameter_angstrom) for share in _BAND_DIAMETERS)
    inside = (curve.frequency >= coarse) & (curve.frequency <= fine)
    signal = float(np.average(curve.signals()[inside], weights=curve.coefficients[inside]))
    return signal / max(min(sums.count), 1)


def _soft_sphere(radius: float) -> Array:
    """(SIDE, SIDE, SIDE) 1 within `radius` voxels less the soft edge, falling to 0 as a cosine."""
    beyond = np.clip((radius_voxels() - radius + _SOFT_VOXELS) / _SOFT_VOXELS, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * beyond), np.float32)
