"""Read a TOML file that a user wrote into a pydantic model, and say in a user's words what is wrong with it."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from livetomo.errors import ConfigurationError
from livetomo.explain import explain


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


Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content; `ConfigurationError` names the file and the line where it is not TOML."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
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


def validate(model: type[Model], content: Mapping[str, Any], source: str, base: Path | None = None) -> Model:
    """`content` as a `model`; `ConfigurationError` has one line per fault: the file, the key, what would be right.

    base: what relative paths in it are relative to. Validators that look at files find it in their context; without a
    context (what comes from a catalog or a pipe) they look at none.
    """
    try:
        return model.model_validate(content, context={"base": base or Path()})
    except ValidationError as fault:
        raise ConfigurationError("\n".join(explain(fault, model, content, source))) from None
