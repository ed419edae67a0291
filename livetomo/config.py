"""The daemon's configuration, as the user writes it. What the docstrings say of the keys is its reference, too."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AnyUrl, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from livetomo.errors import ConfigurationError
from livetomo.explain import explain
from livetomo.units import Number, Seconds, whole_number
from livetomo.userfile import UserModel, plain_name, read_toml

Name = Annotated[str, Field(max_length=60), plain_name("_.-")]
ProducerName = Literal["aretomo3", "imod", "warp", "relion5", "cryoem_services", "generic"]
FilePath = Annotated[Path, AfterValidator(Path.expanduser)]


class Watch(UserModel):
    """One root folder that a microscope's reconstruction software writes to."""

    name: Name
    path: FilePath
    session: str = "{session}/**"
    producers: tuple[ProducerName, ...] = Field(default=("generic",), min_length=1)
    pattern: str = ""
    exclude: tuple[str, ...] = ()
    since: Literal["now", "all"] | datetime | date = "now"
    recipe: str = "untrained"
    settle: Seconds = 20.0
    rescan: Annotated[Seconds, Field(gt=0)] = 30.0
    mode: Literal["auto", "events", "poll"] = "auto"
    halves: Literal["wait", "use", "ignore"] = "wait"
    halves_patience: Seconds = 600.0
    default_voxel_size_angstrom: Annotated[Number, Field(gt=0, lt=1000)] = 10.0

    @field_validator("session")
    @classmethod
    def _names_a_component(cls, value: str) -> str:
        if value.split("/").count("{session}") != 1:
            raise ValueError('write the path below the root with one whole component "{session}", like "{session}/**"')
        return value


class Workers(UserModel):
    """Where jobs run."""

    devices: Literal["auto"] | Annotated[tuple[str, ...], Field(min_length=1)] = "auto"
    job_time_limit: Annotated[Seconds, Field(gt=0)] = 3600.0

    @field_validator("devices")
    @classmethod
    def _known_devices(cls, value: Literal["auto"] | tuple[str, ...]) -> Literal["auto"] | tuple[str, ...]:
        for device in () if value == "auto" else value:
            if device != "cpu" and not (device.startswith("cuda:") and device[5:].isdigit()):
                raise ValueError('write "auto", or a list of devices like ["cuda:0", "cuda:1"] or ["cpu"]')
        return value


class Mqtt(UserModel):
    """The broker that picks and quality are published to."""

    url: AnyUrl
    username: str | None = None
    password_file: FilePath | None = None
    ca_file: FilePath | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    base: str = "livetomo"
    inline_picks: Annotated[int, Field(ge=0, le=100_000), whole_number] = 1000
    connect_time_limit: Annotated[Seconds, Field(gt=0)] = 10.0

    @field_validator("url")
    @classmethod
    def _mqtt_url(cls, value: AnyUrl) -> AnyUrl:
        if value.scheme not in ("mqtt", "mqtts") or not value.host:
            raise ValueError('write a broker\'s address like "mqtt://broker:1883" or "mqtts://broker:8883"')
        if value.username or value.password:
            raise ValueError('write the address alone; name and password belong to "username" and "password_file"')
        return value


class Http(UserModel):
    """The page, the metrics and the HTTP API."""

    listen: str = "127.0.0.1:8787"
    token_file: FilePath | None = None
    public_url: AnyUrl | None = None

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError('write an address and a port like "127.0.0.1:8787" or "[::1]:8787"')
        return value

    @property
    def host(self) -> str:
        """The address to bind, without the brackets of IPv6."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to bind; 0 takes a free one."""
        return int(self.listen.rpartition(":")[2])


class Config(BaseSettings):
    """All of it. Environment variables like LIVETOMO_MQTT__URL win over the file."""

    model_config = SettingsConfigDict(
        env_prefix="LIVETOMO_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    site: Name
    instance: Name = "main"
    state: FilePath
    output: str
    watch: tuple[Watch, ...] = Field(min_length=1)
    workers: Workers = Workers()
    mqtt: Mqtt | None = None
    http: Http = Http()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then what was read from the file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [watch.name for watch in self.watch]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f'two watches are named "{doubled[0]}"; give each its own name')
        return self


def load_config(path: Path) -> Config:
    """The configuration in `path`, its relative paths resolved against its folder.

    Raises:
        ConfigurationError: one line per fault, naming the file, the key and what would be right.
    """
    content = read_toml(path)
    try:
        config = Config(**content)
    except ValidationError as fault:
        raise ConfigurationError("\n".join(explain(fault, Config, content, str(path), _variable))) from None
    except SettingsError as fault:
        named = str(fault).split('"')[1::2][:1]
        raise ConfigurationError(
            f"environment variable {_variable(named)}: cannot be read; write JSON, or set the keys below it one by one"
        ) from None
    return _anchored(config, path.resolve().parent)


def _variable(path: Sequence[str | int]) -> str | None:
    """The environment variable that the value at `path` comes from, where there is one."""
    given = {name.upper() for name in os.environ}
    names = ("LIVETOMO_" + "__".join(map(str, path[:depth])).upper() for depth in range(len(path), 0, -1))
    return next((name for name in names if name in given), None)


def _anchored(config: Config, folder: Path) -> Config:
    """`config` with every relative path made absolute below `folder`."""
    return config.model_copy(
        update={
            "state": folder / config.state,
            "output": str(folder / Path(config.output).expanduser()),
            "watch": tuple(w.model_copy(update={"path": folder / w.path}) for w in config.watch),
            "mqtt": _with_absolute(config.mqtt, folder, "password_file", "ca_file"),
            "http": _with_absolute(config.http, folder, "token_file"),
        }
    )


def _with_absolute(model: Any, folder: Path, *keys: str) -> Any:
    if model is None:
        return model
    given = {key: folder / value for key in keys if (value := getattr(model, key)) is not None}
    return model.model_copy(update=given)


def since_time(watch: Watch) -> float | None:
    """The time (seconds since 1970) before which files are left alone, where the user gave a date."""
    match watch.since:
        case datetime() as moment:
            return (moment if moment.tzinfo else moment.astimezone()).timestamp()
        case date() as day:
            return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return None
