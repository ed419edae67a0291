"""Which tomograms a person means, and whether there are any of these names: a slip must not look like good news."""

import difflib
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

_MOST_NAMED = 5
_NAMES = {
    "watch": "SELECT name FROM watches UNION SELECT watch FROM sessions ORDER BY 1",
    "session": """SELECT session FROM sessions WHERE :watch IS NULL OR watch = :watch
                  GROUP BY session ORDER BY max(touched_at) DESC""",
    "tomogram": """SELECT DISTINCT name FROM tomograms WHERE (:watch IS NULL OR watch = :watch)
                   AND (:session IS NULL OR session = :session) ORDER BY name""",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tomograms are meant: every one that fits what is given."""

    watch: str | None = None
    session: str | None = None
    name: str | None = None
    reason: str | None = None


def unknown(db: Database, selection: Selection) -> str:
    """A sentence about the first name that nothing has, with those that may be meant; empty where all are known."""
    values: dict[str, Any] = {"watch": selection.watch, "session": selection.session}
    given = {"watch": selection.watch, "session": selection.session, "tomogram": selection.name}
    for kind, name in given.items():
        if name is None:
            continue
        known = [each for (each,) in db.execute(_NAMES[kind], values).fetchall()]
        if name not in known:
            close = difflib.get_close_matches(name, known, n=_MOST_NAMED) or known[:_MOST_NAMED]
            there = (
                f"there is {', '.join(close)}" + (", …" if len(known) > len(close) else "")
                if close
                else "there is none"
            )
            return f"no {kind} is named {name!r}; {there}"
    return ""
