"""The voxel size is settled by all that is said of it: agreement is used, and contradiction is named."""

from dataclasses import replace
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.formats.mrc_cell import voxel_sizes
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.voxel_evidence import settle
from livetomo.processing.voxel_witnesses import contradiction, of_name

DEFAULT = 10.0
RELION = {"sidecar": "job005/tomograms.star", "pixel_size_angstrom": 3.0, "binning": 4.0}
RELION_SIZED = RELION | {"unbinned_size_xyz": [768, 640, 384]}
ARETOMO = [
    {"sidecar": "TiltSeries_Metrics.csv", "pixel_size_angstrom": 3.0},
    {"sidecar": "P.aln", "raw_size_xy": [768, 640]},
]
IMOD = [
    {"sidecar": "tilt.com", "binning": 4.0, "raw_size_xy": [768, 640]},
    {"sidecar": "TS.mdoc", "acquisition_pixel_size_angstrom": 3.0, "acquisition_image_size_xy": [768, 640]},
]
WARP = {
    "sidecar": "warp_tiltseries.settings",
    "planned_pixel_size_angstrom": 1.5,
    "planned_size_xyz": [1536, 1280, 768],
}
SUPER_RESOLVED = [
    {"sidecar": "P.aln", "raw_size_xy": [768, 640]},
    {"sidecar": "P.mdoc", "acquisition_pixel_size_angstrom": 1.5, "acquisition_image_size_xy": [1536, 1280]},
]


def header_of(size, shape=(96, 160, 192)):
    sizes = size if isinstance(size, tuple) else (size, size, size)
    return MrcHeader(2, shape, 0, sizes, (0, 0, 0), (0, 0, 0), "zyx", "<", False)


def settled(size, name="TS_01.mrc", scales=(), said=None):
    metadata = {"scales": list(scales)} if scales else {}
    return settle(header_of(size), PurePath("/data") / name, SidecarFacts(**metadata), said=said, default=DEFAULT)


@pytest.mark.parametrize(
    ("header", "name", "scales", "value", "source", "confirmed"),
    [
        (12.0, "TS_01.mrc", [], 12.0, "header", False),
        (12.0, "TS_01_12.00Apx.mrc", [], 12.0, "header", True),
        (12.0, "TS_01.mrc", [RELION], 12.0, "header", True),
        (13.481, "TS_01_13.48Apx.mrc", [], 13.481, "header", True),
        (0.0, "TS_01_12.00Apx.mrc", [], 12.0, "name", False),
        (1.0, "TS_01_12.00Apx.mrc", [], 12.0, "name", False),
        (0.0, "TS_01_12.00Apx.mrc", [RELION], 12.0, "name", True),
        (5000.0, "TS_01_12.00A.rec", [], 12.0, "name", False),
        (1.0, "rec_TS_02.mrc", [RELION], 12.0, "sidecar: tomograms.star", False),
        (1.0, "rec_TS_02.mrc", [RELION_SIZED], 12.0, "sidecar: tomograms.star", True),
        (0.0, "P_Vol.mrc", ARETOMO, 12.0, "extents: P.aln, TiltSeries_Metrics.csv", False),
        (0.0, "TS_rec.mrc", IMOD, 12.0, "sidecar: tilt.com, TS.mdoc", True),
        (
            0.0,
            "P_Vol.mrc",
            [ARETOMO[0], {"sidecar": "S.json", "binning": 4.0}, ARETOMO[1]],
            12.0,
            "sidecar: S.json, TiltSeries_Metrics.csv",
            True,
        ),
        (0.0, "TS.mrc", [WARP], 12.0, "extents: warp_tiltseries.settings", False),
        (0.0, "P_Vol.mrc", SUPER_RESOLVED, 12.0, "extents: P.aln, P.mdoc", False),
        (12.0, "Position_10A.mrc", [], 12.0, "header", False),  # a grid's square
        (10.0, "Position_10A.mrc", [], 10.0, "header", True),
        (12.0, "TS_01_10nm_gold.mrc", [], 12.0, "header", False),
        (1.0, "TS.mrc", [{"sidecar": "t.star", "pixel_size_angstrom": 1.0, "binning": 1.0}], 1.0, "header", True),
    ],
)
def test_what_agrees_is_used_without_an_alarm_and_its_source_is_said(header, name, scales, value, source, confirmed):
    found = settled(header, name, scales)
    assert (found.angstrom, found.source, found.trouble) == (value, source, "")
    assert found.is_confirmed == confirmed
    assert found.evidence


@pytest.mark.parametrize(
    ("header", "name", "scales", "value", "words"),
    [
        (10.0, "TS_01_12.00Apx.mrc", [], 10.0, ["the header says 10 Å", "the name says 12 Å", "believed most"]),
        (
            10.0,
            "TS_01_12.00Apx.mrc",
            [RELION],
            12.0,
            ["header says 10 Å", "name says 12 Å", "star says 12 Å", "most of"],
        ),
        (10.0, "TS_01.mrc", [RELION], 10.0, ["the header says 10 Å", "the sidecar: tomograms.star says 12 Å"]),
        (0.0, "TS_01_8.00Apx.mrc", [RELION], 8.0, ["the name says 8 Å", "tomograms.star says 12 Å"]),
        (1.2, "TS_01_12.00Apx.mrc", [], 12.0, ["the header says 1.2 Å", "the name ten times as much", "in nm"]),
        (1.2, "TS_01.mrc", [RELION], 12.0, ["it is in nm", "12 Å is used"]),
        (3.0, "TS_01.mrc", [RELION], 12.0, ["the header says 3 Å, the pixel of the unbinned tilt series"]),
        (0.0, "TS_01.mrc", [], DEFAULT, ["the header says 0 Å; 10 Å, the configured default, is used"]),
        (5000.0, "TS_01.mrc", [], DEFAULT, ["the header says 5000 Å; 10 Å, the configured default"]),
        (1.0, "TS_01.mrc", [], 1.0, ["exactly 1 Å, as many programs write"]),
        (0.0, "tomo_12A.mrc", [], 12.0, ["only the name may say another"]),
        ((10.0, 10.0, 12.0), "TS_01.mrc", [], 10.0, ["10 x 10 x 12 Å (x, y, z)"]),
        (
            0.0,
            "TS.mrc",
            [RELION, {"sidecar": "TS.xml", "pixel_size_angstrom": 2.0, "binning": 4.0}],
            12.0,
            ["tomograms.star says 12 Å", "TS.xml says 8 Å"],
        ),
    ],
)
def test_what_contradicts_or_is_missing_is_named_and_never_good(header, name, scales, value, words):
    found = settled(header, name, scales)
    assert found.angstrom == value
    assert not found.is_confirmed
    for word in words:
        assert word in found.trouble


def test_a_person_has_the_last_word_unless_two_others_agree_against_it():
    assert settled(1.0, said=12.0).trouble == ""
    assert settled(8.0, said=12.0).trouble == ""
    assert settled(12.0, "TS_12.00Apx.mrc", [RELION], said=12.0).trouble == ""
    against = settled(12.0, "TS_12.00Apx.mrc", said=1.2)
    assert (against.angstrom, against.source) == (1.2, "override")
    assert "a person says 1.2 Å, but the header says 12 Å, the name says 12 Å" in against.trouble


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("TS_01_12.00Apx.mrc", 12.0),
        ("TS_01_10.00A.mrc", 10.0),
        ("TS_01_13.48Angpix.rec", 13.48),
        ("TS_01_13.48angpix_deconv.mrc", 13.48),
        ("TS_01_1.2nm.mrc", 12.0),
        ("TS_01_apix10.5.mrc", 10.5),
        ("TS_01_angpix_7.84.mrc", 7.84),
        ("TS_01_12.00Apx.mrc.gz", 12.0),
        ("12.00Apx.mrc", 12.0),
        ("TS_5.00Apx_10.00Apx.mrc", 10.0),
        ("TS_01.mrc", None),
        ("TS_2026.11.20_A.mrc", None),
        ("lam8_ts_003.mrc", None),
        ("TS_0.00Apx.mrc", None),
        ("a1.5Alpha.mrc", None),
    ],
)
def test_the_name_is_read_as_programs_and_people_write_it(name, size):
    assert [one.angstrom for one in of_name(PurePath(name))] == ([] if size is None else [pytest.approx(size)])


def test_a_super_resolved_acquisition_contradicts_nothing():
    metadata = {"scales": [{"sidecar": "S.json", "binning": 4.0}, *SUPER_RESOLVED], "binning": 4.0}
    assert contradiction(12.0, (96, 160, 192), SidecarFacts(**metadata)) is None
    assert "pixels of 3 Å, binned by 4" in contradiction(6.0, (96, 160, 192), SidecarFacts(**metadata))


sizes = st.floats(2, 60).map(lambda size: round(size, 2))


@given(st.none() | sizes, st.none() | sizes, st.none() | sizes)
def test_no_contradiction_passes_in_silence_and_no_agreement_raises_an_alarm(header, name, sidecar):
    scales = [RELION | {"pixel_size_angstrom": sidecar / 4}] if sidecar else []
    found = settled(header or 0.0, f"TS_{name:.2f}Apx.mrc" if name else "TS.mrc", scales)
    said = [one for one in (header, name, sidecar) if one]
    if not said:
        assert (found.source, found.angstrom) == ("default", DEFAULT)
        assert found.trouble
    elif max(said) > 1.02 * min(said):
        assert found.trouble
        assert found.angstrom == pytest.approx(min(said, key=lambda one: abs(one - found.angstrom)), rel=0.001)
        # A header that is in nm by another witness says the same as that one.
        is_in_nm = header is not None and any(10 * header == pytest.approx(other, rel=0.02) for other in said)
        for one in {None if is_in_nm else header, name, sidecar} - {None}:
            assert f"{one:.6g} Å" in found.trouble or f"{one:g}" in found.trouble or "ten times" in found.trouble
    elif max(said) < 1.009 * min(said):
        assert found.trouble == ""
        assert found.is_confirmed == (len(said) > 1)


def test_a_header_in_nm_that_a_sidecar_supports_is_no_third_opinion():
    found = settled(3.5, "TS_2.00Apx.mrc", [RELION | {"pixel_size_angstrom": 35.0 / 4}])
    assert found.angstrom == 2.0
    assert "the sidecar: tomograms.star says 35 Å" in found.trouble


def test_a_header_that_nobody_supports_and_that_cannot_well_be_is_doubted():
    alone = settled(1.2)
    assert (alone.angstrom, alone.source) == (1.2, "header")
    assert alone.trouble == "the header says 1.2 Å, with which the volume is 230 Å wide: is it in nm?"
    assert settled(1.2, name="TS_01_1.20Apx.mrc").trouble == ""
    assert settled(2.6).trouble == settled(12.0).trouble == ""


def test_a_header_in_metres_is_understood():
    assert (settled(1.2e-9).angstrom, settled(1.2e-9).source, settled(1.2e-9).trouble) == (12.0, "header", "")


def test_a_sampling_that_is_a_multiple_of_the_volume_is_doubted():
    sizes, note = voxel_sizes((2304.0, 1920.0, 1152.0), (768, 640, 384), (192, 160, 96))
    header = replace(header_of(sizes), cell_note=note)
    found = settle(header, PurePath("/data/TS_01.mrc"), SidecarFacts(), said=None, default=DEFAULT)
    assert found.angstrom == 3.0
    assert "4 times the volume's extents: if the volume was binned, its voxels are of 12 Å" in found.trouble
    assert voxel_sizes((2304.0, 1920.0, 1152.0), (192, 160, 96), (192, 160, 96))[1] == ""
