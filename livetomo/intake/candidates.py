"""The files that may become arrivals: which of those that a scan sees are new, changed, and nobody else's twin."""

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Protocol

from livetomo.config.patterns import ExcludedPaths, SessionPattern
from livetomo.core.tomogram import Content, KnownFile, TomogramId
from livetomo.formats.endings import REWRITTEN, plain_path
from livetomo.intake.halves import HalfSearch
from livetomo.intake.known import Known
from livetomo.intake.origins import Origins
from livetomo.intake.producers import Producer, Recognised, choose, recognise
from livetomo.intake.relations import Relations
from livetomo.intake.settings import WatchSettings
from livetomo.intake.tree import Entry, Look, Neighbours, Tree
from livetomo.intake.walk import Listing

Wanted = tuple[str, Entry]
RULED_OUT_SECONDS = 600.0
NOT_TEXT = "cannot be taken: the name (or a folder's) is not UTF-8. Rename it"


@dataclass(frozen=True, slots=True)
class Named:
    """What a full volume is by its path alone."""

    tomogram: TomogramId
    producer: Producer
    file: Recognised


@dataclass(slots=True)
class Candidate:
    """A file that may become an arrival. `reason` says why it is not one yet."""

    path: str
    named: Named
    is_link: bool
    size: int
    modified_ns: int = 0
    not_before: float = 0.0
    reason: str = "just seen"


class CandidateListener(Protocol):
    """Who wants to know what is found; the watcher is one."""

    def candidate_found(self, candidate: Candidate, look: Look) -> None:
        """A new or changed file."""

    def known_seen(self, path: str, named: Named, content: Content) -> None:
        """A file that has not changed since it was dealt with."""

    def left_alone_moved(self, old: str, file: KnownFile) -> None:
        """A file that was left alone at `old` is somewhere else now."""

    def withdraw(self, path: str) -> None:
        """The file at `path` is no candidate any more."""


@dataclass(eq=False, repr=False)
class Candidates:
    """Those of one watch, by path in `files`.

    known:      what has been dealt with, by path; shared with the watcher, who adds to it.
    is_offered: whether it is too late to withdraw the candidate at a path.
    """

    settings: WatchSettings
    tree: Tree
    near: Neighbours
    known: Known
    origins: Origins
    listener: CandidateListener
    _: KW_ONLY
    clock: Callable[[], float]
    is_offered: Callable[[str], bool]

    def __post_init__(self) -> None:
        self._producers = choose(self.settings.producers, self.settings.pattern)
        self._session = SessionPattern(self.settings.session)
        self._exclusion = ExcludedPaths(self.settings.exclude)
        self._halves = HalfSearch(self._producers, self._session, self.near)
        self._relations = Relations(self.tree, self.near, self._producers, self._session, self.known.was_taken)
        self._ruled_out: dict[str, tuple[Look, float]] = {}
        self._places: dict[tuple[int, int], str] = {}
        self._suffixes = tuple({suffix for producer in self._producers for suffix in producer.suffixes})
        self._endings = (*self._suffixes, *REWRITTEN)
        self._last_letters = "" if "" in self._endings else "".join({ending[-1] for ending in self._endings})
        self.files: dict[str, Candidate] = {}

    def wanted(self, listing: Listing) -> list[Wanted]:
        """The files of a folder that may matter, by path. Most are frames: their last letter alone is looked at."""
        if listing.own:
            return []
        prefix = f"{listing.folder}/" if listing.folder else ""
        letters = self._last_letters
        likely = [entry for entry in listing.files if entry.name[-1] in letters] if letters else listing.files
        return [(prefix + entry.name, entry) for entry in likely if self.wants(entry.name)]

    def consider(self, files: Iterable[Wanted], baseline: list[KnownFile] | None) -> int:
        """Consider each of the files that is a tomogram by its name; how many there are.

        baseline: takes those that are new, instead of their becoming candidates.
        """
        count = 0
        for path, entry in files:
            if named := self.name(path):
                count += 1
                try:
                    self._consider(path, entry, named, baseline)
                except OSError:
                    continue  # gone since its folder was listed, or a link to nowhere
        return count

    def take_trouble(self) -> str:
        """What a producer of another package failed on since the last call; empty where it did not."""
        found = next((producer.trouble for producer in self._producers if producer.trouble), "")
        for producer in self._producers:
            producer.trouble = ""
        return found

    def wants(self, name: str) -> bool:
        """Whether a file of this name may matter: a cheap test for floods of events."""
        return name.endswith(self._suffixes) or (
            name.endswith(self._endings) and plain_path(name).endswith(self._suffixes)
        )

    def name(self, path: str) -> Named | None:
        """Who a full volume at `path` would be, or what stands for one; None where it is none, or is not wanted."""
        return self._named(path) if is_text(path) else None

    def not_utf8(self, files: Iterable[Wanted]) -> list[str]:
        """The paths of those that would be tomograms, but cannot be written down."""
        return [path for path, _ in files if not is_text(path) and self._named(path)]

    def to_the_end(self, path: str) -> None:
        """It has had its turn: where there are more than can be looked at, the others come first."""
        if candidate := self.files.pop(path, None):
            self.files[path] = candidate

    def why_not(self, path: str, named: Named) -> str:
        """Why the file at `path` is not taken, by what lies or has been taken around it; empty where it may be."""
        halves = (half for _, half in self._halves.places(named.file, path)) if named.file.role == "full" else ()
        for other in (*named.producer.rivals(named.file, plain_path(path)), *halves):
            if other != path and self.known.was_taken(other) and self.near.exists(other):
                return f"the same tomogram as {other}, which has been taken"
        return self._relations.why_not(named.producer, named.file, path)

    def rule_out(self, path: str, look: Look) -> None:
        """The file at `path` is no tomogram: it is not looked at again soon, unless it is not `look` any more."""
        self._ruled_out[path] = (look, self.clock() + RULED_OUT_SECONDS)

    def _named(self, path: str) -> Named | None:
        """As `name`, whatever characters there are in the path."""
        if self._exclusion.has_file(path):
            return None
        session, folder = self._session.place(path)
        if session is None:
            return None
        found = recognise(self._producers, path, folder)
        if found is None or not (found[1].role == "full" or found[0].stands_alone(found[1], path)):
            return None
        return Named(TomogramId(self.settings.name, session, found[1].name), *found)

    def _consider(self, path: str, entry: Entry, named: Named, baseline: list[KnownFile] | None) -> None:
        if path in self.files or not entry.is_file():
            return
        stat = entry.stat()
        look = Look.of(stat)
        known = self.known.get(path)
        if known and (known.size, known.modified_ns) == (look.size, look.modified_ns) and not self.is_orphaned(path):
            self._places[look.device, look.inode] = path
            self.listener.known_seen(path, named, known)
            return
        unread = KnownFile(path, Content(look.size, look.modified_ns, ""), inode=look.inode)
        if baseline is not None:
            baseline.append(unread)
            return
        if known is None and (old := self.origins.moved_from(path, look)):
            self.listener.left_alone_moved(old, unread)
            return
        since = self.settings.since
        if known is None and not isinstance(since, str) and stat.st_mtime < since:
            return
        is_link = entry.is_symlink()
        if self._is_seen_elsewhere(path, look, is_link=is_link) or self._is_ruled_out(path, look, named):
            return
        self._places[look.device, look.inode] = path
        self.files[path] = Candidate(path, named, is_link, look.size, look.modified_ns)
        self.listener.candidate_found(self.files[path], look)

    def successor(self, path: str) -> str:
        """The candidate that was taken at `path` before something else came there, by its name, size and time."""
        if not self.known.was_taken(path):
            return ""
        was, name = self.known[path], path.rpartition("/")[2]
        return next(
            (
                other.path
                for other in self.files.values()
                if other.path != path
                and (other.size, other.modified_ns) == (was.size, was.modified_ns)
                and other.path.rpartition("/")[2] == name
            ),
            "",
        )

    def is_orphaned(self, path: str) -> bool:
        """Whether it is the copy of a tomogram's file that is gone: it takes its place then."""
        original = self.known.original(path)
        return bool(original) and self.known.was_taken(original) and not self.tree.exists(original)

    def _is_ruled_out(self, path: str, look: Look, named: Named) -> bool:
        """Whether it is not taken, as was found now, or not long ago when it was what it is now."""
        now = self.clock()
        look_then, until = self._ruled_out.get(path, (None, 0.0))
        if look == look_then and now < until:
            return True
        if not self.why_not(path, named):
            return False
        self.rule_out(path, look)
        return True

    def _is_seen_elsewhere(self, path: str, look: Look, *, is_link: bool) -> bool:
        """Whether the same file is seen under another name already; a link makes way for the file itself."""
        other = self._places.get((look.device, look.inode))
        if other is None or other == path:
            return False
        try:
            there = self.tree.look(other)
        except OSError:
            return False
        if (there.device, there.inode) != (look.device, look.inode):
            return False
        rival = self.files.get(other)
        if rival and rival.is_link and not is_link and not self.is_offered(other):
            self.listener.withdraw(other)
            return False
        return True


def is_text(path: str) -> bool:
    """Whether a path can be written down: messages, tables and pages know no other."""
    return path.isascii() or not any("\ud800" <= character <= "\udfff" for character in path)


def shown(path: str) -> str:
    """A path as text; bytes that are not UTF-8 are written in hexadecimal."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
