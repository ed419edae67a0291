"""What of a daemon's events is followed, and whether a message is an event at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livetomo.core.naming import slug
from livetomo.core.quality.metric import WORST_VERDICT, Verdict

_WORDS = ("schema", "event_id", "watch", "session", "tomogram")
_PICKS = "livetomo/picks/1"
_FOLLOWED = (_PICKS, "livetomo/retracted/1")


@dataclass(frozen=True, slots=True)
class Query:
    """What is followed: None is any.

    verdict: the worst of tomograms whose picks are taken.
    beside:  other features, by which the picks are chosen.
    """

    feature: str
    watch: str | None = None
    session: str | None = None
    site: str | None = None
    instance: str | None = None
    verdict: Verdict = WORST_VERDICT
    beside: tuple[str, ...] = ()

    def wants(self, body: Mapping[str, Any]) -> bool:
        """Whether this event is about what is followed."""
        return (
            body["schema"].startswith(_FOLLOWED)
            and body.get("feature", self.feature) == self.feature
            and self._is_here(body)
        )

    def concerns(self, body: Mapping[str, Any]) -> bool:
        """Whether it is, or about other picks of a tomogram, by which those that are followed are chosen."""
        is_beside = body["schema"].startswith(_PICKS) and body.get("feature") in self.beside and self._is_here(body)
        return is_beside or self.wants(body)

    def _is_here(self, body: Mapping[str, Any]) -> bool:
        return self.watch in (None, body["watch"]) and self.session in (None, body["session"])

    def topics(self, root: str) -> list[str]:
        """What to subscribe to; the status says where the API is by now."""
        place = "/".join([root, *("+" if name is None else slug(name) for name in (self.watch, self.session)), "+"])
        picks = [f"{place}/picks/{slug(feature)}" for feature in (self.feature, *self.beside)]
        return [*picks, f"{place}/retracted", f"{root}/status"]


def malformed(body: object) -> str:
    """Why `body` is no event of a daemon, as the end of a sentence; empty where it is one."""
    if not isinstance(body, Mapping):
        return "it is no JSON object"
    words = (*_WORDS, "result_id") if str(body.get("schema")).startswith(_FOLLOWED) else _WORDS
    for key in words:
        if not isinstance(body.get(key), str) or not body[key]:
            return f'its "{key}" is {body.get(key)!r}'
    seq = body.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        return f'its "seq" is {seq!r}'
    return "" if isinstance(body.get("epoch", ""), str) else f'its "epoch" is {body["epoch"]!r}'
