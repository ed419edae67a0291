"""Each session's stars, kept up to date with its results: derived, replaced whole, made by a process of their own.

That process reads on its standard input what to write: {"results": {folder: {"metadata": …, "verdict": …}},
"exclusions": […], "set_aside": […], "acquisition": {…}, "session": folder, "format": name}, and writes on its standard
output what it could not read: {"left_out": {tomogram: why}}. Tomograms whose verdict is bad, and what people or rules
have taken out, are in no star. Beside the stars it leaves `metadata.json`, what sidecars say by now, and
`session.json`, verdicts, exclusions and results that are not in force, for what is derived from the results later.
"""

import json
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import LivetomoError
from livetomo.core.exclusion import Exclusion
from livetomo.core.json_object import JsonObject
from livetomo.core.quality.metric import WORST_VERDICT
from livetomo.core.tomogram import session_folder
from livetomo.daemon.export_problems import Outcome
from livetomo.daemon.session_refresh import ChildFailed, SessionRefresh, report_of_child
from livetomo.results.left_out import LeftOut
from livetomo.system.atomic_write import replace_text
from livetomo.system.parent_death import end_with_parent

FORMAT = "relion5"
WITHOUT = "left_out.txt"
"""Beside the stars: which tomograms and parts of them are not in them by choice, and why; a line each."""
NEEDED = "still_needed.txt"
"""Beside the stars: what a person has to say before RELION can use them; not there where nothing is needed."""

log = logging.getLogger("livetomo.session_stars")


@dataclass(eq=False, repr=False)
class SessionStars(SessionRefresh):
    """Writes `<output>/<watch>/<session>/particles/` anew a while after results, or what is known of them, changed.

    acquisitions: how the configuration says that tilt series are taken, by the watches' names.
    """

    _: KW_ONLY
    acquisitions: Mapping[str, Acquisition] = field(default_factory=dict)

    files = "stars"
    log = log

    async def write(self, watch: str, session: str) -> Outcome:
        """Have the session's files written."""
        results = await self.catalog(lambda catalog: catalog.views.standing_results(watch, session))
        excluded = await self.catalog(lambda catalog: catalog.exclusions.of_session(watch, session))
        folder = session_folder(self.output, watch, session)
        order: dict[str, Any] = {"results": results, "session": str(folder), "format": FORMAT}
        order["exclusions"] = [each.to_json() for each in excluded]
        order["set_aside"] = await self.catalog(lambda catalog: catalog.reinstatements.set_aside(watch, session))
        order["acquisition"] = self.acquisitions.get(watch, Acquisition()).to_json()
        try:
            report = await report_of_child("livetomo.daemon.session_exports", order)
        except ChildFailed as fault:
            return Outcome(failure=str(fault))
        return Outcome(left_out=report["left_out"])


def write(order: dict[str, Any]) -> dict[str, Any]:
    """Write what `order` says: the files of every feature. A feature whose picks have all gone gets an empty file.

    A result that cannot be read costs its own tomogram only, which the report names.

    Raises:
        SourceUnreadable: the output is away.
    """
    from livetomo.daemon.standing_results import read_results
    from livetomo.formats.relion import OPTIMISATION_SET, Relion5Exporter
    from livetomo.results.session_facts import SessionFacts
    from livetomo.results.session_files import write_session
    from livetomo.results.session_picks import features, first_feature, read_picks, write_metadata

    session = Path(order["session"])
    output = session / "particles"
    left_out: list[LeftOut] = []
    results, verdicts = read_results(order["results"], left_out.append)
    exclusions = [Exclusion.from_json(JsonObject(each)) for each in order["exclusions"]]
    said = Acquisition.from_json(order.get("acquisition", {}))
    facts = SessionFacts(verdicts, exclusions, order.get("set_aside", ()), said)
    write_metadata(results, session)
    facts.write(session)
    without: list[str] = []
    chosen = facts.chosen(results, WORST_VERDICT, lambda name, why: without.append(f"{name}: {why}\n"))
    _write_lines(output / WITHOUT, without)
    sets = f"_{OPTIMISATION_SET}"
    before = {path.name.removesuffix(sets) for path in output.glob(f"*{sets}")}
    every = sorted(before | set(features(results)))
    first = first_feature(results) or next(iter(every), None)
    for feature in every:
        # everywhere: all features share one list of the session's tomograms
        picks = read_picks(chosen, feature, everywhere=True, facts=facts, leave_out=left_out.append)
        write_session(picks, feature, order["format"], output, is_first=feature == first, leave_out=left_out.append)
        if feature == first:
            _write_lines(output / NEEDED, [f"{sentence}\n" for sentence in Relion5Exporter().lacks(picks)])
    return {"left_out": {each.tomogram: str(each.fault) for each in left_out}}


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    """No file for no lines."""
    if lines:
        replace_text(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    # What a killed daemon's child writes late would take the place of what the next daemon has written.
    end_with_parent(signal.SIGKILL)()
    try:
        print(json.dumps(write(json.load(sys.stdin))))
    except (LivetomoError, OSError) as fault:
        sys.exit(str(fault))
