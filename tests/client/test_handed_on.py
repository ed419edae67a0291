"""A set that is chosen by picks of other features comes again when other parts of these count, and only then."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from livetomo.client.pick_stream import PickStream
from livetomo.client.pickset import PickSet
from livetomo.client.query import Query
from livetomo.client.standing import Standing
from livetomo.core.errors import ApiAway, NotAsPublished
from livetomo.core.events import result_events
from tests.client.test_pick_stream import ROOT, Consumer, FakeDaemon
from tests.publish.event_logs import RESULT_ID, manifest

QUERY = Query("ribosome", beside=("proteasome",))
TOP, MIDDLE = {"z": [0.0, 9.0]}, {"z": [10.0, 20.0]}
PLACE = ("krios1", "s1", "TS_01")


class Daemon(FakeDaemon):
    """Its API says where proteasomes do not count by now; `away`: how often it does not answer before."""

    away = 0

    def __init__(self) -> None:
        super().__init__()
        self.now: list[Any] = []
        self.chosen: list[str] = []

    def partner(self, *boxes: Any, name: str = "TS_01", heard: bool = True, **more: Any) -> None:
        """The proteasomes of a result are published, and do not count in these boxes."""
        self.now = list(boxes)
        event = next(iter(result_events(manifest(name, **{"session": "s1"} | more), "/out")))
        body = {**event.body, "feature": "proteasome", "excluded": list(boxes)}
        self.happens(replace(event, version=f"proteasome.{len(self.events)}", body=body), heard=heard)

    async def events_after(self, seq: int, epoch: str = "") -> AsyncIterator[Mapping[str, Any]]:
        self._there()
        for body in self.events[seq:]:
            yield body

    async def event(self, seq: int) -> Mapping[str, Any] | None:
        return self.events[seq - 1] if 0 < seq <= len(self.events) else None

    async def choose(self, pickset: PickSet, api: Any) -> PickSet:
        self.away -= 1
        if self.away >= 0:
            raise ApiAway("the API is away")
        self.chosen.append(pickset.tomogram)
        if pickset.retracted:
            return pickset
        return replace(pickset, rows=pickset.rows[len(self.now) :], beside={"proteasome": self.now} if self.now else {})

    def curating(self, **more: Any) -> PickStream:
        return self.stream(more.pop("query", QUERY), choose=self.choose, **more)


async def nothing_comes(consumer: Consumer) -> bool:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await anext(consumer._sets)
    return True


async def test_topics_of_the_other_features_are_heard_too() -> None:
    daemon = Daemon()
    daemon.picked("TS_01")
    await Consumer(daemon.curating(after=0)).next()
    wanted = [f"{ROOT}/+/+/+/picks/ribosome", f"{ROOT}/+/+/+/picks/proteasome", f"{ROOT}/+/+/+/retracted"]
    assert daemon.topics == [*wanted, f"{ROOT}/status"]


async def test_a_set_comes_again_when_other_parts_count_and_not_when_nothing_has_changed() -> None:
    daemon = Daemon()
    daemon.picked("TS_01")
    daemon.partner()
    daemon.partner(TOP, session="s2")
    daemon.partner(TOP, name="TS_02")
    daemon.partner(TOP, result_id="another")
    daemon.now = []
    stream = daemon.curating(after=0)
    consumer = Consumer(stream)
    first = await consumer.next()
    waiting = asyncio.ensure_future(consumer.next())
    await stream.caught_up.wait()
    assert daemon.chosen == ["TS_01"]
    daemon.partner(TOP)
    again = await waiting
    assert (again.event_id, again.seq, len(again.rows)) == (first.event_id, first.seq, len(first.rows) - 1)
    waiting = asyncio.ensure_future(consumer.next())
    await asyncio.sleep(0)
    daemon.partner(TOP)  # published again as it is
    daemon.partner()
    assert len((await waiting).rows) == len(first.rows)
    assert daemon.chosen == ["TS_01"] * 3


async def test_events_that_are_older_than_what_it_was_chosen_by_change_nothing() -> None:
    """All events are read at once, and the API says what counts by now."""
    daemon = Daemon()
    daemon.picked("TS_01")
    daemon.partner(TOP)
    daemon.partner(TOP, MIDDLE)
    daemon.picked("TS_02")
    consumer = Consumer(daemon.curating(after=0))
    first, second = await consumer.next(), await consumer.next()
    assert [(each.tomogram, len(each.rows)) for each in (first, second)] == [("TS_01", 1), ("TS_02", 1)]


async def test_after_a_restart_it_is_known_what_a_set_was_chosen_by() -> None:
    daemon = Daemon()
    daemon.picked("TS_01")
    daemon.partner(TOP)
    daemon.partner(heard=False)
    event_id = daemon.events[0]["event_id"]
    standing = {PLACE: Standing(event_id, RESULT_ID, 1, {"proteasome": [TOP]})}
    assert len((await Consumer(daemon.curating(after=2, standing=standing)).next()).rows) == 3
    daemon.chosen.clear()
    as_it_is = {PLACE: Standing(event_id, RESULT_ID, 1, {})}
    assert await nothing_comes(Consumer(daemon.curating(after=2, standing=as_it_is)))
    assert daemon.chosen == []


async def test_what_cannot_be_chosen_now_comes_later_and_once() -> None:
    daemon = Daemon()
    daemon.away = 2
    daemon.picked("TS_01")
    daemon.picked("TS_02")
    consumer = Consumer(daemon.curating(after=0, reconcile_seconds=0.01))
    assert await consumer.names(2) == ["TS_01", "TS_02"]
    daemon.away = 1
    waiting = asyncio.ensure_future(consumer.next())
    await asyncio.sleep(0.05)
    daemon.picked("TS_03")
    assert (await waiting).tomogram == "TS_03"
    assert await nothing_comes(consumer)


async def test_a_set_whose_own_event_is_another_by_now_is_left_as_it_is_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    daemon = Daemon()
    daemon.picked("TS_01")
    daemon.partner(TOP)
    daemon.picked("TS_02")
    stale = {PLACE: Standing("of a catalog that is gone", RESULT_ID, 1)}
    with caplog.at_level(logging.ERROR):
        assert await Consumer(daemon.curating(after=1, standing=stale)).names(1) == ["TS_02"]
    assert "its own picks are not found again" in caplog.text


async def test_a_set_that_a_rule_finds_damaged_is_left_out_and_the_next_one_comes() -> None:
    daemon = Daemon()

    async def choose(pickset: PickSet, api: Any) -> PickSet:
        if pickset.tomogram == "TS_01":
            raise NotAsPublished("its candidates are not those of its message")
        return pickset

    daemon.picked("TS_01")
    daemon.picked("TS_02")
    assert await Consumer(daemon.stream(QUERY, after=0, choose=choose)).names(1) == ["TS_02"]


async def test_where_events_are_numbered_anew_a_change_beside_a_set_that_stands_is_noticed() -> None:
    daemon = Daemon()
    daemon.picked("TS_00")
    daemon.picked("TS_01")
    daemon.partner(TOP)
    daemon.events = [{**body, "epoch": "new"} for body in daemon.events]
    standing = {
        ("krios1", "s1", "TS_00"): Standing(daemon.events[0]["event_id"], RESULT_ID, 8),
        PLACE: Standing(daemon.events[1]["event_id"], RESULT_ID, 9),
    }
    consumer = Consumer(daemon.curating(after=0, epoch="old", standing=standing))
    again = await consumer.next()
    assert (again.tomogram, again.beside, len(again.rows)) == ("TS_01", {"proteasome": [TOP]}, 2)
    assert await nothing_comes(consumer)
