"""aiomqtt's client with its rough edges off: connected within a time limit, refusals heard, no socket left behind.

The private members of aiomqtt and paho that this leans on are listed, each with its upstream issue, in
`tests/publish/test_private_members.py`, which fails when one changes.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn, Self, TypeVar

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_ERR_CONN_LOST
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway, MessageRefused, OtherVersion, SecretUnreadable
from livetomo.publish.mqtt.refusals import REFUSALS, TAKEN_OVER, UNSUPPORTED_VERSION, refusal_of
from livetomo.publish.payloads.events import Message
from livetomo.system.secret_files import read_secret

_KEEPALIVE_SECONDS = 30
_CLOSE_SECONDS = 2.0
_FAILURE = 0x80
_SILENT = "Operation timed out"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """What an MQTT 5 broker says at the connection of what it takes; others say nothing, and may take less.

    packet: bytes of the largest packet; None: no limit is given.
    """

    packet: int | None = None
    qos: int = 2
    retains: bool = True

    @staticmethod
    def of(properties: Properties | None) -> "BrokerLimits":
        """As the broker's answer has them."""
        return BrokerLimits(
            getattr(properties, "MaximumPacketSize", None),
            getattr(properties, "MaximumQoS", 2),
            bool(getattr(properties, "RetainAvailable", 1)),
        )


def address(settings: Mqtt) -> str:
    """Host and port, as a person would write them."""
    return f"{settings.url.host}:{settings.port}"


@asynccontextmanager
async def connected(settings: Mqtt, identifier: str, will: Message | None = None) -> AsyncIterator["MqttClient"]:
    """A new client, connected: it is used once, so that nothing unacknowledged is sent by it later, out of order.

    Raises:
        OtherVersion: it may be a broker of another version of MQTT.
        BrokerAway: the broker is not there, refuses, or does not answer within the time limit.
    """
    is_v5 = settings.protocol == "5"
    client = MqttClient(
        settings.host,
        settings.port,
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
            kind = OtherVersion if client.may_speak_another(fault) else BrokerAway
            raise kind(f"{address(settings)} {client.said(fault)}", client.code_of(fault)) from None
        except ValueError as fault:  # a name that no resolver is asked for
            raise BrokerAway(f"{address(settings)} cannot be reached ({fault})") from None
        try:
            yield client
        finally:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
    finally:
        await client.close()


class MqttClient(aiomqtt.Client):
    """aiomqtt's client, where a refused message is an error, and a failed connection leaves no socket behind.

    limits: what the broker has said that it takes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.limits = BrokerLimits()
        self._refusals: dict[int, int] = {}
        self._farewell: int | None = None
        self._gone = asyncio.Event()
        self._thread = threading.get_ident()
        super().__init__(*args, **kwargs)
        self._acknowledged = self._client._handle_pubackcomp
        self._client._handle_pubackcomp = self._on_acknowledgement  # type: ignore[method-assign]

    async def __aenter__(self) -> Self:
        """Connect; a connection that is lost meanwhile, which aiomqtt waits for or forgets, is an error at once."""
        await super().__aenter__()
        if self._gone.is_set():
            raise _lost()
        return self

    async def publish_and_confirm(self, message: Message, properties: Properties | None) -> None:
        """Return when the broker has taken the message; aiomqtt itself takes any acknowledgement for consent.

        Raises:
            MessageRefused: it does not take this one.
        """
        qos, retain = min(message.qos, self.limits.qos), message.retain and self.limits.retains
        info = self._client.publish(message.topic, message.payload, qos, retain, properties)
        if info.rc != 0:
            raise aiomqtt.MqttCodeError(info.rc, "could not be written to")
        if not info.is_published():
            confirmation = asyncio.Event()
            with self._pending_call(info.mid, confirmation, self._pending_publishes):
                await confirmation.wait()
        if (code := self._refusals.pop(info.mid, None)) is not None:
            refusal = refusal_of(code)
            raise MessageRefused(
                f"refused a message for {message.topic} ({refusal.words}). {refusal.cure}".rstrip(), code
            )

    @property
    def is_lost(self) -> bool:
        """Whether the connection is no longer one."""
        return self._disconnected.done()

    async def heard(self, quiet_seconds: float) -> AsyncGenerator[aiomqtt.Message, None]:
        """The messages of the subscriptions, until for so long none comes."""
        while True:
            hearing = asyncio.ensure_future(self._queue.get())
            try:
                either: list[asyncio.Future[Any]] = [hearing, self._disconnected]
                await asyncio.wait(either, timeout=quiet_seconds, return_when="FIRST_COMPLETED")
                if not hearing.done():
                    return
                yield hearing.result()
            finally:
                hearing.cancel()

    async def lost(self) -> NoReturn:
        """Wait until the connection is lost."""
        await asyncio.wait([self._disconnected])
        raise BrokerAway(self.said(self._disconnected.exception()), self._farewell)

    def said(self, fault: BaseException | None) -> str:
        """What is wrong, as the end of a sentence that begins with the broker's address."""
        if isinstance(fault, MqttConnectError) and self.code_of(fault) == UNSUPPORTED_VERSION:
            return 'speaks another version of MQTT: set "protocol" in the table mqtt ("5" or "3.1.1")'
        if isinstance(fault, MqttConnectError):
            return f"refuses this user or client ({fault.rc if isinstance(fault.rc, ReasonCode) else fault})"
        if self._farewell == TAKEN_OVER:
            return (
                f'closed the connection: another client came with the same id, "{self.identifier}". '
                "Do two daemons have the same site and instance? Give each its own instance."
            )
        if self._farewell is not None:
            return f"closed the connection ({refusal_of(self._farewell).words})"
        if fault is None or isinstance(fault, aiomqtt.MqttCodeError):
            return "closed the connection"
        if str(fault) == _SILENT:
            return (
                "took the connection but does not answer as an MQTT broker; one that knows only MQTT 3.1.1 needs "
                'protocol = "3.1.1"'
            )
        return f"cannot be reached ({fault})"

    def may_speak_another(self, fault: BaseException) -> bool:
        """Whether a connection failed as one does at a broker of another version: it says so, hangs up or is silent."""
        if isinstance(fault, MqttConnectError):
            return self.code_of(fault) == UNSUPPORTED_VERSION
        if self._farewell is not None:
            return False
        return isinstance(fault, aiomqtt.MqttCodeError) or str(fault) == _SILENT

    def code_of(self, fault: BaseException) -> int | None:
        """MQTT 5's reason code, where the broker gave one with what ended, or refused, the connection."""
        if isinstance(fault, MqttConnectError) and isinstance(fault.rc, ReasonCode):
            return int(fault.rc.value)
        return self._farewell

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
            raise aiomqtt.MqttError(_SILENT)
        return waiting.result()

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        # aiomqtt defers this to the loop's next turn even from the loop's own thread; by then the socket may be closed,
        # and its number another file's.
        if threading.get_ident() != self._thread:
            super()._on_socket_register_write(client, userdata, sock)
        elif sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: Any) -> None:
        try:
            client.loop_write()
        except Exception as fault:  # the border to the connection: whatever breaks it ends it
            if not self._disconnected.done():
                self._disconnected.set_exception(fault)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        self.limits = BrokerLimits.of(properties)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_acknowledgement(self, cmd: Any) -> Any:
        # The standard has no PUBACK with "packet too large", Mosquitto sends it all the same, and paho gives up the
        # connection over a code that it does not expect: it is shown one that it knows.
        packet = self._client._in_packet["packet"]
        if cmd == "PUBACK" and len(packet) > 2 and packet[2] >= _FAILURE:
            self._refusals[int.from_bytes(packet[:2], "big")] = packet[2]
            packet[2] = _FAILURE
        return self._acknowledged(cmd)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        self._gone.set()
        if flags.is_disconnect_packet_from_server and reason_code.value in REFUSALS:
            self._farewell = int(reason_code.value)
        if not self._connected.done():
            self._connected.set_exception(_lost())
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done():
            self._disconnected.exception()  # asked for now: where aiomqtt forgets it, asyncio would complain in the log


def _lost() -> aiomqtt.MqttCodeError:
    return aiomqtt.MqttCodeError(MQTT_ERR_CONN_LOST)


def _password(settings: Mqtt) -> str | None:
    """Read at each connection: it may have been replaced, or not be there yet."""
    if settings.password_file is None:
        return None
    try:
        return read_secret(settings.password_file)
    except SecretUnreadable as fault:
        raise BrokerAway(f"the password file {fault}") from None


def _tls(settings: Mqtt) -> ssl.SSLContext | None:
    """Read at each connection, as the password is."""
    if settings.url.scheme != "mqtts":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ValueError) as fault:  # SSLError is an OSError, and a file that is no text a ValueError
        raise BrokerAway(f"the ca_file {settings.ca_file} cannot be used ({fault})") from None
