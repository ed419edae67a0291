"""`livetomo process` asks a file's name and its sidecars, as a watch does."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetomo.cli import livetomo_command
from livetomo.intake.sidecars.reading import facts_beside
from tests.volumes import balls, write_tomogram

STAR = """data_global

loop_
_rlnTomoName #1
_rlnTomoTiltSeriesPixelSize #2
_rlnTomoTomogramBinning #3
TS_02 6.25 4
"""


@pytest.mark.parametrize(
    ("name", "sidecar", "text", "expected"),
    [
        (
            "job005/tomograms/rec_TS_02.mrc",
            "job005/tomograms.star",
            STAR,
            {"pixel_size_angstrom": 6.25, "binning": 4.0},
        ),
        ("P_Vol.mrc", "P_TLT.txt", "-60 1 3\n60 2 3\n", {"tilt_max_degrees": 60.0}),
        ("TS_rec.mrc", "TS.rawtlt", "-50\n50\n", {"tilt_max_degrees": 50.0}),
        ("warp/reconstruction/TS_10.00Apx.mrc", "warp/TS.mdoc", "[ZValue = 0]\nTiltAngle = 3\n", {"tilt_count": 1}),
        ("any.mrc", "any.rawtlt", "-50\n50\n", {"tilt_max_degrees": 50.0}),
        ("TS_full_rec.mrc", "TS.rawtlt", "-50\n50\n", {"stored_axes": "yzx"}),
    ],
)
def test_sidecars_are_found_by_the_names_of_whichever_producer(tmp_path: Path, name, sidecar, text, expected):
    for path in (tmp_path / name, tmp_path / sidecar):
        path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    (tmp_path / sidecar).write_text(text)
    facts = facts_beside(tmp_path / name).to_json()
    assert {key: facts.get(key) for key in expected} == expected


def test_without_any_sidecar_there_are_no_facts(tmp_path: Path):
    assert not facts_beside(tmp_path / "a.mrc")


@pytest.mark.parametrize("header", [0.0, 1.0])
def test_process_settles_the_voxel_size_by_name_and_sidecars(tmp_path: Path, header):
    job = tmp_path / "job005"
    (job / "tomograms").mkdir(parents=True)
    (job / "tomograms.star").write_text(STAR)
    relion = write_tomogram(job / "tomograms" / "rec_TS_02.mrc", balls(shape=(24, 40, 40), places=()), header)
    warp = write_tomogram(tmp_path / "TS_01_25.00Apx.mrc", balls(shape=(24, 40, 40), places=()), header)
    options = ["--recipe", "untrained", "--output", tmp_path / "out", "--device", "cpu", "--json"]
    arguments = ["process", relion, warp, *options]
    done = CliRunner().invoke(livetomo_command, [*map(str, arguments)], catch_exceptions=False)
    sizes = []
    for row in json.loads(done.stdout):
        manifest = json.loads((Path(row["folder"]) / "result.json").read_text())
        assert not any(warning.startswith("Voxel size") for warning in manifest["warnings"])
        sizes.append((manifest["volume"]["voxel_size_angstrom"], manifest["volume"]["voxel_size_source"]))
        assert {"what": "voxel_size", "source": "header"}.items() <= manifest["volume"]["evidence"][0].items()
    assert sizes == [(25.0, "sidecar: tomograms.star"), (25.0, "name")]
