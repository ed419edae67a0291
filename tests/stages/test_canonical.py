"""Whatever filter a volume went through, the network sees the same one; and things stay where they are."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livetomo.stages.segment.canonical import Canonical, canonical_shape, from_canonical, to_canonical

CANONICAL = Canonical(30.0)


def blobs(shape, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = gaussian_filter(noise, sigma, mode="wrap")
    return torch.from_numpy((smooth / smooth.std()).astype(np.float32))


@pytest.mark.parametrize("voxel_size", [7.5, 12.0, 30.0, 34.0])
def test_a_point_stays_where_it_is(voxel_size):
    shape = (48, 60, 50)
    volume = blobs(shape, 0.5) * 0.05
    at = (20, 31, 24)
    grid = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    distance = sum((axis - c) ** 2 for axis, c in zip(grid, at, strict=True))
    volume += torch.from_numpy(6 * np.exp(-distance / (2 * (60 / voxel_size) ** 2)).astype(np.float32))
    out = to_canonical(volume, voxel_size_angstrom=voxel_size, canonical=CANONICAL)
    assert out.shape == canonical_shape(volume.shape, voxel_size, CANONICAL)
    back = from_canonical(out, shape)
    weight = back.clamp(min=0.7 * float(back.max())) - 0.7 * back.max()
    found = [float((weight * torch.from_numpy(axis)).sum() / weight.sum()) for axis in grid]
    assert found == pytest.approx(at, abs=0.25 * max(1, 30 / voxel_size))


def test_a_filter_on_the_input_makes_no_difference():
    volume = blobs((64, 64, 64), 0.5)
    filtered = torch.from_numpy(gaussian_filter(volume.numpy(), 0.8, mode="wrap"))
    seen, seen_filtered = (
        to_canonical(v / v.std(), voxel_size_angstrom=30.0, canonical=CANONICAL) for v in (volume, filtered)
    )
    inside = (slice(10, 54),) * 3  # towards the faces, the mirrored volumes differ
    assert np.corrcoef(seen[inside].ravel(), seen_filtered[inside].ravel())[0, 1] > 0.985
    assert np.corrcoef(volume.ravel(), filtered.ravel())[0, 1] < 0.85


def test_a_volume_at_its_own_size_goes_back_unchanged():
    volume = torch.rand(8, 9, 10)
    assert torch.equal(from_canonical(volume, (8, 9, 10)), volume)


def test_a_constant_volume_stays_finite():
    out = to_canonical(torch.zeros(16, 16, 16), voxel_size_angstrom=10.0, canonical=CANONICAL)
    assert torch.isfinite(out).all()
