"""What sidecars say is a type: its JSON stays as it was recorded, and every reader asks it by a name that it has."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import livetomo
from livetomo.core.sidecar_facts import SeriesFacts, SidecarFacts
from livetomo.core.tomogram import companions_digest

NAMES = SidecarFacts.names()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON)


@given(BODIES)
def test_whatever_was_recorded_is_written_as_it_was_read(body):
    facts = SidecarFacts.from_json(json.loads(json.dumps(body)))
    digest = hashlib.sha256(json.dumps([{}, body], sort_keys=True).encode()).hexdigest()[:16]
    assert json.dumps(facts.to_json()) == json.dumps(body)
    assert companions_digest({}, facts) == digest


@pytest.mark.parametrize("value", [None, True, "5.0", [5.0], float("nan"), float("inf")])
def test_what_is_no_number_is_no_fact(value):
    assert SidecarFacts.from_json({"pixel_size_angstrom": value}).pixel_size_angstrom is None


def test_facts_have_their_types():
    facts = SidecarFacts.from_json(
        {
            **{"tilt_min_degrees": -60, "tilt_max_degrees": 54.5, "raw_size_xy": [4096, 4000], "notes": ["a"]},
            **{"series": {"name": "TS_01", "order": 12}, "stored_axes": "yzx", "of_another_version": {"x": 1}},
        }
    )
    assert facts.tilt_range_degrees == 114.5
    assert facts.raw_size_xy == (4096, 4000)
    assert facts.series == SeriesFacts("TS_01", order=12)
    assert (facts.notes, facts.stored_axes, facts.tilt_series_name) == (("a",), "yzx", "")
    assert SidecarFacts().series is None


def test_facts_are_recorded_as_json_in_the_order_in_which_they_are_given():
    scales = (SidecarFacts(sidecar="TS.aln", raw_size_xy=(9, 8)),)
    given = SidecarFacts(
        scales=scales, patches=0, series=SeriesFacts("TS_01", order=12), notes=("a",), binning=None, stored_axes=""
    )
    assert json.dumps(given.to_json()) == (
        '{"scales": [{"sidecar": "TS.aln", "raw_size_xy": [9, 8]}], "patches": 0, '
        '"series": {"name": "TS_01", "order": 12}, "notes": ["a"]}'
    )
    assert (given.scales, given.series, given.notes) == (scales, SeriesFacts("TS_01", order=12), ("a",))


def test_of_two_records_the_later_wins_in_the_place_of_the_earlier():
    both = SidecarFacts.from_json({"binning": 2.0, "x": 1}) | SidecarFacts(patches=3, binning=4.0)
    assert json.dumps(both.to_json()) == '{"binning": 4.0, "x": 1, "patches": 3}'
    assert both.without(SidecarFacts(binning=1.0)).to_json() == {"x": 1, "patches": 3}


def test_a_misspelt_fact_is_an_error_to_read_and_to_write():
    with pytest.raises(AttributeError):
        _ = SidecarFacts(defocus_angstrom=1.0).defocus_angstrm
    with pytest.raises(TypeError, match="has no defocus_angstrm"):
        SidecarFacts(defocus_angstrm=1.0)


def test_nothing_asks_or_writes_the_json_by_a_string():
    asked = re.compile(r"""metadata(\.get\(|\[)["'A-Z]""")
    sources = Path(livetomo.__file__).parent.rglob("*.py")
    found = {path.name for path in sources if asked.search(path.read_text().replace("metadata[CARD_KEY]", ""))}
    assert found == set()
