"""A JSON object that is asked for its values by key and kind, so that what is missing or of another kind is named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn, TypeVar

V = TypeVar("V")
_NEEDED: Final[Any] = object()
_NUMBERS = frozenset((int, float))
_LISTS = (list, tuple)


class NotGiven(ValueError):
    """A JSON object has no such value. The sentence says which, and of what kind it has to be."""


@dataclass(frozen=True, slots=True)
class JsonObject:
    """An object as `json.loads` returns it. `path` names where it stands, like `volume`; empty for the whole file.

    Each method returns the value of a key unchanged, so that it is written again as it was read. Where the key is
    absent it returns `default`, if there is one.

    Raises:
        NotGiven: there is no such value.
    """

    body: Mapping[str, Any]
    path: str = ""

    def text(self, key: str, default: str = _NEEDED) -> str:
        """A string."""
        value = self.body.get(key, default)
        return value if isinstance(value, str) else self._refuse(key, "a text")

    def moment(self, key: str) -> str:
        """A time, ISO 8601."""
        try:
            datetime.fromisoformat(value := self.text(key))
        except ValueError:
            self._refuse(key, "a time")
        return value

    def whole(self, key: str, default: int = _NEEDED) -> int:
        """A whole number."""
        value = self.body.get(key, default)
        return value if type(value) is int else self._refuse(key, "a whole number")

    def number(self, key: str, default: float | None = _NEEDED) -> Any:
        """A number; a whole one stays whole."""
        value = self.body.get(key, default)
        return value if type(value) in _NUMBERS or (value is default is None) else self._refuse(key, "a number")

    def numbers(self, key: str, length: int) -> Any:
        """A list of so many numbers, as a tuple."""
        value = self.body.get(key)
        if isinstance(value, _LISTS) and len(value) == length and all(type(one) in _NUMBERS for one in value):
            return tuple(value)
        return self._refuse(key, f"{length} numbers")

    def texts(self, key: str, default: tuple[str, ...] = _NEEDED) -> tuple[str, ...]:
        """A list of strings, as a tuple."""
        value = self.body.get(key, default)
        if isinstance(value, _LISTS) and all(isinstance(one, str) for one in value):
            return tuple(value)
        return self._refuse(key, "a list of texts")

    def list(self, key: str, default: Any = _NEEDED) -> Any:
        """A list, whatever is in it."""
        value = self.body.get(key, default)
        return value if isinstance(value, _LISTS) else self._refuse(key, "a list")

    def table(self, key: str, default: Mapping[str, Any] = _NEEDED) -> Mapping[str, Any]:
        """An object, whatever is in it."""
        value = self.body.get(key, default)
        return value if isinstance(value, dict) else self._refuse(key, "an object")

    def object(self, key: str) -> "JsonObject":
        """An object, to be asked in its turn."""
        return json_object(self.body.get(key), self.at(key))

    def each(self, key: str, read: Callable[["JsonObject"], V], default: Mapping[str, Any] = _NEEDED) -> dict[str, V]:
        """What `read` makes of each of the objects that an object holds by name."""
        path = self.at(key)
        return {name: read(json_object(one, f"{path}.{name}")) for name, one in self.table(key, default).items()}

    def all(self, key: str, read: Callable[["JsonObject"], V]) -> tuple[V, ...]:
        """What `read` makes of each of the objects in a list."""
        path = self.at(key)
        return tuple(read(json_object(one, f"{path}.{number}")) for number, one in enumerate(self.list(key)))

    def at(self, key: str) -> str:
        """Where the key stands in the whole file."""
        return f"{self.path}.{key}" if self.path else key

    def _refuse(self, key: str, kind: str) -> NoReturn:
        raise NotGiven(f"it does not give {self.at(key)} as {kind}")


def json_object(value: Any, path: str = "") -> JsonObject:
    """`value` as an object that can be asked.

    Raises:
        NotGiven: it is none.
    """
    if not isinstance(value, dict):
        raise NotGiven(f"it does not give {path or 'its keys'} as an object")
    return JsonObject(value, path)
