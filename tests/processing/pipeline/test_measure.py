"""What was seen of a volume, said of its halves, found in its maps and picked is put together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.measure.slab import Slab
from livetomo.processing.measure.volume import VolumeFigures
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline.before_denoising import look
from livetomo.processing.pipeline.feature_maps import FeatureMaps
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.processing.pipeline.find_particles import FoundParticles
from livetomo.processing.pipeline.measure import measure
from livetomo.processing.pipeline.tomogram_extent import TomogramExtent
from tests.volumes import balls, order_for, write_tomogram

CPU = torch.device("cpu")
SHAPE = (48, 80, 80)
EXTENT = TomogramExtent(TomogramGeometry(SHAPE, 25.0))
SLAB = Slab(600.0, 0.0, 0.0, 0.0, 1.0, 0.9, 1.0, (True, True))


@pytest.fixture
def order(tmp_path):
    """Balls in noise, with halves of independent noise."""
    volumes = [balls(noise=0.0) + balls(SHAPE, (), seed=seed) for seed in (0, 1)]
    paths = [write_tomogram(tmp_path / f"a_{role}.mrc", volume) for role, volume in enumerate(volumes)]
    whole = write_tomogram(tmp_path / "a.mrc", (volumes[0] + volumes[1]) / 2)
    return order_for(whole, halves={"even": str(paths[0]), "odd": str(paths[1])})


def all_of(order, seen, maps=None, published=None):
    nothing = {"membrane": torch.zeros(SHAPE), "contamination": torch.zeros(SHAPE, dtype=torch.uint8)}
    maps = FeatureMaps(nothing | (maps or {}))
    plan = plan_features(order.recipe, TomogramGeometry(SHAPE, 25.0), Models("cpu"))
    found = FoundParticles(published or {"ribosome": Picks.none()})
    return {one.name: one for one in measure(order, plan, EXTENT, seen, maps, found, CPU).figures}


def test_focus_is_the_contrast_that_was_seen_over_that_which_the_halves_expect(order):
    seen = look(torch.from_numpy(-balls()), order, 25.0)
    contrast = {one.name: one for one in seen.figures}["contrast"]
    known = replace(contrast, value=0.5, verdict="good", reason="")
    found = all_of(order, replace(seen, figures=[known if one is contrast else one for one in seen.figures]))
    assert found["focus"].value == pytest.approx(0.5 / found["coarse_snr"].value)


def test_without_halves_there_is_no_focus(order):
    seen = look(torch.from_numpy(-balls()), order, 25.0)
    assert "focus" not in all_of(replace(order, halves={}), seen)


def test_the_density_in_the_slab_counts_its_depth_along_z(order):
    picks = Picks(np.zeros((10, 3), np.float32), np.ones(10, np.float32), np.ones(10, np.float32))
    tilted = replace(SLAB, slope_x=1.0)  # 45°, so that along z it is deeper by the root of 2
    flat, steep = (all_of(order, VolumeFigures([], slab), published={"ribosome": picks}) for slab in (SLAB, tilted))
    area = (80 * 25e-4) ** 2
    assert flat["ribosome_slab_density"].value == pytest.approx(10 / (area * 0.06))
    assert steep["ribosome_slab_density"].value == pytest.approx(10 / (area * 0.06 * 2**0.5))
    assert flat["ribosome_density"].value == pytest.approx(10 / (area * 48 * 25e-4))


def test_features_with_an_extent_have_one_and_blobs_have_none(order):
    mask = torch.zeros(SHAPE, dtype=torch.uint8)
    mask[:12] = 1
    found = all_of(order, VolumeFigures(), {"contamination": mask})
    assert found["contamination_share"].value == pytest.approx(0.25)
    assert "ribosome_volume" not in found


def test_metadata_and_half_maps_are_measured_together(order):
    found = all_of(replace(order, facts=SidecarFacts(ctf_resolution_angstrom=25.0)), VolumeFigures())
    assert found["ctf_resolution"].value == 25.0
    assert found["halves_agreement"].value is not None


def test_declared_tilts_are_those_of_the_sidecars(order):
    rng = np.random.default_rng(0)
    white = np.fft.fftn(rng.standard_normal((64, 64, 64)))
    kz, kx = np.fft.fftfreq(64)[:, None, None], np.fft.fftfreq(64)[None, None, :]
    volume = np.fft.ifftn(white * (np.abs(kz) <= np.abs(kx))).real.astype(np.float32)  # ±45°
    ranges = {}
    for most in (45.0, 60.0):
        facts = SidecarFacts(tilt_min_degrees=-most, tilt_max_degrees=most)
        seen = look(torch.from_numpy(volume), replace(order, facts=facts), 25.0)
        ranges[most] = next(one for one in seen.figures if one.name == "seen_tilt_range")
    assert ranges[45.0].value == pytest.approx(90, abs=6)
    assert (ranges[45.0].verdict, ranges[60.0].verdict) == ("good", "warn")
