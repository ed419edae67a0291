from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from livetomo.config.configuration import Config, load_config, since_time
from livetomo.config.recipe.recipe import Recipe
from livetomo.config.tables import bare, tables
from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import ConfigurationError

TEXT = """
site = "here"
state = "state"
output = "results/{session}"
[[watch]]
name = "krios1"
path = "raw"
recipe = "mine.toml"
since = 2026-11-20
[mqtt]
url = "mqtt://broker"
password_file = "secret"
[http]
token_file = "~/token"
"""


@pytest.fixture(autouse=True)
def _no_other_environment(monkeypatch):
    for variable in ("LIVETOMO_SITE", "LIVETOMO_STATE", "LIVETOMO_OUTPUT", "LIVETOMO_MQTT__URL"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "livetomo.toml"
    path.write_text(TEXT)
    return path


def test_relative_paths_are_relative_to_the_file_s_folder(path, tmp_path):
    config = load_config(path)
    assert config.state == tmp_path / "state"
    assert config.output == f"{tmp_path}/results/{{session}}"
    assert config.watch[0].path == tmp_path / "raw"
    assert config.watch[0].recipe == f"{tmp_path}/mine.toml"
    assert config.mqtt is not None
    assert config.mqtt.password_file == tmp_path / "secret"


def test_a_home_folder_is_expanded(path):
    assert load_config(path).http.token_file == Path.home() / "token"


def test_a_built_in_recipe_keeps_its_name(path):
    path.write_text(TEXT.replace("mine.toml", "untrained"))
    assert load_config(path).watch[0].recipe == "untrained"


def test_the_environment_wins_over_the_file(path, monkeypatch):
    monkeypatch.setenv("LIVETOMO_MQTT__URL", "mqtts://other:8883")
    config = load_config(path)
    assert config.mqtt is not None
    assert str(config.mqtt.url) == "mqtts://other:8883"
    assert config.mqtt.password_file is not None, "what the environment does not name stays as the file has it"


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "LIVETOMO_MQTT__URL",
            "other",
            '"url" is "other"; write an address that begins with its scheme, like mqtt:// or',
        ),
        ("LIVETOMO_MQTT__ULR", "mqtt://b", 'unknown key "ulr". Did you mean "url"?'),
        ("LIVETOMO_WATCH", "[", "cannot be read; write JSON, or set the keys below it one by one"),
        ("LIVETOMO_WATCH", "[3]", '"watch" has 3; write it as tables, each [[watch]] with its keys below'),
    ],
)
def test_a_mistake_in_the_environment_is_reported_with_the_variable(path, monkeypatch, variable, value, line):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as refusal:
        load_config(path)
    assert str(refusal.value).startswith(f"environment variable {variable}: ")
    assert line in str(refusal.value)


def test_a_date_begins_at_midnight_utc(path):
    assert since_time(load_config(path).watch[0]) == 1795132800.0


@pytest.mark.parametrize(("listen", "host", "port"), [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:8787", "::1", 8787)])
def test_listening_addresses_are_taken_apart(path, listen, host, port):
    path.write_text(TEXT + f'listen = "{listen}"')
    http = load_config(path).http
    assert (http.host, http.port) == (host, port)


def _numbers() -> list[tuple[str, TypeAdapter]]:
    found = {}
    for root in (Config, Recipe):
        for header, table in tables(root):
            for key, field in table.model_fields.items():
                if bare(field.annotation) in (int, float):
                    found[f"{header} {key}"] = field
    return list(found.items())


@pytest.mark.parametrize(("key", "field"), _numbers(), ids=[key for key, _ in _numbers()])
def test_true_is_never_taken_for_a_number(key, field):
    class Table(BaseModel):
        value: field.annotation  # type: ignore[valid-type]

    Table.model_fields["value"] = field
    Table.model_rebuild(force=True)
    with pytest.raises(ValidationError):
        Table(value=True)


def test_how_tilt_series_are_taken_is_said_of_a_watch(path):
    path.write_text(
        TEXT.replace("[[watch]]", "[[watch]]\nhand = -1\nvoltage_kilovolt = 300\namplitude_contrast = 0.07", 1)
    )
    assert load_config(path).watch[0].acquisition == Acquisition(300, None, 0.07, -1, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hand = 0", "hand.*1 or -1"),
        ("hand = 2", "hand.*1 or -1"),
        ("voltage_kilovolt = 300000", "voltage_kilovolt"),
        ("amplitude_contrast = 7", "amplitude_contrast"),
    ],
)
def test_what_no_tilt_series_is_taken_with_is_refused(path, line, said):
    path.write_text(TEXT.replace("[[watch]]", f"[[watch]]\n{line}", 1))
    with pytest.raises(ConfigurationError, match=said):
        load_config(path)
