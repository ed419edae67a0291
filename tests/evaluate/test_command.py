"""`livetomo evaluate` reads what labs have, and says what is missing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from livetomo.cli.evaluate import command
from livetomo.config.model_card import Canonical, Card, Layout
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import FeaturePicks, VolumeFacts
from livetomo.core.picks import Picks
from livetomo.formats.copick import CopickExporter
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import as_probability_bytes, write_map
from livetomo.formats.relion import Relion5Exporter
from livetomo.processing.networks.package import save_model
from livetomo.processing.networks.unet import Network
from livetomo.results.manifest import write_manifest
from tests.publish.event_logs import manifest

FRAME = Frame("TS_01", TomogramGeometry((20, 30, 40), 10.0))


def picks(positions, scores):
    count = len(positions)
    return Picks(np.array(positions, np.float32), np.array(scores, np.float32), np.ones(count, np.float32))


def evaluate(*arguments):
    ended = CliRunner().invoke(command, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert ended.exit_code == 0
    return json.loads(ended.stdout)


@pytest.fixture
def files(tmp_path):
    truth = picks([[5, 5, 5], [10, 20, 30]], [1, 1])
    (tmp_path / "truth.copick.json").write_text(CopickExporter().content(Placed(truth, FRAME), "ribosome"))
    found = picks([[5, 5, 6], [1, 1, 1], [10, 20, 31]], [0.9, 0.8, 0.3])
    for name, these in (("truth", truth), ("found", found)):
        (tmp_path / f"{name}.star").write_text(Relion5Exporter().content(Placed(these, FRAME), "ribosome"))
    write_map(tmp_path / "TS_01.mrc", np.zeros(FRAME.geometry.shape_zyx, np.float32), FRAME.geometry)
    return tmp_path


@pytest.mark.parametrize("truth", ["truth.star", "truth.copick.json"])
def test_picks_are_scored_from_stars_and_copick_alike(files, truth):
    figures = evaluate(
        "picks", files / "found.star", files / truth, "--radius", 50, "--tomogram", files / "TS_01.mrc", "--plot",
        files / "curve.png",
    )  # fmt: skip
    assert (figures["true"], figures["published"], figures["threshold"]) == (2, 3, None)
    assert (figures["recall"], figures["precision"]) == (1, pytest.approx(2 / 3, abs=1e-4))
    assert (figures["recall_at_1n"], figures["recall_at_2n"]) == (0.5, 1)
    assert Image.open(files / "curve.png").size == (640, 640)


def test_a_result_is_scored_as_it_was_published(files):
    """At 0.5, which is the recipe's of no one here, two would count."""
    result = files / "r1-00000000"
    (result / "candidates").mkdir(parents=True)
    (files / "found.star").rename(result / "candidates" / "ribosome.relion5.star")
    geometry = FRAME.geometry
    volume = VolumeFacts(geometry.shape_zyx, geometry.voxel_size_angstrom, "header", (0.0, 0.0, 0.0), "xyz", 2)
    write_manifest(result, replace(manifest(volume=volume), picks={"ribosome": FeaturePicks(1, 3, 0.85)}))
    scored = evaluate("picks", result, files / "truth.copick.json", "--radius", 50)
    assert (scored["published"], scored["threshold"], scored["candidates"]) == (1, 0.85, 3)
    scored = evaluate("picks", result, files / "truth.copick.json", "--radius", 50, "--threshold", 0.5)
    assert (scored["published"], scored["threshold"]) == (2, 0.5)
    with pytest.raises(ConfigurationError, match="has no picks of virus; it has ribosome"):
        evaluate("picks", result, files / "truth.copick.json", "--feature", "virus")


def test_a_folder_that_is_no_result_is_said(files):
    with pytest.raises(ConfigurationError, match=r"is no result folder: there is no result\.json in it"):
        evaluate("picks", files, files / "truth.copick.json")


def test_a_star_without_its_tomogram_is_refused(files):
    with pytest.raises(ConfigurationError, match="give the tomogram"):
        evaluate("picks", files / "found.star", files / "truth.star")


def test_a_segmentation_is_scored_by_orientation_too(tmp_path):
    truth = np.zeros((4, 6, 8), np.int8)
    truth[1:3] = 1
    probability = np.zeros(truth.shape, np.float32)
    probability[1] = 1
    normals = np.zeros(truth.shape, np.int8)
    normals[2] = 100
    for name, voxels in (("p", as_probability_bytes(probability)), ("labels", truth), ("normals", normals)):
        write_map(tmp_path / f"{name}.mrc", voxels, FRAME.geometry)
    figures = evaluate(
        "segmentation", tmp_path / "p.mrc", tmp_path / "labels.mrc", "--feature", "membrane", "--normal-z",
        tmp_path / "normals.mrc",
    )  # fmt: skip
    assert figures["dice"] == pytest.approx(2 / 3, abs=1e-3)
    assert (figures["recall_normal_z_0-0.3"], figures["recall_normal_z_0.85-1"]) == (1, 0)


def test_labels_of_another_shape_are_refused(tmp_path):
    write_map(tmp_path / "p.mrc", np.zeros((4, 4, 4), np.int8), FRAME.geometry)
    write_map(tmp_path / "labels.mrc", np.zeros((4, 4, 5), np.int8), FRAME.geometry)
    with pytest.raises(ConfigurationError, match="has the shape"):
        evaluate("segmentation", tmp_path / "p.mrc", tmp_path / "labels.mrc", "--feature", "membrane")


def test_the_real_ribosomes_are_read_alike_from_star_and_copick(data):
    real = data / "real"
    figures = evaluate(
        "picks", real / "tomo_171_ribosomes.star", real / "tomo_171_ribosomes.copick.json", "--radius", 5, "--tomogram",
        real / "tomo_171.mrc", "--truth-apart", 50,
    )  # fmt: skip
    assert figures["true"] == 267
    assert figures["recall"] == 1


def test_a_model_is_scored_on_a_tomogram(files):
    torch.manual_seed(0)
    layout = Layout(("ribosome",), base=2, levels=2)
    save_model(files / "tiny.safetensors", Network(layout), Card.of("tiny", layout, Canonical(12.0)))
    noise = np.random.default_rng(0).normal(size=FRAME.geometry.shape_zyx).astype(np.float32)
    write_map(files / "noise.mrc", noise, FRAME.geometry)
    arguments = ("model", files / "tiny.safetensors", files / "noise.mrc", files / "truth.copick.json")
    figures = evaluate(*arguments)
    assert figures["true"] == 2
    assert figures["candidates"] > 0
    with pytest.raises(ConfigurationError, match="knows no membrane"):
        evaluate(*arguments, "--feature", "membrane")
