"""How many there are of something."""

import numpy as np

CUBIC_ANGSTROM_PER_UM3 = 1e12


def some(rng: np.random.Generator, volume_um3: float, low: float, high: float) -> int:
    """A number of things at a concentration (per µm³) between these, every order of magnitude alike."""
    return int(rng.poisson(volume_um3 * np.exp(rng.uniform(np.log(low), np.log(high)))))
