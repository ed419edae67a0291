"""Many tomograms through one daemon: what it holds does not grow with what it has done."""

import os
import statistics
from pathlib import Path

import pytest

from tests.faults.conftest import live

TOMOGRAMS = int(os.environ.get("LIVETOMO_SOAK_TOMOGRAMS", "500"))
MOST_UNFINISHED = 30
SAMPLES = 40
GROWTH_MB = 3.0


def held(pid: int) -> dict[str, float]:
    """What a process holds: memory in MB, file descriptors, threads."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {
        "memory": int(status["VmRSS"].split()[0]) / 1000,
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(status["Threads"]),
    }


@pytest.mark.timeout(TOMOGRAMS * 3 + 300)
async def test_a_daemon_that_works_for_long_holds_no_more_than_at_its_beginning(tmp_path, mosquitto, listener):
    async with live(tmp_path, mosquitto.port, workers=2) as daemon:
        await daemon.start()
        samples: list[dict[str, float]] = []
        for number in range(TOMOGRAMS):
            daemon.land(f"TS_{number:05}", session=f"day_{number // 200}", seed=number, shape=(12, 32, 32))
            await listener.until(
                lambda heard, number=number: len(heard.states("done")) + MOST_UNFINISHED > number, seconds=120
            )
            if number % max(1, TOMOGRAMS // SAMPLES) == 0:
                samples.append(held(daemon.pid))
        await listener.until(lambda heard: len(heard.states("done")) == TOMOGRAMS, seconds=300)
        early, late = samples[len(samples) // 4 : len(samples) // 2], samples[-len(samples) // 4 :]
        # What is first done a while after the start costs once, and may fall into the earlier samples or before them.
        growth = {key: _middle(late, key) - max(sample[key] for sample in early) for key in early[0]}
        print("\nmemory, MB:", *(round(sample["memory"]) for sample in samples))
        print(f"{TOMOGRAMS} tomograms: from {samples[len(samples) // 4]} to {held(daemon.pid)}; growth {growth}")
        assert len(daemon.results()) == len(set(listener.results())) == TOMOGRAMS
        assert growth["memory"] < GROWTH_MB
        assert growth["descriptors"] <= 2
        assert growth["threads"] <= 2


def _middle(samples: list[dict[str, float]], key: str) -> float:
    return statistics.median(sample[key] for sample in samples)
