"""What speaks for something that a file leaves open: what, which value, and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livetomo.core.json_object import JsonObject, NotGiven


@dataclass(frozen=True, slots=True)
class Evidence:
    """One witness. `note` says why it is not used, or how it is to be read; empty where it is used as it stands.

    what:   what is settled: "voxel_size" (Å), "byte_order", "signedness".
    source: "header", "machine stamp", "name", "sidecar: TS_01.mdoc", …
    """

    what: str
    value: float | str
    source: str
    note: str = ""

    @staticmethod
    def from_json(body: JsonObject) -> "Evidence":
        """The inverse of `to_json`."""
        value = body.body.get("value")
        if not isinstance(value, int | float | str):
            raise NotGiven(f"it does not give {body.at('value')} as a number or a text")
        return Evidence(body.text("what"), value, body.text("source"), body.text("note", ""))

    def to_json(self) -> Mapping[str, Any]:
        """As it stands in `result.json`."""
        body = {"what": self.what, "value": self.value, "source": self.source}
        return body | ({"note": self.note} if self.note else {})
