"""What the broker retains is how things stand, and nothing is left behind of sessions that are over."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from livetomo.daemon.status_publisher import StatusPublisher
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.payloads.topics import Topics
from tests.web.site import SESSION, FakeDaemon

TOPICS = Topics("facility", "main")


@pytest.fixture
def daemon(tmp_path: Path) -> FakeDaemon:
    return FakeDaemon(tmp_path)


async def reported(retained: Retained) -> dict[str, object]:
    sent: dict[str, object] = {}
    while retained._pending:
        message = await retained.next()
        sent[message.topic.removeprefix(f"{TOPICS.root}/")] = json.loads(message.payload or b"null")
        retained.sent(message)
    return sent


async def test_a_live_session_is_summed_up_at_each_change(daemon: FakeDaemon) -> None:
    retained = Retained()
    publisher = StatusPublisher(daemon, retained, TOPICS)
    await daemon.arrive("TS_01")
    await daemon.finish(picks=7)
    await publisher.publish()
    first = await reported(retained)
    summary = first[f"krios1/{SESSION}/summary"]
    assert isinstance(summary, dict)
    assert (summary["tomograms"], summary["picks"]) == (1, {"ribosome": 7})
    assert "status" in first
    await daemon.arrive("TS_02")
    await publisher.publish()
    assert set(await reported(retained)) == {"status", f"krios1/{SESSION}/summary"}


async def test_nothing_new_is_not_reported_again(daemon: FakeDaemon) -> None:
    retained = Retained()
    publisher = StatusPublisher(daemon, retained, TOPICS)
    await publisher.publish()
    await reported(retained)
    daemon.state = replace(daemon.state, time=daemon.state.time + timedelta(seconds=3))
    await publisher.publish()
    assert await reported(retained) == {}
    daemon.state = replace(daemon.state, paused=True)
    await publisher.publish()
    assert set(await reported(retained)) == {"status"}


async def test_a_session_that_is_over_is_forgotten_by_the_broker_also_after_a_restart(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    retained = Retained()
    await daemon.arrive("TS_01")
    before, after = StatusPublisher(daemon, retained, TOPICS), StatusPublisher(daemon, retained, TOPICS)
    await before.publish()
    await reported(retained)
    monkeypatch.setattr("livetomo.web.read_model.LIVE", timedelta(0))
    for publisher in (before, after):
        await publisher.publish()
        assert (await reported(retained))[f"krios1/{SESSION}/summary"] is None
