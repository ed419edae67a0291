"""Recorded events for tests, and a store in memory that holds them."""

import asyncio
from dataclasses import replace
from typing import Any

from livetomo.core.events import Event, Recorded, result_events
from livetomo.core.false_share import FalseShare
from livetomo.core.manifest import (
    FeaturePicks,
    FileFacts,
    Provenance,
    RecipeUsed,
    ResultManifest,
    SourceFile,
    VolumeFacts,
)
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import TomogramId

RECIPE_HASH = "ab" * 32
RESULT_ID = "00000000-0000-5000-8000-000000000001"


def manifest(
    name: str = "TS_01",
    *,
    picks: int = 3,
    false: float | None = None,
    missing: str = "",
    session: str = "20261120_yeast",
    **changes: Any,
) -> ResultManifest:
    """What the pipeline says of a result with `picks` ribosomes; `false`: the share of them expected to be false."""
    ribosomes = FeaturePicks(
        count=picks,
        candidates=4 * picks,
        threshold=0.5,
        columns=("x_angstrom", "y_angstrom", "z_angstrom", "score"),
        strongest=[[10.0 * n, 20.0 * n, 30.0, 0.9] for n in range(min(picks, 1000))],
        missing=missing,
    )
    if false is not None:
        ribosomes = replace(
            ribosomes,
            columns=(*ribosomes.columns, "false_share"),
            strongest=[[*row, round(false * n / picks, 6)] for n, row in enumerate(ribosomes.strongest, start=1)],
            false_share=FalseShare(false, false / 2, min(1, 2 * false), round(false * picks, 1), 2, "cellular"),
        )
    whole = ResultManifest(
        result_id=RESULT_ID,
        tomogram=TomogramId("krios1", session, name),
        revision=1,
        source=SourceFile(f"/data/krios1/{session}/{name}.mrc", 1024, 1, "00"),
        volume=VolumeFacts((64, 128, 128), 13.48, "header", (0.0, 0.0, 0.0), "xyz", 2),
        recipe=RecipeUsed("untrained", RECIPE_HASH, {}),
        provenance=Provenance("0.1.0", "3.11", "2", "cpu", "gpu1"),
        started="2026-11-20T10:00:00Z",
        finished="2026-11-20T10:00:07Z",
        seconds={"read": 0.4, "segment": 3.1},
        quality=named(
            Quality("contrast", 0.31, "", "good"), Quality("thickness", 2900.0, "Å", "warn", "thicker than 2,500 Å")
        ),
        verdict="warn",
        picks={"ribosome": ribosomes},
        files={
            "picks/ribosome.relion5.star": FileFacts(812, "cd" * 32),
            "preview/tile.png": FileFacts(40, "ef" * 32),
        },
    )
    return replace(whole, **changes)


def named(*figures: Quality) -> dict[str, Quality]:
    """Quality figures, as a manifest holds them."""
    return {figure.name: figure for figure in figures}


def event_log(*names: str, picks: int = 3) -> list[Event]:
    """The events of tomograms that go through without trouble."""
    events = []
    for name in names:
        who = (TomogramId("krios1", "20261120_yeast", name), 1, RECIPE_HASH)
        for state in ("waiting", "running"):
            events.append(Event("state", *who, f"{state}.1", {"state": state, "recipe": "untrained"}))
        events.extend(
            result_events(
                manifest(name, picks=picks), f"/data/livetomo/krios1/20261120_yeast/tomograms/{name}/r1-abababab"
            )
        )
        events.append(Event("state", *who, "done.1", {"state": "done", "recipe": "untrained", "seconds": 7.5}))
    return events


class MemoryStore:
    """Events and cursors, as the catalog keeps them."""

    def __init__(self, events: list[Event] | None = None) -> None:
        self.events: list[Recorded] = []
        self.cursors: dict[str, int] = {}
        self.moves: list[int] = []
        self._news = asyncio.Condition()
        for event in events or []:
            self._append(event)

    def _append(self, event: Event) -> None:
        seq = len(self.events) + 1
        time = f"2026-11-20T10:{seq // 60 % 60:02}:{seq % 60:02}Z"
        self.events.append(Recorded(seq, event.id("facility", "main"), time, event))

    async def append(self, *events: Event) -> None:
        async with self._news:
            for event in events:
                self._append(event)
            self._news.notify_all()

    async def events_after(self, seq: int, limit: int) -> list[Recorded]:
        return self.events[seq : seq + limit]

    async def cursor(self, consumer: str) -> int:
        return self.cursors.get(consumer, 0)

    async def move_cursor(self, consumer: str, seq: int) -> None:
        async with self._news:
            self.cursors[consumer] = seq
            self.moves.append(seq)
            self._news.notify_all()

    async def wait_beyond(self, seq: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: len(self.events) > seq)

    async def caught_up(self, consumer: str = "mqtt") -> None:
        async with self._news:
            await self._news.wait_for(lambda: self.cursors.get(consumer, 0) == len(self.events))
