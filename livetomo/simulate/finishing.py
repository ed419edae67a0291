"""What programs do to a reconstruction before anybody looks at it: filters, denoising, fewer grey levels."""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter

from livetomo.simulate.truth import Floats

_GREYS_REACH = 4.0
"""Standard deviations to either side of the mean that the grey levels cover."""


@dataclass(frozen=True, slots=True)
class Finishing:
    """In the order in which it is done; the defaults do nothing.

    falloff_angstrom: amplitudes fall as 1 / (1 + (falloff k)²) towards high frequencies k, as after few iterations of
    SIRT. low_pass_angstrom: of a Gaussian that leaves 1/e of the amplitude at this period. window: voxels along each
    side of the neighbourhood in which noise is judged and taken away; 0 takes none. greys: how many levels are left;
    0 leaves all.
    """

    falloff_angstrom: float = 0.0
    low_pass_angstrom: float = 0.0
    window: int = 0
    greys: int = 0


def finish(volume: Floats, voxel_size_angstrom: float, finishing: Finishing) -> Floats:
    """The volume (z, y, x) as the program leaves it; a new array unless nothing is done."""
    if finishing.falloff_angstrom or finishing.low_pass_angstrom:
        spectrum = fft.rfftn(volume, workers=1)
        *zy, x = volume.shape
        z, y = (fft.fftfreq(n, voxel_size_angstrom).astype(np.float32) for n in zy)
        k2 = z[:, None, None] ** 2 + y[:, None] ** 2 + fft.rfftfreq(x, voxel_size_angstrom).astype(np.float32) ** 2
        gain = np.exp(-(finishing.low_pass_angstrom**2) * k2) / (1 + finishing.falloff_angstrom**2 * k2)
        volume = fft.irfftn(spectrum * gain, volume.shape, workers=1).astype(np.float32)
    if finishing.window:
        volume = _denoised(volume, finishing.window)
    if finishing.greys:
        mean, reach = np.float32(volume.mean()), np.float32(_GREYS_REACH * max(float(volume.std()), 1e-12))
        step = 2 * reach / np.float32(finishing.greys - 1)
        volume = np.rint((volume - mean).clip(-reach, reach) / step) * step + mean
    return volume


def random_finishing(rng: np.random.Generator) -> Finishing:
    """Most get one or two of these; strong ones are rare."""
    return Finishing(
        falloff_angstrom=float(np.exp(rng.uniform(np.log(15), np.log(120)))) if rng.random() < 0.4 else 0.0,
        low_pass_angstrom=float(np.exp(rng.uniform(np.log(10), np.log(60)))) if rng.random() < 0.4 else 0.0,
        window=int(rng.choice([3, 5])) if rng.random() < 0.25 else 0,
        greys=256 if rng.random() < 0.5 else 0,
    )


def _denoised(volume: Floats, window: int) -> Floats:
    """The local Wiener filter (Lim 1990): flat where a neighbourhood varies no more than half of all of them do."""
    mean = uniform_filter(volume, window)
    variance = np.maximum(uniform_filter(volume**2, window) - mean**2, 0)
    noise = np.float32(np.median(variance))
    share = np.maximum(variance - noise, 0) / np.maximum(np.maximum(variance, noise), np.float32(1e-20))
    denoised: Floats = mean + share * (volume - mean)
    return denoised
