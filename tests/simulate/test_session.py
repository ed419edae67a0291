"""A simulated session is named and completed as its producer's is, and what is known about it is readable."""

import json

import mrcfile
import numpy as np
import pytest
import starfile
from click.testing import CliRunner
from scipy.spatial.transform import Rotation

from livetomo.cli.simulate import command
from livetomo.core.geometry import TomogramGeometry
from livetomo.intake.producers import PRODUCERS
from livetomo.intake.tree import Tree
from livetomo.simulate.easy import Easy, simulate
from livetomo.simulate.session import NAMINGS, Exposure, expose
from livetomo.simulate.write import CHUNKS
from tests.particles import write_tables

SMALL = Easy(TomogramGeometry((24, 32, 32), 16.0), ribosomes=1, vesicles=0, proteins=0)


@pytest.fixture(scope="module")
def exposure():
    reconstruction, _ = simulate(1, SMALL)
    return Exposure("TS_01", 16.0, SMALL.microscope, reconstruction, halves=True)


@pytest.mark.parametrize(
    ("producer", "volume", "halves", "beside"),
    [
        ("aretomo3", "TS_01_Vol.mrc", ["TS_01_EVN_Vol.mrc", "TS_01_ODD_Vol.mrc"], ["TS_01.aln", "TS_01_TLT.txt"]),
        (
            "warp",
            "reconstruction/TS_01_16.00Apx.mrc",
            [f"reconstruction/{half}/TS_01_16.00Apx.mrc" for half in ("even", "odd")],
            [],
        ),
        (
            "relion5",
            "Tomograms/job001/tomograms/rec_TS_01.mrc",
            [f"Tomograms/job001/tomograms/rec_TS_01_half{n}.mrc" for n in (1, 2)],
            ["Tomograms/job001/RELION_JOB_EXIT_SUCCESS"],
        ),
        ("imod", "TS_01/TS_01_rec.mrc", ["TS_01/TS_01_even_rec.mrc", "TS_01/TS_01_odd_rec.mrc"], ["TS_01/TS_01.tlt"]),
        ("cryoem_services", "TS_01_Vol.mrc", [], ["TS_01_Vol_thumbnail.jpeg"]),
        ("generic", "TS_01.mrc", ["TS_01_even.mrc", "TS_01_odd.mrc"], []),
    ],
)
def test_each_producer_has_its_own_names(tmp_path, exposure, producer, volume, halves, beside):
    expose(tmp_path, exposure, NAMINGS[producer](), seconds=0)
    for path in (volume, *halves, *beside):
        assert (tmp_path / path).exists(), path
    with mrcfile.open(tmp_path / volume) as mrc:
        assert mrc.data.shape == SMALL.geometry.shape_zyx
        assert mrc.voxel_size.x == pytest.approx(16.0)


def test_the_metrics_row_comes_after_the_volumes_and_names_the_series(tmp_path, exposure):
    rows = []
    expose(
        tmp_path,
        exposure,
        NAMINGS["aretomo3"](),
        seconds=0,
        progress=lambda share: rows.append((tmp_path / "TiltSeries_Metrics.csv").exists()),
    )
    assert not any(rows)
    heading, row = (tmp_path / "TiltSeries_Metrics.csv").read_text().splitlines()
    assert row.startswith("TS_01.mrc,")
    assert len(row.split(",")) == len(heading.split(","))


def test_a_file_grows_in_place_and_takes_its_time(tmp_path, exposure):
    path, sizes, pauses = tmp_path / "TS_01_Vol.mrc", [], []
    expose(
        tmp_path,
        exposure,
        NAMINGS["aretomo3"](),
        seconds=30,
        sleep=pauses.append,
        progress=lambda share: sizes.append(path.stat().st_size),
    )
    assert sizes[:CHUNKS] == sorted(set(sizes[:CHUNKS]))
    assert sum(pauses) == pytest.approx(30)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    options = ["--shape", "32x48x48", "--voxel-size", "25", "--seed", "5", "--halves"]
    ended = CliRunner().invoke(command, ["tomograms", str(folder), *options])
    assert ended.exit_code == 0, ended.output
    return folder


def test_the_truth_is_written_beside_the_tomogram(written):
    truth = json.loads((written / "sim_0005_truth.json").read_text())
    assert truth["seed"] == 5
    assert truth["density"] == "dark"
    for tag in ("", "_EVN", "_ODD", "_labels", "_normal_z"):
        with mrcfile.open(written / f"sim_0005{tag}.mrc") as mrc:
            assert mrc.data.shape == (32, 48, 48)
    assert truth["particles"].get("ribosome", 0) > 0


def test_star_and_copick_say_the_same_positions_and_poses(written):
    star = starfile.read(written / "sim_0005_ribosome.star", always_dict=True)["particles"]
    copick = json.loads((written / "sim_0005_ribosome.copick.json").read_text())
    centred = star[[f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]].to_numpy()
    corner = np.array([[point["location"][axis] for axis in "xyz"] for point in copick["points"]])
    assert centred + np.array([48, 48, 32]) / 2 * 25 == pytest.approx(corner, abs=0.01)
    angles = star[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    poses = np.array([point["transformation_"] for point in copick["points"]])[:, :3, :3]
    assert Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix() == pytest.approx(poses, abs=1e-4)


def test_a_ribosome_that_is_no_template_is_refused_by_name(tmp_path, data):
    tables = write_tables(tmp_path)
    options = ["--templates", str(data / "templates"), "--map-tables", str(tables), "--ribosome", "4v4x"]
    ended = CliRunner().invoke(command, ["tomograms", str(tmp_path), *options])
    assert "there is no 4v4x.mrc" in str(ended.exception)


@pytest.mark.parametrize("producer", sorted(NAMINGS))
def test_the_intake_recognises_what_is_simulated_and_knows_it_for_complete(tmp_path, exposure, producer):
    expose(tmp_path, exposure, NAMINGS[producer](), seconds=0)
    reader = PRODUCERS[producer]
    roles = {}
    for path in sorted(tmp_path.rglob("*.mrc")):
        relative = path.relative_to(tmp_path).as_posix()
        recognised = reader.recognise(relative)
        assert recognised is not None, relative
        assert recognised.name == "TS_01"
        roles[recognised.role] = relative
        assert reader.signal(recognised, relative, Tree(tmp_path)).state != "awaited"
    assert set(roles) == ({"full"} if producer == "cryoem_services" else {"full", "even", "odd"})


def test_cryoem_services_turns_its_volume_in_place_before_its_pictures_say_that_it_is_complete(tmp_path, exposure):
    path, reader, seen = tmp_path / "TS_01_Vol.mrc", PRODUCERS["cryoem_services"], []

    def look(share: float) -> None:
        if share == 1:
            recognised = reader.recognise(path.name)
            with mrcfile.open(path) as mrc:
                seen.append((mrc.data.copy(), reader.signal(recognised, path.name, Tree(tmp_path))))

    expose(tmp_path, exposure, NAMINGS["cryoem_services"](), seconds=0, progress=look)
    ((turned, signal),) = seen
    with mrcfile.open(path) as mrc:
        assert (np.rot90(turned, -1, axes=(1, 2)) == mrc.data).all()
        assert (mrc.data == exposure.reconstruction.volume).all()
    assert signal.state == "none"
    assert reader.signal(reader.recognise(path.name), path.name, Tree(tmp_path)).state == "given"
