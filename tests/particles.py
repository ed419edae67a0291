"""Particles' maps for tests: made ones, and those of the test data with their masses."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

MASS_KDA = {
    "4v4r": 2090.0,  # 70S of T. thermophilus; the entry 4V42 of the same ribosome has a formula weight of 2,204 kDa
    "4cr2": 1170.0,  # 26S proteasome with one cap
    "6utj": 850.0,  # 20S proteasome of T. acidophilum, 673 kDa (Löwe et al. 1995, Science 268:533), with PA26
    "3cf3": 250.0,  # p97, the three chains of the asymmetric unit: half of the hexamer
    "1bxn": 265.0,  # rubisco, the four large and four small chains of the asymmetric unit: half of the particle
    "1s3x": 43.0,  # the ATPase domain of Hsp70
    "3qm1": 29.0,  # a feruloyl esterase
}
"""What the maps in the test data's `templates` weigh, in round numbers.

They were made from atoms, so that a map's sum is in proportion to the mass of the atoms in it: 330 in each kDa by 1s3x,
of which 382 residues are 43 kDa.
"""


def ball(side: int = 40, radius: float = 8.0, *, at: tuple[float, float, float] | None = None, soft: float = 1.5):
    """Density (z, y, x) of a ball with a soft edge: 1 inside, 0 outside."""
    centre = (np.full(3, (side - 1) / 2) if at is None else np.array(at)).reshape(3, 1, 1, 1)
    away = np.sqrt(((np.indices((side,) * 3) - centre) ** 2).sum(axis=0))
    return gaussian_filter((away < radius).astype(np.float32), soft)


def write_tables(folder: Path, masses: Mapping[str, float] = MASS_KDA) -> Path:
    """A file that says the masses of maps, in `folder`."""
    path = folder / "masses.toml"
    path.write_text("".join(f'["{name}"]\nmass_kda = {mass}\n\n' for name, mass in masses.items()))
    return path
