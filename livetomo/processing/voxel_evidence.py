"""Settle a tomogram's voxel size: a person, header, name, sidecars and extents are asked, and contradictions are named.

docs/producers.md has the order of trust. Nothing here reads a file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from livetomo.core.evidence import Evidence
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.voxel_size import is_possible
from livetomo.formats.mrc_cell import OF_THE_EXTENTS
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.voxel_witnesses import (
    SAME,
    Witness,
    header_is_unset,
    of_header,
    of_name,
    of_sidecars,
    unbinned_pixel,
)

_TRUST = ("header", "name", "sidecar", "extents")
# Voxels so fine, of a volume so narrow, are seldom a tomogram's: its header may be in nm.
_FINE_ANGSTROM, _NARROW_ANGSTROM = 2.0, 1000.0
_UNSET = "exactly 1 Å, as many programs write when they do not know"


@dataclass(frozen=True, slots=True)
class Settled:
    """The voxel size (Å), who says it, all that was said, and what is wrong about it; empty where nothing is.

    is_confirmed: two kinds of witnesses say the same, and none another.
    """

    angstrom: float
    source: str
    evidence: tuple[Evidence, ...]
    trouble: str = ""
    is_confirmed: bool = False


def settle(header: MrcHeader, path: PurePath, facts: SidecarFacts, *, said: float | None, default: float) -> Settled:
    """What holds. `said`: by a person; None where nobody has. `default`: Å, where nothing else says any."""
    witnesses = [*of_header(header), *of_name(path), *of_sidecars(header, facts)]
    aside = _set_aside(header, witnesses, facts)
    sure = [one for one in witnesses if one not in aside]
    given = tuple(_evidence(header, witnesses, aside))
    if said is not None:
        return Settled(said, "override", (Evidence("voxel_size", said, "override"), *given), _against(said, sure))
    if not sure:
        return _unsure(header, witnesses, given, default)
    groups = _groups(sure)
    best = groups[0][0]
    kinds = {one.kind for one in groups[0]}
    if len(groups) > 1:
        why = (
            "as most of them say" if len(kinds) > len({one.kind for one in groups[1]}) else "the first is believed most"
        )
        trouble = f"{_listed([one for group in groups for one in group])}; {best.angstrom:g} Å is used, {why}"
    else:
        # one that was sure, and is set aside, says something wrong instead of nothing
        trouble = next((f"{note}; {best.angstrom:g} Å is used" for one, note in aside.items() if one.is_sure), "")
        trouble = trouble or _not_cubic(header, best) or (_doubt(header, best) if len(kinds) == 1 else "")
    return Settled(best.angstrom, best.source, given, trouble, len(kinds) > 1 and not trouble)


def _set_aside(header: MrcHeader, witnesses: Sequence[Witness], facts: SidecarFacts) -> dict[Witness, str]:
    """Those that are not believed, and why. A source that is not sure is believed if another one says the same."""
    aside = {}
    pixel, _ = unbinned_pixel(facts)
    for one in witnesses:
        others = [other for other in witnesses if other.kind != one.kind]
        if any(one.agrees(other) for other in others):
            continue
        given = [other for other in others if other.is_sure]
        in_nm = next((other for other in given if math.isclose(other.angstrom, 10 * one.angstrom, rel_tol=SAME)), None)
        if not one.is_sure:
            aside[one] = (
                f"the header says {_UNSET}" if one.kind == "header" else f"the {one.source} may mean another thing"
            )
        elif one.kind == "header" and in_nm:
            aside[one] = f"the header says {one.angstrom:g} Å, and the {in_nm.source} ten times as much: it is in nm"
        elif one.kind == "header" and given and pixel and math.isclose(pixel, one.angstrom, rel_tol=SAME):
            listed = _listed(given)
            aside[one] = f"the header says {one.angstrom:g} Å, the pixel of the unbinned tilt series, but {listed}"
    return aside


def _groups(witnesses: Sequence[Witness]) -> list[list[Witness]]:
    """Those that say the same together: the group that most kinds are in first, then the one believed most."""
    groups: list[list[Witness]] = []
    for one in sorted(witnesses, key=lambda one: _TRUST.index(one.kind)):
        home = next((group for group in groups if one.agrees(group[0])), None)
        if home is None:
            groups.append([one])
        else:
            home.append(one)
    return sorted(groups, key=lambda group: (-len({one.kind for one in group}), _TRUST.index(group[0].kind)))


def _unsure(header: MrcHeader, witnesses: Sequence[Witness], given: tuple[Evidence, ...], default: float) -> Settled:
    """Nobody is sure: the name, if it may say something; else a header of exactly 1 Å; else the default."""
    x = header.voxel_size_xyz[0]
    said = f"the header says {_UNSET}" if header_is_unset(header) else f"the header says {x:g} Å"
    for one in sorted(witnesses, key=lambda one: one.kind == "header"):
        if one.kind == "header":
            return Settled(one.angstrom, "header", given, said)
        trouble = f"{said}, and only the {one.source} may say another; {one.angstrom:g} Å is used"
        return Settled(one.angstrom, one.source, given, trouble)
    trouble = f"{said}; {default:g} Å, the configured default, is used"
    return Settled(default, "default", (*given, Evidence("voxel_size", default, "default")), trouble)


def _against(said: float, sure: Sequence[Witness]) -> str:
    """What speaks against a person's word: it is for headers that are wrong, but two others are not wrong alike."""
    mine = Witness(said, "override", "name")
    if any(one.agrees(mine) for one in sure):
        return ""
    for group in _groups(sure):
        if len({one.kind for one in group}) > 1:
            return f"a person says {said:g} Å, but {_listed(group)}; {said:g} Å is used"
    return ""


def _listed(witnesses: Sequence[Witness]) -> str:
    given = {one.source: f"the {one.source} says {one.angstrom:g} Å" for one in witnesses}
    return ", ".join(given.values())


def _not_cubic(header: MrcHeader, best: Witness) -> str:
    x, y, z = header.voxel_size_xyz
    if best.kind == "header" and max(x, y, z) > (1 + SAME) * min(x, y, z):
        return f"the header says {x:g} x {y:g} x {z:g} Å (x, y, z); the first is used for all"
    return ""


def _doubt(header: MrcHeader, best: Witness) -> str:
    """What makes a header doubtful that nobody supports: its own cell, or a volume too small for a tomogram."""
    if best.kind != "header":
        return ""
    if OF_THE_EXTENTS in best.how:
        return f"the header says {best.angstrom:g} Å, but {best.how}"
    width = best.angstrom * max(header.shape_zyx[1:])
    if best.angstrom < _FINE_ANGSTROM and width < _NARROW_ANGSTROM:
        return f"the header says {best.angstrom:g} Å, with which the volume is {width:,.0f} Å wide: is it in nm?"
    return ""


def _evidence(header: MrcHeader, witnesses: Sequence[Witness], aside: Mapping[Witness, str]) -> list[Evidence]:
    x = header.voxel_size_xyz[0]
    unset = [] if is_possible(x) else [Evidence("voxel_size", x, "header", "no voxel is of this size")]
    for one in witnesses:
        unset.append(Evidence("voxel_size", float(f"{one.angstrom:.6g}"), one.source, aside.get(one, "") or one.how))
    return unset
