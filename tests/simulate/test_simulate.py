"""The same seed gives the same tomogram, and the truth says what is in it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate.matching import recall_at
from livetomo.simulate.easy import Easy, easy_specimen, simulate
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.projector import Projector
from livetomo.simulate.shapes import ribosome_like
from livetomo.simulate.specimen import draw
from livetomo.simulate.truth import label_of

SMALL = Easy(TomogramGeometry((64, 96, 96), 16.0), ribosomes=8, vesicles=1, proteins=20)


@pytest.fixture(scope="module")
def small():
    made, truth = simulate(7, SMALL)
    return made.volume, truth


def test_the_same_seed_gives_the_same_tomogram_and_another_seed_another(small):
    volume, truth = small
    again, truth_again = simulate(7, SMALL)
    other, _ = simulate(8, SMALL)
    assert np.array_equal(volume, again.volume)
    assert np.array_equal(truth.picks["ribosome"].position, truth_again.picks["ribosome"].position)
    assert not np.array_equal(volume, other.volume)


def test_density_is_dark_where_the_truth_says_that_a_ribosome_is(small):
    volume, truth = small
    assert volume.shape == SMALL.geometry.shape_zyx
    assert volume.dtype == np.float32
    inside = volume[truth.labels == label_of("ribosome")].mean()
    assert inside < volume.mean() - 0.5 * volume.std()


def test_every_particle_of_the_truth_is_labelled_at_its_place(small):
    _, truth = small
    at = np.rint(truth.picks["ribosome"].position).astype(int)
    assert len(at) == SMALL.ribosomes
    assert (truth.labels[tuple(at.T)] == label_of("ribosome")).mean() > 0.8  # there is a cleft in the middle of some


def test_a_membranes_normals_are_known_where_it_is_and_only_there(small):
    _, truth = small
    membrane = truth.labels == label_of("membrane")
    assert membrane.any()
    assert (truth.normal_z[~membrane] == 0).all()
    assert truth.normal_z[membrane].max() <= 1
    assert truth.normal_z[membrane].min() < 0.2


def test_the_halves_share_the_specimen_but_not_the_noise():
    density, _ = draw(easy_specimen(3, SMALL), SMALL.geometry, 3)
    clean = image(density, 16.0, Microscope(snr=1e6), 3).volume
    both = image(density, 16.0, Microscope(snr=0.3), 3)
    assert np.allclose(both.volume, (both.even + both.odd) / 2, atol=1e-5)
    noise = [half - clean * (half * clean).mean() / (clean**2).mean() for half in (both.even, both.odd)]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.1
    assert np.corrcoef(both.even.ravel(), both.odd.ravel())[0, 1] > 0.1


def test_what_the_missing_wedge_hides_is_absent():
    point = np.zeros((48, 48, 48), np.float32)
    point[24, 24, 24] = 1
    volume = image(point, 10.0, Microscope(snr=1e9, tilts_degrees=(-60, 60, 2), dose=0), 0).volume
    power = np.abs(np.fft.fftn(volume)) ** 2
    kz, _, kx = np.meshgrid(*[np.fft.fftfreq(48)] * 3, indexing="ij")
    radius = np.hypot(kz, kx)
    band = (radius > 0.1) & (radius < 0.35)
    angle = np.degrees(np.arctan2(np.abs(kz), np.abs(kx)))
    assert power[band & (angle > 68)].mean() < 0.02 * power[band & (angle < 52)].mean()


def test_back_projection_is_the_transpose_of_projection():
    rng = np.random.default_rng(0)
    projector = Projector(6, 9, np.array([-50.0, 0.0, 33.0]))
    volume = rng.random((6, 4, 9)).astype(np.float32)
    views = rng.random((3, 4, projector.detector)).astype(np.float32)
    assert np.vdot(projector.project(volume), views) == pytest.approx(
        np.vdot(volume, projector.back_project(views)), rel=1e-5
    )


def test_an_untilted_view_is_the_sum_along_z():
    volume = np.random.default_rng(0).random((5, 3, 8)).astype(np.float32)
    projector = Projector(5, 8, np.array([0.0]))
    view = projector.project(volume)[0]
    start = (projector.detector - 8) // 2
    assert view[:, start : start + 8] == pytest.approx(volume.sum(axis=0), rel=1e-5)


def test_a_ribosome_is_the_same_in_every_pose():
    shape = ribosome_like()
    rng = np.random.default_rng(1)
    drawn = [shape.draw(Rotation.random(rng=rng).as_matrix(), 8.0, rng.uniform(-0.5, 0.5, 3)) for _ in range(4)]
    masses = [cube.sum() for cube in drawn]
    assert max(masses) < 1.02 * min(masses)
    assert 200 < shape.diameter_angstrom < 350


def test_a_blob_detector_finds_nearly_all_ribosomes_of_an_easy_tomogram():
    settings = Easy()
    made, truth = simulate(1, settings)
    volume = made.volume
    sigma = 125 / settings.geometry.voxel_size_angstrom / 3**0.5
    response = gaussian_filter(-volume, sigma) - gaussian_filter(-volume, 1.6 * sigma)
    peaks = []
    while len(peaks) < 50:
        z, y, x = np.unravel_index(np.argmax(response), response.shape)
        peaks.append((z, y, x))
        response[max(z - 6, 0) : z + 7, max(y - 6, 0) : y + 7, max(x - 6, 0) : x + 7] = -np.inf
    radius = 125 / settings.geometry.voxel_size_angstrom
    assert recall_at(np.array(peaks), truth.picks["ribosome"].position, radius, (50,))[0] > 0.85
