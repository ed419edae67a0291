"""A result is judged by its session and a session by its results, once, in the transaction that records them."""

from collections.abc import Iterable
from typing import Any

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import FoundResult, rebuild
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Quality, Verdict
from tests.catalog.conftest import Clock, arrival, manifest, rewritten
from tests.publish.event_logs import named


class Session:
    """A session in which tomograms are finished one after the other, two minutes apart."""

    def __init__(self, catalog: Catalog, clock: Clock, recipe: Recipe) -> None:
        self.catalog = catalog
        self.results: list[FoundResult] = []
        self._clock = clock
        self._recipe = recipe

    def finish(self, number: int, snr: float = 1.0, verdict: Verdict = "good", **changes: Any) -> ResultManifest:
        """What was recorded of one more tomogram."""
        self._clock.pass_(120)
        arrived = changes.get("arrived") or arrival(f"TS_{number}")
        self.catalog.arrivals.take(arrived, "untrained", self._recipe)
        claim = self.catalog.jobs.claim("cpu", 60, ["krios1"])
        written = manifest(
            claim,
            quality=named(Quality("band_snr", snr, "", verdict, "because")),
            verdict=verdict,
            finished=f"2026-11-20T12:{len(self.results):02}:00Z",
        )
        judged = self.catalog.jobs.commit(claim.token, written, f"/results/{len(self.results)}")
        assert judged is not None
        self.results.append(FoundResult(written, f"/results/{len(self.results)}", arrived.path))
        return judged

    def several(self, numbers: Iterable[int], **how: Any) -> None:
        for number in numbers:
            self.finish(number, snr=1.0 + 0.02 * (number % 5), **how)

    def verdicts(self) -> list[tuple[str, str, str]]:
        """(tomogram, before, verdict) of each that was published."""
        events = [recorded.event for recorded in self.catalog.event_log.after(0, 1000)]
        return [
            (event.tomogram.name, event.body["before"], event.body["verdict"])
            for event in events
            if event.kind == "verdict"
        ]


@pytest.fixture
def session(catalog: Catalog, clock: Clock, recipe: Recipe) -> Session:
    return Session(catalog, clock, recipe)


def test_a_result_that_is_unusual_for_its_session_is_reported_and_shown_so(session: Session) -> None:
    session.several(range(10))
    judged = session.finish(10, snr=0.1)
    figure = judged.quality["band_snr"]
    assert (judged.verdict, figure.verdict) == ("warn", "warn")
    assert "unusual for this session: band snr 0.1, where 10 tomograms have" in figure.reason
    (event,) = (r.event for r in session.catalog.event_log.after(0, 100) if r.event.kind == "result" and r.seq > 50)
    assert event.body["quality"]["band_snr"] == figure.to_json()
    (shown, *_) = session.catalog.views.tomograms("krios1", "monday")
    assert (shown.name, shown.verdict, shown.reasons) == ("TS_10", "warn", (figure.reason,))
    assert session.catalog.views.result(judged.result_id).manifest.verdict == "warn"  # type: ignore[union-attr]


def test_a_baseline_is_of_the_same_recipe_and_session_alone(session: Session, recipe: Recipe) -> None:
    session.several(range(10))
    session._recipe = recipe.model_copy(update={"density": "bright"})
    assert session.finish(10, snr=0.1).verdict == "good"


def test_what_was_superseded_is_no_part_of_the_baseline(session: Session) -> None:
    session.several(range(8))
    again = session.finish(7, snr=0.1, arrived=rewritten(arrival("TS_7")))
    assert again.verdict == "good", "only seven others stand"
    assert session.finish(8, snr=0.1).verdict == "warn"


def test_a_session_s_verdict_is_reported_when_it_changes_and_only_then(session: Session) -> None:
    session.several(range(5))
    session.several(range(5, 10), verdict="bad")
    session.several(range(10, 20))
    assert session.verdicts() == [
        ("TS_2", "missing", "good"),
        ("TS_6", "good", "warn"),
        ("TS_9", "warn", "bad"),
        ("TS_16", "bad", "warn"),
        ("TS_18", "warn", "good"),
    ]
    totals = session.catalog.views.totals("krios1", "monday")
    assert (totals.verdict, totals.reasons) == ("good", ())
    (listed,) = session.catalog.views.sessions()
    assert listed.verdict == "good"


def test_a_bad_session_says_what_is_wrong(session: Session) -> None:
    session.several(range(4), verdict="bad")
    totals = session.catalog.views.totals("krios1", "monday")
    assert totals.verdict == "bad"
    assert totals.reasons == ("band snr in 3 of 3: because",), "as it was published when it became so"


def test_a_catalog_that_is_made_anew_says_the_same_verdicts(session: Session, clock: Clock) -> None:
    session.several(range(10))
    for number in range(10, 16):
        session.finish(number, snr=0.1)
    again = Catalog(open_database(None), site="here", instance="main", now=clock)
    rebuild(again, session.results)
    event_logs = [
        {r.event_id: r.event.body.get("quality") or r.event.body for r in each.event_log.after(0, 1000)}
        for each in (session.catalog, again)
        if each.event_log.last()
    ]
    assert event_logs[0].keys() == event_logs[1].keys()
    bodies = [[body for body in event_log.values() if "band_snr" in body or "last" in body] for event_log in event_logs]
    assert bodies[0] == bodies[1]


def test_a_target_is_followed(session: Session) -> None:
    session.catalog.sessions.aim("krios1", "monday", {"ribosome": 100})
    session.several(range(20))
    (target,) = session.catalog.views.totals("krios1", "monday").targets
    assert (target.feature, target.wanted, target.found) == ("ribosome", 100, 40)
    assert target.per_hour == 60.0
    assert target.expected is not None
    assert target.expected.timestamp() == pytest.approx(session.catalog.now() + 3600, abs=1)
    (listed,) = session.catalog.views.sessions()
    assert listed.targets == (target,)
    session.catalog.sessions.aim("krios1", "monday", {})
    assert session.catalog.views.totals("krios1", "monday").targets == ()
