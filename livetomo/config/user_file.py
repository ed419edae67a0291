"""Read a TOML file that a user wrote, plug-ins' tables too, into a pydantic model; say in their words what is wrong."""

import io
import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo

from livetomo.config.explain import explain, one_of
from livetomo.core.errors import ConfigurationError, PluginAway, PluginUnusable
from livetomo.system.plugins import Registry

MOST_BYTES = 2**20
Model = TypeVar("Model", bound=BaseModel)


class UserModel(BaseModel):
    """A table of a user's file: unknown keys are refused, values do not change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def plain_name(punctuation: str) -> AfterValidator:
    """For a name that stands in paths and topics as it is: letters, digits and `punctuation`."""

    def check(value: str) -> str:
        if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9{re.escape(punctuation)}]*", value):
            raise ValueError(f"write letters, digits and {' '.join(punctuation)}, beginning with a letter or digit")
        return value

    return AfterValidator(check)


class UnknownName(ValueError):
    """A name that no member of a registry has; `names` are those that some member has."""

    def __init__(self, names: list[str]) -> None:
        super().__init__("write " + one_of(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class KnownName:
    """For the name of a member of a registry: one of livetomo, or a plug-in that is installed.

    in_files: whether it is looked at only in files, not in what comes from a catalog or a pipe (see `validate`).
    """

    registry: Registry[Any]
    in_files: bool = False

    def __call__(self, value: str, info: ValidationInfo) -> str:
        """`value`, if there is such a member."""
        if (info.context or not self.in_files) and value not in self.registry:
            raise UnknownName(list(self.registry))
        return value


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content; `ConfigurationError` names the file and the line where it is not TOML."""
    try:
        content = tomllib.loads(io.StringIO(_bytes(path).decode("utf-8-sig"), newline=None).read())
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file") from None
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault.strerror})") from None
    except UnicodeDecodeError as fault:
        raise ConfigurationError(f"{path}: is not UTF-8 text (byte {fault.start}). Is it the right file?") from None
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{path}: is not valid TOML: {fault}") from None
    if hidden := next((key for key in content if key.startswith("_")), None):
        # pydantic-settings would take `_env_file` and its like for its own arguments
        raise ConfigurationError(f'{path}: unknown key "{hidden}"')
    return content


def _bytes(path: Path) -> bytes:
    """The content of a regular file of bearable size: a FIFO would block, and a device has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ConfigurationError(f"{path}: is not a regular file (but a device, a pipe or a socket)")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"{path}: has more than {MOST_BYTES:,} bytes. Is it the right file?")
    return content


def validate(model: type[Model], content: Mapping[str, Any], source: str, base: Path | None = None) -> Model:
    """`content` as a `model`; `ConfigurationError` has one line per fault: the file, the key, what would be right.

    base: what relative paths in it are relative to. Validators that look at files find it in their context; without a
    context (what comes from a catalog or a pipe) they look at none.
    """
    try:
        return model.model_validate(content, context={"base": base or Path()})
    except ValidationError as fault:
        raise ConfigurationError("\n".join(explain(fault, model, content, source))) from None


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("write finite numbers, texts, true or false, and lists of these") from None
    return settings


Settings = Annotated[dict[str, Any], AfterValidator(_plain)]


def with_plugin_package(registry: Registry[Any], name: str, table: dict[str, Any]) -> dict[str, Any]:
    """A table that names a plug-in, with its package filled in; a pin that says another one is refused."""
    try:
        plugin = registry.plugin(name)
    except (PluginAway, PluginUnusable) as fault:
        raise ValueError(str(fault)) from None
    if plugin is None:
        return table
    if table.get("package") not in (None, "", plugin.package):
        raise ValueError(f'{plugin.kind} "{name}" is of {plugin.package}, another package than "package" says')
    return table | {"package": plugin.package}
