"""What a daemon leaves in a folder of results to know it again: the folder's mark, and a record of each daemon there.

    <folder>/.livetomo/mark.json                 {"id": …}: the same for as long as it is the same file system
    <folder>/.livetomo/<site>.<instance>.json    which daemon writes here, for which watches; renewed while it lives

A mark is a file, since nothing else distinguishes a network mount from the empty folder that it is mounted on, at
every start and with every kind of file system. A record is a file, since locks do not work on all of them.
"""

import fcntl
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from livetomo.core.naming import slug
from livetomo.system.atomic_write import replace_text

MARKS = ".livetomo"
HEARTBEAT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Record:
    """One daemon that writes to a folder.

    catalog:  the uuid of its catalog; run: of its process, another one at each start.
    machine:  where it runs; state: its state directory there.
    epoch, seq, event_id: how far its event log has come.
    """

    site: str
    instance: str
    catalog: str
    run: str
    machine: str
    state: str
    watches: tuple[str, ...]
    epoch: str = ""
    seq: int = 0
    event_id: str = ""

    def __str__(self) -> str:
        return f'site "{self.site}", instance "{self.instance}", on {self.machine} with state {self.state}'


def this_machine() -> str:
    """The name of this machine, and what distinguishes it from others of that name."""
    try:
        number = Path("/etc/machine-id").read_text(encoding="ascii").strip()[:12]
    except (OSError, UnicodeDecodeError):
        number = ""
    return f"{socket.gethostname()}/{number}" if number else socket.gethostname()


def read_mark(folder: Path) -> str | None:
    """The folder's mark; None where it has none. Raises OSError if it cannot be read."""
    body = _read(folder / MARKS / "mark.json")
    return None if body is None else str(body.get("id", ""))


def write_mark(folder: Path, mark: str) -> None:
    """Mark the folder, which is made where it is not there."""
    replace_text(folder / MARKS / "mark.json", json.dumps({"id": mark}) + "\n")


def record_path(folder: Path, site: str, instance: str) -> Path:
    """Where a daemon's record lies."""
    return folder / MARKS / f"{slug(site)}.{slug(instance)}.json"


def read_record(path: Path) -> Record | None:
    """A record; None where there is none, or none that can be read."""
    body = _read(path)
    try:
        return None if body is None else Record(**(body | {"watches": tuple(body["watches"])}))
    except (KeyError, TypeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Write it anew: its time of change is the daemon's sign of life."""
    replace_text(record_path(folder, record.site, record.instance), json.dumps(asdict(record)) + "\n")


def records(folder: Path) -> Iterator[tuple[Path, Record]]:
    """Those of every daemon that has written here."""
    for path in sorted((folder / MARKS).glob("*.*.json")):
        if (record := read_record(path)) is not None:
            yield path, record


def holds_its_state(record: Record) -> bool | None:
    """Whether the daemon of `record` lives, where it is of this machine and that can be seen; else None."""
    if record.machine != this_machine():
        return None
    try:
        with (Path(record.state) / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
