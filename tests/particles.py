"""Particles' maps for tests: made ones, and those of the test data with their masses."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

MASS_KDA = {
    "4v4r": 2200.0,  # 70S of T. thermophilus; the entry 4V42 of the same ribosome has a formula weight of 2,203,915
    "4cr2": 1600.0,  # 26S with one cap: 20S of 0.7 MDa and 19S of 0.9 MDa
    "6utj": 1050.0,  # 20S of T. acidophilum, 673 kDa (Löwe et al. 1995, Science 268:533), with PA26 on both ends
    "3cf3": 535.0,  # p97, six chains of 89 kDa
    "1bxn": 545.0,  # rubisco, eight chains of 53 kDa and eight of 15 kDa
    "1s3x": 43.0,  # the ATPase domain of Hsp70
    "3qm1": 28.0,  # a feruloyl esterase
}
"""Of the maps in the test data's `templates`, in round numbers."""


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
