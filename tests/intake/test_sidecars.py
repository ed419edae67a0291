"""Every sidecar of the test data that livetomo claims to read is read; damaged ones cost their own facts only."""

import pytest

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.formats.star import loop_text
from livetomo.intake.sidecars.metrics_csv import read_metrics, series_with_metrics
from livetomo.intake.sidecars.numbers import NotUnderstood
from livetomo.intake.sidecars.reading import gather, read_sidecar
from livetomo.intake.tree import Tree

KNOWN = set(SidecarFacts.names())
READ = {
    "cryoet-alignment/TiltSeries_Metrics.csv": (
        "pda2021-01-12-1",
        {
            "thickness_angstrom": 3785.6,
            "tilt_axis_degrees": 90.59,
            "global_shift_angstrom": 118.57,
            "bad_patch_fraction": 0.22,
            "ctf_resolution_angstrom": 11.52,
            "pixel_size_angstrom": 1.69,
        },
    ),
    "cryoet-alignment/test.aln": (
        "test",
        {
            "raw_size_xy": [2032, 2032],
            "raw_tilt_count": 90,
            "dark_tilt_count": 4,
            "tilt_axis_degrees": -12.6611,
            "tilt_min_degrees": -61.5,
            "patches": 16,
        },
    ),
    "cryoet-alignment/test.rawtlt": ("test", {"tilt_min_degrees": -66.0, "tilt_count": 3}),
    "cryoet-alignment/test.xf": ("test", {"tilt_axis_degrees": -11.3949, "global_shift_pixels": 22.765}),
    "cryoet-alignment/test_CTF.txt": (
        "test",
        {"defocus_angstrom": 24260.2, "ctf_score": 0.0276, "ctf_resolution_angstrom": 11.0736},
    ),
    "cryoet-alignment/tilt.com": ("mba2012-02-01-1", {"raw_size_xy": [2032, 2032], "binning": 2.0}),
    "cryoet-alignment/convert/imod_1/tilt.com": (None, {}),
    "cryoet-alignment/convert/imod_1/tilt_1.tlt": ("tilt_1", {}),
    "cryoet-alignment/convert/imod_1/tilt_1.xf": ("tilt_1", {}),
    "cryoet-alignment/convert/imod_1/tilt_1.xtilt": ("tilt_1", {}),
    "cryoet-data-portal-backend/alignments/TS_run1.aln": ("TS_run1", {"tilt_axis_degrees": 88.3389, "tilt_count": 3}),
    "cryoet-data-portal-backend/alignments/TS_run1.tlt": (
        "TS_run1",
        {"tilt_min_degrees": -5.0, "tilt_max_degrees": 5.0},
    ),
    "cryoet-data-portal-backend/alignments/TS_run1.xf": ("TS_run1", {"tilt_axis_degrees": 88.3389}),
    "cryoet-data-portal-backend/alignments/TS_run1.xtilt": ("TS_run1", {"x_tilt_degrees": 1.97}),
    "cryoet-data-portal-backend/metadata/TS_run1.rawtlt": ("TS_run1", {"tilt_count": 4}),
    "cryoet-data-portal-backend/metadata/close_TS_run1.rawtlt": ("TS_run1", {"tilt_count": 8}),
    "cryoet-data-portal-backend/metadata/invalid_TS_run1.rawtlt": ("TS_run1", {"tilt_count": 5}),
    "cryoet-data-portal-backend/metadata/TS_run1_ctffind4.txt": ("TS_run1", {"defocus_handedness": 1}),
    "cryoet-data-portal-backend/metadata/mdocs_modified/close-TS_run1.mdoc": (
        "TS_run1",
        {"acquisition_pixel_size_angstrom": 3.3702, "voltage_kilovolt": 300.0, "tilt_axis_degrees": 84.7},
    ),
    "cryoet-data-portal-backend/metadata/mdocs_modified/foo-TS_run1.mdoc": (
        "TS_run1",
        {"target_defocus_angstrom": 20000.0},
    ),
    "mdocfile/tilt_series.mdoc": (
        "TS_01",
        {
            "tilt_count": 41,
            "acquisition_image_size_xy": [924, 958],
            "acquisition_pixel_size_angstrom": 5.4,
            "tilt_axis_degrees": 85.3,
        },
    ),
    "mdocfile/frame_set_single.mdoc": ("s", {"tilt_count": 1, "total_dose_electrons_per_angstrom2": 7.65892}),
    "mdocfile/frame_set_multiple.mdoc": ("s", {"voltage_kilovolt": 300.0}),
    "mdocfile/montage_section.mdoc": ("LMM", {}),
    "mdocfile/montage_section_multiple.mdoc": ("LMM", {}),
}


@pytest.mark.parametrize("file", READ)
def test_a_real_sidecar_is_read(data, file):
    tomogram, expected = READ[file]
    path = data / "formats" / file
    text = path.read_text(errors="replace")
    if tomogram is None:
        tomogram = next(line.split()[1] for line in text.splitlines() if line.startswith("OutputFile"))
        tomogram = tomogram.removesuffix("_full_rec.mrc").removesuffix("_rec.mrc").removesuffix(".rec")
    facts = read_sidecar(path.name, text, tomogram)[2].to_json()
    assert facts
    assert set(facts) <= KNOWN
    for name, value in expected.items():
        assert facts[name] == (pytest.approx(value, rel=1e-3) if isinstance(value, float) else value), name


def test_no_sidecar_of_the_test_data_is_forgotten(data):
    folder = data / "formats"
    sidecars = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.suffix in (".aln", ".tlt", ".rawtlt", ".xf", ".xtilt", ".mdoc")
        or path.name in ("TiltSeries_Metrics.csv", "tilt.com")
        or path.name.endswith(("_CTF.txt", "_ctffind4.txt"))
    }
    assert sidecars == set(READ)


WARP_XML = """<?xml version="1.0" encoding="utf-16"?>
<TiltSeries DataDirectory="../frames" CTFResolutionEstimate="8.4">
  <Angles>-60.0
-57.0
0.0</Angles><Dose>6
3
0</Dose><UseTilt>True
True
True</UseTilt><AxisAngle>84.1
84.1
84.1</AxisAngle>
  <CTF><Param Name="PixelSize" Value="1.35" /><Param Name="Defocus" Value="3.52" /></CTF>
</TiltSeries>"""
TOMOGRAMS_STAR = """
# version 50001

data_global

loop_
_rlnTomoName #1
_rlnVoltage #2
_rlnTomoTiltSeriesPixelSize #3
_rlnTomoTomogramBinning #4
_rlnTomoSizeX #5
_rlnTomoSizeY #6
_rlnTomoSizeZ #7
_rlnTomoHand #8
TS_01 300.0 1.35 7.4 4000 4000 2000 -1
TS_03 300.0 1.675 6.0 4096 4096 2048 -1
"""
TILT_SERIES_STAR = """
data_TS_03

loop_
_rlnTomoNominalStageTiltAngle #1
_rlnTomoZRot #2
_rlnMicrographPreExposure #3
_rlnDefocusU #4
-60.0 85.2 90.0 35000.0
0.0 85.4 0.0 34000.0
60.0 85.3 87.0 36000.0
"""


@pytest.mark.parametrize(
    ("name", "text", "tomogram", "expected"),
    [
        (
            "TS_01.xml",
            WARP_XML.replace(' encoding="utf-16"', ""),
            "TS_01",
            {"defocus_angstrom": 35200.0, "tilt_min_degrees": -60.0, "total_dose_electrons_per_angstrom2": 6.0},
        ),
        (
            "tomograms.star",
            TOMOGRAMS_STAR,
            "TS_03",
            {
                "tilt_series_name": "TS_03",
                "pixel_size_angstrom": 1.675,
                "unbinned_size_xyz": [4096, 4096, 2048],
                "defocus_handedness": -1,
            },
        ),
        ("TS_03.star", TILT_SERIES_STAR, "TS_03", {"tilt_axis_degrees": 85.3, "defocus_angstrom": 35000.0}),
        ("P_TLT.txt", "-60.0 2 3.1\n0.0 1 3.1\n", "P", {"total_dose_electrons_per_angstrom2": 6.2}),
        ("P_TLT.txt", "-60.0\n0.0\n", "P", {"tilt_count": 2}),
        (
            "newst.com",
            "InputFile\tP.st\nOutputFile P_ali.mrc\nBinByFactor 4\n".replace("\t", " "),
            "P",
            {"binning": 4.0},
        ),
        ("AreTomo3_Session.json", '{"Name": "AreTomo3", "PixSize": 0.75, "AtBin": [4.0, 0.0]}', "P", {"binning": 4.0}),
        ("AreTomo3_Session.json", '{"parameters": {"AtBin": 6.0}}', "P", {"binning": 6.0}),
        (
            "warp_tiltseries.settings",
            '<Settings><Import><Param Name="PixelSize" Value="1.5" /></Import>'
            '<Tomo><Param Name="DimensionsX" Value="4096" />'
            '<Param Name="DimensionsY" Value="4096" /><Param Name="DimensionsZ" Value="1000" /></Tomo></Settings>',
            "P",
            {"planned_pixel_size_angstrom": 1.5, "planned_size_xyz": [4096, 4096, 1000]},
        ),
    ],
)
def test_sidecars_of_which_there_is_no_test_data(name, text, tomogram, expected):
    facts = read_sidecar(name, text, tomogram)[2].to_json()
    assert {key: facts[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("P.aln", "not an alignment"),
        ("P.aln", "# AreTomo Alignment\n"),
        ("P.tlt", "\n\n"),
        ("P.xf", "1 2 3\n"),
        ("P_CTF.txt", "# only a heading\n"),
        ("P.mdoc", "PixelSpacing = 1\n"),
        ("P.xml", "<TiltSeries><Angles>1"),
        ("P.xml", '<!DOCTYPE x [<!ENTITY a "b">]><TiltSeries/>'),
        ("P.xml", "<Movie/>"),
        ("tomograms.star", "data_\n"),
        ("tilt.com", "OutputFile other_full_rec.mrc\nTHICKNESS 3\n"),
        ("newst.com", "OutputFile other_ali.mrc\nBinByFactor 4\n"),
        ("newst.com", "OutputFile P_ali.mrc\n"),
        ("AreTomo3_Session.json", "{"),
        ("AreTomo3_Session.json", '{"AtBin": "x"}'),
        ("warp_tiltseries.settings", "<Settings/>"),
        ("warp_tiltseries.settings", "<Settings"),
        ("TiltSeries_Metrics.csv", "\0\0\0"),
        ("TiltSeries_Metrics.csv", "a,b\n1,2\n"),
        ("unknown.txt", ""),
        ("tomograms.star", "data_\nloop_\n_\nP\n"),
        ("AreTomo3_Session.json", "[" * 100_000),
        ("AreTomo3_Session.json", '{"AtBin": 1%s}' % ("0" * 400)),
    ],
)
def test_what_is_not_what_its_name_says_is_said_not_guessed(name, text):
    with pytest.raises(NotUnderstood):
        read_sidecar(name, text, "P")


def test_numbers_that_damage_has_made_are_left_out_and_the_rest_is_read():
    aln = "# AreTomo Alignment\n# AlphaOffset = 1e300\n0 85.3 1 1e200 2 1 1 1 0 -60\n0 85.3 1 3 4 1 1 1 0 60\n"
    facts = read_sidecar("P.aln", aln, "P")[2]
    assert (facts.alpha_offset_degrees, facts.global_shift_pixels, facts.tilt_max_degrees) == (None, 5.0, 60.0)
    mdoc = "[T = Tilt axis angle = 85.3., it says]\n[ZValue = 0]\nTiltAngle = 3\n"
    assert read_sidecar("P.mdoc", mdoc, "P")[2].tilt_axis_degrees == 85.3
    metrics = f'Tilt_Series,Kv\nP,200\rQ,300\nR,"{"x" * 200_000}\n'
    assert read_metrics(metrics, "P").voltage_kilovolt == 200.0


NEW_HEADER = (
    "Tilt_Series,Thickness(Pix),Tilt_Axis,Global_Shift(Pix),Bad_Patch_Low,Bad_Patch_All,Defocus(A),ExtPhase(Deg),"
    "CTF_Res(A),CTF_Score,DF_Hand,Pix_Size(A),Cs(nm),Kv,Alpha0,Beta0\n"
)


def test_the_columns_of_the_metrics_are_found_by_name_and_the_last_row_counts():
    first = "P_1.mrc, 1000, 85.0, 10.0, 0.00, 0.00, 30000, 0.0, 9.0, 0.2, 1, 2.0, 2.70, 300, 0.0, 0.0\n"
    again = first.replace("1000", "1500")
    facts = read_metrics(NEW_HEADER + first + again, "P_1").to_json()
    assert facts["thickness_angstrom"] == 3000.0
    assert facts["defocus_angstrom"] == 30000.0
    assert facts["alpha_offset_degrees"] == 0.0
    assert "bad_patch_fraction" not in facts


def test_the_residual_of_an_alignment_by_relion_and_imod_is_read_in_angstrom():
    star = "data_global\n\nloop_\n_rlnTomoName #1\n_rlnIMODResidualErrorMean #2\nP 0.85\nQ 3.5\n"
    facts = read_sidecar("tomograms.star", star, "P")[2].to_json()
    assert facts["alignment_residual_angstrom"] == 8.5


@pytest.mark.parametrize("name", ["P", "P 1", "rec_P", "it's P", "#P", "_P", "00255"])
def test_a_tilt_series_is_found_by_its_name_whatever_it_is_in_what_relion_writes(name):
    star = loop_text("global", ("rlnTomoName", "rlnTomoTiltSeriesPixelSize"), [("Q", 1.0), (name, 1.35), ("R", 2.0)])
    facts = read_sidecar("tomograms.star", star, name.removeprefix("rec_"))[2].to_json()
    assert (facts["tilt_series_name"], facts["pixel_size_angstrom"]) == (name, 1.35)


def test_a_row_of_relions_that_is_being_written_costs_its_own_tomogram_only():
    star = loop_text("global", ("rlnTomoName", "rlnTomoTiltSeriesPixelSize"), [("P", 1.35), ("Q", 2.0)])
    assert read_sidecar("tomograms.star", star[:-10], "P")[2].pixel_size_angstrom == 1.35


def test_a_row_that_is_being_written_does_not_count():
    assert series_with_metrics(NEW_HEADER + "P_1.mrc, 1000, 85.0") == set()
    assert series_with_metrics("") == set()


def test_one_damaged_sidecar_costs_its_own_facts_only(tmp_path):
    (tmp_path / "P.tlt").write_text("-60\n60\n")
    (tmp_path / "P.aln").write_bytes(b"\xff\xfe\x00rubbish")
    (tmp_path / "P.xf").mkdir()
    facts = gather(Tree(tmp_path), ["P.tlt", "P.aln", "P.xf", "P.mdoc"], "P").to_json()
    assert facts["tilt_max_degrees"] == 60.0
    assert facts["sidecars"] == {"P.tlt": "aligned tilts"}
    assert set(facts["unread_sidecars"]) == {"P.aln", "P.xf"}


def test_what_is_believed_more_wins_and_pixels_become_angstrom_where_their_size_is_known(data, tmp_path):
    folder = data / "formats" / "cryoet-alignment"
    (tmp_path / "P.aln").write_text((folder / "test.aln").read_text())
    (tmp_path / "P.rawtlt").write_text("-90\n90\n")
    (tmp_path / "TiltSeries_Metrics.csv").write_text(
        (folder / "TiltSeries_Metrics.csv").read_text().replace("pda2021-01-12-1", "P")
    )
    facts = gather(Tree(tmp_path), ["P.rawtlt", "P.aln", "TiltSeries_Metrics.csv"], "P").to_json()
    assert facts["tilt_axis_degrees"] == 90.59
    assert facts["tilt_min_degrees"] == -61.5
    assert facts["global_shift_angstrom"] == pytest.approx(70.16 * 1.69, rel=1e-3)
    assert not any(name.endswith("_pixels") for name in facts)


def test_what_each_sidecar_says_of_sizes_is_kept_apart_the_most_believed_first(tmp_path):
    (tmp_path / "tilt.com").write_text("OutputFile P_full_rec.mrc\nFULLIMAGE 768 640\nIMAGEBINNED 4\n")
    (tmp_path / "newst.com").write_text("OutputFile P_ali.mrc\nBinByFactor 2\n")
    (tmp_path / "P.mdoc").write_text("PixelSpacing = 3\n[ZValue = 0]\nTiltAngle = 0\n")
    facts = gather(Tree(tmp_path), ["P.mdoc", "tilt.com", "newst.com"], "P").to_json()
    assert facts["scales"] == [
        {"sidecar": "tilt.com", "binning": 4.0, "raw_size_xy": [768, 640]},
        {"sidecar": "newst.com", "binning": 2.0},
        {"sidecar": "P.mdoc", "acquisition_pixel_size_angstrom": 3.0},
    ]
