"""aiomqtt's client with its rough edges off: connected within a time limit, refusals heard, no socket left behind."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn, Self, TypeVar

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_ERR_CONN_LOST
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from livetomo.config import Mqtt
from livetomo.errors import BrokerAway, ConfigurationError
from livetomo.publish.messages import Message

_KEEPALIVE_SECONDS = 30
_CLOSE_SECONDS = 2.0

T = TypeVar("T")


def address(settings: Mqtt) -> str:
    """Host and port, as a person would write them."""
    return f"{settings.url.host}:{_port(settings)}"


@asynccontextmanager
async def connected(settings: Mqtt, identifier: str, will: Message | None = None) -> AsyncIterator["MqttClient"]:
    """A new client, connected: it is used once, so that nothing unacknowledged is sent by it later, out of order.

    Raises:
        BrokerAway: the broker is not there, refuses, or does not answer within the time limit.
    """
    is_v5 = settings.protocol == "5"
    client = MqttClient(
        settings.url.host or "",
        _port(settings),
        username=settings.username,
        password=await asyncio.to_thread(_password, settings),
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5 if is_v5 else aiomqtt.ProtocolVersion.V311,
        # MQTT 5 knows a clean start instead, which is aiomqtt's default for a client that is used once.
        clean_session=None if is_v5 else True,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
        timeout=settings.connect_time_limit,
        keepalive=_KEEPALIVE_SECONDS,
        tls_context=await asyncio.to_thread(_tls, settings),
    )
    try:
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as fault:
            raise BrokerAway(f"{address(settings)} {said(fault)}") from None
        try:
            yield client
        finally:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
    finally:
        await client.close()


class MqttClient(aiomqtt.Client):
    """aiomqtt's client, where a refused message is an error, and a failed connection leaves no socket behind."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._refusals: dict[int, ReasonCode] = {}
        self._gone = asyncio.Event()
        super().__init__(*args, **kwargs)

    async def __aenter__(self) -> Self:
        """Connect; a connection that is lost meanwhile, which aiomqtt waits for or forgets, is an error at once."""
        await super().__aenter__()
        if self._gone.is_set():
            raise _lost()
        return self

    async def publish_and_confirm(self, message: Message, properties: Properties | None) -> None:
        """Return when the broker has taken the message; aiomqtt itself takes any acknowledgement for consent."""
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        if info.rc != 0:
            raise aiomqtt.MqttCodeError(info.rc, "could not be written to")
        if not info.is_published():
            confirmation = asyncio.Event()
            with self._pending_call(info.mid, confirmation, self._pending_publishes):
                await confirmation.wait()
        if refusal := self._refusals.pop(info.mid, None):
            raise BrokerAway(
                f"refused a message for {message.topic} ({refusal}). May this user publish there? See the broker's ACL."
            )

    async def lost(self) -> NoReturn:
        """Wait until the connection is lost."""
        await asyncio.wait([self._disconnected])
        raise BrokerAway(said(self._disconnected.exception()))

    async def close(self) -> None:
        """Give the socket back: aiomqtt leaves it open after a failed connection, until the keepalive's end."""
        if self._client.socket() is not None:
            self._client.disconnect()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._gone.wait()

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        # aiomqtt's own uses wait_for: in Python 3.11 it forgets a cancellation that comes together with what it waits
        # for, and it cancels futures that callbacks go on to ask.
        waiting = asyncio.ensure_future(fut)
        await asyncio.wait([waiting], timeout=self.timeout if timeout is None else timeout)
        if not waiting.done():
            raise aiomqtt.MqttError("Operation timed out")
        return waiting.result()

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        # aiomqtt defers this to the loop's next turn even from the loop's own thread; by then the socket may be closed,
        # and its number another file's.
        if asyncio._get_running_loop() is not self._loop:
            super()._on_socket_register_write(client, userdata, sock)
        elif sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: Any) -> None:
        try:
            client.loop_write()
        except Exception as fault:  # the border to the connection: whatever breaks it ends it
            if not self._disconnected.done():
                self._disconnected.set_exception(fault)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        if reason_code.is_failure:
            self._refusals[mid] = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(self, *args: Any) -> None:
        self._gone.set()
        if not self._connected.done():
            self._connected.set_exception(_lost())
        super()._on_disconnect(*args)
        if self._disconnected.done():
            self._disconnected.exception()  # asked for now: where aiomqtt forgets it, asyncio would complain in the log


def _lost() -> aiomqtt.MqttCodeError:
    return aiomqtt.MqttCodeError(MQTT_ERR_CONN_LOST)


def said(fault: BaseException | None) -> str:
    """What is wrong, as the end of a sentence that begins with the broker's address."""
    if isinstance(fault, MqttConnectError):
        return f"refuses this user or client ({fault.rc if isinstance(fault.rc, ReasonCode) else fault})"
    if fault is None or isinstance(fault, aiomqtt.MqttCodeError):
        return "closed the connection"
    if str(fault) == "Operation timed out":
        return "took the connection but does not answer as an MQTT broker"
    return f"cannot be reached ({fault})"


def _port(settings: Mqtt) -> int:
    return settings.url.port or (8883 if settings.url.scheme == "mqtts" else 1883)


def _password(settings: Mqtt) -> str | None:
    path = settings.password_file
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as fault:
        raise BrokerAway(f"the password file {path} cannot be read ({fault.strerror})") from None


def _tls(settings: Mqtt) -> ssl.SSLContext | None:
    if settings.url.scheme != "mqtts":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as fault:
        raise ConfigurationError(f"mqtt: ca_file: {settings.ca_file} cannot be used ({fault})") from None
