"""A real averaging program eats the picks: RELION 3.1 extracts and averages what was found, and it is the particle.

Debian's RELION runs on the CPU. All particles have one orientation, so that an error of position shows as a shift of
the average: half a voxel is seen.
"""

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.tomogram import result_name, session_folder, tomogram_folder
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.particle_columns import FALSE_SHARE
from livetomo.formats.star import read_loops
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_files import write_session
from livetomo.results.session_picks import newest_results, read_picks
from tests.averaging import SHAPE, VOXEL, average, likeness_and_shift, particle, relion, tomogram
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
    shares = np.linspace(0.01, 0.12, 12).astype(np.float32)
    return [
        Placed(
            Picks((at + moved).astype(np.float32), ones, ones, false_share=shares),
            Frame(f"TS_{number}", TomogramGeometry(SHAPE, VOXEL)),
        )
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
    extracted = read_loops(work / "Extract" / "particles.star")["particles"]
    shares = [placed.picks.false_share for placed in true_sets(places)]
    np.testing.assert_allclose(np.float32(extracted[FALSE_SHARE]), np.concatenate(shares), atol=1e-5)


@pytest.mark.parametrize("name", ["T:1", "50%", "TS 01", "Zelle_ä", "a+b,c=d~"])
def test_a_tomogram_of_any_name_is_extracted_from_a_link_of_that_name(session, tmp_path, name):
    folder, places = session
    (one, *_) = true_sets(places)
    what = Placed(one.picks, Frame(name, one.frame.geometry))
    write_session([what], "particle", "relion31", tmp_path)
    (tmp_path / f"{EXPORTERS['relion31'].called(what.frame)}.mrc").symlink_to(folder / "TS_1.mrc")
    average(tmp_path, "particle")
    assert len(read_loops(tmp_path / "Extract" / "particles.star")["particles"]["rlnImageName"]) == 12


def picked(folder: Path, output: Path) -> list[Placed]:
    """The picks of all tomograms in a folder, each through the pipeline and all out of their result folders."""
    for path in sorted(folder.glob("*.mrc")):
        order = order_for(path, RECIPE)
        pipeline.run(order, tomogram_folder(str(output), order.tomogram) / result_name(1, RECIPE.hash))
    return read_picks(newest_results(session_folder(str(output), "krios1", "session")), "particle")


def test_what_is_picked_averages_to_the_particle(session, tmp_path):
    """The whole way: tomograms, picks, a session's stars, RELION's extraction and average."""
    folder, _ = session
    sets = picked(folder, tmp_path / "out")
    assert sum(len(placed.picks) for placed in sets) == pytest.approx(60, abs=2)
    work = tmp_path / "elsewhere"  # the stars name the tomograms' own files
    work.mkdir()
    write_session(sets, "particle", "relion31", work)
    likeness, shift = likeness_and_shift(average(work, "particle"))
    print(f"correlation {likeness:.3f}, shift {shift.round(3)} voxels (z, y, x)")
    assert likeness > 0.8
    assert np.abs(shift).max() < 0.25


@pytest.mark.skipif(os.environ.get("LIVETOMO_LONG") != "1", reason="takes minutes; make real runs it")
@pytest.mark.timeout(900)
def test_particles_in_any_orientation_are_aligned_by_relion(tmp_path):
    """`relion_refine` turns what was picked onto a blurred reference, and finds more in it than the reference holds."""
    for seed in range(5):
        volume, _ = tomogram(seed, turned=True, noise=0.4)
        write_tomogram(tmp_path / f"TS_{seed + 1}.mrc", volume, VOXEL)
    write_session(picked(tmp_path, tmp_path / "out"), "particle", "relion31", tmp_path)
    unaligned, _ = likeness_and_shift(average(tmp_path, "particle"))
    reference = ndimage.gaussian_filter(particle(), 3)
    write_tomogram(tmp_path / "reference.mrc", reference.astype(np.float32), VOXEL)
    (tmp_path / "Refine").mkdir()
    files = "--i Extract/particles.star --o Refine/run --ref reference.mrc --ini_high 60 --firstiter_cc"
    search = "--iter 3 --healpix_order 2 --oversampling 1 --offset_range 2 --offset_step 2 --sym C1 --K 1 --pad 1"
    rest = "--particle_diameter 280 --flatten_solvent --zero_mask --norm --scale --tau2_fudge 4 --j 2 --random_seed 1"
    relion("relion_refine", tmp_path, f"{files} {search} {rest} --dont_combine_weights_via_disc")
    aligned, shift = likeness_and_shift(mrcfile.read(tmp_path / "Refine" / "run_it003_class001.mrc").astype(float))
    blurred, _ = likeness_and_shift(reference)
    print(f"correlation {aligned:.3f} aligned, {unaligned:.3f} not, {blurred:.3f} reference; shift {shift.round(3)}")
    assert aligned > max(0.93, unaligned + 0.05, blurred + 0.02)
    assert np.abs(shift).max() < 0.25
