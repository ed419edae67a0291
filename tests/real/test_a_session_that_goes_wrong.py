"""A session goes wrong before a daemon and a real Prometheus: the right alerts fire, and clear when it is mended."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from scipy.ndimage import gaussian_filter

from livetomo.simulate.microscope import Microscope, SimulatedReconstruction
from livetomo.simulate.session import AreTomo3Naming, Exposure
from tests.dashboards.test_dashboards import ROOT, hurry, queries, rules
from tests.faults.conftest import Listener, LiveDaemon, listener, live
from tests.servers import Prometheus, free_port, need
from tests.volumes import write_tomogram

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.environ.get("LIVETOMO_LONG") != "1", reason="takes minutes; make real runs it"),
]
__all__ = ["listener"]  # a fixture
VOXEL_ANGSTROM = 25.0
SHAPE = (72, 64, 64)
HOUR_SECONDS = int(os.environ.get("LIVETOMO_HOUR_SECONDS", "40"))  # more on a machine that is busy
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules" / "alerts.yml").read_text())["groups"]
# What the service's own alerts say (of a disk that others fill, say) is not the session's business.
ABOUT_SESSIONS = {rule["alert"] for group in RULES if group["name"] == "livetomo-session" for rule in group["rules"]}
TROUBLE = {"LivetomoTomogramsBad", "LivetomoIceThickens", "LivetomoAlignmentBroke", "LivetomoHalvesDisagree"}
CONSEQUENCES = {"LivetomoPicksFall", "LivetomoNoPicks"}  # of what is thick


def tomogram(seed: int, thickness_angstrom: float) -> SimulatedReconstruction:
    """A slab full of structure, and its halves with noise of their own."""
    chance = np.random.default_rng(seed)
    structure = gaussian_filter(chance.normal(0, 1, SHAPE), 1)
    z = (np.arange(SHAPE[0]) - SHAPE[0] / 2 + 0.5) * VOXEL_ANGSTROM
    inside = np.abs(z) < thickness_angstrom / 2
    signal = structure / structure.std() * inside[:, None, None]
    even, odd = (gaussian_filter(chance.normal(0, 3, SHAPE), 0.7) + signal for _ in range(2))
    return SimulatedReconstruction(*(part.astype(np.float32) for part in ((even + odd) / 2, even, odd)))


class Session:
    """A microscope whose next tomogram lands as soon as the last one is done."""

    def __init__(self, daemon: LiveDaemon, listener: Listener) -> None:
        self.number = 0
        self._folder = daemon.root / "monday"
        self._folder.mkdir()
        self._listener = listener

    async def takes(self, *, thickness: float = 700.0, axis: float = -95.0, black: bool = False) -> None:
        """One more tomogram, from its landing to its result."""
        self.number += 1
        name = f"Position_{self.number}"
        made = tomogram(self.number, thickness)
        for role, volume in {"": made.volume, "_EVN": made.even, "_ODD": made.odd * (not black)}.items():
            write_tomogram(self._folder / f"{name}{role}_Vol.mrc", volume, VOXEL_ANGSTROM)
        AreTomo3Naming().complete(self._folder, Exposure(name, VOXEL_ANGSTROM, Microscope(), made, halves=True))
        for path, aligned in (
            (f"{name}.aln", "  {:.4f}  1.00000"),
            ("TiltSeries_Metrics.csv", f"{SHAPE[0]:6d}, {{:.2f}},"),
        ):
            text = (self._folder / path).read_text()
            assert aligned.format(0) in text
            (self._folder / path).write_text(text.replace(aligned.format(0), aligned.format(axis)))
        await self._listener.until(lambda heard: len(heard.states("done")) == self.number, seconds=600)


@pytest.mark.timeout(1800)
async def test_the_right_alerts_fire_and_clear(tmp_path: Path, listener: Listener) -> None:
    async with live(tmp_path, listener._port, workers=2) as daemon:  # of one thread each
        place = f"127.0.0.1:{free_port()}"
        settings = daemon.configuration.read_text().replace("127.0.0.1:0", place)
        halves = 'producers = ["aretomo3"]\nhalves = "wait"\nsince = "all"'
        daemon.configuration.write_text(settings.replace('since = "all"', halves))
        await daemon.start()
        prometheus = Prometheus(
            need("prometheus", "prometheus"), files(tmp_path / "prometheus", place), tmp_path / "tsdb"
        )
        await prometheus.start()
        try:
            async with httpx.AsyncClient(base_url=prometheus.url) as client:
                await goes_wrong(Session(daemon, listener), client)
            words = [body["verdict"] for topic, body in listener.messages if topic.endswith("/krios1/monday/verdict")]
            assert (words[0], "bad" in words, words[-1]) == ("good", True, "good")
        finally:
            await prometheus.stop()


async def goes_wrong(session: Session, client: httpx.AsyncClient) -> None:
    seen: set[str] = set()

    async def ask(expr: str) -> list[object]:
        for variable, value in {"__range": "5m", "watch": ".*", "instance": ".*"}.items():
            expr = expr.replace(f"${variable}", value)
        answer = (await client.get("/api/v1/query", params={"query": expr})).json()
        assert answer["status"] == "success", (expr, answer)
        found: list[object] = answer["data"]["result"]
        return found

    async def firing() -> set[str]:
        answer = (await client.get("/api/v1/alerts")).json()["data"]["alerts"]
        names = {alert["labels"]["alertname"] for alert in answer if alert["state"] == "firing"}
        return names & ABOUT_SESSIONS

    async def go_on(until: Callable[[], Awaitable[bool]], most: int = 80, **trouble: float) -> int:
        for taken in range(most):
            if await until():
                return taken
            # Twenty tomograms an hour, or fewer: were most of them broken, the session would take that for usual.
            await asyncio.gather(session.takes(**trouble), asyncio.sleep(HOUR_SECONDS / 20))  # type: ignore[arg-type]
            seen.update(await firing())
            print(f"tomogram {session.number}: firing {sorted(await firing())}", flush=True)
        raise AssertionError(f"after {most} tomograms, of {sorted(TROUBLE)} there were {sorted(seen)}")

    async def is_known() -> bool:
        known = await ask(f"watch:livetomo_quality_thickness_meters:mean1h offset {HOUR_SECONDS}s > 0")
        return session.number >= 10 and bool(known)

    async def is_published() -> bool:
        return seen >= TROUBLE and bool(await ask('livetomo_session_verdict{verdict="bad"} == 1'))

    async def is_over() -> bool:
        return not await firing() and bool(await ask('livetomo_session_verdict{verdict="good"} == 1'))

    await go_on(is_known)
    assert seen == set()
    silent = {expr for _, expr in queries()} | {rule["record"] for rule in rules() if "record" in rule}
    for _ in range(60):  # a scrape that a busy machine missed leaves a gap of a second
        silent -= {expr for expr in silent if await ask(expr)}
        if not silent:
            break
        await asyncio.sleep(1)
    assert silent == set()
    await go_on(is_published, thickness=1300.0, axis=-80.0, black=True)
    assert seen - TROUBLE <= CONSEQUENCES
    (alert,) = {json.dumps(each) for each in await ask('livetomo_session_verdict{verdict="bad"} == 1')}
    assert "krios1" in alert
    await go_on(is_over)


def files(folder: Path, target: str) -> Path:
    """The project's own files, with a short hour; the daemon is the only target."""
    shutil.copytree(ROOT / "deploy" / "prometheus", folder)
    hurry(folder, HOUR_SECONDS)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "livetomo-token").touch()
    (folder / "targets" / "livetomo" / "livetomo.yml").write_text(yaml.safe_dump([{"targets": [target]}]))
    (folder / "targets" / "alertmanager" / "alertmanager.yml").unlink()
    return folder / "prometheus.yml"
