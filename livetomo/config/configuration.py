"""The daemon's configuration, as the user writes it. What the docstrings say of the keys is its reference, too."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AnyUrl, BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from livetomo.config import defaults
from livetomo.config.explain import explain
from livetomo.config.user_file import KnownName, UserModel, plain_name, read_toml
from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import ConfigurationError
from livetomo.core.units import Bytes, Number, Seconds, VoxelSize, whole_number
from livetomo.system.registries import PRODUCERS

Name = Annotated[str, Field(max_length=60), plain_name("_.-")]
ProducerName = Annotated[str, AfterValidator(KnownName(PRODUCERS))]


def _not_empty(value: Any) -> Any:
    if value == "" or (isinstance(value, str) and "\0" in value):
        raise ValueError("write a path")
    return value


FilePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(Path.expanduser)]


class Watch(UserModel):
    """One root folder that the reconstruction software of a microscope writes to. There may be several.

    name: name of the microscope; folders, topics and labels use it.
    path: the root folder. livetomo only reads it. Here and elsewhere, a relative path is relative to this file's
        folder.
    session: the path of a tomogram below the root, with one whole component `{session}`, which names the session. `*`
        stands for any one component, `**` for any number of them.
    producers: the software that writes here; if two of them recognise the same file, the first in the list takes it.
    pattern: only for `generic`: take files whose path below the root matches, like `**/{tomogram}_rec.mrc`, where
        `{tomogram}` is the tomogram's name. Empty: take every `*.mrc` and `*.rec`.
    exclude: paths below the root that livetomo ignores, like `**/*.eer`.
    since: which tomograms are taken: `"now"`, those that come after the first start; a date, those written since then;
        or `"all"`.
    recipe: what is done to the tomograms: the name of a built-in recipe, or a file.
    order: which waiting tomogram is processed first: the `"oldest"`, or the `"newest"`, so that the operator sees what
        the microscope does now.
    settle: a file is complete when it has not changed for this long. On a network mount, use at least twice the time
        for which the mount caches attributes.
    rescan: how often the whole root is scanned. Events of the kernel are quicker, but only the scan finds every file.
    mode: how new files are noticed between two scans: `"events"`, by events of the kernel; `"poll"`, not at all;
        `"auto"`, by events where the file system gives them.
    answer_time_limit: a file system that has not answered for this long counts as hung: the watch reports it, none of
        its jobs is started, and processes that wait for the file system are replaced until it answers. At least 5 s.
    halves: what is done about even and odd half-maps, if the producer writes them: `"wait"` for them, `"use"` those
        that are there, or `"ignore"` them.
    halves_patience: how long a tomogram waits for its half-maps.
    default_voxel_size_angstrom: used if no other source gives a voxel size; each tomogram then has a warning.
    voltage_kilovolt: of the microscope. This and the next four keys go into the session's `tomograms.star` for RELION
        5; without them, what the files beside the tomograms say does.
    spherical_aberration_mm: of the objective lens (Cs).
    amplitude_contrast: a fraction, mostly 0.07 or 0.1.
    hand: RELION's `rlnTomoHand`: 1 if the defocus grows with z, else -1.
    view_dose_electrons_per_angstrom2: dose of each tilt image.
    """

    name: Name
    path: FilePath
    session: str = "{session}/**"
    producers: tuple[ProducerName, ...] = Field(default=("generic",), min_length=1)
    pattern: str = ""
    exclude: tuple[str, ...] = ()
    since: Literal["now", "all"] | datetime | date = "now"
    recipe: str = defaults.RECIPE
    order: Literal["oldest", "newest"] = "oldest"
    settle: Seconds = 20.0
    rescan: Annotated[Seconds, Field(gt=0)] = 30.0
    mode: Literal["auto", "events", "poll"] = "auto"
    answer_time_limit: Annotated[Seconds, Field(ge=5)] = 60.0
    halves: Literal["wait", "use", "ignore"] = "wait"
    halves_patience: Seconds = 600.0
    default_voxel_size_angstrom: VoxelSize = 10.0
    voltage_kilovolt: Annotated[Number, Field(ge=10, le=1000)] | None = None
    spherical_aberration_mm: Annotated[Number, Field(ge=0.001, le=10)] | None = None
    amplitude_contrast: Annotated[Number, Field(gt=0, le=1)] | None = None
    hand: Annotated[Literal[1, -1], whole_number] | None = None
    view_dose_electrons_per_angstrom2: Annotated[Number, Field(gt=0, le=1000)] | None = None

    @property
    def acquisition(self) -> Acquisition:
        """How its tilt series are taken."""
        return Acquisition(**{field.name: getattr(self, field.name) for field in fields(Acquisition)})

    @field_validator("session")
    @classmethod
    def _names_a_component(cls, value: str) -> str:
        if value.split("/").count("{session}") != 1:
            raise ValueError('write the path below the root with one whole component "{session}", like "{session}/**"')
        return value


class Workers(UserModel):
    """Where jobs run.

    devices: `"auto"` uses every GPU, or the CPU if there is none; or give a list like `["cuda:0", "cuda:1"]` or
        `["cpu"]`.
    cpu_fallback: if every GPU is benched after repeated faults, a worker on the CPU goes on, slowly.
    job_time_limit: a job that takes longer is stopped, and counts as failed.
    """

    devices: Literal["auto"] | Annotated[tuple[str, ...], Field(min_length=1)] = "auto"
    cpu_fallback: bool = False
    job_time_limit: Annotated[Seconds, Field(gt=0)] = 3600.0

    @field_validator("devices")
    @classmethod
    def _known_devices(cls, value: Literal["auto"] | tuple[str, ...]) -> Literal["auto"] | tuple[str, ...]:
        for device in () if value == "auto" else value:
            if device != "cpu" and not (device.startswith("cuda:") and device[5:].isdigit()):
                raise ValueError('write "auto", or a list of devices like ["cuda:0", "cuda:1"] or ["cpu"]')
        return value


class Mqtt(UserModel):
    """The broker that picks and quality are published to. Without this table nothing is published.

    url: the broker's address: `mqtt://broker:1883`, or with TLS `mqtts://broker:8883`; write an IPv6 address in
        brackets, `mqtt://[::1]:1883`.
    username: user name, if the broker asks for one.
    password_file: a file that holds only the password: everything but the line end counts, also blanks. Only its owner
        should be able to read it. It is read again at each connection.
    ca_file: certificates to check the broker's certificate with; by default those of the system. The file is read again
        at each connection.
    protocol: version of MQTT: `"5"`, or `"3.1.1"` for an older broker.
    base: the first component of every topic.
    inline_picks: a message holds up to this many picks itself; it always names the files with all of them.
    connect_time_limit: a broker that has not answered after this time counts as away.
    """

    url: AnyUrl
    username: str | None = None
    password_file: FilePath | None = None
    ca_file: FilePath | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    base: str = "livetomo"
    inline_picks: Annotated[int, Field(ge=0, le=100_000), whole_number] = 1000
    connect_time_limit: Annotated[Seconds, Field(gt=0)] = 10.0

    @field_validator("base")
    @classmethod
    def _fits_a_topic(cls, value: str) -> str:
        if not all(part and not part.startswith("$") and not set(part) & set("+#") for part in value.split("/")):
            raise ValueError('write the beginning of a topic, like "livetomo", without + and #')
        return value

    @field_validator("url")
    @classmethod
    def _mqtt_url(cls, value: AnyUrl) -> AnyUrl:
        if value.scheme not in ("mqtt", "mqtts") or not value.host:
            raise ValueError('write a broker\'s address like "mqtt://broker:1883" or "mqtts://broker:8883"')
        if value.username or value.password:
            raise ValueError('write the address alone; name and password belong to "username" and "password_file"')
        return value

    @property
    def host(self) -> str:
        """Whom to connect to, without the brackets of IPv6."""
        return (self.url.host or "").strip("[]")

    @property
    def port(self) -> int:
        """The port, which is the protocol's own where none is written."""
        return self.url.port or (8883 if self.url.scheme == "mqtts" else 1883)


class Http(UserModel):
    """The page, the metrics and the HTTP API.

    listen: address and port; write an IPv6 address in brackets. Port 0 takes a free port. If the address does not exist
        yet or is in use, livetomo tries again.
    token_file: a file with the token that every change needs, and, if `listen` is not a loopback address, every read
        access too. It is read again when it changes.
    public_url: the address under which others reach the page, if there is a proxy; links in messages begin with it.
    """

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


class Retention(UserModel):
    """How long parts of results are kept. Without this table everything is kept; picks and previews are always kept.

    maps: maps (`*.mrc`) of results older than this are removed.
    """

    maps: Annotated[Seconds, Field(gt=0)] | None = None


class Config(BaseSettings):
    """The top of the file. Environment variables like LIVETOMO_MQTT__URL win over it.

    site: name of the facility; topics use it.
    instance: name of this daemon; each daemon of a site needs its own.
    state: a folder for the catalog, on a local disk.
    output: the folder for results. It may contain `{watch}` and `{session}`; folders are created.
    min_free: if less than this is free for state or output, no job is started until there is more. On a small file
        system a tenth of its size is enough.
    """

    model_config = SettingsConfigDict(
        env_prefix="LIVETOMO_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    site: Name
    instance: Name = "main"
    state: FilePath
    output: str
    min_free: Bytes = 2e9
    watch: tuple[Watch, ...] = Field(min_length=1)
    workers: Workers = Workers()
    mqtt: Mqtt | None = None
    http: Http = Http()
    retention: Retention = Retention()

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

    @field_validator("output")
    @classmethod
    def _known_places(cls, value: str) -> str:
        if not value or "\0" in value or set(re.findall(r"\{[^}]*\}", value)) - {"{watch}", "{session}"}:
            raise ValueError("write a folder, which may name {watch} and {session} but nothing else in braces")
        return value

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
    return _anchored(validate_config(read_toml(path), str(path)), path.resolve().parent)


def validate_config(content: Mapping[str, Any], source: str) -> Config:
    """`content`, and what the environment says beside it, as a configuration; `source` is what faults call it."""
    try:
        return Config(**content)
    except ValidationError as fault:
        raise ConfigurationError("\n".join(explain(fault, Config, content, source, _variable))) from None
    except SettingsError as fault:
        named = str(fault).split('"')[1::2][:1]
        raise ConfigurationError(
            f"environment variable {_variable(named)}: cannot be read; write JSON, or set the keys below it one by one"
        ) from None


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
            "watch": tuple(
                w.model_copy(update={"path": folder / w.path, "recipe": _recipe(w.recipe, folder)})
                for w in config.watch
            ),
            "mqtt": _with_absolute(config.mqtt, folder, "password_file", "ca_file"),
            "http": _with_absolute(config.http, folder, "token_file"),
        }
    )


def _recipe(name: str, folder: Path) -> str:
    """A recipe's file as an absolute path; a built-in recipe's name as it is."""
    return str(folder / Path(name).expanduser()) if name.endswith(".toml") or "/" in name else name


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
