"""`livetomo scan` says of every volume what would become of it, and touches nothing."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetomo.cli.scan import command
from tests.intake.fakes import mrc

CONFIG = """
site = "test"
state = "state"
output = "out"

[[watch]]
name = "krios1"
path = "data"
producers = ["aretomo3", "warp", "imod", "generic"]
exclude = ["**/raw/**", "*_skip.mrc"]
settle = "10ms"
"""


@pytest.fixture
def facility(tmp_path):
    (tmp_path / "livetomo.toml").write_text(CONFIG)
    files: dict[str, bytes] = {
        "s/P_1_Vol.mrc": mrc(),
        "s/P_1_EVN_Vol.mrc": mrc(),
        "s/P_1_ODD_Vol.mrc": mrc()[:-4],
        "s/P_1_2ND_Vol.mrc": mrc(),
        "s/P_2_Vol.mrc": mrc()[:-4],
        "a/TiltSeries_Metrics.csv": b"Tilt_Series,Pix_Size(A)\nP_3.mrc, 2\n",
        "a/P_3_Vol.mrc": mrc(),
        "a/P_4_Vol.mrc": mrc(),
        "w/reconstruction/TS_1_10.00Apx.mrc": mrc(),
        "w/reconstruction/even/TS_1_10.00Apx.mrc": mrc(),
        "w/reconstruction/odd/TS_1_10.00Apx.mrc": mrc(),
        "w/reconstruction/TS_1_5.00Apx.mrc": mrc(),
        "i/R_rec.mrc": mrc(),
        "i/R_full_rec.mrc": mrc(),
        "i/R.st": b"stack",
        "i/R.map": b"map",
        "g/notes.mrc": b"text",
        "g/raw/x.mrc": mrc(),
        "g/x_skip.mrc": mrc(),
        "g/lonely_even.mrc": mrc(),
        "top.mrc": mrc(),
        "out/r/result.json": b"{}",
        "out/r/preview/xy.png": b"",
        "out/r/labels.mrc": mrc(),
    }
    for path, content in files.items():
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path).write_bytes(content)
    os.mkfifo(tmp_path / "data" / "g" / "pipe.mrc")
    (tmp_path / "data" / "g" / "link.mrc").symlink_to("../top.mrc")
    (tmp_path / "data" / "g" / "nowhere.mrc").symlink_to("gone.mrc")
    return tmp_path


def scan(folder: Path) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(command, [str(folder / "livetomo.toml"), "--json"])
    assert result.exit_code == 0, result.output
    return {os.path.relpath(file["path"], folder / "data"): file for file in json.loads(result.stdout)}


def test_every_volume_is_judged_with_a_reason(facility):
    found = scan(facility)
    assert {path for path, file in found.items() if file["taken"]} == {
        *("s/P_1_Vol.mrc", "s/P_1_EVN_Vol.mrc", "a/P_3_Vol.mrc", "i/R_rec.mrc", "top.mrc"),
        *(f"w/reconstruction/{path}TS_1_10.00Apx.mrc" for path in ("", "even/", "odd/")),
        "w/reconstruction/TS_1_5.00Apx.mrc",
    }
    expected = {
        "s/P_1_Vol.mrc": "complete; its odd half is not whole (truncated volume), waited for up to 600 s",
        "s/P_1_EVN_Vol.mrc": "goes with s/P_1_Vol.mrc",
        "s/P_1_ODD_Vol.mrc": "half of s/P_1_Vol.mrc, but is not whole (truncated volume)",
        "s/P_1_2ND_Vol.mrc": "the same tomogram at another binning",
        "a/P_4_Vol.mrc": "not complete: TiltSeries_Metrics.csv has no row for P_4 yet",
        "i/R_full_rec.mrc": "the same tomogram as i/R_rec.mrc, which is taken instead",
        "i/R.st": "a tilt stack, by its ending. Give the volume that is reconstructed from it.",
        "i/R.map": "a map. Most maps are MRC files: a watch takes them by a pattern that ends so, "
        "livetomo process takes them.",
        "g/x_skip.mrc": "excluded by the configuration",
        "g/lonely_even.mrc": "a half-map without its partner: its odd half is not there",
        "g/link.mrc": "the same file as top.mrc",
        "g/pipe.mrc": "not a regular file",
        "out/r/labels.mrc": "one of livetomo's own results",
    }
    assert {path: found[path]["reason"] for path in expected} == expected
    assert "ends after" in str(found["s/P_2_Vol.mrc"]["reason"])
    assert "not an MRC volume" in str(found["g/notes.mrc"]["reason"])
    assert "suffix" in str(found["w/reconstruction/TS_1_5.00Apx.mrc"]["reason"])
    assert "No such file" in str(found["g/nowhere.mrc"]["reason"])
    assert "g/raw/x.mrc" not in found
    assert all(file["reason"] for file in found.values())


def test_who_and_what_a_file_is_stands_beside_it(facility):
    found = scan(facility)
    assert found["w/reconstruction/even/TS_1_10.00Apx.mrc"] == {
        "path": str(facility / "data/w/reconstruction/even/TS_1_10.00Apx.mrc"),
        "watch": "krios1",
        "session": "w",
        "tomogram": "TS_1",
        "producer": "warp",
        "role": "even",
        "taken": True,
        "reason": "goes with w/reconstruction/TS_1_10.00Apx.mrc",
    }
    assert (found["top.mrc"]["session"], found["top.mrc"]["tomogram"]) == ("unsorted", "top")


def test_the_table_is_for_people_and_an_absent_root_is_said(facility):
    config = str(facility / "livetomo.toml")
    result = CliRunner().invoke(command, [config])
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split()[:3] == ["taken", "watch", "session"]
    (facility / "data").rename(facility / "moved")
    result = CliRunner().invoke(command, [config])
    assert result.exit_code == 0
    assert "not seen" in result.stderr


def test_a_watch_that_is_not_configured_is_refused(facility):
    result = CliRunner().invoke(command, [str(facility / "livetomo.toml"), "--watch", "krios9"])
    assert 'no watch "krios9"; there are: krios1' in str(result.exception)


def test_scanning_changes_nothing(facility):
    before = {path: path.lstat().st_mtime_ns for path in facility.rglob("*")}
    scan(facility)
    assert {path: path.lstat().st_mtime_ns for path in facility.rglob("*")} == before
