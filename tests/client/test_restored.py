"""A catalog that is restored or made anew numbers its events anew: consumers notice, and have everything once."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import copy_database, open_database
from livetomo.client.api import ApiClient
from livetomo.client.choice import Choice
from livetomo.client.follow import Follower
from livetomo.client.local_collection import Collection
from livetomo.client.pick_stream import PickStream
from livetomo.client.query import Query
from livetomo.client.standing import Replay, Standing
from livetomo.core.events import Event
from livetomo.core.tomogram import TomogramId
from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.payloads.topics import Topics
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.server import Server, bind_tcp
from tests.publish.event_logs import RECIPE_HASH, manifest, result_events
from tests.publish.memory_broker import MemoryBroker
from tests.web.site import FakeDaemon, site

SETTINGS = MessageSettings(Topics("facility", "main"))


class Broker(MemoryBroker):
    """What is published, as a subscriber hears it."""

    url = ""

    @asynccontextmanager
    async def open(self, topics: Sequence[str]) -> AsyncIterator[AsyncIterator[tuple[str, Mapping[str, Any]]]]:
        yield self._status() if topics[0].endswith("/status") else self._heard(len(self.log))

    async def _status(self) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        yield SETTINGS.topics.status, {"url": self.url}
        await asyncio.Event().wait()

    async def _heard(self, begun: int) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        for number in itertools.count(begun):
            message = (await self.received(lambda log, number=number: len(log) > number))[number]
            if message.topic.endswith("/availability"):
                continue
            yield message.topic, json.loads(message.payload)


class Facility:
    """A daemon without its science, whose catalog is a file; its broker outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "catalog.sqlite"
        self.broker = Broker()
        self.port = 0
        self.parts: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.daemon = FakeDaemon(self.folder / "out")
        self.daemon.catalog = Catalog(open_database(self.path), site="facility", instance="main")
        server = Server(create_app(site(self.daemon), AccessRules()), bind_tcp("127.0.0.1", self.port))
        self.port = server.port
        self.broker.url = f"http://127.0.0.1:{server.port}"
        publisher = Publisher(SETTINGS, self.daemon, self.broker)
        self.parts = [asyncio.create_task(part.run()) for part in (server, publisher)]

    async def stop(self) -> None:
        for part in self.parts:
            part.cancel()
        await asyncio.wait(self.parts)
        self.daemon.catalog.db.close()

    async def picked(self, *names: str, revision: int = 1, picks: int = 2, reported: bool = True) -> None:
        for name in names:
            body = manifest(name, picks=picks, revision=revision, result_id=f"{name}.{revision}")
            event = next(iter(result_events(body, "/out")))
            if reported:
                self.daemon.catalog.event_log.append(event)
            await self.daemon._ring()

    async def retracted(self, name: str, revision: int = 1) -> None:
        who = TomogramId("krios1", "20261120_yeast", name)
        body = {"result_id": f"{name}.{revision}", "reason": "superseded"}
        self.daemon.catalog.event_log.append(Event("retracted", who, revision, RECIPE_HASH, "superseded", body))
        await self.daemon._ring()

    def backup(self, copy: Path) -> None:
        copy_database(self.daemon.catalog.db, copy)

    def put_back_by_hand(self, copy: Path) -> None:
        """As it says in books: stop, copy, start; what the old catalog has left beside it stays."""
        self.path.write_bytes(copy.read_bytes())

    def follower(self, output: Path, heard: list[str], **more: Any) -> Follower:
        collection = Collection(output, Choice("ribosome"))
        stream = PickStream(
            Query("ribosome"),
            self.broker,
            lambda url: ApiClient(self.broker.url),
            after=collection.position or 0,
            epoch=collection.epoch,
            standing=collection.standing(),
            pause=lambda seconds: asyncio.sleep(0),
            **more,
        )
        return Follower(stream, collection, on_change=lambda pickset, _: heard.append(pickset.event_id))


@pytest.fixture
async def facility(tmp_path: Path) -> AsyncIterator[Facility]:
    one = Facility(tmp_path)
    one.start()
    yield one
    await one.stop()


async def until(what: Any) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110  (a thread of the API's client is on its way)
            await asyncio.sleep(0.01)


def rows(follower: Follower) -> dict[str, int]:
    found: dict[str, int] = {}
    for session in follower.collection.sessions.values():
        for name in session._rows:
            found[name] = len(session._rows[name])
    return found


@pytest.mark.parametrize("how", ["running", "away"])
async def test_a_follower_that_is_ahead_of_a_restored_catalog_gets_all_that_is_new_once(facility, tmp_path, how):
    heard: list[str] = []
    more = {"reconcile_seconds": 0.05} if how == "running" else {}
    follower = facility.follower(tmp_path / "sta", heard, **more)
    running = asyncio.create_task(follower.run())
    await facility.picked(*(f"TS_{n:02}" for n in range(1, 13)))
    await facility.retracted("TS_01")
    facility.backup(tmp_path / "copy.sqlite")
    await facility.picked(*(f"TS_{n:02}" for n in range(13, 51)))
    await facility.retracted("TS_02")
    await facility.picked("TS_02", revision=2, picks=7)
    await until(lambda: len(rows(follower)) == 49 and rows(follower)["TS_02"] == 7)
    assert facility.daemon.catalog.event_log.last() == 53
    if how == "away":
        running.cancel()
        await asyncio.wait([running])
    await facility.stop()
    facility.put_back_by_hand(tmp_path / "copy.sqlite")
    facility.start()
    assert facility.daemon.catalog.event_log.last() == 13
    if how == "away":
        follower = facility.follower(tmp_path / "sta", heard)
        running = asyncio.create_task(follower.run())
    await facility.picked("TS_60", picks=5)
    await until(lambda: "TS_60" in rows(follower))
    assert rows(follower)["TS_02"] == 2, "what the catalog says of it stands"
    # The daemon finds the files again, and sends the same events under the same ids; one tomogram is another by now.
    await facility.picked(*(f"TS_{n:02}" for n in range(13, 50)))
    await facility.retracted("TS_02")
    await facility.picked("TS_02", revision=2, picks=7)
    await facility.picked("TS_50", revision=1, picks=9)
    await facility.retracted("TS_50")
    await facility.picked("TS_50", revision=2, picks=4)
    await until(lambda: rows(follower).get("TS_50") == 4)
    running.cancel()
    await asyncio.wait([running])
    expected = {f"TS_{n:02}": 2 for n in range(2, 51)} | {"TS_02": 7, "TS_50": 4, "TS_60": 5}
    assert rows(follower) == expected
    again = Collection(tmp_path / "sta", Choice("ribosome"))
    assert {name: len(r) for name, r in next(iter(again.sessions.values()))._rows.items()} == expected
    assert again.epoch == facility.daemon.catalog.event_log.epoch().id


async def test_nothing_that_stands_unchanged_is_handed_on_again(facility, tmp_path):
    heard: list[str] = []
    follower = facility.follower(tmp_path / "sta", heard, reconcile_seconds=0.05)
    running = asyncio.create_task(follower.run())
    await facility.picked("TS_01", "TS_02", "TS_03")
    facility.backup(tmp_path / "copy.sqlite")
    await facility.picked("TS_04")
    await until(lambda: len(heard) == 4)
    await facility.stop()
    facility.put_back_by_hand(tmp_path / "copy.sqlite")
    facility.start()
    await facility.picked("TS_04", "TS_05")
    await until(lambda: len(heard) == 5)
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.wait([running])
    assert len(set(heard)) == 5


async def test_a_consumer_over_mqtt_sees_the_epoch_change_and_numbers_that_do_not_meet(facility, tmp_path):
    await facility.picked("TS_01", "TS_02")
    facility.backup(tmp_path / "copy.sqlite")
    await facility.picked("TS_03", "TS_04")

    def events(log):
        return [json.loads(message.payload) for message in log if message.topic.endswith("/ribosome")]

    before = events(await facility.broker.received(lambda log: len(events(log)) == 4))
    await facility.stop()
    facility.put_back_by_hand(tmp_path / "copy.sqlite")
    facility.start()
    await facility.picked("TS_05")
    after = events(await facility.broker.received(lambda log: any("TS_05" in m.topic for m in log)))[4:]
    assert len({body["epoch"] for body in before}) == 1
    assert {body["epoch"] for body in after} == {facility.daemon.catalog.event_log.epoch().id}
    assert after[-1]["epoch"] != before[0]["epoch"]
    assert after[-1]["seq"] > before[-1]["seq"]


async def test_a_number_of_another_epoch_is_refused_with_the_new_one(facility, tmp_path):
    import http.client

    def ask(query: str) -> tuple[int, dict, str]:
        connection = http.client.HTTPConnection(facility.broker.url.removeprefix("http://"))
        with closing(connection):
            connection.request("GET", f"/api/v1/events?{query}")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers["livetomo-epoch"]

    await facility.picked("TS_01", "TS_02")
    epoch = facility.daemon.catalog.event_log.epoch().id
    for query in ("after=0", "after=2", f"after=1&epoch={epoch}", f"after=2&epoch={epoch}", "after=0&epoch=other"):
        status, body, header = await asyncio.to_thread(ask, query)
        assert (status, body["epoch"], header) == (200, epoch, epoch), query
    for query in ("after=150", f"after=150&epoch={epoch}", "after=1&epoch=other"):
        status, body, header = await asyncio.to_thread(ask, query)
        assert (status, body["reset"], body["epoch"], body["last"], header) == (409, True, epoch, 2, epoch), query
        assert "restored or rebuilt" in body["error"]


async def test_while_the_api_is_away_what_the_broker_says_of_a_new_epoch_is_not_dropped(facility, tmp_path):
    heard: list[str] = []
    follower = facility.follower(tmp_path / "sta", heard)
    running = asyncio.create_task(follower.run())
    await facility.picked("TS_01", "TS_02", "TS_03")
    await until(lambda: len(heard) == 3)
    follower.stream.api = ApiClient("http://127.0.0.1:1")
    body = json.loads(facility.broker.log[-1].payload) | {"epoch": "another", "seq": 1, "event_id": "new"}
    body |= {"tomogram": "TS_09"}
    from livetomo.publish.payloads.events import Message

    await facility.broker._keep(Message("livetomo/x/picks/ribosome", json.dumps(body).encode()))
    await until(lambda: "new" in heard)
    running.cancel()
    await asyncio.wait([running])


def test_what_is_reported_again_changes_only_what_differs():
    def event(name: str, what: str, number: int, seq: int) -> dict:
        schema = f"livetomo/{what}/1"
        return {"watch": "w", "session": "s", "tomogram": name, "schema": schema, "seq": seq, "epoch": "e"} | {
            "event_id": f"{what}.{name}.{number}",
            "result_id": f"{name}.{number}",
        }

    event_log = Replay(began=1)
    reported = [("old", "picks", 1), ("same", "picks", 1), ("gone", "picks", 1), ("gone", "retracted", 1)]
    reported += [("newer", "picks", 1), ("newer", "picks", 2), ("newer", "retracted", 1), ("new", "picks", 1)]
    reported += [("never", "picks", 1), ("never", "retracted", 1), ("back", "picks", 1)]
    for seq, (name, what, number) in enumerate(reported, start=1):
        event_log.note(event(name, what, number, seq), wanted=True)
    here = {"same": 1, "gone": 1, "newer": 1, "lost": 3, "back": 2}
    standing = {("w", "s", name): Standing(f"picks.{name}.{n}", f"{name}.{n}") for name, n in here.items()}
    assert event_log.news(standing) == {"retracted.gone.1", "picks.newer.2", "picks.new.1", "picks.back.1"}
    assert (event_log.last, event_log.epoch) == (len(reported), "e")
