"""Of 40 tomograms 12 are spoilt: RELION 3.1 averages what the verdicts leave to more than what was picked in all.

Every particle has one orientation, so that an average needs no search: what is lost in it was lost in the picks.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.tomogram import result_name, session_folder, tomogram_folder
from livetomo.formats.frame import Placed
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_facts import SessionFacts
from livetomo.results.session_files import write_session
from livetomo.results.session_picks import newest_results, read_picks
from livetomo.simulate.background import Crowd
from livetomo.simulate.microscope import Microscope, SimulatedReconstruction, image
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from tests.averaging import BOX, VOXEL, average, likeness_of_detail, particle
from tests.volumes import order_for, write_tomogram

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.environ.get("LIVETOMO_LONG") != "1", reason="takes minutes; make real runs it"),
]
SHAPE, DEEP = (128, 192, 192), (560, 192, 192)
PARTICLES = 24
MICROSCOPE = Microscope(snr=0.03, phase_flipped=True, defocus_angstrom=30000, jitter_angstrom=3)
RECIPE = Recipe.model_validate(
    {
        "feature": [{"name": "particle", "model": "blob", "diameter_angstrom": 150}],
        "pick": [{"feature": "particle", "threshold": 0.3, "min_spacing_angstrom": 180, "edge_angstrom": 160}],
        "export": {"formats": ["relion31"]},
    }
)
SPOILT = {3 * number + 1: kind for number, kind in enumerate(["misaligned", "thick", "half", "polarity"] * 3)}


def specimen(seed: int, shape: tuple[int, int, int], slab: IceSlab) -> np.ndarray:
    """A crowded slab, and the particles in the middle of it."""
    rng = np.random.default_rng(seed)
    density, _ = draw(Specimen(slab, (Crowd(0.15, 25.0),)), TomogramGeometry(shape, VOXEL), seed)
    reach = slab.thickness_angstrom / VOXEL / 2 - 12
    places: list[np.ndarray] = []
    while len(places) < PARTICLES:
        place = np.array([shape[0] / 2 + rng.uniform(-reach, reach), *rng.uniform(20, np.array(shape[1:]) - 20)])
        if all(np.linalg.norm(place - other) > 27 for other in places):
            places.append(place)
    for place in places:
        whole = np.rint(place).astype(int)
        box = tuple(slice(at - BOX // 2, at + BOX // 2) for at in whole)
        density[box] += particle(place - whole).astype(np.float32)
    return density


def taken(seed: int, kind: str) -> SimulatedReconstruction:
    """What the microscope makes of it, whole and in halves."""
    if kind == "thick":
        density = specimen(seed, DEEP, IceSlab(5200))
        return image(density, VOXEL, replace(MICROSCOPE, snr=MICROSCOPE.snr / 3), seed)
    density = specimen(seed, SHAPE, IceSlab(900))
    jitter = 150.0 if kind == "misaligned" else MICROSCOPE.jitter_angstrom
    made = image(density, VOXEL, replace(MICROSCOPE, jitter_angstrom=jitter), seed)
    match kind:
        case "polarity":
            return SimulatedReconstruction(-made.volume, -made.even, -made.odd)
        case "half":
            return SimulatedReconstruction(made.even, made.even, np.zeros_like(made.odd))
    return made


def averaged(sets: list[Placed], work: Path) -> float:
    """How much of the particle's detail RELION's average of these picks holds; matter is dark."""
    work.mkdir()
    write_session(sets, "particle", "relion31", work)
    return likeness_of_detail(-average(work, "particle"))


@pytest.mark.timeout(1800)
def test_what_the_verdicts_leave_averages_to_more_than_everything(tmp_path):
    tomograms, halves, output = (tmp_path / name for name in ("tomograms", "halves", "out"))
    tomograms.mkdir()
    halves.mkdir()
    for number in range(40):
        made = taken(9000 + number, SPOILT.get(number, "good"))
        path = write_tomogram(tomograms / f"TS_{number}.mrc", made.volume, VOXEL)
        both = {
            half: str(write_tomogram(halves / f"TS_{number}_{half}.mrc", getattr(made, half), VOXEL))
            for half in ("even", "odd")
        }
        order = order_for(path, RECIPE, halves=both)
        pipeline.run(order, tomogram_folder(str(output), order.tomogram) / result_name(1, RECIPE.hash))
    results = newest_results(session_folder(str(output), "krios1", "session"))
    everything = read_picks(results, "particle")
    remains = read_picks(SessionFacts().chosen(results, "warn"), "particle")
    spoilt = {f"TS_{number}" for number in SPOILT}
    counts = {
        "all": sum(len(one.picks) for one in everything),
        "spoilt of all": sum(len(one.picks) for one in everything if one.frame.name in spoilt),
        "remain": sum(len(one.picks) for one in remains),
        "spoilt remain": sum(len(one.picks) for one in remains if one.frame.name in spoilt),
    }
    of_all = averaged(everything, tmp_path / "all")
    of_what_remains = averaged(remains, tmp_path / "remains")
    print(f"{counts}; of the detail of 80-35 Å: {of_all:.3f} of all, {of_what_remains:.3f} of what remains")
    good = counts["all"] - counts["spoilt of all"]
    assert counts["spoilt remain"] < 0.02 * counts["remain"]
    assert counts["remain"] - counts["spoilt remain"] > 0.97 * good
    assert of_what_remains > of_all + 0.01
