"""The demo's score is what the subscriber saw, and says what is missing."""

import json

from livetomo.demo.scoreboard import Scoreboard
from livetomo.demo.screen import table

TRUTH = [[100.0, 200.0, 300.0], [900.0, 800.0, 700.0]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def picks(rows, *, event_id="e1", tomogram="TS_01"):
    body = {"schema": "livetomo/picks/1", "event_id": event_id, "tomogram": tomogram, "feature": "ribosome"}
    columns = ["x_angstrom", "y_angstrom", "z_angstrom", "score"]
    return json.dumps(body | {"columns": columns, "picks": rows, "count": len(rows)}).encode()


def board(expected=1):
    clock = Clock()
    return Scoreboard(expected, clock, lambda line: None), clock


def landed(score, name="TS_01"):
    score.acquired({"tomogram": name, "state": "exposing"})
    score.acquired({"tomogram": name, "state": "landed", "truth_xyz_angstrom": TRUTH})


def test_a_tomogram_whose_picks_are_its_particles_is_perfect_and_timed_from_its_landing():
    score, clock = board()
    clock.now = 10
    landed(score)
    clock.now = 14.5
    score.received(picks([[*TRUTH[0], 0.9], [*TRUTH[1], 0.8]]))
    (row,) = score.summary()["tomograms"]
    assert (row["seconds"], row["picks"], row["recall"], row["precision"]) == (4.5, 2, 1, 1)
    assert score.complete
    assert list(score.faults()) == []
    assert "published" in "\n".join(table(score))


def test_picks_that_come_before_the_landing_is_reported_are_scored_when_it_is():
    score, _ = board()
    score.received(picks([[*TRUTH[0], 0.9]]))
    assert not score.complete
    landed(score)
    assert score.complete
    assert score.rows["TS_01"].seconds == 0


def test_a_message_that_comes_twice_is_counted_once_and_reported():
    score, _ = board()
    landed(score)
    score.received(picks([[*TRUTH[0], 0.9], [*TRUTH[1], 0.8]]))
    score.received(picks([[*TRUTH[0], 0.9], [*TRUTH[1], 0.8]]))
    assert score.rows["TS_01"].publications == 1
    assert list(score.faults()) == ["1 messages came twice"]


def test_a_tomogram_that_is_published_twice_is_a_fault():
    score, _ = board()
    landed(score)
    for event_id in ("e1", "e2"):
        score.received(picks([[*TRUTH[0], 0.9], [*TRUTH[1], 0.8]], event_id=event_id))
    assert list(score.faults()) == ["TS_01 was published 2 times"]


def test_what_is_missing_is_named():
    score, _ = board(expected=4)
    landed(score, "TS_01")
    landed(score, "TS_02")
    landed(score, "TS_03")
    score.received(picks([[*TRUTH[0], 0.9]], tomogram="TS_02"))
    score.received(picks([], event_id="e2", tomogram="TS_01"))
    body = {"schema": "livetomo/state/1", "event_id": "e3", "tomogram": "TS_03", "state": "failed"}
    score.received(json.dumps(body | {"fault": {"message": "it ends too soon"}}).encode())
    assert list(score.faults()) == [
        "only 3 of 4 tomograms were exposed",
        "TS_01: only 0% of its ribosomes were found",
        "TS_03 failed: it ends too soon",
    ]
    assert not score.complete


def test_words_that_are_no_events_are_left_alone():
    score, _ = board()
    score.received(b"online")
    score.received(b'{"jobs": {}}')
    assert score.rows == {}
