"""Every figure that livetomo makes is explained, and has a metric with buckets that fit it."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from prometheus_client import CollectorRegistry

import livetomo
from livetomo.core.picks import Picks
from livetomo.core.quality.definitions import DEFINITIONS, definition_of
from livetomo.core.quality.metric import Quality
from livetomo.core.quality.session_baseline import AXIS_DEVIATION
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.measure.extent import extent_figures
from livetomo.processing.measure.halves import half_figures, missing_halves
from livetomo.processing.measure.metadata import metadata_figures
from livetomo.processing.measure.particles import false_at_threshold, particle_figures
from livetomo.processing.measure.volume import volume_figures
from livetomo.processing.pick.false_share import false_shares
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.publish.prometheus.quality_buckets import buckets, in_base_units, metric_name
from tests.publish.event_logs import manifest, named
from tools.docs.quality_page import page

ROOT = Path(livetomo.__file__).parent
FIGURES = tuple(DEFINITIONS.values())
EVERYTHING = {
    "thickness_angstrom": 1500.0, "tilt_axis_degrees": 85.0, "global_shift_angstrom": 100.0, "patches": 16,
    "bad_patch_low_tilt_fraction": 0.01, "bad_patch_fraction": 0.01, "ctf_resolution_angstrom": 12.0, "ctf_score": 0.3,
    "defocus_angstrom": 30000.0, "target_defocus_angstrom": 30000.0, "tilt_min_degrees": -60.0,
    "tilt_max_degrees": 60.0, "tilt_count": 41, "raw_tilt_count": 41, "alpha_offset_degrees": -10.0,
    "beta_offset_degrees": 1.0, "alignment_residual_angstrom": 5.0, "astigmatism_angstrom": 800.0,
    "defocus_handedness": -1,
}  # fmt: skip


def _written_names():
    """The names of all figures that the code writes out: a name in braces is a feature's."""
    for path in [*ROOT.glob("core/quality/*.py"), *ROOT.glob("processing/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Quality":
                match node.args:
                    case [ast.Constant(value=str(name)), *_]:
                        yield name
                    case [ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value=str(end))]), *_]:
                        yield f"<feature>{end}"


def _made():
    """What the functions that make figures make, by name."""
    noise = [torch.randn(48, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    slab = noise[0].clone()
    slab[:16] *= 0.2
    yield from metadata_figures(SidecarFacts(**EVERYTHING))
    yield from half_figures(noise[0], noise[0] + noise[1], voxel_size_angstrom=10)
    yield from missing_halves("of a test")
    for volume in (slab, noise[0]):
        yield from volume_figures(volume, voxel_size_angstrom=20).figures
    yield from extent_figures("membrane", slab, threshold=0.5, voxel_size_angstrom=20)
    picks = Picks(np.eye(3, dtype=np.float32), np.ones(3, np.float32), np.ones(3, np.float32))
    yield from particle_figures("ribosome", picks, voxel_size_angstrom=20, volume_um3=0.1, slab_um3=0.05)
    shares = false_shares(np.ones(30, np.float32), np.zeros(0, np.float32))
    yield false_at_threshold("ribosome", 0.5, shares)


def test_every_figure_that_the_code_makes_is_explained():
    made = {definition_of(quality.name): quality for quality in _made()}
    assert None not in made
    assert all(measure.unit == quality.unit for measure, quality in made.items())
    named = {"contamination_share", "carbon_share", AXIS_DEVIATION}  # a feature's, by names; and a session's
    assert {measure.name for measure in made} | set(_written_names()) | named == set(DEFINITIONS)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_has_a_metric_with_its_unit_and_buckets(figure):
    metric = metric_name(figure.name.replace("<feature>", "ribosome"), figure.unit)
    if figure.name.endswith("_count"):
        assert metric is None
    else:
        assert metric is not None
        bounds = list(buckets(figure.name.replace("<feature>", "ribosome"), figure.unit))
        assert bounds == sorted(bounds)
        assert len(bounds) >= 8 or not bounds


@pytest.mark.parametrize(
    ("name", "unit", "usual"),
    [
        ("halves_agreement", "", (0.05, 0.3, 0.7)),
        ("fsc_0143_resolution", "Å", (22, 35, 60)),
        ("band_snr", "", (0.05, 0.5, 5)),
        ("used_tilts", "tilts", (31, 41, 61)),
        ("tilt_axis", "°", (-95.5, 1, 85)),
        ("defocus_error", "µm", (-1.5, 0.2, 2.5)),
        ("tilt_range", "°", (60, 102, 120)),
        ("declared_thickness", "Å", (900, 1600, 3300)),
        ("global_shift", "Å", (150, 400, 900)),
        ("bad_patches", "", (0.01, 0.07, 0.6)),
        ("ctf_score", "", (0.04, 0.2, 0.4)),
        ("slab_tilt", "°", (0.3, 4, 12)),
        ("seen_tilt_range", "°", (86, 104, 122)),
        ("focus", "", (0.05, 0.25, 1.2)),
        ("ribosome_score_median", "", (0.35, 0.55, 0.75)),
    ],
)
def test_usual_values_fall_into_different_buckets(name, unit, usual):
    bounds = buckets(name, unit)
    assert len({sum(in_base_units(value, unit) > bound for bound in bounds) for value in usual}) == len(usual)


def test_the_page_is_what_the_code_says():
    assert (ROOT.parent / "docs" / "quality.md").read_text(encoding="utf-8") == page(), "run: make docs"


def test_details_are_reported_of_the_last_tomogram_alone():
    metrics = Metrics(CollectorRegistry(), watches=["krios1"])
    quality = named(Quality("membrane_area", 0.5, "µm²", "good"), Quality("thickness", 1500.0, "Å", "good"))
    metrics.finished(manifest(quality=quality))
    text = metrics.exposition().decode()
    assert 'livetomo_latest_membrane_area_square_meters{watch="krios1"} 5e-13' in text
    assert "livetomo_quality_membrane_area" not in text
    assert 'livetomo_quality_thickness_meters_count{watch="krios1"} 1.0' in text
