"""Half-maps say how much is denoised; what compares them sees them raw; where there are none, the result says so."""

import json

import numpy as np
import pytest

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import NoHalves
from livetomo.core.json_object import JsonObject
from livetomo.core.manifest import Provenance
from livetomo.processing.pipeline import run as pipeline
from tests.volumes import balls, order_for, write_tomogram

HALVES = {"halves_agreement", "band_snr", "coarse_snr", "fsc_0143_resolution", "fsc_05_resolution"}
VOXEL_ANGSTROM = 15.0
METHODS = {
    "none": {"method": "none"},
    "lowpass": {"method": "lowpass"},
    "deconvolve": {"method": "deconvolve", "defocus_angstrom": 30_000},
    "tv": {"method": "tv"},
    "tv by halves": {"method": "tv", "weight": "halves"},
    "wiener": {"method": "wiener"},
}


def recipe(denoise):
    return Recipe.model_validate({"denoise": denoise, "feature": [{"name": "a", "model": "dense"}]})


@pytest.fixture
def with_halves(tmp_path):
    """An order by which a tomogram with half-maps is denoised so; its signal has detail, and noise of its own each."""

    def make(denoise, **changes):
        signal = balls(noise=0, diameter=60, places=tuple(np.random.default_rng(5).integers(6, (42, 74, 74), (80, 3))))
        halves, volumes = {}, {}
        for seed, role in enumerate(("even", "odd")):
            noise = np.random.default_rng(seed).normal(0, 1, signal.shape)
            volumes[role] = (signal + noise).astype(np.float32)
            halves[role] = str(write_tomogram(tmp_path / f"TS_01_{role}.mrc", volumes[role], VOXEL_ANGSTROM))
        whole = write_tomogram(tmp_path / "TS_01.mrc", (volumes["even"] + volumes["odd"]) / 2, VOXEL_ANGSTROM)
        return order_for(whole, recipe(denoise), **{"halves": halves} | changes)

    return make


@pytest.fixture
def result(tmp_path):
    """What the pipeline makes of an order."""
    return lambda order, name="r": pipeline.run(order, tmp_path / name)


def test_figures_of_the_halves_are_those_of_the_raw_halves_whatever_denoises(with_halves, result):
    """A denoiser that is chosen by the halves, or learned from them, would otherwise praise itself."""
    figures = {}
    for name, denoise in METHODS.items():
        quality = result(with_halves(denoise), name).quality
        figures[name] = {one: (quality[one].value, quality[one].verdict) for one in HALVES}
    assert figures["none"]["halves_agreement"][0] is not None
    assert all(found == figures["none"] for found in figures.values()), figures


def test_the_result_says_by_what_it_was_denoised(with_halves, result):
    used = {name: result(with_halves(denoise), name).provenance.denoiser for name, denoise in METHODS.items()}
    assert [name for name, one in used.items() if one is None] == ["none", "lowpass", "deconvolve"]
    assert used["tv"].went_by == {"weight": 0.7, "from": "recipe"}
    assert used["tv by halves"].went_by["from"] == "halves"
    assert 30 <= used["wiener"].went_by["finest_angstrom"] < 200


def test_what_is_said_of_the_denoiser_is_read_back(with_halves, result):
    made = result(with_halves(METHODS["tv"])).provenance
    assert Provenance.from_json(JsonObject(json.loads(json.dumps(made.to_json())))) == made
    plain = result(with_halves(METHODS["lowpass"]), "other").provenance
    assert "denoiser" not in plain.to_json()
    assert Provenance.from_json(JsonObject(plain.to_json())).denoiser is None


def test_without_halves_the_weight_that_the_recipe_says_for_it_holds_and_a_warning_says_so(with_halves, result):
    made = result(with_halves({"method": "tv", "weight": "halves", "weight_without_halves": 0.4}, halves={}))
    assert made.provenance.denoiser.went_by == {"weight": 0.4, "from": "recipe"}
    assert [one for one in made.warnings if one.startswith("Denoising")] == [
        "Denoising: the weight is 0.4, that without half-maps: it has no even and odd half-maps."
    ]


def test_with_halves_nothing_is_warned_of(with_halves, result):
    assert not [one for one in result(with_halves(METHODS["tv by halves"])).warnings if "Denoising" in one]


def test_wiener_without_halves_fails_and_says_what_to_do(with_halves, result):
    with pytest.raises(NoHalves, match=r"TS_01\.mrc: it has no even and odd half-maps; .* or use another method"):
        result(with_halves(METHODS["wiener"], halves={}))


def _identical(folder):
    (folder / "TS_01_odd.mrc").write_bytes((folder / "TS_01_even.mrc").read_bytes())


def _strangers(folder):
    noise = np.random.default_rng(9).normal(0, 1, (48, 80, 80)).astype(np.float32)
    write_tomogram(folder / "TS_01_odd.mrc", noise, VOXEL_ANGSTROM)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_identical, "the halves are identical"),
        (_strangers, "its half-maps have nothing in common"),
        (lambda folder: (folder / "TS_01_odd.mrc").unlink(), "a half-map could not be read"),
        (lambda folder: write_tomogram(folder / "TS_01_odd.mrc", balls((48, 80, 78))), "another shape"),
        (lambda folder: (folder / "TS_01_odd.mrc").write_bytes(b""), "a half-map could not be read"),
    ],
    ids=["identical", "strangers", "gone", "another shape", "empty"],
)
def test_halves_that_are_none_do_not_lead_the_filter(with_halves, result, tmp_path, spoil, words):
    order = with_halves(METHODS["wiener"])
    spoil(tmp_path)
    with pytest.raises(NoHalves, match=words):
        result(order)


def test_identical_halves_do_not_say_the_weight(with_halves, result, tmp_path):
    """By them no smoothing at all would be best."""
    order = with_halves(METHODS["tv by halves"])
    _identical(tmp_path)
    made = result(order)
    assert made.provenance.denoiser.went_by == {"weight": 0.7, "from": "recipe"}
    assert any("the halves are identical" in one for one in made.warnings)
