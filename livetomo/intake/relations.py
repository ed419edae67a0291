"""What the files around a volume say: that it is a tilt stack, a by-product, or made from a tomogram there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from livetomo.config.patterns import SessionPattern
from livetomo.core.errors import PermanentError
from livetomo.formats.endings import VOLUMES, packed, plain_path
from livetomo.formats.mrc_header import MrcHeader
from livetomo.formats.stacks import refuse_images, refuse_volumes
from livetomo.intake.producers import Producer, Recognised, better_rival, contradiction, recognise
from livetomo.intake.producers.imod import by_product
from livetomo.intake.producers.producer import parent, split
from livetomo.intake.producers.volume_name import VolumeName, is_product, may_hold_sources, may_hold_tomograms
from livetomo.intake.tree import Neighbours, Tree

MOST_FOLDERS_BESIDE = 100
_TAILS = ("", "_rec", "_Vol", "_full_rec")
# Files that lie beside a tomogram of a tilt series of its own, and not beside a copy.
_OWN = (".mdoc", ".mrc.mdoc", ".st.mdoc", ".rawtlt", ".aln", "_TLT.txt")
_MDOCS = (".mdoc", ".mrc.mdoc", ".st.mdoc")
_LISTS = (".rawtlt", ".tlt", "_TLT.txt")


@dataclass(eq=False, repr=False)
class Relations:
    """Asks what lies around a volume, never above its session's folder.

    was_taken: whether the file at a path has been taken as a tomogram, though it may be gone by now.
    """

    tree: Tree
    near: Neighbours
    producers: Sequence[Producer]
    session: SessionPattern
    was_taken: Callable[[str], bool] = lambda _: False

    def why_not(self, producer: Producer, file: Recognised, path: str) -> str:
        """Why the volume at `path` is not taken for a tomogram of its own; empty where nothing around it says so."""
        if other := contradiction(producer, file, path, self.near.exists):
            return f"a tilt stack, as {other} beside it shows"
        if better := better_rival(producer, file, path, self._there):
            return f"the same tomogram as {better}, which is taken instead"
        if producer.is_users_word:
            return ""
        if reason := by_product(plain_path(path), self.near):
            return reason
        source = next((one for one in self._sources(path) if self._is_source(one, path)), None)
        return f"made from {source}, by its name" if source else ""

    def _there(self, path: str) -> bool:
        return self.near.exists(path) or self.was_taken(path)

    def _sources(self, path: str) -> Iterator[str]:
        """What there is of the files that, by their names, the volume at `path` may have been made from."""
        folder, name = split(plain_path(path))
        names = VolumeName.of(name)
        has_own = any(self.near.exists(folder + names.core + ending) for ending in _OWN)
        # Beside it, a name that is longer by what does not distinguish two tomograms.
        for core in () if has_own else names.shorter():
            yield from self._present(folder, core, names, strict=False)
        for core in names.behind_product():
            yield from self._present(folder, core, names, strict=False)
        # In another folder, the same name, or one that is longer.
        longer = (*names.shorter(), *names.behind_product())
        for place, is_named in self._folders(folder, path):
            for core in (names.core, *longer):
                yield from self._present(place, core, names, strict=not is_named)
        # In a folder beside it, whatever that is called, where the name itself says that it is a copy's.
        if longer and is_product(names.core) and len(folder) > len(self.session.folder(path)):
            for place in self._beside(*_split_folder(folder)):
                for core in longer:
                    yield from self._present(place, core, names, strict=False)

    def _present(self, folder: str, core: str, names: VolumeName, *, strict: bool) -> Iterator[str]:
        """The volumes of the series `core` in `folder`. strict: only one that is called as the file itself is."""
        tails = (names.tail,) if strict else dict.fromkeys((names.tail, *_TAILS))
        endings = (names.ending,) if strict else VOLUMES
        heads = (names.head,) if strict else dict.fromkeys((names.head, "", "rec_"))
        for tail in tails:
            for ending in endings:
                for head in heads:
                    plain = f"{folder}{head}{core}{tail}{ending}"
                    yield from (one for one in (plain, *packed(plain)) if self._there(one))

    def _folders(self, folder: str, path: str) -> Iterator[tuple[str, bool]]:
        """Folders that may hold the sources of what is in `folder`, and whether its name says that it has copies.

        The folder above; and for a folder called as copies are, at whatever depth, those beside and above it.
        """
        session = self.session.folder(path)
        inner = folder[len(session) :].split("/")[:-1]
        for number in reversed(range(len(inner))):
            word = inner[number]
            above = session + "".join(f"{part}/" for part in inner[:number])
            rest = "".join(f"{part}/" for part in inner[number + 1 :])
            if is_product(word):
                for place in (above, *self._beside(above, word)):
                    yield place + rest, True
                    if rest:
                        yield place, True
            elif not rest and not may_hold_tomograms(word):
                yield above, False

    def _beside(self, above: str, word: str) -> list[str]:
        """The folders in `above`, but `word`, that may hold the sources of copies."""
        names = sorted(name for name in self.near.names(above) if "." not in name[-5:] and name != word)
        return [f"{above}{name}/" for name in names if may_hold_sources(name)][:MOST_FOLDERS_BESIDE]

    def _is_source(self, source: str, path: str) -> bool:
        """Whether the file at `source` is a tomogram of which that at `path` can be made."""
        if source == path:
            return False
        found = recognise(self.producers, source, self.session.folder(source))
        if found is None or found[1].role == "other":
            return False
        if contradiction(*found, source, self.near.exists):
            return False
        try:
            own, other = self.tree.look(path), self.tree.look(source)
            whole = self.tree.header(source)
            refuse_stack(whole, source, self.tree, self.near, is_users_word=found[0].is_users_word)
        except PermanentError:
            return False
        except OSError:
            return True  # gone since it was taken, or not to be read at the moment: their names have to do
        if (own.device, own.inode) == (other.device, other.inode):
            return False
        if VolumeName.of(split(source)[1]).is_reconstruction:
            return True
        try:
            made = self.tree.header(path)
        except (OSError, PermanentError):
            return True  # not whole yet
        # What is deeper and narrower was made from a tilt stack: it is the tomogram.
        (depth, _, width), (sections, _, columns) = made.shape_zyx, whole.shape_zyx
        return not (depth > sections and width < columns)


def _split_folder(folder: str) -> tuple[str, str]:
    """The folder above, with a trailing "/", and the name of `folder`, which has one."""
    above = parent(folder)
    return above, folder[len(above) :].rstrip("/")


def refuse_stack(header: MrcHeader, path: str, tree: Tree, near: Neighbours, *, is_users_word: bool = False) -> None:
    """Refuse what is a stack by its header, or by the tilts that files of its name, or of its series', list.

    A file that is called as reconstructions are, or that the user's pattern names, is no stack of images.

    Raises:
        VolumeStack, TiltStack: what shows it.
    """
    refuse_volumes(header, Path(path))
    if is_users_word or VolumeName.of(split(plain_path(path))[1]).is_reconstruction:
        return
    folder, name = split(plain_path(path))
    core = VolumeName.of(name).core
    series = (core[:number] for number in range(len(core) - 1, 0, -1) if core[number] in "._-")
    own = [folder + core + ending for ending in (*_MDOCS, *_LISTS)]
    if folder:
        own += [parent(folder) + core + ending for ending in _MDOCS]
    others = [folder + one + ending for one in series for ending in (*_MDOCS, *_LISTS)]
    refuse_images(header, Path(path), *(_counts(places, tree, near) for places in (own, others)))


def _counts(places: Iterable[str], tree: Tree, near: Neighbours) -> dict[str, int]:
    """How many tilts those of `places` that exist list, by their names."""
    counts = {}
    for place in places:
        if near.exists(place):
            try:
                counts[split(place)[1]] = _count(place, tree.text(place))
            except OSError:
                continue  # gone meanwhile, or not to be read: it says nothing
    return counts


def _count(path: str, text: str) -> int:
    lines = [line for line in text.splitlines() if line.strip()]
    if path.endswith(".mdoc"):
        return sum(line.lstrip().startswith("[ZValue") for line in lines)
    return len(lines)
