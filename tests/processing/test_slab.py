"""What is measured of a volume is what it was made with: slabs, noise and tilts through a simulated microscope."""

import math
from functools import cache

import numpy as np
import pytest
import torch

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.quality.definitions import judged
from livetomo.processing.denoise.lowpass import lowpass
from livetomo.processing.measure.halves import focus, half_figures
from livetomo.processing.measure.slab import energy, find_slab
from livetomo.processing.measure.volume import volume_figures
from livetomo.processing.normalise import clip_, normalise_
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.slab import IceSlab as TrueSlab

SHAPE = (96, 96, 96)
VOXEL = 30.0


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small tensors on a busy machine: threads would mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def seen(thickness, degrees=0.0, *, shift=0.0, about_x=False, snr=0.05, tilts=60.0, jitter=0.0):
    """Whole and halves of a slab full of dark blobs; the thickness is across it."""
    slope = math.tan(math.radians(degrees))
    true = TrueSlab(thickness * math.hypot(1, slope), shift, (slope, 0.0) if about_x else (0.0, slope))
    inside = np.abs(true.height(TomogramGeometry(SHAPE, VOXEL))) <= true.thickness_angstrom / 2
    rng = np.random.default_rng(1)
    blobs = lowpass(torch.from_numpy(rng.standard_normal(SHAPE, dtype=np.float32)), sigma_voxels=0.7).numpy()
    microscope = Microscope(snr=snr, tilts_degrees=(-tilts, tilts, 3.0), jitter_angstrom=jitter)
    return image(np.clip(blobs, 0, None) * inside, VOXEL, microscope, 1)


def prepared(volume):
    return clip_(normalise_(torch.from_numpy(np.array(volume, np.float32)), "dark"))


def figures(volume, **more):
    found = volume_figures(prepared(volume), voxel_size_angstrom=VOXEL, **more).figures
    return {quality.name: judged(quality) for quality in found}


@pytest.mark.parametrize(
    ("thickness", "degrees", "about_x"),
    [(600, 0, False), (600, 15, False), (1200, 7, True), (1800, 15, True), (2200, 0, False)],
)
def test_thickness_and_tilt_of_a_slab_are_measured_at_little_signal(thickness, degrees, about_x):
    found = figures(seen(thickness, degrees, about_x=about_x).volume)
    assert found["thickness"].value == pytest.approx(thickness, rel=0.10)
    assert found["slab_tilt"].value == pytest.approx(degrees, abs=2)
    along, across = ("slab_tilt_x", "slab_tilt_y") if about_x else ("slab_tilt_y", "slab_tilt_x")
    assert found[along].value == pytest.approx(degrees, abs=2)
    assert found[across].value == pytest.approx(0, abs=2)
    assert found["thickness_confidence"].value > 0.8


def test_a_slab_that_lies_high_is_measured_and_its_shift_reported():
    found = figures(seen(900, shift=400.0).volume)
    assert found["slab_shift"].value == pytest.approx(400, abs=50)
    assert found["thickness"].value == pytest.approx(900, rel=0.1)


def test_a_slab_that_reaches_beyond_the_volume_is_at_least_so_thick():
    found = figures(seen(1500, shift=900.0).volume)["thickness"]
    assert found.verdict == "warn"
    assert "upper face lies beyond the volume" in found.reason
    assert found.value == pytest.approx(1500 - (900 + 750 - 1440), rel=0.1)


@pytest.mark.parametrize(("voxel", "verdict"), [(80.0, "warn"), (130.0, "bad")])
def test_a_thick_specimen_is_reported(voxel, verdict):
    volume = torch.randn(100, 40, 40, generator=torch.Generator().manual_seed(0))
    volume[:30] *= 0.3
    volume[70:] *= 0.3
    found = volume_figures(volume, voxel_size_angstrom=voxel).figures
    quality = judged(next(one for one in found if one.name == "thickness"))
    assert quality.value == pytest.approx(40 * voxel, rel=0.05)
    assert (quality.verdict, "thick" in quality.reason) == (verdict, True)


def test_a_bright_corner_is_no_slab():
    volume = prepared(seen(900).volume)
    volume[:20, :30, :30] *= 6
    slab = find_slab(energy(volume, voxel_size_angstrom=VOXEL))
    assert slab.thickness_angstrom == pytest.approx(900, rel=0.1)
    assert math.degrees(math.atan(slab.slope)) < 2


@pytest.mark.parametrize("seed", range(3))
def test_an_empty_volume_is_named(seed):
    noise = np.random.default_rng(seed).standard_normal(SHAPE, dtype=np.float32)
    found = figures(image(noise, VOXEL, Microscope(snr=1e-7), seed).volume)
    assert (found["contrast"].value, found["contrast"].verdict) == (0.0, "warn")
    assert "the volume is empty" in found["contrast"].reason
    assert (found["thickness"].value, found["thickness"].verdict) == (None, "missing")


def test_a_specimen_that_fills_the_volume_is_not_called_empty():
    found = figures(seen(9000.0, snr=0.3).volume)
    for name in ("thickness", "contrast", "sharpness", "slab_tilt"):
        assert found[name].verdict == "missing"
        assert "the specimen fills the volume" in found[name].reason


def test_contrast_and_sharpness_fall_as_the_signal_does():
    strong, weak = (figures(seen(900, snr=snr).volume) for snr in (0.3, 0.01))
    assert strong["contrast"].value > 2 * weak["contrast"].value > 0
    assert strong["sharpness"].value < weak["sharpness"].value


def test_sharpness_is_where_the_structure_ends():
    rng = np.random.default_rng(4)
    k = [np.fft.fftfreq(n, VOXEL) for n in SHAPE]
    k2 = k[0][:, None, None] ** 2 + k[1][:, None] ** 2 + k[2] ** 2
    structure = np.fft.ifftn(np.fft.fftn(rng.standard_normal(SHAPE)) * (k2 < 100.0**-2)).real
    structure[np.abs(np.arange(96) - 47.5) > 20] = 0
    volume = (3 * structure + rng.standard_normal(SHAPE)).astype(np.float32)
    assert figures(volume)["sharpness"].value == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("steepest", [45.0, 60.0])
def test_the_tilts_are_seen_in_fourier_space(steepest):
    volume = seen(900, tilts=steepest).volume
    found = figures(volume, declared_tilts_degrees=2 * steepest)["seen_tilt_range"]
    assert found.value == pytest.approx(2 * steepest, abs=6)
    assert found.verdict == "good"


def test_tilts_that_are_declared_but_not_in_the_volume_are_named():
    found = figures(seen(900, tilts=45.0).volume, declared_tilts_degrees=120.0)["seen_tilt_range"]
    assert found.verdict == "warn"
    assert "of the 120° in the sidecars the volume holds 9" in found.reason


def test_a_volume_that_was_turned_is_named():
    turned = np.ascontiguousarray(seen(900).volume.transpose(0, 2, 1))
    found = figures(turned)["seen_tilt_range"]
    assert (found.verdict, "along y" in found.reason) == ("warn", True)


@pytest.mark.parametrize(("order", "axis"), [((1, 0, 2), "y"), ((2, 1, 0), "x")])
def test_a_volume_whose_missing_wedge_lies_round_another_axis_than_z_is_named(order, axis):
    found = figures(np.ascontiguousarray(seen(900).volume.transpose(order)))
    assert found["seen_tilt_range"].verdict == "warn"
    assert f"the missing wedge lies about {axis} instead of z" in found["seen_tilt_range"].reason


@pytest.mark.parametrize(("shape", "verdict"), [((40, 60, 60), "good"), ((60, 60, 60), "good"), ((80, 60, 64), "warn")])
def test_a_volume_that_is_deeper_than_wide_is_named_where_no_wedge_explains_it(shape, verdict):
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).numpy()
    found = figures(noise)["relative_depth"]
    assert (found.value, found.verdict) == (pytest.approx(shape[0] / 60), verdict)
    assert ("stored with other axes" in found.reason) == (verdict == "warn")


def test_a_deep_volume_whose_wedge_lies_round_z_is_no_alarm():
    found = figures(np.ascontiguousarray(seen(900).volume[:, :72, :72]))
    assert found["seen_tilt_range"].verdict == "good"
    assert (found["relative_depth"].value > 1.2, found["relative_depth"].verdict) == (True, "good")


def test_a_filled_wedge_says_no_tilts():
    volume = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).numpy()
    assert figures(volume)["seen_tilt_range"].verdict == "missing"


@pytest.mark.parametrize(("jitter", "verdicts"), [(5.0, {"good"}), (150.0, {"warn", "bad"})])
def test_a_broken_alignment_is_named_though_the_halves_agree(jitter, verdicts):
    made = seen(900, snr=0.2, jitter=jitter)
    halves = {
        quality.name: quality
        for quality in half_figures(torch.from_numpy(made.even), torch.from_numpy(made.odd), voxel_size_angstrom=VOXEL)
    }
    assert halves["halves_agreement"].verdict == "good"
    found = judged(focus(figures(made.volume)["contrast"].value, halves["coarse_snr"].value))
    assert found.verdict in verdicts
    assert ("the alignment is broken" in found.reason) == (jitter > 100)


def test_where_the_halves_hold_hardly_any_signal_there_is_no_focus():
    assert focus(0.0, 0.05) is None


@pytest.mark.parametrize("shape", [(1, 40, 40), (40, 3, 200), (16, 16, 16), (17, 16, 300)])
@pytest.mark.parametrize("voxel", [0.1, 8.0, 1000.0])
def test_a_volume_of_any_shape_has_every_figure_or_says_why_not(shape, voxel):
    volume = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = volume_figures(volume, voxel_size_angstrom=voxel).figures
    assert len({one.name for one in found}) == len(found) == 11
    assert all(one.reason for one in found if one.value is None)
