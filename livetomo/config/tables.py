"""Which tables and keys a user's file may have, read from the pydantic model that describes it."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel


def tables(root: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every table of the file with its header, `[mqtt]` or `[[watch]]`; "" is the top of the file."""
    yield "", root
    for name, field in root.model_fields.items():
        header = f"[[{name}]]" if get_origin(bare(field.annotation)) is tuple else f"[{name}]"
        for table in models(field.annotation):
            yield header, table


def keys(table: type[BaseModel]) -> list[str]:
    """The keys that a table may have."""
    return [field.alias or name for name, field in table.model_fields.items()]


def bare(kind: Any) -> Any:
    """A type without its annotations, and without its "or nothing"."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif is_union(kind) and len(members := [one for one in get_args(kind) if one is not type(None)]) == 1:
            kind = members[0]
        else:
            return kind


def is_union(kind: Any) -> bool:
    """Whether a value may be of one of several types."""
    return get_origin(kind) in (Union, types.UnionType)


def is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    """Whether it is a table's model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def member(union: Any, label: str) -> Any:
    """The member that pydantic calls `label`: the model with that tag, or else the one that has something inside."""
    members = [bare(member) for member in get_args(union)]
    tagged = (one for one in members if is_model(one) and (label == one.__name__ or label in choices(one)))
    return next(tagged, None) or next((one for one in members if get_origin(one) is tuple), None)


def choices(kind: Any) -> list[str]:
    """The words that distinguish the models of a union: what their keys of one fixed word hold."""
    kinds = (bare(field.annotation) for model in models(kind) for field in model.model_fields.values())
    return [args[0] for kind in kinds if get_origin(kind) is Literal and len(args := get_args(kind)) == 1]


def inside(kind: Any, step: str | int) -> Any:
    """The type of what lies at `step` of a value of this type."""
    if is_model(kind):
        return next((f.annotation for name, f in kind.model_fields.items() if step in (name, f.alias)), None)
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if is_model(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)
