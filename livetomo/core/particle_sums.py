"""Sums of aligned particles in Fourier space, which add up from tomogram to tomogram."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SIDE = 32
"""Voxels of an average along each axis."""
DIAMETERS = 1.6
"""How wide the box is, in diameters of the particle."""
SUMS_SHAPE = (2, SIDE, SIDE, SIDE // 2 + 1)


def average_voxel_angstrom(diameter_angstrom: float) -> float:
    """The voxel size of an average: it depends on the particle alone, so that sums of any tomograms add up."""
    return DIAMETERS * diameter_angstrom / SIDE


@dataclass(frozen=True, slots=True)
class ParticleSums:
    """What the particles of some tomograms add up to; half of them in each of two halves.

    signal: complex64 `SUMS_SHAPE` (half, z, y, x), the sum of the particles' transforms, where their tomograms were
        measured. weight: float32 of the same shape, how many were measured there.
    count: how many particles are in each half.
    """

    signal: Array
    weight: Array
    count: tuple[int, int]

    @staticmethod
    def none() -> "ParticleSums":
        """No particle."""
        return ParticleSums(np.zeros(SUMS_SHAPE, np.complex64), np.zeros(SUMS_SHAPE, np.float32), (0, 0))

    def __add__(self, other: "ParticleSums") -> "ParticleSums":
        first, second = (one + more for one, more in zip(self.count, other.count, strict=True))
        return ParticleSums(self.signal + other.signal, self.weight + other.weight, (first, second))

    def halves(self) -> Array:
        """float32 (2, SIDE, SIDE, SIDE; half, z, y, x): both averages, matter positive, the particle in the middle."""
        return _average(self.signal, self.weight)

    def average(self) -> Array:
        """float32 (SIDE, SIDE, SIDE; z, y, x): the average of all."""
        return _average(self.signal.sum(0), self.weight.sum(0))


def _average(signal: Array, weight: Array) -> Array:
    """Where fewer than one particle was measured, it is as if one had been, with nothing in it."""
    volume = np.fft.irfftn(signal / np.maximum(weight, 1), s=(SIDE,) * 3, axes=(-3, -2, -1))
    return np.fft.fftshift(volume, axes=(-3, -2, -1)).astype(np.float32)


def radius_voxels() -> Array:
    """float32 (SIDE, SIDE, SIDE) how far each voxel of an average is from the particle's centre."""
    axis = np.arange(SIDE, dtype=np.float32) - SIDE // 2
    radius: Array = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    return radius
