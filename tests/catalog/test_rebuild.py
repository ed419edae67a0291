"""A catalog made anew has the same events under the same identities."""

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import FoundResult, rebuild
from tests.catalog.conftest import arrival, manifest, rewritten


def test_results_make_the_catalog_again_with_the_same_event_ids(catalog, recipe, clock):
    results = []
    for number, each in enumerate((arrival("A"), arrival("B"), rewritten(arrival("A")))):
        catalog.arrivals.take(each, "untrained", recipe)
        claim = catalog.jobs.claim("cpu", 60, ["krios1"])
        written = manifest(claim, finished=f"2026-11-20T12:00:0{number}Z")
        catalog.jobs.commit(claim.token, written, f"/results/{number}")
        results.append(FoundResult(written, f"/results/{number}", each.path))
    again = Catalog(open_database(None), site="here", instance="main", now=clock)
    assert rebuild(again, reversed(results)) == 3
    ids = [{r.event_id for r in each.event_log.after(0, 100)} for each in (catalog, again)]
    assert ids[0] == ids[1]
    old, new = ([r.seq for r in each.event_log.after(0, 100)] for each in (catalog, again))
    assert min(new) > max(old), "a consumer that asks for what came after its last number gets all of it"
    assert again.event_log.backlog("mqtt")[0] == len(new)
    states = """SELECT name, number, state FROM jobs JOIN revisions ON revisions.id = revision
                JOIN tomograms ON tomograms.id = tomogram ORDER BY name, number"""
    assert list(again.db.query(states)) == list(catalog.db.query(states))
    assert sorted(f.path for f in again.arrivals.known_files("krios1")) == ["monday/A.mrc", "monday/B.mrc"]
    assert not again.arrivals.take(rewritten(arrival("A")), "untrained", recipe).new
    assert not again.arrivals.is_first_start("krios1")


def test_what_the_sidecars_said_is_known_again(catalog, recipe, clock):
    catalog.arrivals.take(arrival("A"), "untrained", recipe)
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    written = manifest(claim, metadata={"binning": 4})
    again = Catalog(open_database(None), site="here", instance="main", now=clock)
    rebuild(again, [FoundResult(written, "/results/0", "monday/A.mrc")])
    assert again.views.standing_results("krios1", "monday") == {
        "/results/0": {"metadata": {"binning": 4}, "verdict": "good"}
    }
