"""A clock that was wrong, or is: nothing is removed for an age that is not true, no job stalls, no age is absurd."""

import logging
from dataclasses import replace

import pytest

from livetomo.core.tomogram import Fault
from livetomo.daemon.clock import JUMP_SECONDS, STANDS_SECONDS, ClockWatch, Trust
from livetomo.daemon.retention import RetentionTask
from tests.catalog.conftest import arrival, manifest

DAY = 86400.0
YEAR = 365 * DAY
TRUE = 1_800_000_000.0  # where the fixture's clock begins
IN_2020 = 1_577_836_800.0


def done(catalog, recipe, name: str, *, modified: float = 1e-9, watch: str = "krios1") -> str:
    """Take a tomogram in and finish it, at once; the folder of its result."""
    each = arrival(name)
    each = replace(
        each,
        tomogram=replace(each.tomogram, watch=watch),
        content=replace(each.content, modified_ns=int(modified * 1e9)),
    )
    catalog.arrivals.take(each, "untrained", recipe)
    claim = catalog.jobs.claim("cpu", 60, [watch])
    assert catalog.jobs.commit(claim.token, manifest(claim), f"/results/{name}")
    return f"/results/{name}"


class Steady:
    """Seconds that pass only when a test says so, whatever the wall clock is set to."""

    def __init__(self, clock) -> None:
        self.seconds = 0.0
        self._clock = clock

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        self._clock.pass_(seconds)


@pytest.fixture
def steady(clock) -> Steady:
    return Steady(clock)


@pytest.fixture
def thread(catalog):
    async def call(deed):
        return deed(catalog)

    return call


class TestRetention:
    """Maps are kept for 30 days."""

    @pytest.fixture
    def retention(self, thread, steady, monkeypatch):
        self.removed = []

        def remove(folder):
            self.removed.append(str(folder))
            return 1

        monkeypatch.setattr("livetomo.daemon.retention.remove_maps", remove)
        return RetentionTask(thread, 30 * DAY, trust=Trust(steady))

    async def test_by_a_clock_that_is_right_what_is_old_goes(self, catalog, recipe, retention, steady):
        done(catalog, recipe, "A")
        steady.pass_(31 * DAY)
        done(catalog, recipe, "B")
        assert (await retention.look(), self.removed) == (1, ["/results/A"])

    @pytest.mark.parametrize("ahead", [40 * DAY, YEAR, 10 * YEAR])
    @pytest.mark.parametrize("when", ["at the start", "while running"])
    async def test_a_clock_that_is_ahead_removes_nothing(self, catalog, recipe, retention, steady, clock, ahead, when):
        done(catalog, recipe, "A")
        if when == "while running":
            assert await retention.look() == 0
        clock.seconds += ahead
        for _ in range(3):
            assert await retention.look() == 0
            steady.pass_(600)
        clock.seconds -= ahead  # NTP has come
        for _ in range(30):
            assert await retention.look() == 0
            steady.pass_(3600)
        steady.pass_(30 * DAY)
        assert (await retention.look(), self.removed) == (1, ["/results/A"]), "after its true age"

    @pytest.mark.parametrize("evidence", ["its source", "what was taken in before"])
    async def test_what_was_recorded_by_a_clock_that_was_behind_is_not_old(
        self, catalog, recipe, retention, steady, clock, evidence
    ):
        if evidence == "what was taken in before":
            done(catalog, recipe, "A")
        steady.pass_(60)
        true, clock.seconds = clock.seconds, IN_2020
        done(catalog, recipe, "B", modified=true if evidence == "its source" else 1e-9)
        clock.seconds = true + 60
        assert await retention.look() == 0
        steady.pass_(2 * DAY)
        assert (await retention.look(), self.removed) == (0, [])
        steady.pass_(15 * DAY)
        done(catalog, recipe, "C")
        steady.pass_(14 * DAY)
        done(catalog, recipe, "D")
        assert await retention.look() > 0
        assert "/results/B" in self.removed, "after its true age"

    async def test_a_clock_that_is_behind_what_was_recorded_removes_nothing_and_says_why(
        self, catalog, recipe, retention, steady, clock, caplog
    ):
        done(catalog, recipe, "A")
        steady.pass_(40 * DAY)
        done(catalog, recipe, "B")
        clock.seconds -= 5 * DAY
        with caplog.at_level(logging.WARNING):
            assert await retention.look() == await retention.look() == 0
        assert [record.message for record in caplog.records] == [
            "no maps are removed: the clock is 5 d behind what was recorded. Is it set correctly?"
        ]
        assert self.removed == []

    async def test_a_facility_that_was_quiet_for_weeks_is_cleaned_up_a_day_later(
        self, catalog, recipe, thread, steady, clock, retention
    ):
        done(catalog, recipe, "A")
        steady.pass_(60 * DAY)  # switched off
        again = RetentionTask(thread, 30 * DAY, trust=Trust(steady))
        assert await again.look() == 0
        steady.pass_(STANDS_SECONDS + 1)
        assert (await again.look(), self.removed) == (1, ["/results/A"])


class TestJobs:
    """Waiting and turns."""

    def test_a_job_that_waits_for_a_time_set_by_a_clock_that_was_ahead_is_due(self, catalog, recipe, clock):
        clock.seconds += 10 * YEAR
        catalog.arrivals.take(arrival("A"), "untrained", recipe)
        claim = catalog.jobs.claim("cpu", 60, ["krios1"])
        assert catalog.jobs.fail(claim.token, Fault("transient", "x", "x")) == "waiting"
        assert catalog.jobs.claim("cpu", 60, ["krios1"]) is None, "it has to wait some seconds"
        clock.seconds -= 10 * YEAR
        assert catalog.jobs.next_due() == 0
        assert catalog.jobs.claim("cpu", 60, ["krios1"]) is not None

    def test_no_watch_starves_for_a_turn_that_it_took_in_time_to_come(self, catalog, recipe, clock):
        clock.seconds += YEAR
        done(catalog, recipe, "A")
        clock.seconds -= YEAR
        for name in ("B", "C", "D"):
            catalog.arrivals.take(arrival(name), "untrained", recipe)
            catalog.arrivals.take(
                replace(arrival(name), tomogram=replace(arrival(name).tomogram, watch="glacios")), "untrained", recipe
            )
        turns = []
        for _ in range(4):
            turns.append(catalog.jobs.claim("cpu", 60, ["krios1", "glacios"]).tomogram.watch)
            clock.pass_(1)
        assert sorted(turns[:2]) == sorted(turns[2:]) == ["glacios", "krios1"]

    @pytest.mark.parametrize("wrong", [IN_2020, TRUE - DAY, TRUE + 3 * DAY, TRUE + 20 * YEAR])
    def test_no_age_is_negative_or_years(self, catalog, recipe, clock, wrong):
        clock.seconds = wrong
        each = arrival("A")
        content = replace(each.content, modified_ns=int((TRUE - 60) * 1e9))
        catalog.arrivals.take(replace(each, content=content), "untrained", recipe)
        clock.seconds = TRUE
        assert 0 <= TRUE - catalog.views.waiting()["krios1"].oldest.timestamp() <= 120
        claim = catalog.jobs.claim("cpu", 60, ["krios1"])
        catalog.jobs.commit(claim.token, manifest(claim), "/results/A")
        (event,) = (one.event for one in catalog.event_log.after(0, 100) if one.event.body.get("state") == "done")
        assert 0 <= event.body["seconds"] <= 120

    def test_a_session_of_time_to_come_is_not_live_for_years(self, catalog, recipe, clock):
        clock.seconds += YEAR
        done(catalog, recipe, "A")
        assert catalog.sessions.live(3600) == [("krios1", "monday")]
        clock.seconds -= YEAR
        assert catalog.sessions.live(3600) == []


class TestSetting:
    """The clock is set while the daemon runs."""

    @pytest.mark.parametrize("by", [6 * YEAR, -6 * YEAR, 2 * 3600.0, -600.0])
    async def test_what_was_recorded_since_the_start_is_dated_anew_and_nothing_else(
        self, catalog, recipe, clock, steady, thread, by, caplog
    ):
        done(catalog, recipe, "before")
        steady.pass_(DAY)
        watch = ClockWatch(thread, wall=clock, steady=steady)
        steady.pass_(10)
        done(catalog, recipe, "A")
        catalog.arrivals.take(arrival("B"), "untrained", recipe)
        claim = catalog.jobs.claim("cpu", 60, ["krios1"])
        catalog.jobs.fail(claim.token, Fault("transient", "x", "x"))
        steady.pass_(10)
        assert await watch.look() == 0
        clock.seconds += by
        with caplog.at_level(logging.WARNING):
            assert await watch.look() == pytest.approx(by)
            assert await watch.look() == 0
        assert len(caplog.records) == 1
        committed = dict(catalog.db.execute("SELECT folder, committed_at FROM results").fetchall())
        assert committed["/results/A"] == pytest.approx(clock.seconds - 10)
        assert committed["/results/before"] == pytest.approx(TRUE)
        assert clock.seconds - catalog.views.waiting()["krios1"].oldest.timestamp() == pytest.approx(10, abs=1)
        assert catalog.jobs.claim("cpu", 60, ["krios1"]) is not None

    async def test_a_clock_that_is_slewed_is_left_alone(self, clock, steady, thread):
        watch = ClockWatch(thread, wall=clock, steady=steady)
        for _ in range(100):
            steady.pass_(5)
            clock.seconds += 0.0025
            assert await watch.look() == 0


def test_an_hour_is_no_jump():
    now = [TRUE]
    trust = Trust(lambda: now[0] - TRUE)
    assert trust.doubt(now[0], now[0]) == ""
    assert trust.doubt(now[0] + JUMP_SECONDS - 1, now[0]) == ""
