"""How a session's results came to be: programs, recipes and models, each with how many results it made."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from livetomo.config.model_card import package_digest, read_card, shipped
from livetomo.core.manifest import Provenance, ResultManifest


@dataclass(frozen=True, slots=True)
class Made:
    """One recipe, model or set of programs: its facts, and how many tomograms were made with it."""

    title: str
    tomograms: int
    facts: Mapping[str, str]
    more: str = ""


def programs(manifests: Sequence[ResultManifest]) -> list[Made]:
    """The sets of programs and machines."""
    counts = Counter(tuple(_programs(manifest.provenance)) for manifest in manifests)
    return [Made("livetomo " + dict(facts)["livetomo"], number, dict(facts)) for facts, number in counts.most_common()]


def _programs(used: Provenance) -> Iterator[tuple[str, str]]:
    yield from used.programs().items()
    for plugin in used.plugins:
        yield f"{plugin.kind} {plugin.name}", f"{plugin.distribution} {plugin.version}"


def recipes(manifests: Sequence[ResultManifest]) -> list[Made]:
    """The recipes, with all of their settings."""
    known = {manifest.recipe.hash: manifest.recipe for manifest in manifests}
    counts = Counter(manifest.recipe.hash for manifest in manifests)
    return [
        Made(
            known[digest].name,
            number,
            {"hash": digest},
            json.dumps(known[digest].settings, ensure_ascii=False, indent=1),
        )
        for digest, number in counts.most_common()
    ]


def models(manifests: Sequence[ResultManifest]) -> list[Made]:
    """The networks, with the cards of those that come with this livetomo."""
    counts = Counter(model for manifest in manifests for model in manifest.provenance.models.values())
    return [
        Made(model.name, number, {key: str(value) for key, value in model.to_json().items()}, _card(model.sha256))
        for model, number in counts.most_common()
    ]


def _card(digest: str) -> str:
    """The card of the shipped model with these weights; empty where it is none of them."""
    for path in shipped().values():
        if package_digest(path) == digest:
            return json.dumps(read_card(path).model_dump(), ensure_ascii=False, indent=1)
    return ""
