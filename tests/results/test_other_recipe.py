"""What a recipe's rule `other_recipe` says is what is done to the files of a session, key by key."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from livetomo.core.manifest import ResultManifest
from livetomo.curation.consensus import KeepAgreedWithRecipe
from livetomo.results.curation import rules_of_recipe
from livetomo.results.folder import Result

RULE = {"feature": "ribosome", "rule": "other_recipe", "recipe": "0123abcd", "distance_angstrom": 60.0}


@pytest.fixture
def manifest() -> ResultManifest:
    return ResultManifest.from_json(
        json.loads((Path(__file__).parents[1] / "core" / "golden_manifest.json").read_text())
    )


def rules(manifest: ResultManifest, *tables) -> list:
    settings = {**manifest.recipe.settings, "curate": list(tables)}
    changed = replace(manifest, recipe=replace(manifest.recipe, settings=settings))
    return rules_of_recipe(Result(Path("x"), changed, manifest.facts), "ribosome")


def test_each_key_is_in_the_rule(manifest):
    assert rules(manifest, RULE) == [KeepAgreedWithRecipe("0123abcd", 60.0)]
    assert rules(manifest, RULE | {"recipe": "ffffffff"}) == [KeepAgreedWithRecipe("ffffffff", 60.0)]
    assert rules(manifest, RULE | {"distance_angstrom": 9.0}) == [KeepAgreedWithRecipe("0123abcd", 9.0)]
    assert rules(manifest, RULE | {"feature": "membrane"}) == []
    assert rules(manifest, {"feature": "ribosome", "rule": "calibrate"}) == []


def test_a_manifest_without_curation_has_no_rule(manifest):
    bare = replace(manifest, recipe=replace(manifest.recipe, settings={}))
    assert rules_of_recipe(Result(Path("x"), bare, manifest.facts), "ribosome") == []
