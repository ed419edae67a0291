"""A record whose fields are keys of a JSON object that is kept as it was recorded, to the byte."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, Protocol, Self, dataclass_transform, runtime_checkable


@runtime_checkable
class _AsJson(Protocol):
    def to_json(self) -> Any: ...


class _Fact:
    """A key of the JSON. `read` says what its value is, and never gives one of another kind."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = name

    def __get__(self, record: "FactRecord", owner: type) -> Any:
        return self._read(record._recorded.get(self._key))


@dataclass_transform(kw_only_default=True, frozen_default=True)
class FactRecord:
    """Facts, recorded in the order in which they are given. None, and what is empty, is left out.

    `a | b` has the facts of both, and where they differ those of b. Keys that no field has stay, too.
    """

    def __init__(self, **facts: object) -> None:
        if unknown := facts.keys() - self.names():
            raise TypeError(f"{type(self).__name__} has no {min(unknown)}")
        self._recorded = {
            name: body for name, value in facts.items() if (body := _json(value)) not in (None, "", [], {})
        }

    @classmethod
    def names(cls) -> list[str]:
        """Of every fact, in the order in which they are declared."""
        return [name for kind in cls.__mro__ for name, fact in vars(kind).items() if isinstance(fact, _Fact)]

    @classmethod
    def of(cls, record: "FactRecord") -> Self:
        """Those facts of a wider record that this one knows, in its own order."""
        return cls.from_json({name: record._recorded[name] for name in cls.names() if name in record._recorded})

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        record = cls.__new__(cls)
        record._recorded = dict(body)
        return record

    def to_json(self) -> dict[str, Any]:
        """As it was recorded."""
        return dict(self._recorded)

    def without(self, others: Self) -> Self:
        """Those of its facts that `others` does not have."""
        return self.from_json({name: value for name, value in self._recorded.items() if name not in others._recorded})

    def __or__(self, later: Self) -> Self:
        return self.from_json({**self._recorded, **later._recorded})

    def __bool__(self) -> bool:
        return bool(self._recorded)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FactRecord) and self._recorded == other._recorded

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._recorded!r})"


def fact(read: Callable[[Any], Any]) -> Any:
    """What `read` makes of the key's value; of None where there is none."""
    return _Fact(read)


def number() -> Any:
    """A finite number."""
    return fact(
        lambda value: (
            value if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None
        )
    )


def text() -> Any:
    """A text; empty where there is none."""
    return fact(lambda value: value if isinstance(value, str) else "")


def size() -> Any:
    """Whole numbers along each axis."""

    def read(value: Any) -> tuple[int, ...] | None:
        is_whole = isinstance(value, list | tuple) and all(isinstance(side, int) for side in value)
        return tuple(value) if is_whole and value else None

    return fact(read)


def table() -> Any:
    """Texts by name."""
    return fact(lambda value: value if isinstance(value, Mapping) else {})


def _json(value: object) -> object:
    if isinstance(value, _AsJson):
        return value.to_json()
    if isinstance(value, tuple):
        return [_json(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: each for name, each in asdict(value).items() if each}
    return dict(value) if isinstance(value, Mapping) else value
