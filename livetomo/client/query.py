"""What of a daemon's events is followed, and whether a message is an event at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livetomo.core.naming import slug
from livetomo.core.quality.metric import WORST_VERDICT, Verdict

_WORDS = ("schema", "event_id", "watch", "session", "tomogram")
_FOLLOWED = ("livetomo/picks/1", "livetomo/retracted/1")


@dataclass(frozen=True, slots=True)
class Query:
    """What is followed: None is any. verdict: the worst of tomograms whose picks are taken."""

    feature: str
    watch: str | None = None
    session: str | None = None
    site: str | None = None
    instance: str | None = None
    verdict: Verdict = WORST_VERDICT

    def wants(self, body: Mapping[str, Any]) -> bool:
        """Whether this event is about what is followed."""
        return (
            body["schema"].startswith(_FOLLOWED)
            and body.get("feature", self.feature) == self.feature
            and self.watch in (None, body["watch"])
            and self.session in (None, body["session"])
        )

    def topics(self, root: str) -> list[str]:
        """What to subscribe to; the status says where the API is by now."""
        place = "/".join([root, *("+" if name is None else slug(name) for name in (self.watch, self.session)), "+"])
        return [f"{place}/picks/{slug(self.feature)}", f"{place}/retracted", f"{root}/status"]


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
