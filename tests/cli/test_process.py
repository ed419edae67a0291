"""`livetomo process` makes each result once, says what is wrong in one sentence, and goes on."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetomo.cli.process import command
from livetomo.config.recipe.recipe import load_recipe
from livetomo.processing.pipeline import run as pipeline
from tests.intake.fakes import mrc
from tests.mrc_files import header_block
from tests.networks import save_seeing_network
from tests.volumes import balls, write_tomogram


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return write_tomogram(tmp_path_factory.mktemp("in") / "TS_01.mrc", balls())


def process(*arguments):
    return CliRunner().invoke(command, ["--recipe", "untrained", *map(str, arguments), "--device", "cpu"])


def rows(result):
    return {row["tomogram"]: row for row in json.loads(result.stdout)}


def result_folder(output: Path, name="TS_01", revision=1) -> Path:
    return output / "process" / "process" / "tomograms" / name / f"r{revision}-{load_recipe('untrained').hash[:8]}"


def test_a_good_file_becomes_a_result_folder_and_a_line_of_a_table(good, tmp_path: Path):
    result = process(good, "--output", tmp_path)
    assert result.exit_code == 0
    head, line = result.stdout.splitlines()
    assert head.split() == ["tomogram", "picks", "candidates", "verdict", "seconds", "folder"]
    assert line.split()[:3] == ["TS_01", "ribosome", "3"]
    assert line.endswith(str(result_folder(tmp_path)))
    assert (result_folder(tmp_path) / "result.json").is_file()
    assert result.stderr == ""


def test_what_is_there_is_said_and_not_made_again(good, tmp_path: Path, monkeypatch):
    process(good, "--output", tmp_path)
    monkeypatch.setattr(pipeline, "run", lambda *_, **__: pytest.fail("made again"))
    result = process(good, "--output", tmp_path, "--json")
    assert result.exit_code == 0
    assert rows(result)["TS_01"]["status"] == "already there"
    assert rows(result)["TS_01"]["picks"] == {"ribosome": 3}


def test_new_content_under_the_same_name_is_the_next_revision(good, tmp_path: Path):
    path = tmp_path / "TS_01.mrc"
    shutil.copy(good, path)
    process(path, "--output", tmp_path / "out")
    write_tomogram(path, balls(seed=0))
    assert process(path, "--output", tmp_path / "out").exit_code == 0
    for revision in (1, 2):
        manifest = json.loads((result_folder(tmp_path / "out", revision=revision) / "result.json").read_text())
        assert manifest["revision"] == revision


def test_a_damaged_result_is_named_with_its_folder(good, tmp_path: Path):
    process(good, "--output", tmp_path / "out")
    folder = result_folder(tmp_path / "out", revision=1)
    (folder / "result.json").write_text('{"half')
    again = process(good, "--output", tmp_path / "out", "--json")
    assert again.exit_code == 3
    assert f"{folder} cannot be read: its result.json is damaged" in rows(again)["TS_01"]["message"]


def test_another_file_of_the_same_name_is_another_tomogram_and_a_copy_is_the_same(good, tmp_path: Path):
    out = tmp_path / "out"
    other = tmp_path / "other" / "TS_01.mrc"
    other.parent.mkdir()
    write_tomogram(other, balls(seed=0))
    process(good, "--output", out)
    for _ in range(2):
        again = process(other, "--output", out, "--json")
        assert list(rows(again)) == ["TS_01-2"]
        assert "TS_01 is the name of another file: this one is called TS_01-2." in again.stderr
    assert not result_folder(out, revision=2).exists()
    copy = tmp_path / "copy" / "TS_01.mrc"
    copy.parent.mkdir()
    shutil.copy(good, copy)
    assert rows(process(copy, "--output", out, "--json"))["TS_01"]["status"] == "already there"
    write_tomogram(other, balls(seed=1))
    process(other, "--output", out)
    assert result_folder(out, "TS_01-2", revision=2).exists()


def test_another_recipe_is_another_result_of_the_same_revision(good, tmp_path: Path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n')
    process(good, "--output", tmp_path)
    process(good, "--output", tmp_path, "--recipe", recipe)
    folders = sorted(folder.name for folder in result_folder(tmp_path).parent.iterdir())
    assert len(folders) == 2
    assert all(name.startswith("r1-") for name in folders)


def test_another_voxel_size_is_another_result(good, tmp_path: Path):
    process(good, "--output", tmp_path)
    result = process(good, "--output", tmp_path, "--voxel-size", "26", "--json")
    assert Path(rows(result)["TS_01"]["folder"]).name.startswith("r1-")
    assert len(list(result_folder(tmp_path).parent.iterdir())) == 2


def test_a_second_file_of_the_same_name_gets_a_suffix_and_a_warning(good, tmp_path: Path):
    other = tmp_path / "other" / "TS_01.mrc"
    other.parent.mkdir()
    write_tomogram(other, balls(seed=0))
    result = process(good, other, good, "--output", tmp_path / "out", "--json")
    assert set(rows(result)) == {"TS_01", "TS_01-2"}
    assert f"{other} has the same name as {good}: it is called TS_01-2." in result.stderr


def test_a_bad_file_costs_only_itself(good, tmp_path: Path):
    truncated = tmp_path / "cut.mrc"
    truncated.write_bytes(bytes(header_block()))
    text = tmp_path / "text.mrc"
    text.write_text("not a tomogram\n" * 200)
    missing = tmp_path / "missing.mrc"
    result = process(truncated, text, missing, good, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 3
    assert {name: row["status"] for name, row in rows(result).items()} == {
        "cut": "failed", "text": "failed", "missing": "failed", "TS_01": "done"
    }  # fmt: skip
    sentences = result.stderr.splitlines()
    assert len(sentences) == 3
    assert sentences[0].startswith("cut.mrc ends after")
    assert sentences[1].startswith("text.mrc is not an MRC volume")
    assert sentences[2].startswith(f"{missing}: there is no such file")


def test_nothing_is_left_of_an_attempt_that_failed(tmp_path: Path):
    path = tmp_path / "cut.mrc"
    path.write_bytes(bytes(header_block()))
    process(path, "--output", tmp_path / "out")
    assert not [entry for entry in (tmp_path / "out").rglob("*") if entry.is_file() or "attempt" in entry.name]


def test_what_nobody_foresaw_is_reported_with_its_trace_and_the_others_go_on(good, tmp_path: Path, monkeypatch):
    def fail(*_, **__):
        raise ValueError("oh")

    monkeypatch.setattr(pipeline, "run", fail)
    result = process(good, "--output", tmp_path)
    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1] == "TS_01.mrc: unexpected error, ValueError: oh"


def test_warnings_of_a_result_are_reported(tmp_path: Path):
    path = write_tomogram(tmp_path / "TS_01.mrc", balls(), 0)
    result = process(path, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert "TS_01: Voxel size: the header says 0 Å; 10 Å, the configured default, is used." in result.stderr


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_is_refused(good, tmp_path: Path, device):
    result = CliRunner().invoke(command, [str(good), "--output", str(tmp_path), "--device", device])
    assert f"--device {device}" in str(result.exception)


def test_a_file_that_is_not_there_is_a_slip_and_no_fault_of_the_mount(tmp_path: Path):
    (tmp_path / "file").touch()
    for path, word in ((tmp_path / "nofile.mrc", f"in {tmp_path}"), (tmp_path / "no" / "x.mrc", "no folder")):
        result = process(path, "--output", tmp_path / "out", "--json")
        assert result.exit_code == 3
        (row,) = rows(result).values()
        assert row["reason"] == "no such file"
        assert "there is no such file" in row["message"]
        assert word in row["message"]
        assert "mount" not in row["message"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("Position_1.mrc", mrc((41, 8, 8), mode=0, voxel=3, mz=1), "a stack of images"),
        ("TS_01.mrc", mrc((41, 8, 8), mode=0, space_group=1), "TS_01.rawtlt lists as many tilts"),
        ("TS_02.st", mrc((41, 8, 8), mode=0, space_group=1), "files that end in .st"),
        ("boxes.mrc", mrc((64, 16, 16), mode=0, space_group=401, mz=16), "a stack of volumes"),
        ("TS_01.hdf", b"\x89HDF\r\n\x1a\n" + bytes(2000), "e2proc3d.py"),
        ("TS_01.zarr", None, "Zarr folder"),
    ],
)
def test_what_is_no_tomogram_is_refused_with_what_it_is(tmp_path, name, data, said):
    (tmp_path / "TS_01.rawtlt").write_text("-60.0\n" * 41)
    if data is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(data)
    result = process(tmp_path / name, "--output", tmp_path / "out")
    assert result.exit_code == 3
    assert said in result.stderr


def test_a_compressed_tomogram_is_processed_under_its_own_name(good, tmp_path):
    (tmp_path / "TS_01.mrc.gz").write_bytes(gzip.compress(good.read_bytes()))
    result = process(tmp_path / "TS_01.mrc.gz", "--output", tmp_path / "out", "--json")
    assert rows(result)["TS_01"]["picks"] == {"ribosome": 3}


def test_a_feature_that_could_not_be_looked_for_has_no_number_and_the_verdict_its_reason(tmp_path: Path):
    """Voxels outside the range that the network's card says: no particles were looked for."""
    save_seeing_network(tmp_path / "tiny.safetensors")
    (tmp_path / "mine.toml").write_text(
        '[[feature]]\nname = "ribosome"\nmodel = "tiny.safetensors"\n'
        '[[pick]]\nfeature = "ribosome"\nmin_spacing_angstrom = 200\n'
    )
    path = write_tomogram(tmp_path / "TS_01.mrc", balls(), 100.0)
    arguments = [str(path), "--recipe", str(tmp_path / "mine.toml"), "--device", "cpu", "--output"]
    done = CliRunner().invoke(command, [*arguments, str(tmp_path / "out")])
    assert done.stdout.splitlines()[1].split()[:6] == ["TS_01", "ribosome", "missing", "ribosome", "missing", "warn"]
    assert done.stderr.count("100 Å are outside the range in which the network tiny was evaluated, 2.5 to 45 Å") == 1
    row = rows(CliRunner().invoke(command, [*arguments, str(tmp_path / "again"), "--json"]))["TS_01"]
    assert row["picks"] == {"ribosome": 0}
    assert row["missing"]["ribosome"].startswith("voxels of 100 Å are outside")


def test_why_a_verdict_is_not_good_is_printed(tmp_path: Path):
    (tmp_path / "mine.toml").write_text(
        '[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n'
        '[[pick]]\nfeature = "ribosome"\nmin_spacing_angstrom = 200\n'
        '[[limit]]\nfigure = "ribosome_count"\nbad_below = 100\n'
    )
    path = write_tomogram(tmp_path / "TS_01.mrc", balls())
    arguments = [str(path), "--recipe", str(tmp_path / "mine.toml"), "--device", "cpu", "--output", str(tmp_path / "o")]
    done = CliRunner().invoke(command, arguments)
    assert "is less than the recipe's limit" in done.stderr
