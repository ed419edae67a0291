"""The picks of a whole session, from its result folders: each tomogram's newest, in a stable order, in any format."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import ConfigurationError, FalseShareUnknown, ResultUnreadable
from livetomo.core.picks import Picks
from livetomo.core.series import Reconstruction, series_name, superseded
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_series import relion_tomograms_star
from livetomo.curation.dropped import Dropped
from livetomo.curation.rule import Rule
from livetomo.formats.frame import Frame, Placed
from livetomo.results.calibrate import calibrated
from livetomo.results.curation import AroundResult, curated, ignore, rules_of_recipe
from livetomo.results.folder import Result, read_result
from livetomo.results.left_out import LeftOut, refuse
from livetomo.results.result_picks import candidates_of, not_taken_out
from livetomo.results.session_facts import SessionFacts
from livetomo.results.tilt_images import tilt_images
from livetomo.system.atomic_write import replace_text

METADATA = "metadata.json"
_REVISION = re.compile("r[0-9]+-")


def write_metadata(results: Iterable[Result], session: Path) -> None:
    """Leave what is known of each result in the session's folder, for those who read it without the catalog."""
    known = {result.manifest.result_id: result.facts.to_json() for result in results}
    replace_text(session / METADATA, json.dumps(known, ensure_ascii=False, indent=1) + "\n")


def _known_metadata(session: Path) -> Mapping[str, Mapping[str, Any]]:
    """The inverse of `write_metadata`; nothing where no daemon has written it."""
    path = session / METADATA
    try:
        known: Mapping[str, Mapping[str, Any]] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ConfigurationError(f"{path} is damaged. Remove it: the daemon writes a new one.") from None
    return known


def newest_results(session: Path, leave_out: Callable[[LeftOut], None] = refuse) -> list[Result]:
    """The newest result of each tomogram below a session's folder, by the tomograms' names; one for each tilt series.

    Newest is the highest revision, and of several recipes the last one that finished, unless a person has put an
    earlier one in force again (`session.json` says so). `leave_out` hears of a tomogram whose newest result cannot be
    read: an older one is not what stands for it.

    Raises:
        ConfigurationError: there is no result.
        ResultUnreadable: there is none that can be read.
    """
    known = _known_metadata(session)
    set_aside = frozenset(SessionFacts.read(session).set_aside)
    newest: dict[str, Result] = {}
    unreadable: list[LeftOut] = []
    folders = [path for path in sorted(session.glob("tomograms/*/r*-*")) if _REVISION.match(path.name)]
    for _, those in groupby(folders, lambda path: path.parent):
        try:
            result = _newest(list(those), set_aside)
        except ResultUnreadable as fault:
            unreadable.append(LeftOut(fault.path.parent.name, fault))
            continue
        facts = SidecarFacts.from_json(known.get(result.manifest.result_id, {})) or result.facts
        newest[result.manifest.tomogram.name] = replace(result, facts=facts)
    if not folders:
        raise ConfigurationError(
            f"{session}: holds no results; name the folder of a session, in which there is a folder `tomograms`"
        )
    if not newest:
        raise unreadable[0].fault
    for name in superseded(_reconstruction(name, result) for name, result in newest.items()):
        del newest[name]
    for each in unreadable:
        leave_out(each)
    return [newest[name] for name in sorted(newest)]


def _newest(folders: list[Path], set_aside: Collection[str]) -> Result:
    """Of one tomogram's results."""
    last = max(map(_revision, folders))
    results = [read_result(folder) for folder in folders if _revision(folder) == last]
    return max(results, key=lambda result: (result.manifest.result_id not in set_aside, result.manifest.finished))


def _reconstruction(name: str, result: Result) -> Reconstruction:
    written = result.manifest.source.modified_ns
    return Reconstruction.of(name, result.facts, written)


def _revision(folder: Path) -> int:
    return int(folder.name[1:].partition("-")[0])


def features(results: Iterable[Result]) -> list[str]:
    """The features that any of them has picks of."""
    return sorted({feature for result in results for feature in result.manifest.picks})


def first_feature(results: Iterable[Result]) -> str | None:
    """The feature that the recipe of the last finished result picks first: what a session is foremost about."""
    for result in sorted(results, key=lambda result: result.manifest.finished, reverse=True):
        for feature in result.manifest.picks:
            return str(feature)
    return None


def read_picks(
    results: Iterable[Result],
    feature: str,
    *,
    threshold: float | None = None,
    false_share: float | None = None,
    pixel_size_angstrom: float | None = None,
    tomograms_star: str = "",
    acquisition: Acquisition | None = None,
    everywhere: bool = False,
    calibrate: bool = False,
    rules: Sequence[Rule] = (),
    facts: SessionFacts | None = None,
    leave_out: Callable[[LeftOut], None] = refuse,
    count: Callable[[Dropped], None] = ignore,
) -> list[Placed]:
    """The picks of `feature` in each result that looked for it: those it published, or those within another limit.

    They are read from the candidates, so that the limit can be moved without picking again: `threshold`, a score, or
    `false_share`, the share of false picks among those of each tomogram. `everywhere`: results that did not look for it
    have none of it, instead of being left out. `calibrate`: scores are made comparable between the tomograms before
    `threshold` decides, see `calibrate.py`; it is done too where the recipe asks for it. `facts`: what of each result
    was taken out does not count. `tomograms_star`: RELION's own, where a person names another than sidecars do.
    `acquisition`: what a person says of how the tilt series were taken; it goes before what `facts` say.
    What is within the limit is curated by the recipe's rules and by `rules`; `count` hears what each of them has left
    out of each tomogram.
    `leave_out` hears of a result whose candidates are not those of its manifest, whose shares are not known, or on
    which a rule cannot decide.
    """
    results = list(results)
    shared = _shared_names(results)
    said = acquisition or Acquisition()
    images = tilt_images(results, said if facts is None else said.or_else(facts.acquisition))
    sets: list[Placed] = []
    sources: list[Result] = []
    thresholds: list[float] = []
    for result in results:
        name, geometry = result.manifest.tomogram.name, result.manifest.volume.geometry
        frame = Frame.of_metadata(
            name, geometry, result.facts, pixel_size_angstrom=pixel_size_angstrom, path=result.manifest.source.path
        )
        star = tomograms_star or relion_tomograms_star(result.manifest.source.path, result.facts)
        frame = replace(frame, tomograms_star=star, tilt_images=images[result.manifest.result_id])
        if frame.series in shared:  # two series of one name: each is called as its tomogram
            frame = replace(frame, name=name, tilt_series_name=None)
        if feature in result.manifest.picks:
            try:
                candidates, slack = candidates_of(result, feature, frame)
                if false_share is not None and candidates.false_share is None and len(candidates):
                    raise FalseShareUnknown(frame.name, result.manifest.picks[feature].false_share_missing)
            except (ResultUnreadable, FalseShareUnknown) as fault:
                leave_out(LeftOut(frame.name, fault))
                continue
            picked = result.manifest.picks[feature]
            still_in = not_taken_out(candidates, result, feature, facts)
            sets.append(Placed(still_in, frame, picked.diameter_angstrom))
            thresholds.append((picked.threshold if threshold is None else threshold) - slack)
        elif everywhere:
            sets.append(Placed(Picks.none(), frame))
            thresholds.append(1.0)
        else:
            continue
        sources.append(result)
    if calibrate or asks_for_calibration(results, feature):
        scores = calibrated([placed.picks.score for placed in sets])
        sets = [
            replace(placed, picks=replace(placed.picks, score=score))
            for placed, score in zip(sets, scores, strict=True)
        ]
    kept = []
    for placed, source, least in zip(sets, sources, thresholds, strict=True):
        chosen = placed.picks.above(least) if false_share is None else _up_to(placed.picks, false_share)
        around = AroundResult(source, feature, facts)
        by = [*rules_of_recipe(source, feature), *rules] if feature in source.manifest.picks else []
        if (after := curated(replace(placed, picks=chosen), around, by, count, leave_out)) is not None:
            kept.append(after)
    return kept


def _shared_names(results: Iterable[Result]) -> set[str]:
    """What several of them would be called."""
    names = Counter(series_name(result.manifest.tomogram.name, result.facts) for result in results)
    return {name for name, number in names.items() if number > 1}


def _up_to(picks: Picks, most: float) -> Picks:
    """The strongest, among which at most this share is expected to be false; what has no share has no candidates."""
    return picks if picks.false_share is None else picks.where(picks.false_share <= np.float32(most))


def expected_false(sets: Iterable[Placed]) -> tuple[float, int]:
    """How many picks are expected to be false, and of how many picks nobody has estimated it."""
    expected, unknown = 0.0, 0
    for picks in (placed.picks for placed in sets):
        if picks.false_share is None:
            unknown += len(picks)
        elif len(picks):
            expected += len(picks) * float(picks.false_share.max())
    return expected, unknown


def asks_for_calibration(results: Iterable[Result], feature: str) -> bool:
    """Whether the recipe of the last finished result that looked for the feature has it calibrated."""
    with_feature = [result for result in results if feature in result.manifest.picks]
    if not with_feature:
        return False
    last = max(with_feature, key=lambda result: result.manifest.finished)
    rules = last.manifest.recipe.settings.get("curate", ())
    return any(rule["rule"] == "calibrate" and rule["feature"] == feature for rule in rules)
