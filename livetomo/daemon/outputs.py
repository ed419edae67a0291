"""Whether the folders of results are the file systems that they were, and nobody else's; nothing is written before.

What each folder's mark was is remembered in `state`. An empty mount point has no mark, so that what is not mounted is
waited for, and nothing is written to the disk below it.
"""

import asyncio
import json
import logging
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from livetomo.catalog.database import CATALOG_NAME
from livetomo.config.configuration import Config
from livetomo.config.cross_checks import lies_in_a_watched_tree
from livetomo.core.errors import DiskFull, OutputBusy
from livetomo.core.naming import slug
from livetomo.core.problems import Problem
from livetomo.results.manifest import room_for
from livetomo.results.marks import (
    HEARTBEAT_SECONDS,
    MARKS,
    Record,
    holds_its_state,
    read_mark,
    read_record,
    record_path,
    records,
    this_machine,
    write_mark,
    write_record,
)
from livetomo.system.atomic_write import replace_text
from livetomo.system.hung_calls import apart
from livetomo.system.mounts import file_system

MEMORY_NAME = "folders.json"
LOOK_SECONDS = 5.0
ANSWER_SECONDS = 10.0
ASK_SECONDS = 2.0
# A daemon of another machine that has not written its record anew for this long is gone.
SILENT_SECONDS = 2.5 * HEARTBEAT_SECONDS

log = logging.getLogger("livetomo.outputs")


@dataclass(frozen=True, slots=True)
class Reached:
    """What the catalog knows by which folders are recognised: who it is, how far it is, where its last results lie."""

    catalog: str
    epoch: str
    seq: int
    event_id: str
    folders: tuple[str, ...] = ()


def places(output: str, watches: Sequence[str]) -> dict[Path, list[str]]:
    """The folders that hold results, as far as their paths do not depend on a session, with the watches of each."""
    found: dict[Path, list[str]] = {}
    for watch in watches:
        fixed = output.replace("{watch}", slug(watch)).partition("{")[0]
        whole = "{session}" not in output or fixed.endswith("/")
        found.setdefault(Path(fixed) if whole else Path(fixed).parent, []).append(watch)
    return found


class Outputs:
    """The folders of results of one daemon. `ready`: they are those that they were, and may be written to."""

    def __init__(
        self,
        config: Config,
        reached: Callable[[], Awaitable[Reached]],
        watches: Callable[[], Sequence[str]],
        *,
        clock: Callable[[], float] = time.monotonic,
        machine: str | None = None,
    ) -> None:
        self._config = config
        self._ask = reached
        self._watches = watches
        self._clock = clock
        self._machine = this_machine() if machine is None else machine
        self._memory = config.state / MEMORY_NAME
        self._run, self._last_run = uuid.uuid4().hex, self._recall().get("run")
        self._reached: Reached | None = None
        self._whys: dict[Path, str] = {}
        self._hanging: set[Path] = set()
        self._only_read: dict[Path, bool] = {}
        self._marks: dict[Path, str] = {}
        self._asking: dict[Path, asyncio.Task[str]] = {}
        self._catalog_file: tuple[int, int] | None = None
        self._state_why = ""
        self._signed: dict[Path, float] = {}
        self._lives: dict[Path, tuple[int, float]] = {}
        self._is_settled = asyncio.Event()
        self._was_ready = False

    @property
    def ready(self) -> bool:
        """Whether results may be written, as of the last look."""
        return self._is_settled.is_set()

    def problems(self) -> Iterator[Problem]:
        """Why nothing is written, as of the last look; a folder that hangs is a problem of `Disks`."""
        if said := " ".join(why for place, why in self._whys.items() if why and place not in self._hanging):
            yield Problem("folder", "output", "critical", said, blocks_ready=True)
        if self._state_why:
            yield Problem("folder", "state", "critical", self._state_why, blocks_ready=True)

    async def run(self) -> None:
        """Look again and again, until cancelled.

        Raises:
            OutputBusy: another daemon turns out to live there, before anything was written.
        """
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once; a folder that does not answer is not ready, nor is one while the catalog cannot be asked.

        Raises:
            OutputBusy: as `run`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                self._reached = await self._ask()
        self._look_at_state()
        if self._reached is None:
            return
        for place, watches in places(self._config.output, self._watches()).items():
            why = await self._look_at(place, watches, self._reached)
            if why and why != self._whys.get(place):
                log.error(why)
            self._whys[place] = why
        if any(self._whys.values()):
            self._is_settled.clear()
        else:
            self._was_ready = True
            self._is_settled.set()

    def _look_at_state(self) -> None:
        """Whether the catalog's file is the one that was opened: SQLite goes on with one that has no name any more."""
        path = self._config.state / CATALOG_NAME
        try:
            found = path.stat()
        except OSError:
            now = None
        else:
            now = (found.st_dev, found.st_ino)
        self._catalog_file = self._catalog_file or now
        why = ""
        if now != self._catalog_file:
            why = (
                f"{path} is not the catalog that this daemon works with: it was removed, replaced, or its file system "
                "is gone. What is recorded now may be lost. Stop livetomo and put it back, or livetomo restore FILE."
            )
        if why and not self._state_why:
            log.error(why)
        self._state_why = why

    async def _look_at(self, place: Path, watches: Sequence[str], reached: Reached) -> str:
        """As `why_not`; one that hangs is asked once, and not again before it has answered."""
        self._hanging.discard(place)
        if place not in self._asking:
            self._asking[place] = asyncio.create_task(apart(lambda: self.why_not(place, watches, reached)))
        await asyncio.wait([self._asking[place]], timeout=ANSWER_SECONDS)
        if self._asking[place].done():
            return self._asking.pop(place).result()
        self._hanging.add(place)
        return f"{place} does not answer. Does its mount hang?"

    async def wait_until_ready(self) -> None:
        """Return when results may be written."""
        await self._is_settled.wait()

    def mark_for(self, folder: Path) -> dict[str, str] | None:
        """The mark that a worker has to find before it writes `folder`, and where; asks nothing of any disk."""
        for place, mark in self._marks.items():
            if folder.is_relative_to(place):
                return {"place": str(place), "mark": mark}
        return None

    # One folder.

    def why_not(self, place: Path, watches: Sequence[str], reached: Reached) -> str:
        """Why nothing may be written to `place`, empty where it may; it is marked, and this daemon's record written.

        Raises:
            OutputBusy: another daemon lives there, and this one has not written anything yet.
        """
        try:
            if self._is_only_read(place):
                # It is only ever read, and so has no mark.
                return _why_results_are_away(place, reached)
            if why := self._why_another(place, reached):
                return why
            if other := self._somebody_else(place, watches, reached):
                return other
            self._sign(place, watches, reached)
        except (PermissionError, DiskFull):
            return ""  # who looks for room says so, and no job is begun
        except OSError as fault:
            return f"{place} cannot be used ({fault.strerror or fault}). Is it mounted?"
        return ""

    def _is_only_read(self, place: Path) -> bool:
        """Found out once: a watch that hangs later must not hold up the others."""
        if place not in self._only_read:
            self._only_read[place] = lies_in_a_watched_tree(place, self._config)
        return self._only_read[place]

    def _why_another(self, place: Path, reached: Reached) -> str:
        """Why it is not the file system that it was; where it is, or is new, it is marked and its mark remembered."""
        was, mark = self._recall().get("folders", {}).get(str(place), {}), read_mark(place)
        if mark is not None and mark == was.get("mark"):
            self._marks[place] = mark
            return ""
        here = _results_below(place, reached)
        is_known = bool(was) or (bool(here) and not self._memory.exists())
        if is_known and not any(Path(folder).is_dir() for folder in here):
            return (
                f"{_what_is_there(place, was.get('mount', ''))} Nothing is written there until it is back. If it was "
                f"replaced on purpose, stop livetomo, write {{}} into {self._memory}, and start again."
            )
        if was:
            log.warning(f"{place} has another mark than before, but holds the last results: it is taken as it is")
        if mark is None:
            mark = uuid.uuid4().hex
            write_mark(place, mark)
        self._marks[place] = mark
        facts = {"mark": mark, "mount": str(file_system(place))}
        self._remember("folders", self._recall().get("folders", {}) | {str(place): facts})
        return ""

    def _somebody_else(self, place: Path, watches: Sequence[str], reached: Reached) -> str:
        """Who else writes for these watches there, and may be alive."""
        for path, record in records(place):
            shared = sorted(set(map(slug, watches)) & set(map(slug, record.watches)))
            if not shared or self._is_mine(record):
                continue
            said = (
                f"{place} is in use by another livetomo daemon, {record}, for the watches {', '.join(shared)}. Stop "
                "that one, give the watches of one of them other names, or choose another output."
            )
            alive = self._lives_on(path, record)
            if alive and not self._was_ready:
                raise OutputBusy(said)
            if alive or alive is None:
                return said if alive else f"{said} It is watched for {SILENT_SECONDS:.0f} s whether it is alive."
        return ""

    def _is_mine(self, record: Record) -> bool:
        """Whether the record is this process's, or that of the last one with this state, whose lock is held now."""
        if record.run == self._run or (record.machine, record.state) == (self._machine, str(self._config.state)):
            return True
        return record.run == self._last_run and not self._signed and not holds_its_state(record)

    def _lives_on(self, path: Path, record: Record) -> bool | None:
        """Whether a daemon is alive; None as long as that is not known, for which its record is watched."""
        if (held := holds_its_state(record)) is not None:
            return held
        changed, now = path.stat().st_mtime_ns, self._clock()
        first, since = self._lives.setdefault(path, (changed, now))
        if changed != first:
            return True
        return None if now - since < SILENT_SECONDS else False

    def _sign(self, place: Path, watches: Sequence[str], reached: Reached) -> None:
        """Write this daemon's record, now and then."""
        if self._clock() - self._signed.get(place, -math.inf) < HEARTBEAT_SECONDS:
            return
        site, instance, state = self._config.site, self._config.instance, str(self._config.state)
        record = Record(site, instance, reached.catalog, self._run, self._machine, state, tuple(watches))
        with room_for(place):
            write_record(place, replace(record, epoch=reached.epoch, seq=reached.seq, event_id=reached.event_id))
        self._remember("run", self._run)
        # Until there is something to lose it is not known how far the catalog is, and soon looked at again.
        self._signed[place] = self._clock() if reached.seq else -math.inf

    # What is remembered.

    def _recall(self) -> Mapping[str, Any]:
        try:
            body = json.loads(self._memory.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}

    def _remember(self, key: str, value: object) -> None:
        recalled = self._recall()
        if recalled.get(key) != value:
            replace_text(self._memory, json.dumps({**recalled, key: value}, indent=1) + "\n")


def _what_is_there(place: Path, mount_then: str) -> str:
    """What is in place of the folder of results, whose file system was `mount_then` (empty: not known)."""
    now = str(file_system(place))
    moved = f" Its place is on {now} now, and was on {mount_then}." if mount_then not in ("", now) else ""
    if not place.exists():
        return f"{place} is gone, and results were written to it.{moved} Was it removed, or is something not mounted?"
    return (
        f"{place} is not the file system that results were written to: neither its mark nor the last results are "
        f"there.{moved or f' It is on {now}.'} Is something not mounted?"
    )


def _results_below(place: Path, reached: Reached) -> list[str]:
    return [folder for folder in reached.folders if Path(folder).is_relative_to(place)]


def _why_results_are_away(place: Path, reached: Reached) -> str:
    here = _results_below(place, reached)
    if not here or any(Path(folder).is_dir() for folder in here):
        return ""
    return f"{place} does not hold the last results. Is something not mounted? Nothing is written there until they are."


def newest_record(config: Config) -> Record | None:
    """The record that this daemon has left beside its results, by which its state and its catalog are known again."""
    paths = [
        record_path(place, config.site, config.instance)
        for place in places(config.output, [watch.name for watch in config.watch])
    ]
    found = [record for path in paths if (record := read_record(path)) is not None]
    return max(found, key=lambda record: record.seq, default=None)


def why_state_is_absent(config: Config, catalog: Path, record: Record | None) -> str:
    """Why this state is not the one that it was, where results say that there was a catalog in it; else empty."""
    if catalog.exists() or record is None or not record.seq or record.state != str(config.state):
        return ""
    return (
        f"{config.state} holds no catalog, but {config.output} holds results of one that was there. Is the file system "
        "of the state not mounted? It is waited for. If the catalog is lost, call livetomo restore FILE or livetomo "
        f"rebuild. To begin from nothing, remove the daemon's record below {config.output}, {MARKS}/*.json."
    )
