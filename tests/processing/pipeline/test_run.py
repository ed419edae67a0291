"""One tomogram through one recipe: everything of its result is made, said, and durable, or a clear sentence is."""

import errno
import hashlib
import json
import os
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import mrcfile
import numpy as np
import pytest
import starfile
import torch
from PIL import Image

from livetomo.config.recipe.picks import Duplicates
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import (
    AbsurdHeader,
    DeviceFault,
    DiskFull,
    MapNotFinite,
    NotAnMrc,
    NoUsableVoxels,
    OutOfDeviceMemory,
    OutOfMemory,
    SourceChanged,
    SourceUnreadable,
    TruncatedVolume,
    UnsupportedMode,
)
from livetomo.core.events import result_events
from livetomo.core.manifest import FileFacts, ResultManifest
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.pipeline import device_faults, feature_maps
from livetomo.processing.pipeline import read_input as source
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline import write_result as result_files
from livetomo.results.manifest import read_manifest
from tests.core.test_manifest import GOLDEN
from tests.mrc_files import header_block
from tests.volumes import VOXEL_ANGSTROM, balls, order_for, write_tomogram
from tools.docs.schemas import manifest_schema

CURATION = Duplicates(feature="ribosome", rule="duplicates", distance_angstrom=50)
PLACES = np.array([(24, 20, 20), (20, 60, 25), (30, 40, 60)])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    path = write_tomogram(folder / "TS_01.mrc", balls())
    stages = []
    recipe = load_recipe("untrained").model_copy(update={"keep": ("denoised", "probabilities"), "curate": (CURATION,)})
    manifest = pipeline.run(order_for(path, recipe), folder / "result", announce=stages.append)
    return folder / "result", manifest, stages


def positions(manifest, feature="ribosome"):
    return np.array(manifest.picks[feature].strongest)[:, 2::-1] / VOXEL_ANGSTROM


def test_the_particles_are_found_where_they_are_and_nothing_else(made):
    _, manifest, _ = made
    found = positions(manifest)
    assert len(found) == manifest.picks["ribosome"].count == 3
    for place in PLACES:
        assert np.linalg.norm(found - place, axis=1).min() < 0.5


@pytest.mark.parametrize(("said", "diameter"), [(None, 250), (310.0, 310)])
def test_the_size_of_a_feature_s_particles_is_the_rule_s_or_else_the_feature_s(tmp_path, said, diameter):
    recipe = load_recipe("untrained").to_json()
    recipe["pick"][0]["diameter_angstrom"] = said
    path = write_tomogram(tmp_path / "TS_01.mrc", balls())
    manifest = pipeline.run(order_for(path, Recipe.model_validate(recipe)), tmp_path / "result")
    assert manifest.picks["ribosome"].diameter_angstrom == diameter
    (picks, _) = result_events(manifest, "/out")
    assert picks.body["diameter_angstrom"] == diameter


def test_each_stage_is_reported_as_it_begins_and_timed(made):
    _, manifest, stages = made
    assert stages == ["read", "denoise", "segment", "interact", "pick", "measure", "write"]
    assert list(manifest.seconds) == stages


def test_the_manifest_on_disk_is_what_is_returned_and_vouches_for_every_file(made):
    folder, manifest, _ = made
    assert read_manifest(folder) == manifest
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert on_disk == set(manifest.files) | {"result.json"}
    for name, facts in manifest.files.items():
        content = (folder / name).read_bytes()
        assert facts == FileFacts(len(content), hashlib.sha256(content).hexdigest())


def test_the_manifest_on_disk_is_read_as_its_type_and_written_again_byte_for_byte(made):
    written = (made[0] / "result.json").read_text(encoding="utf-8")
    body = ResultManifest.from_json(json.loads(written)).to_json()
    assert json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1) + "\n" == written
    jsonschema.validate(json.loads(written), manifest_schema())


def test_the_manifest_has_exactly_the_promised_keys(made):
    _, manifest, _ = made
    body = manifest.to_json()
    assert list(body) == [
        "schema", "result_id", "tomogram", "revision", "source", "volume", "metadata", "recipe", "provenance",
        "started", "finished", "seconds", "quality", "verdict", "picks", "labels", "warnings", "files",
    ]  # fmt: skip
    assert body["volume"] == {
        "shape_zyx": [48, 80, 80],
        "voxel_size_angstrom": VOXEL_ANGSTROM,
        "voxel_size_source": "header",
        "origin_angstrom": [100.0, 200.0, 300.0],
        "axis_order": "zyx",
        "mode": 2,
        "centre_angstrom": [40 * VOXEL_ANGSTROM, 40 * VOXEL_ANGSTROM, 24 * VOXEL_ANGSTROM],
        "evidence": [
            {"what": "voxel_size", "value": VOXEL_ANGSTROM, "source": "header"},
            {"what": "byte_order", "value": "little-endian", "source": "machine stamp"},
        ],
    }


def layout(value: Any) -> Any:
    """The keys of JSON in their order, at every depth."""
    if isinstance(value, dict):
        return [(key, layout(one)) for key, one in value.items()]
    return [layout(one) for one in value] if isinstance(value, list) and value and isinstance(value[0], dict) else ...


def test_what_is_written_has_the_keys_of_the_kept_manifest_in_their_order(made):
    assert layout(json.loads((made[0] / "result.json").read_text())) == layout(json.loads(GOLDEN.read_text()))


def test_its_events_can_be_distinguished_from_the_manifest_alone(made):
    _, manifest, _ = made
    kinds = [event.kind for event in result_events(manifest, "/somewhere")]
    assert kinds == ["picks", "result"]


def test_picks_and_candidates_are_stars_with_the_stronger_first(made):
    folder, manifest, _ = made
    picks = starfile.read(folder / "picks" / "ribosome.relion5.star")
    candidates = starfile.read(folder / "candidates" / "ribosome.relion5.star")
    assert len(picks) == manifest.picks["ribosome"].count
    assert len(candidates) == manifest.picks["ribosome"].candidates > len(picks)
    assert candidates["rlnAutopickFigureOfMerit"].is_monotonic_decreasing
    x = picks["rlnCenteredCoordinateXAngst"].to_numpy() / VOXEL_ANGSTROM + 40
    np.testing.assert_allclose(np.sort(x), np.sort(PLACES[:, 2]), atol=0.5)


def test_kept_maps_lie_where_the_tomogram_lies_and_are_dark_where_it_is(made):
    folder, _, _ = made
    for name in ("denoised.mrc", "probabilities/ribosome.mrc", "probabilities/contamination.mrc"):
        with mrcfile.open(folder / name) as file:
            assert file.data.shape == (48, 80, 80)
            assert file.header.origin.tolist() == (100, 200, 300)
            assert file.voxel_size.x == pytest.approx(VOXEL_ANGSTROM)
    denoised = mrcfile.read(folder / "denoised.mrc").astype(np.float32)
    assert denoised[tuple(PLACES[0])] < denoised.mean() - denoised.std()
    assert mrcfile.read(folder / "probabilities/ribosome.mrc")[tuple(PLACES[0])] > 63


def test_pictures_are_made_of_it(made):
    folder, _, _ = made
    for name, size in {"xy": (320, 320), "overlay": (320, 320), "xz": (320, 192), "tile": (256, 256)}.items():
        with Image.open(folder / "preview" / f"{name}.png") as picture:
            assert picture.size == size


def test_the_same_input_gives_the_same_files(made, tmp_path: Path):
    _, manifest, _ = made
    path = write_tomogram(tmp_path / "TS_01.mrc", balls())
    recipe = load_recipe("untrained").model_copy(update={"keep": ("denoised", "probabilities")})
    again = pipeline.run(order_for(path, recipe), tmp_path / "result")
    assert again.files == manifest.files


def test_bright_density_is_found_as_dark_density_is(tmp_path: Path):
    path = write_tomogram(tmp_path / "TS_01.mrc", -balls())
    recipe = load_recipe("untrained").model_copy(update={"density": "bright"})
    assert pipeline.run(order_for(path, recipe), tmp_path / "r").picks["ribosome"].count == 3


def crowd() -> np.ndarray:
    """Forty particles and a piece of ice."""
    places = np.random.default_rng(7).integers(6, (42, 122, 122), (40, 3))
    volume = balls((48, 128, 128), places)
    volume[20:28, 60:70, 60:70] -= 40
    return volume


@pytest.mark.parametrize(("density", "other", "scale"), [("dark", "bright", -1), ("bright", "dark", 1)])
def test_the_other_polarity_is_named_and_contamination_not_blamed(tmp_path: Path, density, other, scale):
    path = write_tomogram(tmp_path / "a.mrc", scale * crowd())
    for number, said in enumerate((density, other)):
        recipe = load_recipe("untrained").model_copy(update={"density": said})
        manifest = pipeline.run(order_for(path, recipe), tmp_path / str(number))
        wrong = said == density
        assert manifest.quality["density_skew"].verdict == ("bad" if wrong else "good")
        words = f'density seems to be {other} in this volume, and is taken for {density}.*density = "{other}"'
        assert any(re.search(words, warning) for warning in manifest.warnings) == wrong
        assert bool(re.search(f"Wrong polarity: {words}", manifest.quality["density_skew"].reason)) == wrong
        judged = {name: manifest.quality[name].verdict for name in ("contamination_share", "dense_share")}
        assert (not {"warn", "bad"} & set(judged.values())) or not wrong


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16])
def test_the_type_of_the_voxels_does_not_matter(tmp_path: Path, dtype):
    path = write_tomogram(tmp_path / "TS_01.mrc", (balls() * 10 + (100 if dtype == np.uint16 else 0)).astype(dtype))
    assert pipeline.run(order_for(path), tmp_path / "r").picks["ribosome"].count == 3


def test_particles_beside_contamination_are_left_out(tmp_path: Path):
    volume = balls()
    volume[22:27, 18:23, 25:27] = -60
    manifest = pipeline.run(order_for(write_tomogram(tmp_path / "TS_01.mrc", volume)), tmp_path / "r")
    assert manifest.picks["ribosome"].count == 2
    assert manifest.quality["contamination_share"].value > 0


def test_no_particles_are_a_result(tmp_path: Path):
    manifest = pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls(places=()))), tmp_path / "r")
    assert manifest.picks["ribosome"].count == 0
    assert (tmp_path / "r" / "picks" / "ribosome.relion5.star").exists()


@pytest.mark.parametrize("voxel_size", [0.0, 5000.0])
def test_without_a_voxel_size_the_default_is_used_and_said(tmp_path: Path, voxel_size):
    path = write_tomogram(tmp_path / "a.mrc", balls(), voxel_size)
    manifest = pipeline.run(order_for(path), tmp_path / "r")
    assert manifest.volume.voxel_size_angstrom == VOXEL_ANGSTROM
    assert manifest.volume.voxel_size_source == "default"
    assert manifest.quality["voxel_size"].verdict == manifest.verdict == "warn"
    assert "25 Å, the configured default" in manifest.warnings[0]
    assert manifest.picks["ribosome"].count == 3


def test_a_person_has_the_last_word_about_the_voxel_size(tmp_path: Path):
    path = write_tomogram(tmp_path / "a.mrc", balls(), 1.0)
    manifest = pipeline.run(
        order_for(path, load_recipe("untrained").model_copy(update={"voxel_size_angstrom": VOXEL_ANGSTROM})),
        tmp_path / "r",
    )
    assert manifest.volume.voxel_size_source == "override"
    assert manifest.warnings == ()


def test_a_voxel_size_that_the_tilt_series_contradicts_is_named(tmp_path: Path):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    series = {"pixel_size_angstrom": 2.5, "raw_size_xy": [400, 400]}
    manifest = pipeline.run(order_for(path, facts=SidecarFacts(**series)), tmp_path / "r")
    found = manifest.quality["voxel_size"]
    assert (found.value, found.verdict, manifest.verdict) == (VOXEL_ANGSTROM, "bad", "bad")
    assert "at 25 Å the volume is 2,000 x 2,000 Å wide, but the tilt series 1,000 x 1,000 Å" in found.reason
    assert any("but the tilt series" in warning for warning in manifest.warnings)


def test_a_few_voxels_that_are_no_numbers_are_replaced_and_said(tmp_path: Path):
    volume = balls()
    volume[3, 3, 3:5] = [np.nan, np.inf]
    manifest = pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", volume)), tmp_path / "r")
    assert manifest.quality["finite_share"].verdict == "warn"
    assert manifest.warnings == ("2 voxels are not numbers; the median stands in for them.",)
    assert manifest.picks["ribosome"].count == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, 7.0])
def test_a_volume_without_anything_to_see_is_refused(tmp_path: Path, value):
    path = write_tomogram(tmp_path / "a.mrc", np.full((8, 8, 8), value, np.float32))
    with pytest.raises(NoUsableVoxels, match=r"^a\.mrc holds .*processes a rewritten file again\.$"):
        pipeline.run(order_for(path), tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"This is no tomogram.\n" * 200, NotAnMrc),
        (bytes(header_block(shape=(10_000, 10_000, 10_000))), AbsurdHeader),
        (bytes(header_block()) + bytes(100), TruncatedVolume),
        (bytes(header_block(mode=4)) + bytes(10_000), UnsupportedMode),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, content, fault):
    path = tmp_path / "a.mrc"
    path.write_bytes(content)
    with pytest.raises(fault, match=r"^a\.mrc "):
        pipeline.run(order_for(path), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_file_that_has_changed_since_it_was_taken_is_not_read(tmp_path: Path):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    order = order_for(path)
    write_tomogram(path, balls(seed=2))
    os.utime(path, ns=(1, 1))
    with pytest.raises(SourceChanged):
        pipeline.run(order, tmp_path / "r")


def test_a_changed_time_alone_is_nothing_new(tmp_path: Path):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    order = order_for(path)
    os.utime(path, ns=(1, 1))
    assert pipeline.run(order, tmp_path / "r").picks["ribosome"].count == 3


def test_a_file_that_changes_while_it_is_read_is_thrown_away(tmp_path: Path, monkeypatch):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    read = source.read_volume

    def read_and_touch(path):
        volume = read(path)
        os.utime(path, ns=(1, 1))
        return volume

    monkeypatch.setattr(source, "read_volume", read_and_touch)
    with pytest.raises(SourceChanged):
        pipeline.run(order_for(path), tmp_path / "r")


def test_a_file_that_is_deleted_before_or_while_it_is_read_is_unreadable(tmp_path: Path, monkeypatch):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    order = order_for(path)
    read = source.read_volume

    def read_and_delete(path):
        volume = read(path)
        path.unlink()
        return volume

    monkeypatch.setattr(source, "read_volume", read_and_delete)
    for _ in range(2):
        with pytest.raises(SourceUnreadable, match="not there any more"):
            pipeline.run(order, tmp_path / "r")


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(result_files, "write_previews", full)
    with pytest.raises(DiskFull, match="No room is left"):
        pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls())), tmp_path / "r")


@pytest.mark.parametrize(
    ("raised", "fault"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nmore"), DeviceFault),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), DeviceFault),
        (RuntimeError("shapes do not match"), RuntimeError),
    ],
)
def test_the_devices_faults_are_distinguished_from_ours(tmp_path: Path, monkeypatch, raised, fault):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(feature_maps, "blob", fail)
    with pytest.raises(fault) as caught:
        pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls())), tmp_path / "r")
    assert type(caught.value) is fault


def test_memory_that_other_programs_hold_is_not_the_tomograms_fault(tmp_path: Path, monkeypatch):
    def fault(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(feature_maps, "blob", fault)
    monkeypatch.setattr(device_faults, "held_by_others", lambda device: True)
    with pytest.raises(OutOfDeviceMemory, match="other programs"):
        pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls())), tmp_path / "out")


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path):
    (tmp_path / "r").mkdir()
    with pytest.raises(FileExistsError):
        pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls())), tmp_path / "r")


def test_a_recipe_with_colocalize_keeps_only_what_is_near(tmp_path: Path):
    volume = balls()
    volume[23:26, 19:22, 19:22] = -60
    recipe = load_recipe("untrained").to_json()
    recipe["interaction"] = [{"feature": "ribosome", "colocalize": "contamination", "radius_angstrom": 400}]
    path = write_tomogram(tmp_path / "a.mrc", volume)
    manifest = pipeline.run(order_for(path, Recipe.model_validate(recipe)), tmp_path / "r")
    assert manifest.picks["ribosome"].count == 1


def test_what_the_sidecars_said_is_used_and_recorded(tmp_path):
    path = write_tomogram(tmp_path / "TS_01.mrc", balls())
    recipe = load_recipe("untrained")
    recipe = recipe.model_copy(update={"export": recipe.export.model_copy(update={"formats": ("relion4",)})})
    metadata = {"pixel_size_angstrom": VOXEL_ANGSTROM / 4, "tilt_series_name": "rec_TS_01"}
    manifest = pipeline.run(replace(order_for(path, recipe), facts=SidecarFacts(**metadata)), tmp_path / "result")
    assert manifest.metadata == metadata
    table = starfile.read(tmp_path / "result" / "picks" / "ribosome.relion4.star")
    assert set(table["rlnTomoName"]) == {"rec_TS_01"}
    assert (tmp_path / "result" / "picks" / "ribosome.relion5.star").exists(), "followers read it: it is always written"
    assert {name for name in manifest.files if name.startswith("picks/")} == {
        "picks/ribosome.relion4.star", "picks/ribosome.relion5.star"
    }  # fmt: skip
    assert manifest.recipe.hash == recipe.hash
    assert manifest.recipe.settings["export"] == {"formats": ["relion4"]}
    assert sorted(table["rlnCoordinateX"]) == pytest.approx(sorted(4 * PLACES[:, 2]), abs=2)


def test_what_the_header_contradicts_itself_in_is_a_warning_of_the_result(tmp_path):
    path = write_tomogram(tmp_path / "TS_01.mrc", balls())
    content = bytearray(path.read_bytes())
    content[212:216] = b"\x11\x11\0\0"
    struct.pack_into("<i", content, 92, 49_920)
    path.write_bytes(content)
    manifest = pipeline.run(order_for(path), tmp_path / "result")
    assert manifest.picks["ribosome"].count == 3
    assert any("the machine stamp says big-endian" in warning for warning in manifest.warnings)
    assert any("an extended header of 49,920 bytes, which the file does not have" in one for one in manifest.warnings)


BLANK = {
    "30 % zero": (17, 0.0),
    "55 % the lowest": (48, "min"),
    "55 % the highest": (48, "max"),
    "80 % the mean": (160, "mean"),
    "55 % not a number": (48, np.nan),
}


@pytest.mark.parametrize("kind", BLANK)
def test_blank_parts_change_no_pick_and_no_figure_of_the_rest(made, tmp_path: Path, kind):
    rows, value = BLANK[kind]
    volume = balls()
    value = getattr(volume, value)() if isinstance(value, str) else value
    padded = np.pad(volume, ((0, 0), (rows, rows), (0, 0)), constant_values=value)
    recipe = load_recipe("untrained").model_copy(update={"keep": ("probabilities", "labels")})
    manifest = pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", padded), recipe), tmp_path / "out")
    found = positions(manifest) - [0, rows, 0]
    assert len(found) == 3
    for place in PLACES:
        assert np.linalg.norm(found - place, axis=1).min() < 0.5
    quality, whole = manifest.quality, made[1].quality
    share = 2 * rows / (80 + 2 * rows)
    assert quality["blank_share"].value == pytest.approx(share, abs=0.001)
    assert quality["blank_share"].verdict == ("warn" if share > 0.5 else "good")
    words = "what is not a number" if "number" in kind else f"{value:.4g}"
    said = f"is blank, padded or masked with {words}: "
    assert any(said in warning for warning in manifest.warnings)
    assert {name: quality[name].verdict for name in ("contamination_share", "dense_share", "saturated_share")} == {
        name: whole[name].verdict for name in ("contamination_share", "dense_share", "saturated_share")
    }
    for name in ("ribosome_density", "contrast", "thickness", "saturated_share"):
        assert quality[name].value == pytest.approx(whole[name].value or 0, rel=0.02) or (
            quality[name].value is whole[name].value is None
        )
    for path in (tmp_path / "out" / "probabilities").glob("*.mrc"):
        probability = mrcfile.read(path)
        assert not probability[:, : rows - 1].any()
        assert not probability[:, rows + 81 :].any()
        assert probability[:, rows : rows + 80].any() or path.stem == "contamination"


def test_a_volume_of_nothing_but_constants_is_refused(tmp_path: Path):
    volume = np.zeros((48, 80, 80), np.float32)
    volume[:, :32] = 3
    with pytest.raises(NoUsableVoxels, match="nothing but"):
        pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", volume)), tmp_path / "out")


def test_a_map_that_is_not_finite_is_a_fault_and_no_result(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(feature_maps, "ridge", lambda volume, **_: torch.full_like(volume, float("nan")))
    with pytest.raises(MapNotFinite, match="membrane"):
        pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls())), tmp_path / "out")


def test_a_volume_that_is_deeper_than_wide_has_a_warning_about_its_axes(tmp_path):
    path = write_tomogram(tmp_path / "TS_01.mrc", balls().transpose(1, 0, 2))
    manifest = pipeline.run(order_for(path), tmp_path / "result")
    assert manifest.quality["relative_depth"].verdict == "warn"
    assert any(one.startswith("Axes: the volume has 80 voxels along z and 48 across") for one in manifest.warnings)


@pytest.mark.parametrize("header", [0.0, 1.0])
def test_the_settled_voxel_size_is_that_of_every_file_and_event(tmp_path, header):
    path = write_tomogram(tmp_path / f"TS_01_{VOXEL_ANGSTROM:.2f}Apx.mrc", balls(), header)
    recipe = load_recipe("untrained").model_copy(update={"keep": ("denoised",)})
    recipe = recipe.model_copy(update={"export": recipe.export.model_copy(update={"formats": ("relion5", "relion4")})})
    manifest = pipeline.run(order_for(path, recipe, default_voxel_size_angstrom=7.0), tmp_path / "result")
    volume = manifest.volume
    assert (volume.voxel_size_angstrom, volume.voxel_size_source) == (VOXEL_ANGSTROM, "name")
    assert manifest.quality["voxel_size"].value == VOXEL_ANGSTROM
    assert not any("oxel size" in warning for warning in manifest.warnings)
    star = starfile.read(tmp_path / "result" / "picks" / "ribosome.relion5.star")
    found = sorted(star["rlnCenteredCoordinateXAngst"] / VOXEL_ANGSTROM + 40)
    assert found == pytest.approx(sorted(PLACES[:, 2]), abs=0.5)
    with mrcfile.open(tmp_path / "result" / "denoised.mrc", header_only=True) as file:
        assert file.voxel_size.x == pytest.approx(VOXEL_ANGSTROM)
    for event in result_events(manifest, "/r"):
        assert event.body["volume"]["voxel_size_angstrom"] == VOXEL_ANGSTROM
        assert "evidence" not in event.body["volume"]


def test_orientations_stand_in_the_message_the_star_and_the_candidates(tmp_path: Path, monkeypatch):
    """As whatever finds them will leave them with the candidates."""
    turns = np.array([[10, 20, 30], [-40, 90, 170], [0, 5, -5]], np.float32)
    picked = pipeline.pick

    def oriented(maps, plan, compared=None):
        found = picked(maps, plan, compared)
        candidates = {name: replace(one, euler=turns[: len(one)]) for name, one in found.candidates.items()}
        return replace(found, candidates=candidates)

    monkeypatch.setattr(pipeline, "pick", oriented)
    recipe = load_recipe("untrained")
    recipe = recipe.model_copy(
        update={"pick": tuple(one.model_copy(update={"candidate_threshold": 0.5}) for one in recipe.pick)}
    )
    manifest = pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls()), recipe), tmp_path / "out")
    picks = manifest.picks["ribosome"]
    assert picks.columns[-3:] == ("rot", "tilt", "psi")
    found = np.array(picks.strongest)[:, -3:]
    assert found.tolist() == turns[: picks.count].tolist()
    for path in ("picks/ribosome.relion5.star", "candidates/ribosome.relion5.star"):
        table = starfile.read(tmp_path / "out" / path)
        assert table[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()[: len(found)].tolist() == found.tolist()
