"""Each session's stars, kept up to date with its results: derived, replaced whole, made by a process of their own.

That process is told on its standard input what to write: {"results": {folder: metadata}, "session": folder, "format":
name}. Beside the stars it leaves `metadata.json`, what sidecars say by now, for whoever derives from the results later.
"""

import asyncio
import json
import logging
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from livetomo.catalog.catalog import CatalogThread
from livetomo.orphans import end_with_parent
from livetomo.tomogram import TomogramId, session_folder

FORMAT = "relion5"
GATHER_SECONDS = 5.0
REST_FACTOR = 5.0
LONGEST_REST_SECONDS = 30.0
LOOK_SECONDS = 60.0
TIME_LIMIT_SECONDS = 600.0
REAP_SECONDS = 5.0
LIVE_SECONDS = 7 * 86400.0
EVENTS_AT_A_TIME = 1000

log = logging.getLogger(__name__)


class SessionStars:
    """Writes `<output>/<watch>/<session>/particles/` anew a while after results, or what is known of them, changed."""

    def __init__(self, catalog: CatalogThread, output: str, *, gather_seconds: float = GATHER_SECONDS) -> None:
        self._catalog = catalog
        self._output = output
        self._gather_seconds = gather_seconds
        self._due: dict[tuple[str, str], None] = {}
        self._noted = asyncio.Event()

    def learned(self, tomogram: TomogramId) -> None:
        """What is told of a tomogram's tilt series is not what it was: its session's files are written anew."""
        self._due[tomogram.watch, tomogram.session] = None
        self._noted.set()

    async def run(self) -> None:
        """Until cancelled. At first all sessions of the last days are written: nothing tells what was missed."""
        seq = await self._catalog(lambda catalog: catalog.story.last())
        self._due |= dict.fromkeys(await self._catalog(lambda catalog: catalog.sessions.live(LIVE_SECONDS)))
        while True:
            began = time.monotonic()
            due, self._due = self._due, {}
            self._noted.clear()
            for session in due:
                if not await self._write(*session):
                    self._due[session] = None
            rest = max(self._gather_seconds, min(LONGEST_REST_SECONDS, REST_FACTOR * (time.monotonic() - began)))
            await self._wait_for_news(seq, LOOK_SECONDS if self._due else None)
            await asyncio.sleep(rest)
            seq = await self._gather(seq)

    async def _wait_for_news(self, seq: int, seconds: float | None) -> None:
        """Until an event comes, or something is learned, or the time is over."""
        waits = [asyncio.ensure_future(self._catalog.wait_beyond(seq)), asyncio.ensure_future(self._noted.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _gather(self, seq: int) -> int:
        """Note the sessions that something has happened to since event `seq`; the number of the last event."""
        while recorded := await self._catalog.events_after(seq, EVENTS_AT_A_TIME):
            for one in recorded:
                if one.event.kind in ("result", "retracted"):
                    self._due[one.event.tomogram.watch, one.event.tomogram.session] = None
            seq = recorded[-1].seq
        return seq

    async def _write(self, watch: str, session: str) -> bool:
        """Have the session's files written; whether that was possible."""
        results = await self._catalog(lambda catalog: catalog.views.standing_results(watch, session))
        folder = session_folder(self._output, watch, session)
        order = {"results": results, "session": str(folder), "format": FORMAT}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "livetomo.session_stars"),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(TIME_LIMIT_SECONDS):
                _, said = await process.communicate(json.dumps(order).encode())
        except TimeoutError:
            said = f"not done within {TIME_LIMIT_SECONDS:g} s".encode()
            process.kill()
            await process.wait()  # however long it takes: where this one hangs, the next would hang beside it
        finally:
            if process.returncode is None:
                process.kill()
                with suppress(TimeoutError):
                    async with asyncio.timeout(REAP_SECONDS):
                        await process.wait()
        if process.returncode != 0:
            why = said.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
            log.warning(f"the stars of {watch}/{session} could not be written, tried again later: {why[0]}")
        return process.returncode == 0


def write(order: dict[str, Any]) -> None:
    """Write what `order` says: the files of every feature. A feature whose picks have all gone gets an empty file."""
    from livetomo.formats.relion import OPTIMISATION_SET
    from livetomo.session_picks import (
        features,
        first_feature,
        read_picks,
        read_result,
        write_metadata,
        write_session,
    )

    session = Path(order["session"])
    output = session / "particles"
    results = [read_result(Path(folder), metadata) for folder, metadata in order["results"].items()]
    results.sort(key=lambda result: str(result.manifest["tomogram"]["name"]))
    write_metadata(results, session)
    sets = f"_{OPTIMISATION_SET}"
    before = {path.name.removesuffix(sets) for path in output.glob(f"*{sets}")}
    every = sorted(before | set(features(results)))
    first = first_feature(results) or next(iter(every), None)
    for feature in every:
        # everywhere: all features share one list of the session's tomograms
        picks = read_picks(results, feature, everywhere=True)
        write_session(picks, feature, order["format"], output, is_first=feature == first)


if __name__ == "__main__":
    # What a killed daemon's child writes late would take the place of what the next daemon has written.
    end_with_parent(signal.SIGKILL)()
    write(json.load(sys.stdin))
