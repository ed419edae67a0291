"""The JSON Schemas of payloads and of the result manifest: `python -m tools.docs.schemas docs/schemas` writes them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from livetomo.core.manifest import ResultManifest
from livetomo.publish.payloads.events import KINDS
from livetomo.publish.payloads.retained import STANDING

DRAFT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
# Before these were recorded, manifests did not have them; they are never null.
_ABSENT = ("evidence", "diameter_angstrom", "false_share")


def schemas() -> Mapping[str, str]:
    """The text of each schema file by its name."""
    return payload_schemas() | {"manifest.json": json.dumps(manifest_schema(), indent=2) + "\n"}


def manifest_schema() -> dict[str, Any]:
    """What a `result.json` holds. The name of a quality figure is its key, and so not in the figure itself."""
    schema: dict[str, Any] = DRAFT | TypeAdapter(ResultManifest).json_schema(mode="serialization")
    figure = schema["$defs"]["Quality"]
    del figure["properties"]["name"]
    figure["required"].remove("name")
    for part in schema["$defs"].values():
        for key in set(part["properties"]) & set(_ABSENT):
            (kind, _) = part["properties"][key]["anyOf"]
            part["properties"][key] = kind | {"title": key.replace("_", " ").title()}
    return schema


def payload_schemas() -> dict[str, str]:
    """The text of each payload's schema file by its name."""
    return {
        f"{model.model_fields['schema_'].default.split('/')[1]}.json": json.dumps(
            DRAFT | model.model_json_schema(mode="serialization"),
            indent=2,
        )
        + "\n"
        for model in (*KINDS.values(), *STANDING)
    }


def main(folder: Path) -> None:
    """Write every schema into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schemas"))
