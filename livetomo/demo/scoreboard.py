"""What was exposed, what was published, and how well the two agree."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from livetomo.evaluate.matching import Counts, count

FEATURE = "ribosome"
MATCH_RADIUS_ANGSTROM = 125.0
LEAST_RECALL = 0.5


@dataclass(slots=True)
class ScoreRow:
    """One tomogram, as it goes. Times are the scoreboard's clock's."""

    name: str
    state: str = "exposing"
    landed: float | None = None
    published: float | None = None
    truth: np.ndarray | None = None
    picks: np.ndarray | None = None
    publications: int = 0
    counts: Counts | None = None
    fault: str = ""

    @property
    def seconds(self) -> float | None:
        """From the last byte written to the picks received; None before both."""
        if self.landed is None or self.published is None:
            return None
        return max(0.0, self.published - self.landed)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "tomogram": self.name,
            "state": self.state,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "particles": None if self.truth is None else len(self.truth),
            "picks": None if self.picks is None else len(self.picks),
            "recall": None if self.counts is None else round(self.counts.recall, 4),
            "precision": None if self.counts is None else round(self.counts.precision, 4),
        }


@dataclass(slots=True)
class Scoreboard:
    """What the microscope, the daemon and the truth say of each tomogram; `say` gets a line about each step."""

    expected: int
    clock: Callable[[], float]
    say: Callable[[str], None]
    rows: dict[str, ScoreRow] = field(default_factory=dict)
    duplicates: int = 0
    _seen: set[str] = field(default_factory=set)

    def acquired(self, message: Mapping[str, Any]) -> None:
        """The microscope said this."""
        if "tomogram" not in message:
            return
        row = self._row(message["tomogram"])
        match message["state"]:
            case "exposing":
                self.say(f"{row.name}: being exposed")
            case "writing":
                row.state = f"writing {100 * message['share']:.0f} %"
            case "landed":
                row.state, row.landed = "landed", self.clock()
                row.truth = np.array(message["truth_xyz_angstrom"], np.float64).reshape(-1, 3)
                self.say(f"{row.name}: landed, {len(row.truth)} ribosomes in it")
                self._score(row)

    def received(self, payload: bytes) -> None:
        """The subscriber got this message; one that it knows already is counted and dropped."""
        try:
            body = json.loads(payload)
        except ValueError:  # availability is a bare word
            return
        if not isinstance(body, dict) or "event_id" not in body:
            return
        if body["event_id"] in self._seen:
            self.duplicates += 1
            return
        self._seen.add(body["event_id"])
        row = self._row(body["tomogram"])
        kind = body["schema"].split("/")[1]
        if kind == "picks" and body["feature"] == FEATURE:
            columns = [body["columns"].index(f"{axis}_angstrom") for axis in "xyz"]
            row.picks = np.array(body["picks"], np.float64).reshape(-1, len(body["columns"]))[:, columns]
            row.published, row.state = self.clock(), "published"
            row.publications += 1
            self._score(row)
        elif kind == "state" and body["state"] == "failed":
            row.state, row.fault = "failed", (body.get("fault") or {}).get("message", "")
            self.say(f"{row.name}: failed: {row.fault}")
        elif kind == "state" and body["state"] in ("waiting", "running") and row.publications == 0:
            row.state = body["state"]
            self.say(f"{row.name}: {row.state}")

    @property
    def complete(self) -> bool:
        """Whether nothing is left to wait for."""
        done = [row for row in self.rows.values() if row.counts is not None or row.state == "failed"]
        return len(done) >= self.expected

    def faults(self) -> Iterator[str]:
        """What should have happened and did not, a sentence each."""
        if len(self.rows) < self.expected:
            yield f"only {len(self.rows)} of {self.expected} tomograms were exposed"
        for row in self.rows.values():
            if row.state == "failed":
                yield f"{row.name} failed: {row.fault or 'see the log'}"
            elif row.counts is None:
                yield f"{row.name} was not published (it is {row.state})"
            elif row.counts.recall < LEAST_RECALL:
                yield f"{row.name}: only {row.counts.recall:.0%} of its ribosomes were found"
            if row.publications > 1:
                yield f"{row.name} was published {row.publications} times"
        if self.duplicates:
            yield f"{self.duplicates} messages came twice"

    def summary(self) -> dict[str, Any]:
        """For programs."""
        rows = [self.rows[name] for name in sorted(self.rows)]
        scored = [row.counts for row in rows if row.counts is not None]
        return {
            "tomograms": [row.to_json() for row in rows],
            "mean_recall": round(float(np.mean([counts.recall for counts in scored])), 4) if scored else None,
            "mean_precision": round(float(np.mean([counts.precision for counts in scored])), 4) if scored else None,
            "duplicates": self.duplicates,
            "faults": list(self.faults()),
        }

    def _row(self, name: str) -> ScoreRow:
        return self.rows.setdefault(name, ScoreRow(name))

    def _score(self, row: ScoreRow) -> None:
        if row.truth is None or row.picks is None:
            return
        row.state = "published"
        row.counts = count(row.picks, row.truth, MATCH_RADIUS_ANGSTROM)
        self.say(
            f"{row.name}: published {row.seconds:.1f} s after it landed, {len(row.picks)} picks, "
            f"recall {row.counts.recall:.2f}, precision {row.counts.precision:.2f}"
        )
