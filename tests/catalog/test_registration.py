"""Every content of every file gets one job, and only one."""

from dataclasses import replace

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Content, Fault, KnownFile, companions_digest
from tests.catalog.conftest import arrival, manifest, rewritten


def event_log(catalog) -> list[tuple[str, str, int, str]]:
    return [
        (r.event.kind, r.event.tomogram.name, r.event.revision, r.event.version)
        for r in catalog.event_log.after(0, 1000)
    ]


def jobs(catalog) -> list[tuple[str, int, str]]:
    query = """SELECT name, number, state FROM jobs JOIN revisions ON revisions.id = revision
               JOIN tomograms ON tomograms.id = tomogram ORDER BY jobs.id"""
    return [tuple(row.values()) for row in catalog.db.query(query)]


def test_an_arrival_is_taken_once_however_often_it_is_offered(catalog, recipe):
    first = catalog.arrivals.take(arrival(), "untrained", recipe)
    again = catalog.arrivals.take(arrival(), "untrained", recipe)
    assert (first.new, again.new) == (True, False)
    assert jobs(catalog) == [("TS_01", 1, "waiting")]
    assert event_log(catalog) == [("state", "TS_01", 1, "waiting.1")]


def test_a_changed_time_with_the_same_digest_is_nothing_new_but_is_remembered(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    touched = replace(arrival(), content=Content(2048, 99, "a" * 64))
    assert not catalog.arrivals.take(touched, "untrained", recipe).new
    assert catalog.arrivals.known_files("krios1") == [
        KnownFile("monday/TS_01.mrc", touched.content, companions_digest({}, SidecarFacts()))
    ]


def test_sidecars_that_come_late_are_learned_without_a_new_job(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    later = replace(arrival(), facts=SidecarFacts(defocus_angstrom=40_000), halves={"even": "monday/TS_01_EVN.mrc"})
    taken = catalog.arrivals.take(later, "untrained", recipe)
    assert (taken.new, taken.learned) == (False, True)
    assert not catalog.arrivals.take(later, "untrained", recipe).learned
    (row,) = catalog.db.query("SELECT halves, metadata FROM revisions")
    (known,) = catalog.arrivals.known_files("krios1")
    assert known.companions_digest == companions_digest(later.halves, later.facts)
    assert row == {"halves": '{"even": "monday/TS_01_EVN.mrc"}', "metadata": '{"defocus_angstrom": 40000}'}
    assert len(jobs(catalog)) == 1


def test_new_content_is_a_new_revision_and_supersedes_what_was_waiting(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    taken = catalog.arrivals.take(rewritten(arrival()), "untrained", recipe)
    assert taken.revision == 2
    assert jobs(catalog) == [("TS_01", 1, "superseded"), ("TS_01", 2, "waiting")]


def test_the_content_of_an_older_revision_coming_back_is_a_third_revision(catalog, recipe):
    for content in (arrival(), rewritten(arrival()), arrival()):
        taken = catalog.arrivals.take(content, "untrained", recipe)
    assert taken.revision == 3


def test_a_published_result_is_retracted_when_its_tomogram_is_rewritten(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    assert catalog.jobs.commit(claim.token, manifest(claim), "/results/r1")
    catalog.arrivals.take(rewritten(arrival()), "untrained", recipe)
    retracted = [r.event for r in catalog.event_log.after(0, 100) if r.event.kind == "retracted"]
    assert [(e.revision, e.body["result_id"]) for e in retracted] == [(1, manifest(claim).result_id)]


def test_a_result_stays_published_when_its_file_becomes_unreadable(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    claim = catalog.jobs.claim("cpu", 60, ["krios1"])
    catalog.jobs.commit(claim.token, manifest(claim), "/results/r1")
    broken = replace(rewritten(arrival()), fault=Fault("permanent", "truncated volume", "It ends early."))
    catalog.arrivals.take(broken, "untrained", recipe)
    assert jobs(catalog) == [("TS_01", 1, "done"), ("TS_01", 2, "failed")]


def test_a_file_that_cannot_become_a_tomogram_is_quarantined_with_its_reason(catalog, recipe):
    fault = Fault("permanent", "not an MRC file", "notes.mrc is not an MRC volume.")
    catalog.arrivals.take(arrival("notes", fault=fault), "untrained", recipe)
    (event,) = [r.event for r in catalog.event_log.after(0, 100)]
    assert event.body["state"] == "failed"
    assert event.body["fault"]["reason"] == "not an MRC file"
    assert catalog.jobs.claim("cpu", 60, ["krios1"]) is None


def test_a_second_file_of_the_same_name_gets_a_suffix_and_a_warning(catalog, recipe):
    catalog.arrivals.take(arrival(path="monday/job003/TS_01.mrc"), "untrained", recipe)
    other = catalog.arrivals.take(arrival(path="monday/job007/TS_01.mrc"), "untrained", recipe)
    assert (other.tomogram.name, other.revision) == ("TS_01-2", 1)
    assert "already the name of another file" in other.warning
    back = catalog.arrivals.take(rewritten(arrival(path="monday/job007/TS_01.mrc")), "untrained", recipe)
    assert (back.tomogram.name, back.revision, back.warning) == ("TS_01-2", 2, "")


def test_what_was_there_before_the_first_start_is_known_until_it_is_taken(catalog, recipe):
    assert catalog.arrivals.is_first_start("krios1")
    old = KnownFile("monday/TS_01.mrc", Content(2048, 1, ""))
    catalog.arrivals.leave_alone("krios1", [old])
    assert not catalog.arrivals.is_first_start("krios1")
    assert catalog.arrivals.known_files("krios1") == [old]
    catalog.arrivals.take(rewritten(arrival()), "untrained", recipe)
    assert [file.content.digest for file in catalog.arrivals.known_files("krios1")] == ["b" * 64]
    assert catalog.arrivals.known_files("krios2") == []


def test_a_changed_recipe_makes_no_new_job(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    other = recipe.model_copy(update={"density": "bright"})
    assert not catalog.arrivals.take(arrival(), "bright", other).new
    assert len(jobs(catalog)) == 1
