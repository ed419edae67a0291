"""Rules that ask another feature: who wins where both are as strong, and what nobody has looked for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livetomo.core.errors import CurationImpossible
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import FeaturePicks, ResultManifest
from livetomo.core.picks import Picks
from livetomo.curation.dropped import Dropped, by_reason
from livetomo.curation.neighbours import KeepBeside, KeepDistinct
from livetomo.curation.rule import Rule
from livetomo.formats.frame import Frame, Placed
from livetomo.results.curation import AroundResult, curated
from livetomo.results.folder import Result

FRAME = Frame("TS_01", TomogramGeometry((20, 20, 20), 10.0))
ONE = Picks(np.full((1, 3), 5, np.float32), np.ones(1, np.float32), np.ones(1, np.float32))
MISSING = "its voxels are too large"


@pytest.fixture
def manifest() -> ResultManifest:
    golden = json.loads((Path(__file__).parents[1] / "core" / "golden_manifest.json").read_text())
    picked = {name: FeaturePicks(1, 1, 0.5) for name in ("first", "second")}
    return replace(
        ResultManifest.from_json(golden),
        picks=picked | {"missing": FeaturePicks(0, 0, 0.5, missing=MISSING)},
        labels={},
    )


class Around(AroundResult):
    """Every feature has one pick, at the same place."""

    def published(self, feature: str) -> Picks:
        return ONE


def around(manifest: ResultManifest, feature: str) -> AroundResult:
    return Around(Result(Path("none"), manifest, manifest.facts), feature)


@pytest.mark.parametrize(("feature", "partner", "kept"), [("first", "second", True), ("second", "first", False)])
def test_of_equals_the_pick_of_the_feature_that_the_recipe_picks_first_is_kept(manifest, feature, partner, kept):
    mask, _ = KeepDistinct(partner, 10).keeps(Placed(ONE, FRAME), around(manifest, feature))
    assert mask.tolist() == [kept]


@pytest.mark.parametrize(
    "rule", [KeepDistinct("missing", 9), KeepBeside("missing", 9, False)], ids=lambda rule: rule.name
)
def test_a_feature_that_was_not_looked_for_decides_nothing_and_the_reason_is_said(manifest, rule: Rule):
    left_out, counted = [], []
    nothing = curated(Placed(ONE, FRAME), around(manifest, "first"), [rule], counted.append, left_out.append)
    assert (nothing, counted) == (None, [])
    assert isinstance(left_out[0].fault, CurationImpossible)
    assert MISSING in str(left_out[0].fault)


def test_a_tomogram_is_counted_for_all_of_its_rules_or_for_none(manifest):
    """Or the counts would be of picks that are in no file."""
    counted, left_out = [], []
    rules = [KeepDistinct("second", 9), KeepBeside("missing", 9, True)]
    curated(Placed(ONE, FRAME), around(manifest, "first"), rules, counted.append, left_out.append)
    assert (counted, len(left_out)) == ([], 1)


def test_what_two_rules_leave_out_for_one_reason_is_added_up():
    dropped = [
        Dropped("TS_01", "top", "weak", 2),
        Dropped("TS_02", "top", "weak", 0),
        Dropped("TS_01", "top", "weak", 1),
    ]
    assert by_reason(dropped) == [{"rule": "top", "why": "weak", "picks": 3, "tomograms": {"TS_01": 3, "TS_02": 0}}]
