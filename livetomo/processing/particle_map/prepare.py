"""Cut a particle out of its map at a contour, and scale it by its mass; refuse what is no particle's map."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from livetomo.core.errors import UnusableMap
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.particle_map import PROTEIN_DALTON_PER_ANGSTROM3, ParticleMap
from livetomo.processing.particle_map.outline import Floats, Mask, largest_piece, level_of_volume, sizes_above

LEAST_VOXELS, FEW_VOXELS = 20, 64
"""Fewer than the first make no particle; with fewer than the second its outline is uncertain by several per cent."""
LEAST_DALTON, MOST_DALTON = 5e3, 1e9
MOST_CUT_OFF = 0.25
"""Share of what lies above the contour, outside of the largest piece, beyond which the contour is no outline."""
TWIN = 0.5
"""A second piece of this share of the largest is as much the particle as that."""
DISAGREEMENT, CONTRADICTION = 1.5, 3.0
"""Factors between a mass that is given and the one that a given contour encloses: said, refused."""
MOST_SIDE = 160
"""Voxels along a box: larger ones are binned, which is finer still than tomograms in which particles are looked for."""
_FINE_SIDE, _MOST_FINER = 48, 6
_MARGIN = 4
_COARSE = 3e-3  # of a level that is found anew in the piece alone
_QUANTILE = 0.995

GIVE = (
    "give the mass in kDa of all that it shows, or the contour (the level at which it shows the particle and nothing "
    "else, in its own units; EMDB recommends one for each map), as mass_kda or contour in NAME.toml or "
    "maps.toml beside it"
)


@dataclass(frozen=True, slots=True)
class _Outline:
    """level: in the map's units. piece: bool (z, y, x). cut_off: share of what is above the level, not in the piece."""

    level: float
    piece: Mask
    cut_off: float


def prepare_map(name: str, density: Floats, voxel_size_angstrom: float, facts: ParticleFacts) -> ParticleMap:
    """The particle that `density` (z, y, x; bright on a darker solvent) shows.

    A contour outlines it; without one, the level does whose largest connected piece has the volume of the mass. The
    mass scales it; without one, the mass is that of the enclosed volume filled with protein. What is not connected
    to the largest piece is cut off. Box, noise in the solvent and voxel size make no difference: volume and diameter
    are measured between the voxels, by cubic splines.

    Raises:
        UnusableMap: neither contour nor mass is given, or it shows no particle that they could be those of.
    """
    solvent = _check(name, density)
    if facts.contour is None and facts.mass_dalton is None:
        raise UnusableMap(name, f"neither its contour nor its mass is known: {GIVE}")
    if facts.mass_dalton is not None and not LEAST_DALTON <= facts.mass_dalton <= MOST_DALTON:
        raise UnusableMap(name, f"would be a particle of {_kilodalton(facts.mass_dalton)}. Is its mass right?")
    wanted = None if facts.contour is not None else _volume_angstrom3(facts.mass_dalton or 0.0)
    outline = _outlined(name, density, voxel_size_angstrom, solvent, facts.contour, wanted)
    box = _box_around(outline.piece)
    finer = int(np.clip(np.ceil(_FINE_SIDE / max(s.stop - s.start - 2 * _MARGIN for s in box)), 1, _MOST_FINER))
    fine, step = _finer(density[box], finer), voxel_size_angstrom / finer
    if wanted is None:
        level = outline.level
    else:
        level = level_of_volume(fine, wanted / step**3, solvent)
    piece = largest_piece(fine, level, solvent)
    enclosed = float(np.count_nonzero(piece)) * step**3 * PROTEIN_DALTON_PER_ANGSTROM3
    mass = enclosed if facts.mass_dalton is None else facts.mass_dalton
    notes = _agreement(name, facts, enclosed, outline.cut_off, int(np.count_nonzero(outline.piece)))
    weights = np.where(piece, np.maximum(fine - np.float32(solvent), 0), np.float32(0))
    away, gyration = _extent(weights, piece)
    # As fine as it was measured: drawn from coarse voxels a small particle would be wider.
    coarser = max(1, int(np.ceil(max(fine.shape) / MOST_SIDE)))
    drawn, size = _binned(weights, coarser), step * coarser
    drawn *= np.float32(_volume_angstrom3(mass) / (float(drawn.sum(dtype=np.float64)) * size**3))
    return ParticleMap(
        name=name,
        density=drawn,
        voxel_size_angstrom=size,
        centre=_centre(drawn),
        mass_dalton=mass,
        diameter_angstrom=2 * float(np.quantile(away, _QUANTILE)) * step,
        reach_angstrom=float(away.max()) * step,
        radius_of_gyration_angstrom=gyration * step,
        contour=level,
        enclosed_dalton=enclosed,
        cut_off=outline.cut_off,
        symmetry=facts.symmetry or "C1",
        notes=notes,
    )


def _volume_angstrom3(mass_dalton: float) -> float:
    return mass_dalton / PROTEIN_DALTON_PER_ANGSTROM3


def _check(name: str, density: Floats) -> float:
    """The solvent's level, if this can be the map of a particle."""
    if min(density.shape) < 8:
        raise UnusableMap(name, f"is {' x '.join(map(str, density.shape))} voxels (z, y, x), too few for a particle")
    if not np.isfinite(density).all():
        raise UnusableMap(name, "holds values that are not numbers. Write it again from its source")
    low, high = float(density.min()), float(density.max())
    if low == high:
        raise UnusableMap(name, f"is {low:g} everywhere: it shows nothing")
    faces = [np.take(density, end, axis).ravel() for axis in range(3) for end in (0, -1)]
    solvent = float(np.median(np.concatenate(faces)))
    bright, dark = high - solvent, solvent - low
    if dark > bright:
        raise UnusableMap(
            name,
            f"is darker than its solvent (from {low:g} to {high:g}, and {solvent:g} at its faces): its contrast is "
            "inverted. Multiply it by -1",
        )
    upper = density[density > solvent + bright / 2]
    if len(upper) >= LEAST_VOXELS and np.mean(upper > high - 1e-4 * bright) > 0.5:
        raise UnusableMap(name, f"is {high:g} nearly wherever it is anything: that is a mask. Give the density itself")
    return solvent


def _outlined(
    name: str, density: Floats, size: float, solvent: float, contour: float | None, wanted: float | None
) -> _Outline:
    """By the contour, or by the volume in Å³ that is wanted."""
    if wanted is not None:
        if wanted > density.size * size**3 / 2:
            raise UnusableMap(
                name,
                f"has a box of {_kilodalton(density.size * size**3 * PROTEIN_DALTON_PER_ANGSTROM3)} of protein, too "
                f"small for a particle of {_kilodalton(wanted * PROTEIN_DALTON_PER_ANGSTROM3)}. Are its mass and its "
                f"voxel size, {size:g} Å, right?",
            )
        level = level_of_volume(density, wanted / size**3, solvent, precision=_COARSE)
        found = f"The mass asks for the contour {level:.4g}. There"
        advice = f"Are the mass and the voxel size, {size:g} Å, right? If they are, give the contour as well"
    else:
        level = contour if contour is not None else 0.0
        found, advice = f"At the contour {level:.4g}", "Look at the map with another contour"
        if level >= density.max():
            raise UnusableMap(name, f"its contour {level:g} encloses nothing: the map is {density.max():g} at most")
        if level <= solvent:
            raise UnusableMap(name, f"its contour {level:g} is not above the solvent, {solvent:g} at the box's faces")
    piece, sizes = largest_piece(density, level, solvent), sizes_above(density, level)
    voxels = int(np.count_nonzero(piece))
    cut_off = 1 - voxels / float(sizes.sum())
    if any(np.take(piece, end, axis).any() for axis in range(3) for end in (0, -1)):
        raise UnusableMap(
            name, f"{found} the particle reaches the edge of the box: it is cut off, or the level is too low. {advice}"
        )
    if voxels < LEAST_VOXELS:
        raise UnusableMap(
            name,
            f"{found} the largest piece has {voxels} voxels of {size:g} Å: too coarse for a particle "
            f"(at least {LEAST_VOXELS} are needed). {advice}",
        )
    if sizes[1] >= TWIN * sizes[0]:
        raise UnusableMap(
            name,
            f"{found} are several pieces of about one size ({sizes[0]:,} and {sizes[1]:,} voxels): several "
            f"particles, or one that falls apart. Cut one out, or lower the contour. {advice}",
        )
    if cut_off > MOST_CUT_OFF:
        raise UnusableMap(
            name,
            f"{found} {cut_off:.0%} of the volume is not connected to the largest piece. {advice}, or clean the map",
        )
    if wanted is not None and voxels * size**3 > DISAGREEMENT * max(wanted, LEAST_VOXELS * size**3):
        raise UnusableMap(name, f"no contour encloses this mass in one piece: below {level:.4g} pieces join. {advice}")
    return _Outline(level, piece, cut_off)


def _agreement(name: str, facts: ParticleFacts, enclosed: float, cut_off: float, voxels: int) -> tuple[str, ...]:
    """What a person should know; a mass that cannot be is refused."""
    if not LEAST_DALTON <= enclosed <= MOST_DALTON:
        raise UnusableMap(
            name, f"would be a particle of {_kilodalton(enclosed)}. Are its contour and its voxel size right?"
        )
    notes = []
    mass = enclosed if facts.mass_dalton is None else facts.mass_dalton
    apart = max(mass / enclosed, enclosed / mass)
    if facts.contour is not None and apart > DISAGREEMENT:
        both = f"the contour encloses {_kilodalton(enclosed)} of protein, and the mass is given as {_kilodalton(mass)}"
        if apart > CONTRADICTION:
            raise UnusableMap(name, f"{both}. One of contour, mass and voxel size is wrong")
        notes.append(f"{both[0].upper()}{both[1:]}: it is drawn within the contour, with the mass that is given.")
    if cut_off >= 0.005:
        notes.append(f"{cut_off:.1%} of what lies above the contour is not connected to the particle and was cut off.")
    if voxels < FEW_VOXELS:
        notes.append(
            f"The particle has only {voxels} voxels: its outline is uncertain. Give a map with smaller voxels."
        )
    return tuple(notes)


def _kilodalton(mass_dalton: float) -> str:
    return f"{mass_dalton / 1e6:,.2f} MDa" if mass_dalton >= 1e6 else f"{mass_dalton / 1e3:,.3g} kDa"


def _box_around(piece: Mask) -> tuple[slice, slice, slice]:
    """With a margin, as far as the map goes."""
    z, y, x = (
        slice(max(int(where[0]) - _MARGIN, 0), min(int(where[-1]) + _MARGIN + 1, length))
        for length, where in (
            (piece.shape[axis], np.flatnonzero(piece.any(axis=tuple({0, 1, 2} - {axis})))) for axis in range(3)
        )
    )
    return z, y, x


def _finer(density: Floats, times: int) -> Floats:
    """Each voxel as so many along each axis, by cubic splines; their mean lies where the voxel lay."""
    if times == 1:
        return np.ascontiguousarray(density)
    shape = tuple(times * n for n in density.shape)
    fine: Floats = affine_transform(
        density, np.full(3, 1 / times), np.full(3, 0.5 / times - 0.5), shape, order=3, mode="nearest"
    )
    return fine


def _binned(density: Floats, times: int) -> Floats:
    """The mean of so many voxels along each axis; zeros fill the last ones up."""
    if times == 1:
        return density
    padded = np.pad(density, [(0, -n % times) for n in density.shape])
    z, y, x = (n // times for n in padded.shape)
    mean: Floats = padded.reshape(z, times, y, times, x, times).mean(axis=(1, 3, 5), dtype=np.float32)
    return mean


def _centre(density: Floats) -> npt.NDArray[np.float64]:
    total = float(density.sum(dtype=np.float64))
    along = (density.sum(axis=tuple({0, 1, 2} - {axis}), dtype=np.float64) for axis in range(3))
    return np.array([float(profile @ np.arange(len(profile))) / total for profile in along])


def _extent(weights: Floats, piece: Mask) -> tuple[npt.NDArray[np.float64], float]:
    """How far from the centre of mass each voxel of the piece is, and the radius of gyration; voxels."""
    away: npt.NDArray[np.float64] = np.linalg.norm(np.argwhere(piece) - _centre(weights), axis=1)
    mass = weights[piece].astype(np.float64)
    return away, float(np.sqrt(mass @ away**2 / mass.sum()))
