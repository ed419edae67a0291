import json
import os

import pytest
from click.testing import CliRunner

from livetomo.cli import livetomo_command

CONFIGURATION = 'site = "here"\nstate = "state"\noutput = "results"\n[[watch]]\nname = "krios1"\npath = "."\n'
RECIPE = '[[feature]]\nname = "ice"\nmodel = "dense"\n'


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **files: str):
        for name, text in files.items():
            (tmp_path / f"{name}.toml").write_text(text)
        return CliRunner().invoke(livetomo_command, ["check", *arguments])

    return run


def test_what_is_right_is_one_line_each(check, tmp_path):
    (tmp_path / "raw").mkdir()
    result = check("a.toml", "b.toml", a=CONFIGURATION.replace('"."', '"raw"'), b=RECIPE)
    assert (result.exit_code, result.output) == (0, "a.toml: ok\nb.toml: ok\n")


def test_what_is_wrong_is_reported_with_file_and_key_and_ends_with_two(check, tmp_path):
    result = check("a.toml", "b.toml", a=CONFIGURATION + "setle = 3\n", b=RECIPE)
    assert result.exit_code == 2
    assert result.stdout == "b.toml: ok\n"
    assert result.stderr == 'a.toml: watch "krios1": unknown key "setle". Did you mean "settle"?\n'


def test_folders_that_lie_inside_each_other_are_found_too(check, tmp_path):
    result = check("a.toml", a=CONFIGURATION)
    assert result.exit_code == 2
    assert 'a.toml: "output"' in result.stderr
    assert 'a.toml: "state"' in result.stderr


def test_warnings_do_not_fail(check):
    result = check("a.toml", a=CONFIGURATION.replace('"."', '"elsewhere"'))
    assert result.exit_code == 0
    assert 'a.toml: warning: watch "krios1": "path"' in result.stderr


def test_what_has_no_end_is_not_read(check, tmp_path):
    """It was read until the memory was full, or for ever."""
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    with (tmp_path / "giant.toml").open("wb") as file:
        file.truncate(2**20 + 1)
    result = check("/dev/full", "pipe.toml", "folder.toml", "giant.toml", "a.toml", a=RECIPE + "#" * 900_000)
    assert (result.exit_code, result.stdout) == (2, "a.toml: ok\n")
    assert result.stderr.splitlines() == [
        *(f"{name}: is not a regular file (but a device, a pipe or a socket)" for name in ("/dev/full", "pipe.toml")),
        "folder.toml: cannot be read (Is a directory)",
        "giant.toml: has more than 1,048,576 bytes. Is it the right file?",
    ]


def test_programs_get_one_object_per_file(check):
    result = check("--json", "a.toml", "b.toml", "c.toml", a=CONFIGURATION + "setle = 3\n", b=RECIPE)
    assert result.exit_code == 2
    one, two, three = map(json.loads, result.stdout.splitlines())
    assert (one["ok"], one["kind"], len(one["faults"])) == (False, "configuration", 1)
    assert two == {"ok": True, "file": "b.toml", "kind": "recipe", "faults": [], "warnings": []}
    assert three["faults"] == ["c.toml: there is no such file"]
