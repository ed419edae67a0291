"""RELION 5 reads what a session exports: see `tests/relion5_reader.py` for its rules."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from livetomo.cli import picks
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_series import relion_tomograms_star
from livetomo.core.tomogram import TomogramId, result_name, session_folder, tomogram_folder
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.relion import Relion5Exporter
from livetomo.formats.star import loop_text, pairs_text
from livetomo.intake.producers.relion5 import Relion5
from livetomo.intake.sidecars.reading import facts_beside
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_files import write_session
from tests.relion5_reader import NEEDED_OF_VIEWS, Refused, extract, imported, table
from tests.volumes import VOXEL_ANGSTROM, balls, order_for, write_tomogram

PIXEL, VOXEL = 1.35, 10.8
SIZE = (4096, 4092, 2001)
SHAPE = (250, 512, 512)
# As RELION writes it. A name with rec_ and one with _Vol are names like others to it.
NAMES = ("TS_01", "TS_02", "rec_TS_02", "Position_3_Vol", "TS 04", "Position_5_Vol")
STAR = """
data_global

loop_
_rlnTomoName #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
_rlnMicrographOriginalPixelSize #5
_rlnTomoHand #6
_rlnOpticsGroupName #7
_rlnTomoTiltSeriesPixelSize #8
_rlnTomoTiltSeriesStarFile #9
_rlnTomoTomogramBinning #10
_rlnTomoSizeX #11
_rlnTomoSizeY #12
_rlnTomoSizeZ #13
_rlnTomoReconstructedTomogram #14
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of RELION's with six reconstructed tilt series; their volumes are empty files."""
    return project_of(tmp_path / "project", NAMES, SIZE, PIXEL, VOXEL)


def project_of(folder: Path, names, size, pixel: float, voxel: float) -> Path:
    """A project with a job that reconstructed tomograms of these names."""
    job = folder / "Tomograms" / "job005"
    (job / "tomograms").mkdir(parents=True)
    (job / "tilt_series").mkdir()
    rows = []
    for name in names:
        word = f'"{name}"' if " " in name else name
        star, volume = f"Tomograms/job005/tilt_series/{name}.star", f"Tomograms/job005/tomograms/rec_{name}.mrc"
        paths = [f'"{path}"' if " " in path else path for path in (star, volume)]
        rows.append(
            f"{word} 300 2.7 0.07 {pixel} -1 optics1 {pixel} {paths[0]} {voxel / pixel} {' '.join(map(str, size))} "
            f"{paths[1]}"
        )
        (folder / star).write_text(loop_text(name, NEEDED_OF_VIEWS, [("1@a.mrcs", *[0.0] * 10)]))
        (folder / volume).touch()
    (job / "tomograms.star").write_text(STAR + "\n".join(rows) + "\n")
    return folder


def placed(project: Path, name: str, count: int) -> Placed:
    """As a result has it whose volume RELION made, with the facts that lie beside that."""
    volume = project / "Tomograms" / "job005" / "tomograms" / f"rec_{name}.mrc"
    recognised = Relion5().recognise(str(volume))
    facts = facts_beside(volume)
    chance = np.random.default_rng(count)
    position = (chance.random((count, 3)) * SHAPE).astype(np.float32)
    frame = Frame.of_metadata(recognised.name, TomogramGeometry(SHAPE, VOXEL), facts)

    frame = replace(frame, tomograms_star=relion_tomograms_star(str(volume), facts))
    return Placed(Picks(position, np.ones(count, np.float32), np.ones(count, np.float32)), frame)


@pytest.mark.parametrize("inside", [True, False], ids=["in the project", "elsewhere"])
def test_a_session_of_relions_tomograms_is_extracted_and_imported_as_it_is(project, tmp_path, inside):
    output = (project if inside else tmp_path) / "livetomo" / "particles"
    sets = [placed(project, name, count) for name, count in zip(NAMES, (5, 6, 7, 0, 3, 4), strict=True)]
    write_session(sets, "ribosome", "relion5", output)
    where = extract(project, output / "ribosome_optimisation_set.star")
    counts = {"TS_01": 5, "TS_02": 6, "rec_TS_02": 7, "TS 04": 3, "Position_5_Vol": 4}
    assert {name: len(those) for name, those in where.items()} == counts
    for name, one in zip(NAMES, sets, strict=True):
        if len(one.picks):
            exact = one.picks.position[:, ::-1].astype(float) * (VOXEL / PIXEL)
            np.testing.assert_allclose(where[name], exact, atol=0.01)
    assert imported(project, output / "ribosome_import.star") == counts
    paths = table(output / "ribosome_optimisation_set.star", "optimisation_set")
    assert paths["rlnTomoTomogramsFile"] == "Tomograms/job005/tomograms.star"
    assert Path(paths["rlnTomoParticlesFile"]).is_absolute() is not inside


def test_the_project_may_be_moved_with_what_lies_in_it(project):
    output = project / "livetomo" / "particles"
    write_session([placed(project, "TS_01", 5)], "ribosome", "relion5", output)
    moved = project.parent / "elsewhere"
    shutil.move(project, moved)
    assert set(extract(moved, moved / "livetomo" / "particles" / "optimisation_set.star")) == {"TS_01"}


def test_the_rules_refuse_what_livetomo_wrote_before(project, tmp_path):
    """A tomograms star without tilt series, beside particles without names, by paths that hold in one folder alone."""
    columns = ("rlnTomoName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning", "rlnTomoSizeX", "rlnTomoSizeY")
    (tmp_path / "tomograms.star").write_text(loop_text("global", columns, [("TS_01", PIXEL, 8.0, 4096, 4092)]))
    centred = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
    (tmp_path / "ribosome.star").write_text(
        loop_text("particles", ("rlnTomoName", *centred), [("TS_01", 1.0, 2.0, 3.0)])
    )
    names = {"rlnTomoParticlesFile": "ribosome.star", "rlnTomoTomogramsFile": "tomograms.star"}
    (tmp_path / "optimisation_set.star").write_text(pairs_text("optimisation_set", names))
    with pytest.raises(Refused, match="is not there"):
        extract(project, tmp_path / "optimisation_set.star")
    with pytest.raises(Refused, match="lacks rlnVoltage"):
        extract(tmp_path, tmp_path / "optimisation_set.star")


def test_what_is_lacking_is_said_and_no_binned_size_stands_for_an_unbinned_one(tmp_path):
    one = Placed(Picks.none(), Frame("TS_01", TomogramGeometry(SHAPE, VOXEL)))
    write_session([one], "ribosome", "relion5", tmp_path)
    assert list(table(tmp_path / "tomograms.star", "global")) == ["rlnTomoName"]
    said = " ".join(Relion5Exporter().lacks([one]))
    assert all(word in said for word in ("--tomograms-star", "--pixel-size", "TS_01", "Import"))
    sized = Placed(Picks.none(), Frame.of_metadata("TS_01", TomogramGeometry(SHAPE, VOXEL), SidecarFacts(binning=8)))
    assert "--pixel-size" not in " ".join(Relion5Exporter().lacks([sized]))


@pytest.mark.parametrize("named", [False, True], ids=["known by the sidecars", "named by a person"])
def test_what_is_picked_in_a_job_s_tomograms_is_extracted_from_the_project(tmp_path, named):
    """The whole way: the volume that RELION cut to 48 of 48.6 voxels, picks, `livetomo picks`, RELION's own tables."""
    size, pixel = (400, 400, 243), VOXEL_ANGSTROM / 5
    project = project_of(tmp_path / "project", ["TS_01_Vol"], size, pixel, VOXEL_ANGSTROM)
    star = project / "Tomograms" / "job005" / "tomograms.star"
    volume = star.parent / "tomograms" / "rec_TS_01_Vol.mrc"
    write_tomogram(volume, balls())
    facts = SidecarFacts() if named else facts_beside(volume)
    order = order_for(volume, facts=facts, tomogram=TomogramId("krios1", "monday", "TS_01_Vol"))
    output = project / "livetomo"
    manifest = pipeline.run(order, tomogram_folder(str(output), order.tomogram) / result_name(1, order.recipe.hash))
    session = session_folder(str(output), "krios1", "monday")
    words = [str(session), "--output", str(output / "stars"), *(["--tomograms-star", str(star)] if named else [])]
    said = CliRunner().invoke(picks.command, words)
    assert said.exit_code == 0, said.output
    assert "--tomograms-star" not in said.output
    (found,) = extract(project, output / "stars" / "ribosome_optimisation_set.star").values()
    strongest = np.array(manifest.picks["ribosome"].strongest)[:, :3] / VOXEL_ANGSTROM * 5
    np.testing.assert_allclose(found, strongest, atol=0.05)
    published = manifest.volume.centre_angstrom
    assert published == (1000, 1000, 600 if named else 607.5)


def test_a_tomograms_star_without_the_tilt_series_is_refused(tmp_path):
    project = project_of(tmp_path / "project", ["TS_02"], SIZE, PIXEL, VOXEL_ANGSTROM)
    order = order_for(write_tomogram(tmp_path / "TS_01.mrc", balls()))
    output = tmp_path / "out"
    pipeline.run(order, tomogram_folder(str(output), order.tomogram) / result_name(1, order.recipe.hash))
    star = project / "Tomograms" / "job005" / "tomograms.star"
    words = [str(session_folder(str(output), "krios1", "session")), "--tomograms-star", str(star)]
    said = CliRunner().invoke(picks.command, words)
    assert isinstance(said.exception, ConfigurationError)
    assert "has no tilt series TS_01" in str(said.exception)


def test_a_tomograms_star_that_no_job_has_written_says_nothing_of_a_project(tmp_path):
    star = tmp_path / "mine" / "tomograms.star"
    frame = Frame("TS_01", TomogramGeometry(SHAPE, VOXEL), PIXEL, tomograms_star=str(star))
    write_session([Placed(Picks.none(), frame)], "ribosome", "relion5", tmp_path / "out")
    paths = table(tmp_path / "out" / "ribosome_optimisation_set.star", "optimisation_set")
    assert paths["rlnTomoTomogramsFile"] == str(star)
    assert paths["rlnTomoParticlesFile"] == str(tmp_path / "out" / "ribosome.star")


def test_a_file_that_is_no_star_is_refused_in_words(tmp_path):
    order = order_for(write_tomogram(tmp_path / "TS_01.mrc", balls()))
    output = tmp_path / "out"
    pipeline.run(order, tomogram_folder(str(output), order.tomogram) / result_name(1, order.recipe.hash))
    words = [str(session_folder(str(output), "krios1", "session")), "--tomograms-star", str(tmp_path / "TS_01.mrc")]
    said = CliRunner().invoke(picks.command, words)
    assert isinstance(said.exception, ConfigurationError)
    assert "is no star file" in str(said.exception)
