"""Every public method says what it is for. One that overrides another and adds nothing to its promise has its words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import livetomo

Methods = dict[str, bool]
"""Whether each has a docstring, by name."""


def _classes() -> dict[str, tuple[list[str], Methods]]:
    """By name, its bases and its own methods."""
    found = {}
    for path in Path(livetomo.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
                bases = [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases]
                found[node.name] = bases, {each.name: ast.get_docstring(each) is not None for each in methods}
    return found


def _undocumented(classes: dict[str, tuple[list[str], Methods]]) -> Iterator[str]:
    def has_words(kind: str, method: str) -> bool:
        if kind not in classes:
            return kind not in ("object", "Protocol", "Generic", "Exception")  # a library's: it has its own
        bases, methods = classes[kind]
        return methods.get(method, False) or any(has_words(base, method) for base in bases)

    for kind, (_, methods) in classes.items():
        for method in methods:
            if not kind.startswith("_") and not method.startswith("_") and not has_words(kind, method):
                yield f"{kind}.{method}"


def test_every_public_method_has_a_docstring_or_its_base_has():
    assert list(_undocumented(_classes())) == []


def test_one_without_is_found():
    classes = {"Base": (["Protocol"], {"text": True}), "Csv": (["Base"], {"text": False, "session": False})}
    assert list(_undocumented(classes)) == ["Csv.session"]
