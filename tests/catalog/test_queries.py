"""What the page gets about tomograms, whatever has become of them."""

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.expected_false import ExpectedFalse
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Arrival, Content, Fault, TomogramId
from livetomo.processing.pipeline.job_spec import result_id
from livetomo.publish.payloads.retained import SummaryPayload
from tests.publish.event_logs import manifest

SESSION = "20261120_yeast"
RECIPE = load_recipe("untrained")


class Clock:
    def __init__(self) -> None:
        self.time = 1_763_636_400.0

    def __call__(self) -> float:
        self.time += 1
        return self.time


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(open_database(None), site="facility", instance="main", now=Clock())


def arrive(
    catalog: Catalog, name: str, *, digest: str = "00", fault: Fault | None = None, session: str = SESSION
) -> None:
    who = TomogramId("krios1", session, name)
    arrival = Arrival(who, f"{session}/{name}.mrc", Content(1024, 1, digest), "generic", fault=fault)
    catalog.arrivals.take(arrival, "untrained", RECIPE)


def finish_next(catalog: Catalog, *, picks: int = 3, false: float | None = None) -> str:
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    assert claim is not None
    result = result_id(claim.tomogram, claim.revision, claim.recipe_hash)
    session = claim.tomogram.session
    written = manifest(claim.tomogram.name, picks=picks, false=false, session=session, result_id=result)
    assert catalog.jobs.commit(claim.token, written, f"/data/out/{claim.tomogram.name}/r{claim.revision}-abababab")
    return result


def test_a_finished_tomogram_shows_its_verdict_its_reasons_and_its_picks(catalog: Catalog) -> None:
    arrive(catalog, "TS_01")
    result = finish_next(catalog, picks=5)
    (view,) = catalog.views.tomograms("krios1", SESSION)
    assert (view.name, view.revision, view.state, view.verdict) == ("TS_01", 1, "done", "warn")
    assert view.reasons == ("thicker than 2,500 Å",)
    assert view.picks == {"ribosome": 5}
    assert view.previews == ("preview/tile.png",)
    assert view.result_id == result
    assert view == catalog.views.tomogram("krios1", SESSION, "TS_01")


def test_a_manifest_that_lacks_parts_spoils_no_list(catalog: Catalog) -> None:
    for name in ("TS_01", "TS_02"):
        arrive(catalog, name)
        finish_next(catalog)
    catalog.db.execute("UPDATE results SET manifest = '{\"verdict\": \"good\"}' WHERE folder LIKE '%TS_01%'")
    views = catalog.views.tomograms("krios1", SESSION)
    assert {view.name: view.picks for view in views} == {"TS_02": {"ribosome": 3}, "TS_01": {}}


def test_a_bad_file_shows_why_it_was_not_taken(catalog: Catalog) -> None:
    arrive(catalog, "TS_02", fault=Fault("permanent", "truncated volume", "TS_02.mrc ends early.", "a traceback"))
    (view,) = catalog.views.tomograms("krios1", SESSION)
    assert view.state == "failed"
    assert view.fault == {"kind": "permanent", "reason": "truncated volume", "message": "TS_02.mrc ends early."}


def test_a_new_revision_takes_the_place_of_the_old_one(catalog: Catalog) -> None:
    arrive(catalog, "TS_01")
    first = finish_next(catalog, picks=5)
    arrive(catalog, "TS_01", digest="11")
    (view,) = catalog.views.tomograms("krios1", SESSION)
    assert (view.revision, view.state, view.result_id, dict(view.picks)) == (2, "waiting", None, {})
    old = catalog.views.result(first)
    assert old is not None
    assert old.state == "superseded"


def test_sessions_come_with_the_newest_first(catalog: Catalog) -> None:
    for session, name in (("a", "TS_01"), ("b", "TS_01"), ("b", "TS_02"), ("a", "TS_02")):
        arrive(catalog, name, session=session)
    finish_next(catalog)
    assert [(view.session, view.tomograms, dict(view.states)) for view in catalog.views.sessions()] == [
        ("a", 2, {"done": 1, "waiting": 1}),
        ("b", 2, {"waiting": 2}),
    ]


def test_a_summary_adds_up_the_newest_results(catalog: Catalog) -> None:
    for name in ("TS_01", "TS_02", "TS_03"):
        arrive(catalog, name)
    finish_next(catalog, picks=5)
    finish_next(catalog, picks=7)
    arrive(catalog, "TS_01", digest="11")
    summary = SummaryPayload.of(catalog.views.totals("krios1", SESSION))
    assert (summary.tomograms, summary.picks, summary.verdicts) == (3, {"ribosome": 7}, {"warn": 1})
    assert summary.jobs == {"done": 1, "waiting": 2}


def test_an_unknown_session_or_result_is_nothing(catalog: Catalog) -> None:
    assert catalog.views.tomograms("krios1", "nowhere") == []
    assert catalog.views.result("nothing") is None
    assert catalog.views.totals("krios1", "nowhere").tomograms == 0


def test_counts_and_the_oldest_waiting_job_are_those_of_the_queue(catalog: Catalog) -> None:
    assert catalog.views.waiting() == {}
    for name in ("TS_01", "TS_02"):
        arrive(catalog, name)
    first = catalog.views.waiting()["krios1"]
    finish_next(catalog)
    second = catalog.views.waiting()["krios1"]
    assert (first.jobs, second.jobs) == (2, 1)
    assert second.oldest > first.oldest
    assert catalog.views.job_counts() == {"done": 1, "waiting": 1}


def test_a_standing_result_comes_with_what_is_known_of_it_by_now(catalog):
    arrive(catalog, "TS_01")
    arrive(catalog, "TS_02")
    finish_next(catalog)
    who = TomogramId("krios1", SESSION, "TS_01")
    late = Arrival(who, f"{SESSION}/TS_01.mrc", Content(1024, 1, "00"), "generic", facts=SidecarFacts(binning=4))
    assert catalog.arrivals.take(late, "untrained", RECIPE).learned
    (known,) = catalog.views.standing_results("krios1", SESSION).values()
    assert known == {"metadata": {"binning": 4}, "verdict": "warn"}


def test_expected_false_picks_are_added_up_and_what_nobody_estimated_is_not_counted_as_true(catalog: Catalog) -> None:
    for name, false in (("TS_01", 0.1), ("TS_02", 0.3), ("TS_03", None)):
        arrive(catalog, name)
        finish_next(catalog, picks=20, false=false)
    summary = catalog.views.totals("krios1", SESSION)
    assert summary.picks == {"ribosome": 60}
    assert summary.false_picks == {"ribosome": ExpectedFalse(8.0, 40)}
    views = {view.name: view.false_picks for view in catalog.views.tomograms("krios1", SESSION)}
    assert views == {
        "TS_01": {"ribosome": ExpectedFalse(2.0, 20)},
        "TS_02": {"ribosome": ExpectedFalse(6.0, 20)},
        "TS_03": {},
    }
