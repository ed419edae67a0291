import dataclasses
import gzip
import json

import mrcfile
import numpy as np
import pytest
from click.testing import CliRunner

from livetomo.cli import livetomo_command
from livetomo.core.errors import ConfigurationError
from livetomo.formats.header_report import report_header


@pytest.fixture
def volume(tmp_path):
    """A volume in a folder that nobody else should hear of, with labels whose first words alone are harmless."""
    folder = tmp_path / "confidential-target"
    folder.mkdir()
    with mrcfile.new(folder / "TS_01.mrc", np.zeros((4, 5, 6), np.float32)) as file:
        file.voxel_size = 13.5
        file.add_label("TILT: by somebody, from /confidential-target/TS_01.st")
        file.add_label("/confidential-target/TS_01.st")
    return folder / "TS_01.mrc"


def doctor(*arguments: object):
    return CliRunner().invoke(livetomo_command, ["doctor", *map(str, arguments)])


def test_a_header_is_reported_as_it_is_stored_and_as_it_is_read(volume):
    report = report_header(volume)
    assert (report.file, report.size_bytes) == ("TS_01.mrc", 1024 + 4 * 120)
    assert report.fields["nx, ny, nz"] == "6 5 4"
    assert report.fields["cell (Å)"] == "81 67.5 54"
    assert report.read_as["shape_zyx"] == (4, 5, 6)
    assert report.read_as["voxel_size_xyz_angstrom"] == (13.5, 13.5, 13.5)
    assert bytes.fromhex("".join(report.first_bytes)) == volume.read_bytes()[:224]


def test_neither_folder_nor_label_is_reported(volume):
    for said in (doctor(volume), doctor(volume, "--json")):
        assert said.exit_code == 0, said.output
        assert "confidential" not in said.output
        assert "somebody" not in said.output
        assert "TILT" in said.output


def test_json_is_the_same_report(volume):
    assert json.loads(doctor("--json", volume).output) == json.loads(
        json.dumps(dataclasses.asdict(report_header(volume)))
    )


@pytest.mark.parametrize("kind", ["plain", "gzip"])
def test_a_compressed_header_is_that_of_what_is_compressed(volume, kind):
    if kind == "gzip":
        volume.write_bytes(gzip.compress(volume.read_bytes()))
    said = doctor(volume)
    assert "nx, ny, nz: 6 5 4" in said.output
    assert ("gzip" in said.output) is (kind == "gzip")


def test_a_file_that_is_refused_is_reported_with_its_header_and_the_reason(volume):
    volume.write_bytes(volume.read_bytes()[:-100])
    said = doctor(volume)
    assert said.exit_code == 6
    assert "nx, ny, nz: 6 5 4" in said.output
    assert "BAD   TS_01.mrc ends after" in said.output


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\necho the text of another file, which nobody wants to send\n" * 40]
)
def test_of_what_is_no_volume_little_is_reported(tmp_path, content):
    (tmp_path / "note.mrc").write_bytes(content)
    report = report_header(tmp_path / "note.mrc")
    assert "is not an MRC volume" in report.refused
    assert not report.fields
    assert len(report.first_bytes) <= 1


def test_a_configuration_is_still_a_configuration_and_says_so_where_it_is_wrong(tmp_path):
    (tmp_path / "livetomo.conf").write_text("site = 3\n")
    said = doctor(tmp_path / "livetomo.conf")
    assert isinstance(said.exception, ConfigurationError)
    assert 'livetomo.conf: "site" is 3' in str(said.exception)
