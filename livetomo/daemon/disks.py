"""Whether results and the catalog can be written: no job is begun where what it makes would have no place."""

import asyncio
import shutil
from pathlib import Path
from typing import Literal

from livetomo.config.configuration import Config
from livetomo.core.status import DiskState
from livetomo.core.tomogram import fixed_part
from livetomo.system.hung_calls import NoAnswer, within
from livetomo.system.writable import why_not_writable

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 10.0

Name = Literal["state", "output"]


class Disks:
    """The file systems that the daemon writes to, looked at again and again."""

    def __init__(self, config: Config) -> None:
        self._folders: dict[Name, Path] = {"state": config.state, "output": fixed_part(config.output)}
        self._min_free = config.min_free
        self.states: tuple[DiskState, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether jobs may be started."""
        return all(state.enough for state in self.states)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        self.states = tuple([await self._state(name, folder) for name, folder in self._folders.items()])

    async def _state(self, name: Name, folder: Path) -> DiskState:
        try:
            return await asyncio.to_thread(within, ANSWER_SECONDS, lambda: look_at(name, folder, self._min_free))
        except NoAnswer:
            return DiskState(name, 0, enough=False, message=f"{folder} does not answer. Does its mount hang?")


def look_at(name: Name, folder: Path, min_free: float) -> DiskState:
    """How `folder` is, which may still have to be made. A small file system needs but a tenth of it free."""
    if why := why_not_writable(folder):
        return DiskState(name, 0, enough=False, message=why)
    try:
        room = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists()))
    except OSError as fault:
        return DiskState(name, 0, enough=False, message=f"{folder} cannot be looked at ({fault.strerror}).")
    return DiskState(name, room.free, room.total > 0 and room.free >= min(min_free, room.total / 10))
