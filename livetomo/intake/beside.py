"""What lies beside one file that a person names: the same facts that a watch would have gathered of it."""

from pathlib import Path

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.producers import PRODUCERS, choose
from livetomo.intake.sidecars import gather
from livetomo.intake.tree import Tree


def facts_beside(path: Path) -> SidecarFacts:
    """The facts of the sidecars of the tomogram at `path`, by each producer here (no plug-in) that knows it.

    The first of them in the table says what the tomogram is called and how it is stored; `generic` knows every volume.
    """
    root = Path(path.absolute().anchor)
    relative = path.absolute().relative_to(root).as_posix()
    found = [(each, file) for each in choose(tuple(PRODUCERS.built_in)) if (file := each.recognise(relative))]
    if not found:
        return SidecarFacts()
    _, first = found[0]
    places = [
        place for producer, file in found if file.name == first.name for place in producer.sidecars(file, relative)
    ]
    return gather(Tree(root), places, first.name) | SidecarFacts(stored_axes=first.stored_axes)
