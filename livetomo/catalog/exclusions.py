"""What people and rules have taken out of sessions' picks: recorded with who, when and why, and published."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.config.recipe.exclude import exclude_of
from livetomo.core.events import Event, result_events
from livetomo.core.exclusion import Box, Exclusion, boxes_of
from livetomo.core.json_object import JsonObject
from livetomo.core.manifest import ResultManifest
from livetomo.core.naming import stable_id
from livetomo.core.tomogram import TomogramId

RULE = "the recipe"
"""Who took a result out, where it was `[exclude]` of its recipe."""

_STANDING = """
    SELECT result_id, number, withheld, json_extract(manifest, '$.picks', '$.recipe.hash') AS said
    FROM tomograms JOIN revisions ON tomogram = tomograms.id
    CROSS JOIN jobs ON jobs.revision = revisions.id AND +state = 'done' JOIN results ON job = jobs.id
    WHERE watch = ? AND session = ? AND name = ? ORDER BY jobs.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class _Standing:
    """The result that stands for a tomogram. `withheld`: its picks' events that were not recorded, by feature."""

    tomogram: TomogramId
    result_id: str
    revision: int
    recipe_hash: str
    features: tuple[str, ...]
    withheld: dict[str, dict[str, Any]]

    def event(self, kind: Any, version: str, body: dict[str, Any]) -> Event:
        return Event(kind, self.tomogram, self.revision, self.recipe_hash, version, body)


class Exclusions:
    """Each change is recorded with its events in one transaction: the receipt, and what consumers drop or get back.

    Where nothing of a tomogram is left its result is `retracted`. Where a part is left, or comes back, the `picks` of
    each feature that it concerns are published again, with the boxes in which they do not count.
    """

    def __init__(self, db: Database, event_log: EventLog, *, now: Callable[[], float]) -> None:
        self._db = db
        self._event_log = event_log
        self._now = now

    def exclude(
        self, tomogram: TomogramId, *, who: str, why: str, feature: str = "", box: Box | None = None
    ) -> Exclusion:
        """Take a tomogram, a feature of it, or a part of it out; what is out already stays as it is."""
        box = dict(box or {})
        for each in self.of(tomogram):
            if each.holds and not each.result_id and (each.feature, dict(each.box)) == (feature, box):
                return each
        exclusion = Exclusion(uuid.uuid4().hex, tomogram, who, why, self._time(), feature, box)
        self.record(exclusion)
        return exclusion

    def readmit(self, tomogram: TomogramId, *, who: str, feature: str | None = None) -> list[Exclusion]:
        """Take back what holds, of one feature where it is given; what was taken back."""
        with self._db.atomic():
            ended = [each for each in self.of(tomogram) if each.holds and feature in (None, each.feature)]
            for each in ended:
                self.take_back(replace(each, readmitted_at=self._time(), readmitted_by=who))
            return ended

    def record(self, exclusion: Exclusion) -> None:
        """Let `exclusion`, which is new, hold from now on."""
        with self._db.atomic():
            before = self.of(exclusion.tomogram)
            self._write(replace(exclusion, readmitted_at="", readmitted_by=""))
            standing = self._standing(exclusion.tomogram)
            self._receipt("excluded", exclusion, standing)
            self._publish_change(standing, before, self.of(exclusion.tomogram), exclusion.id, exclusion.sentence)

    def take_back(self, exclusion: Exclusion) -> None:
        """Let `exclusion`, which says by whom it was taken back, hold no longer."""
        with self._db.atomic():
            before = self.of(exclusion.tomogram)
            self._write(exclusion)
            standing = self._standing(exclusion.tomogram)
            self._receipt("readmitted", exclusion, standing)
            self._publish_change(standing, before, self.of(exclusion.tomogram), f"{exclusion.id}.back", "")

    def of(self, tomogram: TomogramId) -> list[Exclusion]:
        """Those of a tomogram, in the order in which they were made; those that were taken back, too."""
        where = "watch = ? AND session = ? AND tomogram = ?"
        return self._read(where, tomogram.watch, tomogram.session, tomogram.name)

    def of_session(self, watch: str, session: str) -> list[Exclusion]:
        """Those of a session's tomograms; those that were taken back, too."""
        return self._read("watch = ? AND session = ?", watch, session)

    def record_result(self, manifest: ResultManifest, folder: str) -> None:
        """Record the events of a result that is recorded, as far as no rule or person has taken it out."""
        rule = self._by_rule(manifest)
        standing = [each for each in self.of(manifest.tomogram) if each.result_id in ("", manifest.result_id)]
        is_out = any(each.holds and each.is_whole for each in standing)
        withheld = {}
        for event in result_events(manifest, folder):
            if event.kind != "picks":
                self._event_log.append(event)
            elif is_out:
                withheld[event.version] = dict(event.body)
            else:
                boxes = boxes_of(standing, event.version)
                self._event_log.append(replace(event, body=_with(event.body, boxes)))
        if withheld:
            said = (json.dumps(withheld), manifest.result_id)
            self._db.execute("UPDATE results SET withheld = ? WHERE result_id = ?", said)
        if rule is not None:
            who = (manifest.tomogram, manifest.revision, manifest.recipe.hash)
            self._event_log.append(Event("excluded", *who, rule.id, rule.to_json()))

    def publish_again(self, tomogram: TomogramId, version: str) -> None:
        """Publish the standing result once more, as it was published first, as far as it is not taken out by now."""
        standing = self._standing(tomogram)
        assert standing is not None
        those = [one for one in self.of(tomogram) if one.result_id in ("", standing.result_id)]
        if not any(one.holds and one.is_whole for one in those):
            for feature, body in self._bodies(standing):
                body = _with(body, boxes_of(those, feature))
                self._event_log.append(standing.event("picks", f"{feature}.{version}", body))
        whole = self._event_log.body_of(standing.event("result", "", {}))
        if whole is not None:
            self._event_log.append(standing.event("result", version, dict(whole)))

    def features(self, tomogram: TomogramId) -> tuple[str, ...]:
        """The features that the standing result has looked for; none where there is no result yet."""
        standing = self._standing(tomogram)
        return standing.features if standing else ()

    def picks_bodies(self, tomogram: TomogramId) -> dict[str, dict[str, Any]]:
        """What was, or would have been, published of the picks of the standing result, by feature."""
        standing = self._standing(tomogram)
        return {} if standing is None else dict(self._bodies(standing))

    def _by_rule(self, manifest: ResultManifest) -> Exclusion | None:
        """The exclusion that the result's own recipe makes; one that is known, and may be taken back, is not new."""
        why = exclude_of(manifest.recipe.settings).why(manifest)
        id = stable_id("exclusion", manifest.result_id)
        if not why or self._read("id = ?", id):
            return None
        rule = Exclusion(id, manifest.tomogram, RULE, why, manifest.finished, result_id=manifest.result_id)
        self._write(rule)
        return rule

    def _publish_change(
        self,
        standing: _Standing | None,
        before: Sequence[Exclusion],
        after: Sequence[Exclusion],
        version: str,
        reason: str,
    ) -> None:
        if standing is None:
            return
        before, after = ([one for one in each if one.result_id in ("", standing.result_id)] for each in (before, after))
        was_out, is_out = (any(one.holds and one.is_whole for one in each) for each in (before, after))
        if is_out:
            if not was_out:
                body = {"result_id": standing.result_id, "reason": reason}
                self._event_log.append(standing.event("retracted", f"excluded.{version}", body))
            return
        for feature, body in self._bodies(standing):
            boxes = boxes_of(after, feature)
            if boxes != boxes_of(before, feature):
                self._event_log.append(standing.event("picks", f"{feature}.{version}", _with(body, boxes)))

    def _receipt(self, kind: Any, exclusion: Exclusion, standing: _Standing | None) -> None:
        if standing is None:  # nothing is published yet: the receipt is of the tomogram, of no revision
            standing = _Standing(exclusion.tomogram, "", 0, "", (), {})
        self._event_log.append(standing.event(kind, exclusion.id, exclusion.to_json()))

    def _bodies(self, standing: _Standing) -> Iterator[tuple[str, dict[str, Any]]]:
        for feature in standing.features:
            published = self._event_log.body_of(standing.event("picks", feature, {}))
            body = standing.withheld.get(feature, published)
            if body is not None:
                yield feature, {key: value for key, value in body.items() if key != "excluded"}

    def _standing(self, tomogram: TomogramId) -> _Standing | None:
        row = next(iter(self._db.query(_STANDING, (tomogram.watch, tomogram.session, tomogram.name))), None)
        if row is None:
            return None
        withheld = json.loads(row["withheld"]) if row["withheld"] else {}
        picks, recipe_hash = json.loads(row["said"])
        return _Standing(tomogram, row["result_id"], row["number"], recipe_hash, tuple(picks), withheld)

    def _read(self, where: str, *values: str) -> list[Exclusion]:
        rows = self._db.query(f"SELECT * FROM exclusions WHERE {where} ORDER BY at, id", values)
        return [Exclusion.from_json(JsonObject(row | {"box": json.loads(row["box"])})) for row in rows]

    def _write(self, exclusion: Exclusion) -> None:
        row = exclusion.to_json() | {"box": json.dumps(exclusion.to_json()["box"])}
        names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
        self._db.execute(f"INSERT OR REPLACE INTO exclusions ({names}) VALUES ({places})", row)

    def _time(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with(body: Any, boxes: Sequence[Box]) -> dict[str, Any]:
    """The body of picks of which those in `boxes` do not count."""
    said = [{axis: list(ends) for axis, ends in box.items()} for box in boxes]
    return dict(body) | ({"excluded": said} if said else {})
