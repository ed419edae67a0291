"""What a follower's folder keeps of a tomogram whose picks it has collected."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from livetomo.client.pickset import PickSet
from livetomo.client.standing import Standing
from livetomo.curation.dropped import Dropped


@dataclass(frozen=True, slots=True)
class CollectedTomogram:
    """Its set of picks, without these.

    file:    relative to the session's folder; empty where no format is asked for.
    curated: how many picks each rule of curation has left out, and why.
    beside:  where picks of other features did not count when rules asked for these.
    """

    tomogram: str
    revision: int
    seq: int
    event_id: str
    result_id: str
    count: int
    file: str = ""
    epoch: str = ""
    series: str = ""
    is_relions: bool = False
    curated: tuple[Dropped, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(pickset: PickSet, file: str) -> "CollectedTomogram":
        """What is kept of `pickset`."""
        return CollectedTomogram(
            pickset.tomogram,
            pickset.revision,
            pickset.seq,
            pickset.event_id,
            pickset.result_id,
            len(pickset.rows),
            file,
            pickset.epoch,
            pickset.series,
            pickset.tilt_series is not None and pickset.tilt_series.is_relions,
            pickset.curated,
            pickset.beside,
        )

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> "CollectedTomogram":
        """The inverse of `to_json`; what an older version has not stored was not there."""
        curated = tuple(Dropped(**each) for each in body.get("curated", ()))
        return CollectedTomogram(**{**body, "curated": curated})

    def to_json(self) -> dict[str, Any]:
        """As the folder keeps it."""
        body = {name: getattr(self, name) for name in CollectedTomogram.__dataclass_fields__}
        return body | {"curated": [asdict(each) for each in self.curated], "beside": dict(self.beside)}

    @property
    def standing(self) -> Standing:
        """The set that stands for it."""
        return Standing(self.event_id, self.result_id, self.seq, self.beside)

    @property
    def version(self) -> str:
        """Another one where the picks are others: by their event, and by what they were chosen by."""
        return self.event_id + (json.dumps(self.beside, sort_keys=True) if any(self.beside.values()) else "")

    def is_of(self, pickset: PickSet) -> bool:
        """Whether this is what is kept of `pickset`."""
        return self.event_id == pickset.event_id and self.beside == pickset.beside

    def is_newer(self, pickset: PickSet) -> bool:
        """Whether it has come after `pickset`; of different epochs, the order in which they come counts."""
        return self.epoch == pickset.epoch and self.seq > pickset.seq
