"""How many tilts the files beside a volume list: a stack has as many sections."""

from collections.abc import Iterable
from pathlib import Path

from livetomo.formats.endings import plain_path
from livetomo.formats.mrc_header import MrcHeader
from livetomo.formats.stacks import refuse_images, refuse_volumes
from livetomo.intake.neighbours import Neighbours
from livetomo.intake.producers.producer import parent, split
from livetomo.intake.producers.volume_name import VolumeName
from livetomo.intake.tree import Tree

_MDOCS = (".mdoc", ".mrc.mdoc", ".st.mdoc")
_LISTS = (".rawtlt", ".tlt", "_TLT.txt")


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
