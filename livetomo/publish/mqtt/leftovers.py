"""What earlier runs have left retained at the broker, and nobody wants any more: looked for, and cleared."""

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.mqtt.transport import Connection
from livetomo.system.atomic_write import replace_text

log = logging.getLogger("livetomo.publish.leftovers")

MEMORY_NAME = "retained.json"
_NOTE_SECONDS = 30.0
_MOST_LOST_LOOKS = 3


class Leftovers:
    """Alerts and summaries of watches and sessions that are no more, and all that stands below a former name.

    The broker is asked what it retains. What was put before is known, too, from `memory`, a file in the state folder
    (`{root: [topic, …]}`): this user may not be allowed to read, and a former name is known from nowhere else. Below a
    root where another daemon is online nothing is touched.
    """

    def __init__(self, root: str, retained: Retained, memory: Path | None = None) -> None:
        self._root = root
        self._retained = retained
        self._memory = memory
        self._noted: dict[str, list[str]] | None = None
        self._lost_looks = 0

    async def run(self, connection: Connection) -> None:
        """Once it is known what should stand there, have the broker forget what is left; then keep the memory."""
        await self._retained.is_complete.wait()
        noted = await asyncio.to_thread(_read, self._memory) if self._noted is None else self._noted
        here = await self._look(connection, self._root)
        left = {topic for topic, payload in here.items() if _is_ours(payload)} | set(noted.get(self._root, ()))
        for topic in sorted(left - self._retained.wanted.keys()):
            if _comes_and_goes(topic, self._root):
                self._retained.clear(topic)
        former = [root for root in noted if root != self._root]
        kept = [root for root in former if await self._clear_former(connection, root, can_read=bool(here))]
        while True:
            await self._note({root: noted[root] for root in kept})
            await asyncio.sleep(_NOTE_SECONDS)

    async def _look(self, connection: Connection, root: str) -> Mapping[str, bytes]:
        """What the broker retains below `root`; a broker that hangs up over the question is not asked for ever."""
        if self._lost_looks >= _MOST_LOST_LOOKS:
            return {}
        self._lost_looks += 1
        places = [f"{root}/{place}" for place in ("availability", "status", "alerts/+", "+/+/summary")]
        found = await connection.retained(places)
        self._lost_looks = 0
        return found

    async def _clear_former(self, connection: Connection, root: str, *, can_read: bool) -> bool:
        """Whether something still stands below a name that this daemon had; it is cleared then."""
        there = await self._look(connection, root)
        if there.get(f"{root}/availability") == b"online":
            log.info("broker: below %s another daemon is online; what stands there is left alone", root)
            return False
        if not there and not can_read:
            log.warning("broker: it cannot be read what stands below the former name %s; clear it by hand", root)
        for topic in there:
            self._retained.clear(topic)
        return bool(there)

    async def _note(self, former: Mapping[str, list[str]]) -> None:
        here = sorted(topic for topic in self._retained.wanted if _comes_and_goes(topic, self._root))
        noted = {**former, self._root: here}
        if noted != self._noted and self._memory is not None:
            writing = asyncio.ensure_future(asyncio.to_thread(_write, self._memory, noted))
            try:
                await asyncio.shield(writing)
            finally:
                await writing  # who is stopped meanwhile leaves no late write that undoes what a successor notes
        self._noted = noted


def _comes_and_goes(topic: str, root: str) -> bool:
    """Whether it is an alert or a summary: these end, unlike the status."""
    inside = topic.removeprefix(f"{root}/").split("/")
    return inside[0] == "alerts" or inside[-1] == "summary"


def _is_ours(payload: bytes) -> bool:
    """Whether livetomo has written this alert or summary."""
    try:
        body = json.loads(payload)
    except ValueError:
        return False
    return isinstance(body, dict) and str(body.get("schema", "")).startswith(("livetomo/alert/", "livetomo/summary/"))


def _read(memory: Path | None) -> dict[str, list[str]]:
    """The memory; empty where there is none, or none that can be read: then the broker alone knows."""
    try:
        content = json.loads(memory.read_bytes()) if memory is not None else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {root: [each for each in topics if isinstance(each, str)] for root, topics in content.items()}


def _write(memory: Path, noted: Mapping[str, list[str]]) -> None:
    try:
        replace_text(memory, json.dumps(noted))
    except OSError as fault:
        log.warning("%s cannot be written (%s): it is tried again at the next connection", memory, fault.strerror)
