"""Deconvolution in a recipe goes by the tomogram's own defocus, or by the recipe's, or says that nobody knows it."""

from dataclasses import replace

import pytest

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import NoDefocus
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.pipeline import denoise
from livetomo.processing.pipeline import run as pipeline
from tests.volumes import balls, order_for, write_tomogram


@pytest.fixture
def defocus_used(monkeypatch):
    used = []
    deconvolve = denoise.deconvolve

    def noted(volume, **options):
        used.append((options["defocus_angstrom"], options["voltage_kilovolt"], options["strength"]))
        return deconvolve(volume, **options)

    monkeypatch.setattr(denoise, "deconvolve", noted)
    return used


@pytest.fixture
def order(tmp_path):
    def make(metadata=None, **denoise):
        recipe = Recipe.model_validate(
            {
                "denoise": {"method": "deconvolve", **denoise},
                "feature": [{"name": "membrane", "model": "ridge"}],
                "keep": ["labels", "denoised"],
            }
        )
        path = write_tomogram(tmp_path / "TS_01.mrc", balls(shape=(16, 40, 40), places=((8, 20, 20),)))
        return replace(order_for(path, recipe), facts=SidecarFacts(**metadata or {}))

    return make


def test_what_sidecars_say_wins_over_what_the_recipe_says(order, defocus_used, tmp_path):
    ctf = {"defocus_angstrom": 42_000.0, "voltage_kilovolt": 200.0}
    pipeline.run(order(ctf, defocus_angstrom=30_000, strength=0.5), tmp_path / "a")
    pipeline.run(order(defocus_angstrom=30_000), tmp_path / "b")
    assert defocus_used == [(42_000.0, 200.0, 0.5), (30_000.0, 300.0, 1.0)]


def test_where_nobody_says_the_defocus_both_ways_are_named(order, tmp_path):
    with pytest.raises(
        NoDefocus, match=r'no sidecar gives "defocus_angstrom".* Write "defocus_angstrom" in that table'
    ):
        pipeline.run(order(), tmp_path / "r")


def test_ridges_are_labelled_on_the_tomogram_s_own_grid(order, tmp_path):
    manifest = pipeline.run(order(defocus_angstrom=30_000), tmp_path / "r")
    assert manifest.labels == {"membrane": 1}
    assert {"labels.mrc", "denoised.mrc"} <= set(manifest.files)
    assert manifest.files["labels.mrc"].bytes == 1024 + 16 * 40 * 40
