import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from livetomo.core.units import Bytes, Seconds, spoken_seconds, written_bytes, written_seconds

seconds = TypeAdapter(Seconds)
sizes = TypeAdapter(Bytes)


@pytest.mark.parametrize(
    ("written", "value"),
    [("250ms", 0.25), ("20s", 20), ("5 min", 300), ("1.5h", 5400), ("2d", 172800), (7, 7), (0.5, 0.5)],
)
def test_durations_are_read_as_people_write_them(written, value):
    assert seconds.validate_python(written) == value


@pytest.mark.parametrize(("written", "value"), [("50GB", 5e10), ("1.5 TB", 1.5e12), ("10 kB", 1e4), (3, 3)])
def test_sizes_are_read_as_people_write_them(written, value):
    assert sizes.validate_python(written) == value


@pytest.mark.parametrize(
    "written", ["20", "20 parsecs", "s", "", "-3s", "1e3s", "nan s", -1, float("inf"), float("nan"), True]
)
def test_what_is_no_duration_is_refused(written):
    with pytest.raises(ValidationError):
        seconds.validate_python(written)


@pytest.mark.parametrize(
    ("value", "spoken"), [(0, "0 s"), (59.4, "59 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations_are_spoken_in_the_unit_that_fits(value, spoken):
    assert spoken_seconds(value) == spoken


@given(st.integers(0, 10**15))
def test_a_written_size_is_read_back(value):
    assert sizes.validate_python(written_bytes(value)) == value


@given(st.integers(0, 10**6))
def test_a_written_duration_is_read_back(value):
    assert seconds.validate_python(written_seconds(value)) == pytest.approx(value)


@given(st.floats(0, 1e8))
def test_a_spoken_duration_is_short(value):
    assert len(spoken_seconds(value)) <= 8
