"""The result manifest: what is read is what was written, of every version, and what is no manifest is said."""

import json
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from livetomo.core.errors import BadManifest
from livetomo.core.manifest import SCHEMA, ResultManifest
from tools.docs.schemas import manifest_schema

GOLDEN = Path(__file__).parent / "golden_manifest.json"
FIRST = Path(__file__).parents[1] / "first_version" / "first_version.tar.xz"


def first_version() -> list[str]:
    """The manifests that commit c50b5df wrote, as they lie in their folders."""
    with tarfile.open(FIRST) as packed:
        names = [name for name in packed.getnames() if name.endswith("result.json")]
        return [packed.extractfile(name).read().decode() for name in names]  # type: ignore[union-attr]


def newest() -> dict[str, Any]:
    """One that has every key that was added since then."""
    body = json.loads(first_version()[0])
    body["volume"]["evidence"] = [
        {"what": "voxel_size", "value": 25, "source": "header"},
        {"what": "byte_order", "value": "little", "source": "machine stamp", "note": "it is read so"},
    ]
    body["provenance"]["models"] = {"ribosome": {"name": "cellular", "sha256": "ab" * 32, "steps": 5000}}
    package = {"distribution": "facility-x", "version": "1.2"}
    body["provenance"]["plugins"] = [{"kind": "exporter", "name": "lines", **package}]
    found = body["picks"]["ribosome"]
    rest = {key: found.pop(key) for key in ("removed", "columns", "strongest")}
    removed = [{"number": 1, "rule": "on_surface", "picks": 1, "candidates": 2}]
    found |= {"diameter_angstrom": 270} | rest | {"removed": removed, "missing": "the network needs finer voxels"}
    share = {"value": 0.1, "low": 0.06, "high": 0.15, "expected": 4.2, "decoys": 3, "calibration": "cellular"}
    found |= {"false_share": share, "false_share_missing": "only 12 candidates"}
    return body


def text(manifest: ResultManifest) -> str:
    return json.dumps(manifest.to_json(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def test_a_manifest_that_was_kept_is_written_again_byte_for_byte():
    """It was written by the pipeline at 9b15718, while manifests were made as dictionaries."""
    written = GOLDEN.read_text(encoding="utf-8")
    assert text(ResultManifest.from_json(json.loads(written))) == written


def test_a_manifest_of_the_first_version_is_written_again_byte_for_byte():
    manifests = first_version()
    assert len(manifests) == 3
    for written in manifests:
        assert text(ResultManifest.from_json(json.loads(written))) == written


def test_a_manifest_of_this_version_is_written_again_in_the_same_order():
    assert json.dumps(ResultManifest.from_json(newest()).to_json()) == json.dumps(newest())


def test_keys_that_older_versions_did_not_write_say_that_nothing_was_recorded():
    manifest = ResultManifest.from_json(json.loads(first_version()[0]))
    assert manifest.volume.evidence is None
    assert manifest.picks["ribosome"].diameter_angstrom is None
    assert manifest.picks["ribosome"].missing == ""
    assert (manifest.picks["ribosome"].false_share, manifest.picks["ribosome"].false_share_missing) == (None, "")
    bare = newest()
    for key in ("schema", "metadata", "labels", "files"):
        del bare[key]
    del bare["provenance"]["models"]
    manifest = ResultManifest.from_json(bare)
    assert (manifest.schema, manifest.metadata, manifest.labels, manifest.files) == (SCHEMA, {}, {}, {})
    assert manifest.provenance.models == {}


def test_keys_of_newer_versions_are_ignored():
    body = newest()
    for place in (body, body["volume"], body["picks"]["ribosome"], body["quality"]["contrast"], body["recipe"]):
        place["of_tomorrow"] = {"x": [1]}
    assert ResultManifest.from_json(body) == ResultManifest.from_json(newest())


def put(body: dict[str, Any], place: str, value: Any) -> None:
    *path, key = place.split(".")
    for part in path:
        body = body[part]
    if value is ...:
        del body[key]
    else:
        body[key] = value


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("result_id", ..., "it does not give result_id as a text"),
        ("revision", "1", "it does not give revision as a whole number"),
        ("revision", True, "it does not give revision as a whole number"),
        ("tomogram", [], "it does not give tomogram as an object"),
        ("tomogram.name", None, "it does not give tomogram.name as a text"),
        ("volume.shape_zyx", [1, 2], "it does not give volume.shape_zyx as 3 numbers"),
        ("volume.voxel_size_angstrom", ..., "it does not give volume.voxel_size_angstrom as a number"),
        ("volume.evidence", {}, "it does not give volume.evidence as a list"),
        ("volume.evidence", [3], "it does not give volume.evidence.0 as an object"),
        ("quality.contrast.verdict", "fine", "it does not give quality.contrast.verdict as one of good, warn, bad"),
        ("quality.contrast.verdict", ["good"], "it does not give quality.contrast.verdict as a text"),
        ("quality.contrast.verdict", "good", "quality contrast: None has the verdict good"),
        ("quality.contrast", 3, "it does not give quality.contrast as an object"),
        ("picks.ribosome.count", 2.5, "it does not give picks.ribosome.count as a whole number"),
        ("picks.ribosome.diameter_angstrom", "x", "it does not give picks.ribosome.diameter_angstrom as a number"),
        ("picks.ribosome.false_share", 0.1, "it does not give picks.ribosome.false_share as an object"),
        ("picks.ribosome.false_share.decoys", ..., "it does not give picks.ribosome.false_share.decoys as a whole"),
        ("warnings", [1], "it does not give warnings as a list of texts"),
        ("files", {"preview/xy.png": {"bytes": 1}}, "it does not give files.preview/xy.png.sha256 as a text"),
        ("schema", SCHEMA + 1, "use a newer one"),
    ],
)
def test_what_is_no_manifest_is_said_by_its_key(place, value, said):
    body = newest()
    put(body, place, value)
    with pytest.raises(BadManifest) as fault:
        ResultManifest.from_json(body)
    assert said in str(fault.value)


@pytest.mark.parametrize("body", [[], ["x"], None, 3, "result", {}])
def test_other_json_is_no_manifest(body):
    with pytest.raises(BadManifest, match="it does not give"):
        ResultManifest.from_json(body)


@pytest.mark.parametrize("body", [newest(), *map(json.loads, first_version())])
def test_the_json_schema_holds_for_manifests_of_every_version(body):
    jsonschema.validate(body, manifest_schema())
    del body["result_id"]
    with pytest.raises(jsonschema.ValidationError, match="'result_id' is a required property"):
        jsonschema.validate(body, manifest_schema())


def test_in_brief_it_has_everything_but_the_rows_of_picks():
    brief = ResultManifest.from_json(newest()).brief()
    body = newest()
    for key in ("columns", "strongest"):
        del body["picks"]["ribosome"][key]
    assert brief.to_json() == body
    assert ResultManifest.from_json(brief.to_json()) == brief
