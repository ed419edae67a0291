"""Distances to labels are those that every voxel, asked one by one, has."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livetomo.core.errors import ResultUnreadable
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.json_object import JsonObject
from livetomo.core.manifest import FileFacts, ResultManifest
from livetomo.core.picks import Picks
from livetomo.core.quality.metric import qualities
from livetomo.curation import labels as labels_module
from livetomo.curation.labels import distances_to_labels, has_labels, surface
from livetomo.formats.mrc import write_map
from livetomo.results.curation import AroundResult
from livetomo.results.folder import Result

SIZE = 12.5
GOLDEN = "core/golden_manifest.json"


@pytest.fixture
def manifest() -> ResultManifest:
    golden = ResultManifest.from_json(json.loads((Path(__file__).parents[1] / GOLDEN).read_text()))
    return replace(golden, labels={"membrane": 1, "carbon": 2, "ice": 3}, quality={}, files={})


def result_with(tmp_path, manifest, voxels, shape_zyx) -> Result:
    write_map(tmp_path / "labels.mrc", voxels, TomogramGeometry(voxels.shape, SIZE))
    volume = replace(manifest.volume, shape_zyx=shape_zyx, voxel_size_angstrom=SIZE)
    return Result(tmp_path, replace(manifest, volume=volume), manifest.facts)


def picks_at(position) -> Picks:
    one = np.ones(len(position), np.float32)
    return Picks(np.asarray(position, np.float32).reshape(-1, 3), one, one)


def one_by_one(picks, voxels, value, shape_zyx):
    """Å to the nearest voxel's centre; 0 in it."""
    scale = np.array(shape_zyx) / voxels.shape
    places = np.argwhere(voxels == value) * scale
    found = []
    for position in picks.position.astype(np.float64):
        own = np.clip(np.rint(position / scale), 0, np.array(voxels.shape) - 1).astype(int)
        inside = voxels[tuple(own)] == value
        found.append(0 if inside else np.linalg.norm(places - position, axis=1).min(initial=np.inf) * SIZE)
    return found


@pytest.mark.parametrize("shape_zyx", [(12, 18, 20), (24, 36, 40), (17, 25, 31)])
@pytest.mark.parametrize("share", [0.002, 0.1, 0.9])
def test_the_distance_is_that_to_the_nearest_of_all_voxels(tmp_path, manifest, monkeypatch, share, shape_zyx):
    monkeypatch.setattr(labels_module, "_POINTS_AT_ONCE", 50)
    rng = np.random.default_rng(int(share * 1000))
    voxels = (rng.random((12, 18, 20)) < share).astype(np.int8) * rng.integers(1, 3, (12, 18, 20), np.int8)
    voxels[3:9, 4:12, 5:14] = 1
    result = result_with(tmp_path, manifest, voxels, shape_zyx)
    picks = picks_at(rng.uniform(0, np.array(shape_zyx) - 1, (200, 3)))
    for feature, value in (("membrane", 1), ("carbon", 2), ("ice", 3)):
        found = distances_to_labels(picks, AroundResult(result, "ribosome"), feature)
        np.testing.assert_allclose(found, one_by_one(picks, voxels, value, shape_zyx), rtol=1e-6)
    assert np.isinf(distances_to_labels(picks, AroundResult(result, "ribosome"), "ice")).all()


def test_only_the_surface_is_looked_at():
    voxels = np.zeros((9, 9, 9), np.int8)
    voxels[2:7, 2:7, 2:7] = 4
    points = np.concatenate(list(surface(voxels, 4)))
    assert len(points) == 5**3 - 3**3
    assert not ((points >= 3) & (points <= 5)).all(axis=1).any()


def test_no_picks_have_no_distances(tmp_path, manifest):
    result = result_with(tmp_path, manifest, np.ones((4, 4, 4), np.int8), (4, 4, 4))
    assert distances_to_labels(picks_at([]), AroundResult(result, "ribosome"), "membrane").tolist() == []


def test_labels_that_are_not_those_that_were_published_are_refused(tmp_path, manifest):
    result = result_with(tmp_path, manifest, np.ones((4, 4, 4), np.int8), (4, 4, 4))
    changed = replace(result, manifest=replace(result.manifest, files={"labels.mrc": FileFacts(1, "0" * 64)}))
    with pytest.raises(ResultUnreadable, match="was changed"):
        distances_to_labels(picks_at([[1, 1, 1]]), AroundResult(changed, "ribosome"), "membrane")
    (tmp_path / "labels.mrc").write_bytes((tmp_path / "labels.mrc").read_bytes()[:-5])
    with pytest.raises(ResultUnreadable, match="is damaged"):
        distances_to_labels(picks_at([[1, 1, 1]]), AroundResult(result, "ribosome"), "membrane")
    (tmp_path / "labels.mrc").unlink()
    assert not has_labels(AroundResult(result, "ribosome"), "membrane")


def test_a_feature_that_was_not_looked_for_has_no_labels(tmp_path, manifest):
    result = result_with(tmp_path, manifest, np.ones((4, 4, 4), np.int8), (4, 4, 4))
    assert has_labels(AroundResult(result, "ribosome"), "membrane")
    assert not has_labels(AroundResult(result, "ribosome"), "ribosome")
    share = {"membrane_share": {"value": None, "unit": "", "verdict": "missing", "reason": "its voxels are too large"}}
    missing = replace(result, manifest=replace(result.manifest, quality=qualities(JsonObject(share))))
    assert not has_labels(AroundResult(missing, "ribosome"), "membrane")
