"""A real daemon as its own process, a real Mosquitto, and a subscriber that remembers what it gets."""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from livetomo.results.folder import intact_manifest
from tests.faults.warm_children import warm_children
from tests.servers import Mosquitto
from tests.volumes import balls, write_tomogram

SHAPE = (16, 40, 40)


class Listener:
    """Everything that was published below a topic, by anybody, in order.

    Paho's own loop in a thread of its own connects again and again, through every death of the broker, whose session
    for it outlives these. (aiomqtt's client is made for one connection, and may wait for one that was lost meanwhile.)
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.messages: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self._events: dict[str, dict] = {}
        self._states: dict[str, list[str]] = {}
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        call = asyncio.get_running_loop().call_soon_threadsafe
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, "listener", protocol=paho.MQTTv5)
        client.reconnect_delay_set(0.05, 0.05)
        client.on_connect = lambda *_: client.subscribe("livetomo/#", qos=1)
        client.on_subscribe = lambda *_: call(self._ready.set)
        client.on_message = lambda _client, _data, message: call(self._hear, message.topic, message.payload)
        lasting = Properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 3600
        client.connect_async("127.0.0.1", port, keepalive=5, clean_start=False, properties=lasting)
        self._thread = threading.Thread(target=client.loop_forever, args=(1.0, True), daemon=True)

    async def start(self) -> None:
        """Return when nothing that is published from now on is missed."""
        self._thread.start()
        await self._ready.wait()

    async def close(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._thread.join, 10)

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/availability"):
            self.words.append(payload.decode())
        elif payload:
            self._take(topic, json.loads(payload))
        self._news.set()

    def _take(self, topic: str, reported: dict) -> None:
        self.messages.append((topic, reported))
        if "event_id" in reported and reported["event_id"] not in self._events:
            self._events[reported["event_id"]] = reported | {"topic": topic}
            if "state" in reported:
                self._states.setdefault(reported["state"], []).append(reported["tomogram"])

    async def until(self, what, seconds: float = 90) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not what(self):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            how = "connected" if self._client.is_connected() else "not connected"
            how = how if self._thread.is_alive() else "listening no more"
            raise AssertionError(f"not heard in {seconds} s; {how}; the last was {self.messages[-1:]}") from None

    def events(self, kind: str | None = None) -> dict[str, dict]:
        """Distinct events by their id, the first telling of each, in order."""
        return {
            event_id: event
            for event_id, event in self._events.items()
            if kind is None or event["schema"].split("/")[1] == kind
        }

    def results(self) -> list[str]:
        return [event["tomogram"] for event in self.events("result").values()]

    def states(self, state: str) -> list[str]:
        return list(self._states.get(state, ()))


class LiveDaemon:
    """`livetomo run` in its own process, killed and started again at will; its folders and its log stay."""

    def __init__(
        self,
        folder: Path,
        port: int | None,
        *,
        settle: str = "200ms",
        workers: int = 1,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self._environment = environment
        self.root = folder / "krios1"
        self.output = folder / "out"
        self.crash_file = folder / "crash"
        self.log = folder / "daemon.log"
        self._process: asyncio.subprocess.Process | None = None
        self.root.mkdir()
        devices = ", ".join(['"cpu"'] * workers)
        self.configuration = folder / "livetomo.toml"
        self.configuration.write_text(
            f'site = "here"\nstate = "state"\noutput = "out"\n'
            f'[[watch]]\nname = "krios1"\npath = "krios1"\nrecipe = "untrained"\n'
            f'settle = "{settle}"\nrescan = "500ms"\nsince = "all"\n'
            f'[workers]\ndevices = [{devices}]\n[http]\nlisten = "127.0.0.1:0"\n'
            + (f'[mqtt]\nurl = "mqtt://127.0.0.1:{port}"\nconnect_time_limit = "2s"\n' if port else "")
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(
        self,
        crash_at: str | None = None,
        environment: dict[str, str] | None = None,
        through: tuple[str, ...] = (),
    ) -> None:
        if crash_at:
            self.crash_file.write_text(crash_at)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*through, sys.executable, "-m", "livetomo", "run", str(self.configuration)),
                stderr=log,
                env={
                    **os.environ,
                    **self._environment,
                    "LIVETOMO_CRASH_FILE": str(self.crash_file),
                    **(environment or {}),
                },
            )

    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def children(self, word: str) -> list[int]:
        """The daemon's child processes with this word in their command line."""
        found = []
        for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            if word in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                found.append(int(pid))
        return found

    def child_of_watch(self, name: str) -> int:
        """The process that looks at this watch."""
        (found,) = set(self.children("livetomo.intake")) & set(self.children(name))
        return found

    async def kill(self) -> None:
        await self.stop(signal.SIGKILL)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def crashed(self, seconds: float = 60) -> None:
        """Return when the process that was to crash is about to; another process notices, so this one has to look."""
        async with asyncio.timeout(seconds):
            while await asyncio.to_thread(self.crash_file.exists):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def proc(self, name: str) -> str:
        """What the kernel says of the daemon."""
        return Path(f"/proc/{self.pid}/{name}").read_text()

    async def ended(self, seconds: float = 60) -> int:
        assert self._process is not None
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    def land(self, name: str, session: str = "monday", seed: int = 0, shape=SHAPE) -> Path:
        """A complete tomogram appears at once, as a rename makes it."""
        folder = self.root / session
        folder.mkdir(exist_ok=True)
        hidden = folder / f".{name}.part"
        write_tomogram(hidden, balls(shape, ((8, 20, 20),), seed=seed))
        return hidden.rename(folder / f"{name}.mrc")

    async def land_slowly(self, name: str, content: bytes, seconds: float, chunks: int = 20) -> Path:
        folder = self.root / "monday"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.mrc"
        with path.open("wb") as file:
            for part in np.array_split(np.frombuffer(content, np.uint8), chunks):
                file.write(part.tobytes())
                file.flush()
                await asyncio.sleep(seconds / chunks)
        return path

    def results(self) -> dict[str, list[Path]]:
        """Result folders by tomogram; every one of them whole."""
        found: dict[str, list[Path]] = {}
        for manifest in self.output.glob("*/*/tomograms/*/r*/result.json"):
            assert intact_manifest(manifest.parent) is not None, f"{manifest.parent} is not whole"
            found.setdefault(manifest.parents[1].name, []).append(manifest.parent)
        return found

    def leftovers(self) -> list[Path]:
        return list(self.output.rglob(".attempt-*"))

    async def no_process_is_left(self) -> None:
        """Nothing that this daemon, or one of those before it here, has started is still there."""
        for _ in range(100):
            if not (left := self._processes()):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"these processes are left: {left}")

    def _processes(self) -> list[int]:
        """Children, and children of children, inherit the environment, in which this folder is named."""
        mine = str(self.folder).encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):  # gone meanwhile
                if entry.name.isdigit() and mine in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def records(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@asynccontextmanager
async def live(folder: Path, port: int | None, **options):
    daemon = LiveDaemon(folder, port, **options)
    try:
        yield daemon
    finally:
        if daemon._process is not None:
            await daemon.stop(signal.SIGKILL)


@pytest.fixture
async def listener(mosquitto: Mosquitto):
    """Somebody who subscribed before anything happened."""
    one = Listener(mosquitto.port)
    await one.start()
    yield one
    await one.close()


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """The environment for daemons whose workers start in no time; LIVETOMO_WARM=0 has them start as they do in life."""
    if os.environ.get("LIVETOMO_WARM") == "0":
        yield {}
        return
    with warm_children(tmp_path_factory.mktemp("warm")) as environment:
        yield environment


@pytest.fixture
async def daemon(tmp_path: Path, mosquitto: Mosquitto, warm):
    """A daemon that is still to be started."""
    async with live(tmp_path, mosquitto.port, environment=warm) as one:
        yield one
