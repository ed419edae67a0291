"""What is taken out of a session's picks is published with a receipt, stays out, and comes back when it is asked."""

import json
from dataclasses import replace

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import FoundResult, rebuild, record_results
from livetomo.config.recipe.exclude import Exclude
from livetomo.core.exclusion import Exclusion, boxes_of
from livetomo.core.json_object import JsonObject
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import TomogramId
from livetomo.publish.payloads.events import MessageSettings, payload_of
from livetomo.publish.payloads.topics import Topics
from tests.catalog.conftest import arrival, manifest, rewritten
from tests.publish.event_logs import named

TS_01 = TomogramId("krios1", "monday", "TS_01")
THICK = Quality("thickness", 4000.0, "Å", "bad", "thicker than 3,500 Å")


def finish(catalog, recipe, *, of=None, **changes):
    """A tomogram is taken in and processed; its claim and manifest."""
    catalog.arrivals.take(of or arrival(), "untrained", recipe)
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    catalog.clock_passes()
    made = manifest(claim, finished=f"2027-01-15T08:00:0{claim.revision}Z", **changes)
    assert catalog.jobs.commit(claim.token, made, f"/results/{claim.revision}")
    return made


@pytest.fixture
def catalog(catalog, clock):
    catalog.clock_passes = lambda: clock.pass_(2)
    return catalog


def said(catalog, *kinds, after=0):
    """(kind, version) of what was published."""
    events = [recorded.event for recorded in catalog.event_log.after(after, 1000)]
    return [(event.kind, event.version.partition(".")[0]) for event in events if event.kind in kinds]


CONSUMED = ("picks", "retracted", "excluded", "readmitted")


def test_an_excluded_tomogram_is_retracted_and_comes_back_once_each(catalog, recipe):
    finish(catalog, recipe)
    before = catalog.event_log.last()
    done = catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    assert catalog.exclusions.exclude(TS_01, who="bob", why="ice again") == done
    assert said(catalog, *CONSUMED, after=before) == [("excluded", done.id), ("retracted", "excluded")]
    assert [each.id for each in catalog.exclusions.readmit(TS_01, who="bob")] == [done.id]
    assert catalog.exclusions.readmit(TS_01, who="bob") == []
    assert said(catalog, *CONSUMED, after=before)[2:] == [("readmitted", done.id), ("picks", "ribosome")]
    (kept,) = catalog.exclusions.of(TS_01)
    assert (kept.who, kept.why, kept.readmitted_by, kept.holds) == ("ada", "ice", "bob", False)


def test_what_comes_back_is_what_was_published(catalog, recipe):
    finish(catalog, recipe)
    catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    catalog.exclusions.readmit(TS_01, who="ada")
    first, again = (one for one in catalog.event_log.after(0, 100) if one.event.kind == "picks")
    assert first.event.body == again.event.body
    assert first.event_id != again.event_id


def test_a_part_is_taken_out_of_the_rows_and_named_in_the_message(catalog, recipe):
    finish(catalog, recipe)  # two picks, at x of 0 and 10 Å, of voxels of 13.48 Å
    catalog.exclusions.exclude(TS_01, who="ada", why="edge", box={"x": (0.5, 30)})
    last = catalog.event_log.after(0, 100)[-1]
    settings = MessageSettings(Topics("here", "main"))
    payload = payload_of(last, settings)
    assert payload.excluded == ({"x": (0.5, 30.0)},)
    assert [row[0] for row in payload.picks] == [0.0]
    assert (payload.count, payload.truncated) == (2, False)
    assert catalog.views.totals("krios1", "monday").picks == {"ribosome": 1}
    assert settings.topics.event(last.event).endswith("/monday/TS_01/picks/ribosome")


def test_a_feature_can_be_taken_out_alone(catalog, recipe):
    finish(catalog, recipe)
    catalog.exclusions.exclude(TS_01, who="ada", why="edge", box={"x": (0, 0)})
    catalog.exclusions.exclude(TS_01, who="ada", why="no ribosomes", feature="ribosome")
    assert boxes_of(catalog.exclusions.of(TS_01), "ribosome") == ({},)
    assert boxes_of(catalog.exclusions.of(TS_01), "membrane") == ({"x": (0, 0)},)
    payload = payload_of(catalog.event_log.after(0, 100)[-1], MessageSettings(Topics("here", "main")))
    assert (payload.picks, payload.excluded) == ((), ({},))
    catalog.exclusions.readmit(TS_01, who="ada", feature="ribosome")
    assert boxes_of(catalog.exclusions.of(TS_01), "ribosome") == ({"x": (0, 0)},)


def test_it_holds_for_later_results_which_are_published_when_it_is_taken_back(catalog, recipe):
    finish(catalog, recipe)
    catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    before = catalog.event_log.last()
    made = finish(catalog, recipe, of=rewritten(arrival()))
    assert ("picks", "ribosome") not in said(catalog, *CONSUMED, after=before)
    assert said(catalog, "result", after=before) == [("result", "")]
    catalog.exclusions.readmit(TS_01, who="ada")
    *_, last = catalog.event_log.after(before, 100)
    assert (last.event.kind, last.event.body["result_id"]) == ("picks", made.result_id)
    assert len(last.event.body["strongest"]) == 2


def test_a_tomogram_can_be_taken_out_before_it_is_processed(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    assert catalog.exclusions.features(TS_01) == ()
    finish(catalog, recipe)
    assert said(catalog, *CONSUMED) == [("excluded", catalog.exclusions.of(TS_01)[0].id)]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"verdict": "bad"}, "its verdict is bad (thicker than 3,500 Å)"),
        ({"verdict": "warn"}, "its verdict is bad (thicker than 3,500 Å)"),
        ({"figures": ["thickness"]}, "thicker than 3,500 Å"),
        ({"figures": ["contrast", "tilt_range"]}, ""),
        ({}, ""),
    ],
)
def test_a_rule_of_the_recipe_takes_its_result_out(catalog, recipe, rule, why):
    recipe = recipe.model_copy(update={"exclude": Exclude.model_validate(rule)})
    finish(catalog, recipe, quality=named(THICK), verdict="bad")
    assert [(each.who, each.why) for each in catalog.exclusions.of(TS_01)] == ([("the recipe", why)] if why else [])
    assert bool(why) != (("picks", "ribosome") in said(catalog, *CONSUMED))
    catalog.exclusions.readmit(TS_01, who="ada")
    assert ("picks", "ribosome") in said(catalog, *CONSUMED)


def test_totals_and_targets_go_without_it(catalog, recipe):
    finish(catalog, recipe)
    finish(catalog, recipe, of=arrival("TS_02", path="monday/TS_02.mrc"))
    catalog.sessions.aim("krios1", "monday", {"ribosome": 10})
    catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    totals = catalog.views.totals("krios1", "monday")
    assert (totals.picks, totals.excluded, totals.targets[0].found) == ({"ribosome": 2}, 1, 2)
    view = catalog.views.tomogram("krios1", "monday", "TS_01")
    assert view.excluded == ("everything is excluded by ada: ice",)


def test_it_is_the_same_after_it_was_written_and_read():
    box = {"z": (20.0, 90.0)}
    one = Exclusion("1", TS_01, "ada", "ice", "2027-01-15T08:00:00Z", "ribosome", box, "r", "2027-01-16T08:00:00Z", "b")
    assert Exclusion.from_json(JsonObject(json.loads(json.dumps(one.to_json())))) == one
    assert one.sentence == "ribosome in z 20 to 90 is excluded by ada: ice"


@pytest.fixture
def course(catalog, recipe):
    """A rule's exclusion that was taken back, a person's that was, one that holds, and a result withheld by it."""
    strict = recipe.model_copy(update={"exclude": Exclude(verdict="bad")})
    made = [finish(catalog, strict, quality=named(THICK), verdict="bad")]
    catalog.clock_passes()
    catalog.exclusions.readmit(TS_01, who="ada")
    catalog.clock_passes()
    catalog.exclusions.exclude(TS_01, who="ada", why="edge", box={"z": (0, 5)})
    catalog.clock_passes()
    catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    catalog.clock_passes()
    finished = "2027-01-15T09:00:00Z"
    catalog.arrivals.take(rewritten(arrival()), "untrained", recipe)
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    made.append(manifest(claim, finished=finished))
    assert catalog.jobs.commit(claim.token, made[-1], "/results/2")
    return made


def found(made):
    return [FoundResult(each, f"/results/{n}", "monday/TS_01.mrc") for n, each in enumerate(made, start=1)]


def ids(catalog, *kinds):
    return [one.event_id for one in catalog.event_log.after(0, 10**6) if one.event.kind in (*CONSUMED, "result")]


def test_a_catalog_that_is_made_anew_says_the_same_under_the_same_identities(catalog, course, clock):
    again = Catalog(open_database(None), site="here", instance="main", now=clock)
    rebuild(again, found(course), catalog.exclusions.of_session("krios1", "monday"))
    assert sorted(ids(again)) == sorted(ids(catalog))
    assert again.exclusions.of(TS_01) == catalog.exclusions.of(TS_01)
    again.exclusions.readmit(TS_01, who="ada")
    assert again.event_log.after(0, 10**6)[-1].event.body["strongest"]


def test_an_older_catalog_learns_what_was_excluded_since(catalog, course, clock):
    older = Catalog(open_database(None), site="here", instance="main", now=clock)
    record_results(older, found(course)[:1])
    exclusions = catalog.exclusions.of_session("krios1", "monday")
    record_results(older, found(course)[1:], exclusions)
    assert older.exclusions.of(TS_01) == catalog.exclusions.of(TS_01)
    before = older.event_log.last()
    record_results(older, [], exclusions)
    assert older.event_log.last() == before


def test_a_result_that_a_rule_has_taken_out_does_not_keep_out_the_next(catalog, recipe):
    strict = recipe.model_copy(update={"exclude": Exclude(verdict="bad")})
    finish(catalog, strict, quality=named(THICK), verdict="bad")
    before = catalog.event_log.last()
    finish(catalog, strict, of=rewritten(arrival()))
    assert ("picks", "ribosome") in said(catalog, *CONSUMED, after=before)
    assert catalog.views.tomogram("krios1", "monday", "TS_01").excluded == ()
    assert catalog.views.totals("krios1", "monday").picks == {"ribosome": 2}


def test_a_recipe_that_excludes_nothing_keeps_its_hash(recipe):
    assert "exclude" not in recipe.to_json()
    assert recipe.model_copy(update={"exclude": Exclude(verdict="bad")}).hash != recipe.hash


def test_exclusions_of_another_tomogram_do_not_matter(catalog, recipe):
    finish(catalog, recipe)
    finish(catalog, recipe, of=arrival("TS_02", path="monday/TS_02.mrc"))
    catalog.exclusions.exclude(replace(TS_01, name="TS_02"), who="ada", why="ice")
    assert catalog.views.tomogram("krios1", "monday", "TS_01").excluded == ()
