"""A catalog in memory, a clock that the test moves, and arrivals that differ only where the test says so."""

from dataclasses import replace

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.tomogram import Arrival, Content, Fault, TomogramId


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


def manifest(claim) -> dict:
    """What a worker writes, as small as it can be."""
    from livetomo.processing.pipeline.job_spec import result_id

    return {
        "schema": 1,
        "result_id": result_id(claim.tomogram, claim.revision, claim.recipe_hash),
        "tomogram": {"watch": claim.tomogram.watch, "session": claim.tomogram.session, "name": claim.tomogram.name},
        "revision": claim.revision,
        "volume": {"shape_zyx": [8, 8, 8], "voxel_size_angstrom": 10.0},
        "recipe": {"name": claim.recipe_name, "hash": claim.recipe_hash, "settings": {}},
        "quality": {"contrast": {"value": 1.0, "unit": "", "verdict": "good"}},
        "verdict": "good",
        "picks": {
            "ribosome": {
                "count": 2,
                "candidates": 3,
                "threshold": 0.5,
                "columns": ["x_angstrom", "y_angstrom", "z_angstrom", "score"],
                "strongest": [[1.0, 2.0, 3.0, 0.9], [4.0, 5.0, 6.0, 0.8]],
            }
        },
        "warnings": [],
        "seconds": {"read": 0.1},
        "finished": "2026-11-20T12:00:00Z",
        "files": {"picks/ribosome.relion5.star": {"bytes": 10, "sha256": "0" * 64}},
    }
