"""The real way to a broker: what it says when something is wrong, and that it leaves nothing behind."""

import asyncio
import logging
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway, MessageRefused
from livetomo.demo.daemon import embedded_broker
from livetomo.publish.mqtt.refusals import TAKEN_OVER
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import Message
from tests.servers import Mosquitto, free_port, need

WILL = Message("livetomo/facility/main/availability", b"offline", retain=True)
HAS_IPV6 = socket.has_ipv6 and bool(Path("/proc/net/if_inet6").read_text())
PING = Message("livetomo/facility/main/ping", b"{}")


def transport(port: int, **more: Any) -> MqttTransport:
    settings = {"url": f"mqtt://localhost:{port}", "connect_time_limit": 0.5} | more
    return MqttTransport(Mqtt.model_validate(settings), "livetomo-facility-main")


@asynccontextmanager
async def broker(tmp_path: Path, settings: str) -> AsyncIterator[Mosquitto]:
    running = Mosquitto(need("mosquitto", "mosquitto"), tmp_path, settings)
    await running.start()
    try:
        yield running
    finally:
        await running.stop(how=signal.SIGKILL)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_server_that_takes_connections_and_says_nothing_is_named_so_in_time() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(BrokerAway, match=r"does not answer as an MQTT broker"),
    ):
        async with asyncio.timeout(5), transport(mute.getsockname()[1]).connect(WILL):
            raise AssertionError("there is no broker")


async def test_nobody_there_is_said_with_the_address() -> None:
    port = free_port()
    with pytest.raises(BrokerAway, match=rf"localhost:{port} cannot be reached"):
        async with transport(port).connect(WILL):
            raise AssertionError("there is no broker")


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x20\x03\x00\x00\x00", b"\x20\x03\x00\x00\x00\xe0\x02\x8b\x00"],
    ids=["nothing", "consent", "consent and farewell"],
)
async def test_a_connection_that_is_lost_while_it_is_made_is_said_at_once(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(BrokerAway, match=r"closed the connection"):
            async with asyncio.timeout(10), transport(port, connect_time_limit=60).connect(WILL):
                raise AssertionError("there is no connection")


async def test_failed_connections_leave_no_file_descriptor_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        before = None
        for _ in range(4):
            with pytest.raises(BrokerAway):
                async with transport(mute.getsockname()[1], connect_time_limit=0.05).connect(WILL):
                    raise AssertionError("there is no broker")
            now = open_files()
            before = before or now
        assert now == before


async def test_a_wrong_password_and_a_forbidden_topic_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "mqtt")
    passwords, acl, secret = tmp_path / "passwords", tmp_path / "acl", tmp_path / "secret"
    run("mosquitto_passwd", "-b", "-c", str(passwords), "livetomo", "right")
    acl.write_text("user livetomo\ntopic readwrite livetomo/facility/#\n")
    async with broker(tmp_path, f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}") as running:
        user: dict[str, Any] = {"username": "livetomo", "password_file": secret}
        secret.write_text("wrong\n")
        with pytest.raises(BrokerAway, match=r"(?i)not authori[sz]ed"):
            async with transport(running.port, **user).connect(WILL):
                raise AssertionError("the password is wrong")
        secret.write_text("right\n")
        async with transport(running.port, **user).connect(WILL) as connection:
            await connection.publish(PING)
            with pytest.raises(MessageRefused, match=r"refused a message for livetomo/elsewhere/.*ACL"):
                await connection.publish(Message("livetomo/elsewhere/main/ping", b"{}"))


PASSWORDS = {
    "a blank at its end": (b"right \n", "right "),
    "a blank at its beginning": (b" right\n", " right"),
    "a byte order mark": (b"\xef\xbb\xbfright\n", "right"),
    "a byte order mark of Windows": ("\ufeffright\r\n".encode("utf-16-le"), "right"),
    "a line end of Windows": (b"right\r\n", "right"),
    "no line end": (b"right", "right"),
}


@pytest.mark.parametrize(("content", "password"), PASSWORDS.values(), ids=PASSWORDS)
async def test_a_password_is_what_stands_in_its_file_without_the_line_end(
    tmp_path: Path, content: bytes, password: str
) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    run("mosquitto_passwd", "-b", "-c", str(passwords), "livetomo", password)
    async with broker(tmp_path, f"allow_anonymous false\npassword_file {passwords}") as running:
        user: dict[str, Any] = {"username": "livetomo", "password_file": secret}
        secret.write_bytes(content)
        async with transport(running.port, **user).connect(WILL) as connection:
            await connection.publish(PING)


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 here")
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_broker_with_an_ipv6_address_in_brackets_is_reached(tmp_path: Path, protocol: str) -> None:
    running = Mosquitto(need("mosquitto", "mosquitto"), tmp_path, address="::1")
    await running.start()
    try:
        url = f"mqtt://[::1]:{running.port}"
        async with transport(running.port, url=url, protocol=protocol).connect(WILL) as connection:
            await connection.publish(PING)
    finally:
        await running.stop(how=signal.SIGKILL)


UNREACHABLE = {
    "a name that is not known yet": {"url": "mqtt://no-such-broker.invalid"},
    "a name that no resolver is asked for": {"url": f"mqtt://{'a' * 64}.example"},
    "no address yet": {"url": "mqtt://[2001:db8::1]:1883"},
    "no password file": {"username": "me", "password_file": "/nowhere/at/all"},
    "an empty password file": {"username": "me", "password_file": "/dev/null"},
    "no certificates": {"url": "mqtts://localhost", "ca_file": "/nowhere/at/all"},
    "empty certificates": {"url": "mqtts://localhost", "ca_file": "/dev/null"},
    "certificates that are a folder": {"url": "mqtts://localhost", "ca_file": "/"},
}


@pytest.mark.parametrize("trouble", UNREACHABLE.values(), ids=UNREACHABLE)
async def test_what_may_pass_is_a_broker_that_is_away(trouble: dict[str, Any]) -> None:
    with pytest.raises(BrokerAway):
        async with transport(1883, **trouble).connect(WILL):
            raise AssertionError("there is no broker")


async def test_a_password_that_is_not_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\x00\x81")
    with pytest.raises(BrokerAway, match="is not UTF-8 text"):
        async with transport(1883, username="me", password_file=tmp_path / "secret").connect(WILL):
            raise AssertionError("there is no broker")


async def test_secrets_and_certificates_are_read_again_at_each_connection(tmp_path: Path) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    run("mosquitto_passwd", "-b", "-c", str(passwords), "livetomo", "right")
    async with broker(tmp_path, f"allow_anonymous false\npassword_file {passwords}") as running:
        one = transport(running.port, username="livetomo", password_file=secret)
        for content in (None, "", "old"):
            if content is not None:
                secret.write_text(content)
            with pytest.raises(BrokerAway):
                async with one.connect(WILL):
                    raise AssertionError("it has no right password yet")
        secret.write_text("right\n")
        async with one.connect(WILL) as connection:
            await connection.publish(PING)


async def test_a_missing_password_file_is_waited_for_and_said(tmp_path: Path) -> None:
    with pytest.raises(BrokerAway, match=r"password file .*nowhere cannot be read \(No such file"):
        async with transport(1883, username="livetomo", password_file=tmp_path / "nowhere").connect(WILL):
            raise AssertionError("there is no password")


async def test_tls_is_verified_against_the_given_authority(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    openssl = need("openssl", "openssl")
    named = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    run(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *named, "-keyout", str(key), "-out", str(certificate))
    async with broker(tmp_path, f"certfile {certificate}\nkeyfile {key}\nallow_anonymous true") as running:
        secure = {"url": f"mqtts://localhost:{running.port}", "connect_time_limit": 3}
        async with transport(running.port, **secure, ca_file=certificate).connect(WILL) as connection:
            await connection.publish(PING)
        with pytest.raises(BrokerAway, match=r"(?i)certificate verify failed"):
            async with transport(running.port, **secure).connect(WILL):
                raise AssertionError("the certificate is unknown")


async def test_a_new_connection_of_the_same_daemon_ends_a_half_dead_one(mosquitto: Mosquitto) -> None:
    async with transport(mosquitto.port).connect(WILL) as first, transport(mosquitto.port).connect(WILL) as second:
        with pytest.raises(BrokerAway, match=r"closed the connection"):
            await first.lost()
        await second.publish(Message(WILL.topic, b"online", retain=True))
        assert await mosquitto.retained(WILL.topic) == b"online"


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"], ids=["3.1.1", "5"])
async def test_a_broker_of_another_version_is_reported_with_the_key_that_chooses_it(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        with pytest.raises(BrokerAway, match=r'speaks another version of MQTT: set "protocol"'):
            async with transport(server.sockets[0].getsockname()[1]).connect(WILL):
                raise AssertionError("it speaks another version")


async def test_a_farewell_is_reported_with_its_reason() -> None:
    """Mosquitto 2.0.11 does not send one for a takeover; newer ones and others do."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x03\x00\x00\x00")
        await asyncio.sleep(0.05)
        writer.write(b"\xe0\x01\x8e")
        await reader.read()
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        transport(server.sockets[0].getsockname()[1]).connect(WILL) as connection,
    ):
        said = r'another client came with the same id, "livetomo-facility-main". Do two daemons'
        with pytest.raises(BrokerAway, match=said) as fault:
            await connection.lost()
        assert fault.value.code == TAKEN_OVER


async def test_the_demo_broker_is_spoken_to_in_3_1_1() -> None:
    pytest.importorskip("amqtt.broker")
    port = free_port()
    async with (
        embedded_broker(port),
        transport(port, protocol="3.1.1", connect_time_limit=3).connect(WILL) as connection,
    ):
        await connection.publish(PING)
        await connection.publish(Message(WILL.topic, b"online", retain=True))
