"""Sums of a session that are added to with each result, so that those before it are not read again.

It follows from the results that it names: a total that is lost, or holds what no longer counts, is made anew from them.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livetomo.core.errors import ResultUnreadable
from livetomo.core.particle_sums import SUMS_SHAPE, Array, ParticleSums
from livetomo.results.average.sums_file import TomogramAverage, read_sums, sums_name
from livetomo.results.folder import Result
from livetomo.results.left_out import LeftOut, refuse
from livetomo.system.atomic_write import replace_bytes


@dataclass(frozen=True, slots=True)
class RunningTotal:
    """The sums of one feature of a session.

    diameters: Å, of the particle in each result that was read, by the results' ids. `average` holds those of its own
        diameter; the others are of another particle.
    """

    average: TomogramAverage
    diameters: Mapping[str, float]

    def held(self) -> frozenset[str]:
        """The ids of the results that are in the sums."""
        return frozenset(id for id, of in self.diameters.items() if of == self.average.diameter_angstrom)


def add_up(
    results: Sequence[Result],
    feature: str,
    before: RunningTotal | None = None,
    leave_out: Callable[[LeftOut], None] = refuse,
) -> RunningTotal | None:
    """The sums of the results that count; None where none has any that can be read.

    before: an earlier total, to which what is new is added where all that it holds still counts.
    leave_out: hears of those whose sums cannot be read, or are of another particle than the first result's.
    """
    mine = [result for result in results if sums_name(feature) in result.manifest.files]
    if before is not None and not before.held() <= {result.manifest.result_id for result in mine}:
        before = None
    known = {} if before is None else before.diameters
    total = None if before is None else before.average
    diameters: dict[str, float] = {}
    left_out: list[LeftOut] = []
    for result in mine:
        held = result.manifest.result_id in known
        try:
            one = None if held else read_sums(result, feature)
            diameter = known[result.manifest.result_id] if one is None else one.diameter_angstrom
            if not diameters and total is not None and diameter != total.diameter_angstrom:
                return add_up(results, feature, None, leave_out)  # the first is of another particle now
            diameters[result.manifest.result_id] = diameter
            if total is not None and diameter != total.diameter_angstrom:
                first = total.diameter_angstrom
                why = f"its {feature} are particles of {diameter:g} Å, those before of {first:g} Å"
                raise ResultUnreadable(result.folder, why)
        except ResultUnreadable as fault:
            left_out.append(LeftOut(result.manifest.tomogram.name, fault))
            continue
        if one is not None:
            total = one if total is None else _sum(total, one)
    for each in left_out:
        leave_out(each)
    return None if total is None else RunningTotal(total, diameters)


def _sum(one: TomogramAverage, other: TomogramAverage) -> TomogramAverage:
    return TomogramAverage(one.diameter_angstrom, one.particles + other.particles, one.null + other.null)


def write_total(path: Path, total: RunningTotal) -> None:
    """Leave it for the next time, in place of an earlier one."""
    one = total.average
    arrays = {"diameter_angstrom": np.array(one.diameter_angstrom)}
    arrays["diameters"] = np.frombuffer(json.dumps(dict(total.diameters)).encode(), np.uint8)
    for name, sums in (("particles", one.particles), ("null", one.null)):
        arrays |= {f"{name}_signal": sums.signal, f"{name}_weight": sums.weight, f"{name}_count": np.array(sums.count)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    replace_bytes(path, file.getvalue())


def read_total(path: Path) -> RunningTotal | None:
    """The inverse of `write_total`; None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            sums = [
                _sums(arrays[f"{name}_signal"], arrays[f"{name}_weight"], arrays[f"{name}_count"])
                for name in ("particles", "null")
            ]
            one = TomogramAverage(float(arrays["diameter_angstrom"]), *sums)
            return RunningTotal(one, json.loads(arrays["diameters"].tobytes()))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _sums(signal: Array, weight: Array, count: Array) -> ParticleSums:
    if (signal.shape, weight.shape, count.shape) != (SUMS_SHAPE, SUMS_SHAPE, (2,)):
        raise ValueError(f"its sums have the shape {signal.shape}")
    first, second = count.tolist()
    return ParticleSums(signal, weight, (first, second))
