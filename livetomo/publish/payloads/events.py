"""Every payload that is published: made from recorded events alone, so that broker and HTTP say the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from livetomo.config.configuration import Config
from livetomo.core.events import Recorded, State
from livetomo.core.exclusion import Axis, without_excluded
from livetomo.core.quality.metric import Verdict
from livetomo.publish.payloads.topics import Topics

_SHORT = 200

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Message:
    """What the broker is given: one line of JSON (or a word) for one topic.

    shorter: makes a payload that says the same in fewer bytes, for a broker that takes no more; empty: there is none.
    """

    topic: str
    payload: bytes
    qos: Literal[0, 1] = 1
    retain: bool = False
    shorter: Callable[[], bytes] = field(default=bytes, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """What the payloads depend on beside the event.

    public_url: what links begin with, without a slash at its end; empty: links are relative to this server.
    """

    topics: Topics
    inline_picks: int = 1000
    public_url: str = ""

    @staticmethod
    def of(config: Config) -> "MessageSettings":
        """As the configuration says."""
        public_url = str(config.http.public_url or "").rstrip("/")
        if config.mqtt is None:
            return MessageSettings(Topics.of(config), public_url=public_url)
        return MessageSettings(Topics.of(config), config.mqtt.inline_picks, public_url)


class PayloadPart(BaseModel):
    """A part of a payload. Consumers should ignore keys that they do not know: later versions may add some."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class FilePayload(PayloadPart):
    """A file of the result folder."""

    name: str = Field(description="path inside the result folder")
    bytes: int
    sha256: Sha256
    url: str


class QualityPayload(PayloadPart):
    """One figure."""

    value: float | None
    unit: str
    verdict: Verdict
    reason: str = ""


class VolumePayload(PayloadPart):
    """The volume that coordinates refer to."""

    shape_zyx: tuple[int, int, int]
    voxel_size_angstrom: float
    origin_angstrom: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="x, y, z of the MRC header")
    centre_angstrom: tuple[float, float, float] | None = Field(
        None,
        description="x, y, z from the centre of the first voxel to what the files for RELION 5 count from; null: to "
        "the voxel index n/2",
    )


class TiltSeriesPayload(PayloadPart):
    """The tilt series that the tomogram was reconstructed from, as RELION's tomograms.star has it."""

    name: str = Field(description="what RELION and Warp know it by")
    pixel_size_angstrom: float | None = Field(None, description="of its unbinned images; null if nobody has said")
    binning: float = Field(1.0, description="unbinned pixels per voxel; 1 if the pixel size is not known")
    size_xyz: tuple[int, int, int] | None = Field(
        None, description="extent of its tomogram in unbinned pixels; null if nobody has said"
    )
    hand: int | None = Field(None, description="1 or -1, rlnTomoHand; null if nobody has said")
    is_relions: bool = Field(False, description="whether RELION's own tomograms.star has given the name")


class FaultPayload(PayloadPart):
    """Why a job failed."""

    kind: str
    reason: str
    message: str


class FalseSharePayload(PayloadPart):
    """How many of the published picks are expected to be false, by the picks in a decoy that holds no particles."""

    value: float = Field(description="expected share of false picks")
    low: float = Field(description="lower end of the interval that holds the true share nine times in ten")
    high: float = Field(description="upper end of it")
    expected: float = Field(description="number of published picks that are expected to be false")
    decoys: int = Field(description="number of picks in the decoy that score at least as high")
    calibration: str = Field(
        "", description="model or method whose calibration was used; empty: the share is that of the decoys itself"
    )


class Payload(PayloadPart):
    """What every event carries."""

    kind: ClassVar[str]
    schema_: str = Field(alias="schema")
    event_id: str = Field(
        description="the same event has the same id after any crash or rebuild: drop what you have seen"
    )
    seq: int = Field(
        description="number that grows with time; ask /api/v1/events?after=SEQ for the events that you missed"
    )
    epoch: str = Field(
        "", description="a new epoch means that the catalog was restored or rebuilt; ask for all after 0 once"
    )
    time: str = Field(description="UTC, ISO 8601")
    watch: str
    session: str
    tomogram: str
    revision: int
    recipe_hash: str
    shortened: bool = Field(
        default=False,
        description="true: parts are left out, because the broker takes no larger message; the HTTP API has the whole",
    )

    def shorter(self) -> Self | None:
        """The same in fewer bytes, for a broker that takes no more; None where nothing can be left out."""
        return None


class StatePayload(Payload):
    """A job's new state."""

    kind: ClassVar[str] = "state"
    schema_: Literal["livetomo/state/1"] = Field("livetomo/state/1", alias="schema")
    state: State
    recipe: str = ""
    device: str | None = Field(None, description="device that the job runs on; only in running")
    seconds: float | None = Field(None, description="seconds since the file was complete; only in done")
    attempts: int | None = Field(None, description="attempts that count against the input; only in failed")
    fault: FaultPayload | None = Field(None, description="why the job failed; only in failed")
    superseded_by: str | None = Field(
        None, description="the tomogram of the same tilt series that is in force instead; only in superseded"
    )

    def shorter(self) -> Self | None:
        """The fault's sentence is cut."""
        if self.fault is None or len(self.fault.message) <= _SHORT:
            return None
        fault = self.fault.model_copy(update={"message": _cut(self.fault.message)})
        return self.model_copy(update={"fault": fault, "shortened": True})


class ResultPayload(Payload):
    """A tomogram's result as a whole. Its picks are published just before it, feature by feature."""

    kind: ClassVar[str] = "result"
    schema_: Literal["livetomo/result/1"] = Field("livetomo/result/1", alias="schema")
    result_id: str
    recipe: str
    folder: str = Field(description="absolute path of the result folder, as the daemon sees it")
    url: str = Field(description="address of the manifest; the files are below it")
    verdict: Verdict
    counts: dict[str, int] = Field(description="number of published picks of each feature")
    quality: dict[str, QualityPayload]
    volume: VolumePayload
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = Field(description="time in each stage")
    finished: str = Field(description="UTC, ISO 8601")

    def shorter(self) -> Self | None:
        """Only what is not good keeps its figure; warnings and times are left out."""
        poor = {
            name: figure.model_copy(update={"reason": _cut(figure.reason)})
            for name, figure in self.quality.items()
            if figure.verdict in ("warn", "bad")
        }
        return self.model_copy(update={"quality": poor, "warnings": (), "seconds": {}, "shortened": True})


class PicksPayload(Payload):
    """The picks of one feature in one tomogram; a set without picks is published too."""

    kind: ClassVar[str] = "picks"
    schema_: Literal["livetomo/picks/1"] = Field("livetomo/picks/1", alias="schema")
    result_id: str
    recipe: str
    feature: str
    series: str = Field("", description="name of the tilt series in exports; empty if it is the tomogram's name")
    tilt_series: TiltSeriesPayload | None = Field(None, description="null in events of older versions")
    folder: str = Field(description="absolute path of the result folder, as the daemon sees it")
    volume: VolumePayload
    count: int = Field(description="number of published picks, whether or not they are in the message")
    candidates: int = Field(description="number of candidates: published picks and weaker ones")
    missing: str = Field(
        "", description="why the feature was not looked for, so that no picks do not mean no particles; else empty"
    )
    threshold: float = Field(description="score from which on candidates were published")
    false_share: FalseSharePayload | None = Field(
        None, description="how many of the published picks are expected to be false; null if it was not estimated"
    )
    false_share_missing: str = Field(
        "",
        description="why it could not be estimated, so that a threshold decided; else empty",
    )
    diameter_angstrom: float | None = Field(None, description="size of the particles, for circles in pictures")
    columns: tuple[str, ...] = Field(
        description="names of the values in a row of picks; x_angstrom = x index * voxel size, index from 0; "
        "rot, tilt and psi, where picks have an orientation, are RELION's angles in degrees; "
        "false_share, where it is known, is the expected share of false picks among this one and all stronger "
        "ones; match_score, where picks were compared with a density map, is how well it fits, -1 to 1"
    )
    picks: tuple[tuple[float, ...], ...] = Field(description="the strongest, strongest first")
    truncated: bool = Field(description="true: there are more picks than rows, so take a file")
    files: tuple[FilePayload, ...] = Field(description="all picks, in each export format")
    verdict: Verdict = Field("unjudged", description="of the tomogram; leave out what is bad")
    excluded: tuple[dict[Axis, tuple[float, float]], ...] = Field(
        (),
        description="parts of the tomogram whose picks do not count: lowest and highest voxel index by axis, {} is all "
        "of it; the rows here are without them, the files and the count are not",
    )

    def shorter(self) -> Self | None:
        """No rows: the files have them all."""
        if not self.picks:
            return None
        return self.model_copy(update={"picks": (), "truncated": True, "shortened": True})


class RetractedPayload(Payload):
    """This result no longer counts: drop its picks."""

    kind: ClassVar[str] = "retracted"
    schema_: Literal["livetomo/retracted/1"] = Field("livetomo/retracted/1", alias="schema")
    result_id: str
    reason: str = Field(description="sentence for people, like: superseded by a newer revision")


class VerdictPayload(Payload):
    """The verdict of a session, by its last tomograms, has changed; `tomogram` is the one whose result changed it."""

    kind: ClassVar[str] = "verdict"
    schema_: Literal["livetomo/verdict/1"] = Field("livetomo/verdict/1", alias="schema")
    verdict: Verdict
    before: Verdict
    last: dict[Verdict, int] = Field(description="number of the last tomograms with each verdict")
    reasons: tuple[str, ...] = Field(description="sentences for people; what is wrong most often comes first")

    def shorter(self) -> Self | None:
        """The first reason alone."""
        return self.model_copy(update={"reasons": tuple(map(_cut, self.reasons[:1])), "shortened": True})


class ExcludedPayload(Payload):
    """A person or a rule has taken a tomogram, a feature of it or a part of it out of the session's picks.

    What consumers drop is said beside it: `retracted` where all is out, else `picks` with the parts that do not count.
    """

    kind: ClassVar[str] = "excluded"
    schema_: Literal["livetomo/excluded/1"] = Field("livetomo/excluded/1", alias="schema")
    id: str
    who: str
    why: str
    at: str = Field(description="UTC, ISO 8601")
    feature: str = Field(description="empty: every feature")
    box: dict[Axis, tuple[float, float]] = Field(description="lowest and highest voxel index by axis; {} is all of it")
    result_id: str = Field(description="the result that a rule took out; empty: it holds for later results, too")

    def shorter(self) -> Self | None:
        """The reason is cut."""
        if len(self.why) <= _SHORT:
            return None
        return self.model_copy(update={"why": _cut(self.why), "shortened": True})


class ReadmittedPayload(ExcludedPayload):
    """An exclusion was taken back: its `picks` are published again."""

    kind: ClassVar[str] = "readmitted"
    schema_: Literal["livetomo/readmitted/1"] = Field("livetomo/readmitted/1", alias="schema")  # type: ignore[assignment]
    readmitted_at: str = Field(description="UTC, ISO 8601")
    readmitted_by: str


KINDS: Mapping[str, type[Payload]] = {
    one.kind: one
    for one in (
        *(StatePayload, ResultPayload, PicksPayload, RetractedPayload, VerdictPayload),
        *(ExcludedPayload, ReadmittedPayload),
    )
}


def payload_of(recorded: Recorded, settings: MessageSettings) -> Payload:
    """The payload of `recorded`."""
    event = recorded.event
    common = {
        "event_id": recorded.event_id,
        "seq": recorded.seq,
        "epoch": recorded.epoch,
        "time": recorded.time,
        "watch": event.tomogram.watch,
        "session": event.tomogram.session,
        "tomogram": event.tomogram.name,
        "revision": event.revision,
        "recipe_hash": event.recipe_hash,
    }
    return KINDS[event.kind].model_validate(dict(event.body) | _links(event.kind, event.body, settings) | common)


def message_of(recorded: Recorded, settings: MessageSettings) -> Message:
    """`recorded` as the broker gets it."""
    whole = payload_of(recorded, settings)

    def shorter() -> bytes:
        short = whole.shorter()
        return b"" if short is None else short.model_dump_json().encode()

    return Message(settings.topics.event(recorded.event), whole.model_dump_json().encode(), shorter=shorter)


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def result_url(result_id: str, settings: MessageSettings) -> str:
    """Where a result's manifest is served; its files are below it, in `files/`."""
    return f"{settings.public_url}/api/v1/results/{result_id}"


def _links(kind: str, body: Mapping[str, Any], settings: MessageSettings) -> dict[str, Any]:
    """What a payload says that the event does not: addresses, and how much of the picks stands in the message."""
    if kind == "result":
        return {"url": result_url(body["result_id"], settings)}
    if kind == "picks":
        listed = body["strongest"][: settings.inline_picks]
        inline = without_excluded(listed, body["columns"], body["volume"], body.get("excluded", ()))
        url = result_url(body["result_id"], settings)
        files = [facts | {"name": name, "url": f"{url}/files/{name}"} for name, facts in sorted(body["files"].items())]
        return {"picks": inline, "truncated": body["count"] > len(listed), "files": files}
    return {}
