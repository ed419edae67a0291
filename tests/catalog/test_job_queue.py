"""A job is leased to one attempt at a time, and only that attempt can finish it."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.tomogram import Fault
from tests.catalog.conftest import Clock, arrival, manifest, rewritten

PERMANENT = Fault("permanent", "truncated volume", "It ends early.")
TRANSIENT = Fault("transient", "source unreadable", "It is away.")
DEVICE = Fault("device", "worker died", "The worker died.")
MEMORY = Fault("device", "out of memory", "The kernel ended the worker for want of memory.")


@pytest.fixture
def waiting(catalog, recipe):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    return catalog


def states(catalog) -> list[str]:
    return [row["state"] for row in catalog.db.query("SELECT state FROM jobs ORDER BY id")]


def claim(catalog):
    return catalog.jobs.claim("cpu", 60, ["krios1"])


def test_a_job_is_leased_once(waiting):
    first = claim(waiting)
    assert first.tomogram.name == "TS_01"
    assert claim(waiting) is None


def test_a_watch_that_is_not_configured_any_more_keeps_its_jobs_waiting(waiting):
    assert waiting.jobs.claim("cpu", 60, ["krios2"]) is None
    assert states(waiting) == ["waiting"]


def test_the_longest_waiting_goes_first(catalog, recipe):
    for name in ("TS_03", "TS_01", "TS_02"):
        catalog.arrivals.take(arrival(name), "untrained", recipe)
    assert [claim(catalog).tomogram.name for _ in range(3)] == ["TS_03", "TS_01", "TS_02"]


def test_on_request_the_youngest_goes_first(catalog, recipe):
    for name in ("TS_01", "TS_02"):
        catalog.arrivals.take(arrival(name), "untrained", recipe)
    assert catalog.jobs.claim("cpu", 60, ["krios1"], {"krios1"}).tomogram.name == "TS_02"


def test_a_commit_records_the_result_and_says_it_once(waiting):
    lease = claim(waiting)
    assert waiting.jobs.commit(lease.token, manifest(lease), "/results/r1")
    assert not waiting.jobs.commit(lease.token, manifest(lease), "/results/r1")
    kinds = [recorded.event.kind for recorded in waiting.event_log.after(0, 100)]
    assert kinds == ["state", "state", "picks", "result", "state"]
    assert states(waiting) == ["done"]


def test_a_zombie_cannot_finish_a_job_that_was_leased_anew(waiting):
    zombie = claim(waiting)
    waiting.jobs.fail(zombie.token, DEVICE)
    second = claim(waiting)
    assert not waiting.jobs.commit(zombie.token, manifest(zombie), "/results/zombie")
    assert waiting.jobs.fail(zombie.token, PERMANENT) is None
    assert not waiting.jobs.renew(zombie.token, 60)
    assert waiting.jobs.commit(second.token, manifest(second), "/results/r1")


def test_an_attempt_loses_its_lease_when_its_tomogram_is_rewritten(waiting, recipe):
    lease = claim(waiting)
    waiting.arrivals.take(rewritten(arrival()), "untrained", recipe)
    assert not waiting.jobs.holds(lease.token)
    assert not waiting.jobs.commit(lease.token, manifest(lease), "/results/r1")
    assert states(waiting) == ["superseded", "waiting"]


def test_a_permanent_fault_costs_one_attempt(waiting):
    assert waiting.jobs.fail(claim(waiting).token, PERMANENT) == "failed"
    event = waiting.event_log.after(0, 100)[-1].event
    assert event.body["fault"] == {"kind": "permanent", "reason": "truncated volume", "message": "It ends early."}


def test_a_transient_fault_is_tried_again_later_each_time_and_given_up_after_four(waiting, clock):
    pauses = []
    while waiting.jobs.fail(claim(waiting).token, TRANSIENT) == "waiting":
        assert claim(waiting) is None
        pauses.append(waiting.jobs.next_due() - clock())
        clock.pass_(pauses[-1])
    assert pauses == [10, 20, 40]
    assert states(waiting) == ["failed"]


def test_a_device_fault_is_not_charged_but_five_in_a_row_are_enough(waiting, clock):
    for _ in range(4):
        assert waiting.jobs.fail(claim(waiting).token, DEVICE) == "waiting"
        assert waiting.db.execute("SELECT attempts FROM jobs").fetchone() == (0,)
        clock.pass_(waiting.jobs.next_due() - clock() if waiting.jobs.next_due() > clock() else 0)
    assert waiting.jobs.fail(claim(waiting).token, DEVICE) == "failed"


def fail_when_due(catalog, clock, fault):
    clock.pass_(max(0, catalog.jobs.next_due() - clock()))
    return catalog.jobs.fail(claim(catalog).token, fault)


@pytest.mark.parametrize(
    ("faults", "state", "attempts"),
    [
        ([MEMORY], "waiting", 1),
        ([MEMORY, MEMORY], "failed", 2),
        ([DEVICE, MEMORY, MEMORY], "failed", 2),
        ([MEMORY, DEVICE, MEMORY], "waiting", 2),
        ([MEMORY, TRANSIENT, MEMORY], "waiting", 3),
        ([DEVICE, DEVICE, MEMORY], "waiting", 1),
    ],
)
def test_want_of_memory_is_charged_and_is_the_inputs_own_fault_the_second_time_in_a_row(
    waiting, clock, faults, state, attempts
):
    for fault in faults:
        became = fail_when_due(waiting, clock, fault)
    assert became == state
    assert waiting.db.execute("SELECT attempts FROM jobs").fetchone() == (attempts,)
    if state == "failed":
        body = waiting.event_log.after(0, 100)[-1].event.body
        assert (body["fault"]["kind"], body["fault"]["reason"], body["attempts"]) == (
            "permanent",
            "out of memory",
            2,
        )
        assert "twice in a row" in body["fault"]["message"]


def test_the_first_interruption_is_tried_again_at_once(waiting):
    waiting.jobs.fail(claim(waiting).token, DEVICE)
    assert claim(waiting) is not None


def test_a_clean_stop_gives_the_job_back_untouched(waiting):
    waiting.jobs.release(claim(waiting).token)
    row = next(iter(waiting.db.query("SELECT state, attempts, interruptions FROM jobs")))
    assert row == {"state": "waiting", "attempts": 0, "interruptions": 0}


def test_the_log_is_the_same_whether_or_not_the_daemon_died_in_the_middle(recipe, clock):
    def life(deaths: int) -> list[str]:
        catalog = Catalog(open_database(None), site="here", instance="main", now=clock)
        catalog.arrivals.take(arrival(), "untrained", recipe)
        for _ in range(deaths):
            catalog.jobs.fail(claim(catalog).token, DEVICE)
            clock.pass_(3600)
        lease = claim(catalog)
        catalog.jobs.commit(lease.token, manifest(lease), "/results/r1")
        return [recorded.event_id for recorded in catalog.event_log.after(0, 100)]

    assert life(deaths=0) == life(deaths=3)


@settings(max_examples=60, stateful_step_count=40, deadline=None)
class Queue(RuleBasedStateMachine):
    """Any order of arrivals, claims, deaths and commits: each revision has one result at most, published once."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.recipe = load_recipe("untrained")
        self.catalog = Catalog(open_database(None), site="here", instance="main", now=self.clock)
        self.leases: list = []

    @rule(name=st.sampled_from("ABC"), digest=st.sampled_from("12"))
    def arrive(self, name, digest):
        self.catalog.arrivals.take(rewritten(arrival(name), digest * 64), "untrained", self.recipe)

    @rule()
    def lease(self):
        if (got := claim(self.catalog)) is not None:
            self.leases.append(got)

    @rule(which=st.integers(0, 20), fault=st.sampled_from([PERMANENT, TRANSIENT, DEVICE]))
    def fail(self, which, fault):
        if self.leases:
            self.catalog.jobs.fail(self.leases[which % len(self.leases)].token, fault)

    @rule(which=st.integers(0, 20))
    def commit(self, which):
        if self.leases:
            lease = self.leases[which % len(self.leases)]
            self.catalog.jobs.commit(lease.token, manifest(lease), "/results/x")

    @rule(seconds=st.sampled_from([1, 100, 1000]))
    def wait(self, seconds):
        self.clock.pass_(seconds)

    @invariant()
    def the_catalog_is_sound(self):
        db = self.catalog.db
        done = "SELECT count(*) FROM jobs WHERE state = 'done' AND id NOT IN (SELECT job FROM results)"
        assert db.execute(done).fetchone() == (0,)
        current = """SELECT count(*) FROM jobs JOIN revisions ON revisions.id = revision
                     WHERE state IN ('waiting', 'running') GROUP BY tomogram HAVING count(*) > 1"""
        assert db.execute(current).fetchone() is None
        results = [r.event for r in self.catalog.event_log.after(0, 10_000) if r.event.kind == "result"]
        assert len({(e.tomogram, e.revision) for e in results}) == len(results)
        assert db.execute("SELECT count(*) FROM results").fetchone() == (len(results),)


TestQueue = Queue.TestCase
