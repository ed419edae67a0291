"""An earlier recipe's results in force again: consumers, views, later work and a rebuilt catalog all agree."""

from dataclasses import replace

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import FoundResult, rebuild
from livetomo.catalog.selection import Selection
from livetomo.client.standing import Replay
from livetomo.core.errors import Refused
from livetomo.core.tomogram import TomogramId
from livetomo.publish.payloads.events import MessageSettings, payload_of
from livetomo.publish.payloads.topics import Topics
from tests.catalog.conftest import arrival, manifest

MONDAY = Selection("krios1", "monday")
TS_01 = TomogramId("krios1", "monday", "TS_01")


@pytest.fixture
def other(recipe):
    return recipe.model_copy(update={"keep": ("labels",)})


def finish(catalog, clock):
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    clock.pass_(2)
    made = manifest(claim, finished=f"2027-01-15T08:00:{int(clock()) % 60:02}Z")
    assert catalog.jobs.commit(claim.token, made, f"/results/{made.result_id}")
    return made


@pytest.fixture
def twice(catalog, clock, recipe, other):
    """The manifests of a tomogram's two results, the second one in force."""
    catalog.arrivals.take(arrival(), "untrained", recipe)
    first = finish(catalog, clock)
    assert catalog.operator_requests.reprocess(MONDAY, "other", other) == 1
    return first, finish(catalog, clock)


def stands(catalog) -> set[str]:
    """The result ids that a consumer has after all events."""
    replay, settings = Replay(), MessageSettings(Topics("here", "main"))
    for recorded in catalog.event_log.after(0, 1000):
        body = payload_of(recorded, settings).model_dump(mode="json")
        replay.note(body, wanted=body["schema"].startswith(("livetomo/picks/", "livetomo/retracted/")))
    return {one.result_id for one in replay.published.values()}


def test_it_is_in_force_for_consumers_and_views_as_often_as_it_is_asked(catalog, twice, recipe):
    first, second = twice
    assert stands(catalog) == {second.result_id}
    for recipe_name, result in [("untrained", first), ("other", second), ("untrained", first), ("other", second)]:
        assert catalog.reinstatements.reinstate(MONDAY, recipe_name) == 1
        assert catalog.reinstatements.reinstate(MONDAY, recipe_name) == 0
        assert stands(catalog) == {result.result_id}
        assert list(catalog.views.standing_results("krios1", "monday")) == [f"/results/{result.result_id}"]
        view = catalog.views.tomogram("krios1", "monday", "TS_01")
        assert (view.state, view.result_id, view.recipe) == ("done", result.result_id, recipe_name)
        assert len(catalog.views.tomograms("krios1", "monday", 10, 0)) == 1
        aside = second if result is first else first
        assert catalog.reinstatements.set_aside("krios1", "monday") == [aside.result_id]
    ids = [recorded.event_id for recorded in catalog.event_log.after(0, 1000)]
    assert len(ids) == len(set(ids))


def test_what_is_published_again_is_what_was_published(catalog, twice):
    catalog.reinstatements.reinstate(MONDAY, "untrained")
    picks = [one.event for one in catalog.event_log.after(0, 1000) if one.event.kind == "picks"]
    assert picks[0].body == picks[-1].body
    kinds = [one.event.kind for one in catalog.event_log.after(0, 1000)][-5:]
    assert kinds == ["state", "retracted", "picks", "result", "state"], "no particle is there twice in between"


def test_later_work_goes_on_from_it(catalog, clock, twice, recipe):
    first, _ = twice
    catalog.reinstatements.reinstate(MONDAY, first.recipe.hash[:10])
    third = recipe.model_copy(update={"keep": ("labels", "denoised")})
    assert catalog.operator_requests.reprocess(MONDAY, "third", third) == 1
    made = finish(catalog, clock)
    assert stands(catalog) == {made.result_id}
    assert catalog.reinstatements.reinstate(MONDAY, "untrained") == 1
    catalog.arrivals.take(arrival(digest="new"), "untrained", recipe)
    newest = finish(catalog, clock)
    assert stands(catalog) == {newest.result_id}
    with pytest.raises(Refused, match="no results of a recipe 'other'"):
        catalog.reinstatements.reinstate(MONDAY, "other")  # of an older revision, which is gone


def test_what_is_excluded_stays_out(catalog, twice):
    first, _ = twice
    catalog.exclusions.exclude(TS_01, who="ada", why="ice")
    catalog.reinstatements.reinstate(MONDAY, "untrained")
    assert stands(catalog) == set()
    catalog.exclusions.readmit(TS_01, who="ada")
    assert stands(catalog) == {first.result_id}


def test_one_recipe_is_meant(catalog, twice, other):
    with pytest.raises(Refused, match=r"several recipes are meant by '': other \(.*\) with 1, untrained"):
        catalog.reinstatements.reinstate(MONDAY, "")
    with pytest.raises(Refused, match="no results of a recipe 'cellular'; there are those of other"):
        catalog.reinstatements.reinstate(MONDAY, "cellular")


def test_a_rebuilt_catalog_has_the_same_in_force(catalog, twice, clock):
    first, second = twice
    catalog.reinstatements.reinstate(MONDAY, "untrained")
    aside = set(catalog.reinstatements.set_aside("krios1", "monday"))
    again = Catalog(open_database(None), site="here", instance="main", now=clock)
    results = [FoundResult(each, f"/r/{each.result_id}", "monday/TS_01.mrc", each.result_id in aside) for each in twice]
    rebuild(again, results)
    assert list(again.views.standing_results("krios1", "monday")) == [f"/r/{first.result_id}"]
    assert stands(again) == {first.result_id}
    rebuild_without = [replace(each, is_set_aside=False) for each in results]
    third = Catalog(open_database(None), site="here", instance="main", now=clock)
    rebuild(third, rebuild_without)
    assert stands(third) == {second.result_id}, "nobody said otherwise"
