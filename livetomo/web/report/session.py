"""What a report says of a session: from its result folders alone, or with what only the catalog knows."""

import logging
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from livetomo.catalog.catalog import Catalog
from livetomo.core.events import State
from livetomo.core.exclusion import Exclusion, boxes_of
from livetomo.core.expected_false import ExpectedFalse, expected_false
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Verdict, reasons
from livetomo.core.quality.session_baseline import MOST_TOMOGRAMS, Values, judged
from livetomo.core.quality.session_verdict import Target
from livetomo.results.session_facts import SessionFacts
from livetomo.results.session_picks import newest_results

_MOST_TOMOGRAMS = 100_000

log = logging.getLogger("livetomo.report.session")


@dataclass(frozen=True, slots=True)
class Row:
    """A tomogram as it stands.

    manifest: of its result, each figure judged by its limits and by the session; None where there is no result.
    folder: of its result.
    exclusions: what was taken out of the result's picks.
    trouble: why it failed, or what was odd about its arrival.
    """

    name: str
    revision: int
    state: State
    trouble: str = ""
    folder: Path | None = None
    manifest: ResultManifest | None = None
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Of its result."""
        return self.manifest.verdict if self.manifest else "missing"

    @property
    def finished(self) -> datetime | None:
        """When its result was."""
        return datetime.fromisoformat(self.manifest.finished) if self.manifest else None

    @property
    def picks(self) -> dict[str, int]:
        """Published ones by feature, without features that were taken out; of a part that was, the picks count."""
        counts = self.manifest.counts() if self.manifest else {}
        return {feature: count for feature, count in counts.items() if not self.is_out(feature)}

    def is_out(self, feature: str) -> bool:
        """Whether all picks of the feature were taken out."""
        return {} in boxes_of(self.exclusions, feature)

    def expected_false(self, feature: str) -> float | None:
        """How many of its picks of the feature are expected to be false; None where that is not known."""
        picks = self.manifest.picks.get(feature) if self.manifest and not self.is_out(feature) else None
        return None if picks is None or picks.false_share is None else picks.false_share.expected

    def missing(self, feature: str) -> bool:
        """Whether the feature could not be looked for: no picks of it do not mean no particles."""
        return bool(self.manifest and feature in self.manifest.picks and self.manifest.picks[feature].missing)

    @property
    def reasons(self) -> list[str]:
        """What was taken out, why its verdict is not good, worst first, and what was odd about the file."""
        if self.manifest is None:
            return []
        excluded = [each.sentence for each in self.exclusions]
        return list(dict.fromkeys([*excluded, *reasons(self.manifest.quality.values()), *self.manifest.warnings]))


@dataclass(frozen=True, slots=True)
class Session:
    """A session and its tomograms by their names.

    verdict, reasons: of the session, by its last tomograms. targets: where a person has set some.
    whole: whether those that have no result are among them: the catalog alone knows of these.
    """

    watch: str
    name: str
    rows: tuple[Row, ...]
    verdict: Verdict = "missing"
    reasons: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    whole: bool = False

    @property
    def finished(self) -> list[Row]:
        """Those that have a result, in the order in which they were finished."""
        return sorted((row for row in self.rows if row.manifest), key=lambda row: str(row.manifest and row.finished))

    def states(self) -> dict[str, int]:
        """How many tomograms are in each state."""
        return dict(Counter(row.state for row in self.rows))

    def verdicts(self) -> dict[str, int]:
        """How many results have each verdict."""
        return dict(Counter(row.verdict for row in self.rows if row.manifest))

    def picks(self) -> dict[str, int]:
        """Published picks of all tomograms, by feature."""
        total: Counter[str] = Counter()
        for row in self.rows:
            total.update(row.picks)
        return dict(total)

    def expected_false(self) -> dict[str, ExpectedFalse]:
        """How many of them are expected to be false, by feature; without features of which that is not known."""
        return expected_false(
            (feature, picks.count, picks.false_share)
            for row in self.rows
            if row.manifest
            for feature, picks in row.manifest.picks.items()
            if not row.is_out(feature)
        )

    @property
    def excluded(self) -> int:
        """How many tomograms something was taken out of."""
        return sum(bool(row.exclusions) for row in self.rows)


def of_folder(folder: Path) -> Session:
    """The session whose results lie below `folder`; the newest of each tomogram, judged in the order they were made.

    Raises:
        ConfigurationError: it holds no results.
    """
    results = newest_results(folder, lambda left: log.warning("%s is left out: %s", left.tomogram, left.fault))
    facts = SessionFacts.read(folder)
    rows: list[Row] = []
    earlier: dict[str, list[Values]] = {}
    for result in sorted(results, key=lambda result: result.manifest.finished):
        figures = earlier.setdefault(result.manifest.recipe.hash, [])
        manifest = judged(result.manifest, figures[-1 : -1 - MOST_TOMOGRAMS : -1])
        figures.append({name: figure.value for name, figure in manifest.quality.items()})
        name = manifest.tomogram.name
        excluded = tuple(facts.exclusions_of(manifest))
        rows.append(Row(name, manifest.revision, "done", folder=result.folder, manifest=manifest, exclusions=excluded))
    where = results[0].manifest.tomogram
    return Session(where.watch, where.session, tuple(sorted(rows, key=_counted)))


def of_catalog(catalog: Catalog, watch: str, session: str) -> Session:
    """The session as the catalog has it; only the results' own files are read from their folders."""
    totals = catalog.views.totals(watch, session)
    facts = SessionFacts(exclusions=catalog.exclusions.of_session(watch, session))
    rows = []
    for view in catalog.views.tomograms(watch, session, limit=_MOST_TOMOGRAMS):
        result = catalog.views.result(view.result_id) if view.result_id and view.state == "done" else None
        trouble = view.fault["message"] if view.fault else view.warning
        if result is None:
            rows.append(Row(view.name, view.revision, view.state, trouble))
        else:
            excluded = tuple(facts.exclusions_of(result.manifest))
            rows.append(Row(view.name, view.revision, "done", trouble, Path(result.folder), result.manifest, excluded))
    return Session(
        watch, session, tuple(sorted(rows, key=_counted)), totals.verdict, totals.reasons, totals.targets, whole=True
    )


def _counted(row: Row) -> list[tuple[int, str]]:
    """For a person's order: TS_2 before TS_10."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"([0-9]+)", row.name)]
