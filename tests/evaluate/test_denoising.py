"""Denoisers are judged by what a half-map knows of the other, raw one, and by the truth where it is known."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from livetomo.cli.evaluate import command
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate import denoising
from livetomo.evaluate.denoising import by_halves, by_truth
from livetomo.formats.mrc import write_map
from tests.volumes import balls

SHAPE = (48, 80, 80)
VOXEL_ANGSTROM = 15.0


@pytest.fixture(scope="module")
def volumes():
    """Even, odd and truth, matter positive."""
    places = tuple(np.random.default_rng(5).integers(6, (42, 74, 74), (80, 3)))
    truth = -torch.from_numpy(balls(SHAPE, noise=0, diameter=60, places=places))
    noise = [torch.from_numpy(np.random.default_rng(seed).normal(0, 1.5, SHAPE)).float() for seed in (1, 2)]
    return truth + noise[0], truth + noise[1], truth


def test_every_method_has_a_row_and_every_band_a_number_where_voxels_are_small_enough(volumes):
    found = by_halves(*volumes[:2], voxel_size_angstrom=VOXEL_ANGSTROM, defocus_angstrom=4e4)
    assert [name.split()[0] for name in found] == ["raw", "lowpass", "deconvolve", "wiener", "tv", "tv"]
    assert all([value is None for value in by_band] == [False, False, False, True] for by_band in found.values())


def test_what_denoises_is_nearer_to_the_truth_and_to_the_other_half(volumes):
    for found in (
        by_halves(*volumes[:2], voxel_size_angstrom=VOXEL_ANGSTROM),
        by_truth(*volumes, voxel_size_angstrom=VOXEL_ANGSTROM),
    ):
        assert "deconvolve" not in found
        assert found["tv 0.7"][2] > found["raw"][2]


def test_no_denoised_half_is_compared_with_another_denoised_one(volumes, monkeypatch):
    """Those agree where both are wrong alike: a method that leaves nothing but its own pattern would be the best."""
    pattern = torch.from_numpy(np.random.default_rng(7).normal(size=SHAPE)).float()
    monkeypatch.setattr(denoising, "total_variation", lambda volume, weight: pattern.clone())
    monkeypatch.setattr(denoising, "weight_by_halves", lambda even, odd, most_tilt_degrees: 1.0)
    found = by_halves(*volumes[:2], voxel_size_angstrom=VOXEL_ANGSTROM)
    assert all(abs(value) < 0.1 for value in found["tv 0.7"] if value is not None)


def test_halves_that_are_none_are_refused(volumes):
    with pytest.raises(ConfigurationError, match="identical"):
        by_halves(volumes[0], volumes[0], voxel_size_angstrom=VOXEL_ANGSTROM)
    with pytest.raises(ConfigurationError, match=r"do not match: 80 x 80 x 48 and 80 x 80 x 47"):
        by_halves(volumes[0], volumes[1][1:], voxel_size_angstrom=VOXEL_ANGSTROM)
    with pytest.raises(ConfigurationError, match=r"the truth has 47 x 80 x 80 voxels"):
        by_truth(*volumes[:2], volumes[2][1:], voxel_size_angstrom=VOXEL_ANGSTROM)


def test_the_command_prints_a_table_and_the_same_as_json(volumes, tmp_path):
    paths = [tmp_path / f"{name}.mrc" for name in ("even", "odd", "truth")]
    for path, volume in zip(paths, volumes, strict=True):
        write_map(path, volume.neg().numpy(), TomogramGeometry(SHAPE, VOXEL_ANGSTROM))
    arguments = ["denoise", *map(str, paths[:2]), "--defocus", "40000", "--truth", str(paths[2])]
    ended = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert ended.exit_code == 0
    header, *rows = ended.stdout.splitlines()
    assert header.split("   ")[0].strip() == "method"
    figures = json.loads(CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert len(rows) == len(figures) == 6
    assert figures["raw"]["40-25 Å"] is None
    assert f"{figures['raw']['60-40 Å']:.3f}" in rows[0]
    assert figures["raw"]["200-100 Å"] > 0.5
