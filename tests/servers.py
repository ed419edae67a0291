"""Real servers for tests, on free ports: Mosquitto, and a wire to it that a test can cut; Prometheus; a browser.

A server that is not installed skips the test with the reason; with LIVETOMO_REQUIRE_ALL=1 it fails instead.
"""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio


def need(program: str, package: str) -> str:
    """The path of `program`, or the test ends here."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        reason = f"{program} is not installed (Debian: apt-get install {package})"
        if os.environ.get("LIVETOMO_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Mosquitto:
    """A real broker that can be stopped, started and made to forget."""

    def __init__(
        self, program: str, folder: Path, settings: str = "allow_anonymous true", address: str = "127.0.0.1"
    ) -> None:
        self.port = free_port()
        self._program = program
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} {address}\n{settings}\nuser root\npersistence true\n"
            f"persistence_location {folder}/\nlog_dest stderr\nlog_type all\n"
        )

    async def start(self) -> None:
        """Return when it listens."""
        self._process = await asyncio.create_subprocess_exec(
            self._program, "-c", str(self._config), stderr=asyncio.subprocess.PIPE
        )
        assert self._process.stderr is not None
        said = b""
        async with asyncio.timeout(10):
            while line := await self._process.stderr.readline():
                said += line
                if b"running" in line:
                    self._drain = asyncio.create_task(self._process.stderr.read())
                    return
        raise AssertionError(said.decode())

    async def stop(self, *, how: signal.Signals = signal.SIGTERM, forget: bool = False) -> None:
        """End it, softly by default; `forget`: it keeps nothing for its next start."""
        process = self._process
        if process is not None and process.returncode is None:
            ended = False
            while not ended:
                # Again and again: what comes between its word that it runs and its first look around, it forgets.
                with suppress(ProcessLookupError):
                    process.send_signal(how)
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await process.wait()
                        ended = True
            await self._drain
        if forget:
            (self._folder / "mosquitto.db").unlink(missing_ok=True)

    async def retained(self, topic: str) -> bytes | None:
        """What a subscriber that comes now is given for `topic`."""
        async with aiomqtt.Client("127.0.0.1", self.port) as client:
            await client.subscribe(topic, 1)
            await client.subscribe("$SYS/broker/version", 1)  # always retained, and so comes after what is asked for
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                return message.payload if str(message.topic) == topic else None
        raise AssertionError("the broker went away")


class Wire:
    """A TCP wire to a server that a test can cut or stuff."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stuff(self) -> None:
        """Let nothing through any more, without closing anything."""
        self._passing.clear()

    def unstuff(self) -> None:
        self._passing.set()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._tasks.add(asyncio.create_task(self._pass(source, sink)))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._passing.wait()
                sink.write(data)
                await sink.drain()
        sink.transport.abort()


@pytest.fixture
def chromium() -> str:
    """A real browser's program; `tests/browser/chromium.py` drives it."""
    return need("chromium", "chromium")


@pytest.fixture
def stopped_mosquitto(tmp_path: Path) -> Mosquitto:
    """A Mosquitto that anybody may use, still to be started."""
    return Mosquitto(need("mosquitto", "mosquitto"), tmp_path)


@pytest_asyncio.fixture
async def mosquitto(stopped_mosquitto: Mosquitto) -> AsyncIterator[Mosquitto]:
    """A running Mosquitto that anybody may use."""
    await stopped_mosquitto.start()
    yield stopped_mosquitto
    await stopped_mosquitto.stop(how=signal.SIGKILL)


class Prometheus:
    """A real Prometheus on a free port, run with a project's own files."""

    def __init__(self, program: str, config: Path, data: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._program = program
        self._config = config
        self._data = data

    async def start(self) -> None:
        """Return when it answers."""
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        said = b""
        async with asyncio.timeout(30):
            while line := await self._process.stderr.readline():
                said += line
                if b"Server is ready" in line:
                    self._drain = asyncio.create_task(self._process.stderr.read())
                    return
        raise AssertionError(said.decode())

    async def stop(self) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()
        await self._drain
