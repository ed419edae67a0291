"""What cannot be taken in is said and passed over, what nobody has heard of is said and waited for: nothing ends it."""

import asyncio
import hashlib
import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest

from livetomo.client.choice import Choice
from livetomo.client.follow import Follower
from livetomo.client.local_collection import Collection
from livetomo.client.pick_stream import PickStream
from livetomo.client.unheard import unheard
from livetomo.core.errors import ApiAway
from livetomo.core.manifest import FileFacts
from livetomo.formats.star import read_loops
from tests.client.test_pick_stream import ROOT, STAR, Consumer, FakeDaemon, with_star

# What is wrong with a message, by what is done to a good one.
MALFORMED: dict[str, dict[str, Any]] = {
    "no event_id": {"event_id": None},
    "an empty tomogram": {"tomogram": ""},
    "a watch that is a number": {"watch": 3},
    "no result_id": {"result_id": None},
    "a seq that is a word": {"seq": "seven"},
    "an epoch that is a number": {"epoch": 7},
    "no columns": {"columns": None},
    "other columns": {"columns": ["a", "b", "c", "d"]},
    "no rows": {"picks": None},
    "rows of words": {"picks": [["a", "b", "c", "d"]] * 3},
    "short rows": {"picks": [[1.0]] * 3},
    "rows that are no rows": {"picks": [1, 2, 3]},
    "rows without numbers": {"picks": [[1.0, 2.0, math.nan, 0.5]] * 3},
    "endless rows": {"picks": [[1.0, 2.0, math.inf, 0.5]] * 3},
    "more than it counts": {"count": 2},
    "a count that is a word": {"count": "many"},
    "no volume": {"volume": None},
    "a volume of nothing": {"volume": {}},
    "a shape of two": {"volume": {"shape_zyx": [1, 2], "voxel_size_angstrom": 10.0}},
    "files that are no files": {"files": [{"name": "x"}]},
    "an exclusion that is none": {"excluded": [3]},
    "a false share that is none": {"false_share": 3},
    "another feature's": {"feature": ["ribosome"]},
}


def spoilt(daemon: FakeDaemon, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    daemon.picked(name, picks=3, heard=False)
    body = {key: value for key, value in {**daemon.events[-1], **changes}.items() if value is not None}
    daemon.events[-1] = body
    return body


@pytest.mark.parametrize("by", ["the API", "the broker"])
@pytest.mark.parametrize("how", MALFORMED)
async def test_a_malformed_set_is_said_and_the_next_one_comes(how: str, by: str, caplog: Any) -> None:
    daemon = FakeDaemon()
    stream = daemon.stream(after=0)
    if by == "the API":
        spoilt(daemon, "TS_01", MALFORMED[how])
        daemon.picked("TS_02")
        assert await Consumer(stream).names(1) == ["TS_02"]
    else:
        waiting = asyncio.ensure_future(Consumer(stream).names(1))
        await daemon.connected(1)
        await stream.caught_up.wait()
        daemon.listeners[0].put_nowait(spoilt(daemon, "TS_01", MALFORMED[how]))
        daemon.picked("TS_02")
        async with asyncio.timeout(5):
            assert await waiting == ["TS_02"]
    if how != "another feature's":
        assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1, caplog.text
        assert "left out" in caplog.text


@pytest.mark.parametrize("body", [None, 3, [], "x", {}, {"schema": 3}])
async def test_what_is_no_event_at_all_is_said_too(body: Any, caplog: Any) -> None:
    daemon = FakeDaemon()
    daemon.events.append(body)
    daemon.picked("TS_02")
    assert await Consumer(daemon.stream(after=0)).names(1) == ["TS_02"]
    assert "is left out, since" in caplog.text


async def test_a_set_without_the_format_or_whose_file_is_gone_is_left_out_by_the_follower_alone(
    tmp_path: Path, caplog: Any
) -> None:
    def as_csv(content: bytes) -> dict[str, Any]:
        return {"files": {"picks/ribosome.csv.csv": FileFacts(len(content), hashlib.sha256(content).hexdigest())}}

    daemon = FakeDaemon()
    daemon.picked("TS_01", **with_star(STAR))
    daemon.picked("TS_02", **as_csv(b"another"))
    daemon.picked("TS_03", **as_csv(b"x,y,z"))
    daemon.files["picks/ribosome.csv.csv"] = b"x,y,z"
    collection = Collection(tmp_path, Choice("ribosome", format="csv"))
    async with asyncio.timeout(10):
        await Follower(daemon.stream(after=0), collection, tomograms=1).run()
    star = tmp_path / "krios1" / "s1" / "ribosome.star"
    assert set(read_loops(star)["particles"]["rlnTomoName"]) == {"TS_03"}
    assert 'TS_01 is left out: it is not published as "csv" (but as: relion5)' in caplog.text
    assert "TS_02 is left out: picks/ribosome.csv.csv is not what was published" in caplog.text


async def test_the_api_s_new_address_is_taken_from_the_status_of_a_daemon_that_was_started_again() -> None:
    daemon, asked = FakeDaemon(), []

    def api_at(url: str) -> FakeDaemon:
        asked.append(url)
        return daemon

    class Broker(FakeDaemon):
        async def _heard(self, queue: Any) -> Any:
            yield f"{ROOT}/status", {"url": "http://daemon"}
            yield f"{ROOT}/status", {"url": "http://elsewhere"}
            async for each in FakeDaemon._heard(self, queue):
                yield each

    daemon.picked("TS_01")
    stream = PickStream(daemon.stream()._query, Broker(), api_at, after=0)
    assert await Consumer(stream).names(1) == ["TS_01"]
    waiting = asyncio.ensure_future(Consumer(stream).names(1))
    async with asyncio.timeout(5):
        while asked[-1] != "http://elsewhere":  # noqa: ASYNC110 (it has no bell)
            await asyncio.sleep(0.01)
    waiting.cancel()


async def test_where_the_api_is_away_at_first_all_since_the_first_word_of_the_broker_is_caught_up_with() -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_00")
    daemon.api_away = True
    stream = daemon.stream(reconcile_seconds=0.01)
    consumer = Consumer(stream)
    waiting = asyncio.ensure_future(consumer.next())
    await daemon.connected(1)
    daemon.picked("TS_01")
    assert (await waiting).tomogram == "TS_01"
    waiting = asyncio.ensure_future(consumer.next())
    daemon.picked("TS_02", heard=False)
    daemon.api_away = False
    assert (await waiting).tomogram == "TS_02"


async def test_where_it_begins_is_kept_at_once(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01")

    async def never(seconds: float) -> None:
        await asyncio.Event().wait()

    follower = Follower(daemon.stream(), Collection(tmp_path, Choice("ribosome")), pause=never)
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(5):
        while not (tmp_path / "follow.json").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert json.loads((tmp_path / "follow.json").read_text())["position"] == 1
    running.cancel()
    await asyncio.wait([running])


class Known:
    """A daemon's API that knows some names."""

    def __init__(self, **sessions: list[str]) -> None:
        self._sessions = sessions

    async def watches(self) -> list[str]:
        return ["krios1", "glacios"]

    async def sessions(self) -> list[Any]:
        return [{"watch": "krios1", "session": name} for name in self._sessions]

    async def features(self, watch: str, session: str) -> set[str]:
        assert watch == "krios1"
        return set(self._sessions[session])


UNHEARD = [
    (Choice("ribosome"), ""),
    (Choice("membrane", watch="krios1", session="tuesday"), ""),
    (Choice("ribosom"), 'no feature "ribosom" yet (the features so far are membrane, ribosome)'),
    (Choice("ribosome", session="tuesday"), 'no feature "ribosome" yet (the features so far are membrane)'),
    (Choice("ribosome", session="mondy"), 'no session "mondy" yet (the sessions so far are tuesday, monday)'),
    (Choice("ribosome", watch="krios"), 'no watch "krios" yet (the watches so far are glacios, krios1)'),
    (Choice("ribosome", watch="glacios"), 'no feature "ribosome" yet (there are no features so far)'),
]


@pytest.mark.parametrize(("choice", "said"), UNHEARD)
async def test_a_name_that_nobody_has_heard_of_is_said_with_those_that_there_are(choice: Choice, said: str) -> None:
    sentences = await unheard(choice, Known(tuesday=["membrane"], monday=["membrane", "ribosome"]))
    assert (said in " ".join(sentences), len(sentences)) == (True, int(bool(said)))


async def test_it_is_said_once_after_catching_up_and_waited_for(tmp_path: Path, caplog: Any) -> None:
    class Away(FakeDaemon):
        refusals = 1

        async def sessions(self) -> Any:
            self.refusals -= 1
            if self.refusals >= 0:
                raise ApiAway("away")
            return await super().sessions()

    daemon = Away()
    daemon.picked("TS_01")
    choice = Choice("ribosome", session="s2")
    query = daemon.stream()._query.__class__("ribosome", session="s2")
    follower = Follower(
        daemon.stream(query, after=0),
        Collection(tmp_path, choice),
        tomograms=1,
        pause=lambda seconds: asyncio.sleep(seconds / 1000),
    )
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(5):
        while "knows no session" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    daemon.picked("TS_02", session="s2")
    async with asyncio.timeout(5):
        await running
    assert caplog.text.count('The daemon knows no session "s2" yet (the sessions so far are s1)') == 1
