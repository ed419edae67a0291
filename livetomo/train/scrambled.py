"""Volumes in which there is nothing but their power spectrum."""

import numpy as np
from scipy import fft

from livetomo.simulate.truth import Floats


def scrambled(volume: Floats, rng: np.random.Generator) -> Floats:
    """The volume with random phases: every amplitude, the mean and the missing wedge stay, whatever was seen goes."""
    spectrum = fft.rfftn(volume, workers=1)
    noise = fft.rfftn(rng.standard_normal(volume.shape, dtype=np.float32), workers=1)
    noise /= np.maximum(np.abs(noise), np.float32(1e-20))
    noise *= np.abs(spectrum)
    noise[0, 0, 0] = spectrum[0, 0, 0]
    without: Floats = fft.irfftn(noise, volume.shape, workers=1).astype(np.float32)
    return without
