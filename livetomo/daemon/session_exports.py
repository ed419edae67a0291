"""Each session's stars, kept up to date with its results: derived, replaced whole, made by a process of their own.

That process reads on its standard input what to write: {"results": {folder: {"metadata": …, "verdict": …}},
"exclusions": […], "set_aside": […], "acquisition": {…}, "session": folder, "format": name}, and writes on its standard
output what it could not read: {"left_out": {tomogram: why}}. Tomograms whose verdict is bad, and what people or rules
have taken out, are in no star. Beside the stars it leaves `metadata.json`, what sidecars say by now, and
`session.json`, verdicts, exclusions and results that are not in force, for what is derived from the results later.
"""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from livetomo.catalog.catalog import CatalogThread
from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import LivetomoError, ResultUnreadable, SourceUnreadable
from livetomo.core.exclusion import Exclusion
from livetomo.core.json_object import JsonObject
from livetomo.core.problems import Problem
from livetomo.core.quality.metric import WORST_VERDICT
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import TomogramId, session_folder
from livetomo.daemon.export_problems import ExportProblems, Outcome
from livetomo.results.left_out import LeftOut
from livetomo.system.atomic_write import replace_text
from livetomo.system.end_child import end
from livetomo.system.parent_death import end_with_parent

FORMAT = "relion5"
WITHOUT = "left_out.txt"
"""Beside the stars: which tomograms and parts of them are not in them by choice, and why; a line each."""
NEEDED = "still_needed.txt"
"""Beside the stars: what a person has to say before RELION can use them; not there where nothing is needed."""
GATHER_SECONDS = 5.0
REST_FACTOR = 5.0
LONGEST_REST_SECONDS = 30.0
RETRY_SECONDS = 60.0
LEFT_OUT_RETRY_SECONDS = 600.0  # a damaged result is seldom put back
TIME_LIMIT_SECONDS = 600.0
LIVE_SECONDS = 7 * 86400.0
EVENTS_AT_A_TIME = 1000

log = logging.getLogger("livetomo.session_stars")


@dataclass(eq=False, repr=False)
class SessionStars:
    """Writes `<output>/<watch>/<session>/particles/` anew a while after results, or what is known of them, changed.

    acquisitions: how the configuration says that tilt series are taken, by the watches' names.
    """

    catalog: CatalogThread
    output: str
    _: KW_ONLY
    watches: Callable[[], Collection[str]]
    gather_seconds: float = GATHER_SECONDS
    may_write: Callable[[], bool] = lambda: True
    acquisitions: Mapping[str, Acquisition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._due: dict[tuple[str, str], float] = {}
        self._noted = asyncio.Event()
        self._problems = ExportProblems()

    def learned(self, tomogram: TomogramId) -> None:
        """What is known of a tomogram's tilt series has changed: its session's files are written anew."""
        self._due[tomogram.watch, tomogram.session] = 0.0
        self._noted.set()

    def problems(self) -> Iterator[Problem]:
        """Sessions of the configured watches whose files are not complete."""
        return self._problems.of(self.watches())

    async def run(self) -> None:
        """Until cancelled. At first all sessions of the last days are written: nothing records what was missed."""
        seq = await self.catalog(lambda catalog: catalog.event_log.last())
        live = await self.catalog(lambda catalog: catalog.sessions.live(LIVE_SECONDS))
        self._due |= dict.fromkeys(live, 0.0)
        while True:
            began = time.monotonic()
            self._noted.clear()
            # Where the output is away they stay due.
            ripe = [session for session, due in self._due.items() if due <= began] if self.may_write() else []
            for session in ripe:
                del self._due[session]
                outcome = await self._write(*session)
                self._report(session, outcome)
                if not outcome.is_whole:
                    again = RETRY_SECONDS if outcome.failure else LEFT_OUT_RETRY_SECONDS
                    self._due.setdefault(session, time.monotonic() + again)
            rest = max(self.gather_seconds, min(LONGEST_REST_SECONDS, REST_FACTOR * (time.monotonic() - began)))
            await self._wait_for_news(seq, self._until_due())
            await asyncio.sleep(rest)
            seq = await self._gather(seq)

    def _report(self, session: tuple[str, str], outcome: Outcome) -> None:
        """Say what is new about it."""
        if not self._problems.learn(session, outcome):
            return
        name = "/".join(session)
        if outcome.failure:
            log.warning(f"the stars of {name} could not be written, tried again later: {outcome.failure}")
        elif outcome.left_out:
            for tomogram, why in outcome.left_out.items():
                log.warning(f"the stars of {name} lack {tomogram}: {why}")
        else:
            log.info(f"the stars of {name} are complete again")

    def _until_due(self) -> float | None:
        """Seconds until the next session is to be tried again."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    async def _wait_for_news(self, seq: int, seconds: float | None) -> None:
        """Until an event comes, or something is learned, or the time is over."""
        waits = [asyncio.ensure_future(self.catalog.wait_beyond(seq)), asyncio.ensure_future(self._noted.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _gather(self, seq: int) -> int:
        """Note the sessions that something has happened to since event `seq`; the number of the last event."""
        while recorded := await self.catalog.events_after(seq, EVENTS_AT_A_TIME):
            for one in recorded:
                if one.event.kind in ("result", "retracted", "excluded", "readmitted"):
                    self._due[one.event.tomogram.watch, one.event.tomogram.session] = 0.0
            seq = recorded[-1].seq
        return seq

    async def _write(self, watch: str, session: str) -> Outcome:
        """Have the session's files written."""
        results = await self.catalog(lambda catalog: catalog.views.standing_results(watch, session))
        excluded = await self.catalog(lambda catalog: catalog.exclusions.of_session(watch, session))
        folder = session_folder(self.output, watch, session)
        order: dict[str, Any] = {"results": results, "session": str(folder), "format": FORMAT}
        order["exclusions"] = [each.to_json() for each in excluded]
        order["set_aside"] = await self.catalog(lambda catalog: catalog.reinstatements.set_aside(watch, session))
        order["acquisition"] = self.acquisitions.get(watch, Acquisition()).to_json()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "livetomo.daemon.session_exports"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        report = b""
        try:
            async with asyncio.timeout(TIME_LIMIT_SECONDS):
                report, said = await process.communicate(json.dumps(order).encode())
        except TimeoutError:
            said = f"not done within {TIME_LIMIT_SECONDS:g} s".encode()
            await end(process, reap_seconds=None)  # where this one hangs, the next would hang beside it
        finally:
            await end(process)
        if process.returncode != 0:
            why = said.decode(errors="replace").strip().splitlines()[-1:] or ["its process ended without a message"]
            return Outcome(failure=why[0].removesuffix("."))
        return Outcome(left_out=json.loads(report)["left_out"])


def write(order: dict[str, Any]) -> dict[str, Any]:
    """Write what `order` says: the files of every feature. A feature whose picks have all gone gets an empty file.

    A result that cannot be read costs its own tomogram only, which the report names.

    Raises:
        SourceUnreadable: the output is away.
    """
    from livetomo.formats.relion import OPTIMISATION_SET, Relion5Exporter
    from livetomo.results.folder import read_result
    from livetomo.results.session_facts import SessionFacts
    from livetomo.results.session_files import write_session
    from livetomo.results.session_picks import features, first_feature, read_picks, write_metadata

    session = Path(order["session"])
    output = session / "particles"
    left_out: list[LeftOut] = []
    results = []
    _must_be_there(order["results"])
    verdicts = {}
    for folder, known in order["results"].items():
        try:
            result = read_result(Path(folder), SidecarFacts.from_json(known["metadata"]))
        except ResultUnreadable as fault:
            left_out.append(LeftOut(fault.path.parent.name, fault))
            continue
        results.append(result)
        verdicts[result.manifest.result_id] = known["verdict"]
    exclusions = [Exclusion.from_json(JsonObject(each)) for each in order["exclusions"]]
    said = Acquisition.from_json(order.get("acquisition", {}))
    facts = SessionFacts(verdicts, exclusions, order.get("set_aside", ()), said)
    _must_be_there(order["results"])  # it may have gone meanwhile
    results.sort(key=lambda result: result.manifest.tomogram.name)
    write_metadata(results, session)
    facts.write(session)
    without: list[str] = []
    chosen = facts.chosen(results, WORST_VERDICT, lambda name, why: without.append(f"{name}: {why}\n"))
    _write_lines(output / WITHOUT, without)
    sets = f"_{OPTIMISATION_SET}"
    before = {path.name.removesuffix(sets) for path in output.glob(f"*{sets}")}
    every = sorted(before | set(features(results)))
    first = first_feature(results) or next(iter(every), None)
    for feature in every:
        # everywhere: all features share one list of the session's tomograms
        picks = read_picks(chosen, feature, everywhere=True, facts=facts, leave_out=left_out.append)
        write_session(picks, feature, order["format"], output, is_first=feature == first, leave_out=left_out.append)
        if feature == first:
            _write_lines(output / NEEDED, [f"{sentence}\n" for sentence in Relion5Exporter().lacks(picks)])
    return {"left_out": {each.tomogram: str(each.fault) for each in left_out}}


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    """No file for no lines."""
    if lines:
        replace_text(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)


def _must_be_there(folders: Iterable[str]) -> None:
    """Where the folder of all results is away, none of them is damaged: what was written of them stays."""
    for place in {Path(folder).parents[1] for folder in folders}:
        try:
            list(place.iterdir())
        except OSError as fault:
            raise SourceUnreadable(place, fault.strerror or str(fault)) from None


if __name__ == "__main__":
    # What a killed daemon's child writes late would take the place of what the next daemon has written.
    end_with_parent(signal.SIGKILL)()
    try:
        print(json.dumps(write(json.load(sys.stdin))))
    except (LivetomoError, OSError) as fault:
        sys.exit(str(fault))
