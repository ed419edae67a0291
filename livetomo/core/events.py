"""Something that happened and is published: numbered, never changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from livetomo.core.manifest import ResultManifest
from livetomo.core.naming import stable_id
from livetomo.core.tilt_series import TiltSeries
from livetomo.core.tomogram import TomogramId

Kind = Literal["state", "result", "picks", "retracted", "verdict", "excluded", "readmitted"]
State = Literal["waiting", "running", "done", "failed", "superseded", "cancelled"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one tomogram; a verdict is its session's, which its result has changed.

    version: what distinguishes two events of the same kind about the same result (a state and its turn, a feature).
    body:    what it says beyond its identity, JSON-able.
    """

    kind: Kind
    tomogram: TomogramId
    revision: int
    recipe_hash: str
    version: str
    body: Mapping[str, Any]

    def id(self, site: str, instance: str) -> str:
        """The uuid5 of its content, the same after any crash or rebuild."""
        who = (self.tomogram.watch, self.tomogram.session, self.tomogram.name, str(self.revision), self.recipe_hash)
        return stable_id("event", site, instance, *who, self.kind, self.version)


def state_event(
    tomogram: TomogramId, revision: int, recipe_hash: str, state: State, turn: int = 1, **body: Any
) -> Event:
    """A job has come to another state; `turn` grows when a person asks for another try."""
    return Event("state", tomogram, revision, recipe_hash, f"{state}.{turn}", {"state": state, **body})


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the event log. `time` is UTC, ISO 8601; `seq` counts within `epoch`."""

    seq: int
    event_id: str
    time: str
    event: Event
    epoch: str = ""


def result_events(manifest: ResultManifest, folder: str) -> Iterator[Event]:
    """The events of a committed result, from its manifest alone: the picks of each feature, then the whole."""
    who = (manifest.tomogram, manifest.revision, manifest.recipe.hash)
    common = {"result_id": manifest.result_id, "folder": folder, "recipe": manifest.recipe.name}
    volume = replace(manifest.volume, evidence=None).to_json()
    geometry = manifest.volume.geometry
    series = TiltSeries.of(manifest.tomogram.name, geometry, manifest.facts)
    called = {} if series.name == manifest.tomogram.name else {"series": series.name}
    taken = {"tilt_series": series.to_json() | {"binning": series.binning(geometry)}}
    for feature, picks in manifest.picks.items():
        files = {
            name: facts.to_json() for name, facts in manifest.files.items() if name.startswith(f"picks/{feature}.")
        }
        facts = {"feature": feature, "volume": volume, "files": files, "verdict": manifest.verdict} | called | taken
        yield Event("picks", *who, feature, common | facts | picks.to_json())
    judged = {
        "quality": {name: figure.to_json() for name, figure in manifest.quality.items()},
        "verdict": manifest.verdict,
        "warnings": list(manifest.warnings),
        "seconds": dict(manifest.seconds),
        "finished": manifest.finished,
    }
    yield Event("result", *who, "", common | {"counts": manifest.counts(), "volume": volume} | judged)
