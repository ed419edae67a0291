"""From the files that AreTomo3 leaves in a folder to what RELION 5 reads: each hand that the views go through."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import starfile
from click.testing import CliRunner

from livetomo.cli.picks import command as picks_command
from livetomo.cli.process import command as process
from livetomo.daemon import session_exports
from livetomo.results.folder import read_result
from tests.relion5_reader import extract, imported, project_particles, tomograms_of, views_of
from tests.tilt_series import Aligned, aretomo3, without_images
from tests.volumes import VOXEL_ANGSTROM, balls, write_tomogram

AS_BALLS = Aligned(size_xy=(160, 160), pixel=VOXEL_ANGSTROM / 2, depth_voxels=48)
SERIES = {  # by the names of the volumes, which are the tomograms' where no watch says more
    "P_1_Vol": without_images(AS_BALLS, 0),
    "P_2_Vol": replace(AS_BALLS, axis=-8.5),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with `frames`, as AreTomo3 leaves it, and `out`, what `livetomo process` makes of it."""
    folder = tmp_path_factory.mktemp("session")
    volumes = [aretomo3(folder / "frames", name.removesuffix("_Vol"), series) for name, series in SERIES.items()]
    metrics = folder / "frames" / "TiltSeries_Metrics.csv"
    metrics.write_text(
        "Tilt_Series,Thickness(Pix),Tilt_Axis,Pix_Size(A),Cs(nm),Kv\n"
        + "".join(f"{name[:3]}.mrc, 15, {one.axis}, {one.pixel}, 2.70, 300\n" for name, one in SERIES.items())
    )
    for seed, volume in enumerate(volumes):
        write_tomogram(volume, balls(seed=seed))
    words = [*map(str, volumes), "--recipe", "untrained", "--output", str(folder / "out"), "--device", "cpu"]
    run = CliRunner().invoke(process, words)
    assert run.exit_code == 0, run.output
    return folder


@pytest.fixture
def session(made, tmp_path) -> Path:
    """The session's results; its frames stay where they are."""
    return shutil.copytree(made / "out" / "process" / "process", tmp_path / "session")


def picks(*words: object) -> str:
    run = CliRunner().invoke(picks_command, [str(word) for word in words])
    if run.exception and not isinstance(run.exception, SystemExit):
        raise run.exception
    assert run.exit_code == 0, run.output
    return run.stdout


def strongest(session: Path) -> dict[str, np.ndarray]:
    """Voxels x, y, z of each tomogram's picks, as `result.json` has them."""
    found = {}
    for folder in session.glob("tomograms/*/r*"):
        manifest = read_result(folder).manifest
        rows = np.array(manifest.picks["ribosome"].strongest)[:, :3] / VOXEL_ANGSTROM
        found[manifest.tomogram.name] = rows
    return found


def test_every_pick_is_found_in_the_raw_images(session, tmp_path):
    said = picks(session, "--output", tmp_path / "stars")
    assert "not known" not in said
    seen = project_particles(tmp_path, tmp_path / "stars" / "ribosome_optimisation_set.star")
    assert set(seen) == set(SERIES)
    for name, voxels in strongest(session).items():
        assert len(seen[name]) == len(voxels) > 0
        for voxel, views in zip(voxels, seen[name], strict=True):
            assert [view.image - 1 for view in views] == SERIES[name].used
            for view in views:
                exact = SERIES[name].where(voxel, view.image - 1)
                np.testing.assert_allclose(view.pixel_xy, exact, atol=0.05)  # messages have a tenth of an Å
    _, tomograms = tomograms_of(tmp_path, tmp_path / "stars" / "optimisation_set.star")
    for _, row in tomograms.iterrows():
        name = row["rlnTomoName"]
        assert len(views_of(tmp_path, row)) == len(SERIES[name].used)
        assert len(starfile.read(tmp_path / "stars" / "tilt_series" / f"{name}.star")) == len(SERIES[name].used)
    assert set(imported(tmp_path, tmp_path / "stars" / "ribosome_import.star")) == set(SERIES)


def test_what_is_known_of_the_views_is_in_the_result_and_outlives_their_folder(made, session, tmp_path):
    away = made / "frames" / "P_1.mrc"
    away.rename(made / "P_1.mrc")
    try:
        said = picks(session, "--output", tmp_path / "stars")
    finally:
        (made / "P_1.mrc").rename(away)
    assert "Of P_1_Vol the stack of images cannot be used" in said
    assert list(extract(tmp_path, tmp_path / "stars" / "optimisation_set.star")) == ["P_2_Vol"]
    folder = next(session.glob("tomograms/P_1*/r*"))
    assert read_result(folder).facts.views.tilt_degrees == (-20.0, 0.0, 20.0, 40.0)
    assert len((folder / "result.json").read_bytes()) < 60_000


def test_what_the_configuration_says_holds_for_a_session_and_an_option_goes_before_it(session, tmp_path):
    results = {str(folder): {"metadata": {}, "verdict": "good"} for folder in session.glob("tomograms/*/r*")}
    order = {"results": results, "session": str(session), "format": "relion5", "exclusions": []}
    report = session_exports.write(order | {"acquisition": {"hand": 1, "amplitude_contrast": 0.1}})
    assert report == {"left_out": {}}
    particles = session / "particles"
    assert not (particles / session_exports.NEEDED).exists()

    def known(stars: Path) -> set[tuple[float, float]]:
        _, tomograms = tomograms_of(tmp_path, stars / "optimisation_set.star")
        return set(zip(tomograms["rlnTomoHand"], tomograms["rlnAmplitudeContrast"], strict=True))

    assert known(particles) == {(1.0, 0.1)}
    picks(session, "--output", tmp_path / "as_configured")
    assert known(tmp_path / "as_configured") == {(1.0, 0.1)}
    picks(session, "--output", tmp_path / "as_said", "--hand", "-1")
    assert known(tmp_path / "as_said") == {(-1.0, 0.1)}
    assert json.loads((session / "session.json").read_text())["acquisition"] == {"hand": 1, "amplitude_contrast": 0.1}


def test_the_daemon_says_what_is_still_needed(session):
    results = {}
    for folder in session.glob("tomograms/*/r*"):
        facts = read_result(folder).facts.to_json()
        del facts["amplitude_contrast"]
        results[str(folder)] = {"metadata": facts, "verdict": "good"}
    order = {"results": results, "session": str(session), "format": "relion5", "exclusions": []}
    session_exports.write(order)
    needed = (session / "particles" / session_exports.NEEDED).read_text()
    assert "Of P_1_Vol, P_2_Vol the amplitude contrast is not known" in needed
    assert "amplitude_contrast of the watch" in needed
    assert list(starfile.read(session / "particles" / "tomograms.star")["rlnTomoName"]) == list(SERIES)
    session_exports.write(order | {"acquisition": {"amplitude_contrast": 0.07}})
    assert not (session / "particles" / session_exports.NEEDED).exists()
