"""Several species lie in one piece of ice at their densities, apart from each other, the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import random_protein
from livetomo.simulate.species import Mixture, Species, random_mixture
from livetomo.simulate.specimen import draw

GEOMETRY = TomogramGeometry((60, 110, 110), 14.0)


def species(name, diameter, density=3000.0):
    shape = random_protein(np.random.default_rng(len(name)), diameter, name)
    return Species(name, shape, diameter / 3, density)


MIXTURE = Mixture((species("small", 110.0), species("large", 280.0, 1500.0)))
EXPECTED = replace(MIXTURE, spread=(1.0, 1.0), absent=0.0)


def populations(mixture, seeds):
    """Of each specimen, the numbers of each species that are asked for; 0 where it is absent."""
    for seed in seeds:
        specimen = random_mixture(np.random.default_rng(seed), GEOMETRY, mixture)
        named = [part for part in specimen.parts if isinstance(part, Population) and part.name is not None]
        volume = specimen.slab.thickness_angstrom * float(np.prod(GEOMETRY.extent_angstrom[:2])) / 1e12
        yield {part.name: part.count / volume for part in named}


def test_each_species_is_around_its_density_and_absent_now_and_then():
    found = list(populations(MIXTURE, range(300)))
    for one in MIXTURE.species:
        per_um3 = np.array([each.get(one.name, np.nan) for each in found])
        assert 0.06 < np.isnan(per_um3).mean() < 0.19
        # Log-uniform from 0.4 to 3 times what is expected.
        mean = (3.0 - 0.4) / np.log(3.0 / 0.4) * one.density_per_um3
        assert np.nanmean(per_um3) == pytest.approx(mean, rel=0.12)
        assert np.nanpercentile(per_um3, 99) < 4.5 * one.density_per_um3


def test_without_spread_the_expected_density_is_there_in_every_specimen():
    found = list(populations(EXPECTED, range(150)))
    for one in MIXTURE.species:
        per_um3 = np.array([each[one.name] for each in found])
        assert per_um3.mean() == pytest.approx(one.density_per_um3, rel=0.08)


def test_the_large_ones_are_put_first():
    specimen = random_mixture(np.random.default_rng(1), GEOMETRY, EXPECTED)
    named = [part.name for part in specimen.parts if isinstance(part, Population) and part.name is not None]
    assert named == ["large", "small"]


def test_the_truth_has_positions_and_angles_and_repeats_with_its_seed():
    first, again, other = (
        draw(random_mixture(np.random.default_rng(seed), GEOMETRY, EXPECTED), GEOMETRY, seed) for seed in (2, 2, 3)
    )
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert set(first[1].picks) == {"small", "large"}
    for name, picks in first[1].picks.items():
        assert len(picks) >= 2
        assert picks.euler is not None
        assert np.array_equal(picks.position, again[1].picks[name].position)
        assert np.array_equal(picks.euler, again[1].picks[name].euler)
        assert (picks.position >= 0).all()
        assert (picks.position < GEOMETRY.shape_zyx).all()


def test_species_lie_beside_each_other():
    """No particle's centre lies in the body of one of another species."""
    _, truth = draw(random_mixture(np.random.default_rng(5), GEOMETRY, EXPECTED), GEOMETRY, 5)
    small, large = (truth.picks[name].position * GEOMETRY.voxel_size_angstrom for name in ("small", "large"))
    assert np.linalg.norm(small[:, None] - large[None], axis=2).min() > 0.3 * (110 + 280) / 2
