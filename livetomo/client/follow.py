"""Follows a daemon's picks: collects them on disk, and runs a command whenever enough of them are new."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import KW_ONLY, dataclass, field

from livetomo.client.command import Command, Every
from livetomo.client.local_collection import CollectedSession, Collection
from livetomo.client.pick_stream import PickStream
from livetomo.client.pickset import PickSet, RemoteFile
from livetomo.core.errors import ApiAway, ConfigurationError, NotAsPublished
from livetomo.core.naming import slug

log = logging.getLogger(__name__)

SAVE_SECONDS = 2.0
RETRY_SECONDS = 5.0


@dataclass
class _Work:
    """What a session's command has seen, and the run that is under way."""

    watch: str
    name: str
    session: CollectedSession
    seen: set[str] = field(default_factory=set)
    picks: int = 0
    task: asyncio.Task[int] | None = None

    @property
    def new_tomograms(self) -> int:
        return len({taken.event_id for taken in self.session.taken.values()} - self.seen)

    @property
    def new_picks(self) -> int:
        return sum(taken.count for taken in self.session.taken.values() if taken.event_id not in self.seen)


@dataclass(eq=False, repr=False)
class Follower:
    """One stream into one collection.

    kind:      an export format whose files are fetched for each tomogram; None: the particles file alone.
    false_share: take the strongest picks of each tomogram among which this share is expected to be false; None: all.
    tomograms: end when so many are collected; None: never.
    on_change: called with every change.
    """

    stream: PickStream
    collection: Collection
    _: KW_ONLY
    kind: str | None = None
    false_share: float | None = None
    command: Command | None = None
    every: Every | None = None
    tomograms: int | None = None
    on_change: Callable[[PickSet, Collection], None] = lambda pickset, collection: None
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep

    def __post_init__(self) -> None:
        self._every = self.every or Every()
        self._saved_at = -math.inf
        self._work: dict[tuple[str, str], _Work] = {}
        self.failed_runs = 0

    async def run(self) -> None:
        """Until enough are collected, and the command has seen all of them; or until cancelled."""
        for where, session in self.collection.sessions.items():
            self._look_at(where, session)
        try:
            if not self._is_enough():
                self._save()
                await self._collect()
            await self._finish()
        finally:
            self._save()
            for work in self._work.values():
                if work.task is not None:
                    work.task.cancel()
            await asyncio.gather(*(work.task for work in self._work.values() if work.task), return_exceptions=True)

    async def _collect(self) -> None:
        """Take in one set after the other; write at once where there is time, and now and then where there is none."""
        saving = asyncio.create_task(self._save_now_and_then())
        try:
            async with aclosing(self.stream.__aiter__()) as picksets:
                async for pickset in picksets:
                    await self._take(pickset)
                    if self._is_enough():
                        break
        finally:
            saving.cancel()
        self._save()

    async def _save_now_and_then(self) -> None:
        while True:
            await self.pause(SAVE_SECONDS)
            self._save()

    def _save(self) -> None:
        self.collection.save(self.stream.position, self.stream.epoch, self.stream.began)

    def _is_enough(self) -> bool:
        return self.tomograms is not None and self.collection.tomograms >= self.tomograms

    async def _take(self, pickset: PickSet) -> None:
        pickset = self._chosen(pickset)
        try:
            session = self.collection.take(pickset, await self._file(pickset))
        except NotAsPublished as fault:
            log.error("%s is left out: %s", pickset.tomogram, fault)
            return
        if session is None and pickset.left_out:
            self.on_change(pickset, self.collection)
        if session is not None:
            # A particles file of a long session takes a while to write: not for each of a thousand sets at once.
            if self.clock() - self._saved_at >= SAVE_SECONDS:
                self._save()
                self._saved_at = self.clock()
            self.on_change(pickset, self.collection)
            self._look_at((pickset.watch, pickset.session), session)

    def _chosen(self, pickset: PickSet) -> PickSet:
        """Those of its picks that are wanted."""
        if self.false_share is None or pickset.retracted:
            return pickset
        if pickset.rows and pickset.false_shares() is None:
            why = pickset.false_share_missing or "the recipe did not ask for it"
            log.warning("%s: no pick is taken, since its share of false picks is not known: %s", pickset.tomogram, why)
        return pickset.up_to_false_share(self.false_share)

    async def _file(self, pickset: PickSet) -> tuple[str, bytes] | None:
        if self.kind is None or pickset.retracted or pickset.left_out:
            return None
        if pickset.excluded:
            log.warning(
                "%s: a part of it is excluded, and its file in the format %s has all of it: it is not fetched",
                *(pickset.tomogram, self.kind),
            )
            return None
        file = pickset.files.get(self.kind)
        if file is None:
            known = ", ".join(sorted(pickset.files)) or "none"
            raise ConfigurationError(
                f'{pickset.tomogram} is not published as "{self.kind}" (but as: {known}). '
                "Add it to the formats in the table export of the recipe."
            )
        ending = file.name.rsplit(".", 1)[-1]
        return f"{slug(pickset.tomogram)}.{self.kind}.{ending}", await self._fetched(file)

    async def _fetched(self, file: RemoteFile) -> bytes:
        """The file, however long the daemon is away."""
        assert self.stream.api is not None
        complaint = ""
        while True:
            try:
                return await self.stream.api.fetch(file)
            except ApiAway as fault:
                if str(fault) != complaint:
                    log.warning("%s; it is tried again", fault)
                complaint = str(fault)
                await self.pause(RETRY_SECONDS)

    def _look_at(self, where: tuple[str, str], session: CollectedSession) -> None:
        """Start the command if enough is new and it is not running."""
        if self.command is None:
            return
        work = self._work.setdefault(where, _Work(*where, session))
        if work.task is None and self._every.is_due(work.new_picks, work.new_tomograms):
            work.seen = {taken.event_id for taken in session.taken.values()}
            work.task = asyncio.create_task(self.command.run(session, work.watch, work.name))
            work.task.add_done_callback(lambda task: self._ended(work, task))

    def _ended(self, work: _Work, task: "asyncio.Task[int]") -> None:
        if task.cancelled() or task.exception() is not None:
            return  # who awaits it gets the cancellation
        work.task = None
        self.failed_runs += task.result() != 0
        self._look_at((work.watch, work.name), work.session)

    async def _finish(self) -> None:
        """Let the command see what it has not seen yet."""
        for work in list(self._work.values()):
            while work.task is not None or work.new_tomograms:
                if work.task is None:
                    work.seen = {taken.event_id for taken in work.session.taken.values()}
                    assert self.command is not None
                    self.failed_runs += await self.command.run(work.session, work.watch, work.name) != 0
                else:
                    await work.task
                    await asyncio.sleep(0)  # its callback comes next
