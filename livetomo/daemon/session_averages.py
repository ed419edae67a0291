"""Each session's averages, kept up to date with its results: a look at what was picked, made by a process of its own.

That process reads on its standard input of what: {"results": {folder: {"metadata": …, "verdict": …}}, "exclusions":
[…], "session": folder}, and writes on its standard output what came of it: {"averages": {feature: summary}, "left_out":
{tomogram: why}}. It adds what is new to a running total beside the averages; where a result that is in it no longer
counts, the total is made anew. Tomograms whose verdict is bad, and those that people or rules have taken out, are in no
average.
"""

import json
import logging
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livetomo.core.average_summary import AverageSummary
from livetomo.core.errors import LivetomoError
from livetomo.core.exclusion import Exclusion
from livetomo.core.json_object import JsonObject
from livetomo.core.quality.metric import WORST_VERDICT
from livetomo.core.tomogram import session_folder
from livetomo.daemon.export_problems import Outcome
from livetomo.daemon.session_refresh import ChildFailed, SessionRefresh, report_of_child
from livetomo.results.average.names import AVERAGES, TOTAL
from livetomo.results.left_out import LeftOut
from livetomo.system.parent_death import end_with_parent

log = logging.getLogger("livetomo.session_averages")


@dataclass(eq=False, repr=False)
class SessionAverages(SessionRefresh):
    """Writes `<output>/<watch>/<session>/average/` anew a while after results, or which of them count, changed."""

    files = reported_as = "averages"
    severity = "warning"  # no pick is missing for it
    log = log

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last: dict[tuple[str, str], Mapping[str, AverageSummary]] = {}

    def of(self, watch: str, session: str) -> Mapping[str, AverageSummary]:
        """What the last averages of a session say, by feature; none before they are made after the daemon's start."""
        return self._last.get((watch, session), {})

    def folder(self, watch: str, session: str) -> Path:
        """Where the files of its averages are."""
        return session_folder(self.output, watch, session) / AVERAGES

    async def write(self, watch: str, session: str) -> Outcome:
        """Have the session's averages made; of a session without orientations there are none, and nothing is run."""
        if not await self.catalog(lambda catalog: catalog.views.has_averages(watch, session)):
            self._last.pop((watch, session), None)
            return Outcome()
        results = await self.catalog(lambda catalog: catalog.views.standing_results(watch, session))
        excluded = await self.catalog(lambda catalog: catalog.exclusions.of_session(watch, session))
        order: dict[str, Any] = {"results": results, "exclusions": [each.to_json() for each in excluded]}
        order["session"] = str(session_folder(self.output, watch, session))
        try:
            report = await report_of_child("livetomo.daemon.session_averages", order)
        except ChildFailed as fault:
            return Outcome(failure=str(fault))
        self._last[watch, session] = {
            feature: AverageSummary.from_json(body) for feature, body in report["averages"].items()
        }
        return Outcome(left_out=report["left_out"])


def write(order: Mapping[str, Any]) -> dict[str, Any]:
    """Make the averages of what `order` says. A feature of which nothing counts any more has none.

    A result that cannot be read costs its own tomogram only, which the report names.

    Raises:
        SourceUnreadable: the output is away.
    """
    from livetomo.daemon.standing_results import read_results
    from livetomo.results.average.files import features_in, remove_files, write_files
    from livetomo.results.average.running_total import add_up, read_total, write_total
    from livetomo.results.average.session_average import SessionAverage
    from livetomo.results.session_facts import SessionFacts
    from livetomo.results.session_picks import features

    output = Path(order["session"]) / AVERAGES
    left_out: list[LeftOut] = []
    results, verdicts = read_results(order["results"], left_out.append)
    facts = SessionFacts(verdicts, [Exclusion.from_json(JsonObject(each)) for each in order["exclusions"]])
    chosen = facts.chosen(results, WORST_VERDICT)
    summaries = {}
    for feature in features(chosen):
        before = read_total(output / f"{feature}{TOTAL}")
        total = add_up(facts.of_feature(chosen, feature), feature, before, left_out.append)
        if total is not None:
            if before is None or total.diameters != before.diameters:
                write_total(output / f"{feature}{TOTAL}", total)
            summaries[feature] = write_files(output, SessionAverage.of(feature, total))
    for feature in features_in(output) - summaries.keys():
        remove_files(output, feature)
    return {
        "averages": {feature: summary.to_json() for feature, summary in summaries.items()},
        "left_out": {each.tomogram: str(each.fault) for each in left_out},
    }


if __name__ == "__main__":
    # What a killed daemon's child writes late would take the place of what the next daemon has written.
    end_with_parent(signal.SIGKILL)()
    try:
        print(json.dumps(write(json.load(sys.stdin))))
    except (LivetomoError, OSError) as fault:
        sys.exit(str(fault))
