"""Death at every place, again and again: after each recovery every tomogram has exactly one result, published once."""

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from livetomo.core.errors import Unreachable
from livetomo.system.control_socket import ask

KILLS = int(os.environ.get("LIVETOMO_KILLS", "60"))
MOST_SECONDS = float(os.environ.get("LIVETOMO_KILLS_FOR_SECONDS", "inf"))
POINTS = (
    *("arrived", "taken", "claimed", "moved", "committed", "acknowledged"),
    *("read", "denoise", "segment", "interact", "pick", "measure", "write", "made"),
)
VICTIMS = ("supervisor", "worker", "intake")
MOST_UNFINISHED = 8


class Sweep:
    """A daemon that is killed all the time while tomograms keep landing."""

    def __init__(self, daemon, listener, chance: random.Random) -> None:
        self.daemon = daemon
        self.listener = listener
        self.chance = chance
        self.landed: list[str] = []
        self.deaths: dict[str, int] = {}

    async def run(self, kills: int) -> None:
        await self.daemon.start()
        landing = asyncio.create_task(self._land())
        end = time.monotonic() + MOST_SECONDS
        for number in range(kills):
            if time.monotonic() > end:
                break
            if number % 100 == 0:
                print(f"\n{number} kills, {len(self.landed)} tomograms", end="", flush=True)
                await self._retry()
            await asyncio.sleep(self.chance.random() * 0.5)
            await (self._die_at_a_point() if self.chance.random() < 0.7 else self._kill_somebody())
            if not self.daemon.is_running():
                await self.daemon.start()
        landing.cancel()
        self.daemon.crash_file.unlink(missing_ok=True)
        await self._finish()

    async def _land(self) -> None:
        while True:
            over = set(self.listener.results()) | set(self.listener.states("failed"))
            if len(self.landed) - len(over) < MOST_UNFINISHED:
                self._land_one()
            await asyncio.sleep(0.05)

    def _land_one(self) -> None:
        self.landed.append(f"TS_{len(self.landed):04}")
        self.daemon.land(self.landed[-1], seed=len(self.landed))

    async def _die_at_a_point(self) -> None:
        point = self.chance.choice(POINTS)
        self.daemon.crash_file.write_text(point)
        if point in ("arrived", "taken"):
            self._land_one()
        with suppress(TimeoutError):
            await self.daemon.crashed(seconds=20)
            self._count(point)
        self.daemon.crash_file.unlink(missing_ok=True)
        if point in POINTS[:6]:
            with suppress(TimeoutError):
                await self.daemon.ended(seconds=2)

    async def _kill_somebody(self) -> None:
        victim = self.chance.choice(VICTIMS)
        self._count(victim)
        if victim == "supervisor":
            await self.daemon.kill()
        else:
            module = "livetomo.processing.worker_process" if victim == "worker" else "livetomo.intake"
            for pid in self.daemon.children(module):
                os.kill(pid, signal.SIGKILL)

    def _count(self, what: str) -> None:
        self.deaths[what] = self.deaths.get(what, 0) + 1

    async def _finish(self) -> None:
        async with asyncio.timeout(300 + len(self.landed)):
            while set(self.listener.results()) != set(self.landed):
                await self._retry()
                await asyncio.sleep(1)
        await self.listener.until(lambda heard: set(heard.states("done")) >= set(self.landed))

    async def _retry(self) -> None:
        """Whatever was interrupted five times in a row is failed, as promised; a person tries it again."""
        with suppress(Unreachable):
            await asyncio.to_thread(_retry, self.daemon.folder / "state")


def _retry(state: Path) -> None:
    failed = ask(state, "/api/v1/actions/failed", method="POST", body={})["failed"]
    assert {job["fault"]["reason"] for job in failed} <= {"daemon died", "worker died"}
    ask(state, "/api/v1/actions/retry", method="POST", body={"everything": True})


@pytest.mark.slow
@pytest.mark.timeout(KILLS * 10 + 400)
async def test_death_at_any_place_loses_nothing_and_repeats_nothing(daemon, listener):
    seed = int(os.environ.get("LIVETOMO_SEED", "1"))
    sweep = Sweep(daemon, listener, random.Random(seed))
    await sweep.run(KILLS)
    print(f"\n{sum(sweep.deaths.values())} deaths, {len(sweep.landed)} tomograms, seed {seed}: {sweep.deaths}")
    assert sorted(listener.results()) == sorted(sweep.landed)
    assert {name: len(folders) for name, folders in daemon.results().items()} == dict.fromkeys(sweep.landed, 1)
    numbers = [event["seq"] for event in listener.events().values()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert await daemon.stop() == 0
    assert daemon.leftovers() == []
    await daemon.no_process_is_left()
