"""Picks gathered on disk, session by session: a particles file that grows, and what was published for each tomogram.

Below the output folder:

    <watch>/<session>/<feature>.star                       all picks, for RELION 5, and its names; replaced whole
    <watch>/<session>/tomograms/<tomogram>.<format>.<ext>  the published files, where a format is asked for
    follow.json                                            what was taken in, so that a restart goes on
"""

import json
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from livetomo.client.choice import Choice
from livetomo.client.collected_session import CollectedSession, replace_file
from livetomo.client.collected_tomogram import CollectedTomogram
from livetomo.client.news import Given
from livetomo.client.pickset import PickSet
from livetomo.client.standing import Place, Standing
from livetomo.core.errors import ConfigurationError
from livetomo.core.naming import slug


class Collection:
    """All sessions below one folder, which is there.

    position, epoch, began: of the stream, as they were saved.

    Raises:
        ConfigurationError: the folder collects something else than `choice`, or its state cannot be read.
    """

    def __init__(self, folder: Path, choice: Choice) -> None:
        self.folder = folder
        self.choice = choice
        self.position: int | None = None
        self.epoch = ""
        self.began = 0
        self.sessions: dict[tuple[str, str], CollectedSession] = {}
        self._state = folder / "follow.json"
        folder.mkdir(parents=True, exist_ok=True)
        if self._state.exists():
            self._remember()

    @property
    def tomograms(self) -> int:
        """How many tomograms there are."""
        return sum(len(session.taken) for session in self.sessions.values())

    @property
    def count(self) -> int:
        """How many picks there are."""
        return sum(session.count for session in self.sessions.values())

    def take(self, pickset: PickSet, file: tuple[str, bytes] | None) -> CollectedSession | None:
        """Take in or take back; the session that this changed, or None.

        Raises:
            OSError: the file cannot be written; nothing has changed.
        """
        session = self._session(pickset.watch, pickset.session)
        return session if session.take(pickset, file) else None

    def standing(self) -> dict[Place, Standing]:
        """Which set stands for each tomogram."""
        return {
            (watch, name, taken.tomogram): taken.standing
            for (watch, name), session in self.sessions.items()
            for taken in session.taken.values()
        }

    def save(self, position: int | None, epoch: str = "", began: int = 0) -> None:
        """Make what was taken in, up to `position` of `epoch`, survive this program.

        The particles files come first: what they are ahead of the state by comes again.

        Raises:
            OSError: it cannot be written; the last state that was stands.
        """
        for session in self.sessions.values():
            session.write()
        body: dict[str, Any] = {
            **self.choice.to_json(),
            **{"position": position, "epoch": epoch, "began": began},
            "sessions": [
                {
                    **{"watch": watch, "session": name},
                    "taken": [taken.to_json() for taken in session.taken.values()],
                    "given": {name: astuple(given) for name, given in session.news.given.items()},
                }
                for (watch, name), session in self.sessions.items()
            ],
        }
        replace_file(self._state, json.dumps(body).encode())
        self.position, self.epoch, self.began = position, epoch, began

    def _session(self, watch: str, session: str) -> CollectedSession:
        if (watch, session) not in self.sessions:
            folder = self.folder / slug(watch) / slug(session)
            self.sessions[watch, session] = CollectedSession(folder, self.choice.feature)
        return self.sessions[watch, session]

    def _remember(self) -> None:
        try:
            body = json.loads(self._state.read_text(encoding="utf-8"))
            self.choice.refuse_another(body, self.folder)
            self._go_on_with(body)
        except (OSError, LookupError, TypeError, ValueError, AttributeError) as fault:
            raise ConfigurationError(
                f"{self._state} cannot be read ({fault}). Put it back from a copy, or give another --output and --all, "
                "to collect anew."
            ) from None

    def _go_on_with(self, body: Mapping[str, Any]) -> None:
        self.position, self.epoch, self.began = body["position"], body.get("epoch", ""), body.get("began", 0)
        for each in body["sessions"]:
            taken = {one["tomogram"]: CollectedTomogram.from_json(one) for one in each["taken"]}
            given = {name: Given(*one) for name, one in each.get("given", {}).items()}
            for again in self._session(each["watch"], each["session"]).remember(taken, given):
                if self.position is not None:  # of another epoch the numbers mean nothing: from the beginning then
                    self.position = min(self.position, again.seq - 1 if again.epoch == self.epoch else 0)
