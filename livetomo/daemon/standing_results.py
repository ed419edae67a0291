"""The results of a session that stand, as the catalog names them, read by a child of the daemon."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from livetomo.core.errors import ResultUnreadable, SourceUnreadable
from livetomo.core.quality.metric import Verdict
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.results.folder import Result, read_result
from livetomo.results.left_out import LeftOut


def read_results(
    standing: Mapping[str, Mapping[str, Any]], leave_out: Callable[[LeftOut], None]
) -> tuple[list[Result], dict[str, Verdict]]:
    """By the tomograms' names, with the verdict of each by its id; `leave_out` hears of those that cannot be read.

    standing: what is known of each by its folder, as `Views.standing_results` has it.

    Raises:
        SourceUnreadable: the output is away.
    """
    results, verdicts = [], {}
    _must_be_there(standing)
    for folder, known in standing.items():
        try:
            result = read_result(Path(folder), SidecarFacts.from_json(known["metadata"]))
        except ResultUnreadable as fault:
            leave_out(LeftOut(fault.path.parent.name, fault))
            continue
        results.append(result)
        verdicts[result.manifest.result_id] = known["verdict"]
    _must_be_there(standing)  # it may have gone meanwhile
    return sorted(results, key=lambda result: result.manifest.tomogram.name), verdicts


def _must_be_there(folders: Iterable[str]) -> None:
    """Where the folder of all results is away, none of them is damaged: what was written of them stays."""
    for place in {Path(folder).parents[1] for folder in folders}:
        try:
            list(place.iterdir())
        except OSError as fault:
            raise SourceUnreadable(place, fault.strerror or str(fault)) from None
