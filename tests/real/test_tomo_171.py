"""On a real lamella the recipe without any network finds the ribosomes that experts have cleaned by hand."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from scipy.spatial import cKDTree

from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.manifest import ResultManifest
from livetomo.evaluate.matching import recall_at
from livetomo.processing.pipeline import run as pipeline
from tests.volumes import order_for

pytestmark = pytest.mark.real
VOXEL_ANGSTROM = 31.36
WITHIN_ANGSTROM = 125


@pytest.fixture(scope="module")
def truth(data: Path) -> np.ndarray:
    """Å (n, 3), without the one of each pair closer than 50 Å. True positions only: many ribosomes are not listed."""
    table = starfile.read(data / "real" / "tomo_171_ribosomes.star")
    points = table[[f"rlnCoordinate{axis}" for axis in "ZYX"]].to_numpy() * VOXEL_ANGSTROM
    doubles = {max(pair) for pair in cKDTree(points).query_pairs(50)}
    return np.delete(points, sorted(doubles), axis=0)


@pytest.fixture(scope="module")
def result(data: Path, tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("tomo_171") / "result"
    return folder, pipeline.run(order_for(data / "real" / "tomo_171.mrc"), folder)


@pytest.fixture(scope="module")
def candidates(result) -> np.ndarray:
    return _candidates(*result)


def _candidates(folder: Path, manifest: ResultManifest) -> np.ndarray:
    """Å (n, 3), strongest first."""
    table = starfile.read(folder / "candidates" / "ribosome.relion5.star")
    centre = np.array(manifest.volume.shape_zyx) / 2 * VOXEL_ANGSTROM
    return table[[f"rlnCenteredCoordinate{axis}Angst" for axis in "ZYX"]].to_numpy() + centre


def test_the_network_finds_more_of_them_than_the_filter(data: Path, tmp_path: Path, truth):
    recipe = load_recipe("cellular")
    manifest = pipeline.run(order_for(data / "real" / "tomo_171.mrc", recipe), tmp_path / "result")
    found, n = _candidates(tmp_path / "result", manifest), len(truth)
    at_n, at_2n, at_3n, at_10n = recall_at(found, truth, WITHIN_ANGSTROM, (n, 2 * n, 3 * n, 10 * n))
    print(f"recall {at_n:.3f} at N, {at_2n:.3f} at 2N, {at_3n:.3f} at 3N, {at_10n:.3f} at 10N")
    assert at_2n >= 0.72
    assert at_3n >= 0.92
    assert at_10n >= 0.97


def test_the_strongest_candidates_find_the_true_positions(candidates, truth):
    n = len(truth)
    at_n, at_2n, at_3n, at_10n = recall_at(candidates, truth, WITHIN_ANGSTROM, (n, 2 * n, 3 * n, 10 * n))
    print(f"recall {at_n:.3f} at N, {at_2n:.3f} at 2N, {at_3n:.3f} at 3N, {at_10n:.3f} at 10N; {len(candidates)} kept")
    assert n == 267
    assert at_2n >= 0.66
    assert at_3n >= 0.90
    assert at_10n >= 0.95


def test_enough_candidates_are_kept_to_move_the_threshold_far(candidates, truth):
    assert len(candidates) > 10 * len(truth)


def test_what_is_published_is_as_many_as_the_cytosol_of_yeast_holds(result):
    """Some thousands per µm³ of the whole volume, half of which is empty: at most what four times the list says."""
    quality = result[1].quality
    assert 2000 < quality["ribosome_density"].value < 10_000
    assert quality["thickness"].value == pytest.approx(1900, rel=0.1)
    assert result[1].verdict == "good"
