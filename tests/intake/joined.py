"""A watcher and a real catalog, joined by the messages that travel between their processes."""

import json
from collections.abc import Mapping
from typing import Any

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import FoundResult
from livetomo.config.recipe.recipe import load_recipe
from livetomo.intake.messages import arrival_from_json, arrival_to_json, known_from_json, known_messages, known_to_json
from livetomo.intake.settings import WatchSettings
from livetomo.intake.watcher import Watcher
from tests.catalog.conftest import manifest
from tests.intake.fakes import Clock, FakeTree


def travelled(message: Any) -> Any:
    """As JSON lines carry it."""
    return json.loads(json.dumps(message))


class Joined:
    """As a daemon: whatever the watcher offers is taken by the catalog, and a restart knows what the catalog knows."""

    def __init__(self, tree: FakeTree, clock: Clock, **settings: Any) -> None:
        self.tree = tree
        self.clock = clock
        self.settings = WatchSettings(**{"name": "krios1", "root": "/data", "since": "all", "settle": 20.0} | settings)
        self.catalog = Catalog(open_database(None), site="here", instance="main", now=lambda: 1.8e9 + clock.time)
        self.recipe = load_recipe("untrained")
        self.offers = 0
        self.said: list[tuple[str, str]] = []
        self.finished = 0
        self.restart()

    def restart(self) -> None:
        self._messages: list[Mapping[str, Any]] = []
        known = self.catalog.arrivals.known_files("krios1")
        self.watcher = Watcher(
            self.settings,
            self.tree,
            clock=self.clock,
            offer=lambda arrival: self._messages.append({"say": "arrival", "arrival": arrival_to_json(arrival)}),
            report_baseline=lambda files: self._messages.append({"say": "baseline", "files": known_to_json(files)}),
            report_left_alone=lambda files: self._messages.append({"say": "left_alone", "files": known_to_json(files)}),
            first_start=self.catalog.arrivals.is_first_start("krios1"),
            known=[file for message in known_messages(known) for file in known_from_json(travelled(message)["files"])],
        )

    def run(self, seconds: float, *, step: float = 5.0) -> None:
        """Let time pass, with everything that a watcher does in it."""
        end = self.clock() + seconds
        while True:
            for deed in (self.watcher.scan, self.watcher.look_around, self.watcher.look, self.watcher.report):
                deed()
                self._answer()
            if self.clock() >= end:
                return
            self.clock.advance(step)

    def _answer(self) -> None:
        messages, self._messages = self._messages, []
        for message in map(travelled, messages):
            match message["say"]:
                case "baseline":
                    self.catalog.arrivals.leave_alone("krios1", known_from_json(message["files"]))
                    self.watcher.baseline_is_taken()
                case "left_alone":
                    files = known_from_json(message["files"])
                    self.catalog.arrivals.leave_alone("krios1", files)
                    self.said += [(file.path, file.copy_of) for file in files]
                case "arrival":
                    self.offers += 1
                    arrival = arrival_from_json(message["arrival"])
                    self.catalog.arrivals.take(arrival, "untrained", self.recipe)
                    self.watcher.acknowledge(arrival.path)

    def process(self) -> list[FoundResult]:
        """Every waiting job is done; the results, as a rebuild finds them."""
        found = []
        while claim := self.catalog.jobs.claim("cpu", 60, ["krios1"]):
            written = manifest(claim, finished=f"2026-11-20T12:00:{self.finished:02d}Z")
            self.finished += 1
            folder = f"/results/{claim.tomogram.session}/{claim.tomogram.name}/r{claim.revision}"
            self.catalog.jobs.commit(claim.token, written, folder)
            found.append(FoundResult(written, folder, claim.path))
        return found

    def exported(self, session: str) -> list[str]:
        """The folders of what stands in the session's exports."""
        return sorted(self.catalog.views.standing_results("krios1", session))

    def jobs(self) -> list[tuple[str, int, str]]:
        """(session/name, revision, state), in the order in which they were made."""
        query = """SELECT session || '/' || name, number, state FROM jobs JOIN revisions ON revisions.id = revision
                   JOIN tomograms ON tomograms.id = tomogram ORDER BY jobs.id"""
        return self.catalog.db.execute(query).fetchall()
