"""Every figure that livetomo makes is explained, and has a metric with buckets that fit it."""

import ast
from pathlib import Path

import pytest
import torch

import livetomo
from livetomo.publish.figures import buckets, metric_name
from livetomo.publish.quality_page import HALVES, METADATA, VOLUME, page
from livetomo.stages.measure.halves import half_figures, missing_halves
from livetomo.stages.measure.metadata import metadata_figures

ROOT = Path(livetomo.__file__).parent
FIGURES = (*VOLUME, *HALVES, *METADATA)
EVERYTHING = {
    "thickness_angstrom": 1500.0, "tilt_axis_degrees": 85.0, "global_shift_angstrom": 100.0, "patches": 16,
    "bad_patch_low_tilt_fraction": 0.01, "bad_patch_fraction": 0.01, "ctf_resolution_angstrom": 12.0, "ctf_score": 0.3,
    "defocus_angstrom": 30000.0, "target_defocus_angstrom": 30000.0, "tilt_min_degrees": -60.0,
    "tilt_max_degrees": 60.0, "tilt_count": 41, "raw_tilt_count": 41,
}  # fmt: skip


def _written_names():
    """The names of all figures that the code writes out: a name in braces is a feature's."""
    for path in [*ROOT.glob("*.py"), *ROOT.glob("stages/measure/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Quality", "_Figure", "masked_share"):
                match node.args:
                    case [ast.Constant(value=str(name)), *_]:
                        yield name
                    case [ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value=str(end))]), *_]:
                        yield f"<feature>{end}"


def test_every_figure_that_the_code_makes_is_explained():
    even, noise = (torch.randn(32, 48, 48, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    made = {quality.name: quality.unit for quality in metadata_figures(EVERYTHING)}
    made |= {quality.name: quality.unit for quality in half_figures(even, even + noise, voxel_size_angstrom=10)}
    made |= {quality.name: quality.unit for quality in missing_halves("of a test")}
    explained = {figure.name: figure.unit for figure in FIGURES}
    assert set(made) | set(_written_names()) == set(explained)
    assert {name: explained[name] for name in made} == made


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_has_a_metric_with_its_unit_and_buckets(figure):
    metric = metric_name(figure.name.replace("<feature>", "ribosome"), figure.unit)
    if figure.name.endswith("_count"):
        assert metric is None
    else:
        assert metric is not None
        bounds = list(buckets(metric))
        assert bounds == sorted(bounds)
        assert len(bounds) >= 8


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
    ],
)
def test_usual_values_fall_into_different_buckets(name, unit, usual):
    bounds = buckets(metric_name(name, unit))
    assert len({sum(value > bound for bound in bounds) for value in usual}) == len(usual)


def test_the_page_is_what_the_code_says():
    assert (ROOT.parent / "docs" / "quality.md").read_text(encoding="utf-8") == page(), "run: make docs"
