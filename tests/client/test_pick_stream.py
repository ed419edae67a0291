"""A consumer gets every set of picks once and in order, whatever it or the broker has missed."""

import asyncio
import hashlib
import json
import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from livetomo.client.pick_stream import PickStream
from livetomo.client.pickset import PickSet, RemoteFile
from livetomo.client.query import Query
from livetomo.client.rows import rows_of_star
from livetomo.core.errors import ApiAway, BrokerAway, ConfigurationError, NotAsPublished
from livetomo.core.events import Event, Recorded, result_events
from livetomo.core.manifest import FileFacts
from livetomo.core.tomogram import TomogramId
from livetomo.publish.payloads.events import MessageSettings, payload_of
from livetomo.publish.payloads.topics import Topics
from tests.publish.event_logs import RECIPE_HASH, RESULT_ID, manifest

ROOT = "livetomo/facility/main"


class FakeDaemon:
    """A daemon's events, from a broker that can be cut and from an API that can be away."""

    def __init__(self, *, inline: int = 1000) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.over: set[str] = set()
        self.roots = [ROOT]
        self.words: dict[str, str] = {}
        self.starts = asyncio.Event()
        self.api_away = False
        self.asked = asyncio.Event()
        self.listeners: list[asyncio.Queue[Mapping[str, Any] | None]] = []
        self.connections = 0
        self.topics: Sequence[str] = ()
        self.listening = asyncio.Condition()
        self._settings = MessageSettings(Topics("facility", "main"), inline)

    # What happens.

    def happens(self, event: Event, *, heard: bool = True) -> None:
        recorded = Recorded(len(self.events) + 1, event.id("facility", "main"), "2026-11-20T10:00:00Z", event)
        body = payload_of(recorded, self._settings).model_dump(mode="json")
        self.events.append(body)
        for listener in self.listeners if heard else []:
            listener.put_nowait(body)

    def picked(self, name: str, *, picks: int = 3, session: str = "s1", heard: bool = True, **more: Any) -> None:
        event = next(iter(result_events(manifest(name, picks=picks, session=session, **more), "/out")))
        self.happens(event, heard=heard)

    def retracted(self, name: str, *, heard: bool = True) -> None:
        who = TomogramId("krios1", "s1", name)
        body = {"result_id": RESULT_ID, "reason": "superseded by a newer revision"}
        self.happens(Event("retracted", who, 1, RECIPE_HASH, "superseded", body), heard=heard)

    def cut(self) -> None:
        for listener in self.listeners:
            listener.put_nowait(None)
        self.listeners.clear()

    async def connected(self, times: int) -> None:
        async with self.listening:
            await self.listening.wait_for(lambda: self.connections >= times)

    # The broker.

    @asynccontextmanager
    async def open(self, topics: Sequence[str]) -> AsyncIterator[AsyncIterator[tuple[str, Mapping[str, Any]]]]:
        if topics[0].endswith("/status"):
            yield self._statuses()
            return
        self.topics = topics
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self.listeners.append(queue)
        async with self.listening:
            self.connections += 1
            self.listening.notify_all()
        yield self._heard(queue)

    async def _statuses(self) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        for root in self.roots:
            yield f"{root}/status", {"url": "http://daemon"}
        for root, word in self.words.items():
            yield f"{root}/availability", {"availability": word}
        await self.starts.wait()
        yield f"{ROOT}/availability", {"availability": "online"}
        await asyncio.Event().wait()

    async def _heard(
        self, queue: asyncio.Queue[Mapping[str, Any] | None]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        while (body := await queue.get()) is not None:
            yield "topic", body
        raise BrokerAway("the broker was cut")

    # The API.

    url = "http://daemon/"

    async def last(self) -> int:
        self._there()
        self.asked.set()
        return len(self.events)

    async def events_after(self, seq: int) -> AsyncIterator[Mapping[str, Any]]:
        self._there()
        for body in self.events[seq:]:
            yield body

    async def watches(self) -> list[str]:
        return ["krios1", "krios2"]

    async def sessions(self) -> list[Mapping[str, Any]]:
        self._there()
        there = dict.fromkeys((body["watch"], body["session"]) for body in self.events)
        return [{"watch": watch, "session": name, "live": name not in self.over} for watch, name in there]

    async def features(self, watch: str, session: str) -> set[str]:
        return {body["feature"] for body in self.events if body["session"] == session and "feature" in body}

    async def fetch(self, file: RemoteFile) -> bytes:
        content = self.files[file.name]
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise NotAsPublished(f"{file.name} is not what was published")
        return content

    def _there(self) -> None:
        if self.api_away:
            raise ApiAway("http://daemon cannot be reached")

    def stream(self, query: Query | None = None, **more: Any) -> PickStream:
        async def pause(seconds: float) -> None:
            await asyncio.sleep(0)

        return PickStream(query or Query("ribosome"), self, lambda url: self, pause=pause, **more)


class Consumer:
    """Asks a stream for one set after the other."""

    def __init__(self, stream: PickStream) -> None:
        self._sets = aiter(stream)

    async def next(self) -> PickSet:
        async with asyncio.timeout(5):
            return await anext(self._sets)

    async def names(self, number: int) -> list[str]:
        return [(await self.next()).tomogram for _ in range(number)]


OLD = "livetomo/facility/old"


@pytest.mark.parametrize("word", ["stopped", "offline"])
async def test_a_daemon_that_has_stopped_is_passed_over_for_one_that_runs(word: str) -> None:
    daemon = FakeDaemon()
    daemon.roots, daemon.words = [OLD, ROOT], {OLD: word, ROOT: "online"}
    daemon.picked("TS_01")
    assert await Consumer(daemon.stream(after=0)).names(1) == ["TS_01"]
    assert daemon.topics[0].startswith(ROOT)


async def test_where_no_daemon_runs_the_next_one_is_waited_for_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    daemon = FakeDaemon()
    daemon.roots, daemon.words = [OLD, ROOT], {OLD: "stopped", ROOT: "stopped"}
    daemon.picked("TS_01")
    first = asyncio.ensure_future(Consumer(daemon.stream(after=0)).names(1))
    await asyncio.sleep(0.3)
    assert not first.done()
    assert f"no daemon runs: {ROOT} is stopped, {OLD} is stopped" in caplog.text
    daemon.starts.set()
    assert await first == ["TS_01"]
    assert daemon.topics[0].startswith(ROOT)


async def test_all_that_there_ever_was_then_what_is_new() -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    daemon.picked("TS_02")
    consumer = Consumer(daemon.stream(after=0))
    assert await consumer.names(2) == ["TS_01", "TS_02"]
    waiting = asyncio.ensure_future(consumer.next())
    await daemon.connected(1)
    daemon.picked("TS_03", picks=0)
    pickset = await waiting
    assert (pickset.tomogram, pickset.rows, pickset.retracted) == ("TS_03", (), False)


async def test_without_a_position_only_what_is_new_comes() -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    stream = daemon.stream()
    waiting = asyncio.ensure_future(Consumer(stream).next())
    await daemon.connected(1)
    await daemon.asked.wait()
    daemon.picked("TS_02")
    assert (await waiting).tomogram == "TS_02"


async def test_what_was_reported_during_an_outage_is_caught_up_with_and_nothing_comes_twice() -> None:
    daemon = FakeDaemon()
    consumer = Consumer(daemon.stream(after=0))
    waiting = asyncio.ensure_future(consumer.next())
    await daemon.connected(1)
    daemon.picked("TS_01")
    assert (await waiting).tomogram == "TS_01"
    daemon.cut()
    daemon.picked("TS_02", heard=False)
    daemon.picked("TS_03", heard=False)
    assert await consumer.names(2) == ["TS_02", "TS_03"]
    waiting = asyncio.ensure_future(consumer.next())
    daemon.listeners[0].put_nowait(daemon.events[-1])  # the broker repeats itself
    daemon.picked("TS_04")
    assert (await waiting).tomogram == "TS_04"


async def test_what_the_broker_dropped_is_found_by_looking_from_time_to_time() -> None:
    daemon = FakeDaemon()
    consumer = Consumer(daemon.stream(after=0, reconcile_seconds=0.01))
    waiting = asyncio.ensure_future(consumer.next())
    await daemon.connected(1)
    daemon.picked("TS_01", heard=False)
    assert (await waiting).tomogram == "TS_01"


async def test_the_position_moves_only_past_what_the_consumer_has_dealt_with() -> None:
    daemon = FakeDaemon()
    for name in ("TS_01", "TS_02", "TS_03"):
        daemon.picked(name)
    stream = daemon.stream(after=0)
    consumer = Consumer(stream)
    assert await consumer.names(2) == ["TS_01", "TS_02"]
    assert stream.position == 1
    again = Consumer(daemon.stream(after=stream.position))
    assert await again.names(2) == ["TS_02", "TS_03"]


async def test_an_api_that_is_away_is_said_and_the_broker_is_enough_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    daemon = FakeDaemon()
    daemon.api_away = True
    with caplog.at_level(logging.WARNING):
        consumer = Consumer(daemon.stream(after=0, reconcile_seconds=0.01))
        waiting = asyncio.ensure_future(consumer.next())
        await daemon.connected(1)
        daemon.picked("TS_01")
        assert (await waiting).tomogram == "TS_01"
        waiting = asyncio.ensure_future(consumer.next())
        daemon.picked("TS_02", heard=False)
        daemon.api_away = False
        assert (await waiting).tomogram == "TS_02"
    assert len(caplog.records) == 1
    assert "will be missed" in caplog.text


async def test_retractions_come_as_sets_without_rows() -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    daemon.retracted("TS_01")
    consumer = Consumer(daemon.stream(after=0))
    first, second = await consumer.next(), await consumer.next()
    assert (second.tomogram, second.retracted, second.rows, second.result_id) == ("TS_01", True, (), first.result_id)


async def test_only_what_is_followed_comes() -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", session="s2")
    daemon.picked("TS_02", session="s1")
    daemon.picked("TS_03", tomogram=TomogramId("krios2", "s1", "TS_03"))
    consumer = Consumer(daemon.stream(Query("ribosome", watch="krios1", session="s1"), after=0))
    assert (await consumer.next()).tomogram == "TS_02"
    assert daemon.topics == [f"{ROOT}/krios1/s1/+/picks/ribosome", f"{ROOT}/krios1/s1/+/retracted", f"{ROOT}/status"]


async def test_two_daemons_are_not_mixed_up() -> None:
    daemon = FakeDaemon()
    daemon.roots = [ROOT, "livetomo/facility/second"]
    with pytest.raises(ConfigurationError, match=r"several daemons.*facility/main, livetomo/facility/second"):
        await Consumer(daemon.stream(after=0)).next()


STAR = """
data_particles

loop_
_rlnTomoName #1
_rlnCenteredCoordinateXAngst #2
_rlnCenteredCoordinateYAngst #3
_rlnCenteredCoordinateZAngst #4
_rlnAutopickFigureOfMerit #5
TS_01 -862.720000 0.000000 -401.360000 0.900000
TS_01 -852.720000 20.000000 -401.360000 0.800000
"""


def with_star(content: str) -> dict[str, Any]:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"files": {"picks/ribosome.relion5.star": FileFacts(len(content), digest)}}


async def test_picks_that_are_not_inline_are_downloaded_and_verified() -> None:
    daemon = FakeDaemon(inline=1)
    daemon.files["picks/ribosome.relion5.star"] = STAR.encode()
    daemon.picked("TS_01", picks=2, **with_star(STAR))
    pickset = await Consumer(daemon.stream(after=0)).next()
    assert pickset.columns == ("x_angstrom", "y_angstrom", "z_angstrom", "score")
    assert pickset.rows[0] == pytest.approx((0.0, 862.72, 30.0, 0.9))
    assert pickset.rows[1] == pytest.approx((10.0, 882.72, 30.0, 0.8))
    assert pickset.centred_xyz_angstrom()[1] == pytest.approx((-852.72, 20.0, -401.36))


async def test_a_file_that_is_not_what_was_published_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    daemon = FakeDaemon(inline=1)
    daemon.files["picks/ribosome.relion5.star"] = b"something else"
    daemon.picked("TS_01", picks=2, **with_star(STAR))
    daemon.picked("TS_02", picks=1)
    assert (await Consumer(daemon.stream(after=0)).next()).tomogram == "TS_02"
    assert "TS_01 is left out" in caplog.text


ONE_ROW = STAR.rpartition("TS_01")[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (ONE_ROW, "1 rows of ribosome where the message counts 2"),
        (STAR + STAR.splitlines()[-1] + "\n", "3 rows of ribosome where the message counts 2"),
        (STAR.replace("0.800000", ""), "line 11 has 4 words for 5 columns"),
        ("data_other\n", "cannot be read as a particles star"),
        (STAR.replace("0.800000", "x"), "cannot be read as a particles star"),
    ],
)
async def test_a_star_with_other_rows_than_the_message_counts_is_left_out_and_said(
    content: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = FakeDaemon(inline=1)
    daemon.files["picks/ribosome.relion5.star"] = content.encode()
    daemon.picked("TS_01", picks=2, **with_star(content))
    daemon.picked("TS_02", picks=1)
    assert (await Consumer(daemon.stream(after=0)).next()).tomogram == "TS_02"
    assert "TS_01 is left out" in caplog.text
    assert why in caplog.text


async def test_inline_rows_are_counted_too(caplog: pytest.LogCaptureFixture) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=3)
    daemon.events[0] = {**daemon.events[0], "count": 4}
    daemon.picked("TS_02", picks=1)
    assert (await Consumer(daemon.stream(after=0)).next()).tomogram == "TS_02"
    assert "3 rows of ribosome where the message counts 4" in caplog.text


async def test_picks_that_are_nowhere_to_be_had_are_said_with_the_cure_and_stop_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    daemon = FakeDaemon(inline=1)
    daemon.picked("TS_01", picks=2, files={})
    daemon.picked("TS_02", picks=1)
    assert (await Consumer(daemon.stream(after=0)).next()).tomogram == "TS_02"
    assert "TS_01 is left out" in caplog.text
    assert 'add "relion5" to its formats' in caplog.text


def test_rows_of_a_star_and_centred_coordinates_are_inverse() -> None:
    pickset = PickSet(
        *("id", 1, "now", "w", "s", "TS_01", 1, "hash", "result", "ribosome"),
        voxel_size_angstrom=10.0,
        shape_zyx=(64, 127, 128),
        columns=("score", "z_angstrom", "y_angstrom", "x_angstrom"),
    )
    rows = rows_of_star(STAR, pickset)
    assert rows[0] == pytest.approx((0.9, -401.36 + 320, 635.0, -862.72 + 640))


def test_the_fake_speaks_as_the_daemon_does() -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")
    assert json.loads(json.dumps(daemon.events[0]))["schema"] == "livetomo/picks/1"


def test_rows_of_a_star_have_the_share_of_false_picks_and_nothing_invented() -> None:
    pickset = PickSet(
        *("id", 1, "now", "w", "s", "TS_01", 1, "hash", "result", "ribosome"),
        voxel_size_angstrom=10.0,
        shape_zyx=(64, 127, 128),
        columns=("score", "false_share", "of_the_future"),
    )
    star = STAR.replace("Merit #5", "Merit #5\n_livetomoFalseShare #6").replace("0.900000", "0.900000 0.01")
    rows = rows_of_star(star.replace("0.800000", "0.800000 0.2"), pickset)
    assert [row[:2] for row in rows] == [(0.9, 0.01), (0.8, 0.2)]
    assert all(math.isnan(row[2]) for row in rows), "a newer daemon's column, which this version does not know"
