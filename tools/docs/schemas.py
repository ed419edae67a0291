"""The JSON Schemas of every payload: `python -m tools.docs.schemas docs/schemas` writes them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from livetomo.publish.payloads.events import KINDS
from livetomo.publish.payloads.retained import STANDING


def schemas() -> Mapping[str, str]:
    """The text of each schema file by its name."""
    return {
        f"{model.model_fields['schema_'].default.split('/')[1]}.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema(mode="serialization"),
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
