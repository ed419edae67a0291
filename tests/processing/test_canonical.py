"""Whatever filter a volume went through, the network sees the same one; and things stay where they are."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livetomo.config.model_card import Canonical
from livetomo.processing.pick.maxima import maxima
from livetomo.processing.segment.canonical import canonical_shape, from_canonical, to_canonical

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


@pytest.mark.parametrize(("extent", "voxel_size"), [(256, 10.0), (256, 31.36), (150, 7.84)])
def test_nothing_drifts_along_a_long_axis(extent, voxel_size):
    """Also where the extents are no multiple of each other: at the far end things are where they are said to be."""
    shape = (40, extent, extent)
    volume = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    places = [(20, at, at) for at in (extent // 10, extent // 2, extent * 9 // 10)]
    for place in places:
        distance = sum((axis - c) ** 2 for axis, c in zip(np.ogrid[:40, :extent, :extent], place, strict=True))
        volume += 60 * np.exp(-distance * voxel_size**2 / (2 * 45.0**2)).astype(np.float32)
    out = to_canonical(torch.from_numpy(volume), voxel_size_angstrom=voxel_size, canonical=CANONICAL)
    picks = maxima(torch.from_numpy(gaussian_filter(out, 1.0)), threshold=2.0, spacing_voxels=6)
    said = np.array(places) * np.array(out.shape) / np.array(shape)
    off = picks.position[:, None, 1:] - said[:, 1:]
    nearest = np.linalg.norm(off, axis=2).argmin(axis=0)
    drift = off[nearest, range(3)].mean(axis=1)
    assert np.abs(drift).max() < 0.15, drift


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
