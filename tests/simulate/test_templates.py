"""A library of density maps is drawn as heavy and as wide as its particles are, whatever box the maps come in."""

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from scipy.spatial.transform import Rotation

from livetomo.core.errors import ConfigurationError, UnusableMap
from livetomo.core.particle_map import PROTEIN_DALTON_PER_ANGSTROM3
from livetomo.formats.mrc import read_volume
from livetomo.simulate.templates import load_templates
from tests.particles import MASS_KDA, ball, write_tables
from tests.processing.particle_map.test_prepare import VARIANTS
from tests.volumes import write_tomogram

DRAWN_AT = 6.0


def drawn_mass(cube, voxel_size):
    return cube.sum(dtype=np.float64) * voxel_size**3 * PROTEIN_DALTON_PER_ANGSTROM3


def drawn_diameter(cube, voxel_size):
    """Of the sphere about the centre of mass in which 99 % of the drawn mass lies: from what is drawn alone."""
    places = np.indices(cube.shape).reshape(3, -1).T
    mass = np.clip(cube, 0, None).ravel().astype(np.float64)
    away = np.linalg.norm(places - mass @ places / mass.sum(), axis=1)
    order = np.argsort(away)
    return 2 * voxel_size * float(np.interp(0.99, np.cumsum(mass[order]) / mass.sum(), away[order]))


@pytest.fixture(scope="module")
def originals(data, tmp_path_factory):
    return load_templates(data / "templates", write_tables(tmp_path_factory.mktemp("tables")))


@pytest.mark.parametrize("name", MASS_KDA)
def test_the_same_particle_in_three_boxes_with_noise_and_at_another_voxel_size_is_drawn_alike(
    data, originals, tmp_path, name
):
    density = read_volume(data / "templates" / f"{name}.mrc").voxels.astype(np.float32)
    for variant, change in VARIANTS.items():
        if MASS_KDA[name] > 100 or "12 Å" not in variant:  # the small ones have 20 to 30 voxels there
            write_tomogram(tmp_path / f"{variant}.mrc", *change(density))
    shapes = load_templates(tmp_path, write_tables(tmp_path, dict.fromkeys(VARIANTS, MASS_KDA[name])))
    assert len(shapes) >= 6
    turn = Rotation.from_euler("ZYZ", [20, 50, 70], degrees=True).as_matrix()
    expected = originals[name].draw(turn, DRAWN_AT, np.zeros(3))
    for shape in shapes.values():
        cube = shape.draw(turn, DRAWN_AT, np.zeros(3))
        assert drawn_mass(cube, DRAWN_AT) == pytest.approx(1e3 * MASS_KDA[name], rel=1e-3), shape.name
        assert drawn_diameter(cube, DRAWN_AT) == pytest.approx(drawn_diameter(expected, DRAWN_AT), rel=0.03), shape.name
        assert shape.diameter_angstrom == pytest.approx(originals[name].diameter_angstrom, rel=0.03), shape.name


@pytest.mark.parametrize("voxel_size", [4.0, 7.3, 10.0, 14.0, 24.0])
def test_a_particle_has_its_mass_at_every_voxel_size_in_every_pose_and_place(originals, voxel_size):
    rng = np.random.default_rng(3)
    for name, shape in originals.items():
        cube = shape.draw(Rotation.random(rng=rng).as_matrix(), voxel_size, rng.uniform(-0.5, 0.5, 3))
        assert drawn_mass(cube, voxel_size) == pytest.approx(1e3 * MASS_KDA[name], rel=1e-3)
        faces = np.concatenate([np.take(cube, end, axis).ravel() for axis in range(3) for end in (0, -1)])
        assert np.abs(faces).max() < 0.02 * cube.max()  # it is whole


def test_the_smoothing_of_a_fine_map_is_not_cut_off_by_its_box(tmp_path):
    write_tomogram(tmp_path / "ball.mrc", ball(side=40, radius=12, soft=0.7), 2.0)
    (shape,) = load_templates(tmp_path, write_tables(tmp_path, {"ball": 80.0})).values()
    cube = shape.draw(np.eye(3), 20.0, np.zeros(3))
    middle = cube.shape[0] // 2
    # A ball of 57 Å under a Gaussian of 8.4 Å: at 40 Å from the middle some per mille are left, not nothing.
    assert 0 < cube[middle, middle, middle + 2] < 0.1 * cube[middle, middle, middle]


def test_what_is_drawn_larger_weighs_as_much_more(originals):
    larger = originals["4cr2"].scaled(1.1)
    assert larger.diameter_angstrom == pytest.approx(1.1 * originals["4cr2"].diameter_angstrom)
    assert drawn_mass(larger.draw(np.eye(3), 10.0, np.zeros(3)), 10.0) == pytest.approx(1.1**3 * 1.17e6, rel=1e-3)


def test_a_map_of_which_nothing_is_known_is_refused_with_what_to_give(data):
    with pytest.raises(UnusableMap, match=r"1bxn\.mrc: neither its contour nor its mass is known: give the mass"):
        load_templates(data / "templates")


def test_a_table_beside_the_maps_needs_no_naming(tmp_path):
    write_tomogram(tmp_path / "ball.mrc", ball(), 5.0)
    write_tables(tmp_path, {"ball": 200.0}).rename(tmp_path / "maps.toml")
    assert load_templates(tmp_path)["ball"].mass_dalton == 200e3


def test_two_maps_of_one_name_are_refused(tmp_path):
    for ending in ("mrc", "map"):
        with mrcfile.new(tmp_path / f"ball.{ending}") as file:
            file.set_data(ball())
    with pytest.raises(ConfigurationError, match="two maps of the name ball"):
        load_templates(tmp_path)


def test_a_fine_map_is_drawn_coarsely_in_the_place_that_is_asked_for(tmp_path):
    """The map is binned first: half a voxel more or less would be seen here."""
    write_tomogram(tmp_path / "ball.mrc", ball(side=47, radius=14), 2.0)
    (shape,) = load_templates(tmp_path, write_tables(tmp_path, {"ball": 80.0})).values()
    for voxel_size in (3.0, 8.0, 13.0, 27.0):
        cube = shape.draw(np.eye(3), voxel_size, np.array([0.4, -0.3, 0.1]))
        place = np.array(center_of_mass(cube)) - (cube.shape[0] - 1) / 2
        assert place == pytest.approx([0.4, -0.3, 0.1], abs=0.03)
