"""What a job is: one tomogram revision and one recipe. It travels to a worker as JSON, so it holds nothing but data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.naming import stable_id
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Content, TomogramId


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is processed, and how.

    path: absolute.
    content: what the file was when it was taken; a file that differs by then is not read.
    halves: absolute paths of "even" and "odd", where there are any. facts: what the producer and its sidecars say.
    default_voxel_size_angstrom: used, with a warning, where the header has none.
    """

    tomogram: TomogramId
    revision: int
    path: Path
    content: Content
    recipe_name: str
    recipe: Recipe
    default_voxel_size_angstrom: float
    halves: Mapping[str, str] = field(default_factory=dict)
    facts: SidecarFacts = field(default_factory=SidecarFacts)

    @property
    def result_id(self) -> str:
        """The identity of the result: tomogram, revision and recipe."""
        return result_id(self.tomogram, self.revision, self.recipe.hash)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON knows it."""
        typed = {"path": str(self.path), "recipe": self.recipe.to_json(), "facts": self.facts.to_json()}
        return asdict(self) | typed

    @staticmethod
    def from_json(body: dict[str, Any]) -> "JobSpec":
        """The inverse of `to_json`."""
        return JobSpec(
            **body
            | {
                "tomogram": TomogramId(**body["tomogram"]),
                "path": Path(body["path"]),
                "content": Content(**body["content"]),
                "facts": SidecarFacts.from_json(body["facts"]),
                "recipe": Recipe.model_validate(body["recipe"]),
            }
        )


def result_id(tomogram: TomogramId, revision: int, recipe_hash: str) -> str:
    """The identity of a result, the same wherever it is computed."""
    return stable_id("result", tomogram.watch, tomogram.session, tomogram.name, str(revision), recipe_hash)
