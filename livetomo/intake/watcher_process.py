"""The loop of the watcher's process: the supervisor's words and the kernel's hints, between looks at the tree."""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from livetomo.core.tomogram import Arrival, KnownFile
from livetomo.intake.fs_events import HintKeeper
from livetomo.intake.messages import Report, arrival_to_json, known_from_json, known_to_json
from livetomo.intake.settings import WatchSettings
from livetomo.intake.settle import Rhythm
from livetomo.intake.tree import Tree
from livetomo.intake.watcher import Watcher
from livetomo.system.json_parent import Parent

HEARTBEAT_SECONDS = 1.0
LONGEST_PAUSE = 2.0


class Child:
    """Runs one watcher. `inbox` holds what the supervisor says; None ends it, "" only wakes it."""

    def __init__(self, supervisor: Parent, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.inbox: queue.SimpleQueue[dict[str, Any] | str | None] = queue.SimpleQueue()
        self._supervisor = supervisor
        self._clock = clock
        self._known: list[KnownFile] = []
        self._last_word = -1e9
        self._reported: Report | None = None
        self._ringing = threading.Event()

    def run(self) -> None:
        """Until the supervisor is gone."""
        while (message := self.inbox.get()) is not None:
            if not isinstance(message, dict):
                continue
            if message["do"] == "know":
                self._known += known_from_json(message["files"])
            elif message["do"] == "start":
                settings = WatchSettings.from_json(message["settings"])
                self._watch(settings, Tree(Path(settings.root)), first_start=message["first_start"])
                return

    def _watch(self, settings: WatchSettings, tree: Tree, *, first_start: bool) -> None:
        watcher = Watcher(
            settings,
            tree,
            clock=self._clock,
            offer=self._offer,
            report_baseline=self._report_baseline,
            report_left_alone=self._report_left_alone,
            alive=self._alive,
            first_start=first_start,
            known=self._known,
        )
        self._known = []
        rhythm = Rhythm(settings.settle, settings.rescan, self._clock)
        keeper = HintKeeper(
            Path(settings.root), settings.mode, wants=watcher.wants, ring=self._ring, folders=watcher.folders
        )
        overflows = 0
        self._alive()
        while True:
            self._scan(watcher, rhythm, keeper)
            self._ringing.clear()
            watcher.hints(keeper.hints.take())
            if keeper.hints.overflows() > overflows:
                overflows = keeper.hints.overflows()
                rhythm.scan_now()
            if rhythm.look_is_due():
                watcher.look()
                rhythm.looked()
            self._report(watcher.report(mode=keeper.hints.mode, overflows=overflows))
            if not self._obey(watcher, min(rhythm.pause(settling=watcher.is_settling), LONGEST_PAUSE)):
                return

    def _scan(self, watcher: Watcher, rhythm: Rhythm, keeper: HintKeeper) -> None:
        started = self._clock()
        if rhythm.scan_is_due():
            completed = watcher.scan()
            watcher.look_around()
            rhythm.scanned(self._clock() - started, completed=completed)
            if completed and not keeper.is_alive():
                # Only now: the first scan has shown that the tree answers. What came between is seen by another one.
                keeper.start()
                rhythm.scan_now()
        elif rhythm.hot_is_due():
            watcher.scan_hot()
            watcher.look_around()
            rhythm.scanned_hot(self._clock() - started)

    def _report(self, report: Report) -> None:
        if report != self._reported or self._clock() - self._last_word >= LONGEST_PAUSE:
            self._reported = report
            self._say({"say": "report", "report": report.to_json()})

    def _obey(self, watcher: Watcher, pause: float) -> bool:
        """Do what the supervisor says, waiting for it if there is time; False when it is gone."""
        for message in self._messages(pause):
            if message is None:
                return False
            if not isinstance(message, dict):
                continue
            match message["do"]:
                case "acknowledge":
                    watcher.acknowledge(message["path"])
                case "try_again":
                    watcher.try_again(message["path"])
                case "baseline_is_taken":
                    watcher.baseline_is_taken()
        return True

    def _messages(self, pause: float) -> Iterable[dict[str, Any] | str | None]:
        """Whatever is in the inbox; if that is nothing, the next one within `pause` seconds."""
        try:
            yield self.inbox.get(timeout=pause) if pause > 0 else self.inbox.get_nowait()
            while True:
                yield self.inbox.get_nowait()
        except queue.Empty:
            return

    def _offer(self, arrival: Arrival) -> None:
        self._say({"say": "arrival", "arrival": arrival_to_json(arrival)})

    def _report_baseline(self, files: list[KnownFile]) -> None:
        self._say({"say": "baseline", "files": known_to_json(files)})

    def _report_left_alone(self, files: list[KnownFile]) -> None:
        self._say({"say": "left_alone", "files": known_to_json(files)})

    def _alive(self) -> None:
        """Long work goes on: the supervisor takes silence for a mount that hangs."""
        if self._clock() - self._last_word >= HEARTBEAT_SECONDS:
            self._say({"say": "alive"})

    def _say(self, message: dict[str, Any]) -> None:
        self._last_word = self._clock()
        self._supervisor.send(message)

    def _ring(self) -> None:
        """There are hints. One ring is enough until they are taken."""
        if not self._ringing.is_set():
            self._ringing.set()
            self.inbox.put("")
