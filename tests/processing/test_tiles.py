"""A volume computed in tiles is the volume computed at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.config.model_card import Layout
from livetomo.processing.networks.unet import Network
from livetomo.processing.segment.tiles import mirror_to_multiple, tiled, tiles


def network_of(levels):
    torch.manual_seed(1)
    return Network(Layout(("a", "b"), base=3, levels=levels)).eval().double()


@torch.inference_mode()
@pytest.mark.parametrize(
    ("levels", "shape", "most_voxels", "count"),
    [(3, (8, 77, 30), 10**6, 1), (3, (8, 77, 30), 17_000, 2), (3, (8, 57, 30), 13_000, 9), (2, (10, 30, 27), 7_000, 4)],
)
def test_tiles_are_exact(levels, shape, most_voxels, count):
    """In double precision, where the faint influence of a voxel at the end of the halo is seen, too."""
    network = network_of(levels)
    layout = network.layout
    volume = torch.randn(shape, dtype=torch.float64)
    padded = mirror_to_multiple(volume, layout.multiple)
    whole = network(padded[None, None])[0, :, : shape[0], : shape[1], : shape[2]]
    cut = {"halo": layout.halo, "multiple": layout.multiple, "most_voxels": most_voxels}
    assert len(list(tiles(tuple(padded.shape), **cut))) == count
    computed = tiled(network, volume, channels=2, dtype=torch.float64, **cut)
    assert torch.allclose(computed, whole, rtol=0, atol=1e-12)


@given(st.tuples(*[st.integers(1, 12)] * 3), st.integers(0, 5), st.integers(1, 4000))
@settings(deadline=None)
def test_every_voxel_is_in_one_core_and_what_is_around_it_is_computed(blocks, halo_blocks, most_voxels):
    shape, halo = tuple(4 * n for n in blocks), 4 * halo_blocks
    covered = torch.zeros(shape, dtype=torch.int)
    for core, around in tiles(shape, halo=halo, multiple=4, most_voxels=most_voxels):
        covered[tuple(slice(*span) for span in core)] += 1
        for (a, b), (low, high), n in zip(core, around, shape, strict=True):
            assert a % 4 == low % 4 == 0
            assert low == max(0, a - halo)
            assert high == min(n, b + halo)
    assert (covered == 1).all()


def test_no_tile_is_larger_than_asked_where_that_can_be():
    for _, around in tiles((128, 256, 256), halo=56, multiple=8, most_voxels=5_000_000):
        assert torch.tensor([b - a for a, b in around]).prod() <= 5_000_000


def test_a_small_volume_is_one_tile():
    assert len(list(tiles((64, 64, 64), halo=56, multiple=8, most_voxels=10**7))) == 1
