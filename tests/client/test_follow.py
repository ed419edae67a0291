"""`livetomo follow` as a lab runs it: a real broker, a real HTTP server, its own process, and all of them failing."""

import asyncio
import hashlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from livetomo.config.configuration import Mqtt
from livetomo.core.manifest import FileFacts
from livetomo.demo.daemon import embedded_broker
from livetomo.formats.star import read_loops
from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.payloads.retained import StatusPayload
from livetomo.publish.payloads.topics import Topics
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.server import Server, bind_tcp
from tests.servers import Mosquitto, free_port
from tests.web.site import SESSION, FakeDaemon, site

TOPICS = Topics("facility", "main")


class Facility:
    """A daemon without its science: catalog, publisher and web server are real."""

    def __init__(self, daemon: FakeDaemon, port: int, protocol: str = "5") -> None:
        self.daemon = daemon
        self.broker = f"mqtt://127.0.0.1:{port}"
        server = Server(create_app(site(daemon), AccessRules()), bind_tcp("127.0.0.1", 0))
        transport = MqttTransport(
            Mqtt.model_validate({"url": self.broker, "protocol": protocol}), "livetomo-facility-main"
        )
        self.publisher = Publisher(
            MessageSettings(TOPICS), daemon, transport, pause=lambda seconds: asyncio.sleep(0.05)
        )
        status = replace(daemon.state, url=f"http://127.0.0.1:{server.port}")
        self.publisher.retained.put(TOPICS.status, StatusPayload.of(status).payload())
        self.parts = [asyncio.create_task(part.run()) for part in (server, self.publisher)]

    async def close(self) -> None:
        for part in self.parts:
            part.cancel()
        await asyncio.wait(self.parts)

    async def makes(self, *names: str, picks: int = 2, false: float | None = None) -> None:
        for name in names:
            await self.daemon.arrive(name)
            await self.daemon.finish(picks=picks, false=false)

    @asynccontextmanager
    async def followed(
        self, output: Path, *more: str, python: str = sys.executable, seconds: float = 45
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        words = ["follow", "--broker", self.broker, "--feature", "ribosome", "--output", str(output), *more]
        process = await asyncio.create_subprocess_exec(
            *(python, "-P", "-m", "livetomo", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(seconds):
                yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


@pytest_asyncio.fixture
async def facility(mosquitto: Mosquitto, tmp_path: Path) -> AsyncIterator[Facility]:
    facility = Facility(FakeDaemon(tmp_path / "out"), mosquitto.port)
    yield facility
    await facility.close()


def collected(output: Path) -> dict[str, int]:
    names = read_loops(output / "krios1" / SESSION / "ribosome.star")["particles"]["rlnTomoName"]
    return {name: names.count(name) for name in names}


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


async def test_a_session_is_collected_while_it_runs(facility: Facility, tmp_path: Path) -> None:
    await facility.makes("TS_01")
    async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "3") as process:
        assert await line(process) == f"krios1/{SESSION}/TS_01: 2 picks (2 in 1 tomogram)\n"
        await facility.makes("TS_02", "TS_03", picks=5)
        said, complaints = await process.communicate()
        assert (process.returncode, complaints) == (0, b"")
        assert said.decode().endswith("TS_03: 5 picks (12 in 3 tomograms)\n")
    assert collected(tmp_path / "sta") == {"TS_01": 2, "TS_02": 5, "TS_03": 5}


async def test_a_killed_follower_goes_on_where_it_stopped(facility: Facility, tmp_path: Path) -> None:
    async with facility.followed(tmp_path / "sta", "--all") as process:
        await facility.makes("TS_01")
        await line(process)
        process.kill()
        await process.wait()
    await facility.makes("TS_02")
    async with facility.followed(tmp_path / "sta", "--tomograms", "2") as process:
        said, _ = await process.communicate()
    assert said.decode() == f"krios1/{SESSION}/TS_02: 2 picks (4 in 2 tomograms)\n"
    assert collected(tmp_path / "sta") == {"TS_01": 2, "TS_02": 2}


async def test_a_broker_without_memory_that_dies_costs_nothing(
    facility: Facility, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "4") as process:
        await facility.makes("TS_01")
        await line(process)
        await mosquitto.stop(how=signal.SIGKILL, forget=True)
        await facility.makes("TS_02")
        await mosquitto.start()
        await facility.makes("TS_03", "TS_04")
        await process.communicate()
        assert process.returncode == 0
    assert collected(tmp_path / "sta") == {f"TS_0{number}": 2 for number in range(1, 5)}


async def test_the_demo_broker_is_followed_too(tmp_path: Path) -> None:
    pytest.importorskip("amqtt.broker")
    port = free_port()
    async with embedded_broker(port):
        facility = Facility(FakeDaemon(tmp_path / "out"), port, protocol="3.1.1")
        facility.publisher.retained.put(TOPICS.summary("krios1", SESSION), b"{}")
        await facility.makes("TS_01")
        async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "2") as process:
            await line(process)
            await facility.makes("TS_02")
            await process.communicate()
        assert collected(tmp_path / "sta") == {"TS_01": 2, "TS_02": 2}
        await facility.close()


async def test_a_new_revision_replaces_the_old_one_and_a_command_sees_it(facility: Facility, tmp_path: Path) -> None:
    count = f"{sys.executable} -c \"import sys; print(open(sys.argv[1]).read().count(chr(10) + 'TS_'))\" {{star}}"
    await facility.makes("TS_01", picks=3)
    await facility.daemon.arrive("TS_01", digest="1")
    await facility.daemon.finish(picks=7)
    async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "2", "--run", count) as process:
        while "7 picks" not in await line(process):
            assert process.returncode is None
        await facility.makes("TS_02", picks=1)
        await process.communicate()
    assert collected(tmp_path / "sta") == {"TS_01": 7, "TS_02": 1}
    logs = sorted((tmp_path / "sta" / "krios1" / SESSION / "runs").glob("*/log.txt"))
    assert texts(logs)[-1] == "8\n"


async def test_a_follower_takes_picks_up_to_a_share_of_false_ones(facility: Facility, tmp_path: Path) -> None:
    await facility.makes("TS_01", picks=10, false=0.2)
    await facility.makes("TS_02")
    share = ("--all", "--tomograms", "2", "--false-share", "0.1")
    async with facility.followed(tmp_path / "sta", *share) as process:
        said, complaints = await process.communicate()
    assert process.returncode == 0
    assert f"{SESSION}/TS_01: 5 picks, about 0 of them false (5 in 1 tomogram)" in said.decode()
    assert b"TS_02: no pick is taken, since its share of false picks is not known" in complaints
    assert collected(tmp_path / "sta") == {"TS_01": 5}
    async with facility.followed(tmp_path / "other", "--false-share", "0.1", "--format", "relion5") as process:
        _, complaints = await process.communicate()
    assert process.returncode == 2
    assert b"give it, or --false-share and --threshold" in complaints


async def test_a_follower_takes_picks_from_a_score_on(facility: Facility, tmp_path: Path) -> None:
    await facility.makes("TS_01", picks=3)
    async with facility.followed(tmp_path / "a", "--all", "--tomograms", "1", "--threshold", "0.9") as process:
        await process.communicate()
    async with facility.followed(tmp_path / "b", "--all", "--tomograms", "1", "--threshold", "0.91") as process:
        said, _ = await process.communicate()
    assert said.decode() == f"krios1/{SESSION}/TS_01: 0 picks (0 in 1 tomogram)\n"
    assert (collected(tmp_path / "a"), collected(tmp_path / "b")) == ({"TS_01": 3}, {})
    async with facility.followed(tmp_path / "b", "--threshold", "0.5") as process:
        _, complaints = await process.communicate()
    assert process.returncode == 2
    assert b"collects --feature ribosome --threshold 0.91 --verdict warn, and this would be another" in complaints


async def test_the_end_of_a_session_runs_the_command_on_what_it_has_not_seen(
    facility: Facility, tmp_path: Path
) -> None:
    """A session is over six hours after its last tomogram, as the daemon's API says."""
    await facility.makes("TS_01", "TS_02")
    count = f"{sys.executable} -c \"import sys; print(open(sys.argv[1]).read().count(chr(10) + 'TS_'))\" {{star}}"
    options = ("--all", "--every-tomograms", "100", "--run", count)
    runs = tmp_path / "sta" / "krios1" / SESSION / "runs"
    async with facility.followed(tmp_path / "sta", *options) as process:
        await line(process)
        await line(process)
        await asyncio.sleep(4)
        assert not runs.exists(), "it is live"
    facility.daemon.catalog.db.execute("UPDATE revisions SET settled_at = settled_at - 7 * 3600")
    async with facility.followed(tmp_path / "sta", *options):
        async with asyncio.timeout(20):
            while texts(sorted(runs.glob("*/log.txt"))) != ["4\n"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_a_name_that_the_daemon_does_not_know_is_said_with_those_that_it_knows(
    facility: Facility, tmp_path: Path
) -> None:
    await facility.makes("TS_01")
    wanted = {
        ("--session", "20261120_yest"): f'no session "20261120_yest" yet (the sessions so far are {SESSION})',
        ("--watch", "krios"): 'no watch "krios" yet (the watches so far are krios1)',
        ("--feature", "ribosom"): 'no feature "ribosom" yet (the features so far are ribosome)',
    }
    for number, (option, sentence) in enumerate(wanted.items()):
        async with facility.followed(tmp_path / str(number), "--all", *option) as process:
            assert process.stderr is not None
            said = (await process.stderr.readline()).decode()
        assert said == f"The daemon knows {sentence}. It is waited for: is the name right?\n"


async def test_published_files_are_fetched_in_the_format_that_is_asked_for(facility: Facility, tmp_path: Path) -> None:
    star = "data_particles\n"
    facts = FileFacts(len(star), hashlib.sha256(star.encode()).hexdigest())
    await facility.daemon.arrive("TS_01")
    await facility.daemon.finish(files={"picks/ribosome.relion5.star": facts})
    async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "1", "--format", "relion5") as process:
        _, complaints = await process.communicate()
        assert (process.returncode, complaints) == (0, b"")
    (file,) = (tmp_path / "sta" / "krios1" / SESSION / "tomograms").iterdir()
    assert (file.name, texts([file])) == ("TS_01.relion5.star", [star])
    dynamo = FileFacts(4, hashlib.sha256(b"1 2\n").hexdigest())
    await facility.daemon.arrive("TS_02")
    await facility.daemon.finish(files={"picks/ribosome.dynamo.tbl": dynamo})
    (facility.daemon.folder / SESSION / "TS_02" / "r1" / "picks" / "ribosome.dynamo.tbl").write_text("1 2\n")
    async with facility.followed(tmp_path / "other", "--all", "--tomograms", "1", "--format", "dynamo") as process:
        _, complaints = await process.communicate()
    assert process.returncode == 0
    assert b'TS_01 is left out: it is not published as "dynamo" (but as: relion5)' in complaints
    assert collected(tmp_path / "other") == {"TS_02": 231}


def texts(paths: list[Path]) -> list[str]:
    return [path.read_text() for path in paths]
