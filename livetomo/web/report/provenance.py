"""How a session's results came to be: programs, recipes and models, each with how many results it made."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livetomo.config.model_card import package_digest, read_card, shipped

ManifestBody = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """One recipe, model or set of programs: what is told of it, and of how many tomograms it is true."""

    title: str
    tomograms: int
    facts: Mapping[str, str]
    more: str = ""


def programs(manifests: Sequence[ManifestBody]) -> list[Made]:
    """The sets of programs and machines."""
    counts = Counter(
        tuple((key, str(value)) for key, value in manifest["provenance"].items() if key != "models")
        for manifest in manifests
    )
    return [Made("livetomo " + dict(facts)["livetomo"], number, dict(facts)) for facts, number in counts.most_common()]


def recipes(manifests: Sequence[ManifestBody]) -> list[Made]:
    """The recipes, with all of their settings."""
    known = {manifest["recipe"]["hash"]: manifest["recipe"] for manifest in manifests}
    counts = Counter(manifest["recipe"]["hash"] for manifest in manifests)
    return [
        Made(
            known[digest]["name"],
            number,
            {"hash": digest},
            json.dumps(known[digest]["settings"], ensure_ascii=False, indent=1),
        )
        for digest, number in counts.most_common()
    ]


def models(manifests: Sequence[ManifestBody]) -> list[Made]:
    """The networks, with the cards of those that come with this livetomo."""
    counts = Counter(
        tuple((key, str(value)) for key, value in model.items())
        for manifest in manifests
        for model in manifest["provenance"].get("models", {}).values()
    )
    return [
        Made(dict(facts).get("name", "model"), number, dict(facts), _card(dict(facts).get("sha256", "")))
        for facts, number in counts.most_common()
    ]


def _card(digest: str) -> str:
    """The card of the shipped model with these weights; empty where it is none of them."""
    for path in shipped().values():
        if package_digest(path) == digest:
            return json.dumps(read_card(path).model_dump(), ensure_ascii=False, indent=1)
    return ""
