"""Where a format names the tomogram's file it is the real one, wherever the program can hold its path."""

from pathlib import Path

import dynamotable
import numpy as np
import pytest

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import plain_path
from livetomo.formats.star import parse_loops
from livetomo.results.session_files import write_session

GOOD = ["/data/krios1/20261119_yeast/TS_01.mrc", "/d/a.b/-x/~b/+c=d,e/TS_01_Vol.mrc", "/TS_01.mrc"]
BAD = [
    None, "", "TS_01.mrc", "data/TS_01.mrc", "/data/a b/TS_01.mrc", "/data/x:y/TS_01.mrc", "/data/x%y/TS_01.mrc",
    "/data/x@y/TS_01.mrc", "/data/$(rm)/TS_01.mrc", "/data/`x`/TS_01.mrc", "/data/'x'/TS_01.mrc", "/data/x;y/TS_01.mrc",
    "/data/../etc/TS_01.mrc", "/data//TS_01.mrc", "/data/ä/TS_01.mrc", "/data/TS_01.mrc\n", "/data/x#y/TS_01.mrc",
    "/data/[x]/*.mrc", "/data/TS\\01.mrc", "/",
]  # fmt: skip


def placed(path: str | None, name: str = "TS_01", count: int = 2) -> Placed:
    score = np.array([0.9, 0.6], np.float32)[:count]
    position = np.array([[1, 2, 3], [4, 5, 6.5]], np.float32)[:count]
    frame = Frame(name, TomogramGeometry((40, 61, 80), 10.0), path=path)
    return Placed(Picks(position, score, np.full(count, np.nan, np.float32)), frame)


@pytest.mark.parametrize("path", GOOD)
def test_a_path_that_every_program_reads_alike_stands_as_it_is(path):
    assert plain_path(path) == path
    files = EXPORTERS["dynamo"].session([placed(path)], "ribosome")
    assert files["ribosome.doc"] == f"1 {path}\n"
    files = EXPORTERS["relion31"].session([placed(path)], "ribosome")
    assert parse_loops(files["tomograms.star"])["micrographs"]["rlnMicrographName"] == [path]
    assert set(files) == {f"{path[1:].removesuffix('.mrc')}_ribosome.star", "tomograms.star"}


@pytest.mark.parametrize("path", BAD)
def test_what_some_program_would_not_read_is_called_as_the_tomogram(path):
    assert plain_path(path) is None
    assert EXPORTERS["dynamo"].session([placed(path)], "ribosome")["ribosome.doc"] == "1 TS_01.mrc\n"
    files = EXPORTERS["relion31"].session([placed(path)], "ribosome")
    assert parse_loops(files["tomograms.star"])["micrographs"]["rlnMicrographName"] == ["TS_01.mrc"]
    assert set(files) == {"TS_01_ribosome.star", "tomograms.star"}


@pytest.mark.parametrize("path", ["/data/TS_01.rec", "/data/TS_01.mrc.gz", "/data/TS_01"])
def test_relion_is_given_no_file_whose_format_it_does_not_know(path):
    files = EXPORTERS["relion31"].session([placed(path)], "ribosome")
    assert parse_loops(files["tomograms.star"])["micrographs"]["rlnMicrographName"] == ["TS_01.mrc"]
    assert EXPORTERS["dynamo"].session([placed(path)], "ribosome")["ribosome.doc"] == f"1 {path}\n"


@pytest.mark.parametrize("name", ["dynamo", "relion31"])
def test_sessions_with_and_without_paths_are_read_back(name, tmp_path):
    sets = [placed(path, f"T{number}", number % 3) for number, path in enumerate(BAD)]
    sets += [placed(path, f"G{number}") for number, path in enumerate(GOOD)]
    write_session(sets, "ribosome", name, tmp_path)  # reads back, and counts
    assert all(path.resolve().is_relative_to(tmp_path) for path in tmp_path.rglob("*"))


def test_dynamotable_finds_the_file_of_each_particle(tmp_path: Path):
    write_session([placed(GOOD[0]), placed(None, "TS_02")], "ribosome", "dynamo", tmp_path)
    table = dynamotable.read(str(tmp_path / "ribosome.tbl"), str(tmp_path / "ribosome.doc"))
    assert table["tomo_file"].tolist() == [GOOD[0], GOOD[0], "TS_02.mrc", "TS_02.mrc"]
