"""What sidecars say is judged by published limits, and what they do not say is not made up."""

import pytest

from livetomo.core.quality.definitions import judged
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.measure.metadata import metadata_figures

ARETOMO3 = {"sidecars": {"TiltSeries_Metrics.csv": "AreTomo3 metrics"}}


def figures(**facts):
    return {quality.name: judged(quality) for quality in metadata_figures(SidecarFacts(**facts))}


@pytest.mark.parametrize(
    ("name", "facts", "value", "unit", "verdict"),
    [
        ("declared_thickness", {"thickness_angstrom": 1800.0}, 1800.0, "Å", "good"),
        ("declared_thickness", {"thickness_angstrom": 999.0}, 999.0, "Å", "warn"),
        ("declared_thickness", {"thickness_angstrom": 3500.0}, 3500.0, "Å", "warn"),
        ("declared_thickness", {"thickness_angstrom": 6000.0}, 6000.0, "Å", "bad"),
        ("tilt_axis", {"tilt_axis_degrees": -95.7}, -95.7, "°", "unjudged"),
        ("declared_tilt_x", {"beta_offset_degrees": 1.5}, 1.5, "°", "unjudged"),
        ("declared_tilt_y", {"alpha_offset_degrees": -10.0}, -10.0, "°", "unjudged"),
        ("alignment_residual", {"alignment_residual_angstrom": 10.0}, 10.0, "Å", "good"),
        ("alignment_residual", {"alignment_residual_angstrom": 12.0}, 12.0, "Å", "warn"),
        ("alignment_residual", {"alignment_residual_angstrom": 80.0}, 80.0, "Å", "bad"),
        ("astigmatism", {"astigmatism_angstrom": 900.0}, 0.09, "µm", "unjudged"),
        ("handedness", {"defocus_handedness": -1}, -1, "", "unjudged"),
        ("global_shift", {"global_shift_angstrom": 750.0}, 750.0, "Å", "good"),
        ("global_shift", {"global_shift_angstrom": 751.0}, 751.0, "Å", "warn"),
        ("bad_patches_low_tilt", {"bad_patch_low_tilt_fraction": 0.05}, 0.05, "", "good"),
        ("bad_patches_low_tilt", {"bad_patch_low_tilt_fraction": 0.06}, 0.06, "", "warn"),
        ("bad_patches", {"bad_patch_fraction": 0.10}, 0.10, "", "good"),
        ("bad_patches", {"bad_patch_fraction": 0.11}, 0.11, "", "warn"),
        ("bad_patches", {"bad_patch_fraction": 0.95}, 0.95, "", "bad"),
        ("ctf_resolution", {"ctf_resolution_angstrom": 20.0}, 20.0, "Å", "good"),
        ("ctf_resolution", {"ctf_resolution_angstrom": 21.0}, 21.0, "Å", "warn"),
        ("ctf_resolution", {"ctf_resolution_angstrom": 41.0}, 41.0, "Å", "bad"),
        ("ctf_score", {"ctf_score": 0.05}, 0.05, "", "good"),
        ("ctf_score", {"ctf_score": 0.04}, 0.04, "", "warn"),
        ("defocus", {"defocus_angstrom": 40000.0}, 4.0, "µm", "good"),
        ("defocus", {"defocus_angstrom": 120000.0}, 12.0, "µm", "warn"),
        ("defocus_error", {"defocus_angstrom": 45000.0, "target_defocus_angstrom": 40000.0}, 0.5, "µm", "good"),
        ("defocus_error", {"defocus_angstrom": 70000.0, "target_defocus_angstrom": 40000.0}, 3.0, "µm", "warn"),
        ("tilt_range", {"tilt_min_degrees": -60.0, "tilt_max_degrees": 54.0}, 114.0, "°", "good"),
        ("tilt_range", {"tilt_min_degrees": -30.0, "tilt_max_degrees": 30.0}, 60.0, "°", "warn"),
        ("used_tilts", {"tilt_count": 41}, 41, "tilts", "unjudged"),
        ("used_tilts_share", {"tilt_count": 40, "raw_tilt_count": 41}, 40 / 41, "", "good"),
        ("used_tilts_share", {"tilt_count": 30, "dark_tilt_count": 11}, 30 / 41, "", "warn"),
    ],
)
def test_a_fact_is_judged(name, facts, value, unit, verdict):
    found = figures(**facts)[name]
    assert (found.value, found.unit, found.verdict) == (pytest.approx(value), unit, verdict)
    assert bool(found.reason) == (verdict not in ("good", "unjudged"))


def test_what_is_not_said_is_left_out():
    assert figures() == {}
    assert figures(notes=["taken"], sidecars={"a.tlt": "aligned tilts"}, ctf_score=None, defocus_angstrom="?") == {}


def test_no_bad_patch_where_none_was_asked_for_is_missing():
    found = figures(**ARETOMO3, patches=0)
    assert {quality.verdict for quality in found.values()} == {"missing"}
    assert found["bad_patches"].reason == "no patches were used"
    assert figures(bad_patch_fraction=0.0, patches=0)["bad_patches"].verdict == "missing"


def test_no_bad_patch_among_many_is_a_good_figure():
    found = figures(**ARETOMO3, patches=16)
    assert [(quality.value, quality.verdict) for quality in found.values()] == [(0, "good"), (0, "good")]


def test_no_bad_patch_of_nobody_knows_how_many_is_missing():
    assert figures(**ARETOMO3)["bad_patches"].verdict == "missing"
