"""Payloads that the broker retains: how things stand, replaced whole, in contrast to events, which are told once."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import Field

from livetomo.catalog.queries import SessionTotals
from livetomo.core.problems import Severity
from livetomo.core.quality.metric import Verdict
from livetomo.core.status import Status
from livetomo.publish.payloads.events import Part


class HealthTold(Part):
    """How a watch does by its last files and tomograms."""

    consecutive_failures: int = Field(0, description="tomograms that failed one after the other, up to the last one")
    ended: int = Field(0, description="the last tomograms that came to an end: 20 at most, within a day")
    failed: int = Field(0, description="how many of these failed")
    reason: str = Field("", description="why most of these failed")
    last_file: datetime | None = Field(None, description="when the newest file was written, by its own time")
    usual_interval_seconds: float | None = Field(None, description="the median time between its last files")


class WatchTold(Part):
    """One watch; `message` says why it is not scanning."""

    name: str
    scanning: bool
    message: str = ""
    last_scan: datetime | None = None
    files: int = 0
    candidates: int = Field(0, description="files that are tomograms by their names")
    settling: int = 0
    health: HealthTold


class WorkerTold(Part):
    """One worker process."""

    device: str
    state: Literal["starting", "idle", "busy", "benched"]
    tomogram: str = ""
    stage: str = ""
    since: datetime | None = None
    message: str = ""


class ProblemTold(Part):
    """Something that a person should know; `kind` and `subject` say what it concerns."""

    kind: str
    subject: str = Field(description="a watch, a disk, a device, or a fixed word")
    severity: Severity
    message: str
    since: datetime | None
    blocks_ready: bool = Field(description="whether it keeps the daemon from its work")


class StatusTold(Part):
    """What the daemon is doing."""

    schema_: Literal["livetomo/status/1"] = Field("livetomo/status/1", alias="schema")
    site: str
    instance: str
    version: str
    time: datetime
    started: datetime
    url: str = Field("", description="where its page and its HTTP API are")
    epoch: str = Field("", description="as events carry it")
    paused: bool
    jobs: dict[str, int] = Field(description="how many are in each state")
    watches: tuple[WatchTold, ...]
    workers: tuple[WorkerTold, ...]
    ready: bool = Field(description="whether nothing keeps it from doing all its work")
    problems: tuple[str, ...] = Field(description="all that is wrong, one sentence each; empty when all is well")
    problem_details: tuple[ProblemTold, ...] = Field(description="the same, with what each concerns and since when")

    @staticmethod
    def of(status: Status) -> "StatusTold":
        """`status` without what only the daemon's own page shows."""
        facts = asdict(status)
        details = facts.pop("problems")
        said = {"ready": status.ready, "problems": [each["message"] for each in details], "problem_details": details}
        return StatusTold.model_validate(facts | said)

    def payload(self) -> bytes:
        """As the broker gets it."""
        return self.model_dump_json().encode()


def is_of_another(told: bytes, own: bytes) -> bool:
    """Whether a status, `told` below this daemon's name, is of another one that runs beside the one of `own`."""
    try:
        one, other = StatusTold.model_validate_json(told), StatusTold.model_validate_json(own)
    except ValueError:
        return False
    return one.started != other.started and one.time > other.started


class TargetTold(Part):
    """How many particles of a feature a session is to have, and when it will have them."""

    feature: str
    wanted: int
    found: int
    per_hour: float | None = Field(description="of the last two hours; null while there are too few tomograms")
    expected: datetime | None = Field(description="when it has them all at that rate; null where that is not known")


class SummaryTold(Part):
    """How a live session stands."""

    schema_: Literal["livetomo/summary/1"] = Field("livetomo/summary/1", alias="schema")
    watch: str
    session: str
    time: datetime = Field(description="of the newest thing that it counts")
    tomograms: int
    jobs: dict[str, int] = Field(description="how many are in each state, of the newest revisions")
    verdicts: dict[Verdict, int] = Field(description="how many of the newest results have each verdict")
    picks: dict[str, int] = Field(description="published picks of each feature in the newest results")
    verdict: Verdict = Field(description="of the session, by its last tomograms; missing before there are enough")
    reasons: tuple[str, ...] = Field(description="why it is not good, as of when it became so")
    targets: tuple[TargetTold, ...] = Field(description="where a person has said how many particles are wanted")

    @staticmethod
    def of(totals: SessionTotals) -> "SummaryTold":
        """What the catalog adds up for a session."""
        told = asdict(totals)
        return SummaryTold.model_validate(told | {"time": told["newest"], "jobs": told["states"]})

    def payload(self) -> bytes:
        """As the broker gets it."""
        return self.model_dump_json().encode()


class AlertTold(Part):
    """Something that a person should look at; the topic is cleared when it no longer holds."""

    schema_: Literal["livetomo/alert/1"] = Field("livetomo/alert/1", alias="schema")
    name: str
    since: datetime
    severity: Severity
    message: str

    def payload(self) -> bytes:
        """As the broker gets it."""
        return self.model_dump_json().encode()


STANDING: tuple[type[Part], ...] = (StatusTold, SummaryTold, AlertTold)
