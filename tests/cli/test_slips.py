"""A slip of the keyboard costs nothing, and no answer to it looks like good news."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from livetomo.cli import livetomo_command
from livetomo.cli.table import print_table
from livetomo.core.errors import ConfigurationError


def livetomo(*words: object) -> str:
    return CliRunner().invoke(livetomo_command, [*map(str, words)], catch_exceptions=False).output


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "livetomo.toml"
    path.write_text(
        f'site = "s"\nstate = "{tmp_path}/state"\noutput = "{tmp_path}/out"\n'
        f'[[watch]]\nname = "w"\npath = "{tmp_path}"\n'
    )
    return path


def test_verify_of_a_session_that_is_not_there_is_refused(configuration: Path) -> None:
    with pytest.raises(ConfigurationError, match="no result of nosuch"):
        livetomo("verify", "nosuch", "-c", configuration)


def test_a_backup_takes_the_place_of_a_backup_alone(configuration: Path, tmp_path: Path) -> None:
    precious = tmp_path / "thesis.tex"
    precious.write_text("chapter one, which is longer than a few letters")
    for place in (precious, Path("/dev/null")):
        with pytest.raises(ConfigurationError, match="is no catalog: it is not replaced"):
            livetomo("backup", place, "-c", configuration)
    assert precious.read_text().startswith("chapter one")


def test_a_table_obeys_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "n"], [["a\nb\x1b[2Jc", 1], ["plain", 2]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "\x1b" not in lines[1]


@pytest.mark.parametrize("name", ["", " "], ids=["empty", "blank"])
@pytest.mark.parametrize(
    "words",
    [
        ["sessions", "report", "NAME"],
        ["sessions", "set", "NAME"],
        ["sessions", "target", "NAME"],
        ["reprocess", "NAME", "--recipe", "untrained"],
        ["reprocess", "s", "--recipe", "untrained", "--watch", "NAME"],
        ["reprocess", "s", "--recipe", "untrained", "--name", "NAME"],
        ["exclude", "NAME", "TS_01", "--why", "ice"],
        ["exclude", "s", "NAME", "--why", "ice"],
        ["exclude", "s", "TS_01", "--why", "NAME"],
        ["exclude", "s", "TS_01", "--why", "ice", "--feature", "NAME"],
        ["readmit", "NAME", "TS_01"],
        ["readmit", "s", "NAME"],
        ["picks", "NAME"],
        ["verify", "NAME"],
        ["failed", "purge", "--session", "NAME"],
        ["failed", "show", "NAME"],
        ["resume", "--watch", "NAME"],
        ["scan", "livetomo.toml", "--watch", "NAME"],
        ["follow", "--broker", "b", "--feature", "f", "--output", "o", "--session", "NAME"],
    ],
    ids=" ".join,
)
def test_an_empty_name_is_the_user_s_mistake_on_every_command(
    words: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`"$SESSION"` where the variable is not set: it was taken for this folder, or for all sessions."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(livetomo_command, [name if word == "NAME" else word for word in words])
    assert (done.exit_code, "the name is empty" in done.output) == (2, True)
    assert list(tmp_path.iterdir()) == []
