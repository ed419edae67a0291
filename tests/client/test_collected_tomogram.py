"""What a folder keeps of a tomogram says what its picks were chosen by, so that others are known as others."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from livetomo.client.choice import Choice
from livetomo.client.collected_session import CollectedSession
from livetomo.client.collected_tomogram import CollectedTomogram
from livetomo.client.follow import Follower
from livetomo.client.local_collection import Collection
from livetomo.client.pickset import PickSet
from livetomo.curation.dropped import Dropped
from tests.client.test_pick_stream import FakeDaemon

BOX = {"proteasome": [{"z": [0.0, 9.0]}]}
DROPPED = (Dropped("TS_01", "edge", "closer than 150 Å to an edge of the tomogram", 3), Dropped("TS_01", "top", "x", 0))
SET = PickSet(
    *("id", 7, "now", "w", "s", "TS_01", 1, "hash", "result", "ribosome"),
    voxel_size_angstrom=10.0,
    shape_zyx=(10, 10, 10),
    columns=("x_angstrom", "y_angstrom", "z_angstrom", "score"),
    rows=((1.0, 2.0, 3.0, 0.9), (4.0, 5.0, 6.0, 0.8)),
    curated=DROPPED,
    beside=BOX,
)


def test_what_is_kept_is_read_back_as_it_was() -> None:
    kept = CollectedTomogram.of(SET, "tomograms/a.star")
    assert CollectedTomogram.from_json(json.loads(json.dumps(kept.to_json()))) == kept
    assert (kept.standing.seq, kept.standing.beside) == (7, BOX)


def test_what_an_older_version_has_kept_is_read_and_is_what_it_was() -> None:
    plain = CollectedTomogram.of(replace(SET, curated=(), beside={}), "")
    older = {key: value for key, value in plain.to_json().items() if key not in ("curated", "beside")}
    assert CollectedTomogram.from_json(older) == plain
    assert plain.version == plain.event_id, "what the command was given by an older version is not given again"


def test_a_set_that_is_chosen_anew_is_taken_in_and_given_to_the_command_once(tmp_path: Path) -> None:
    session = CollectedSession(tmp_path, "ribosome")
    assert session.take(replace(SET, beside={}, curated=()), None)
    session.was_given(session.now())
    assert not session.take(replace(SET, beside={}, curated=()), None)
    assert session.take(replace(SET, rows=SET.rows[:1]), None)
    assert (session.count, session.curated()) == (1, list(DROPPED))
    assert (session.news.tomograms, session.news.is_taken_out) == (1, True)
    assert not session.take(replace(SET, rows=SET.rows[:1]), None)
    session.was_given(session.now())
    assert session.news.tomograms == 0


async def test_rules_act_on_what_threshold_and_share_have_chosen(tmp_path: Path) -> None:
    given: list[int] = []

    async def choose(pickset: PickSet, api: Any) -> PickSet:
        given.append(len(pickset.rows))
        return pickset

    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=10, false=0.2)
    choice = Choice("ribosome", false_share=0.1)
    await Follower(daemon.stream(after=0, choose=choose), Collection(tmp_path, choice), tomograms=1).run()
    assert given == [5]
