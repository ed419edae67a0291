"""Find the complete tomograms of one watch: scan, settle, offer, and remember what has been dealt with.

The scan is the truth; hints of events only make it see sooner. Nothing here knows the time of day, threads or pipes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from livetomo.errors import SourceChanged
from livetomo.intake.baseline import ROOT, Baseline, mount_number
from livetomo.intake.judge import Judge, NotYet
from livetomo.intake.late import MOST_FOLLOWED, Late
from livetomo.intake.messages import Pending, Report
from livetomo.intake.patterns import Exclusion, SessionPattern
from livetomo.intake.producers import Producer, Recognised, better_rival, choose, recognise
from livetomo.intake.settings import WatchSettings
from livetomo.intake.settle import Settler
from livetomo.intake.tree import Entry, Look, NotAFile, Tree
from livetomo.intake.walk import Listing, Walk
from livetomo.tomogram import Arrival, Content, KnownFile, TomogramId

MOST_OFFERS_IN_FLIGHT = 64
MOST_LOOKS_AT_A_TIME = 500
MOST_PENDING_TOLD = 20
RETRY_SECONDS = 15.0
HOT_SECONDS = 3600.0


@dataclass(slots=True)
class Candidate:
    """A file that may become an arrival."""

    path: str
    tomogram: TomogramId
    producer: Producer
    recognised: Recognised
    is_link: bool = False
    not_before: float = 0.0
    reason: str = "just seen"
    size: int = 0


class Watcher:
    """One watch. `offer` is called with each arrival, `tell_baseline` with the baseline; both are answered later.

    alive: called often during long work, so that whoever waits knows that it goes on.
    """

    def __init__(
        self,
        settings: WatchSettings,
        tree: Tree,
        *,
        clock: Callable[[], float],
        offer: Callable[[Arrival], None],
        tell_baseline: Callable[[list[KnownFile]], None],
        alive: Callable[[], None] = lambda: None,
        first_start: bool = False,
        known: Iterable[KnownFile] = (),
    ) -> None:
        self._settings = settings
        self._tree = tree
        self._clock = clock
        self._offer = offer
        self._tell_baseline = tell_baseline
        self._alive = alive
        self._producers = choose(settings.producers, settings.pattern)
        self._suffixes = tuple({suffix for producer in self._producers for suffix in producer.suffixes})
        self._session = SessionPattern(settings.session)
        self._exclusion = Exclusion(settings.exclude)
        self._walk = Walk(tree, self._exclusion)
        self._settler = Settler(settings.settle, clock)
        self._judge = Judge(settings, tree, self._settler)
        self._baseline = Baseline(leaves_alone=settings.since == "now", first_start=first_start)
        self._baseline_told: list[KnownFile] | None = None
        self._known: dict[str, Content] = {}
        self._told: dict[str, str] = {}
        for file in known:
            self._known[file.path] = file.content
            if file.told:
                self._told[file.path] = file.told
        self._told = dict(islice(reversed(self._told.items()), MOST_FOLLOWED))
        self._late = Late(tree, self._judge, settle=settings.settle, clock=clock)
        self._candidates: dict[str, Candidate] = {}
        self._offered: dict[str, Arrival] = {}
        self._places: dict[tuple[int, int], str] = {}
        self._folders: set[str] = set()
        self._hot: dict[str, float] = {}
        self._report = Report()

    # What it sees.

    def scan(self) -> bool:
        """Look at every folder; whether that could be completed."""
        if self._baseline_told is not None:
            return False
        started = self._clock()
        mount = self._tree.mount()
        makes_baseline = self._baseline.is_due(mount, self._known)
        found: list[KnownFile] | None = [] if makes_baseline and self._baseline.leaves_alone(mount) else None
        folders: set[str] = set()
        unreadable: list[str] = []
        files = candidates = 0
        for listing in self._walk.everything():
            self._alive()
            if listing.error is not None and listing.folder == "":
                self._root_failed(listing.error)
                return False
            if isinstance(listing.error, FileNotFoundError):
                continue  # gone since its parent was listed
            if listing.error is not None:
                unreadable.append(f"{listing.folder} ({listing.error.strerror})")
            folders.add(listing.folder)
            files += len(listing.files)
            candidates += self._consider_all(listing, found)
        self._folders = folders
        if mount != self._tree.mount():
            return False  # remounted meanwhile: what was seen may be neither the one nor the other
        if makes_baseline:
            self._baseline_told = self._baseline.made_of(found or [], mount)
            self._tell_baseline(self._baseline_told)
        self._update_report(
            trouble=_unreadable(unreadable) or self._wrong_mount(files),
            scans=self._report.scans + 1,
            seconds=self._clock() - started,
            files=files,
            candidates=candidates,
        )
        return True

    def scan_hot(self) -> None:
        """Look at the folders where something happened lately, at those above them, and at what is new in these."""
        if not self._ready():
            return
        now = self._clock()
        self._hot = {folder: seen for folder, seen in self._hot.items() if now - seen < HOT_SECONDS}
        folders = {""}
        for hot in self._hot:
            while hot and hot not in folders:
                folders.add(hot)
                hot = hot.rpartition("/")[0]
        for listing in self._walk.below(sorted(folders), lambda child: child not in self._folders):
            self._alive()
            if listing.error is None:
                self._folders.add(listing.folder)
                self._consider_all(listing, None)

    def hint(self, path: str, *, is_folder: bool) -> None:
        """Something happened to `path`: look at it now."""
        if not self._ready() or any(part.startswith(".") for part in path.split("/")):
            return
        folder, _, name = path.rpartition("/")
        above = path.split("/") if is_folder else path.split("/")[:-1]
        if any(self._exclusion.has_folder("/".join(above[: depth + 1])) for depth in range(len(above))):
            return
        if is_folder:
            for listing in self._walk.below([path], lambda _: True):
                self._folders.add(listing.folder)
                self._consider_all(listing, None)
        elif name.endswith(self._suffixes) and path not in self._candidates:
            for listing in self._walk.below([folder], lambda _: False):
                self._consider_all(listing, None, only=name)

    def wants(self, name: str) -> bool:
        """Whether a file of this name may matter: a cheap test for floods of events."""
        return name.endswith(self._suffixes)

    # What it is told.

    def acknowledge(self, path: str) -> None:
        """The catalog has the arrival that was offered for `path`."""
        if arrival := self._offered.pop(path, None):
            self._known[path] = arrival.content
            found = self._classify(path)
            if found and arrival.fault is None:
                self._late.follow(arrival, found[0], found[1])
            self._forget(path)

    def try_again(self, path: str) -> None:
        """The catalog could not take the arrival that was offered for `path`: offer it again in a while."""
        if self._offered.pop(path, None) and (candidate := self._candidates.get(path)):
            candidate.not_before = self._clock() + RETRY_SECONDS
            candidate.reason = "could not be recorded; tried again soon"

    def baseline_is_taken(self) -> None:
        """The catalog has the baseline."""
        for file in self._baseline_told or ():
            self._known[file.path] = file.content
        self._baseline.is_made()
        self._baseline_told = None

    # What it does.

    def look_around(self) -> None:
        """See whether halves or sidecars of what was taken have come or changed, and tell."""
        if not self._ready():
            return
        for arrival in self._late.news(lambda path: path in self._offered or path in self._candidates):
            self._alive()
            self._offered[arrival.path] = arrival
            self._offer(arrival)

    def look(self) -> None:
        """Look at every file that is due, and offer those that are complete."""
        if not self._ready():
            return
        looks = 0
        for candidate in list(self._candidates.values()):
            path = candidate.path
            if len(self._offered) >= MOST_OFFERS_IN_FLIGHT or looks >= MOST_LOOKS_AT_A_TIME:
                break
            if path in self._offered or self._clock() < candidate.not_before or not self._settler.is_due(path):
                continue
            looks += 1
            self._alive()
            self._look_at(candidate)
        self._update_report()

    def _look_at(self, candidate: Candidate) -> None:
        path = candidate.path
        if self._rival(path, candidate.producer, candidate.recognised):
            self._forget(path)
            return
        try:
            look = self._tree.look(path)
            candidate.size = look.size
            rest = self._settler.observe(path, look)
            self._judge.glance(candidate.producer, candidate.recognised, path)
            if rest is None or rest < self._settings.settle:
                candidate.reason = "still changing" if rest is None else "at rest, but not long enough yet"
                return
            arrival = self._judge.arrival(
                candidate.tomogram, path, candidate.producer, candidate.recognised, look, rest
            )
        except (FileNotFoundError, NotAFile, NotADirectoryError):
            self._forget(path)
        except SourceChanged:
            self._settler.forget(path)
        except NotYet as reason:
            candidate.reason = str(reason)
        except OSError as error:
            candidate.reason = f"cannot be read at the moment ({error.strerror or error})"
            self._settler.forget(path)
            candidate.not_before = self._clock() + min(self._settings.settle, RETRY_SECONDS)
        else:
            candidate.reason = "complete"
            self._hot[path.rpartition("/")[0]] = self._clock()
            self._offered[path] = arrival
            self._offer(arrival)

    # How it reports.

    def report(self, *, mode: str = "", overflows: int = 0) -> Report:
        """Where it stands."""
        self._update_report(mode=mode, overflows=overflows)
        return self._report

    @property
    def is_settling(self) -> bool:
        """Whether any file wants to be looked at soon."""
        return bool(self._candidates)

    def _ready(self) -> bool:
        """Whether the first scan has been completed and its baseline recorded: before, nothing can be called new."""
        return self._report.scans > 0 and self._baseline_told is None

    def _update_report(self, **changes: Any) -> None:
        pending = [
            Pending(candidate.path, candidate.size, self._settler.seconds(candidate.path), candidate.reason)
            for candidate, _ in zip(self._candidates.values(), range(MOST_PENDING_TOLD), strict=False)
        ]
        self._report = replace(self._report, **changes, settling=len(self._candidates), pending=tuple(pending))

    def _root_failed(self, error: OSError) -> None:
        root = self._settings.root
        if isinstance(error, FileNotFoundError):
            self._baseline.root_is_absent(self._tree.mount())
            trouble = f"{root} does not exist. It is looked for again and again; is it mounted?"
        elif isinstance(error, NotADirectoryError):
            trouble = f"{root} is not a folder"
        else:
            trouble = f"{root} cannot be listed ({error.strerror or error}). Is it mounted, and readable for this user?"
        self._update_report(trouble=trouble)

    def _wrong_mount(self, files: int) -> str:
        """A sentence where the root is as empty as the mount point of something that is not mounted."""
        root, mount = self._known.get(ROOT), self._tree.mount()
        if files or root is None or len(self._known) == 1 or root.modified_ns == mount_number(mount):
            return ""
        return f"{self._settings.root} is empty, and lies on {mount} now, not where it was. Is something not mounted?"

    # Candidates.

    def _consider_all(self, listing: Listing, baseline: list[KnownFile] | None, only: str | None = None) -> int:
        """Consider each file of a folder that may be a tomogram; how many there are."""
        if listing.own:
            return 0
        names = [entry for entry in listing.files if entry.name.endswith(self._suffixes)]
        if only is not None:
            names = [entry for entry in names if entry.name == only]
        count = 0
        prefix = f"{listing.folder}/" if listing.folder else ""
        for entry in names:
            path = prefix + entry.name
            if found := self._classify(path):
                count += 1
                try:
                    self._consider(path, entry, found, baseline)
                except OSError:
                    continue  # gone since its folder was listed, or a link to nowhere
        return count

    def _classify(self, path: str) -> tuple[Producer, Recognised, str] | None:
        """Who a full volume at `path` would be, by its name alone."""
        if self._exclusion.has_file(path) or not _is_text(path):
            return None
        known = recognise(self._producers, path)
        if known is None or known[1].role != "full":
            return None
        session = self._session.session(path)
        return (*known, session) if session else None

    def _consider(
        self, path: str, entry: Entry, found: tuple[Producer, Recognised, str], baseline: list[KnownFile] | None
    ) -> None:
        if path in self._candidates or not entry.is_file():
            return
        stat = entry.stat()
        known = self._known.get(path)
        place = (stat.st_dev, stat.st_ino)
        if known and (known.size, known.modified_ns) == (stat.st_size, stat.st_mtime_ns):
            self._places[place] = path
            if was_told := self._told.pop(path, None):
                self._follow_known(path, known, found, was_told)
            return
        if baseline is not None:
            baseline.append(KnownFile(path, Content(stat.st_size, stat.st_mtime_ns, "")))
            return
        since = self._settings.since
        if known is None and not isinstance(since, str) and stat.st_mtime < since:
            return
        is_link = entry.is_symlink()
        if self._is_taken_elsewhere(path, place, is_link=is_link):
            return
        producer, recognised, session = found
        if self._rival(path, producer, recognised):
            return
        self._late.forget(path)
        tomogram = TomogramId(self._settings.name, session, recognised.name)
        self._places[place] = path
        self._hot[path.rpartition("/")[0]] = self._clock()
        self._candidates[path] = Candidate(path, tomogram, producer, recognised, is_link, size=stat.st_size)
        self._settler.observe(path, Look(stat.st_size, stat.st_mtime_ns, stat.st_dev, stat.st_ino))
        self._judge.glance(producer, recognised, path)

    def _follow_known(self, path: str, content: Content, found: tuple[Producer, Recognised, str], told: str) -> None:
        producer, recognised, session = found
        tomogram = TomogramId(self._settings.name, session, recognised.name)
        self._late.follow(Arrival(tomogram, path, content, producer.name), producer, recognised, told)

    def _rival(self, path: str, producer: Producer, file: Recognised) -> str | None:
        """Another file that is the tomogram at `path`: one that was taken for it, or a better one."""
        files = producer.rivals(file, path)
        if len(files) == 1:
            return None
        for other in files:
            was_taken = other in self._known and self._known[other].digest != ""
            if other != path and was_taken and self._tree.exists(other):
                return other
        return better_rival(producer, file, path, self._tree)

    def _is_taken_elsewhere(self, path: str, place: tuple[int, int], *, is_link: bool) -> bool:
        """Whether the same file is seen under another name already; a link makes way for the file itself."""
        other = self._places.get(place)
        if other is None or other == path:
            return False
        try:
            look = self._tree.look(other)
        except OSError:
            return False
        if (look.device, look.inode) != place:
            return False
        rival = self._candidates.get(other)
        if rival and rival.is_link and not is_link and other not in self._offered:
            self._forget(other)
            return False
        return True

    def _forget(self, path: str) -> None:
        self._settler.forget(path)
        if candidate := self._candidates.pop(path, None):
            for _, half in candidate.producer.halves(candidate.recognised, path):
                self._settler.forget(half)


def _is_text(path: str) -> bool:
    """Whether a path can be written down: messages, tables and pages know no other."""
    return path.isascii() or not any("\ud800" <= character <= "\udfff" for character in path)


def _unreadable(folders: list[str]) -> str:
    if not folders:
        return ""
    return f"{len(folders)} folder{'s' * (len(folders) > 1)} cannot be read, first {folders[0]}"
