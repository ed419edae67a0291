"""One table of awkward names for each producer: what each file is, and whose."""

import pytest

from livetomo.intake.producers import PRODUCERS, choose, recognise
from livetomo.intake.producers.generic import Generic

ARETOMO3 = {
    "s/Position_1_Vol.mrc": ("full", "Position_1", "s/Position_1"),
    "s/Position_1_2_Vol.mrc": ("full", "Position_1_2", "s/Position_1_2"),
    "s/Position_10_Vol.mrc": ("full", "Position_10", "s/Position_10"),
    "s/Position_1_EVN_Vol.mrc": ("even", "Position_1", "s/Position_1"),
    "s/Position_1_ODD_Vol.mrc": ("odd", "Position_1", "s/Position_1"),
    "s/Position_1_2ND_Vol.mrc": ("other", "Position_1", "s/Position_1"),
    "s/Position_1_3RD_Vol.mrc": ("other", "Position_1", "s/Position_1"),
    "s/Position_1_EVN_2ND_Vol.mrc": ("other", "Position_1", "s/Position_1"),
    "s/Position_1_2ND_ODD_Vol.mrc": ("other", "Position_1", "s/Position_1"),
    "s/Position_1_override_Vol.mrc": ("full", "Position_1_override", "s/Position_1_override"),
    "Vol_1_Vol.mrc": ("full", "Vol_1", "Vol_1"),
    "s/TS_EVNING_Vol.mrc": ("full", "TS_EVNING", "s/TS_EVNING"),
    "s/denoiset/Position_1_Vol.mrc": ("full", "Position_1", "s/denoiset/Position_1"),
    "s/EVN/Position_1_Vol.mrc": ("even", "Position_1", "s/Position_1"),
    "s/Position_1_EVN.mrc": ("other", "Position_1", "s/Position_1"),
    "s/Position_1_CTF.mrc": ("other", "Position_1", "s/Position_1"),
    "s/Position_1.mrc": None,
    "s/Position_1_Vol.mrc.tmp": None,
    "s/_Vol.mrc": None,
    "s/Position_1_vol.mrc": None,
}
IMOD = {
    "s/grid2_7_rec.mrc": ("full", "grid2_7", "s/grid2_7"),
    "s/grid2_7_full_rec.mrc": ("full", "grid2_7", "s/grid2_7"),
    "s/grid2_7.rec": ("full", "grid2_7", "s/grid2_7"),
    "s/grid2_7_full.rec": ("full", "grid2_7", "s/grid2_7"),
    "s/grid2_7_even_rec.mrc": ("even", "grid2_7", "s/grid2_7"),
    "s/grid2_7_ODD_rec.mrc": ("odd", "grid2_7", "s/grid2_7"),
    "s/grid2_7_half1_full_rec.mrc": ("even", "grid2_7", "s/grid2_7"),
    "s/even_rec.mrc": ("full", "even", "s/even"),
    "s/full_rec.mrc": ("full", "full", "s/full"),
    "s/TS_1_rec_rec.mrc": ("full", "TS_1_rec", "s/TS_1_rec"),
    "s/denoised/grid2_7_rec.mrc": ("full", "grid2_7", "s/denoised/grid2_7"),
    "s/even_grid2_7_rec.mrc": ("even", "grid2_7", "s/grid2_7"),
    "s/Odd/grid2_7.rec": ("odd", "grid2_7", "s/grid2_7"),
    "s/grid2_7_ali.mrc": None,
    "s/grid2_7_ali.rec": ("other", "grid2_7_ali", "s/grid2_7_ali"),
    "s/grid2_7_preali.rec": ("other", "grid2_7_preali", "s/grid2_7_preali"),
    "s/grid2_7_ali_rec.mrc": ("full", "grid2_7_ali", "s/grid2_7_ali"),
    "s/Mali.rec": ("full", "Mali", "s/Mali"),
    "s/grid2_7.st": None,
    "s/grid2_7.mrc": None,
    "s/_rec.mrc": None,
}
WARP = {
    "w/reconstruction/TS_01_10.00Apx.mrc": ("full", "TS_01", "w/reconstruction/TS_01_10.00Apx"),
    "w/reconstruction/TS_01_5.00Apx.mrc": ("full", "TS_01", "w/reconstruction/TS_01_5.00Apx"),
    "w/reconstruction/even/TS_01_10.00Apx.mrc": ("even", "TS_01", "w/reconstruction/TS_01_10.00Apx"),
    "w/reconstruction/odd/TS_01_10.00Apx.mrc": ("odd", "TS_01", "w/reconstruction/TS_01_10.00Apx"),
    "w/reconstruction/deconv/TS_01_10.00Apx.mrc": ("other", "TS_01", "w/reconstruction/deconv/TS_01_10.00Apx"),
    "w/reconstruction/deconv/even/TS_01_10.00Apx.mrc": (
        "other",
        "TS_01",
        "w/reconstruction/deconv/TS_01_10.00Apx",
    ),
    "w/half1/TS_01_10.00Apx.mrc": ("even", "TS_01", "w/TS_01_10.00Apx"),
    "w/TS_01_EVN_10.00Apx.mrc": ("even", "TS_01", "w/TS_01_10.00Apx"),
    "w/reconstruction/ctf/TS_01_10.00Apx.mrc": ("other", "TS_01", "w/reconstruction/ctf/TS_01_10.00Apx"),
    "w/denoised/TS_01_10.00Apx.mrc": ("full", "TS_01", "w/denoised/TS_01_10.00Apx"),
    "w/reconstruction/Position_1_2_7.84Apx.mrc": ("full", "Position_1_2", "w/reconstruction/Position_1_2_7.84Apx"),
    "TS_01_10.00Apx.mrc": ("full", "TS_01", "TS_01_10.00Apx"),
    "even/TS_01_10.00Apx.mrc": ("even", "TS_01", "TS_01_10.00Apx"),
    "w/matching/TS_01_10.00Apx_ribosome_corr.mrc": None,
    "w/tiltstack/TS_01/TS_01.st": None,
    "w/reconstruction/TS_01.mrc": None,
}
RELION5 = {
    "Tomograms/job005/tomograms/rec_TS_03.mrc": ("full", "TS_03", "Tomograms/job005/tomograms/TS_03"),
    "Tomograms/job005/tomograms/rec_TS_03_half1.mrc": ("even", "TS_03", "Tomograms/job005/tomograms/TS_03"),
    "Tomograms/job005/tomograms/rec_TS_03_half2.mrc": ("odd", "TS_03", "Tomograms/job005/tomograms/TS_03"),
    "Tomograms/job005/tomograms/rec_Position_1_2.mrc": (
        "full",
        "Position_1_2",
        "Tomograms/job005/tomograms/Position_1_2",
    ),
    "Tomograms/job005/tomograms/rec_rec_1.mrc": ("full", "rec_1", "Tomograms/job005/tomograms/rec_1"),
    "Denoise/job007/tomograms/rec_TS_03.mrc": ("other", "TS_03", "Denoise/job007/tomograms/TS_03"),
    "Tomograms/job005/projections/rec_TS_03.mrc": ("other", "TS_03", "Tomograms/job005/projections/TS_03"),
    "AlignTiltSeries/job004/external/TS_03/TS_03.mrc": None,
    "Tomograms/job005/tomograms/TS_03.mrc": None,
}
CRYOEM_SERVICES = {
    "Tomograms/job006/tomograms/Position_1_stack_Vol.mrc": (
        "full",
        "Position_1_stack",
        "Tomograms/job006/tomograms/Position_1_stack",
    ),
    "t/P_stack_Vol.denoised.mrc": ("other", "P_stack", "t/P_stack"),
    "t/P_stack_Vol.denoised_segmented.mrc": ("other", "P_stack", "t/P_stack"),
    "t/P_stack_Vol_segmented.mrc": ("other", "P_stack", "t/P_stack"),
    "t/P_stack_2ND_Vol.mrc": ("other", "P_stack", "t/P_stack"),
    "t/P_stack_EVN_Vol.mrc": ("even", "P_stack", "t/P_stack"),
    "t/P_stack_Vol_bin4.mrc": ("other", "P_stack", "t/P_stack"),
    "t/P_stack_Vol.denoised_easymode_ribosome.mrc": ("other", "P_stack", "t/P_stack"),
    "t/X_stack_rec.mrc": ("full", "X_stack", "t/X_stack"),
    "t/P_stack.mrc": None,
}
GENERIC = {
    "s/TS_01.mrc": ("full", "TS_01", "s/TS_01"),
    "s/TS_01.rec": ("full", "TS_01", "s/TS_01"),
    "s/Position_1_2.mrc": ("full", "Position_1_2", "s/Position_1_2"),
    "s/a.b.c.mrc": ("full", "a.b.c", "s/a.b.c"),
    "s/TS_01_even.mrc": ("even", "TS_01", "s/TS_01"),
    "s/TS_01_Vol.mrc": ("full", "TS_01_Vol", "s/TS_01_Vol"),
    "s/TS_01_ODD_Vol.mrc": ("odd", "TS_01_Vol", "s/TS_01_Vol"),
    "s/TS_01.half2.mrc": ("odd", "TS_01", "s/TS_01"),
    "s/even/TS_01.mrc": ("even", "TS_01", "s/TS_01"),
    "odd/TS_01.mrc": ("odd", "TS_01", "TS_01"),
    "s/TS_01_denoised.mrc": ("other", "TS_01_denoised", "s/TS_01_denoised"),
    "s/TS_01.denoised.mrc": ("other", "TS_01.denoised", "s/TS_01.denoised"),
    "s/isonet_out/TS_01.mrc": ("full", "TS_01", "s/isonet_out/TS_01"),
    "s/even_TS_01.mrc": ("even", "TS_01", "s/TS_01"),
    "s/odd/TS_01_odd.mrc": ("odd", "TS_01", "s/TS_01"),
    "s/tomograms_odd/TS_01.mrc": ("odd", "TS_01", "s/tomograms/TS_01"),
    "s/TS_01-half1.mrc": ("even", "TS_01", "s/TS_01"),
    "s/TS_01_halfA.mrc": ("even", "TS_01", "s/TS_01"),
    "s/TS_01_half_b.mrc": ("odd", "TS_01", "s/TS_01"),
    "s/TS_01_half_b_10.00Apx.mrc": ("odd", "TS_01_10.00Apx", "s/TS_01_10.00Apx"),
    "s/half_a_dose_TS_01.mrc": ("full", "half_a_dose_TS_01", "s/half_a_dose_TS_01"),
    "s/grid_half_a/TS_01.mrc": ("full", "TS_01", "s/grid_half_a/TS_01"),
    "s/TS_01_half_bin4.mrc": ("full", "TS_01_half_bin4", "s/TS_01_half_bin4"),
    "s/TS_01_half.mrc": ("full", "TS_01_half", "s/TS_01_half"),
    "s/behalf_a.mrc": ("full", "behalf_a", "s/behalf_a"),
    "s/TS_01_even.mrc.gz": ("even", "TS_01", "s/TS_01"),
    "s/TS_01.MRC": ("full", "TS_01", "s/TS_01"),
    "s/TS_01.rec.bz2": ("full", "TS_01", "s/TS_01"),
    "s/TS_01_ali.mrc": ("other", "TS_01_ali", "s/TS_01_ali"),
    "s/frames/TS_01_001.mrc": ("full", "TS_01_001", "s/frames/TS_01_001"),
    "s/Refine3D/job012/run_half1_class001.mrc": ("other", "run_half1_class001", "s/Refine3D/job012/run_half1_class001"),
    "s/seventh_heaven.mrc": ("full", "seventh_heaven", "s/seventh_heaven"),
    "s/TS_01.st": None,
    "s/TS_01.mrc.tmp": None,
    "s/.mrc": None,
}
TABLES = {
    "aretomo3": ARETOMO3,
    "imod": IMOD,
    "warp": WARP,
    "relion5": RELION5,
    "cryoem_services": CRYOEM_SERVICES,
    "generic": GENERIC,
}


@pytest.mark.parametrize(
    ("producer", "path", "expected"),
    [(producer, path, expected) for producer, table in TABLES.items() for path, expected in table.items()],
)
def test_a_producer_knows_its_files_by_their_names(producer, path, expected):
    _, found = recognise(choose((producer,)), path) or (None, None)
    assert (found and (found.role, found.name, found.group)) == expected
    if found and found.role == "other":
        assert found.reason


def test_every_producer_has_a_table():
    assert set(TABLES) == set(PRODUCERS)


def test_words_that_name_the_session_are_no_hint():
    producers = choose(("generic",))
    for path in ("half1/TS_01.mrc", "odd/a/TS_01.mrc", "species/a/TS_01.mrc"):
        session = path.partition("/")[0] + "/"
        assert recognise(producers, path)[1].role != "full"
        assert recognise(producers, path, session)[1].role == "full"


def test_the_untrimmed_volume_of_imod_is_stored_with_y_slowest():
    assert PRODUCERS["imod"].recognise("R_full_rec.mrc").stored_axes == "yzx"
    assert PRODUCERS["imod"].recognise("R_rec.mrc").stored_axes == ""


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("**/{tomogram}_tomo.map", "s/a/TS_01_tomo.map", "TS_01"),
        ("{tomogram}_tomo.map", "s/a/TS_01_tomo.map", "TS_01"),
        ("*/Tomo_*/{tomogram}/volume.mrc", "s/Tomo_1/P_3/volume.mrc", "P_3"),
        ("*/Tomo_*/{tomogram}/volume.mrc", "s/x/Tomo_1/P_3/volume.mrc", None),
        ("*.mrc", "s/TS_01_denoised.mrc", "TS_01_denoised"),
        ("{tomogram}/{tomogram}.mrc", "P_3/P_3.mrc", "P_3"),
        ("{tomogram}/{tomogram}.mrc", "P_3/P_4.mrc", None),
        ("**/[ab]?.mrc", "s/a1.mrc", "a1"),
        ("**/[!ab]?.mrc", "s/a1.mrc", None),
    ],
)
def test_a_pattern_is_the_users_word_for_what_a_tomogram_is(pattern, path, name):
    found = Generic(pattern).recognise(path)
    assert (found and found.name) == name


def test_the_first_producer_that_knows_a_file_has_it():
    both = choose(("aretomo3", "generic"))
    assert recognise(both, "s/P_2ND_Vol.mrc")[1].role == "other"
    assert recognise(both, "s/P_Vol.mrc")[0].name == "aretomo3"
    assert recognise(both, "s/P.mrc")[0].name == "generic"
