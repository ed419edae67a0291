"""What sidecars say is a type: its JSON stays as it was recorded, and every reader asks it by a name that it has."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import livetomo
from livetomo.core.sidecar_facts import SeriesFacts, SidecarFacts
from livetomo.core.tomogram import companions_digest
from livetomo.intake.sidecars.aln import read_aln
from livetomo.intake.sidecars.metrics_csv import _FACTS, _IN_PIXELS
from livetomo.intake.sidecars.reading import SIZES

NAMES = {name for name in vars(SidecarFacts) if not name.startswith("_")}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(sorted(NAMES - {"from_json", "to_json"})) | st.text(), JSON)


@given(BODIES)
def test_whatever_was_recorded_is_written_as_it_was_read(body):
    facts = SidecarFacts.from_json(json.loads(json.dumps(body)))
    assert json.dumps(facts.to_json()) == json.dumps(body)
    assert companions_digest({}, facts.to_json()) == companions_digest({}, body)


@pytest.mark.parametrize("value", [None, True, "5.0", [5.0], float("nan"), float("inf")])
def test_what_is_no_number_is_no_fact(value):
    assert SidecarFacts({"pixel_size_angstrom": value}).pixel_size_angstrom is None


def test_facts_have_their_types():
    facts = SidecarFacts(
        {
            **{"tilt_min_degrees": -60, "tilt_max_degrees": 54.5, "raw_size_xy": [4096, 4000], "notes": ["a"]},
            **{"series": {"name": "TS_01", "order": 12}, "stored_axes": "yzx", "of_another_version": {"x": 1}},
        }
    )
    assert facts.tilt_range_degrees == 114.5
    assert facts.raw_size_xy == (4096, 4000)
    assert facts.series == SeriesFacts("TS_01", order=12)
    assert (facts.notes, facts.stored_axes, facts.tilt_series_name) == (("a",), "yzx", "")
    assert [one.raw_size_xy for one in facts.scales] == [(4096, 4000)]
    assert SidecarFacts().series is None


def test_a_misspelt_fact_is_an_error():
    with pytest.raises(AttributeError):
        _ = SidecarFacts({"defocus_angstrom": 1.0}).defocus_angstrm  # type: ignore[attr-defined]


def test_sidecars_write_no_fact_that_the_type_does_not_have():
    assert {*SIZES, *_FACTS.values(), *_IN_PIXELS.values()} <= NAMES
    aln = "# AreTomo\n# RawSize = 9 9 3\n# NumPatches = 4\n# AlphaOffset = 1\n# Thickness = 9\n0 1 1 0 0 1 1 1 0 3\n"
    assert set(read_aln(aln)) <= NAMES


def test_no_reader_asks_the_json_by_a_string():
    asked = re.compile(r"""metadata(\.get\(|\[)["'A-Z]""")
    allowed = {"completeness.py"}  # it writes
    root = Path(livetomo.__file__).parent
    found = [
        path.name
        for path in root.rglob("*.py")
        if asked.search(path.read_text()) and path.name not in allowed and "metadata[CARD_KEY]" not in path.read_text()
    ]
    assert found == []
