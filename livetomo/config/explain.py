"""Say in a user's words what pydantic found wrong with the file that the user wrote.

A validator's message says what to write; the file, the key and the value that stands there are said here.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from livetomo.config.tables import bare, choices, inside, is_model, is_union, keys, member, tables

Path = tuple[str | int, ...]
Origin = Callable[[Sequence[str | int]], str | None]


@dataclass(frozen=True, slots=True)
class _Fault:
    """One thing that pydantic found: where in the user's file, of which table, what was to be there, its own report."""

    path: Path
    table: Any
    type: Any
    report: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.report["type"])


def explain(
    fault: ValidationError,
    model: type[BaseModel],
    content: Mapping[str, Any],
    source: str,
    origin: Origin = lambda path: None,
) -> Iterable[str]:
    """One line for each fault: where it lies, what stands there, what would be right. No line comes twice.

    origin: names the environment variable that a path's value comes from, where it does not come from the file.
    """
    return dict.fromkeys(_lines(fault, model, content, source, origin))


def _lines(
    fault: ValidationError, model: type[BaseModel], content: Mapping[str, Any], source: str, origin: Origin
) -> Iterator[str]:
    for together in _grouped([_read(report, model) for report in fault.errors()], model):
        first = together[0]
        variable = origin(first.path)
        place = f"environment variable {variable}" if variable else source
        words, key = _words(first, {} if variable else content)
        for line in _sentences(together, key, model):
            yield ": ".join([place, *words, line])


def _read(report: Mapping[str, Any], model: type[BaseModel]) -> _Fault:
    """The report with the path that the user knows: without the names that pydantic gives to the members of a union."""
    kind: Any = model
    table: Any = model
    path: list[str | int] = []
    for step in report["loc"]:
        kind = bare(kind)
        if is_union(kind):
            kind = member(kind, str(step))
            continue
        if is_model(kind):
            table = kind
        path.append(step)
        kind = inside(kind, step)
    return _Fault(tuple(path), table, kind, report)


def _grouped(faults: list[_Fault], root: type[BaseModel]) -> Iterator[list[_Fault]]:
    """Faults of one place together (each member of a union reports its own), without those that follow from others.

    A list whose item is wrong is also "too short" to pydantic, and a misspelt key is "missing" under its right name.
    """
    paths = {fault.path for fault in faults}
    meant = {
        (*fault.path[:-1], hint)
        for fault in faults
        if fault.kind == "extra_forbidden" and (hint := _meant(fault, root))
    }
    groups: dict[Path, list[_Fault]] = {}
    for fault in faults:
        follows = any(other[: len(fault.path)] == fault.path and other != fault.path for other in paths)
        if not follows and not (fault.kind == "missing" and fault.path in meant):
            groups.setdefault(fault.path, []).append(fault)
    yield from groups.values()


def _sentences(together: list[_Fault], key: str, root: type[BaseModel]) -> Iterator[str]:
    first = together[0]
    given = first.report.get("input")
    match first.kind:
        case "extra_forbidden":
            yield f"unknown key {_shown(key)}. {_hint(first, root)}"
        case "missing":
            yield f'the key "{key}" is missing'
        case "union_tag_not_found":
            yield f'the key "{_discriminator(first)}" is missing; write {one_of(choices(first.type))}'
        case "union_tag_invalid":
            chooser, known = _discriminator(first), _names(first.report["ctx"]["expected_tags"])
            tag = first.report["input"][chooser]
            yield f'"{chooser}" is {_shown(tag)}; write {one_of(known)}{did_you_mean(tag, known)}'
        case "value_error" if not key or isinstance(given, Mapping | BaseModel):
            yield from map(_short, str(first.report["ctx"]["error"]).splitlines())
        case _:
            wanted = list(dict.fromkeys(_wanted(fault) for fault in together))
            verb = "has" if isinstance(first.path[-1], int) else "is"
            literals = [name for fault in together for name in _literals(fault.report.get("ctx", {}))]
            yield f'"{key}" {verb} {_shown(given)}; write {", or ".join(wanted)}{did_you_mean(given, literals)}'


def _short(sentence: str) -> str:
    """With what somebody has written in quotes cut where it is very long."""
    return re.sub(r'"([^"]{80})[^"]+"', r'"\1…"', sentence)


def _wanted(fault: _Fault) -> str:
    """What would be right, so that it follows the word "write"."""
    context = fault.report.get("ctx", {})
    match fault.kind:
        case "value_error":
            return _short(str(context["error"]).removeprefix("write "))
        case "literal_error":
            names = _names(context["expected"])
            return one_of(names) if names else str(context["expected"])  # numbers have no quotes
        case "string_type" | "path_type" | "url_type":
            return "text in quotes"
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case "float_type" | "float_parsing" | "finite_number":
            return "a number"
        case "int_type" | "int_parsing" | "int_from_float":
            return "a whole number"
        case "bool_type" | "bool_parsing":
            return "true or false"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            ((_, limit),) = context.items()
            return f"a number {_COMPARED[fault.kind]} {limit:g}"
        case "tuple_type" if isinstance(fault.report["input"], Mapping):
            return f"it with double brackets, [[{fault.path[-1]}]]: there may be several"
        case "tuple_type":
            given = fault.report["input"]
            return "a list in brackets, like " + (f"[{_shown(given)}]" if isinstance(given, str) else '["one", "two"]')
        case "too_short":
            return f"at least {context['min_length']}"
        case "model_type" | "model_attributes_type" if isinstance(fault.path[-1], int):
            return f"it as tables, each [[{fault.path[-2]}]] with its keys below"
        case "model_type" | "model_attributes_type" if isinstance(fault.report["input"], list):
            return f"it with single brackets, [{fault.path[-1]}]: there is only one"
        case "model_type" | "model_attributes_type":
            return f"it as a table, [{fault.path[-1]}] with its keys below"
        case kind if kind.startswith("url_"):
            return "an address that begins with its scheme, like mqtt:// or https://"
        case kind if kind.startswith(("date_", "datetime_")):
            return "a date like 2026-11-20, or a time like 2026-11-20T08:00:00Z, without quotes"
        case _:
            message = str(fault.report["msg"])
            return f"something else: {message[:1].lower()}{message[1:]}"


_COMPARED = {
    "greater_than": "above",
    "greater_than_equal": "of at least",
    "less_than": "below",
    "less_than_equal": "of at most",
}


def _hint(fault: _Fault, root: type[BaseModel]) -> str:
    """What the unknown key is likely to have been: a key of another table, or a neighbour misspelt."""
    if home := _home(fault, root):
        return f"It belongs {home}."
    if meant := _meant(fault, root):
        return f'Did you mean "{meant}"?'
    return f"Known here: {', '.join(sorted(keys(fault.table)))}."


def _home(fault: _Fault, root: type[BaseModel]) -> str | None:
    """The other table that knows the key. One of the top is easily written too late, below a table's header."""
    here = {header for header, table in tables(root) if table is fault.table}
    for header, table in tables(root):
        if header not in here and fault.path[-1] in keys(table):
            return f"below {header}" if header else "at the top of the file, above the first table"
    return None


def _meant(fault: _Fault, root: type[BaseModel]) -> str | None:
    """The key of this table that the unknown one is close to."""
    wrong, known = str(fault.path[-1]), keys(fault.table)
    close = difflib.get_close_matches(wrong.lower(), known, n=1) or [key for key in known if wrong and wrong in key]
    return close[0] if close and not _home(fault, root) else None


def _words(fault: _Fault, content: Mapping[str, Any]) -> tuple[list[str], str]:
    """The tables on the way to the fault ('watch "krios1"'), and the key that it lies at; "" where it is a table's."""
    words: list[str] = []
    here: Any = content
    for step in fault.path:
        here = _child(here, step)
        if isinstance(step, str):
            words.append(step)
        elif isinstance(here, Mapping):
            name = here.get("name")
            words[-1] += f" {_shown(name)}" if isinstance(name, str) else f" number {step + 1}"
    of_table = fault.kind.startswith("union_tag") or (fault.kind == "value_error" and isinstance(here, Mapping))
    return (words, "") if of_table or not words else (words[:-1], words[-1])


def _child(here: Any, step: str | int) -> Any:
    if isinstance(here, list) and isinstance(step, int) and step < len(here):
        return here[step]
    return here.get(step) if isinstance(here, Mapping) else None


def _discriminator(fault: _Fault) -> str:
    return str(fault.report["ctx"]["discriminator"]).strip("'")


def _shown(value: Any) -> str:
    """A value as the user wrote it, in short, without what a password may be in."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            line = re.sub(r"//[^/@]*@", "//…@", " ".join(value.split()))
            return _quoted(line if len(line) <= 60 else f"{line[:57]}…")
        case Mapping():
            return "a table"
        case list() if value and all(isinstance(item, Mapping) for item in value):
            return "a list of tables"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return str(value)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _names(expected: str) -> list[str]:
    """The names in pydantic's own list of them: "'a', 'b' or 'c'"."""
    return re.findall(r"'([^']*)'", expected)


def _literals(context: Mapping[str, Any]) -> list[str]:
    """The names that a value may be, where a report says them."""
    return getattr(context.get("error"), "names", None) or _names(context.get("expected", ""))


def one_of(names: Sequence[str]) -> str:
    """The names as a choice: "a", "b" or "c", each in its quotes."""
    return " or ".join(filter(None, [", ".join(map(_quoted, names[:-1])), _quoted(names[-1])]))


def did_you_mean(wrong: Any, names: Sequence[str]) -> str:
    """The question after a wrong name: the one that it is close to; empty where there is none."""
    close = difflib.get_close_matches(wrong.lower(), names, n=1) if isinstance(wrong, str) else []
    return f'. Did you mean "{close[0]}"?' if close and len(names) > 1 else ""
