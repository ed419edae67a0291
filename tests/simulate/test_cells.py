"""Everything that a random cell may hold can be drawn, and is where the truth says."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from scipy.spatial.transform import Rotation

from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.background import Crowd
from livetomo.simulate.canvas import Canvas
from livetomo.simulate.contaminants import CarbonFilm, Gold, IceCrystals, Junk
from livetomo.simulate.filaments import ACTIN, Filaments, microtubule
from livetomo.simulate.membranes import Membrane
from livetomo.simulate.particles import Population
from livetomo.simulate.random_cell import Library, random_specimen
from livetomo.simulate.shapes import ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from livetomo.simulate.surfaces import Beside, Ellipsoid, Sheet, Tube
from livetomo.simulate.templates import load_templates
from livetomo.simulate.tomogram import simulate_cell
from livetomo.simulate.truth import label_of
from tests.particles import write_tables

SHAPE, VOXEL = (48, 64, 64), 20.0
SPHERE = Ellipsoid(np.array([480.0, 640, 640]), np.full(3, 300.0), np.eye(3), np.zeros((0, 4)), 0.0)
FLAT = Sheet(np.array([480.0, 640, 640]), np.eye(3), np.zeros((0, 4)))
STRAIGHT = Tube(np.stack([np.full(60, 480.0), np.full(60, 640.0), np.linspace(100, 1200, 60)], axis=1), 200.0)


def canvas(thickness=900.0):
    return Canvas(TomogramGeometry(SHAPE, VOXEL), IceSlab(thickness))


def drawn(*parts, thickness=900.0):
    made = canvas(thickness)
    for number, part in enumerate(parts):
        part.draw(made, np.random.default_rng(number))
    return made


@pytest.mark.parametrize(
    ("surface", "exact"),
    [
        (SPHERE, lambda z, y, x: np.sqrt((z - 480) ** 2 + (y - 640) ** 2 + (x - 640) ** 2) - 300),
        (FLAT, lambda z, y, x: z - 480 + 0 * y + 0 * x),
        (STRAIGHT, lambda z, y, x: np.sqrt((z - 480) ** 2 + (y - 640) ** 2) - 200 + 0 * x),
        (Beside(SPHERE, 50.0), lambda z, y, x: np.sqrt((z - 480) ** 2 + (y - 640) ** 2 + (x - 640) ** 2) - 350),
    ],
)
def test_a_surface_knows_its_distance(surface, exact):
    axes = canvas().axes((slice(10, 40), slice(10, 54), slice(20, 44)))
    found, expected = surface.distance(*axes), exact(*axes)
    near = np.abs(expected) < 60
    assert np.abs(found - expected)[near].max() < 5


def test_a_membrane_is_two_leaflets_with_its_normals():
    made = drawn(Membrane(SPHERE))
    labels = made.labels == label_of("membrane")
    z, y, x = made.axes((slice(None), slice(None), slice(None)))
    away = np.sqrt((z - 480) ** 2 + (y - 640) ** 2 + (x - 640) ** 2)
    assert np.abs(away[labels] - 300).max() < 2 * VOXEL
    expected = np.broadcast_to(np.abs(z - 480), SHAPE)[labels] / away[labels]
    assert np.abs(made.normal_z[labels] - expected).max() < 0.15
    assert made.compartment[24, 32, 32] == 1
    assert made.compartment[0, 0, 0] == 0


def test_nothing_is_drawn_across_a_membrane():
    made = drawn(Membrane(SPHERE), Membrane(FLAT), Population(ribosome_like(), 40, "ribosome"))
    assert made.normal_z[23:26, 32, :10].max() == 0  # the sheet crosses the sphere, so it is not there
    membrane = drawn(Membrane(SPHERE)).labels == label_of("membrane")
    assert (made.labels[membrane] == label_of("membrane")).mean() > 0.97


def test_bound_particles_lie_on_the_membrane_and_clustered_ones_beside_each_other():
    made = drawn(Membrane(SPHERE), Population(ribosome_like(), 12, "ribosome", bound=1.0))
    places = np.array([placed.position for placed in made.placed["ribosome"]]) * VOXEL
    away = np.abs(np.linalg.norm(places - SPHERE.centre, axis=1) - 300)
    assert len(places) >= 8
    assert (away < 260).all()
    clustered = drawn(Population(ribosome_like(), 10, "ribosome", clustered=1.0))
    places = np.array([placed.position for placed in clustered.placed["ribosome"]]) * VOXEL
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(len(places))
    assert (gaps.min(axis=1) < 1.2 * ribosome_like().diameter_angstrom).all()


@pytest.mark.parametrize(("lattice", "feature"), [(microtubule(), "microtubule"), (ACTIN, "filament")])
def test_filaments_are_drawn_and_labelled_along_their_axis(lattice, feature):
    made = drawn(Filaments(lattice, 4))
    body = made.labels == label_of(feature)
    assert body.sum() > 50
    assert made.density[body].mean() > 5 * abs(made.density[~body].mean())
    assert (made.depth[made.density > 0.1] < 2 * VOXEL).all()


@pytest.mark.parametrize(
    ("part", "feature"),
    [
        (Gold(5), "contamination"),
        (IceCrystals(3), "contamination"),
        (Junk(3), "contamination"),
        (CarbonFilm(hole_radius_angstrom=3000.0), "carbon"),
    ],
)
def test_contaminants_are_dense_and_labelled(part, feature):
    made = drawn(part)
    body = made.labels == label_of(feature)
    assert body.any()
    assert made.density[body].mean() > 0.5
    assert made.density[~body].mean() < 0.1


def test_the_crowd_fills_the_slab_alone():
    made = drawn(Crowd(0.2, 40.0), thickness=400.0)
    inside, outside = made.density[made.depth < -VOXEL], made.density[made.depth > VOXEL]
    assert inside.std() == pytest.approx(0.2, rel=0.2)
    assert (outside == 0).all()


def test_any_random_cell_can_be_drawn():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        geometry = TomogramGeometry(SHAPE, 28.0)
        density, truth = draw(random_specimen(rng, geometry, Library()), geometry, seed)
        assert np.isfinite(density).all()
        assert truth.labels.max() <= 6


def test_a_simulated_cell_is_the_same_for_the_same_seed():
    first, again = (simulate_cell(4, TomogramGeometry((32, 40, 40), 28.0)) for _ in range(2))
    assert np.array_equal(first.reconstruction.volume, again.reconstruction.volume)
    assert np.array_equal(first.truth.labels, again.truth.labels)


def test_a_template_is_drawn_upright_in_the_pose_that_is_reported(data, tmp_path):
    shape = load_templates(data / "templates", write_tables(tmp_path))["4cr2"]
    still = shape.draw(np.eye(3), 10.0, np.zeros(3))
    turn = Rotation.from_euler("ZYZ", [30, 60, -40], degrees=True).as_matrix()
    turned = shape.draw(turn, 10.0, np.array([0.3, -0.2, 0.4]))
    middle = (np.array(still.shape) - 1) / 2
    assert center_of_mass(still > 0.3) - middle == pytest.approx([0, 0, 0], abs=0.5)
    assert center_of_mass(turned > 0.3) - middle == pytest.approx([0.3, -0.2, 0.4], abs=0.5)
    longest, moved = (_long_axis(cube) for cube in (still, turned))
    assert abs(moved @ (turn @ longest)) > 0.99
    assert turned.sum() == pytest.approx(still.sum(), rel=0.02)


def _long_axis(cube):
    """The direction (x, y, z) along which a particle is longest."""
    places = np.argwhere(cube > 0.3)[:, ::-1].astype(float)
    return np.linalg.svd(places - places.mean(axis=0), full_matrices=False)[2][0]


def test_the_angles_of_the_truth_are_those_that_relion_turns_the_reference_by():
    made = drawn(Population(ribosome_like(), 1, "ribosome"))
    (placed,) = made.placed["ribosome"]
    # RELION's matrix of rot, tilt, psi, written out as in its Euler_angles2matrix, takes the reference to the particle.
    (ca, cb, cg), (sa, sb, sg) = (f(np.deg2rad(placed.euler)) for f in (np.cos, np.sin))
    relion = np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )
    at = np.rint(placed.position).astype(int)
    cube = ribosome_like().draw(relion, VOXEL, placed.position - at)
    radius = cube.shape[0] // 2
    here = made.density[tuple(slice(max(c - radius, 0), c + radius + 1) for c in at)]
    low = [max(radius - c, 0) for c in at]
    part = cube[tuple(slice(a, a + n) for a, n in zip(low, here.shape, strict=True))]
    assert np.corrcoef(here.ravel(), part.ravel())[0, 1] > 0.999


def test_a_folder_without_maps_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no density map"):
        load_templates(tmp_path)


def test_an_empty_specimen_is_nothing():
    density, truth = draw(Specimen(IceSlab(), ()), TomogramGeometry(SHAPE, VOXEL), 0)
    assert not density.any()
    assert truth.picks == {}
