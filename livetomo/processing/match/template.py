"""A density map as a template: its Fourier transform, to be looked up in any orientation."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.match.rotations import NO_SYMMETRY, Matrices

_PADDING = 3
"""How many times as wide as the particle's box the transform is sampled for."""
_VOXELS_PER_PERIOD = 3


@dataclass(frozen=True, slots=True)
class Template:
    """A particle's transform around its centre, for every spatial frequency up to a low-pass.

    transform: float32 (2, n, n, n), real and imaginary part at whole multiples of `step` along kz, ky, kx; 0 in the
        middle. It is that of the density divided by the transform of linear interpolation, which looking up undoes.
    step: 1/Å. diameter_angstrom: of the sphere around the centre that holds the particle.
    operations: (g, 3, 3), the rotations that leave the particle as it is; the one that does nothing is one of them.
    """

    transform: Tensor
    step: float
    diameter_angstrom: float
    operations: Matrices = field(default_factory=NO_SYMMETRY.copy)

    def spectra(self, rotations: Tensor, frequencies: Tensor) -> Tensor:
        """The transforms, complex64 (n, k), of the particle turned by each of `rotations`, around its centre.

        rotations: (n, 3, 3), see `rotations.py`. frequencies: (k, 3), 1/Å along x, y, z.
        """
        reach = self.step * (self.transform.shape[-1] // 2)
        # What is at k in the turned particle is at R^-1 k in the reference; as rows, k R.
        places = (frequencies @ rotations).div_(reach)
        found = functional.grid_sample(
            self.transform.expand(len(places), -1, -1, -1, -1),
            places[:, None, None],
            mode="bilinear",
            padding_mode="zeros",
            align_corners=True,
        )[:, :, 0, 0]
        return torch.complex(found[:, 0], found[:, 1])


def template(
    density: np.ndarray[tuple[int, int, int], np.dtype[np.float32]],
    *,
    voxel_size_angstrom: float,
    centre: Matrices,
    diameter_angstrom: float,
    low_pass_angstrom: float,
    operations: Matrices = NO_SYMMETRY,
    device: torch.device | str = "cpu",
) -> Template:
    """The template of a density map (z, y, x; protein bright, solvent about 0) around `centre`, voxel index (z, y, x).

    What lies outside the sphere of `diameter` is left out.
    """
    box, off = _box(np.asarray(density, np.float32), np.asarray(centre), diameter_angstrom / voxel_size_angstrom)
    side = box.shape[0]
    spacing = max(voxel_size_angstrom, low_pass_angstrom / _VOXELS_PER_PERIOD)
    small = min(side, max(8, int(np.ceil(side * voxel_size_angstrom / spacing))))
    resized = _resized(box, small, off)
    place = (np.arange(small) - small // 2) / (small * _PADDING)
    for axis in range(3):
        shape = [-1 if axis == other else 1 for other in range(3)]
        resized /= (np.sinc(place) ** 2).reshape(shape)
    wide = small * _PADDING
    padded = np.zeros((wide,) * 3)
    padded[:small, :small, :small] = resized
    whole = np.fft.fftshift(np.fft.fftn(np.roll(padded, (-(small // 2),) * 3, (0, 1, 2))))
    step = 1 / (_PADDING * side * voxel_size_angstrom)
    reach = min(int(np.ceil(1 / low_pass_angstrom / step)) + 1, (wide - 1) // 2)
    inside = slice(wide // 2 - reach, wide // 2 + reach + 1)
    cut = whole[inside, inside, inside]
    transform = torch.from_numpy(np.stack([cut.real, cut.imag]).astype(np.float32)).to(device)
    return Template(transform, step, diameter_angstrom, operations)


def _box(density: Matrices, centre: Matrices, diameter: float) -> tuple[Matrices, Matrices]:
    """The sphere around the centre in a cube, 0 around it, and how far from the cube's middle the centre lies."""
    radius = diameter / 2
    half = int(np.ceil(radius)) + 1
    middle = np.rint(centre).astype(int)
    cube = np.zeros((2 * half + 1,) * 3)
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half + 1, density.shape)
    if (high > low).all():
        into = tuple(slice(a, b) for a, b in zip(low - middle + half, high - middle + half, strict=True))
        cube[into] = density[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    off = np.asarray(centre, np.float64) - middle
    axes = [np.arange(-half, half + 1) - shift for shift in off]
    away = np.sqrt(axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2)
    cube[away > radius] = 0
    return cube, off


def _resized(cube: Matrices, side: int, off: Matrices) -> Matrices:
    """A cube with its centre moved by `-off` to the middle, at `side` voxels along each axis; by its transform."""
    old = cube.shape[0]
    spectrum = np.fft.fftn(np.roll(cube, (-(old // 2),) * 3, (0, 1, 2)))
    keep = np.fft.fftfreq(side, 1 / side).astype(int)
    spectrum = spectrum[np.ix_(keep, keep, keep)]
    for axis, shift in enumerate(off):
        shape = [-1 if axis == other else 1 for other in range(3)]
        spectrum = spectrum * np.exp(2j * np.pi * keep * shift / old).reshape(shape)
    small = np.fft.ifftn(spectrum).real * (side / old) ** 3
    return np.roll(small, (side // 2,) * 3, (0, 1, 2))
