"""Walk a watched tree, folder by folder, and leave out what is nobody's tomogram: hidden names, file servers' bins."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from livetomo.config.patterns import ExcludedPaths
from livetomo.formats.endings import STORES, VOLUMES
from livetomo.intake.tree import Entry, Tree

# Where a server or desktop puts what was deleted, or as it was before. They are known by their whole name, in any case.
# Hidden ones (.snapshot, .Trash-1000, .recycle) need no mention.
_OF_SERVERS = frozenset(
    (
        *("#recycle", "@recycle"),  # Synology and Samba; QNAP
        *("$recycle.bin", "recycler", "recycled"),  # Windows, on a share or an external disk
        *("network trash folder", "temporary items"),  # Macintosh clients
        "lost+found",  # after a file system check
        *(mark + "snapshot" + plural for mark in "~#@" for plural in ("", "s")),  # NetApp, Synology, GPFS; btrfs
        "@recently-snapshot",  # QNAP
        *("@eadir", "@tmp", "@sharebin", "@sharesnap", "system volume information"),  # the servers' own data
    )
)
_SHADOW_COPY = re.compile(r"@gmt-[\d.-]+")  # Samba's and Windows'


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder's files and the folders in it that are wanted, or why it cannot be read.

    own: the folder is one of livetomo's own results; nothing below it is wanted, and neither are its files.
    is_outside: a link led there, so that the kernel reports nothing of it.
    stores: the folders in it that are called as volumes are; those of Zarr hold thousands, and are not looked into.
    """

    folder: str
    files: tuple[Entry, ...] = ()
    folders: tuple[str, ...] = ()
    error: OSError | None = None
    own: bool = False
    is_outside: bool = False
    stores: tuple[Entry, ...] = ()


class Walk:
    """Walks `tree`. Hidden names, bins of file servers, excluded folders and livetomo's own results are left out.

    A folder that is a link is followed, last, where it leads out of everything that is seen anyway, so that nothing
    is seen twice and no cycle has an end to look for.
    """

    def __init__(self, tree: Tree, exclusion: ExcludedPaths) -> None:
        self._tree = tree
        self._exclusion = exclusion

    def everything(self) -> Iterator[Listing]:
        """The root and all below it."""
        return self.below([""], lambda _: True)

    def below(self, folders: Iterable[str], descend: Callable[[str], bool]) -> Iterator[Listing]:
        """`folders`, and those below them that `descend` wants."""
        root = ""
        places: list[str] = []
        followed: list[str] = []
        waiting, links = deque(folders), list[tuple[str, str]]()
        while waiting or links:
            if waiting:
                folder = waiting.popleft()
            else:
                if not root:
                    root = self._tree.real_path("")
                    places.append(root)
                # The one that leads highest first, so that those into what it shows are known for what they are.
                place, folder = heappop(links)
                if _contains(place, root) or any(_contains(seen, place) for seen in places):
                    continue
                places.append(place)
                followed.append(folder)
            is_outside = any(_contains(link, folder) for link in followed)
            listing, linked = self._listing(folder, is_outside=is_outside)
            yield listing
            waiting.extend(child for child in listing.folders if child not in linked and descend(child))
            for child in filter(descend, linked):
                heappush(links, (self._tree.real_path(child), child))

    def _listing(self, folder: str, *, is_outside: bool) -> tuple[Listing, set[str]]:
        """The folder, and which of the folders in it are links."""
        try:
            entries = self._tree.list(folder)
        except OSError as error:
            return Listing(folder, error=error), set()
        # What may be a hundred thousand names of frames is passed through as rarely as can be, and whole.
        visible = [entry for entry in entries if entry.name[0] != "."]
        inside = [entry for entry in visible if _is_folder(entry)]
        files = tuple([entry for entry in visible if not _is_folder(entry)]) if inside else tuple(visible)
        kept = [entry for entry in inside if not is_left_out(entry.name)]
        if any(entry.name == "preview" for entry in kept) and any(entry.name == "result.json" for entry in files):
            return Listing(folder, files, own=True), set()
        prefix = f"{folder}/" if folder else ""
        stores = tuple(entry for entry in kept if entry.name.lower().endswith((*STORES, *VOLUMES)))
        folders = {
            path: entry
            for entry in kept
            if not entry.name.lower().endswith(STORES) and not self._exclusion.has_folder(path := prefix + entry.name)
        }
        linked = {path for path, entry in folders.items() if entry.is_symlink()}
        return Listing(folder, files, tuple(folders), is_outside=is_outside, stores=stores), linked


def _is_folder(entry: Entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _contains(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is never looked at, nor anything below it."""
    # Asked of every name in the tree: no regular expression but for those that begin as a shadow copy does.
    if name.startswith("."):
        return True
    lower = name.lower()
    return lower in _OF_SERVERS or (lower.startswith("@") and _SHADOW_COPY.fullmatch(lower) is not None)
