"""A daemon's view made of a real catalog in memory and a status that a test can change."""

import asyncio
import io
import json
import random
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from prometheus_client import CollectorRegistry

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.queries import ResultView, SessionTotals, SessionView, TomogramView
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.average_summary import AverageSummary
from livetomo.core.events import Recorded
from livetomo.core.manifest import FileFacts, RecipeUsed
from livetomo.core.problems import Collector, Problem
from livetomo.core.state_problems import of_states
from livetomo.core.status import BrokerState, DiskState, Status, WatchState, WorkerState
from livetomo.core.tomogram import Arrival, Content, Fault, TomogramId
from livetomo.processing.pipeline.job_spec import result_id
from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.payloads.topics import Topics
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.web.app import Site
from tests.publish.event_logs import manifest

SESSION = "20261120_yeast"


def status() -> Status:
    now = datetime.now(UTC)
    return Status(
        site="facility",
        instance="main",
        version="0.1.0",
        time=now,
        started=now,
        watches=(WatchState("krios1", scanning=True, last_scan=now, scan_seconds=0.2, files=812, settling=2),),
        workers=(WorkerState("cpu", "idle"),),
        broker=BrokerState(configured=True, connected=True),
        disks=(DiskState("state", 10**11), DiskState("output", 10**13)),
    )


class FakeDaemon:
    """A view over a catalog in memory; `hangs` makes the catalog stop answering, `late` one question take seconds."""

    def __init__(self, folder: Path) -> None:
        self.catalog = Catalog(open_database(None), site="facility", instance="main")
        self.state = status()
        self.problems: list[Problem] = []
        self.averages: dict[str, AverageSummary] = {}
        self._collector = Collector()
        self.hangs = False
        self.late = 0.0
        self._answering = asyncio.Event()
        self.folder = folder
        self._news = asyncio.Condition()
        self._chance = random.Random(1)

    async def arrive(self, name: str, *, session: str = SESSION, fault: Fault | None = None, digest: str = "0") -> None:
        arrival = Arrival(
            TomogramId("krios1", session, name), f"{session}/{name}.mrc", Content(1, 1, digest), "generic", fault=fault
        )
        self.catalog.arrivals.take(arrival, "untrained", load_recipe("untrained"))
        await self._ring()

    async def begin(self) -> Any:
        claim = self.catalog.jobs.claim("cpu", 60, ["krios1"])
        assert claim is not None
        await self._ring()
        return claim

    async def finish(self, claim: Any = None, **more: Any) -> str:
        """Commit a result with pictures for the next job; returns its id."""
        claim = claim or await self.begin()
        who = claim.tomogram
        folder = self.folder / who.session / who.name / f"r{claim.revision}"
        files = dict(more.pop("files", manifest().files))
        for name, size in (("preview/tile.png", 256), ("preview/overlay.png", 900)):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(self._chance, size))
            files[name] = FileFacts(path.stat().st_size, "00" * 32)
        star = folder / "picks" / "ribosome.relion5.star"
        star.parent.mkdir(exist_ok=True)
        star.write_text("data_particles\n")
        of_the_job = {
            "result_id": result_id(who, claim.revision, claim.recipe_hash),
            "revision": claim.revision,
            "recipe": RecipeUsed(claim.recipe_name, claim.recipe_hash, claim.settings),
            "files": files,
        }
        written = manifest(who.name, picks=more.pop("picks", 231), session=who.session, **of_the_job | more)
        (folder / "result.json").write_text(json.dumps(written.to_json()))
        assert self.catalog.jobs.commit(claim.token, written, str(folder))
        await self._ring()
        return written.result_id

    async def _ring(self) -> None:
        self.state = replace(self.state, jobs=self.catalog.views.job_counts(), time=datetime.now(UTC))
        async with self._news:
            self._news.notify_all()

    def answer_again(self) -> None:
        self.hangs = False
        self._answering.set()

    async def _answers(self) -> None:
        while self.hangs:
            await self._answering.wait()

    async def status(self) -> Status:
        await self._answers()
        health = self.catalog.health.of_watches()
        watches = tuple(replace(watch, health=health.get(watch.name, watch.health)) for watch in self.state.watches)
        state = replace(self.state, watches=watches)
        problems = [*of_states(state), *self.problems]
        return replace(state, problems=self._collector.collect(problems, state.time))

    async def sessions(self, limit: int) -> list[SessionView]:
        return self.catalog.views.sessions(limit)

    async def totals(self, watch: str, session: str) -> SessionTotals:
        return replace(self.catalog.views.totals(watch, session), averages=self.averages)

    def average_folder(self, watch: str, session: str) -> Path:
        return self.folder / "average"

    async def tomograms(self, watch: str, session: str, limit: int, offset: int) -> list[TomogramView]:
        return self.catalog.views.tomograms(watch, session, limit, offset)

    async def tomogram(self, watch: str, session: str, name: str) -> TomogramView | None:
        return self.catalog.views.tomogram(watch, session, name)

    async def result(self, result_id: str) -> ResultView | None:
        return self.catalog.views.result(result_id)

    async def latest_result(self, watches: Collection[str], skip: int) -> str | None:
        return self.catalog.views.latest_result(watches, skip)

    async def last_seq(self) -> int:
        await self._answers()
        await asyncio.sleep(self.late)
        return self.catalog.event_log.last()

    async def numbering(self) -> tuple[str, int]:
        return self.catalog.event_log.epoch().id, self.catalog.event_log.last()

    async def events_after(self, seq: int, limit: int) -> list[Recorded]:
        return self.catalog.event_log.after(seq, limit)

    async def cursor(self, consumer: str) -> int:
        return self.catalog.event_log.cursor(consumer)

    async def move_cursor(self, consumer: str, seq: int) -> None:
        self.catalog.event_log.move_cursor(consumer, seq)

    async def wait_beyond(self, seq: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: self.catalog.event_log.last() > seq)


def site(daemon: FakeDaemon, **more: Any) -> Site:
    metrics = Metrics(CollectorRegistry(), watches=["krios1"], devices=["cpu"])
    return Site(daemon, MessageSettings(Topics("facility", "main")), metrics, **more)


def picture(chance: random.Random, size: int) -> bytes:
    """Something that looks like a slice from afar."""
    small = Image.effect_noise((size // 3, size // 4), 40).resize((size, size * 3 // 4), Image.Resampling.BICUBIC)
    image = small.convert("L").point(lambda level: min(255, int(level * 0.8 + 30)))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = chance.randrange(size), chance.randrange(size * 3 // 4)
        radius = size // 30
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=chance.randrange(20, 70))
    for _ in range(2):
        x, y, radius = chance.randrange(size), chance.randrange(size * 3 // 4), size // 5
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=50, width=max(2, size // 90))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
