"""The reference pages of the files that a user writes, made from the models that read them.

`python -m tools.docs.reference docs` writes the pages; a test fails when they are not what this would write.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import AnyUrl, BaseModel
from pydantic.fields import FieldInfo

from livetomo.cli import livetomo_command
from livetomo.config import defaults
from livetomo.config.configuration import Config
from livetomo.config.recipe.recipe import Recipe
from livetomo.config.tables import bare, choices, is_union, keys, models, tables
from livetomo.config.user_file import KnownName
from livetomo.core.units import as_bytes, as_seconds, as_voxel_size, written_bytes, written_seconds
from livetomo.core.voxel_size import WANTED

_BEGIN, _END = "<!-- commands: made by `make docs` -->", "<!-- end of commands -->"

CONFIGURATION_EXAMPLE = f"""\
site = "example-facility"
state = "/var/lib/livetomo"
output = "/data/livetomo"

[[watch]]
name = "krios1"
path = "/data/krios1"
session = "{{session}}/**"
producers = ["aretomo3", "relion5"]
exclude = ["**/*.eer"]
recipe = "{defaults.RECIPE}"

[mqtt]
url = "mqtts://broker:8883"
username = "livetomo"
password_file = "mqtt-password"

[http]
listen = "127.0.0.1:8787"
token_file = "http-token"
"""

_CONFIGURATION = f"""\
# The configuration

This page describes the file that `livetomo run` reads; it is made from the code. `livetomo check livetomo.toml` says
what is wrong with a file, and how to correct it.

```toml
{CONFIGURATION_EXAMPLE}```

- Write durations with their unit: `"250ms"`, `"20s"`, `"5min"`, `"1.5h"`, `"2d"`. Lengths are in Å.
- A relative path is relative to the folder that the file lies in; `~` is the home folder.
- An environment variable wins over the file: `LIVETOMO_SITE`, `LIVETOMO_MQTT__URL`, `LIVETOMO_WORKERS__DEVICES`.
- Passwords and tokens are not in this file. Each is alone in a file of its own, which this file names.
"""

_RECIPE = """\
# Recipes

A recipe says what is done to a tomogram. This page is made from the code. The key `recipe` of the configuration, or
`livetomo process --recipe`, names a recipe: a built-in one by its name, your own by its file. `livetomo check
recipe.toml` says what is wrong with a file, and how to correct it.

Folders of results are named by a hash of all keys of the recipe, with defaults. If you change anything, new results lie
beside the old ones. Lengths are in Å; probabilities and scores go from 0 to 1.

Two recipes come with livetomo; the default is `{default}`. `cellular` finds what is in most cells by a network, and
needs no training ([models.md](models.md)):

```toml
{cellular}```

`untrained` finds ribosomes without any network:

```toml
{untrained}```
"""


def pages() -> dict[str, str]:
    """Every page's text by its file's name."""
    shipped = Path(__file__).parents[2] / "livetomo" / "config" / "recipe" / "builtin"
    built_in = {path.stem: path.read_text(encoding="utf-8") for path in shipped.glob("*.toml")}
    return {
        "configuration.md": _CONFIGURATION + "".join(_sections(Config)),
        "recipe.md": _RECIPE.format(default=defaults.RECIPE, **built_in) + "".join(_sections(Recipe)),
    }


def commands() -> str:
    """The README's table of commands."""
    context = click.Context(livetomo_command)
    rows = (
        f"| `livetomo {name}` | {_cell(command.get_short_help_str(200))} |\n"
        for name in livetomo_command.list_commands(context)
        if (command := livetomo_command.get_command(context, name))
    )
    return "| command | |\n|---|---|\n" + "".join(rows)


def with_commands(readme: str) -> str:
    """The README with its table of commands as it is now."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{commands()}{_END}{after}"


def described(model: type[BaseModel]) -> dict[str, str]:
    """What a model's docstring says of each of its keys: lines like `key: what it is`, those below indented."""
    found: dict[str, str] = {}
    for line in (inspect.getdoc(model) or "").splitlines():
        if match := re.match(r"(\w+): (.+)", line):
            found[match[1]] = match[2]
        elif line.startswith("    ") and found:
            found[list(found)[-1]] += f" {line.strip()}"
    return found


def _sections(root: type[BaseModel]) -> Iterator[str]:
    headers = [header for header, _ in tables(root)]
    for header, table in tables(root):
        fields = {key: field for key, field in table.model_fields.items() if not any(models(field.annotation))}
        words = choices(table) if headers.count(header) > 1 else []
        title = f"`{header}`{' of a plug-in' * ('package' in fields)}" if header else "The top of the file"
        yield f"\n## {title}" + (f" with `{_chooser(table)} = {_quoted(words[0])}`" if words else "") + "\n\n"
        yield f"{_introduction(table)}\n\n" if header else ""
        yield "| key | value | default | meaning |\n|---|---|---|---|\n"
        for key, field in fields.items():
            meaning = described(table).get(
                key, "selects this kind of table" if words and key == _chooser(table) else ""
            )
            yield f"| `{key}` | {_cell(_kind(field))} | {_cell(_default(field))} | {_cell(meaning)} |\n"


def _introduction(table: type[BaseModel]) -> str:
    lines = (inspect.getdoc(table) or "").splitlines()
    end = next((number for number, line in enumerate(lines) if re.match(r"\w+: ", line)), len(lines))
    return "\n".join(lines[:end]).strip()


def _chooser(table: type[BaseModel]) -> str:
    """The key of one fixed word."""
    return next(key for key in keys(table) if is_chooser(table.model_fields[key]))


def is_chooser(field: FieldInfo) -> bool:
    """Whether a key holds one fixed word, which distinguishes its table from others."""
    kind = bare(field.annotation)
    return get_origin(kind) is Literal and len(get_args(kind)) == 1


def _kind(field: FieldInfo) -> str:
    """A key's type as a person would say it."""
    if as_seconds in field.metadata:
        return "duration"
    if as_bytes in field.metadata:
        return "size"
    if any(as_voxel_size in rules for rules in _rules(field)):
        return WANTED.removeprefix("a ")
    return _said(field.annotation) + _range(field)


def _rules(field: FieldInfo) -> Iterator[Sequence[Any]]:
    """The validators of a key, and of each kind of value that it may have."""
    yield field.metadata
    yield from (getattr(kind, "__metadata__", ()) for kind in get_args(field.annotation))


def _range(field: FieldInfo) -> str:
    limits = {name: value for rule in field.metadata for name, value in _limits(rule)}
    match limits:
        case {"ge": low, "le": high}:
            return f", {low:g} to {high:g}"
        case {"gt": low}:
            return f" above {low:g}"
        case {"ge": low}:
            return f", {low:g} or more"
    return ""


def _limits(rule: Any) -> Iterator[tuple[str, float]]:
    for name in ("gt", "ge", "le"):
        if isinstance(value := getattr(rule, name, None), int | float):
            yield name, value


def _said(annotation: Any) -> str:
    for rule in getattr(annotation, "__metadata__", ()):
        if isinstance(known := getattr(rule, "func", None), KnownName):
            names = ", ".join(f"`{_quoted(name)}`" for name in known.registry.built_in)
            return f"{names}, or a plug-in's name"
    kind = bare(annotation)
    if is_union(kind):
        return " or ".join(_said(one) for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is Literal:
        return ", ".join(f"`{_quoted(value) if isinstance(value, str) else value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_said(get_args(kind)[0])}"
    return _NAMES[kind]


_NAMES: Mapping[Any, str] = {
    str: "text",
    dict[str, Any]: "table",
    Path: "path",
    AnyUrl: "address",
    float: "number",
    int: "whole number",
    bool: "`true`, `false`",
    datetime: "time",
    date: "date",
}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    match field.default:
        case None:
            return "none"
        case bool() as truth:
            return f"`{str(truth).lower()}`"
        case str() as text:
            return f"`{_quoted(text)}`"
        case float() as seconds if as_seconds in field.metadata:
            return f"`{_quoted(written_seconds(seconds))}`"
        case float() as size if as_bytes in field.metadata:
            return f"`{_quoted(written_bytes(size))}`"
        case float() | int() as number:
            return f"`{number:g}`"
        case tuple() as several:
            return f"`[{', '.join(_quoted(value) for value in several)}]`"
        case other:
            return f"`{other}`"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(folder: Path) -> None:
    """Write every page into `folder`, and the table of commands into the README above it."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    readme = folder.parent / "README.md"
    readme.write_text(with_commands(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
