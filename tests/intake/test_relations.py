"""Natural trees of programs: of all that they write the tomograms are taken and nothing else."""

import gzip

import pytest

from livetomo.intake.dry_run import Survey
from livetomo.intake.settings import WatchSettings
from livetomo.intake.tree import Tree
from tests.intake.fakes import Facility, mrc

GENERIC = ("generic",)
ALL = ("aretomo3", "warp", "relion5", "imod", "cryoem_services", "generic")

# What each program writes, by its sources; the tomograms are marked.
TREES = {
    "AreTomo3": """P.mrc P_EVN.mrc P_ODD.mrc P_Vol.mrc* P_2ND_Vol.mrc P_3RD_Vol.mrc P_EVN_Vol.mrc P_ODD_Vol.mrc
        P_CTF.mrc P_1_2.mrc P_1_2_Vol.mrc* P_Imod/P_st.mrc denoiset/P_Vol.mrc denoiset/P_1_2_Vol.mrc""",
    "WarpTools": """w/reconstruction/TS_01_10.00Apx.mrc* w/reconstruction/even/TS_01_10.00Apx.mrc
        w/reconstruction/odd/TS_01_10.00Apx.mrc w/reconstruction/deconv/TS_01_10.00Apx.mrc
        w/reconstruction/deconv/even/TS_01_10.00Apx.mrc w/reconstruction/ctf/TS_01_10.00Apx.mrc
        w/denoised/TS_01_10.00Apx.mrc w/matching/TS_01_10.00Apx_ribo_corr.mrc w/tiltstack/TS_01/TS_01.st
        w/subtomo/TS_01/TS_01_000001_5.00A.mrc w/subtomo/TS_01/TS_01_000001_ctf_5.00A.mrc
        m/species/ribo/ribo.mrc m/species/ribo/ribo_half1.mrc m/species/ribo/ribo_half2.mrc""",
    "RELION 5": """Tomograms/job005/tomograms/rec_TS_03.mrc* Tomograms/job005/projections/rec_TS_03.mrc
        Tomograms/job005/RELION_JOB_EXIT_SUCCESS Denoise/job007/tomograms/rec_TS_03.mrc
        AlignTiltSeries/job004/external/TS_03/TS_03.mrc Extract/job010/Subtomograms/TS_03/1_data.mrc
        Extract/job010/Subtomograms/TS_03/1_stack2d.mrcs Reconstruct/job011/merged.mrc Reconstruct/job011/half1.mrc
        Reconstruct/job011/half2.mrc Refine3D/job012/run_it001_half1_class001.mrc Refine3D/job012/run_class001.mrc
        Class3D/job015/run_it025_class002.mrc MaskCreate/job013/mask.mrc InitialModel/job009/initial_model.mrc
        PostProcess/job014/postprocess_masked.mrc sta/run_half2_class001_unfil.mrc sta/run_class001.mrc""",
    "etomo": """TS_07.st TS_07_ali.mrc TS_07_preali.mrc TS_07_full_rec.mrc TS_07_rec.mrc* TS_07_ctfcorr.mrc
        TS_07_dcst.mrc TS_07_erase.mrc TS_07_erased_ali.mrc top_rec.mrc mid_rec.mrc bot_rec.mrc TS_07_3dfind_ali.mrc
        TS_07_3dfind_rec.mrc TS_07_nad.mrc TS_07_flat_rec.mrc TS_07_orig.mrc TS_07_xcorr.mrc""",
    "etomo of old, two axes": """duala.rec dualb.rec sum.rec dual.rec* topa.rec mida.rec bota.rec topb.rec midb.rec
        botb.rec""",
    "etomo, two axes, newer names": """duala_rec.mrc dualb_full_rec.mrc sum_rec.mrc dual_full_rec.mrc
        dual_rec.mrc* dual.st topa_rec.mrc mida_rec.mrc dual_rec_bin2.mrc dual_srec05.mrc""",
    "etomo, the second axis is to come": "dual.edf duala.st duala_full_rec.mrc single.edf single_rec.mrc*",
    "nextPYP": """mrc/TS_02.rec* mrc/TS_02_den.rec mrc/TS_02_flip.rec mrc/TS_02_preprocessed.rec mrc/TS_02_rescale.rec
        mrc/TS_02_match_spectrum.rec mrc/TS_02_deconvolve.rec mrc/TS_02_seg.rec mrc/TS_02_bin.mrc""",
    "programs beside a tomogram": """TS_01.mrc* TS_01_scores.mrc TS_01_angles.mrc TS_01_easymode_ribosome.mrc
        TS_01_MemBrain_seg_v10_alpha.ckpt_segmented.mrc TS_01_skel.mrc TS_01_segmented_components.mrc
        TS_01__membrane.mrc TS_01_segmented_threshold_0.5.mrc TS_01_bin4.mrc TS_01_b4.mrc TS_01_SIRT.mrc TS_01_8bit.mrc
        TS_01_3dctf.mrc TS_01_DEN.mrc TS_01.denoised.rec cryocare_TS_01.mrc TS_01_v2.mrc""",
    "programs with folders": """iso/TS_03.rec* iso/corrected_tomos/corrected_n2n_unet_TS_03.mrc
        iso/corrected_tomos/TS_03.mrc a/tomograms/TS_04.mrc* a/denoised/TS_04.mrc a/isonet/predicted/TS_04_corrected.mrc
        a/g1/TS_05.mrc* filtered/a/g1/TS_05.mrc b/TS_06.mrc* b/n2v_out/TS_06.mrc b/best/TS_06.mrc""",
    "programs with folders of other names": """a/tomos/TS_1.mrc* a/refined/TS_1.mrc a/bin4/TS_1.mrc a/sirt/TS_1_SIRT.rec
        a/tilt_stacks/TS_2.st a/inverted/TS_1.mrc.gz b/TS_1.mrc.gz* b/TS_1_inv.mrc""",
    "folders in folders, and names that say it": """tomograms/TS_1.mrc* ddw/refined_tomograms/TS_1_refined.mrc
        isonet/TS_1.mrc x/emClarity/TS_2_1_bin6.rec* x/TM/TS_2_1_bin6_convmap.mrc x/TM/TS_2_1_bin6_angles.mrc""",
    "Warp's pictures and references": """warp_tiltseries/reconstruction/TS_1_10.00Apx.mrc*
        warp_tiltseries/template/emd_1234_10.00Apx.mrc warp_tiltseries/thumbnails/TS_1.mrc""",
    "names of people and servers": """a/TS_1.mrc* a/seg_TS_1.mrc a/bin4_TS_1.rec a/TS_1-copy.mrc a/TS_1.old.mrc
        a/TS_1_2_filt4.mrc* a/lam.mrc* a/lam_ts_002_good.mrc* a/TS_1_new.mrc""",
    "cryoem-services": """Tomograms/job006/tomograms/P_1_stack_Vol.mrc* Tomograms/job006/tomograms/P_1_stack_2ND_Vol.mrc
        Tomograms/job006/tomograms/P_1_stack_EVN_Vol.mrc Tomograms/job006/tomograms/P_1_stack_ODD_Vol.mrc
        Tomograms/job006/tomograms/P_1_stack_Vol.denoised.mrc Tomograms/job006/tomograms/P_1_stack_Vol_bin4.mrc
        Tomograms/job006/tomograms/X_1_stack_rec.mrc* Tomograms/job006/tomograms/X_1_stack_full_rec.mrc
        Tomograms/job006/RELION_JOB_EXIT_SUCCESS Segmentation/job008/tomograms/P_1_stack_Vol.denoised_segmented.mrc""",
    "tomograms whose names begin alike": """TS_1.mrc* TS_10.mrc* TS_1_2.mrc* TS_1_b.mrc* TS_1_pos2.mrc* TS_1_ts_002.mrc*
        TS_1_redo.mrc* Position_1_Vol.mrc* Position_1_2_Vol.mrc* Position_1_override_Vol.mrc* lam.rec* lam_L2.rec*
        wt.mrc* wt_starved.mrc* wt_starved_2.mrc* wt_bin4.mrc wt_SIRT.mrc wt_refined_2.mrc wt_features.mrc
        wt_b_TS_01.mrc*
        z/tomograms/TS_02__bin4.mrc* z/tomograms_dn/TS_02__bin4.mrc
        y/TS_1.mrc* y/TS_1_wt_TS_02.mrc* y/TS_1_sirt_TS_02.mrc a/TS_1.mrc* a/grid2/TS_1.mrc* b/TS_1.mrc*""",
    "tomograms in folders called as copies are": """processed/raw/relion/Tomograms/job006/tomograms/P1_stack_Vol.mrc*
        filtered/TS_7.mrc* Tilt_Series/TS_8.mrc* frames/TS_6.mrc* a/Matching/TS_3_rec.mrc* raw/sess7/TS_5.mrc*""",
}
SESSIONS = [
    "denoising_workshop/TS_1_Vol.mrc",
    "20261120_denoise_test/TS_2_Vol.mrc",
    "Matching/TS_3_rec.mrc",
    "deconvolution-course/TS_4.mrc",
    "frames/TS_6.mrc",
    "half1/TS_9.mrc",
    "isonet/TS_4.mrc",
]


def spread(tree, text, session="sess"):
    """Write the files of a table; the paths of the tomograms."""
    for path in text.split():
        tree.write(f"{session}/{path.rstrip('*')}", mrc((24, 48, 56), mode=0, fill=path.encode()))
    return {f"{session}/{path[:-1]}" for path in text.split() if path.endswith("*")}


def scanned(tree, producers):
    survey = Survey(WatchSettings("krios1", "/data", producers=producers), tree)
    survey.look()
    return {
        file.path.removeprefix("/data/"): file.reason for file in survey.report() if file.taken and file.role == "full"
    }


@pytest.mark.parametrize("producers", [GENERIC, ALL], ids=["generic", "all"])
@pytest.mark.parametrize("program", TREES)
def test_of_a_programs_natural_tree_exactly_the_tomograms_are_taken(tree, facility, program, producers):
    tomograms = spread(tree, TREES[program])
    assert set(scanned(tree, producers)) == tomograms
    intake = facility(producers=producers)
    intake.run(700, step=100)
    assert {arrival.path for arrival in intake.taken if arrival.fault is None} == tomograms


def test_folder_words_that_name_the_session_are_no_hint(tree):
    for path in SESSIONS:
        tree.write(path, mrc())
    assert set(scanned(tree, GENERIC)) == set(SESSIONS)


def test_a_copy_is_not_taken_when_its_tomogram_is_gone(tree, facility):
    intake = facility()
    tree.write("s/TS_01.mrc", mrc())
    intake.run(30)
    tree.write("s/TS_01_flip.mrc", mrc(fill=b"\1"))
    intake.run(30)
    tree.delete("s/TS_01.mrc")
    intake.run(1500, step=100)
    assert intake.names() == ["krios1/s/TS_01"]


def test_a_tomogram_beside_its_tilt_stack_is_no_copy_of_it(tree):
    tree.write("s/TS_01.mrc", mrc((41, 96, 96), mode=0))
    tree.write("s/TS_01_aretomo.mrc", mrc((60, 48, 48), mode=0))
    assert "s/TS_01_aretomo.mrc" in scanned(tree, GENERIC)


def test_what_is_no_volume_has_no_copies(tree):
    tree.write("s/TS_01.mrc", b"a text " * 400)
    tree.write("s/TS_01_b4.mrc", mrc())
    tree.write("s/TS 02.mrc", mrc(fill=b"\1"))
    tree.write("s/TS 02 (copy).mrc", mrc(fill=b"\2"))
    assert set(scanned(tree, GENERIC)) == {"s/TS_01_b4.mrc", "s/TS 02.mrc"}


def test_a_users_pattern_takes_what_lies_beside_a_tomogram(tree):
    for name in ("TS_01.mrc", "TS_01_flip.mrc"):
        tree.write(f"s/{name}", mrc(fill=name.encode()))
    survey = Survey(WatchSettings("krios1", "/data", pattern="*_flip.mrc"), tree)
    survey.look()
    assert [file.path for file in survey.report() if file.taken] == ["/data/s/TS_01_flip.mrc"]


def test_a_full_volume_that_comes_after_its_halves_were_taken_is_the_same_tomogram(tree, facility):
    intake = facility(halves_patience=100)
    for name in ("TS_01_even", "TS_01_odd"):
        tree.write(f"s/{name}.mrc", mrc(fill=name.encode()))
    intake.run(60)
    assert intake.taken == []
    assert "may still come" in intake.reasons()["s/TS_01_even.mrc"]
    intake.run(60)
    tree.write("s/TS_01.mrc", mrc())
    intake.run(60)
    assert intake.names() == ["krios1/s/TS_01"]
    assert set(intake.taken[0].halves) == {"even", "odd"}


@pytest.mark.parametrize(
    "half", ["s/TS_1_even_rec.mrc", "s/EVN/TS_1.rec", "s/half1/TS_1_10.00Apx.mrc", "s/tomos_even/TS_1.mrc.gz"]
)
def test_halves_of_any_spelling_stand_for_a_full_volume_that_does_not_come(tree, facility, half):
    intake = facility(producers=ALL)
    other = half.replace("even", "odd").replace("EVN", "ODD").replace("half1", "half2")
    for path in (half, other):
        tree.write(path, gzip.compress(mrc()) if path.endswith(".gz") else mrc(fill=path.encode()))
    intake.run(500, step=50)
    assert intake.taken == []
    intake.run(150, step=50)
    (arrival,) = intake.taken
    assert (arrival.tomogram.name.removesuffix("_rec"), arrival.path) == ("TS_1", half)
    assert arrival.halves == {"even": half, "odd": other}


def test_a_half_that_stays_alone_is_let_go(tree, facility):
    intake = facility(halves_patience=100)
    tree.write("s/TS_01_even.mrc", mrc())
    intake.run(60)
    assert "its odd half is not there" in intake.reasons()["s/TS_01_even.mrc"]
    intake.run(60)
    assert (intake.taken, intake.reasons()) == ([], {})


@pytest.mark.parametrize("producers", [GENERIC, ("imod",), ("aretomo3", "generic")])
def test_of_the_links_that_nextpyp_makes_one_is_the_tomogram(tmp_path, clock, producers):
    folder = tmp_path / "sess" / "mrc"
    folder.mkdir(parents=True)
    (folder / "TS_02_aretomo_Vol.mrc").write_bytes(mrc((24, 48, 56), mode=0))
    for name in ("TS_02.mrc", "TS_02_bin.st"):
        (folder / name).write_bytes(mrc((41, 32, 32), mode=0, voxel=6))
    (folder / "TS_02.rec").symlink_to("TS_02_aretomo_Vol.mrc")
    for name in ("TS_02_aretomo.mrc", "TS_02_bin.mrc"):
        (folder / name).symlink_to("TS_02_bin.st")
    tree = Tree(tmp_path)
    assert len(scanned(tree, producers)) == 1
    intake = Facility(tree, clock, root=str(tmp_path), producers=producers)
    intake.run(100)
    (arrival,) = intake.taken
    assert (tmp_path / arrival.path).samefile(folder / "TS_02.rec")
