"""Rotational symmetry in a particle's map: the axes of one that is known, and a cautious guess where none is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from livetomo.core.particle_map import ParticleMap

Vector = npt.NDArray[np.float64]
Matrices = npt.NDArray[np.float64]

CLEAR = 0.97
"""The score from which on a symmetry is believed: asymmetric particles of few voxels reach .94 by their bare shape."""
DOUBTFUL = 0.9
"""The score below which a symmetry that is given is doubted."""
LEAST_RING = 0.002
"""With less of its density's power off the rotational average an object is round about an axis, and shows no fold."""
MOST_FOLD = 12
_AROUND, _RADII = 60, 10  # points on a circle, circles from the axis outwards
_DIRECTIONS = 400  # on a hemisphere: 7° from one to the next
_BLUR = 0.06  # of the reach: what is finer would be missed between two directions
_WORTH_REFINING = 0.3


@dataclass(frozen=True, slots=True)
class MapSymmetry:
    """A symmetry as it lies in a map.

    name:      its point group.
    score:     0..1, how much of what varies about its axes has their folds, on the worse of two axes that make the
               whole group; 1 where the map has this symmetry exactly.
    rotations: (n, 3, 3), (x, y, z): all that leave the particle as it is, about its centre; one does nothing.
    """

    name: str
    score: float
    rotations: Matrices


def align_symmetry(particle: ParticleMap, name: str) -> MapSymmetry:
    """The axes about which `particle` has most of the symmetry `name`, wherever they point."""
    if name == "C1":
        return MapSymmetry("C1", 1.0, np.eye(3)[None])
    return _Turned.of(particle).aligned(name)


def guess_symmetry(particle: ParticleMap) -> MapSymmetry:
    """The largest symmetry that the map clearly shows; C1 where there is none, or where it is round about an axis."""
    turned = _Turned.of(particle)
    axes = turned.best_axes()
    clear = [fold for fold, (_, score) in axes.items() if score >= CLEAR]
    if not clear:
        return MapSymmetry("C1", 1.0, np.eye(3)[None])
    fold = max(clear)
    platonic = {3: ("O", "T"), 4: ("O",), 5: ("I",)}.get(fold, ())
    for name in (*platonic, f"D{fold}", f"C{fold}"):
        found = turned.aligned(name, axes[fold][0] if _main_fold(name) == fold else None)
        if found.score >= CLEAR:
            return found
    return MapSymmetry("C1", 1.0, np.eye(3)[None])


def _main_fold(name: str) -> int:
    return {"T": 3, "O": 4, "I": 5}.get(name) or int(name[1:])


def _group(name: str) -> tuple[Matrices, Vector, tuple[Vector, int] | None]:
    """All rotations, the main axis, and an axis with its fold that makes the whole group with it; none for C."""
    rotations = Rotation.create_group(name)
    vectors = rotations.as_rotvec()
    angles = np.linalg.norm(vectors, axis=1)
    second_fold = _main_fold(name) if name in "TOI" else 2

    def axes_of(fold: int) -> Vector:
        chosen = np.isclose(angles, 2 * np.pi / fold)
        found: Vector = vectors[chosen] / angles[chosen, None]
        return found

    main = np.array([0.0, 0.0, 1.0]) if name[0] in "CD" else axes_of(_main_fold(name))[0]
    if name[0] == "C":
        return rotations.as_matrix(), main, None
    others = axes_of(second_fold)
    return rotations.as_matrix(), main, (others[np.argmin(np.abs(others @ main))], second_fold)


@dataclass(frozen=True, slots=True)
class _Turned:
    """A blurred map, looked at about axes through its centre. smooth: (z, y, x); centre, reach: voxels."""

    smooth: npt.NDArray[np.float32]
    centre: Vector
    reach: float

    @staticmethod
    def of(particle: ParticleMap) -> "_Turned":
        reach = particle.reach_angstrom / particle.voxel_size_angstrom
        margin = int(np.ceil(4 * _BLUR * reach))
        smooth = gaussian_filter(np.pad(particle.density, margin), _BLUR * reach, mode="constant")
        return _Turned(smooth, particle.centre + margin, reach)

    def principal_axes(self) -> Vector:
        """Of inertia, as rows (x, y, z): an axis of symmetry is one of them, unless all directions are alike."""
        places = np.argwhere(self.smooth > 0.1 * self.smooth.max())
        away = (places - self.centre)[:, ::-1]
        weights = self.smooth[tuple(places.T)].astype(np.float64)
        axes: Vector = np.linalg.eigh((away * weights[:, None]).T @ away)[1].T
        return axes

    def power(self, axis: Vector) -> Vector:
        """Of the density about `axis` (x, y, z), by angular frequency, summed over circles around it.

        An n-fold axis has power at multiples of n alone: this is the mean correlation of the map with itself, turned
        by all multiples of 360°/n, without what is the same all around.
        """
        step = self.reach / _RADII
        radius = (np.arange(_RADII) + 0.5)[:, None, None] * step
        along = ((np.arange(2 * _RADII) + 0.5)[:, None] - _RADII) * step
        angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
        points = np.stack(np.broadcast_arrays(radius * np.cos(angle), radius * np.sin(angle), along), axis=-1)
        places = (points @ _frame(axis).T)[..., ::-1] + self.centre
        values = map_coordinates(self.smooth, places.reshape(-1, 3).T, order=1).reshape(points.shape[:-1])
        power: Vector = (np.abs(np.fft.rfft(values, axis=-1)) ** 2 * radius).sum(axis=(0, 1))
        power[1:] *= 2
        return power

    def score(self, axis: Vector, fold: int) -> float:
        """How much of the power off the rotational average is at multiples of `fold`; 0 where there is hardly any."""
        return _score(self.power(axis), fold)

    def refined(self, axis: Vector, fold: int) -> tuple[Vector, float]:
        """The axis near `axis` with the highest score."""
        frame = _frame(axis)

        def near(tilts: Vector) -> Vector:
            tilted: Vector = frame @ np.array([tilts[0], tilts[1], 1.0])
            return tilted / np.linalg.norm(tilted)

        found = minimize(
            lambda tilts: -self.score(near(tilts), fold),
            np.zeros(2),
            method="Nelder-Mead",
            options={
                "initial_simplex": np.array([[0.0, 0.0], [0.06, 0.0], [0.0, 0.06]]),
                "xatol": 1e-3,
                "fatol": 1e-4,
                "maxfev": 80,
            },
        )
        return near(found.x), -float(found.fun)

    def best_axes(self, folds: range = range(2, MOST_FOLD + 1)) -> Mapping[int, tuple[Vector, float]]:
        """The axis with the highest score for each fold, and that score."""
        directions = np.concatenate([self.principal_axes(), _hemisphere(_DIRECTIONS)])
        powers = [self.power(direction) for direction in directions]
        best = {}
        for fold in folds:
            scores = [_score(power, fold) for power in powers]
            place = int(np.argmax(scores))
            near = directions[place], scores[place]
            best[fold] = self.refined(near[0], fold) if near[1] > _WORTH_REFINING else near
        return best

    def aligned(self, name: str, main: Vector | None = None) -> MapSymmetry:
        """The group turned to where the map has it; about `main` where that is known."""
        rotations, own_main, second = _group(name)
        fold = _main_fold(name)
        if main is None:
            main, score = self.best_axes(range(fold, fold + 1))[fold]
        else:
            score = self.score(main, fold)
        turn = _frame(main) @ _frame(own_main).T
        if second is not None:
            own_second, second_fold = second
            twists = np.linspace(0, 2 * np.pi / fold, 48, endpoint=False)
            turns = [Rotation.from_rotvec(twist * main).as_matrix() @ turn for twist in twists]
            best = int(np.argmax([self.score(one @ own_second, second_fold) for one in turns]))
            axis, _ = self.refined(turns[best] @ own_second, second_fold)
            turn = _frame(main, axis) @ _frame(own_main, own_second).T
            score = min(score, self.score(turn @ own_second, second_fold))
        return MapSymmetry(name, score, turn @ rotations @ turn.T)


def _score(power: Vector, fold: int) -> float:
    uneven = power[1:].sum()
    return float(power[fold::fold].sum() / uneven) if uneven > LEAST_RING * power.sum() else 0.0


def _hemisphere(count: int) -> Vector:
    """Directions (count, 3), evenly spread: a spiral of the golden angle."""
    number = np.arange(count) + 0.5
    height = 1 - number / count
    angle = np.pi * (1 + 5**0.5) * number
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)


def _frame(axis: Vector, towards: Vector | None = None) -> Vector:
    """A rotation whose last column is `axis`, and whose first leans towards another direction."""
    if towards is None:
        towards = np.array([1.0, 0, 0]) if abs(axis[0]) < 0.8 else np.array([0, 1.0, 0])
    first = towards - axis * (axis @ towards)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], axis=1)
