"""When the command runs: one run at a time for each session, as soon as enough is new since the last."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from livetomo.client.collected_session import CollectedSession
from livetomo.client.command import Command, Every
from livetomo.client.run_folder import copy_of, still_running
from livetomo.client.trouble import RETRY_SECONDS, Trouble, patiently

log = logging.getLogger("livetomo.client.follow")

Where = tuple[str, str]
"""Watch and session."""


@dataclass(frozen=True, slots=True)
class Due:
    """When the command is due. `on_empty`: also where there is no pick."""

    every: Every
    on_empty: bool = False

    def is_due(self, session: CollectedSession, *, at_rest: bool, is_over: bool) -> bool:
        """Whether it is.

        at_rest: a while has passed, so that what was taken out is not about to be replaced.
        is_over: the session has ended, or the follower is about to: nothing more is waited for.
        """
        news = session.news
        if not news.tomograms or not (session.count or self.on_empty):
            return False
        return is_over or (at_rest and news.is_taken_out) or self.every.is_due(news.picks, news.tomograms)


class Runs:
    """The runs of all sessions. `failed`: how many have ended with another status than 0.

    on_end: called after each run, with what it has seen noted.
    """

    def __init__(
        self, command: Command, due: Due, on_end: Callable[[], None], pause: Callable[[float], Awaitable[object]]
    ) -> None:
        self.failed = 0
        self._command = command
        self._due = due
        self._on_end = on_end
        self._pause = pause
        self._sessions: dict[Where, CollectedSession] = {}
        self._tasks: dict[Where, asyncio.Task[None]] = {}
        self._looked_back: set[Where] = set()

    def look_at(self, where: Where, session: CollectedSession, *, at_rest: bool = False, is_over: bool = False) -> None:
        """Start a run if one is due and none is under way."""
        self._sessions[where] = session
        if where not in self._tasks and self._due.is_due(session, at_rest=at_rest, is_over=is_over):
            self._tasks[where] = asyncio.create_task(self._run(where, session))

    async def finish(self) -> None:
        """Let the command see what it has not seen yet."""
        for where, session in list(self._sessions.items()):
            while True:
                self.look_at(where, session, is_over=True)
                if where not in self._tasks:
                    break
                await self._tasks[where]

    def check(self) -> None:
        """Raise what a run has raised, which nobody else waits for."""
        for task in self._tasks.values():
            if task.done():
                task.result()

    async def cancel(self) -> None:
        """End what runs."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, where: Where, session: CollectedSession) -> None:
        status = await self._once(where, session)
        del self._tasks[where]
        self.failed += status != 0
        self._on_end()
        self.look_at(where, session)

    async def _once(self, where: Where, session: CollectedSession) -> int:
        watch, name = where
        await self._earlier_has_ended(where, session)
        trouble = Trouble(f"The command for {watch}/{name}")
        folder = await patiently(lambda: copy_of(session), trouble, session.folder, self._pause)
        given = session.now()
        folder = folder.absolute()  # the command runs there, and a path from here would lead it astray
        values = {
            "star": str(folder / session.star.name),
            "folder": str(folder),
            "picks": str(session.count),
            "tomograms": str(len(session.taken)),
            "session": name,
            "watch": watch,
        }
        status = await self._command.run(folder, values)
        session.was_given(given)
        return status

    async def _earlier_has_ended(self, where: Where, session: CollectedSession) -> None:
        """A command outlives a follower that is killed, and a session has one run at a time."""
        trouble = Trouble(f"The next run for {'/'.join(where)}")
        while where not in self._looked_back and (folder := still_running(session)) is not None:
            trouble.say(f"The command that an earlier follower has started still runs in {folder}")
            await self._pause(RETRY_SECONDS)
        trouble.over()
        self._looked_back.add(where)
