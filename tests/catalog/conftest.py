"""A catalog in memory, a clock that the test moves, and arrivals that differ only where the test says so."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.job_queue import Claim
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.manifest import RecipeUsed, ResultManifest, SourceFile
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import Arrival, Content, Fault, TomogramId
from tests.publish import event_logs
from tests.publish.event_logs import named


class Clock:
    """Seconds since 1970 that pass only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(clock: Clock) -> Catalog:
    return Catalog(open_database(None), site="here", instance="main", now=clock)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load_recipe("untrained")


def arrival(name: str = "TS_01", *, path: str = "", digest: str = "a" * 64, fault: Fault | None = None) -> Arrival:
    return Arrival(
        tomogram=TomogramId("krios1", "monday", name),
        path=path or f"monday/{name}.mrc",
        content=Content(size=2048, modified_ns=1, digest=digest),
        producer="generic",
        fault=fault,
    )


def rewritten(earlier: Arrival, digest: str = "b" * 64) -> Arrival:
    return replace(earlier, content=replace(earlier.content, digest=digest, modified_ns=2))


def manifest(claim: Claim, **changes: Any) -> ResultManifest:
    """What a worker writes of a job."""
    from livetomo.processing.pipeline.job_spec import result_id

    of_the_job = {
        "result_id": result_id(claim.tomogram, claim.revision, claim.recipe_hash),
        "tomogram": claim.tomogram,
        "revision": claim.revision,
        "recipe": RecipeUsed(claim.recipe_name, claim.recipe_hash, claim.settings),
        "source": SourceFile(f"/data/{claim.path}", **asdict(claim.content)),
        "metadata": claim.facts.to_json(),
        "quality": named(Quality("contrast", 1.0, "", "good")),
        "verdict": "good",
        "finished": "2026-11-20T12:00:00Z",
    }
    return event_logs.manifest(picks=2, **of_the_job | changes)
