"""Values of any dataclass with every field drawn, those with defaults too: one that is added is drawn from then on."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from livetomo.core.sidecar_facts import SidecarFacts

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def whole(kind: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of the type `kind`; `given` has the strategies of fields that need more than their type."""
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind) if field.init]
        return st.builds(kind, **{name: given[name] if name in given else whole(hints[name]) for name in names})
    if kind is str:
        return TEXT
    if kind is float:
        return NUMBER
    if kind is SidecarFacts:
        return st.dictionaries(TEXT, JSON).map(SidecarFacts.from_json)
    if kind is Path:
        return TEXT.map(lambda name: Path("/data") / (name.replace("\0", "") or "x"))
    if kind is Any:
        return JSON
    if get_origin(kind) is Mapping:
        return st.dictionaries(whole(get_args(kind)[0]), whole(get_args(kind)[1]), max_size=3)
    if get_origin(kind) is tuple and get_args(kind)[-1] is ...:
        return st.lists(whole(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) in (Union, UnionType):
        return st.one_of([whole(each) for each in get_args(kind)])
    return st.from_type(kind)
