"""Read a TOML file that a user wrote into a pydantic model, and say in a user's words what is wrong with it."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from livetomo.errors import ConfigurationError


class UserModel(BaseModel):
    """A table of a user's file: unknown keys are refused, values do not change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content; `ConfigurationError` names the file and the line where it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{path}: is not valid TOML: {fault}") from None


def validate(model: type[Model], content: Mapping[str, Any], source: str) -> Model:
    """`content` as a `model`; `ConfigurationError` has one line per fault: the file, the key, what would be right."""
    try:
        return model.model_validate(content)
    except ValidationError as fault:
        raise ConfigurationError("\n".join(explain(fault, model, content, source))) from None


def explain(fault: ValidationError, model: type[BaseModel], content: Mapping[str, Any], source: str) -> Iterable[str]:
    """One line for each fault that pydantic found."""
    for error in fault.errors():
        where, siblings = _locate(error["loc"], model, content)
        key = error["loc"][-1] if error["loc"] else ""
        place = f"{source}: {where}" if where else source
        match error["type"]:
            case "extra_forbidden":
                close = difflib.get_close_matches(str(key), siblings, n=1)
                hint = f'Did you mean "{close[0]}"?' if close else f"Known here: {', '.join(sorted(siblings))}."
                yield f'{place}unknown key "{key}". {hint}'
            case "missing":
                yield f'{place}the key "{key}" is missing.'
            case _:
                message = error["msg"].removeprefix("Value error, ")
                named = f'"{key}": ' if isinstance(key, str) and key else ""
                yield f"{place}{named}{message[:1].lower()}{message[1:]}"


def _locate(loc: tuple[int | str, ...], model: type[BaseModel], content: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Where a fault lies, in words ('watch "krios1": '), and the keys that are known there."""
    words: list[str] = []
    here: Any = content
    kind: Any = model
    for step in loc[:-1]:
        here = _child(here, step)
        kind = _child_model(kind, step)
        if isinstance(step, int):
            name = here.get("name") if isinstance(here, Mapping) else None
            label = f'"{name}"' if isinstance(name, str) else f"number {step + 1}"
            words[-1:] = [f"{words[-1]} {label}"] if words else [label]
        elif isinstance(here, Mapping | list):
            words.append(step)
    siblings = [field.alias or name for name, field in getattr(kind, "model_fields", {}).items()]
    return "".join(f"{word}: " for word in words), siblings


def _child(here: Any, step: int | str) -> Any:
    if isinstance(here, list) and isinstance(step, int) and step < len(here):
        return here[step]
    if isinstance(here, Mapping) and step in here:
        return here[step]
    return here if isinstance(step, str) else None


def _child_model(kind: Any, step: int | str) -> Any:
    """The model that describes what lies at `step`: of a field, in its list or union, or the chosen member."""
    if isinstance(step, int):
        return kind
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return next((member for member in _models(kind) if member.__name__ == step), kind)
    field = next((f for name, f in kind.model_fields.items() if step in (name, f.alias)), None)
    if field is None:
        return kind
    inside = list(_models(field.annotation))
    return inside[0] if len(inside) == 1 else field.annotation


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)
