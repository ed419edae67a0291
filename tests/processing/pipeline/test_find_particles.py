"""A recipe's rules act in its order, in Å, and say what they removed."""

import numpy as np
import pytest
import torch

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import Removed
from livetomo.processing.pipeline.find_particles import change_maps, find

GRID = TomogramGeometry((20, 20, 20), 10.0)


def recipe(**tables) -> Recipe:
    names = ("a", "b", "c")
    features = [{"name": name, "model": "blob", "diameter_angstrom": 100} for name in names]
    return Recipe.model_validate({"feature": features, **tables})


def spot(*places, shape=(20, 20, 20)):
    map_ = torch.zeros(shape)
    for place in places:
        map_[tuple(slice(at - 1, at + 2) for at in place)] = 0.9
    return map_


def test_interactions_see_what_the_ones_before_have_left():
    """b loses its place beside c, and so no longer keeps a away."""
    maps = {"a": spot((10, 10, 10)), "b": spot((10, 10, 12)), "c": spot((10, 10, 14))}
    first = {"feature": "b", "avoid": "c", "radius_angstrom": 100}
    second = {"feature": "a", "avoid": "b", "radius_angstrom": 50}
    assert change_maps(maps, recipe(interaction=[first, second]), GRID)["a"].any()
    assert not change_maps(maps, recipe(interaction=[second, first]), GRID)["a"].any()


def test_competition_comes_before_interactions_and_sees_raw_maps():
    maps = {"a": spot((10, 10, 10)) * 0.5, "b": spot((10, 10, 10)), "c": spot((10, 10, 10))}
    rules = recipe(
        competition={"emit": ["b"], "absorb": ["a"]},
        interaction=[{"feature": "b", "avoid": "c", "radius_angstrom": 0}],
    )
    changed = change_maps(maps, rules, GRID)
    assert not changed["a"].any()
    assert not changed["b"].any()


@pytest.mark.parametrize(("radius", "erased"), [(9.9, True), (10, False)])
def test_a_slicewise_radius_is_counted_in_whole_voxels(radius, erased):
    maps = {"a": spot((10, 10, 10)), "b": spot((10, 10, 10)), "c": spot()}
    rule = {"feature": "a", "colocalize": "b", "radius_angstrom": radius, "slicewise": True}
    assert change_maps(maps, recipe(interaction=[rule]), GRID)["a"].any().item() is not erased


@pytest.mark.parametrize("method", ["maxima", "watershed", "deepest", "centroid"])
def test_every_method_finds_the_particle(method):
    rules = recipe(pick=[{"feature": "a", "method": method, "min_spacing_angstrom": 30}])
    picks = find({"a": spot((10, 10, 10))}, rules, GRID).candidates["a"]
    np.testing.assert_allclose(picks.position, [[10, 10, 10]])
    assert method == "maxima" or picks.volume[0] == 27 * GRID.voxel_size_angstrom**3


def test_curation_says_what_each_rule_removed():
    maps = {"a": spot((4, 4, 4), (10, 10, 10), (15, 15, 15)), "b": spot((10, 10, 10)), "c": spot()}
    rules = recipe(
        pick=[{"feature": "a", "min_spacing_angstrom": 30}],
        curate=[
            {"feature": "a", "rule": "away", "partner": "b", "distance_angstrom": 30},
            {"feature": "a", "rule": "near", "partner": "c"},
        ],
    )
    found = find(maps, rules, GRID)
    assert len(found.candidates["a"]) == 0
    assert list(found.removed(rules.pick[0])) == [Removed(1, "away", 1, 1), Removed(2, "near", 2, 2)]


def test_several_pickers_can_agree():
    maps = {"a": spot((4, 4, 4), (10, 10, 10)), "b": spot((10, 10, 11)), "c": spot()}
    rules = recipe(
        pick=[{"feature": name, "min_spacing_angstrom": 30} for name in "abc"],
        curate=[{"feature": "a", "rule": "consensus", "partners": ["b", "c"], "distance_angstrom": 30}],
    )
    np.testing.assert_allclose(find(maps, rules, GRID).candidates["a"].position, [[10, 10, 10]])


SPOTS = {"a": spot((4, 4, 4), (10, 10, 10), (15, 15, 15)), "b": spot((10, 10, 11), (4, 15, 4)), "c": spot()}
SPOTS["a"][10, 10, 10], SPOTS["b"][10, 10, 11], SPOTS["a"][4, 4, 4] = 0.95, 0.97, 0.92
A, B, C = [4, 4, 4], [10, 10, 10], [15, 15, 15]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"rule": "edge", "distance_angstrom": 40}, [B, A, C]),
        ({"rule": "edge", "distance_angstrom": 45}, [B]),
        ({"rule": "region", "z_angstrom": [40, 100]}, [B, A]),
        ({"rule": "region", "x_angstrom": [90, 150], "y_angstrom": [0, 100]}, [B]),
        ({"rule": "top", "number": 2}, [B, A]),
        ({"rule": "distinct", "partner": "b", "distance_angstrom": 20}, [A, C]),
        ({"rule": "distinct", "partner": "b", "distance_angstrom": 9}, [B, A, C]),
        ({"rule": "other_recipe", "recipe": "0123abcd", "distance_angstrom": 9}, [B, A, C]),
    ],
)
def test_a_rule_leaves_the_particles_that_it_says_and_counts_the_others(rule, left):
    rules = recipe(
        pick=[{"feature": name, "min_spacing_angstrom": 30} for name in "ab"], curate=[rule | {"feature": "a"}]
    )
    found = find(SPOTS, rules, GRID)
    np.testing.assert_allclose(found.candidates["a"].position, left, atol=0.2)
    assert list(found.removed(rules.pick[0])) == [Removed(1, rule["rule"], 3 - len(left), 3 - len(left))]


def test_a_region_lies_where_the_tomogram_has_it_though_maps_have_other_voxels():
    """20 voxels of the maps over 250 Å: 12.5 Å each, though 10 Å are their nominal size."""
    grid = TomogramGeometry((20, 20, 20), 10.0, cell_angstrom=(250.0, 250.0, 250.0))
    rules = recipe(
        pick=[{"feature": "a", "min_spacing_angstrom": 30}],
        curate=[{"feature": "a", "rule": "region", "z_angstrom": [110, 140]}],
    )
    np.testing.assert_allclose(find(SPOTS, rules, grid).candidates["a"].position, [B], atol=0.2)


def test_of_two_features_with_the_same_score_the_one_that_is_picked_first_keeps_the_place():
    maps = {name: spot((10, 10, 10)) for name in "abc"}
    for first, second in ("ab", "ba"):
        rules = recipe(
            pick=[{"feature": name, "min_spacing_angstrom": 30} for name in (first, second)],
            curate=[
                {"feature": one, "rule": "distinct", "partner": other, "distance_angstrom": 20}
                for one, other in ("ab", "ba")
            ],
        )
        found = find(maps, rules, GRID).candidates
        assert (len(found[first]), len(found[second])) == (1, 0)
