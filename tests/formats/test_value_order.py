"""Voxels that are stored in another byte order than their header are read right; sound ones are never touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.formats.mrc import Volume, read_box, read_volume
from livetomo.formats.mrc_header import HEADER_BYTES, MrcHeader
from livetomo.formats.settled_values import settled_order
from livetomo.processing.pipeline.half_boxes import central_box
from livetomo.processing.pipeline.read_input import read_source
from tests.volumes import balls, order_for, write_tomogram

SHAPE = (12, 48, 48)
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


def volume_of(values: np.ndarray) -> Volume:
    mode = next(mode for mode, kind in MODES.items() if np.dtype(kind) == values.dtype)
    header = MrcHeader(mode, values.shape, 0, (10, 10, 10), (0, 0, 0), (0, 0, 0), "zyx", "<", False)
    return Volume(values.copy(), header)


def smooth(seed: int) -> np.ndarray:
    """Noise of unit deviation in which neighbours are alike."""
    noise = np.random.default_rng(seed).normal(0, 1, SHAPE)
    mixed = sum(np.roll(noise, (z, y, x), (0, 1, 2)) for z in (0, 1) for y in (0, 1) for x in (0, 1))
    return mixed / mixed.std()


def measured(kind: str, seed: int, *, is_smooth: bool, deviation: float, mean: float) -> np.ndarray:
    values = smooth(seed) if is_smooth else np.random.default_rng(seed).normal(0, 1, SHAPE)
    values = values * deviation + mean
    if np.dtype(kind).kind == "f":
        return np.clip(values, np.finfo(kind).min, np.finfo(kind).max).astype(kind)
    info = np.iinfo(kind)
    return np.clip(values.round(), info.min, info.max).astype(kind)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["f4", "f2", "i2", "u2"]), st.integers(0, 99), st.booleans(), st.floats(100, 3000))
def test_swapped_voxels_are_swapped_back_and_it_is_said(kind, seed, is_smooth, deviation):
    mean = 4 * deviation if kind == "u2" else 0.0
    values = measured(kind, seed, is_smooth=is_smooth, deviation=deviation, mean=mean)
    found = settled_order(volume_of(values.byteswap()))
    np.testing.assert_array_equal(found.voxels, values)
    (said,) = found.header.evidence
    assert (said.what, said.value, said.source) == ("byte_order", "big-endian", "values")
    assert "make sense big-endian alone" in found.header.warnings[0]


@pytest.mark.parametrize("kind", ["f4", "f2"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 500.0])
def test_floats_of_any_scale_and_whole_numbers_are_swapped_back(kind, scale):
    for values in (smooth(1) * scale, smooth(1) * scale + 2 * scale, (smooth(1) * 40 + 128).round().clip(0, 255)):
        right = values.astype(kind)
        np.testing.assert_array_equal(settled_order(volume_of(right.byteswap())).voxels, right)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(MODES.values())),
    st.integers(0, 99),
    st.booleans(),
    st.floats(-6, 4).map(lambda power: 10**power),
    st.floats(-10, 10),
    st.sampled_from([1, 16, 256]),
)
def test_a_sound_volume_is_never_touched(kind, seed, is_smooth, deviation, off, steps):
    values = measured(kind, seed, is_smooth=is_smooth, deviation=deviation, mean=off * deviation)
    if np.dtype(kind).kind != "f" and kind != "i1":
        values = values // steps * steps  # eight or twelve bits that were shifted up
    assert_untouched(volume_of(values))


@pytest.mark.parametrize("kind", MODES.values())
def test_bytes_at_random_zeros_masks_and_few_values_are_not_touched(kind):
    random = np.random.default_rng(3)
    size = np.dtype(kind).itemsize
    assert_untouched(volume_of(random.integers(0, 256, (*SHAPE[:2], SHAPE[2] * size), np.uint8).view(kind)))
    assert_untouched(volume_of(np.zeros(SHAPE, kind)))
    assert_untouched(volume_of((smooth(2) > 0).astype(kind)))
    assert_untouched(volume_of((smooth(2) > 1).astype(kind) * np.dtype(kind).type(100)))
    if size == 2 and kind != "f2":
        whole = random.integers(0, 2**12, SHAPE, np.uint16) << 4
        assert_untouched(volume_of(whole.view(kind)))
        assert_untouched(volume_of((whole >> 8 << 8).view(kind)))


def assert_untouched(volume: Volume) -> None:
    before = volume.voxels.tobytes()
    assert settled_order(volume) is volume
    assert volume.voxels.tobytes() == before


@pytest.mark.real
def test_no_file_of_other_programs_is_touched(data):
    files = [path for path in data.rglob("*.mrc") if path.stat().st_size < 10**7]
    assert len(files) > 10
    for path in files:
        for volume in (read_volume(path), read_box(path, 64)):
            assert settled_order(volume) is volume, path


def test_a_source_of_swapped_voxels_is_read_right_and_so_is_its_box(tmp_path):
    values = balls(shape=(16, 32, 32), places=())
    path = write_tomogram(tmp_path / "a.mrc", values)
    path.write_bytes(path.read_bytes()[:HEADER_BYTES] + values.byteswap().tobytes())
    volume = read_source(order_for(path))
    np.testing.assert_array_equal(volume.voxels, values)
    assert [one.value for one in volume.header.evidence if one.source == "values"] == ["big-endian"]
    box = central_box(order_for(path), path, 16)
    np.testing.assert_array_equal(box.voxels, values[:, 8:24, 8:24])


def test_a_volume_of_other_axes_is_swapped_in_its_place():
    values = measured("i2", 1, is_smooth=True, deviation=500, mean=0)
    turned = Volume(values.byteswap().transpose(1, 0, 2), volume_of(values).header)
    np.testing.assert_array_equal(settled_order(turned).voxels, values.transpose(1, 0, 2))
