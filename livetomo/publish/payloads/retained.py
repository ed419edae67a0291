"""Payloads that the broker retains: the present state, replaced whole, unlike events, which are published once."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import Field

from livetomo.catalog.queries import SessionTotals
from livetomo.core.problems import Severity
from livetomo.core.quality.metric import Verdict
from livetomo.core.status import Status
from livetomo.publish.payloads.events import PayloadPart


class RetainedPayload(PayloadPart):
    """One that the broker retains."""

    def payload(self) -> bytes:
        """As the broker gets it."""
        return self.model_dump_json().encode()


class HealthPayload(PayloadPart):
    """State of a watch, by its last files and tomograms."""

    consecutive_failures: int = Field(
        0, description="number of tomograms that failed one after the other, up to the last one"
    )
    ended: int = Field(0, description="number of tomograms that ended within the last day: 20 at most")
    failed: int = Field(0, description="number of these that failed")
    reason: str = Field("", description="why most of these failed")
    last_file: datetime | None = Field(None, description="modification time of the newest file")
    usual_interval_seconds: float | None = Field(None, description="median time between the last files")


class WatchPayload(PayloadPart):
    """One watch; `message` says why it is not scanning."""

    name: str
    scanning: bool
    message: str = ""
    last_scan: datetime | None = None
    files: int = 0
    candidates: int = Field(0, description="files that are tomograms by their names")
    settling: int = 0
    health: HealthPayload


class WorkerPayload(PayloadPart):
    """One worker process."""

    device: str
    state: Literal["starting", "idle", "busy", "benched"]
    tomogram: str = ""
    stage: str = ""
    since: datetime | None = None
    message: str = ""


class ProblemPayload(PayloadPart):
    """Something that a person should know; `kind` and `subject` say what it concerns."""

    kind: str
    subject: str = Field(description="a watch, a disk, a device, or a fixed word")
    severity: Severity
    message: str
    since: datetime | None
    blocks_ready: bool = Field(description="whether the problem keeps the daemon from its work")


class StatusPayload(RetainedPayload):
    """What the daemon is doing."""

    schema_: Literal["livetomo/status/1"] = Field("livetomo/status/1", alias="schema")
    site: str
    instance: str
    version: str
    time: datetime
    started: datetime
    url: str = Field("", description="address of the page and the HTTP API")
    epoch: str = Field("", description="epoch of the events")
    paused: bool
    jobs: dict[str, int] = Field(description="number of jobs in each state")
    watches: tuple[WatchPayload, ...]
    workers: tuple[WorkerPayload, ...]
    ready: bool = Field(description="true: nothing keeps the daemon from doing all its work")
    problems: tuple[str, ...] = Field(description="all problems, one sentence each; empty if there is none")
    problem_details: tuple[ProblemPayload, ...] = Field(
        description="the same problems, with kind, subject and time of each"
    )

    @staticmethod
    def of(status: Status) -> "StatusPayload":
        """`status` without what only the daemon's own page shows."""
        facts = asdict(status)
        details = facts.pop("problems")
        said = {"ready": status.ready, "problems": [each["message"] for each in details], "problem_details": details}
        return StatusPayload.model_validate(facts | said)


def is_of_another(body: bytes, own: bytes) -> bool:
    """Whether a status that was published under this daemon's name is of another one that runs beside that of `own`."""
    try:
        one, other = StatusPayload.model_validate_json(body), StatusPayload.model_validate_json(own)
    except ValueError:
        return False
    return one.started != other.started and one.time > other.started


class TargetPayload(PayloadPart):
    """How many particles of a feature a session is to have, and when it will have them."""

    feature: str
    wanted: int
    found: int
    per_hour: float | None = Field(description="rate of the last two hours; null while there are too few tomograms")
    expected: datetime | None = Field(
        description="time when the target is reached at that rate; null if it is not known"
    )


class FalsePicksPayload(PayloadPart):
    """How many picks of a feature are expected to be false."""

    picks: float = Field(description="number of picks that are expected to be false")
    of: int = Field(description="number of picks of which that was estimated")


class AveragePayload(PayloadPart):
    """What the average of a feature's particles says, in two halves: a look, not a refinement."""

    particles: int = Field(description="number of particles in it")
    tomograms: int = Field(description="number of tomograms that they are from")
    signal: float = Field(description="signal of one particle over its noise, by the correlation of the halves")
    by_chance: float = Field(
        description="the same of places beside the picks, which were turned to fit the map as the picks were; "
        "a signal that is not well above it says that the picks are not the particle, or the map is another one"
    )
    resolution_angstrom: float | None = Field(
        description="where the halves agree no more than chance; null if they do so nowhere"
    )
    updated: datetime = Field(description="time when it was made")


class SummaryPayload(RetainedPayload):
    """State of a live session."""

    schema_: Literal["livetomo/summary/1"] = Field("livetomo/summary/1", alias="schema")
    watch: str
    session: str
    time: datetime = Field(description="time of the newest change that is counted")
    tomograms: int
    jobs: dict[str, int] = Field(description="number of jobs in each state, of the newest revisions")
    verdicts: dict[Verdict, int] = Field(description="number of the newest results with each verdict")
    picks: dict[str, int] = Field(description="number of published picks of each feature in the newest results")
    verdict: Verdict = Field(
        description="verdict of the session, by its last tomograms; missing while there are too few"
    )
    reasons: tuple[str, ...] = Field(description="why the session is not good, at the time of the last change")
    targets: tuple[TargetPayload, ...] = Field(description="targets that a person has set")
    false_picks: dict[str, FalsePicksPayload] = Field(
        default_factory=dict,
        description="by feature, how many of the picks are expected to be false, where it is known",
    )

    averages: dict[str, AveragePayload] = Field(
        default_factory=dict,
        description="by feature, what the average of its particles says, where picks have orientations",
    )

    @staticmethod
    def of(totals: SessionTotals) -> "SummaryPayload":
        """What the catalog adds up for a session."""
        body = asdict(totals)
        return SummaryPayload.model_validate(body | {"time": body["newest"], "jobs": body["states"]})


class AlertPayload(RetainedPayload):
    """Something that a person should look at; the topic is cleared when it no longer holds."""

    schema_: Literal["livetomo/alert/1"] = Field("livetomo/alert/1", alias="schema")
    name: str
    since: datetime
    severity: Severity
    message: str


STANDING: tuple[type[PayloadPart], ...] = (StatusPayload, SummaryPayload, AlertPayload)
