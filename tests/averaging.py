"""Tomograms of one asymmetric particle in one orientation, and what RELION 3.1 makes of its picks."""

import subprocess
from pathlib import Path

import mrcfile
import numpy as np
from scipy.spatial.transform import Rotation

from tests.servers import need

VOXEL = 10.0
BOX = 32
SHAPE = (64, 128, 128)
# a body with lobes that no rotation or mirror turns into each other: place, radius, weight
LOBES = (
    ((0, 0, 0), 6.0, 1.0),
    ((1, 6, 3), 3.0, 1.0),
    ((-5, -4, 3), 2.5, 1.5),
    ((4, -5, -3), 3.0, 0.8),
    ((0, 1, -7), 2.5, 1),
)


def particle(offset=(0.0, 0.0, 0.0), turn: Rotation | None = None) -> np.ndarray:
    """The particle in a box, its centre of mass at the voxel n/2 and `offset` from it, turned around it."""
    weights = np.array([weight * radius**3 for _, radius, weight in LOBES])
    middle = weights @ np.array([place for place, _, _ in LOBES]) / weights.sum()
    grid = np.indices((BOX,) * 3) - BOX // 2
    density = np.zeros((BOX,) * 3)
    for place, radius, weight in LOBES:
        centre = (turn or Rotation.identity()).apply(np.array(place) - middle) + offset
        squares = sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True))
        density += weight * np.exp(-squares / 2 / (radius / 1.6) ** 2)
    return density


def tomogram(seed: int, *, turned: bool = False, noise: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Twelve particles in noise, all in one orientation or each in its own, and their places."""
    rng = np.random.default_rng(seed)
    volume = rng.normal(0, noise, SHAPE).astype(np.float32)
    places: list[np.ndarray] = []
    while len(places) < 12:
        place = rng.uniform(20, np.array(SHAPE) - 20)
        if all(np.linalg.norm(place - other) > 27 for other in places):
            places.append(place)
    for place in places:
        whole = np.rint(place).astype(int)
        box = tuple(slice(at - BOX // 2, at + BOX // 2) for at in whole)
        turn = Rotation.random(random_state=rng) if turned else None
        volume[box] += particle(place - whole, turn).astype(np.float32)
    return volume, np.array(places)


def average(folder: Path, feature: str) -> np.ndarray:
    """What RELION makes of the coordinate stars in `folder`, beside which the tomograms lie."""
    files = f"--i tomograms.star --coord_dir ./ --coord_suffix _{feature}.star"
    parts = "--part_dir Extract/ --part_star Extract/particles.star"
    relion("relion_preprocess", folder, f"{files} {parts} --extract --extract_size {BOX} --norm --bg_radius 13")
    relion("relion_reconstruct", folder, "--i Extract/particles.star --o average.mrc --maxres 20")
    return mrcfile.read(folder / "average.mrc").astype(float)


def relion(program: str, folder: Path, arguments: str) -> None:
    run = subprocess.run([need(program, "relion"), *arguments.split()], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]


def likeness_and_shift(found: np.ndarray) -> tuple[float, np.ndarray]:
    """The correlation with the true particle, and the shift (voxels) at the peak of the cross-correlation."""
    true = particle()
    product = np.fft.rfftn(found - found.mean()) * np.conj(np.fft.rfftn(true - true.mean()))
    peaks = np.fft.fftshift(np.fft.irfftn(product, s=true.shape, axes=(0, 1, 2)))
    summit = np.array(np.unravel_index(peaks.argmax(), peaks.shape))
    shift = summit - BOX // 2 + 0.0
    for axis in range(3):
        before, here, after = (peaks[tuple(summit + step * np.eye(3, dtype=int)[axis])] for step in (-1, 0, 1))
        shift[axis] += 0.5 * (before - after) / (before - 2 * here + after)
    return float(np.corrcoef(found.ravel(), true.ravel())[0, 1]), shift


def likeness_of_detail(found: np.ndarray, finest_angstrom: float = 35.0, coarsest_angstrom: float = 80.0) -> float:
    """The correlation with the true particle of what lies between two resolutions: of the density's size of error."""
    frequency = np.linalg.norm(np.meshgrid(*[np.fft.fftfreq(BOX, VOXEL)] * 3, indexing="ij"), axis=0)
    band = (frequency >= 1 / coarsest_angstrom) & (frequency <= 1 / finest_angstrom)
    one, other = (np.fft.fftn(volume)[band] for volume in (found, particle()))
    return float(np.real(np.vdot(one, other)) / np.sqrt(np.vdot(one, one).real * np.vdot(other, other).real))
