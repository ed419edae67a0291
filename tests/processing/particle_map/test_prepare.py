"""A particle is the same in any box, with noise in the solvent, at any voxel size; what is no particle is refused."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform, center_of_mass, gaussian_filter

from livetomo.core.errors import UnusableMap
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.particle_map import PROTEIN_DALTON_PER_ANGSTROM3
from livetomo.formats.mrc import read_volume
from livetomo.processing.particle_map.prepare import prepare_map
from tests.particles import MASS_KDA, ball

VOXEL = 10.0


def in_box(density, side):
    """The same particle in the middle of a box of another side, which may be smaller."""
    box = np.zeros((side,) * 3, np.float32)
    low = [(side - n) // 2 for n in density.shape]
    into = tuple(slice(max(a, 0), max(a, 0) + min(n, side)) for a, n in zip(low, density.shape, strict=True))
    of = tuple(slice(max(-a, 0), max(-a, 0) + min(n, side)) for a, n in zip(low, density.shape, strict=True))
    box[into] = density[of]
    return box


def with_noise(density, seed=1):
    """Noise of 3 % of the maximum everywhere."""
    noise = np.random.default_rng(seed).normal(0, 0.03 * density.max(), density.shape)
    return (density + noise).astype(np.float32)


def at_voxel_size(density, ratio):
    """The same map with voxels so many times as large; what they cannot show is filtered away first."""
    filtered = gaussian_filter(density, 0.3 * ratio) if ratio > 1 else density
    side = int(density.shape[0] / ratio)
    start = np.full(3, (density.shape[0] - 1) / 2 - ratio * (side - 1) / 2)
    return affine_transform(filtered, np.full(3, ratio), start, (side,) * 3, order=3)


def tightest(density):
    """The side of the smallest box, with two voxels around what is above 1 % of the maximum."""
    where = np.argwhere(density > 0.01 * density.max())
    middle = (np.array(density.shape) - 1) / 2
    return int(2 * np.ceil(np.abs(where - middle).max()) + 5)


VARIANTS = {
    "tight": lambda density: (in_box(density, tightest(density)), VOXEL),
    "wide": lambda density: (in_box(density, 2 * density.shape[0]), VOXEL),
    "noise": lambda density: (with_noise(density), VOXEL),
    "tight and noise": lambda density: (with_noise(in_box(density, tightest(density))), VOXEL),
    "wide and noise": lambda density: (with_noise(in_box(density, 2 * density.shape[0])), VOXEL),
    "7 Å": lambda density: (at_voxel_size(density, 0.7), 0.7 * VOXEL),
    "12 Å": lambda density: (at_voxel_size(density, 1.2), 1.2 * VOXEL),
    "7 Å, wide and noise": lambda density: (
        with_noise(in_box(at_voxel_size(density, 0.7), 2 * density.shape[0])),
        0.7 * VOXEL,
    ),
}


def figures(particle):
    integral = particle.density.sum() * particle.voxel_size_angstrom**3 * PROTEIN_DALTON_PER_ANGSTROM3
    return particle.mass_dalton, integral, particle.diameter_angstrom, particle.radius_of_gyration_angstrom


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["4v4r", "4cr2", "1bxn", "1s3x"])  # all are drawn in test_templates
def test_a_map_is_the_same_particle_in_any_box_with_noise_and_at_another_voxel_size(data, name, variant):
    density = read_volume(data / "templates" / f"{name}.mrc").voxels.astype(np.float32)
    facts = ParticleFacts(mass_dalton=1e3 * MASS_KDA[name])
    changed, size = VARIANTS[variant](density)
    particle = prepare_map(name, changed, size, facts)
    expected = prepare_map(name, density, VOXEL, facts)
    small = MASS_KDA[name] < 100 and size > VOXEL  # 20 to 35 voxels: there it is said that the outline is uncertain
    assert figures(particle) == pytest.approx(figures(expected), rel=0.06 if small else 0.03)
    assert bool(particle.notes) >= small
    assert particle.mass_dalton == facts.mass_dalton


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "12 Å" not in name])
@pytest.mark.parametrize("name", ["4cr2", "1bxn"])
def test_a_contour_means_the_same_mass_in_any_box_with_noise_and_at_another_voxel_size(data, name, variant):
    density = read_volume(data / "templates" / f"{name}.mrc").voxels.astype(np.float32)
    facts = ParticleFacts(contour=0.2 * float(density.max()))
    particle = prepare_map(name, *VARIANTS[variant](density), facts)
    assert figures(particle) == pytest.approx(figures(prepare_map(name, density, VOXEL, facts)), rel=0.03)
    assert particle.enclosed_dalton == particle.mass_dalton


KNOWN = ParticleFacts(mass_dalton=220e3)  # 2,173 voxels of 5 Å; the balls have 1,946 above half of their height


def refusal(density, facts=KNOWN, size=5.0):
    with pytest.raises(UnusableMap) as refused:
        prepare_map("maps/x.mrc", density, size, facts)
    assert str(refused.value).startswith("maps/x.mrc: ")
    return str(refused.value)


def test_a_ball_has_the_diameter_and_radius_of_gyration_of_a_ball():
    particle = prepare_map("ball", ball(side=48, radius=14, soft=1), 3.0, ParticleFacts(contour=0.5))
    assert particle.diameter_angstrom == pytest.approx(2 * 14 * 3.0 * 0.995 ** (1 / 3), rel=0.01)
    assert particle.radius_of_gyration_angstrom == pytest.approx(np.sqrt(3 / 5) * 14 * 3.0, rel=0.03)
    assert particle.mass_dalton == pytest.approx(4 / 3 * np.pi * (14 * 3.0) ** 3 * 0.81, rel=0.02)
    assert particle.density[particle.density > 0.5].mean() == pytest.approx(1, rel=0.1)
    assert particle.notes == ()


def test_the_diameter_is_that_of_the_bulk_and_the_reach_that_of_the_last_spike():
    density = ball(side=64, radius=14, soft=1)
    alone = prepare_map("x", density, 3.0, ParticleFacts(contour=0.5))
    density[44:56, 31:33, 31:33] = 1.0  # of which 0.3 % of the volume stand out
    spiked = prepare_map("x", density, 3.0, ParticleFacts(contour=0.5))
    assert spiked.diameter_angstrom == pytest.approx(alone.diameter_angstrom, rel=0.03)
    assert spiked.reach_angstrom > 1.5 * alone.reach_angstrom


def test_a_contour_that_is_found_from_a_mass_encloses_that_mass():
    by_mass = prepare_map("ball", ball(), 5.0, KNOWN)
    by_contour = prepare_map("ball", ball(), 5.0, ParticleFacts(contour=by_mass.contour))
    assert by_contour.mass_dalton == pytest.approx(by_mass.mass_dalton, rel=0.01)


@pytest.mark.parametrize(("offset", "factor"), [(100.0, 1.0), (-3.0, 0.01), (0.0, 1e4)])
def test_neither_the_solvent_s_level_nor_the_unit_of_the_density_makes_a_difference(offset, factor):
    plain = prepare_map("ball", ball(), 5.0, KNOWN)
    other = prepare_map("ball", factor * ball() + np.float32(offset), 5.0, KNOWN)
    assert figures(other) == pytest.approx(figures(plain), rel=0.01)
    assert other.contour == pytest.approx(offset + factor * plain.contour, rel=0.01)


def test_a_small_piece_beside_the_particle_is_cut_off_and_its_share_is_said():
    both = ball(side=60) + ball(side=60, radius=4, at=(39, 39, 39))
    particle, alone = (prepare_map("x", density, 5.0, KNOWN) for density in (both, ball(side=60)))
    assert figures(particle) == pytest.approx(figures(alone), rel=0.01)
    assert particle.enclosed_dalton == pytest.approx(220e3, rel=0.01)
    assert 0.03 < particle.cut_off < 0.15
    assert particle.notes == (
        f"{particle.cut_off:.1%} of what lies above the contour is not connected to the particle and was cut off.",
    )


def test_a_domain_behind_a_thin_bridge_is_kept_though_the_contour_just_parts_it():
    density = ball(side=60) + ball(side=60, radius=5, at=(29.5, 29.5, 44))
    middle = density[29, 29, 36:42]
    contour = 1.05 * float(middle.min())
    particle = prepare_map("x", density, 5.0, ParticleFacts(contour=contour))
    assert particle.cut_off == 0
    assert particle.diameter_angstrom > 1.2 * prepare_map("x", ball(side=60), 5.0, KNOWN).diameter_angstrom


def test_contour_and_mass_are_compared():
    agreed = prepare_map("x", ball(), 5.0, ParticleFacts(contour=0.5, mass_dalton=250e3))
    assert agreed.notes == ()
    assert agreed.mass_dalton == 250e3
    (note,) = prepare_map("x", ball(), 5.0, ParticleFacts(contour=0.5, mass_dalton=400e3)).notes
    assert note.startswith("The contour encloses 197 kDa of protein, and the mass is given as 400 kDa")
    assert "One of contour, mass and voxel size is wrong" in refusal(
        ball(), ParticleFacts(contour=0.5, mass_dalton=700e3)
    )


def test_a_map_of_which_neither_contour_nor_mass_is_known_is_refused_with_what_to_give():
    assert (
        "neither its contour nor its mass is known: give the mass in kDa of all that it shows, or the contour"
        in refusal(ball(), ParticleFacts(symmetry="C4"))
    )


CUT_OFF = ball(at=(19.5, 19.5, 5.0))
TWINS = ball(side=60, at=(15, 15, 15)) + ball(side=60, at=(45, 45, 45))
CRUMBS = ball(side=64) + sum(ball(side=64, radius=5, at=place) for place in ((10, 10, 10), (52, 52, 52), (10, 52, 52)))
NOT_FINITE = ball()
NOT_FINITE[3, 3, 3] = np.nan


@pytest.mark.parametrize(
    ("density", "facts", "words"),
    [
        (ball(), ParticleFacts(contour=1.2), "its contour 1.2 encloses nothing: the map is 0.999996 at most"),
        (ball(), ParticleFacts(contour=0.0), "its contour 0 is not above the solvent, 0 at the box's faces"),
        (ball(), ParticleFacts(contour=-5.0), "is not above the solvent"),
        (CUT_OFF, KNOWN, "the particle reaches the edge of the box: it is cut off"),
        (CUT_OFF, ParticleFacts(contour=0.3), "the particle reaches the edge of the box: it is cut off"),
        (-ball(), KNOWN, "its contrast is inverted. Multiply it by -1"),
        (np.float32(7) - ball(), ParticleFacts(contour=6.5), "its contrast is inverted"),
        (TWINS, KNOWN, "several pieces of about one size"),
        (TWINS, ParticleFacts(contour=0.5), "several pieces of about one size (1,863 and 1,863 voxels)"),
        (CRUMBS, ParticleFacts(contour=0.5), "of the volume is not connected to the largest piece"),
        ((ball() > 0.5).astype(np.float32), KNOWN, "that is a mask"),
        (np.zeros((30, 30, 30), np.float32), KNOWN, "is 0 everywhere: it shows nothing"),
        (NOT_FINITE, KNOWN, "holds values that are not numbers"),
        (np.ones((4, 30, 30), np.float32), KNOWN, "too few for a particle"),
        (ball(), ParticleFacts(mass_dalton=50e6), "has a box of 6.48 MDa of protein, too small"),
        (ball(), ParticleFacts(mass_dalton=1e3), "would be a particle of 1 kDa. Is its mass right?"),
        (ball(radius=2.0, soft=1.0), ParticleFacts(contour=0.4), "too coarse for a particle"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_map_of_a_particle_is_refused_with_the_reason(density, facts, words):
    assert words in refusal(density, facts)


def test_noise_alone_is_refused():
    noise = np.random.default_rng(2).normal(0, 1, (40, 40, 40)).astype(np.float32)
    for facts in (KNOWN, ParticleFacts(contour=3.0)):
        assert refusal(noise, facts)


def test_a_contour_in_the_noise_is_refused():
    assert refusal(with_noise(ball(side=64)), ParticleFacts(contour=0.02))


def test_a_voxel_size_that_cannot_be_is_noticed_by_the_mass_that_follows():
    assert "would be a particle of 1.58 kDa. Are its contour and its voxel size right?" in refusal(
        ball(), ParticleFacts(contour=0.5), size=1.0
    )


def test_a_map_with_very_many_voxels_is_binned_and_a_coarse_one_made_finer():
    uneven = 1 + 0.1 * np.sin(np.indices((190,) * 3).sum(axis=0) / 9).astype(np.float32)  # flat, it would be a mask
    large = prepare_map("x", uneven * ball(side=190, radius=84, soft=1), 1.0, ParticleFacts(contour=0.5))
    assert large.voxel_size_angstrom == 2.0
    assert large.diameter_angstrom == pytest.approx(2 * 84 * 0.995 ** (1 / 3), rel=0.01)
    assert prepare_map("x", ball(), 5.0, KNOWN).voxel_size_angstrom < 5.0


def test_the_faces_of_the_box_are_empty_and_the_centre_is_the_centre_of_mass():
    particle = prepare_map("x", ball(at=(18, 21.25, 20.5)), 5.0, KNOWN)
    assert all((np.take(particle.density, end, axis) == 0).all() for axis in range(3) for end in (0, -1))
    assert particle.density.min() == 0
    assert particle.centre == pytest.approx(center_of_mass(particle.density), abs=1e-3)
