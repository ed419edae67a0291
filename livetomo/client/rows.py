"""The rows of a set of picks: those in its message, or those of the published file; as many as the message counts."""

import math
from collections.abc import Mapping
from typing import Any

from livetomo.client.api import ApiClient
from livetomo.client.pickset import ANGLE_NAMES, PickSet, pickset_of
from livetomo.core.errors import BadStar, NotAsPublished
from livetomo.core.exclusion import without_excluded
from livetomo.core.quality.metric import Verdict
from livetomo.formats.particle_columns import ANGLES, CENTRED, FALSE_SHARE, MATCH_SCORE, SCORE
from livetomo.formats.star import parse_loops

Rows = tuple[tuple[float, ...], ...]


async def read_pickset(body: Mapping[str, Any], feature: str, worst: Verdict, api: ApiClient | None) -> PickSet:
    """The set that a picks or retracted payload announces, without rows where its tomogram is worse than `worst`.

    Raises:
        NotAsPublished: it is not what the daemon should have published.
        ApiAway: its file cannot be fetched at the moment.
    """
    try:
        pickset = pickset_of(body, feature, ())
        if pickset.retracted:
            return pickset
        pickset = pickset.up_to_verdict(worst)
        if not pickset.left_out:
            pickset = pickset_of(body, feature, await _rows(body, pickset, api))
            _refuse_unusable(pickset)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as fault:
        raise NotAsPublished(f"its message is malformed ({type(fault).__name__}: {fault})") from None
    return pickset


def _refuse_unusable(pickset: PickSet) -> None:
    """Who takes it later can rely on it."""
    used = [*pickset.centred_xyz_angstrom(), pickset.scores()]
    if not all(math.isfinite(value) for values in used for value in values):
        raise ValueError("a position or a score is no finite number")
    if not all(isinstance(share, int | float) for share in pickset.false_shares() or ()):
        raise ValueError("a share of false picks is no number")


async def _rows(body: Mapping[str, Any], pickset: PickSet, api: ApiClient | None) -> Rows:
    """The rows that came along, or else those of the RELION 5 file, in the columns of the message."""
    excluded, is_listed = body.get("excluded", ()), not body["truncated"]
    rows = tuple(tuple(row) for row in body["picks"]) if is_listed else await _rows_of_file(body, pickset, api)
    if len(rows) != body["count"] and not (excluded and is_listed):  # what is listed is without them
        raise NotAsPublished(
            f"{len(rows):,} rows of {pickset.feature} where the message counts {body['count']:,}. "
            "Have the tomogram processed again (livetomo reprocess)."
        )
    return tuple(map(tuple, without_excluded(rows, body["columns"], body["volume"], excluded)))


async def _rows_of_file(body: Mapping[str, Any], pickset: PickSet, api: ApiClient | None) -> Rows:
    assert api is not None
    file = pickset.files.get("relion5")
    if file is None:
        raise NotAsPublished(
            f"it has {body['count']:,} picks, of which {len(body['picks']):,} are in the message; the others are in no "
            "file that can be read here. This daemon's version writes RELION 5 files only where the recipe asks for "
            'them: add "relion5" to its formats, or raise "inline_picks" in the table mqtt.'
        )
    content = await api.fetch(file)
    try:
        return rows_of_star(content.decode(), pickset)
    except (BadStar, LookupError, ValueError) as fault:
        raise NotAsPublished(f"{file.url} cannot be read as a particles star ({fault})") from None


def rows_of_star(text: str, pickset: PickSet) -> Rows:
    """The rows of a RELION 5 particles file, in the columns of `pickset`, which are from the first voxel's centre.

    What a column holds that a newer daemon has added is not known here.
    """
    loop = parse_loops(text)["particles"]
    columns: dict[str, list[float]] = {"score": [float(word) for word in loop[SCORE]]}
    unknown = [math.nan] * len(columns["score"])
    centre = pickset.centre_angstrom or pickset.geometry.middle_angstrom
    for axis, name, middle in zip("xyz", CENTRED, centre, strict=True):
        columns[f"{axis}_angstrom"] = [float(word) + middle for word in loop[name]]
    if ANGLES[0] in loop:
        columns |= {name: list(map(float, loop[label])) for name, label in zip(ANGLE_NAMES, ANGLES, strict=True)}
    if FALSE_SHARE in loop:
        columns["false_share"] = [float(word) for word in loop[FALSE_SHARE]]
    if MATCH_SCORE in loop:
        columns["match_score"] = [float(word) for word in loop[MATCH_SCORE]]
    return tuple(zip(*(columns.get(name, unknown) for name in pickset.columns), strict=True))
