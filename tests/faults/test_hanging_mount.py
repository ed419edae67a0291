"""A mount that stops answering: nothing but its own tomograms waits for it, not even the daemon's end."""

import asyncio
import signal
import subprocess
import time
from pathlib import Path

import pytest

from livetomo.core.errors import Unreachable
from livetomo.system.control_socket import ask
from tests.faults.conftest import live
from tests.faults.test_running_for_months import status, until
from tests.servers import need
from tests.volumes import balls, write_tomogram


class Mount:
    """A folder seen through two FUSE file systems, one on top of the other.

    When the lower one is stopped, the upper one has taken a request and cannot answer it: what asked is in the
    kernel's uninterruptible sleep, where not even SIGKILL ends it, as with a hard NFS mount whose server is away. It
    has several threads, so that this is true of everybody and not only of who asked first.
    """

    def __init__(self, folder: Path, place: Path) -> None:
        self.below = folder / "server"
        self.place = place
        self._between = folder / "between"
        self._processes: list[subprocess.Popen[bytes]] = []

    def mount(self) -> None:
        program = need("bindfs", "bindfs")
        for source, place in ((self.below, self._between), (self._between, self.place)):
            source.mkdir(exist_ok=True)
            place.mkdir(parents=True)
            process = subprocess.Popen(
                [program, "-f", "--multithreaded", str(source), str(place)], stderr=subprocess.PIPE
            )
            self._processes.append(process)
            while not place.is_mount():
                time.sleep(0.01)
                if process.poll() is not None:
                    pytest.skip(f"no FUSE file system can be mounted here: {process.stderr.read().decode().strip()}")

    def hang(self, *, killable: bool = False) -> None:
        """Answer nobody any more; `killable`: without having taken a request, so that SIGKILL ends what asks."""
        self._processes[1 if killable else 0].send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGCONT)

    def unmount(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGCONT)
        for process, place in zip(reversed(self._processes), (self.place, self._between), strict=False):
            subprocess.run(["umount", "--lazy", str(place)], check=False)
            process.kill()
            process.wait()
            process.stderr.close()

    def land(self, name: str, seed: int) -> None:
        """A tomogram appears on the server, whether the mount answers or not."""
        folder = self.below / "tuesday"
        folder.mkdir(exist_ok=True)
        hidden = folder / f".{name}.part"
        write_tomogram(hidden, balls((16, 40, 40), ((8, 20, 20),), seed=seed))
        hidden.rename(folder / f"{name}.mrc")


@pytest.fixture
def mount_at(tmp_path):
    mounts = []

    def mount_at(place: Path) -> Mount:
        mounts.append(Mount(tmp_path, place))
        mounts[-1].mount()
        return mounts[-1]

    yield mount_at
    for one in mounts:
        one.unmount()


def waits_for_an_answer(pids: list[int]) -> bool:
    """Whether one of them is in the kernel, where it waits for a FUSE file system."""
    return any(Path(f"/proc/{pid}/wchan").read_text() == "request_wait_answer" for pid in pids)


async def hang_as_a_result_is_written(daemon, listener, mount: Mount) -> None:
    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    mount.hang(killable=True)
    daemon.land("TS_01")
    await until(lambda: waits_for_an_answer(daemon.children("livetomo.processing.worker_process")))


async def test_a_mount_that_hangs_holds_up_neither_the_other_watch_nor_the_end_of_the_daemon(
    tmp_path, mosquitto, listener, mount_at
):
    mount = mount_at(tmp_path / "glacios")
    async with live(tmp_path, mosquitto.port) as daemon:
        with daemon.configuration.open("a") as file:
            file.write(
                f'[[watch]]\nname = "glacios"\npath = "{mount.place}"\nrecipe = "untrained"\n'
                'settle = "200ms"\nrescan = "500ms"\n'
                'since = "all"\nanswer_time_limit = "10s"\n'
            )
        state = daemon.folder / "state"
        mount.land("TS_01", seed=1)
        await daemon.start()
        await listener.until(lambda heard: heard.words == ["online"])
        await asyncio.to_thread(ask, state, "/api/v1/actions/pause", method="POST", body={})
        mount.land("TS_02", seed=2)
        await listener.until(lambda heard: set(heard.states("waiting")) == {"TS_01", "TS_02"})
        await until(lambda: [worker["state"] for worker in status(daemon)["status"]["workers"]] == ["idle"])
        mount.hang()
        await asyncio.to_thread(ask, state, "/api/v1/actions/resume", method="POST", body={})
        await until(lambda: waits_for_an_answer(daemon.children("livetomo.processing.worker_process")))
        await until(lambda: waits_for_an_answer([daemon.child_of_watch("glacios")]))
        daemon.land("TS_03", seed=3)
        mount.land("TS_04", seed=4)
        await listener.until(lambda heard: heard.states("done") == ["TS_03"])
        with pytest.raises(Unreachable, match=r"glacios.*has not answered since"):
            await asyncio.to_thread(ask, state, "/readyz")
        assert await daemon.stop() == 0
        mount.answer()
        await daemon.start()
        await listener.until(lambda heard: len(heard.states("done")) == 4)
        assert listener.states("failed") == []
        assert {name: len(folders) for name, folders in daemon.results().items()} == {
            f"TS_0{n}": 1 for n in range(1, 5)
        }
        assert await daemon.stop() == 0
        assert daemon.leftovers() == []


async def test_stars_that_cannot_be_written_to_a_mount_that_hangs_do_not_hold_up_the_end_of_the_daemon(
    tmp_path, mosquitto, listener, mount_at
):
    particles = tmp_path / "out" / "krios1" / "monday" / "particles"
    mount = mount_at(particles)
    async with live(tmp_path, mosquitto.port) as daemon:
        await daemon.start()
        await listener.until(lambda heard: heard.words == ["online"])
        mount.hang()
        daemon.land("TS_01")
        await until(lambda: waits_for_an_answer(daemon.children("livetomo.daemon.session_exports")))
        await listener.until(lambda heard: heard.states("done") == ["TS_01"])
        assert await daemon.stop() == 0
        mount.answer()
        await daemon.start()
        await until((particles / "ribosome.star").exists)


async def test_a_result_that_cannot_be_written_to_a_mount_that_hangs_does_not_hold_up_the_end_of_the_daemon(
    tmp_path, mosquitto, listener, mount_at
):
    mount = mount_at(tmp_path / "out" / "krios1" / "monday" / "tomograms")
    async with live(tmp_path, mosquitto.port) as daemon:
        await hang_as_a_result_is_written(daemon, listener, mount)
        assert await daemon.stop() == 0
        mount.answer()
        await daemon.start()
        await listener.until(lambda heard: heard.states("done") == ["TS_01"])
        assert len(daemon.results()["TS_01"]) == 1
        assert daemon.leftovers() == []


async def test_a_daemon_starts_beside_an_output_that_hangs_and_works_when_it_answers(
    tmp_path, mosquitto, listener, mount_at
):
    mount = mount_at(tmp_path / "out" / "krios1" / "monday" / "tomograms")
    async with live(tmp_path, mosquitto.port) as daemon:
        await hang_as_a_result_is_written(daemon, listener, mount)
        await daemon.kill()
        await daemon.start()
        await until(lambda: [worker["state"] for worker in status(daemon)["status"]["workers"]] == ["starting"])
        assert await daemon.stop() == 0
        await daemon.start()
        await until(lambda: [worker["state"] for worker in status(daemon)["status"]["workers"]] == ["starting"])
        mount.answer()
        await listener.until(lambda heard: heard.states("done") == ["TS_01"])
        assert len(daemon.results()["TS_01"]) == 1
        assert daemon.leftovers() == []
