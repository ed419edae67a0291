"""Acquisition sessions: opened by their first tomogram, closed after a quiet time, opened again by the next."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlite_utils import Database

from livetomo.config.recipe.recipe import Recipe

AHEAD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a person has said about a session; None where nothing was said.

    recipe: in place of the watch's; voxel_size_angstrom: of the headers'; density: of the recipe's.
    """

    recipe: str | None = None
    voxel_size_angstrom: float | None = None
    density: Literal["dark", "bright"] | None = None

    def applied_to(self, recipe: Recipe) -> Recipe:
        """`recipe` with what was said about voxel size and density."""
        said = {"voxel_size_angstrom": self.voxel_size_angstrom, "density": self.density}
        return recipe.model_copy(update={key: value for key, value in said.items() if value is not None})


class Sessions:
    """Which sessions there are, which are live, and what is said about them. Times are seconds since 1970."""

    def __init__(self, db: Database, *, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    def touch(self, watch: str, session: str) -> None:
        """Something landed in the session: it is live."""
        self._db.execute(
            """INSERT INTO sessions (watch, session, opened_at, touched_at) VALUES (?1, ?2, ?3, ?3)
               ON CONFLICT (watch, session) DO UPDATE SET touched_at = ?3""",
            (watch, session, self._now()),
        )

    def live(self, quiet_seconds: float, limit: int = 50) -> list[tuple[str, str]]:
        """(watch, session) of those that something landed in within `quiet_seconds`, the latest first."""
        rows = self._db.execute(
            """SELECT watch, session FROM sessions WHERE touched_at BETWEEN ? AND ?
               ORDER BY touched_at DESC LIMIT ?""",
            # Not those of a time to come, which a clock that was ahead has recorded: they would be live for years.
            (self._now() - quiet_seconds, self._now() + AHEAD_SECONDS, limit),
        )
        return [(watch, session) for watch, session in rows.fetchall()]

    def overrides(self, watch: str, session: str) -> Overrides:
        """What a person has said about the session."""
        row = self._db.execute(
            "SELECT overrides FROM sessions WHERE watch = ? AND session = ?", (watch, session)
        ).fetchone()
        return Overrides(**json.loads(row[0])) if row else Overrides()

    def override(self, watch: str, session: str, said: Overrides) -> None:
        """Have `said` count for the session's tomograms from now on; it need not have begun."""
        self._db.execute(
            """INSERT INTO sessions (watch, session, opened_at, touched_at, overrides) VALUES (?1, ?2, ?3, 0, ?4)
               ON CONFLICT (watch, session) DO UPDATE SET overrides = ?4""",
            (watch, session, self._now(), json.dumps(asdict(said))),
        )

    def aim(self, watch: str, session: str, targets: Mapping[str, int]) -> None:
        """Have these particles by feature be the session's targets; it need not have begun."""
        self._db.execute(
            """INSERT INTO sessions (watch, session, opened_at, touched_at, targets) VALUES (?1, ?2, ?3, 0, ?4)
               ON CONFLICT (watch, session) DO UPDATE SET targets = ?4""",
            (watch, session, self._now(), json.dumps(dict(targets))),
        )

    def tomograms(self, watch: str, session: str) -> list[str]:
        """The names of a session's tomograms."""
        query = "SELECT name FROM tomograms WHERE watch = ? AND session = ? ORDER BY name"
        rows: list[Any] = self._db.execute(query, (watch, session)).fetchall()
        return [name for (name,) in rows]

    def named(self, session: str) -> list[str]:
        """The watches that have a session of this name."""
        rows: list[Any] = self._db.execute(
            "SELECT watch FROM sessions WHERE session = ? ORDER BY watch", (session,)
        ).fetchall()
        return [watch for (watch,) in rows]
