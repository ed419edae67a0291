"""Rules keep of a set of picks that is received what they keep of the result that it is of, and count the same."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.client.curator import Curator
from livetomo.client.pickset import PickSet, RemoteFile
from livetomo.client.rows import read_pickset
from livetomo.config.curation import Curation
from livetomo.core.errors import ConfigurationError, NotAsPublished
from livetomo.core.events import Recorded, result_events
from livetomo.core.exclusion import Box, Exclusion
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import FeaturePicks, FileFacts, ResultManifest
from livetomo.core.picks import Picks
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.curation.dropped import Dropped
from livetomo.curation.rules import rules_of
from livetomo.formats.candidates import candidates_name, candidates_text
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import write_map
from livetomo.formats.relion import Relion5Exporter
from livetomo.publish.payloads.events import MessageSettings, payload_of
from livetomo.publish.payloads.topics import Topics
from livetomo.results.folder import Result
from livetomo.results.left_out import LeftOut
from livetomo.results.session_facts import SessionFacts
from livetomo.results.session_picks import read_picks
from tests.publish.event_logs import manifest

SHAPE_ZYX, SIZE = (20, 30, 40), 10.0
FIRST, SECOND, THIRD = FEATURES = ("ribosome", "proteasome", "filament")
LABELLED = {"membrane": 1, "ice": 2}
THRESHOLD = 0.4


class Made:
    """A result folder of random picks and labels, and the daemon's API that serves it."""

    def __init__(self, folder: Path, seed: int, *, fine: bool, labels: bool = True, excluded: Any = ()) -> None:
        self.folder = folder
        self.excluded: dict[str, list[Box]] = {}
        chance = np.random.default_rng(seed)
        geometry = TomogramGeometry(SHAPE_ZYX, SIZE)
        facts: Mapping[str, Any] = {} if seed % 2 else {"tilt_series_name": "Position 1", "pixel_size_angstrom": 2.5}
        frame = Frame.of_metadata("TS_01", geometry, SidecarFacts.from_json(facts))
        self.stars: dict[str, str] = {}
        files, picks = {}, {}
        (folder / "candidates").mkdir()
        for feature in FEATURES:
            found = random_picks(chance, fine=fine)
            text = candidates_text(Placed(found, frame))
            files[candidates_name(feature)] = self._write(candidates_name(feature), text.encode())
            published = found.above(THRESHOLD)
            self.stars[feature] = Relion5Exporter().table([Placed(published, frame)])
            name = f"picks/{feature}.relion5.star"
            files[name] = facts_of(self.stars[feature].encode())
            picks[feature] = as_the_manifest_has(published, frame, len(found))
        if labels:
            voxels = chance.choice(3, p=[0.98, 0.01, 0.01], size=[each // 2 for each in SHAPE_ZYX]).astype(np.int8)
            write_map(folder / "labels.mrc", voxels, TomogramGeometry(voxels.shape, 2 * SIZE))
            files["labels.mrc"] = facts_of((folder / "labels.mrc").read_bytes())
        one = manifest("TS_01", picks=0)
        volume = replace(one.volume, shape_zyx=SHAPE_ZYX, voxel_size_angstrom=SIZE)
        self.manifest: ResultManifest = replace(
            one, volume=volume, files=files, picks=picks, labels=LABELLED, metadata=facts, quality={}
        )
        exclusions = []
        for number, (feature, box) in enumerate(excluded):
            exclusions.append(Exclusion(str(number), one.tomogram, "ada", "ice", "2026-11-20", feature, box))
            self.excluded.setdefault(feature, []).append(box)
        self.facts = SessionFacts({}, exclusions)

    def _write(self, name: str, content: bytes) -> FileFacts:
        (self.folder / name).write_bytes(content)
        return facts_of(content)

    # As `livetomo picks` reads it.

    def in_the_folder(self, curation: Curation) -> tuple[Picks | None, list[Dropped], list[LeftOut]]:
        left_out: list[LeftOut] = []
        dropped: list[Dropped] = []
        result = Result(self.folder, self.manifest, self.manifest.facts)
        sets = read_picks(
            *([result], FIRST),
            rules=rules_of(curation),
            facts=self.facts,
            leave_out=left_out.append,
            count=dropped.append,
        )
        return (sets[0].picks if sets else None), dropped, left_out

    # As a consumer receives it.

    async def received(self, curation: Curation, *, inline: int = 1000) -> PickSet:
        event = next(iter(result_events(self.manifest, "/out")))
        recorded = Recorded(1, event.id("facility", "main"), "2026-11-20T10:00:00Z", event)
        body = payload_of(recorded, MessageSettings(Topics("facility", "main"), inline)).model_dump(mode="json")
        body["excluded"] = [{axis: list(ends) for axis, ends in box.items()} for box in self.excluded.get(FIRST, [])]
        pickset = await read_pickset(body, FIRST, "bad", self)  # type: ignore[arg-type]
        return await Curator(curation).curate(pickset, self)  # type: ignore[arg-type]

    async def fetch(self, file: RemoteFile) -> bytes:
        return self.stars[FIRST].encode()

    def result(self, result_id: str) -> Mapping[str, Any]:
        assert result_id == self.manifest.result_id
        files = {name: facts.to_json() | {"url": name} for name, facts in self.manifest.files.items()}
        body = self.manifest.to_json() | {"files": files, "excluded": self.excluded}
        return json.loads(json.dumps(body))  # type: ignore[no-any-return]

    def content(self, file: RemoteFile) -> bytes:
        content = (self.folder / file.url).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
        return content

    def save(self, file: RemoteFile, path: Path) -> bool:
        if not (self.folder / file.url).exists():
            return False
        path.write_bytes(self.content(file))
        return True


def facts_of(content: bytes) -> FileFacts:
    return FileFacts(len(content), hashlib.sha256(content).hexdigest())


def random_picks(chance: np.random.Generator, *, fine: bool) -> Picks:
    """Some near each other and at edges, strongest first; unless `fine`, as exact as messages have them."""
    number = int(chance.integers(0, 40))
    position = chance.uniform(0, 1, (number, 3)) * (np.array(SHAPE_ZYX) - 1)
    position[: number // 4] = np.rint(position[: number // 4])
    score = np.sort(chance.uniform(0, 1, number))[::-1]
    if not fine:
        position, score = position.round(2), score.round(3)
    ones = np.ones(number, np.float32)
    return Picks(position.astype(np.float32), score.astype(np.float32), ones)


def as_the_manifest_has(published: Picks, frame: Frame, candidates: int) -> FeaturePicks:
    """With positions and scores as exact as `processing/pipeline/write_result.py` has them."""
    values = [Placed(published, frame).corner_xyz_angstrom().round(1), published.score.astype(float).round(4)[:, None]]
    columns = ("x_angstrom", "y_angstrom", "z_angstrom", "score")
    return FeaturePicks(len(published), candidates, THRESHOLD, columns=columns, strongest=np.hstack(values).tolist())


@st.composite
def curations(draw: st.DrawFn, *, asks_result: bool) -> Curation:
    """Options at random; distances where voxels and edges lie, too."""
    distance = st.one_of(st.integers(0, 20).map(lambda n: 10.0 * n), st.floats(0, 250))
    named = st.lists(st.tuples(st.sampled_from([*LABELLED, SECOND, THIRD]), distance), max_size=2).map(tuple)
    partners = st.lists(st.tuples(st.sampled_from([SECOND, THIRD]), distance), min_size=1, max_size=2).map(tuple)
    ends = st.tuples(st.integers(0, 19), st.integers(0, 19)).map(lambda two: (float(min(two)), float(max(two))))
    return Curation(
        z=draw(st.none() | ends),
        edge_angstrom=draw(st.none() | st.floats(0, 80) | st.just(50.0)),
        near=draw(named) if asks_result else (),
        away=draw(named) if asks_result else (),
        distinct=draw(partners) if asks_result else (),
        top=draw(st.none() | st.integers(1, 20)),
    )


boxes = st.dictionaries(
    st.sampled_from("xyz"),
    st.tuples(st.integers(0, 15), st.integers(0, 15)).map(lambda two: (float(min(two)), float(max(two)))),
    min_size=1,
    max_size=2,
)
exclusions = st.lists(
    st.tuples(st.sampled_from(FEATURES), boxes) | st.tuples(st.sampled_from([SECOND, THIRD]), st.just({})), max_size=3
)
seeds = st.integers(0, 2**32)


def check(made: Made, curation: Curation, *, inline: int = 1000) -> None:
    """The rows are those of the picks, to what a message rounds; what is counted is the same."""
    picks, dropped, left_out = made.in_the_folder(curation)
    pickset = asyncio.run(made.received(curation, inline=inline))
    if left_out:
        assert pickset.left_out == str(left_out[0].fault)
        assert (pickset.rows, pickset.curated) == ((), ())
        return
    assert picks is not None
    assert not pickset.left_out
    rows = np.array(pickset.rows, float).reshape(-1, 4)
    assert len(rows) == len(picks)
    np.testing.assert_allclose(rows[:, :3], picks.position[:, ::-1].astype(float) * SIZE, rtol=0, atol=0.0501)
    np.testing.assert_allclose(rows[:, 3], picks.score, rtol=0, atol=5.01e-5)
    assert list(pickset.curated) == dropped


@settings(max_examples=150, deadline=None)
@given(seeds, curations(asks_result=True), exclusions, st.booleans(), st.sampled_from([1, 1000]))
def test_rules_that_ask_the_result_keep_the_same_rows_to_the_last_digit(
    seed: int, curation: Curation, excluded: Any, labels: bool, inline: int
) -> None:
    with TemporaryDirectory() as folder:
        check(Made(Path(folder), seed, fine=True, labels=labels, excluded=excluded), curation, inline=inline)


@settings(max_examples=100, deadline=None)
@given(seeds, curations(asks_result=False), exclusions, st.sampled_from([None, "TS_01", "Position 1", "*", "TS_02"]))
def test_rules_that_ask_the_message_alone_keep_the_same_rows(
    seed: int, curation: Curation, excluded: Any, named: str | None
) -> None:
    with TemporaryDirectory() as folder, TemporaryDirectory() as beside:
        if named is not None:
            (Path(beside) / "b.json").write_text(json.dumps({named: [{"x": [3, 20]}, {"y": [0, 9], "z": [5, 19]}]}))
            curation = replace(curation, region=Path(beside) / "b.json")
        check(Made(Path(folder), seed, fine=False, excluded=excluded), curation)


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0, 120))
def test_a_star_that_agrees_is_asked_for_the_same_rows(seed: int, distance: float) -> None:
    with TemporaryDirectory() as folder:
        made = Made(Path(folder), seed, fine=False)
        star = Path(folder) / "other.star"
        star.write_text(made.stars[SECOND])
        if not made.manifest.picks[SECOND].count:
            return
        check(made, Curation(consensus=((str(star), distance),)))
        check(made, Curation(consensus=((str(star), distance),), distinct=((THIRD, 30.0),)))


def test_the_property_is_not_empty(tmp_path: Path) -> None:
    """Rules keep some rows and leave out others, in the tests above."""
    made = Made(tmp_path, 2, fine=True)
    before = asyncio.run(made.received(Curation(z=(0, 19)))).rows
    for curation in (
        Curation(edge_angstrom=40),
        Curation(near=(("ice", 60),)),
        Curation(away=(("membrane", 60),)),
        Curation(near=((SECOND, 80),)),
        Curation(distinct=((SECOND, 90),)),
        Curation(top=3),
    ):
        pickset = asyncio.run(made.received(curation))
        assert 0 < len(pickset.rows) < len(before), curation
        (dropped,) = pickset.curated
        assert dropped.picks == len(before) - len(pickset.rows)


def test_where_labels_are_gone_the_picks_of_the_feature_count_or_the_way_out_is_said(tmp_path: Path) -> None:
    made = Made(tmp_path, 2, fine=True)
    (tmp_path / "labels.mrc").unlink()
    assert (
        "there are neither labels nor picks of ice"
        in asyncio.run(made.received(Curation(near=(("ice", 60),)))).left_out
    )
    (dropped,) = asyncio.run(made.received(Curation(away=((SECOND, 60),)))).curated
    assert dropped.why == "within 60 Å of the picks of proteasome"


SPOILT = {
    "a result that is gone": (None, "result"),
    "no files": ({"files": 3}, "the manifest of its result"),
    "a file without an address": (
        {"files": {candidates_name(FIRST): {"sha256": "x", "bytes": 1}}},
        "does not say where",
    ),
    "no candidates": ({"files": {}}, f"has no {candidates_name(FIRST)}"),
    "a manifest that is none": ({"revision": "x"}, "its manifest cannot be read"),
    "exclusions that are none": ({"excluded": 3}, "the manifest of its result"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_cannot_be_read_leaves_the_set_out_with_the_reason(tmp_path: Path, how: str) -> None:
    changes, said = SPOILT[how]

    class Spoilt(Made):
        def result(self, result_id: str) -> Mapping[str, Any]:
            if changes is None:
                raise NotAsPublished("the result is gone")
            return {**super().result(result_id), **changes}

    pickset = asyncio.run(Spoilt(tmp_path, 2, fine=True).received(Curation(distinct=((SECOND, 60),))))
    assert said in pickset.left_out
    assert pickset.rows == ()


def test_candidates_of_another_result_are_noticed(tmp_path: Path) -> None:
    made = Made(tmp_path, 2, fine=True)
    other = candidates_name(SECOND)
    made.manifest = replace(
        made.manifest,
        files={**made.manifest.files, candidates_name(FIRST): made.manifest.files[other]},
    )
    (tmp_path / candidates_name(FIRST)).write_bytes((tmp_path / other).read_bytes())
    pickset = asyncio.run(made.received(Curation(distinct=((SECOND, 60),))))
    assert "its candidates are not those of its message" in pickset.left_out


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a region file that is none": ({"region": "{"}, "is no JSON"),
    "a region file without boxes": ({"region": "{}"}, "has no box"),
    "a star of something else": ({"consensus": "data_\nloop_\n_a #1\n1\n"}, "has none of these sets of columns"),
    "a star that is not there": ({"consensus": None}, "is neither a file nor the hash of a recipe"),
    "another recipe": ({"consensus": "0123abcd"}, "serves the picks of the recipe that is in force alone"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_is_wrong_is_said_at_the_start(tmp_path: Path, how: str) -> None:
    ((key, text),), said = REFUSED[how][0].items(), REFUSED[how][1]
    source = tmp_path / "file"
    if text is not None and text != "0123abcd":
        source.write_text(text)
    given = (
        {"region": source} if key == "region" else {"consensus": ((text if text == "0123abcd" else str(source), 9.0),)}
    )
    with pytest.raises(ConfigurationError, match=said):
        Curator(Curation(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"edge_angstrom": -1.0},
        {"edge_angstrom": float("nan")},
        {"near": (("ice", -1.0),)},
        {"away": (("ice", float("inf")),)},
        {"distinct": ((" ", 1.0),)},
        {"z": (3.0, 2.0)},
        {"z": (float("nan"), 2.0)},
        {"top": 0},
    ],
    ids=str,
)
def test_what_is_no_distance_range_or_number_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"write|name"):
        Curation(**given)
