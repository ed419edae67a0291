"""A session's verdict follows its last tomograms without wavering, and its targets say when they are reached."""

from datetime import UTC, datetime
from typing import Any

import pytest

from livetomo.core.quality.metric import Quality, Verdict
from livetomo.core.quality.session_verdict import Judged, session_verdict, targets, troubles, verdict_body

NOW = 1_800_000_000.0
MINUTE = 60.0


@pytest.mark.parametrize(
    ("bad", "warn", "before", "verdict"),
    [
        (0, 0, "missing", "good"),
        (0, 4, "good", "good"),
        (1, 2, "good", "good"),
        (2, 0, "good", "warn"),
        (0, 5, "good", "warn"),
        (5, 0, "good", "bad"),
        (4, 0, "bad", "bad"),
        (3, 0, "bad", "warn"),
        (0, 4, "warn", "warn"),
        (0, 3, "warn", "good"),
        (0, 0, "bad", "good"),
    ],
)
def test_the_verdict_of_a_session_by_its_last_ten(bad: int, warn: int, before: Verdict, verdict: Verdict) -> None:
    last: list[Verdict] = ["bad"] * bad + ["warn"] * warn  # type: ignore[assignment]
    last += ["good"] * (10 - len(last))  # type: ignore[list-item]
    assert session_verdict(last, before) == verdict


def test_two_tomograms_are_no_session() -> None:
    assert session_verdict(["bad", "bad"], "missing") == "missing"


def test_a_session_that_is_on_the_edge_does_not_waver() -> None:
    verdicts: list[Verdict] = ["good"]
    for number in range(40):
        last: list[Verdict] = ["bad"] * (5 - number % 2) + ["good"] * (5 + number % 2)  # type: ignore[assignment]
        verdicts.append(session_verdict(last, verdicts[-1]))
    assert verdicts == ["good", *["bad"] * 40]


def result(verdict: Verdict, **figures: str) -> Judged:
    return Judged(verdict, {name: Quality(name, 1.0, "", verdict, reason) for name, reason in figures.items()})


def test_a_change_is_reported_with_what_is_wrong_most_often_first() -> None:
    last = [
        result("bad", thickness="too thick now", band_snr="no signal"),
        result("good"),
        result("bad", thickness="too thick before"),
    ]
    assert troubles(last) == ["thickness in 2 of 3: too thick now", "band snr in 1 of 3: no signal"]
    body = verdict_body(last, "good")
    assert body is not None
    assert (body["verdict"], body["before"], body["last"]) == ("bad", "good", {"bad": 2, "good": 1})
    assert verdict_body(last, "bad") is None


def only(wanted: int, finished: list[tuple[float, int]]) -> Any:
    (target,) = targets({"ribosome": wanted}, [(when, {"ribosome": picks}) for when, picks in finished], NOW)
    return target


def test_a_target_is_reached_when_the_rate_of_the_last_two_hours_goes_on() -> None:
    steady = [(NOW - minutes * MINUTE, 100) for minutes in range(0, 600, 10)]
    target = only(12_000, steady)
    assert (target.found, target.per_hour, target.reached) == (6000, 600.0, False)
    assert target.expected == datetime.fromtimestamp(NOW + 10 * 3600, UTC)


def test_a_young_session_is_timed_from_its_first_tomogram() -> None:
    target = only(1000, [(NOW - minutes * MINUTE, 50) for minutes in (30, 20, 10, 0)])
    assert target.per_hour == 300.0
    assert target.expected == datetime.fromtimestamp(NOW + 800 / 300 * 3600, UTC)


@pytest.mark.parametrize(
    "finished",
    [
        [],
        [(NOW - 60, 50), (NOW - 30, 50)],
        [(NOW - hours * 3600, 50) for hours in (9, 8, 7, 6, 5)],
        [(NOW - minutes * MINUTE, 0) for minutes in range(60)],
    ],
    ids=["nothing", "too few", "a pause", "no picks"],
)
def test_where_no_rate_is_known_nothing_is_forecast(finished: list[tuple[float, int]]) -> None:
    assert only(1000, finished).expected is None


def test_a_target_that_is_reached_has_no_forecast() -> None:
    target = only(100, [(NOW - minutes * MINUTE, 50) for minutes in range(60)])
    assert target.reached
    assert target.expected is None
