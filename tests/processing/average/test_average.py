"""Averages of particles whose orientations are known: what comes out, and what does not when the picks are false."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.particle_sums import SIDE, ParticleSums, average_voxel_angstrom, radius_voxels
from livetomo.core.picks import Picks
from livetomo.processing.average import add_particles
from livetomo.processing.average.add_particles import PooledVolume, pooled, sum_of_particles
from livetomo.processing.match.band import FilledWedge
from livetomo.results.average.agreement import agreement, half_correlation
from livetomo.simulate.background import Crowd
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw

VOXEL, DIAMETER = 12.0, 300.0
SHAPE = ribosome_like()


def tomogram(seed: int, *, voxel: float = VOXEL, snr: float = 0.1, count: int = 60) -> tuple[torch.Tensor, Picks]:
    """Matter positive, and where the particles are."""
    geometry = TomogramGeometry(tuple(round(extent / voxel) for extent in (1000, 1900, 1900)), voxel)
    specimen = Specimen(IceSlab(900.0), (Population(SHAPE, count, "ribosome"), Crowd()))
    density, truth = draw(specimen, geometry, seed)
    volume = -image(density, voxel, Microscope(snr=snr), seed).volume
    return torch.from_numpy((volume - volume.mean()) / volume.std()), truth.picks["ribosome"]


def summed(
    volume: torch.Tensor, picks: Picks, *, voxel: float = VOXEL, euler: np.ndarray | None = None
) -> ParticleSums:
    turns = picks.euler if euler is None else euler
    return sum_of_particles(pooled_of(volume, voxel), picks.position, turns, FilledWedge(-60, 60))


def pooled_of(volume: torch.Tensor, voxel: float = VOXEL) -> PooledVolume:
    return pooled(volume, voxel_size_angstrom=voxel, diameter_angstrom=DIAMETER)


def beside(picks: Picks, shape: torch.Size, seed: int) -> Picks:
    """As many places anywhere."""
    places = np.random.default_rng(seed).random((len(picks), 3)) * (np.array(shape) - 1)
    return Picks(places.astype(np.float32), picks.score, picks.volume, picks.euler)


def half_of(picks: Picks, others: Picks) -> Picks:
    """Every third of four and fourth is one of the others: both halves of the average hold as many."""
    false = np.arange(len(picks)) % 4 >= 2
    return Picks(np.where(false[:, None], others.position, picks.position), picks.score, picks.volume, picks.euler)


def reference() -> np.ndarray:
    """The particle as it is drawn without a turn, in the average's voxels."""
    cube = SHAPE.draw(np.eye(3), average_voxel_angstrom(DIAMETER), np.zeros(3))
    out = np.zeros((SIDE, SIDE, SIDE), np.float32)
    low = SIDE // 2 - cube.shape[0] // 2
    out[low : low + cube.shape[0], low : low + cube.shape[0], low : low + cube.shape[0]] = cube
    return gaussian_filter(out, 1.0)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    around = radius_voxels() < SIDE / 3.2
    return float(np.corrcoef(one[around], other[around])[0, 1])


@pytest.fixture(scope="module")
def session() -> list[tuple[torch.Tensor, Picks]]:
    return [tomogram(seed) for seed in range(2)]


def test_the_average_of_true_particles_is_the_particle_in_its_own_axes(session) -> None:
    total = sum((summed(volume, picks) for volume, picks in session), ParticleSums.none())
    found = total.average()
    assert total.count[0] + total.count[1] == sum(len(picks) for _, picks in session)
    assert abs(total.count[0] - total.count[1]) <= 2
    assert likeness(found, reference()) > 0.75
    for wrong in (reference()[::-1], reference()[:, :, ::-1], np.rot90(reference(), axes=(1, 2))):
        assert likeness(found, wrong) < likeness(found, reference()) - 0.1


def test_true_half_true_and_false_picks_are_told_apart_within_150(session) -> None:
    true, half, false, null = (ParticleSums.none() for _ in range(4))
    for seed, (volume, picks) in enumerate(session):
        others = beside(picks, volume.shape, seed)
        true += summed(volume, picks)
        half += summed(volume, half_of(picks, others))
        false += summed(volume, others)
        null += summed(volume, beside(picks, volume.shape, seed + 100))
    looks = [agreement(sums, null, diameter_angstrom=DIAMETER) for sums in (true, half, false)]
    assert max(look.particles for look in looks) <= 150
    signals = [look.signal for look in looks]
    assert signals[0] > 2 * signals[1]
    assert signals[1] > 5 * max(abs(signals[2]), abs(looks[0].by_chance))
    assert looks[0].resolution_angstrom is not None
    assert looks[0].resolution_angstrom < 60
    chance = half_correlation(null, diameter_angstrom=DIAMETER).correlation
    alike = half_correlation(false, diameter_angstrom=DIAMETER).correlation
    assert float(np.abs(alike[2:]).max()) < 3 * max(float(np.abs(chance[2:]).max()), 0.15)


def test_the_signal_of_a_particle_does_not_hang_on_how_many_there_are(session) -> None:
    volume, picks = session[0]
    few = agreement(summed(volume, picks.where(np.arange(30))), ParticleSums.none(), diameter_angstrom=DIAMETER)
    many = agreement(
        sum((summed(*each) for each in session), ParticleSums.none()), ParticleSums.none(), diameter_angstrom=DIAMETER
    )
    assert many.signal == pytest.approx(few.signal, rel=0.5)


def test_sums_of_tomograms_with_other_voxels_add_up(session) -> None:
    volume, picks = tomogram(5, voxel=7.5)
    both = summed(volume, picks, voxel=7.5) + summed(*session[0])
    assert likeness(both.average(), reference()) > 0.75
    one = summed(*session[0])
    assert np.array_equal((one + one).weight, 2 * one.weight)
    assert np.array_equal((ParticleSums.none() + one).signal, one.signal)


@pytest.mark.parametrize("voxel", [4.0, 5.0, 7.5, 10.0, 15.0, 20.0])
def test_the_particle_lies_in_the_middle_whatever_the_voxels(voxel: float) -> None:
    place = np.array([21.3, 20.0, 19.6]) * 15 / voxel
    axes = np.indices([round(42 * 15 / voxel)] * 3) - place[:, None, None, None]
    ball = torch.from_numpy(np.exp(-(axes**2).sum(0) / (2 * (45 / voxel) ** 2)).astype(np.float32))
    sums = sum_of_particles(pooled_of(ball, voxel), place[None], np.zeros((1, 3)), None)
    found = sums.average()
    found = np.clip(found - 0.3 * found.max(), 0, None)
    middle = (np.indices(found.shape) * found).sum((1, 2, 3)) / found.sum()
    np.testing.assert_allclose(middle, SIDE // 2, atol=0.06)


def test_the_batches_do_not_matter(session, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = summed(*session[0])
    monkeypatch.setattr(add_particles, "_BATCH", 7)
    parts = summed(*session[0])
    assert parts.count == whole.count
    assert np.array_equal(parts.weight, whole.weight)
    np.testing.assert_allclose(parts.signal, whole.signal, atol=0.05, rtol=1e-3)


def test_what_no_view_has_seen_counts_in_no_sum(session) -> None:
    volume, picks = session[0]
    flat = summed(volume, picks.where(np.arange(1)), euler=np.zeros((1, 3)))
    assert flat.count == (1, 0)
    seen = flat.weight[0]
    assert float(seen[4, 0, 1]) == 0  # steep: kz is four times kx
    assert float(seen[1, 0, 4]) == 1
    assert float(seen[0, 5, 0]) == 1
    share = float(seen.mean())
    assert 0.55 < share < 0.72  # ±60° of 180° leaves a third empty
    assert not flat.weight[1].any()


def test_a_particle_outside_is_left_out_and_counted_nowhere(session) -> None:
    volume, picks = session[0]
    far = Picks(np.array([[-40, 5, 5], [40, 80, 80]], np.float32), picks.score[:2], picks.volume[:2], picks.euler[:2])
    assert summed(volume, far).count == (0, 1)


def test_no_particles_are_no_average() -> None:
    nothing = sum_of_particles(pooled_of(torch.zeros(20, 20, 20)), np.zeros((0, 3)), np.zeros((0, 3)), None)
    assert nothing.count == (0, 0)
    look = agreement(nothing, nothing, diameter_angstrom=DIAMETER)
    assert (look.particles, look.signal, look.by_chance, look.resolution_angstrom) == (0, 0.0, 0.0, None)


def test_an_empty_region_adds_no_number_that_is_none() -> None:
    flat = torch.zeros(60, 60, 60)
    sums = sum_of_particles(pooled_of(flat), np.full((3, 3), 30.0), np.zeros((3, 3)), FilledWedge(-60, 60))
    assert np.isfinite(sums.average()).all()
    assert agreement(sums, sums, diameter_angstrom=DIAMETER).signal == 0.0
