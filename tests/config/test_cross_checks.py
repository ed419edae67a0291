import threading
from pathlib import Path

import pytest

from livetomo.config.configuration import load_config
from livetomo.config.cross_checks import check_config, is_loopback
from livetomo.core.errors import ConfigurationError
from livetomo.system.mounts import FileSystem

LOCAL = FileSystem("ext4", "/dev/sda1", "/")


class Facility:
    """A folder with a configuration in it, two microscopes' roots, and what is said about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("krios1", "krios2"):
            (folder / "raw" / name).mkdir(parents=True)

    def write(self, top: str = "", first: str = "", second: str = "", rest: str = "") -> Path:
        path = self.folder / "livetomo.toml"
        given = {line.split(" =")[0] for line in top.splitlines()}
        defaults = {"state": "state", "output": "results"}
        top += "\n" + "\n".join(f'{key} = "{value}"' for key, value in defaults.items() if key not in given)
        watches = "".join(
            f'[[watch]]\nname = "{name}"\n' + (text if "path" in text else f'path = "raw/{name}"\n{text}') + "\n"
            for name, text in (("krios1", first), ("krios2", second))
        )
        path.write_text(f'site = "here"\n{top}\n{watches}{rest}')
        return path

    def check(self, kind: FileSystem = LOCAL, **given: str) -> list[str]:
        return check_config(load_config(self.write(**given)), "livetomo.toml", kind_of=lambda path: kind)

    def refusal(self, kind: FileSystem = LOCAL, **given: str) -> str:
        with pytest.raises(ConfigurationError) as refusal:
            self.check(kind, **given)
        return str(refusal.value).replace(str(self.folder), "")


@pytest.fixture
def facility(tmp_path) -> Facility:
    return Facility(tmp_path)


def test_an_ordinary_facility_is_fine(facility):
    assert facility.check() == []


def test_an_output_inside_a_watched_root_is_refused_with_what_to_exclude(facility):
    assert facility.refusal(top='output = "raw/krios1/livetomo"') == (
        'livetomo.toml: "output" (/raw/krios1/livetomo) lies inside the root of watch "krios1" (/raw/krios1), where '
        'livetomo never writes. Choose a folder elsewhere, or add "livetomo/**" to "exclude" of that watch'
    )


@pytest.mark.parametrize(
    ("output", "exclude"),
    [
        ("raw/krios1/livetomo", "livetomo/**"),
        ("raw/krios1/livetomo", "**/livetomo"),
        ("raw/krios1/livetomo", "livetomo"),
        ("raw/krios1/{session}/livetomo", "*/livetomo/**"),
        ("raw/{watch}/{session}/livetomo", "**/livetomo/**"),
    ],
)
def test_an_output_inside_a_watched_root_is_fine_where_every_watch_excludes_it(facility, output, exclude):
    both = f'exclude = ["{exclude}"]'
    assert facility.check(top=f'output = "{output}"', first=both, second=both) == []


@pytest.mark.parametrize(
    ("output", "exclude"),
    [
        ("raw/krios1/livetomo", "*/livetomo/**"),
        ("raw/krios1/{session}/livetomo", "2026*/livetomo/**"),
        ("raw/krios1/livetomo", "**/*.star"),
        ("raw", "**/results/**"),
    ],
)
def test_an_exclusion_that_covers_only_some_results_is_not_enough(facility, output, exclude):
    assert '"output"' in facility.refusal(top=f'output = "{output}"', first=f'exclude = ["{exclude}"]')


def test_what_the_refusal_proposes_to_exclude_is_enough(facility):
    for output in ("raw/krios1/livetomo", "raw/krios1/{session}/livetomo", "raw/krios1/a/{session}/{watch}/b"):
        said = facility.refusal(top=f'output = "{output}"')
        proposed = said.split('add "')[1].split('"')[0]
        assert facility.check(top=f'output = "{output}"', first=f'exclude = ["{proposed}"]') == []


def test_results_that_land_among_the_sessions_themselves_cannot_be_excluded(facility):
    assert facility.refusal(top='output = "raw"').endswith("Choose a folder elsewhere")


def test_an_output_that_a_link_leads_into_a_watched_root_is_refused(facility):
    (facility.folder / "results").symlink_to(facility.folder / "raw" / "krios1")
    assert '"output"' in facility.refusal()


def test_a_state_inside_a_watched_root_is_refused_even_where_it_is_excluded(facility):
    said = facility.refusal(top='state = "raw/krios1/.livetomo"', first='exclude = [".livetomo/**"]')
    assert '"state" (/raw/krios1/.livetomo) lies inside the root of watch "krios1" (/raw/krios1)' in said


def test_a_state_on_a_network_file_system_is_refused(facility):
    assert "lies on a network file system (nfs4 server:/home), where SQLite loses data" in facility.refusal(
        kind=FileSystem("nfs4", "server:/home", "/home")
    )


def test_watches_inside_each_other_are_refused_with_what_to_exclude(facility):
    assert 'Add "krios2/**" to "exclude" of "krios1"' in facility.refusal(first='path = "raw"')


def test_watches_inside_each_other_are_fine_where_the_outer_excludes_the_inner(facility):
    assert facility.check(first='path = "raw"\nexclude = ["krios2/**"]') == []


def test_two_watches_of_one_root_are_refused_once(facility):
    said = facility.refusal(second='path = "raw/krios1"')
    assert said.count("have the same root") == 1


def test_a_recipe_that_does_not_load_is_reported_with_its_watch_and_its_own_fault(facility):
    (facility.folder / "mine.toml").write_text('[[feature]]\nname = "a"\nmodel = "dens"\n')
    assert facility.refusal(second='recipe = "mine.toml"') == (
        'livetomo.toml: watch "krios2": "recipe": /mine.toml: feature "a": model "dens" is neither a built-in method '
        "(blob, dense, ridge) nor a package that comes with livetomo (cellular, cellular-coarse); name a file of your "
        "own with its ending, .safetensors"
    )


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read (No such file"), ("\n", "is empty")])
def test_a_secret_that_is_not_there_is_refused(facility, content, words):
    if content is not None:
        (facility.folder / "secret").write_text(content)
    mqtt = '[mqtt]\nurl = "mqtt://localhost"\nusername = "me"\npassword_file = "secret"'
    assert f'mqtt: "password_file": /secret {words}' in facility.refusal(rest=mqtt)


def test_a_secret_that_everybody_can_read_is_a_warning(facility):
    secret = facility.folder / "secret"
    secret.write_text("abc\n")
    secret.chmod(0o644)
    (warning,) = facility.check(rest='[http]\ntoken_file = "secret"')
    assert warning == f'http: "token_file": {secret} can be read by everybody: chmod o-r {secret}'


def test_listening_to_other_machines_needs_a_token(facility):
    assert '"listen" is "0.0.0.0:8787", which other machines can reach' in facility.refusal(
        rest='[http]\nlisten = "0.0.0.0:8787"'
    )


def test_listening_to_other_machines_with_a_token_is_fine(facility):
    token = facility.folder / "token"
    token.write_text("abc")
    token.chmod(0o600)
    assert facility.check(rest='[http]\nlisten = "0.0.0.0:8787"\ntoken_file = "token"') == []


def test_a_password_that_crosses_the_network_in_the_clear_is_a_warning(facility):
    secret = facility.folder / "secret"
    secret.write_text("abc")
    secret.chmod(0o600)
    (warning,) = facility.check(
        rest='[mqtt]\nurl = "mqtt://broker"\nusername = "me"\npassword_file = "secret"',
    )
    assert "crosses the network in the clear" in warning


def test_a_root_that_is_not_there_is_a_warning_since_it_may_be_mounted_later(facility):
    (warning,) = facility.check(first='path = "raw/krios3"')
    assert warning.startswith('watch "krios1": "path"')


def test_a_mount_that_hangs_does_not_hang_the_check(facility, monkeypatch):
    answer = threading.Event()
    resolve = Path.resolve
    monkeypatch.setattr(
        Path, "resolve", lambda path, *args: (path.name == "krios1" and answer.wait(60), resolve(path, *args))[1]
    )
    warnings = check_config(load_config(facility.write()), kind_of=lambda path: LOCAL, patience=0.01)
    answer.set()
    assert [warning.split(" ")[1] for warning in warnings] == ['"krios1":']


def test_a_misspelt_environment_variable_is_a_warning(facility, monkeypatch):
    monkeypatch.setenv("LIVETOMO_MQT__URL", "mqtt://broker")
    monkeypatch.setenv("LIVETOMO_SOMETHING_ELSE", "1")
    assert facility.check() == [
        "environment variable LIVETOMO_MQT__URL is none that livetomo knows. Is LIVETOMO_MQTT… meant?"
    ]


def test_all_faults_are_reported_at_once(facility):
    said = facility.refusal(top='state = "raw/krios1/s"', first='recipe = "nope"', rest='[http]\nlisten = "0.0.0.0:1"')
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_known_by_its_addresses_and_its_name(host, alone):
    assert is_loopback(host) is alone


@pytest.mark.parametrize(("denoise", "is_refused"), [('"wiener"', True), ('"tv"\nweight = "halves"', False)])
def test_a_recipe_that_needs_half_maps_where_none_are_taken_is_reported(facility, denoise, is_refused):
    recipe = f'[denoise]\nmethod = {denoise}\n[[feature]]\nname = "a"\nmodel = "dense"\n'
    (facility.folder / "mine.toml").write_text(recipe)
    ignoring = 'recipe = "mine.toml"\nhalves = "ignore"'
    said = facility.refusal(first=ignoring) if is_refused else facility.check(first=ignoring)[0]
    assert 'watch "krios1": "halves" is "ignore", and its recipe denoises by half-maps' in said
    assert facility.check(first='recipe = "mine.toml"') == []
