"""Whatever a person writes into a file, the answer is in a person's words."""

import copy
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetomo.config.configuration import validate_config
from livetomo.config.recipe.recipe import Recipe
from livetomo.config.user_file import validate
from livetomo.core.errors import ConfigurationError

CONFIGURATION: dict[str, Any] = {
    "site": "here",
    "instance": "main",
    "state": "state",
    "output": "results",
    "watch": [
        {"name": "krios1", "path": "raw", "producers": ["imod"], "exclude": ["*.eer"], "since": "now", "settle": "20s"},
        {"name": "krios2", "path": "other", "default_voxel_size_angstrom": 10.0},
    ],
    "workers": {"devices": ["cuda:0"], "job_time_limit": "1h"},
    "mqtt": {"url": "mqtt://broker:1883", "username": "me", "inline_picks": 10},
    "http": {"listen": "127.0.0.1:8787"},
}
RECIPE: dict[str, Any] = {
    "density": "dark",
    "keep": ["denoised"],
    "denoise": {"method": "lowpass", "resolution_angstrom": 60},
    "feature": [
        {"name": "ribosome", "model": "blob", "diameter_angstrom": 250},
        {"name": "ice", "model": "dense", "deviations": 6},
    ],
    "interaction": [{"feature": "ribosome", "avoid": "ice", "radius_angstrom": 100}],
    "pick": [{"feature": "ribosome", "threshold": 0.5, "min_spacing_angstrom": 100}],
    "export": {"formats": ["relion5"]},
}
# Words of pydantic's and Python's own, which a user has no use for.
FOREIGN = re.compile(
    r"\b(input|pydantic|tuple|dict|dictionary|str|NoneType|validation|literal|union|field|extra|Path|None|True|False)\b"
    r"|something else:|\[type=|<|…\b"
)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield from _places(part, (*path, key))


words = st.sampled_from(
    ["", "x", "imod", "20s", "lowpas", "../..", "{watch}", "#", "mqtt://a b", "a" * 200, "é ü", "a\nb"]
)
scalars = words | st.sampled_from([True, False, -1, 0, 7, 10**30, 1.5, float("nan"), float("inf"), date(2026, 11, 20)])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=4
)


@st.composite
def mistaken(draw: st.DrawFn, right: dict[str, Any]) -> dict[str, Any]:
    """A right file with one or two places changed, taken away, or written under another key."""
    content = copy.deepcopy(right)
    for _ in range(draw(st.integers(1, 2))):
        *above, last = draw(st.sampled_from([path for path in _places(content) if path]))
        table = content
        for step in above:
            table = table[step]
        match draw(st.sampled_from(["change", "drop", "add", "rename"])):
            case "change":
                table[last] = draw(values)
            case "drop":
                del table[last]
            case "add" if isinstance(table, dict):
                table[draw(words.filter(bool))] = draw(values)
            case "rename" if isinstance(table, dict):
                table[f"{last}x"] = table.pop(last)
    return content


def _assert_speaks_to_people(said: str) -> None:
    lines = said.splitlines()
    assert lines
    assert len(lines) == len(set(lines)), "nothing is said twice"
    for line in lines:
        assert line.startswith("mine.toml: ")
        assert len(line) < 400
        assert not FOREIGN.search(re.sub(r'"[^"]*"', "", line)), line


@given(mistaken(CONFIGURATION))
def test_any_mistake_in_a_configuration_is_answered_in_a_person_s_words(content):
    try:
        validate_config(content, "mine.toml")
    except ConfigurationError as fault:
        _assert_speaks_to_people(str(fault))


@given(mistaken(RECIPE))
def test_any_mistake_in_a_recipe_is_answered_in_a_person_s_words(content):
    try:
        validate(Recipe, content, "mine.toml")
    except ConfigurationError as fault:
        _assert_speaks_to_people(str(fault))


@pytest.mark.parametrize("right", [CONFIGURATION, RECIPE])
def test_the_files_that_mistakes_are_made_in_are_right(right):
    assert validate_config(right, "x") if right is CONFIGURATION else validate(Recipe, right, "x")
