"""Whether the two halves of an average agree more than what was not picked does."""

from dataclasses import dataclass
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
_BAND_DIAMETERS = (0.5, 0.15)
_MOST = 0.9999


@dataclass(frozen=True, slots=True)
class HalfCorrelation:
    """The Fourier shell correlation of two halves: 1/Å, correlation, coefficients of each shell, float64 (shells)."""

    frequency: Array
    correlation: Array
    coefficients: Array

    def resolution_angstrom(self) -> float | None:
        """Where the curve first falls below .143, linear between shells; None where it is below from the beginning.

        Nyquist's where it never does.
        """
        if self.correlation[0] < THRESHOLD:
            return None
        for at, (high, low) in enumerate(pairwise(self.correlation.tolist())):
            if low < THRESHOLD:
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
    signal: of one particle over its noise, by the correlation of the halves between .5 and .15 diameters. by_chance:
        the same of as many places beside the particles.
    resolution_angstrom: where the correlation falls below .143; None where it is below from the beginning.
    """

    particles: int
    signal: float
    by_chance: float
    resolution_angstrom: float | None


def agreement(sums: ParticleSums, null: ParticleSums, *, diameter_angstrom: float) -> Agreement:
    """Of an average and of its null: the same, made at places beside the particles."""
    curve = half_correlation(sums, diameter_angstrom=diameter_angstrom)
    beside = half_correlation(null, diameter_angstrom=diameter_angstrom)
    return Agreement(
        sum(sums.count),
        _signal(curve, sums, diameter_angstrom),
        _signal(beside, null, diameter_angstrom),
        curve.resolution_angstrom(),
    )


def _signal(curve: HalfCorrelation, sums: ParticleSums, diameter_angstrom: float) -> float:
    """Of one particle: FSC / (1 - FSC) of a shell is the halves' signal over noise, and grows with what is in each."""
    coarse, fine = (1 / (share * diameter_angstrom) for share in _BAND_DIAMETERS)
    inside = (curve.frequency >= coarse) & (curve.frequency <= fine)
    fsc = np.minimum(curve.correlation[inside], _MOST)
    signal = float(np.average(fsc / (1 - fsc), weights=curve.coefficients[inside]))
    return signal / max(min(sums.count), 1)


def _soft_sphere(radius: float) -> Array:
    """(SIDE, SIDE, SIDE) 1 within `radius` voxels less the soft edge, falling to 0 as a cosine."""
    beyond = np.clip((radius_voxels() - radius + _SOFT_VOXELS) / _SOFT_VOXELS, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * beyond), np.float32)
