"""Follows a daemon's picks: collects them on disk, and runs a command whenever enough of them are new."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import KW_ONLY, dataclass

from livetomo.client.api import ApiClient
from livetomo.client.collected_session import CollectedSession
from livetomo.client.command import Command, Every
from livetomo.client.local_collection import Collection
from livetomo.client.pick_stream import PickStream
from livetomo.client.pickset import PickSet
from livetomo.client.runs import Due, Runs
from livetomo.client.tomogram_file import tomogram_file
from livetomo.client.trouble import Trouble, cause_of, patiently
from livetomo.client.unheard import unheard
from livetomo.core.errors import ApiAway, LivetomoError, NotAsPublished, the_one

log = logging.getLogger(__name__)

SAVE_SECONDS = 2.0
ASK_SECONDS = 60.0
# Of the time, at most one part in so many goes into saving, however much has been collected.
_SAVING_SHARE = 5


@dataclass(eq=False, repr=False)
class Follower:
    """One stream into one collection.

    command:   run when enough is new, by `every`; where there is no pick only if `run_empty`.
    tomograms: end when so many are collected; None: never.
    picked_beside: other features whose picks are asked for.
    on_change: called with every change.
    """

    stream: PickStream
    collection: Collection
    _: KW_ONLY
    command: Command | None = None
    every: Every | None = None
    run_empty: bool = False
    tomograms: int | None = None
    picked_beside: Sequence[str] = ()
    on_change: Callable[[PickSet, Collection], None] = lambda pickset, collection: None
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep

    def __post_init__(self) -> None:
        self._choice = self.collection.choice
        self._curate = self.stream.choose
        self.stream.choose = self._chosen
        self._disk = Trouble("Saving")
        self._save_again_at = 0.0
        self._last_set_at = 0.0
        self._over: set[tuple[str, str]] = set()
        self._runs: Runs | None = None
        if self.command is not None:
            due = Due(self.every or Every(), self.run_empty)
            self._runs = Runs(self.command, due, self._save_or_say, self.pause)

    @property
    def failed_runs(self) -> int:
        """How many runs of the command have failed."""
        return self._runs.failed if self._runs is not None else 0

    async def run(self) -> None:
        """Until enough are collected, and the command has seen all of them; or until cancelled."""
        for where, session in self.collection.sessions.items():
            self._look_at(where, session)
        try:
            if not self._is_enough():
                await self._collect()
            if self._runs is not None:
                await self._runs.finish()
            await patiently(self._save, self._disk, self.collection.folder, self.pause)
        finally:
            if self._runs is not None:
                await self._runs.cancel()
            self._save_or_say()

    async def _collect(self) -> None:
        """Take in one set after the other, while what is beside that goes on."""
        try:
            async with asyncio.TaskGroup() as beside:
                tasks = [beside.create_task(each) for each in (self._begin(), self._tick(), self._ask())]
                async with aclosing(self.stream.__aiter__()) as picksets:
                    async for pickset in picksets:
                        await self._take(pickset)
                        if self._is_enough():
                            break
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as faults:
            if (fault := the_one(LivetomoError, faults)) is not None:
                raise fault from None
            raise

    # What is beside the stream.

    async def _begin(self) -> None:
        """Save where it began as soon as that is known: it would begin later if it were killed before."""
        await self.stream.begun.wait()
        await patiently(self._save, self._disk, self.collection.folder, self.pause)

    async def _tick(self) -> None:
        """Save now and then; see whether the command is due by what has not just come."""
        while True:
            await self.pause(SAVE_SECONDS)
            if self.clock() >= self._save_again_at:
                self._save_or_say()
            if self._runs is not None:
                self._runs.check()
                at_rest = self.clock() - self._last_set_at >= SAVE_SECONDS
                for where, session in self.collection.sessions.items():
                    self._runs.look_at(where, session, at_rest=at_rest, is_over=where in self._over)

    async def _ask(self) -> None:
        """Say what nobody has heard of; then learn from time to time which sessions are over."""
        is_said = False
        while True:
            await self.stream.caught_up.wait()
            try:
                for sentence in [] if is_said else await unheard(self._choice, self._api(), self.picked_beside):
                    log.warning("%s", sentence)
                is_said = True
                sessions = await self._api().sessions()
                self._over = {(each["watch"], each["session"]) for each in sessions if each.get("live") is False}
            except ApiAway as fault:
                log.debug("%s", fault)  # the stream says so, where it lasts
            await self.pause(ASK_SECONDS)

    # One set.

    async def _chosen(self, pickset: PickSet, api: ApiClient) -> PickSet:
        """What is wanted of a set that was published: the strongest, and of these what rules of curation keep."""
        if self._choice.false_share is not None and pickset.rows and pickset.false_shares() is None:
            why = pickset.false_share_missing or "the recipe did not ask for it"
            log.warning("%s: no pick is taken, since its share of false picks is not known: %s", pickset.tomogram, why)
        return await self._curate(self._choice.of(pickset), api)

    async def _take(self, pickset: PickSet) -> None:
        try:
            kind = self._choice.format
            file = await tomogram_file(pickset, kind, self._api, self.pause) if kind is not None else None
        except NotAsPublished as fault:
            log.error("%s is left out: %s", pickset.tomogram, fault)
            return
        session = await patiently(
            lambda: self.collection.take(pickset, file), self._disk, self.collection.folder, self.pause
        )
        self._last_set_at = self.clock()
        if session is None and pickset.left_out:
            self.on_change(pickset, self.collection)
        if session is not None:
            # A particles file of a long session takes a while to write: not for each of a thousand sets at once.
            if self.clock() >= self._save_again_at:
                self._save_or_say()
            self.on_change(pickset, self.collection)
            self._look_at((pickset.watch, pickset.session), session)

    def _api(self) -> ApiClient:
        assert self.stream.api is not None
        return self.stream.api

    # What follows from it.

    def _is_enough(self) -> bool:
        return self.tomograms is not None and self.collection.tomograms >= self.tomograms

    def _look_at(self, where: tuple[str, str], session: CollectedSession) -> None:
        if self._runs is not None:
            self._runs.look_at(where, session)

    def _save(self) -> None:
        begun = self.clock()
        self.collection.save(self.stream.position, self.stream.epoch, self.stream.began)
        took = self.clock() - begun
        self._save_again_at = self.clock() + max(SAVE_SECONDS, _SAVING_SHARE * took)

    def _save_or_say(self) -> None:
        """Save; where there is no room, it is tried again at the next tick."""
        try:
            self._save()
        except OSError as fault:
            self._save_again_at = 0.0
            self._disk.say(cause_of(fault, self.collection.folder))
        else:
            self._disk.over()
