"""Small synthetic tomograms: dark balls in noise, whose places are known."""

from pathlib import Path

import mrcfile
import numpy as np

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.tomogram import TomogramId
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.system.sampled_digest import digest_file

VOXEL_ANGSTROM = 25.0


def balls(shape=(48, 80, 80), places=((24, 20, 20), (20, 60, 25), (30, 40, 60)), diameter=250.0, noise=1.0, seed=3):
    """float32 (z, y, x): noise of deviation `noise`, and dark balls 3 deep."""
    rng = np.random.default_rng(seed)
    volume = rng.normal(0, noise, shape).astype(np.float32)
    grid = np.indices(shape)
    for place in places:
        distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid, place, strict=True)))
        volume -= 3 / (1 + np.exp((distance - diameter / 2 / VOXEL_ANGSTROM) * 2))
    return volume


def write_tomogram(path: Path, volume: np.ndarray, voxel_size: float = VOXEL_ANGSTROM) -> Path:
    """An MRC file as a reconstruction program leaves it."""
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(volume)
        file.voxel_size = voxel_size
        file.header.origin = (100, 200, 300)
    return path


def order_for(path: Path, recipe: Recipe | None = None, **changes) -> JobSpec:
    """An order for `path` as it is now."""
    who = TomogramId("krios1", "session", path.stem)
    recipe = recipe or load_recipe("untrained")
    return JobSpec(
        **{
            "tomogram": who,
            "revision": 1,
            "path": path,
            "content": digest_file(path),
            "recipe_name": "untrained",
            "recipe": recipe,
            "default_voxel_size_angstrom": VOXEL_ANGSTROM,
        }
        | changes
    )
