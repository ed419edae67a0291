"""The views of a tilt series are read from the files of the program that aligned it, and kept without loss."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_views import TiltViews
from livetomo.intake.sidecars.aretomo_views import read_aretomo_views
from livetomo.intake.sidecars.numbers import NotUnderstood
from livetomo.intake.sidecars.reading import facts_beside, gather
from livetomo.intake.tree import Tree
from tests.tilt_series import Aligned, aln, aretomo3, ctf, session, without_images

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def views(draw) -> TiltViews:
    count = draw(st.integers(1, 5))
    column = st.lists(NUMBERS, min_size=count, max_size=count).map(tuple)
    maybe = st.one_of(st.just(()), column)
    whole = st.lists(st.integers(0, 200), min_size=count, max_size=count).map(tuple)
    triple = st.tuples(*[st.integers(0, 9000)] * 3)
    return TiltViews(
        draw(st.text(min_size=1)), draw(triple), draw(triple), draw(whole), *[draw(column) for _ in range(5)],
        draw(st.one_of(st.just(()), whole)), *[draw(maybe) for _ in range(5)], draw(st.sampled_from((-1, 0, 1))),
    )  # fmt: skip


@given(views())
def test_views_come_back_from_json_as_they_were(one):
    facts = SidecarFacts(views=one)
    assert SidecarFacts.from_json(json.loads(json.dumps(facts.to_json()))).views == one


@pytest.mark.parametrize(
    "change",
    [
        {"section": [0, 1]},
        {"section": [0.5, 1, 2, 3, 4]},
        {"section": []},
        {"stack": None},
        {"tilt_degrees": [1.0, 2.0, 3.0, 4.0, "5"]},
        {"tilt_degrees": 5.0},
        {"defocus_u_angstrom": [1.0]},
        {"stack_size_xyn": [1, 2]},
        {"axis_degrees": [1.0, 2.0, 3.0, 4.0, float("nan")]},
    ],
)
def test_what_is_not_whole_is_no_view(change):
    body = read_aretomo_views(texts(Aligned()), "P_1.mrc").to_json()
    assert SidecarFacts.from_json({"views": body}).views is not None
    assert SidecarFacts.from_json({"views": body | change}).views is None


def texts(series: Aligned, **changed: str) -> dict[str, str]:
    files = {"AreTomo alignment": aln(series), "CTF fit": ctf(series), "AreTomo3 session": session(series)}
    return files | changed


def test_dark_images_are_no_views_and_keep_their_place_in_the_stack():
    series = without_images(Aligned(), 1, 3)
    found = read_aretomo_views(texts(series), "P_1.mrc")
    assert (found.section, found.tilt_degrees) == ((0, 2, 4), (-40.0, 0.0, 40.0))
    assert found.defocus_u_angstrom == (31000.0, 30000.0, 29000.0)
    assert found.stack_size_xyn == (40, 36, 5)


def test_fits_of_all_images_are_those_of_the_views():
    series = without_images(Aligned(), 1, 3)
    found = read_aretomo_views(texts(series, **{"CTF fit": ctf(Aligned())}), "P_1.mrc")
    assert found.defocus_u_angstrom == (31000.0, 30000.0, 29000.0)


@pytest.mark.parametrize("dark_section", [0, 1])
def test_sections_count_from_one_since_2_0_7_and_those_of_dark_images_since_2_0_10(dark_section):
    lines = aln(without_images(Aligned(), 0)).splitlines()
    head, table = lines[:8], [f"{int(line[:5]) + 1:5d}{line[5:]}" for line in lines[8:]]
    assert head[3].startswith("# DarkFrame =     0    0")
    head[3] = f"# DarkFrame =     0    {dark_section}   -40.00"
    found = read_aretomo_views(texts(Aligned(), **{"AreTomo alignment": "\n".join(head + table)}), "P.mrc")
    assert found.section == (1, 2, 3, 4)


def test_tilts_of_the_stage_are_without_the_offset_that_was_found():
    found = read_aretomo_views(texts(Aligned(alpha=-2.5)), "P_1.mrc")
    assert found.nominal_tilt_degrees == Aligned().nominal
    assert found.tilt_degrees == tuple(tilt - 2.5 for tilt in Aligned().nominal)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("    2   ", "    7   ", "not those of a stack"),
        ("    0   ", "    4   ", "not those of a stack"),
        ("# RawSize = 40 36 5\n", "", "no RawSize"),
        ("1.00000", "1.00100", "magnifications"),
        ("  -20.00", "   50.00", "do not grow"),
    ],
)
def test_an_alignment_that_cannot_be_is_refused(old, new, why):
    text = aln(Aligned())
    assert old in text
    with pytest.raises(NotUnderstood, match=why):
        read_aretomo_views(texts(Aligned(), **{"AreTomo alignment": text.replace(old, new)}), "P_1.mrc")


def test_a_real_alignment_is_as_aretomo3_s_own_imod_files_have_it(data):
    """TS_run1.xf is what AreTomo3 wrote for IMOD beside TS_run1.aln: A11 A12 A21 A22 DX DY, with three digits."""
    folder = data / "formats" / "cryoet-data-portal-backend" / "alignments"
    found = read_aretomo_views(
        {"AreTomo alignment": (folder / "TS_run1.aln").read_text(), "AreTomo3 session": session(Aligned())},
        "TS_run1.mrc",
    )
    for line, x, y in zip(
        (folder / "TS_run1.xf").read_text().splitlines(), found.shift_x_pixels, found.shift_y_pixels, strict=False
    ):
        a11, a12, a21, a22, dx, dy = map(float, line.split())
        # aligned = A raw + d, so raw = A^-1 aligned - A^-1 d
        assert (a11 * -x + a12 * -y, a21 * -x + a22 * -y) == pytest.approx((dx, dy), abs=0.1)


def test_views_are_gathered_with_the_other_facts_and_change_none_of_them(tmp_path):
    volume = aretomo3(tmp_path / "s")
    facts = facts_beside(volume)
    assert len(facts.views) == 5
    assert (facts.amplitude_contrast, facts.voltage_kilovolt, facts.defocus_handedness) == (0.07, 300.0, -1)
    assert facts.unread_sidecars == {}
    (tmp_path / "s" / "P_1.aln").unlink()
    without = facts_beside(volume)
    assert (without.views, without.views_missing) == (None, "")
    assert without.defocus_angstrom == facts.defocus_angstrom


def test_files_without_an_alignment_say_nothing_of_views(tmp_path):
    (tmp_path / "TS.rawtlt").write_text("-60\n0\n60\n")
    facts = gather(Tree(tmp_path), ["TS.rawtlt"], "TS")
    assert not {"views", "views_missing"} & set(facts.to_json())
