"""What is followed and nobody has heard of: a name that is misspelt would be waited for without a word."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from livetomo.client.choice import Choice

_MOST_SESSIONS = 20
_MOST_NAMES = 10


class KnowsNames(Protocol):
    """A daemon's API, as far as it is asked here."""

    async def watches(self) -> list[str]:
        """The watches that the daemon has."""

    async def sessions(self) -> list[Mapping[str, Any]]:
        """The newest sessions, newest first."""

    async def features(self, watch: str, session: str) -> set[str]:
        """The features that were picked in a session."""


async def unheard(choice: Choice, api: KnowsNames, beside: Collection[str] = ()) -> list[str]:
    """A sentence for each name that the daemon does not know, with those that there are.

    beside: other features whose picks are asked for.

    Raises:
        ApiAway: it cannot be asked at the moment.
    """
    sessions = await api.sessions()
    watches = {*await api.watches(), *(each["watch"] for each in sessions)}
    if choice.watch is not None and choice.watch not in watches:
        return [_sentence("watch", choice.watch, sorted(watches))]
    there = [each for each in sessions if choice.watch in (None, each["watch"])]
    if choice.session is not None and choice.session not in {each["session"] for each in there}:
        return [_sentence("session", choice.session, list(dict.fromkeys(each["session"] for each in there)))]
    wanted = dict.fromkeys((choice.feature, *beside))
    features: set[str] = set()
    for each in there[:_MOST_SESSIONS]:
        if choice.session in (None, each["session"]):
            features |= await api.features(each["watch"], each["session"])
            if wanted.keys() <= features:
                return []
    return [_sentence("feature", name, sorted(features)) for name in wanted if name not in features]


def _sentence(what: str, name: str, there: Collection[str]) -> str:
    known = ", ".join(list(there)[:_MOST_NAMES]) + (", …" if len(there) > _MOST_NAMES else "")
    plural = {"watch": "watches"}.get(what, f"{what}s")
    so_far = f"the {plural} so far are {known}" if there else f"there are no {plural} so far"
    return f'The daemon knows no {what} "{name}" yet ({so_far}). It is waited for: is the name right?'
