"""A real averaging program eats the picks: RELION 3.1 extracts and averages what was found, and it is the particle.

Debian's RELION runs on the CPU. All particles have one orientation, so that an error of position shows as a shift of
the average: half a voxel is told from none.
"""

import subprocess
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from livetomo import pipeline
from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.picks import Picks
from livetomo.recipe import Recipe
from livetomo.session_picks import newest_results, read_picks, write_session
from livetomo.tomogram import result_name, session_folder, tomogram_folder
from tests.servers import need
from tests.volumes import order_for, write_tomogram

pytestmark = pytest.mark.real
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
RECIPE = Recipe.model_validate(
    {
        "density": "bright",
        "feature": [{"name": "particle", "model": "blob", "diameter_angstrom": 150}],
        "pick": [{"feature": "particle", "min_spacing_angstrom": 180, "edge_angstrom": 160}],
        "export": {"formats": ["relion31"]},
    }
)


def particle(offset=(0.0, 0.0, 0.0)) -> np.ndarray:
    """The particle in a box, its centre of mass at the voxel n/2 and `offset` from it."""
    weights = np.array([weight * radius**3 for _, radius, weight in LOBES])
    middle = weights @ np.array([place for place, _, _ in LOBES]) / weights.sum()
    grid = np.indices((BOX,) * 3) - BOX // 2
    density = np.zeros((BOX,) * 3)
    for place, radius, weight in LOBES:
        centre = np.array(place) - middle + offset
        squares = sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True))
        density += weight * np.exp(-squares / 2 / (radius / 1.6) ** 2)
    return density


def tomogram(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Twelve particles in noise, and their places."""
    rng = np.random.default_rng(seed)
    volume = rng.normal(0, 0.6, SHAPE).astype(np.float32)
    places: list[np.ndarray] = []
    while len(places) < 12:
        place = rng.uniform(20, np.array(SHAPE) - 20)
        if all(np.linalg.norm(place - other) > 27 for other in places):
            places.append(place)
    for place in places:
        whole = np.rint(place).astype(int)
        box = tuple(slice(at - BOX // 2, at + BOX // 2) for at in whole)
        volume[box] += particle(place - whole).astype(np.float32)
    return volume, np.array(places)


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """Five tomograms as files, and where their particles are."""
    folder = tmp_path_factory.mktemp("session")
    made = [tomogram(seed) for seed in range(5)]
    for number, (volume, _) in enumerate(made, start=1):
        write_tomogram(folder / f"TS_{number}.mrc", volume, VOXEL)
    return folder, [places for _, places in made]


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


def true_sets(places: list[np.ndarray], moved: float = 0.0) -> list[Placed]:
    ones = np.ones(12, np.float32)
    return [
        Placed(Picks((at + moved).astype(np.float32), ones, ones), Frame(f"TS_{number}", SHAPE, VOXEL))
        for number, at in enumerate(places, start=1)
    ]


def beside_the_tomograms(tmp_path: Path, folder: Path) -> Path:
    for path in folder.glob("*.mrc"):
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize(("moved", "right"), [(0.0, True), (0.5, False), (-0.5, False)])
def test_an_average_of_exported_positions_is_centred_and_half_a_voxel_is_noticed(session, tmp_path, moved, right):
    folder, places = session
    work = beside_the_tomograms(tmp_path, folder)
    for name, text in EXPORTERS["relion31"].session(true_sets(places, moved), "particle").items():
        (work / name).write_text(text)
    likeness, shift = likeness_and_shift(average(work, "particle"))
    assert bool(np.abs(shift).max() < 0.25) is right, shift
    np.testing.assert_allclose(shift, -moved, atol=0.1)
    assert likeness > 0.8 or not right


def test_what_is_picked_averages_to_the_particle(session, tmp_path):
    """The whole way: tomograms, picks, a session's stars, RELION's extraction and average."""
    folder, _ = session
    output = tmp_path / "out"
    for path in sorted(folder.glob("*.mrc")):
        order = replace(order_for(path, RECIPE))
        pipeline.run(order, tomogram_folder(str(output), order.tomogram) / result_name(1, RECIPE.hash))
    sets = read_picks(newest_results(session_folder(str(output), "krios1", "session")), "particle")
    assert sum(len(placed.picks) for placed in sets) == pytest.approx(60, abs=2)
    work = beside_the_tomograms(tmp_path, folder)
    write_session(sets, "particle", "relion31", work)
    likeness, shift = likeness_and_shift(average(work, "particle"))
    print(f"correlation {likeness:.3f}, shift {shift.round(3)} voxels (z, y, x)")
    assert likeness > 0.8
    assert np.abs(shift).max() < 0.25
