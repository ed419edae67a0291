"""A real averaging program eats the picks: RELION 3.1 extracts and averages what was found, and it is the particle.

Debian's RELION runs on the CPU. All particles have one orientation, so that an error of position shows as a shift of
the average: half a voxel is told from none.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livetomo import pipeline
from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.picks import Picks
from livetomo.recipe import Recipe
from livetomo.session_picks import newest_results, read_picks, write_session
from livetomo.tomogram import result_name, session_folder, tomogram_folder
from tests.averaging import SHAPE, VOXEL, average, likeness_and_shift, tomogram
from tests.volumes import order_for, write_tomogram

pytestmark = pytest.mark.real
RECIPE = Recipe.model_validate(
    {
        "density": "bright",
        "feature": [{"name": "particle", "model": "blob", "diameter_angstrom": 150}],
        "pick": [{"feature": "particle", "min_spacing_angstrom": 180, "edge_angstrom": 160}],
        "export": {"formats": ["relion31"]},
    }
)


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """Five tomograms as files, and where their particles are."""
    folder = tmp_path_factory.mktemp("session")
    made = [tomogram(seed) for seed in range(5)]
    for number, (volume, _) in enumerate(made, start=1):
        write_tomogram(folder / f"TS_{number}.mrc", volume, VOXEL)
    return folder, [places for _, places in made]


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
