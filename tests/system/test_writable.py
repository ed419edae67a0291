"""Health is whether the work can be done: what keeps the daemon from writing is said by all who look, alike."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livetomo.catalog.database import lock_state, open_database
from livetomo.cli import livetomo_command
from livetomo.config.configuration import validate_config
from livetomo.core.errors import ConfigurationError
from livetomo.core.state_problems import of_disks
from livetomo.daemon.disks import Disks, look_at
from livetomo.system.writable import why_not_writable
from livetomo.web.server import bind_unix
from tests.privileges import without_privileges

NOBODY = 65534


class Place:
    """A folder with a configuration, whose surroundings a row of the table spoils."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state, self.output, self.raw = folder / "state", folder / "output", folder / "raw"
        self.raw.mkdir()
        self.http = self.mqtt = ""

    def write(self) -> Path:
        path = self.folder / "livetomo.toml"
        path.write_text(
            f'site = "s"\nstate = "{self.state}"\noutput = "{self.output}"\n[[watch]]\nname = "krios1"\n'
            f'path = "{self.raw}"\n[workers]\ndevices = ["cpu"]\n[http]\nlisten = "127.0.0.1:0"\n'
            f"{self.http}\n{self.mqtt}"
        )
        return path

    def secret(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o600)
        return name


def somebody_elses(path: Path, mode: int = 0o700) -> None:
    os.chown(path, NOBODY, NOBODY)
    path.chmod(mode)


def foreign_state(place: Place) -> None:
    place.state.mkdir()
    somebody_elses(place.state, 0o755)


def foreign_state_that_nobody_may_enter(place: Place) -> None:
    place.state.mkdir()
    somebody_elses(place.state)


def foreign_folder_above_state(place: Place) -> None:
    place.state = place.folder / "above" / "state"
    place.state.parent.mkdir()
    somebody_elses(place.state.parent, 0o755)


def file_in_place_of_state(place: Place) -> None:
    place.state.write_text("")


def file_above_state(place: Place) -> None:
    place.state = place.folder / "file" / "state"
    place.state.parent.write_text("")


def foreign_lock(place: Place) -> None:
    place.state.mkdir()
    (place.state / "lock").touch()
    somebody_elses(place.state / "lock", 0o644)


def folder_in_place_of_catalog(place: Place) -> None:
    (place.state / "catalog.sqlite").mkdir(parents=True)


def foreign_catalog(place: Place) -> None:
    place.state.mkdir()
    open_database(place.state / "catalog.sqlite").close()
    somebody_elses(place.state / "catalog.sqlite", 0o644)


def foreign_log_of_the_catalog(place: Place) -> None:
    place.state.mkdir()
    open_database(place.state / "catalog.sqlite").close()
    (place.state / "catalog.sqlite-wal").touch()
    somebody_elses(place.state / "catalog.sqlite-wal", 0o600)


def folder_in_place_of_socket(place: Place) -> None:
    (place.state / "control.sock").mkdir(parents=True)


def path_too_long_for_a_socket(place: Place) -> None:
    place.state = place.folder / ("x" * 110)


def token_of_two_words(place: Place) -> None:
    place.http = f'token_file = "{place.secret("token", "one two")}"'


def token_that_no_header_takes(place: Place) -> None:
    place.http = f'token_file = "{place.secret("token", "schlüssel")}"'


def empty_certificates(place: Place) -> None:
    place.mqtt = f'[mqtt]\nurl = "mqtts://localhost:1"\nca_file = "{place.secret("ca.pem", "")}"'


def certificates_that_are_none(place: Place) -> None:
    place.mqtt = f'[mqtt]\nurl = "mqtts://localhost:1"\nca_file = "{place.secret("ca.pem", "rubbish")}"'


REFUSED: dict[Callable[[Place], None], str] = {
    foreign_state: "cannot be written by this user",
    foreign_state_that_nobody_may_enter: "cannot be written by this user",
    foreign_folder_above_state: "above cannot be written by this user",
    file_in_place_of_state: "is not a folder",
    file_above_state: "file is not a folder",
    foreign_lock: "lock cannot be read and written by this user",
    folder_in_place_of_catalog: "is not a file",
    foreign_catalog: "catalog.sqlite cannot be read and written by this user",
    foreign_log_of_the_catalog: "catalog.sqlite-wal cannot be read and written",
    folder_in_place_of_socket: "control.sock is a folder",
    path_too_long_for_a_socket: "longer than 107 bytes",
    token_of_two_words: "must hold one word",
    token_that_no_header_takes: "must hold one word",
    empty_certificates: "holds no certificate",
    certificates_that_are_none: "holds no certificate",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    if os.getuid() != 0:
        pytest.skip("only root can give files to somebody else")
    return Place(tmp_path)


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
def test_check_doctor_and_run_refuse_alike_and_in_a_sentence(place: Place, spoil: Callable[[Place], None]) -> None:
    spoil(place)
    path = str(place.write())
    for command in (["check", path], ["run", path]):
        refusal = without_privileges(lambda command=command: invoke(command))
        said = str(refusal.exception) if isinstance(refusal.exception, ConfigurationError) else refusal.output
        assert REFUSED[spoil] in said
        assert refusal.exit_code == 2 or isinstance(refusal.exception, ConfigurationError)
        assert "Traceback" not in said


def invoke(arguments: list[str]) -> Result:
    return CliRunner().invoke(livetomo_command, arguments)


def test_doctor_goes_on_after_what_keeps_the_daemon_from_starting(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livetomo.daemon.doctor.devices", lambda wanted: iter(()))
    foreign_lock(place)
    path = str(place.write())
    seen = without_privileges(lambda: invoke(["doctor", path]))
    assert seen.exit_code == 6
    assert "BAD   configuration" in seen.output
    assert "output:" in seen.output


async def test_an_output_that_cannot_be_written_is_waited_for_and_said(place: Place) -> None:
    place.output.mkdir()
    place.output.chmod(0o500)
    path = place.write()
    checked = without_privileges(lambda: invoke(["check", str(path)]))
    assert checked.exit_code == 0
    assert "cannot be written by this user" in checked.output
    state = without_privileges(lambda: look_at("output", place.output, 1e9))
    (problem,) = of_disks([state])
    assert not state.enough
    assert problem.blocks_ready
    assert "Nothing can be written to output; no jobs are started." in problem.message
    place.output.chmod(0o700)
    assert without_privileges(lambda: look_at("output", place.output, 0.0)).enough


def test_no_job_is_begun_while_a_place_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    watch = {"name": "krios1", "path": str(tmp_path)}
    output = str(tmp_path / "file" / "results")
    disks = Disks(
        validate_config({"site": "s", "state": str(tmp_path), "output": output, "watch": [watch], "min_free": 1}, "x")
    )

    async def look() -> bool:
        await disks.look()
        return disks.enough

    assert not asyncio.run(look())
    (tmp_path / "file").unlink()
    assert asyncio.run(look())


@pytest.mark.parametrize("name", ["o" * 300, "x/" * 3000])
def test_no_path_is_too_odd_for_a_sentence(tmp_path: Path, name: str) -> None:
    assert "Choose another folder" in why_not_writable(tmp_path / name)


def test_what_is_raced_for_after_the_check_is_said_too(place: Place) -> None:
    foreign_lock(place)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        without_privileges(lambda: lock_state(place.state))
    folder_in_place_of_socket(place)
    with pytest.raises(ConfigurationError, match="cannot be made"):
        bind_unix(place.state / "control.sock")


@pytest.mark.parametrize("key", ["state", "output"])
def test_no_path_holds_a_zero_byte(key: str) -> None:
    content = {"site": "s", "state": "a", "output": "b", "watch": [{"name": "k", "path": "c"}]} | {key: "a\0b"}
    with pytest.raises(ConfigurationError, match=f'"{key}" is .*; write a'):
        validate_config(content, "x")
