"""Find the complete tomograms of one watch: scan, settle, offer, and remember what has been dealt with.

The scan is the truth; hints of events only make it see sooner. Nothing here knows the time of day, threads or pipes.
"""

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, InitVar, dataclass, replace
from itertools import islice
from typing import Any

from livetomo.config.patterns import ExcludedPaths
from livetomo.core.errors import SourceChanged
from livetomo.core.tomogram import Arrival, Content, KnownFile
from livetomo.intake.candidates import Candidate, Candidates, Named, shown
from livetomo.intake.completeness import Dismissed, Judge, NotYet
from livetomo.intake.known import ANY_MOUNT, ROOT, Known, PreexistingFiles, mount_number
from livetomo.intake.late_metadata import MOST_FOLLOWED, Late
from livetomo.intake.messages import Pending, Report
from livetomo.intake.origins import Origins
from livetomo.intake.settings import WatchSettings
from livetomo.intake.settle import Settler
from livetomo.intake.tree import Look, Neighbours, NotAFile, Tree
from livetomo.intake.walk import Walk, is_left_out
from livetomo.system.mounts import FileSystem

MOST_OFFERS_IN_FLIGHT = 64
MOST_LOOKS_AT_A_TIME = 500
MOST_PENDING_REPORTED = 20
RETRY_SECONDS = 15.0
HOT_SECONDS = 3600.0
SUCCESSOR_SETTLES = 3.0


@dataclass(eq=False, repr=False)
class Watcher:
    """One watch. `offer` is called with each arrival, `report_baseline` with the baseline; both are answered later.

    report_left_alone: called with files that are known from elsewhere: copies, and old files that were moved.
    alive: called often during long work, so that the supervisor knows that it goes on.
    """

    settings: WatchSettings
    tree: Tree
    _: KW_ONLY
    clock: Callable[[], float]
    offer: Callable[[Arrival], None]
    report_baseline: Callable[[list[KnownFile]], None]
    report_left_alone: Callable[[list[KnownFile]], None]
    alive: Callable[[], None] = lambda: None
    first_start: bool = False
    known: InitVar[Iterable[KnownFile]] = ()

    def __post_init__(self, known: Iterable[KnownFile]) -> None:
        self._left_alone: list[KnownFile] = []
        self._exclusion = ExcludedPaths(self.settings.exclude)
        self._walk = Walk(self.tree, self._exclusion)
        self._settler = Settler(self.settings.settle, self.clock)
        self._near = Neighbours(self.tree)
        self._judge = Judge(self.settings, self.tree, self._near, self._settler)
        self._baseline = PreexistingFiles(leaves_alone=self.settings.since == "now", first_start=self.first_start)
        self._reported_baseline: list[KnownFile] | None = None
        self._known = Known()
        self._digests: dict[str, str] = {}
        for file in known:
            self._known.add(file)
            if file.companions_digest:
                self._digests[file.path] = file.companions_digest
        self._digests = dict(islice(reversed(self._digests.items()), MOST_FOLLOWED))
        self._late = Late(self.tree, self._judge, settle=self.settings.settle, clock=self.clock)
        self._offered: dict[str, Arrival] = {}
        self._origins = Origins(self.tree, self._known, self.alive)
        self._candidates = Candidates(
            *(self.settings, self.tree, self._near, self._known, self._origins, self),
            clock=self.clock,
            is_offered=self._offered.__contains__,
        )
        self._folders: set[str] = set()
        self._folders_outside = 0
        self._hot: dict[str, float] = {}
        self._report = Report()
        self._met = False
        self._is_elsewhere = False

    # What it sees.

    def scan(self) -> bool:
        """Look at every folder; whether that could be completed."""
        if self._reported_baseline is not None:
            return False
        self._near.clear()
        started = self.clock()
        mount = self.tree.mount()
        makes_baseline = self._baseline.is_due(mount, self._known)
        found: list[KnownFile] | None = [] if makes_baseline and self._baseline.leaves_alone(mount) else None
        folders: set[str] = set()
        unreadable: list[str] = []
        not_utf8: list[str] = []
        files = candidates = outside = 0
        self._met = False
        for listing in self._walk.everything():
            self.alive()
            if listing.error is not None and listing.folder == "":
                self._root_failed(listing.error)
                return False
            if isinstance(listing.error, FileNotFoundError):
                continue  # gone since its parent was listed
            if listing.error is not None:
                unreadable.append(f"{listing.folder} ({listing.error.strerror})")
                if makes_baseline and not isinstance(listing.error, PermissionError):
                    # What is in there is old too, and would be taken for new once it can be read again.
                    self._update_report(trouble=_unreadable(unreadable))
                    return False
            folders.add(listing.folder)
            outside += listing.is_outside
            files += len(listing.files)
            wanted = self._candidates.wanted(listing)
            candidates += self._candidates.consider(wanted, found)
            not_utf8 += self._candidates.not_utf8(wanted)
        self._folders, self._folders_outside = folders, outside
        if mount != self.tree.mount():
            return False  # remounted meanwhile: what was seen may be neither the one nor the other
        if trouble := self._wrong_mount(mount, files):
            # What lies here is not what this watch is about: none of it is taken.
            for path in list(self._candidates.files):
                self.withdraw(path)
            self._is_elsewhere = True
            self._update_report(trouble=trouble)
            return False
        self._is_elsewhere = False
        failed = self._candidates.take_trouble()
        if failed and makes_baseline:
            # What it would have recognised is old too, and would be taken for new once it is repaired.
            self._update_report(trouble=failed)
            return False
        if not makes_baseline and self._moved(mount):
            self._reported_baseline = self._baseline.made_of((), mount)
            self.report_baseline(self._reported_baseline)
        if makes_baseline:
            self._reported_baseline = self._baseline.made_of(found or [], mount)
            self.report_baseline(self._reported_baseline)
        self._update_report(
            trouble=failed or _unreadable(unreadable),
            scans=self._report.scans + 1,
            seconds=self.clock() - started,
            files=files,
            candidates=candidates,
            not_utf8=len(not_utf8),
            first_not_utf8=shown(min(not_utf8, default="")),
        )
        return True

    def scan_hot(self) -> None:
        """Look at the folders where something happened lately, at those above them, and at what is new in these."""
        if not self._ready():
            return
        self._near.clear()
        now = self.clock()
        self._hot = {folder: seen for folder, seen in self._hot.items() if now - seen < HOT_SECONDS}
        folders = {""}
        for hot in self._hot:
            while hot and hot not in folders:
                folders.add(hot)
                hot = hot.rpartition("/")[0]
        for listing in self._walk.below(sorted(folders), lambda child: child not in self._folders):
            self.alive()
            if listing.error is None:
                self._folders.add(listing.folder)
                self._candidates.consider(self._candidates.wanted(listing), None)

    def hints(self, happened: Iterable[tuple[str, bool]]) -> None:
        """Something happened at these paths (and whether they are folders): look there now."""
        if not self._ready():
            return
        self._near.clear()
        names: dict[str, set[str]] = {}
        for path, is_folder in happened:
            folder, _, name = path.rpartition("/")
            if self._is_left_out(path if is_folder else folder) or is_left_out(name):
                continue
            if is_folder:
                for listing in self._walk.below([path], lambda _: True):
                    if listing.error is None:
                        self._folders.add(listing.folder)
                        self._candidates.consider(self._candidates.wanted(listing), None)
            elif self.wants(name) and path not in self._candidates.files:
                names.setdefault(folder, set()).add(name)
        for listing in self._walk.below(names, lambda _: False):
            hinted, wanted = names[listing.folder], self._candidates.wanted(listing)
            self._candidates.consider((one for one in wanted if one[1].name in hinted), None)

    def _is_left_out(self, folder: str) -> bool:
        """Whether a scan would not come to `folder`."""
        parts = folder.split("/")
        above = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        return bool(folder) and (
            any(is_left_out(part) for part in parts) or any(self._exclusion.has_folder(one) for one in above)
        )

    def folders(self) -> int:
        """How many folders there are of which the kernel can report changes."""
        return len(self._folders) - self._folders_outside

    def wants(self, name: str) -> bool:
        """Whether a file of this name may matter: a cheap test for floods of events."""
        return self._candidates.wants(name)

    # What it receives.

    def acknowledge(self, path: str) -> None:
        """The catalog has the arrival that was offered for `path`."""
        if arrival := self._offered.pop(path, None):
            self._known.add(KnownFile(path, arrival.content))
            if arrival.moved_from:
                self._known.forget(arrival.moved_from)
                self._late.forget(arrival.moved_from)
            named = self._candidates.name(path)
            if named and arrival.fault is None:
                self._late.follow(arrival, named.producer, named.file)
            self.withdraw(path)

    def try_again(self, path: str) -> None:
        """The catalog could not take the arrival that was offered for `path`: offer it again in a while."""
        if self._offered.pop(path, None) and (candidate := self._candidates.files.get(path)):
            candidate.not_before = self.clock() + RETRY_SECONDS
            candidate.reason = "could not be recorded; tried again soon"

    def baseline_is_taken(self) -> None:
        """The catalog has the baseline."""
        for file in self._reported_baseline or ():
            self._known.add(file)
        self._baseline.is_made()
        self._reported_baseline = None

    # What it does.

    def look_around(self) -> None:
        """See whether halves or sidecars of what was taken have come or changed, and report it."""
        if not self._ready():
            return
        self._near.clear()
        for arrival in self._late.news(lambda path: path in self._offered or path in self._candidates.files):
            self.alive()
            self._offered[arrival.path] = arrival
            self.offer(arrival)

    def look(self) -> None:
        """Look at every file that is due, and offer those that are complete."""
        if not self._ready():
            return
        self._near.clear()
        looks = 0
        for candidate in list(self._candidates.files.values()):
            path = candidate.path
            if len(self._offered) >= MOST_OFFERS_IN_FLIGHT or looks >= MOST_LOOKS_AT_A_TIME:
                break
            if path in self._offered or self.clock() < candidate.not_before or not self._settler.is_due(path):
                continue
            looks += 1
            self.alive()
            self._look_at(candidate)
            self._candidates.to_the_end(path)
        self._update_report()

    def _look_at(self, candidate: Candidate) -> None:
        path = candidate.path
        named = candidate.named
        if self._candidates.why_not(path, named):
            self.withdraw(path)
            return
        try:
            look = self.tree.look(path)
            candidate.size, candidate.modified_ns = look.size, look.modified_ns
            known = self._known.get(path)
            is_known = known is not None and (known.size, known.modified_ns) == (look.size, look.modified_ns)
            if is_known and not self._candidates.is_orphaned(path):
                self.withdraw(path)  # it is again what it was when it was dealt with
                return
            rest = self._settler.observe(path, look)
            self._judge.halves.glance(named.file, path)
            if rest is None or rest < self.settings.settle:
                candidate.reason = "still changing" if rest is None else "at rest, but not long enough yet"
                return
            if rest < SUCCESSOR_SETTLES * self.settings.settle and (other := self._candidates.successor(path)):
                candidate.reason = f"the file that was here seems to be {other} now, which is checked first"
                return
            arrival = self._judge.arrival(named.tomogram, path, named.producer, named.file, look, rest)
            # Bad files fail one by one: a person has to mend each of them, even if it is like another.
            origin = None if arrival.fault else self._origins.of(path, arrival.content)
        except (FileNotFoundError, NotAFile, NotADirectoryError):
            self.withdraw(path)
        except SourceChanged:
            self._settler.forget(path)
        except NotYet as reason:
            candidate.reason = str(reason)
        except Dismissed:
            self._candidates.rule_out(path, look)
            self.withdraw(path)
        except OSError as error:
            candidate.reason = f"cannot be read at the moment ({error.strerror or error})"
            self._settler.forget(path)
            candidate.not_before = self.clock() + min(self.settings.settle, RETRY_SECONDS)
        else:
            if origin and origin.is_copy:
                self._leave_alone(KnownFile(path, replace(arrival.content, digest=""), "", look.inode, origin.path))
                self.withdraw(path)
                return
            if origin:
                arrival = replace(arrival, moved_from=origin.path)
            candidate.reason = "complete"
            self._hot[path.rpartition("/")[0]] = self.clock()
            self._offered[path] = arrival
            self.offer(arrival)

    def _leave_alone(self, file: KnownFile) -> None:
        """It has been dealt with, as what it is known for already."""
        self._known.add(file)
        self._left_alone.append(file)

    def _flush(self) -> None:
        """Have the catalog remember what was left alone."""
        if self._left_alone:
            self.report_left_alone(self._left_alone)
            self._left_alone = []

    # How it reports.

    def report(self, *, mode: str = "", overflows: int = 0) -> Report:
        """Where it stands."""
        self._flush()
        self._update_report(mode=mode, overflows=overflows)
        return self._report

    @property
    def is_settling(self) -> bool:
        """Whether any file wants to be looked at soon."""
        return bool(self._candidates.files)

    def _ready(self) -> bool:
        """Whether the first scan has been completed and its baseline recorded: before, nothing can be called new."""
        return self._report.scans > 0 and self._reported_baseline is None and not self._is_elsewhere

    def _update_report(self, **changes: Any) -> None:
        pending = [
            Pending(candidate.path, candidate.size, self._settler.seconds(candidate.path), candidate.reason)
            for candidate, _ in zip(self._candidates.files.values(), range(MOST_PENDING_REPORTED), strict=False)
        ]
        self._report = replace(self._report, **changes, settling=len(self._candidates.files), pending=tuple(pending))

    def _root_failed(self, error: OSError) -> None:
        root = self.settings.root
        if isinstance(error, FileNotFoundError):
            self._baseline.root_is_absent(self.tree.mount())
            trouble = f"{root} does not exist. livetomo waits for it; is it mounted?"
        elif isinstance(error, NotADirectoryError):
            trouble = f"{root} is not a folder"
        else:
            trouble = f"{root} cannot be listed ({error.strerror or error}). Is it mounted, and readable for this user?"
        self._update_report(trouble=trouble)

    def _moved(self, mount: FileSystem) -> bool:
        """Whether the root lies on another file system than the one that is remembered, where one is."""
        root = self._known.get(ROOT)
        return root is not None and root.modified_ns not in (ANY_MOUNT, mount_number(mount))

    def _wrong_mount(self, mount: FileSystem, files: int) -> str:
        """A sentence where the root lies on another file system, and nothing that was taken or left alone is there.

        Servers and disks are renamed: where any known file is found as it was, it is the same place.
        """
        if not self._moved(mount) or self._met or len(self._known) == 1:
            return ""
        lies = f"{self.settings.root} lies on {mount} now, not where it was, and "
        if not files:
            return f"{lies}is empty. Is something not mounted?"
        return (
            f"{lies}none of the {len(self._known) - 1:,} known files are there. Is something else "
            "mounted in its place? Nothing is taken. If this is intended, call `livetomo resume --watch "
            f"{self.settings.name}` and restart the daemon."
        )

    # What `Candidates` reports.

    def candidate_found(self, candidate: Candidate, look: Look) -> None:
        """As `CandidateListener.candidate_found`."""
        self._late.forget(candidate.path)
        self._hot[candidate.path.rpartition("/")[0]] = self.clock()
        self._settler.observe(candidate.path, look)
        self._judge.halves.glance(candidate.named.file, candidate.path)

    def known_seen(self, path: str, named: Named, content: Content) -> None:
        """As `CandidateListener.known_seen`."""
        self._met = True
        if recorded := self._digests.pop(path, None):
            arrival = Arrival(named.tomogram, path, content, named.producer.name)
            self._late.follow(arrival, named.producer, named.file, recorded)

    def left_alone_moved(self, old: str, file: KnownFile) -> None:
        """As `CandidateListener.left_alone_moved`."""
        self._leave_alone(replace(file, copy_of=self._known.original(old)))

    def withdraw(self, path: str) -> None:
        """As `CandidateListener.withdraw`; its halves are looked at anew, too."""
        self._settler.forget(path)
        if candidate := self._candidates.files.pop(path, None):
            for _, half in self._judge.halves.places(candidate.named.file, path):
                self._settler.forget(half)


def _unreadable(folders: list[str]) -> str:
    if not folders:
        return ""
    return f"{len(folders)} folder{'s' * (len(folders) > 1)} cannot be read, first {folders[0]}"
