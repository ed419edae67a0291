"""Values that stages take, made up: no file is behind them."""

from pathlib import Path

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Content, TomogramId
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.map_grid import MapGrid
from livetomo.processing.voxel_evidence import Settled
from tests.volumes import VOXEL_ANGSTROM

SHAPE = (48, 80, 80)
VOXEL_SIZE = Settled(VOXEL_ANGSTROM, "header", ())
HEADER = MrcHeader(2, SHAPE, 0, (VOXEL_ANGSTROM,) * 3, (0.0, 0.0, 0.0), (0, 0, 0), "zyx", "<", unsigned_bytes=False)

GEOMETRY = HEADER.geometry(VOXEL_ANGSTROM)


def job(recipe: Recipe | None = None, **facts) -> JobSpec:
    """A job whose file is nowhere."""
    return JobSpec(
        TomogramId("krios1", "session", "TS_01"),
        1,
        Path("/nowhere/TS_01.mrc"),
        Content(0, 0, ""),
        "untrained",
        recipe or load_recipe("untrained"),
        VOXEL_ANGSTROM,
        facts=SidecarFacts(**facts),
    )


def plan(recipe: Recipe | None = None, grid: MapGrid | None = None, missing=()) -> FeaturePlan:
    """A plan without networks: the maps lie on the tomogram's own grid."""
    reasons = dict.fromkeys(missing, "voxels are too large")
    own = MapGrid(GEOMETRY, GEOMETRY)
    return FeaturePlan(recipe or load_recipe("untrained"), grid or own, {}, reasons, reasons)
