"""A broker is spoken to in the version of MQTT that it knows, without being told which that is."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from livetomo.client.broker import Protocol, Subscription
from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway
from livetomo.publish.mqtt.client import connected
from livetomo.publish.payloads.events import Message
from tests.servers import Mosquitto

LEVEL_5 = b"\x00\x04MQTT\x05"
REFUSES = b"\x20\x02\x00\x01"  # CONNACK of MQTT 3.1.1: "unacceptable protocol version"
REFUSES_USER = b"\x20\x02\x00\x05"


@asynccontextmanager
async def old_broker(port: int, how: str, seen: list[str]) -> AsyncIterator[int]:
    """A way to a real broker that does to clients of MQTT 5 what brokers do that do not know it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        first = await reader.read(4096)
        seen.append("5" if LEVEL_5 in first else "3.1.1")
        if LEVEL_5 in first or how == "refuses the user":
            if how == "is silent":
                await asyncio.sleep(60)
            writer.write({"refuses": REFUSES, "refuses the user": REFUSES_USER}.get(how, b""))
            await writer.drain()
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        far_writer.write(first)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()


def subscription(port: int, protocol: Protocol = "auto") -> Subscription:
    return Subscription(Mqtt.model_validate({"url": f"mqtt://127.0.0.1:{port}", "connect_time_limit": 1}), protocol)


async def publish(port: int, word: str) -> None:
    async with connected(
        Mqtt.model_validate({"url": f"mqtt://127.0.0.1:{port}", "protocol": "3.1.1"}), "one"
    ) as client:
        await client.publish_and_confirm(Message("a/b", json.dumps({"word": word}).encode()), None)


@pytest.mark.parametrize("how", ["refuses", "hangs up", "is silent"])
async def test_a_broker_that_does_not_know_mqtt_5_is_asked_in_the_older_version_and_then_at_once(
    mosquitto: Mosquitto, how: str
) -> None:
    seen: list[str] = []
    async with old_broker(mosquitto.port, how, seen) as port:
        one = subscription(port)
        for word in ("first", "second"):
            async with one.open(["a/+"]) as heard:
                await publish(mosquitto.port, word)
                assert await anext(heard) == ("a/b", {"word": word})
    assert seen == ["5", "3.1.1", "3.1.1"]


@pytest.mark.parametrize("how", ["refuses", "hangs up", "is silent"])
async def test_where_a_version_is_said_and_is_the_wrong_one_the_option_is_named(mosquitto: Mosquitto, how: str) -> None:
    seen: list[str] = []
    async with old_broker(mosquitto.port, how, seen) as port:
        with pytest.raises(BrokerAway, match=r"broker of MQTT 5 does.*leave --protocol out"):
            async with subscription(port, "5").open(["a/+"]):
                pass
    assert seen == ["5"]


async def test_a_refused_user_is_not_asked_again_in_another_version(mosquitto: Mosquitto) -> None:
    seen: list[str] = []
    async with old_broker(mosquitto.port, "refuses the user", seen) as port:
        with pytest.raises(BrokerAway, match="refuses this user"):
            async with subscription(port, "3.1.1").open(["a/+"]):
                pass
    assert seen == ["3.1.1"]


async def test_a_broker_of_mqtt_5_is_spoken_to_so_and_one_that_is_away_is_away(mosquitto: Mosquitto) -> None:
    one = subscription(mosquitto.port)
    async with one.open(["a/+"]):
        assert [way.protocol for way in one._ways] == ["5"]
    await mosquitto.stop(how=signal.SIGKILL)
    with pytest.raises(BrokerAway, match="cannot be reached"):
        async with subscription(mosquitto.port).open(["a/+"]):
            pass
