"""What a tomogram adds to the averages of its session: its oriented picks, and places beside them, turned alike.

Any noise that is turned to fit a map looks a little like the map afterwards, in both halves of an average. So the
places beside the picks are compared with the map in the same way: what they give is what chance gives.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from torch import Tensor

from livetomo.core.picks import Picks
from livetomo.processing.average.add_particles import PooledVolume, pooled, sum_of_particles
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.find_particles import FoundParticles
from livetomo.processing.pipeline.match_candidates import MatchInput, matched
from livetomo.results.average.sums_file import TomogramAverage

_PLACES = 1 / 4
_FEWEST_PLACES = 8
_AWAY_DIAMETERS = (1.0, 1.5)
_APART_DIAMETERS = 0.8
_TRIES = 16


def kept_for_averages(
    clipped: Tensor, plan: FeaturePlan, compared: Mapping[str, MatchInput]
) -> dict[str, PooledVolume]:
    """For each feature whose picks are compared with a map, what its average needs of the volume before denoising."""
    size = plan.grid.tomogram.voxel_size_angstrom
    kept: dict[str, PooledVolume] = {}
    for feature, each in compared.items():
        kept[feature] = pooled(clipped, voxel_size_angstrom=size, diameter_angstrom=each.template.diameter_angstrom)
    return kept


def averages(
    kept: Mapping[str, PooledVolume],
    compared: Mapping[str, MatchInput],
    found: FoundParticles,
    plan: FeaturePlan,
) -> dict[str, TomogramAverage]:
    """The sums of the published picks of each feature that was compared with a map, and of places beside them."""
    made = {}
    for rule in plan.recipe.pick:
        if rule.feature not in kept:
            continue
        picks, source, wedge = found.published(rule), kept[rule.feature], compared[rule.feature].wedge
        shape = plan.grid.tomogram.shape_zyx
        diameter = source.diameter_angstrom
        places = beside(picks.position, shape, diameter / plan.grid.tomogram.voxel_size_angstrom)
        chance = matched(_at(places), rule, compared[rule.feature], shape)
        sums = (
            sum_of_particles(source, each.position, each.euler, wedge)
            for each in (picks, chance)
            if each.euler is not None
        )
        made[rule.feature] = TomogramAverage(diameter, *sums)
    return made


def beside(
    position: npt.NDArray[np.float32], shape_zyx: tuple[int, int, int], diameter: float
) -> npt.NDArray[np.float32]:
    """Places (m, 3) beside some of these: at the same depth, in the volume, and apart from all of them."""
    if not len(position):
        return position
    chance = np.random.default_rng(len(position))
    wanted = max(round(_PLACES * len(position)), min(_FEWEST_PLACES, len(position)))
    from_where = position[chance.integers(0, len(position), (wanted, _TRIES))]
    turn, distance = chance.uniform(0, 2 * np.pi, (wanted, _TRIES)), chance.uniform(*_AWAY_DIAMETERS, (wanted, _TRIES))
    step = np.stack([np.zeros_like(turn), np.sin(turn), np.cos(turn)], -1) * (distance * diameter)[..., None]
    places = (from_where + step).astype(np.float32)
    margin = np.minimum(diameter / 2, (np.array(shape_zyx) - 1) / 2)[1:]
    inside = ((places[..., 1:] >= margin) & (places[..., 1:] <= np.array(shape_zyx)[1:] - 1 - margin)).all(-1)
    apart = cKDTree(position).query(places)[0] >= _APART_DIAMETERS * diameter
    good = inside & apart
    kept: npt.NDArray[np.float32] = places[np.arange(wanted), good.argmax(1)][good.any(1)]
    return kept


def _at(places: npt.NDArray[np.float32]) -> Picks:
    score = np.ones(len(places), np.float32)
    return Picks(places, score, np.full(len(places), np.nan, np.float32))
