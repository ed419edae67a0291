"""Integers are read as signed or not as their values show: no volume is torn apart where they wrap round."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.formats.mrc import Volume
from livetomo.formats.mrc_header import MrcHeader
from livetomo.formats.settled_values import settled_signs
from livetomo.processing.pipeline.read_input import read_source
from tests.volumes import balls, order_for, write_tomogram

SHAPE = (12, 32, 32)


def stored(values, mode, *, imod=None):
    """The values as a file holds them, read as its header says. imod: its flag says signed; None: it has none."""
    bits = 8 if mode == 0 else 16
    raw = values.astype(np.int64).astype(f"u{bits // 8}")
    unsigned = mode == 6 or (mode == 0 and imod is False)
    header = MrcHeader(mode, values.shape, 0, (10, 10, 10), (0, 0, 0), (0, 0, 0), "zyx", "<", mode == 0 and unsigned)
    header = MrcHeader(**{each: getattr(header, each) for each in header.__slots__} | {"imod_stamp": imod is not None})
    return Volume(raw.view(f"{'u' if unsigned else 'i'}{bits // 8}"), header)


def bell(mean, deviation, low, high, seed=1):
    return np.clip(np.random.default_rng(seed).normal(mean, deviation, SHAPE), low, high).round()


@settings(max_examples=60)
@given(st.booleans(), st.floats(0.02, 0.2), st.floats(-0.8, 0.8), st.sampled_from([0, 1, 6]), st.booleans())
def test_a_bell_of_values_is_read_back_whatever_the_header_says(is_signed, width, off, mode, imod_says_signed):
    span = 128 if mode == 0 else 32768
    centre = (0 if is_signed else span) + off * width * span
    low, high = (-span, span - 1) if is_signed else (0, 2 * span - 1)
    values = bell(centre, width * span, low, high)
    for imod in (None, imod_says_signed) if mode == 0 else (None,):
        found = settled_signs(stored(values, mode, imod=imod))
        np.testing.assert_array_equal(found.voxels.astype(np.int64), values)
        assert found.header.unsigned_bytes == (mode == 0 and not is_signed)
        (said,) = found.header.evidence
        assert (said.what, said.value) == ("signedness", "signed" if is_signed else "unsigned")


@pytest.mark.parametrize(
    ("values", "mode", "imod", "is_signed"),
    [
        (np.zeros(SHAPE), 0, None, True),
        (bell(0, 0.5, 0, 1), 0, None, True),  # a mask
        (bell(40, 8, 0, 127), 0, None, True),
        (bell(40, 8, 0, 127), 0, False, False),
        (bell(300, 40, 0, 1000), 6, None, False),
        (bell(300, 40, 0, 1000), 1, None, True),
    ],
)
def test_values_that_do_not_say_are_read_as_the_header_says(values, mode, imod, is_signed):
    volume = stored(values, mode, imod=imod)
    found = settled_signs(volume)
    assert found.voxels.dtype == volume.voxels.dtype
    assert found.header.evidence[0].value == ("signed" if is_signed else "unsigned")
    assert found.header.warnings == ()


def test_a_header_that_says_another_thing_than_the_values_is_named():
    found = settled_signs(stored(bell(128, 20, 0, 255), 0, imod=True))
    assert "the flag of IMOD says that the values are signed, which would tear them apart" in found.header.warnings[0]
    assert settled_signs(stored(bell(128, 20, 0, 255), 0)).header.warnings == ()


def test_a_tomogram_of_unsigned_bytes_without_any_flag_is_read_right(tmp_path):
    values = np.clip(balls(shape=(16, 32, 32), places=()) * 20 + 128, 0, 255).round()
    path = write_tomogram(tmp_path / "a.mrc", values.astype(np.uint8).view(np.int8))
    volume = read_source(order_for(path))
    np.testing.assert_array_equal(volume.voxels, values)
    assert [one.source for one in volume.header.evidence if one.what == "signedness"] == ["values"]
