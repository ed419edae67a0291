"""Which set of picks stands for each tomogram, and what a daemon that numbers its events anew changes about that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livetomo.client.pickset import PickSet

Place = tuple[str, str, str]
"""Watch, session and name of a tomogram."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The set that stands for a tomogram.

    seq:    of its event; 0 where that is not known.
    beside: where picks of other features did not count when it was chosen by them.
    """

    event_id: str
    result_id: str
    seq: int = field(default=0, compare=False)
    beside: Mapping[str, Any] = field(default_factory=dict, compare=False)


def place(body: Mapping[str, Any]) -> Place:
    """The tomogram that a payload is about."""
    return body["watch"], body["session"], body["tomogram"]


def keep(standing: dict[Place, Standing], pickset: PickSet) -> None:
    """Let `pickset`, which is handed on, stand; or no longer."""
    where = (pickset.watch, pickset.session, pickset.tomogram)
    before = standing.get(where)
    if not pickset.retracted:
        standing[where] = Standing(pickset.event_id, pickset.result_id, pickset.seq, pickset.beside)
    elif before is not None and before.result_id == pickset.result_id:
        del standing[where]


@dataclass(slots=True)
class Replay:
    """What a daemon publishes from its first event on: the last word about each tomogram.

    began: what was published up to this event is of no interest. The numbers of a later epoch are higher.
    """

    began: int = 0
    published: dict[Place, Standing] = field(default_factory=dict)
    retracted: dict[Place, Standing] = field(default_factory=dict)
    last: int = 0
    epoch: str = ""

    def note(self, body: Mapping[str, Any], *, wanted: bool) -> None:
        """One event, in order; `wanted`: it is about what is followed."""
        self.last, self.epoch = body["seq"], body.get("epoch", "")
        if not wanted or self.last <= self.began:
            return
        where, one = place(body), Standing(body["event_id"], body["result_id"])
        if not body["schema"].startswith("livetomo/retracted/"):
            self.published[where] = one
            self.retracted.pop(where, None)
        elif where not in self.published or self.published[where].result_id == one.result_id:
            self.published.pop(where, None)
            self.retracted[where] = one

    def news(self, standing: Mapping[Place, Standing]) -> set[str]:
        """The ids of the events that a consumer has to be given, so that what stands for it is what is published.

        Of a tomogram that is no longer published nothing is known: its set stays until something is.
        """
        picked = {one.event_id for where, one in self.published.items() if standing.get(where) != one}
        gone = {
            one.event_id
            for where, one in self.retracted.items()
            if where in standing and standing[where].result_id == one.result_id
        }
        return picked | gone
