"""Cells at random: specimens and microscopes whose every property is drawn from a range, to train and to test with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.amounts import CUBIC_ANGSTROM_PER_UM3, some
from livetomo.simulate.background import Crowd
from livetomo.simulate.contaminants import CarbonFilm, Gold, IceCrystals, Junk
from livetomo.simulate.filaments import ACTIN, Filaments, microtubule
from livetomo.simulate.membranes import Bilayer, Membrane
from livetomo.simulate.microscope import Microscope
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import Shape, random_protein, ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, SpecimenPart
from livetomo.simulate.surfaces import Beside, Ellipsoid, Sheet, Surface, Tube, random_ellipsoid
from livetomo.simulate.templates import MapShape


@dataclass(frozen=True, slots=True)
class Library:
    """The particles to draw from. `ribosome` is what the truth calls so; `others` keep their own names."""

    ribosome: Shape = field(default_factory=ribosome_like)
    others: Mapping[str, Shape] = field(default_factory=dict)

    @staticmethod
    def of(templates: Mapping[str, Shape], ribosome: str | None) -> "Library":
        """Maps by name, `ribosome` among them; a procedural ribosome where None is."""
        others = {name: shape for name, shape in templates.items() if name != ribosome}
        return Library(templates[ribosome], others) if ribosome else Library(others=others)


def random_specimen(rng: np.random.Generator, geometry: TomogramGeometry, library: Library) -> Specimen:
    """A piece of a cell: what a lamella or a thin edge shows."""
    extent = np.array(geometry.extent_angstrom[::-1])
    slab = random_slab(rng, geometry)
    volume_um3 = slab_volume_um3(slab, geometry)
    parts = [
        *film(rng),
        *dirt(rng, volume_um3),
        *membranes(rng, extent, volume_um3),
        *_filaments(rng, volume_um3),
        *_particles(rng, volume_um3, library),
        Crowd(rng.uniform(0.05, 0.4), rng.uniform(10, 50), rng.uniform(0, 0.8)),
    ]
    return Specimen(slab, tuple(parts))


def random_slab(rng: np.random.Generator, geometry: TomogramGeometry) -> IceSlab:
    """600 to 2,600 Å thick where the volume has room, and a little tilted."""
    height = float(geometry.extent_angstrom[2])
    thickness = min(float(np.exp(rng.uniform(np.log(600), np.log(2600)))), 0.92 * height)
    room = max((height - thickness) / 2, 0.0)
    return IceSlab(thickness, rng.uniform(-0.7, 0.7) * room, (rng.normal(0, 0.06), rng.normal(0, 0.06)))


def slab_volume_um3(slab: IceSlab, geometry: TomogramGeometry) -> float:
    """Of the part of a slab that lies in the volume."""
    x, y, _ = geometry.extent_angstrom
    return slab.thickness_angstrom * float(x * y) / CUBIC_ANGSTROM_PER_UM3


def random_microscope(rng: np.random.Generator, snr: tuple[float, float] = (0.03, 1.5)) -> Microscope:
    """A tilt series as facilities take them, the better and the worse."""
    return Microscope(
        tilts_degrees=(-rng.uniform(40, 66), rng.uniform(40, 66), float(rng.choice([2.0, 3.0, 4.0]))),
        defocus_angstrom=rng.uniform(15000, 70000),
        amplitude_contrast=rng.uniform(0.05, 0.15),
        snr=float(np.exp(rng.uniform(*np.log(snr)))),
        noise_colour=rng.uniform(-0.2, 0.5),
        dose=rng.uniform(1.5, 4.0),
        jitter_angstrom=float(rng.exponential(4.0)),
        missing=float(rng.choice([0.0, 0.0, 0.03, 0.1])),
        phase_flipped=bool(rng.random() < 0.6),
        softness=float(rng.choice([0.0, 1.0, 2.0, 4.0])),
    )


def film(rng: np.random.Generator) -> list[SpecimenPart]:
    """The edge of a carbon film, in one of eight."""
    if rng.random() > 0.12:
        return []
    return [CarbonFilm(rng.uniform(120, 300), rng.uniform(6000, 20000), rng.uniform(0.1, 0.5), rng.uniform(0.7, 1.6))]


def dirt(rng: np.random.Generator, volume_um3: float) -> list[SpecimenPart]:
    """Gold, ice crystals, lumps: often none of them."""
    parts: list[SpecimenPart] = []
    if rng.random() < 0.3:
        parts.append(Gold(some(rng, volume_um3, 50, 800), float(rng.choice([50.0, 100.0, 150.0])), rng.uniform(6, 15)))
    if rng.random() < 0.15:
        parts.append(IceCrystals(some(rng, volume_um3, 20, 250), rng.uniform(300, 1500), rng.uniform(1.0, 2.5)))
    if rng.random() < 0.35:
        parts.append(Junk(some(rng, volume_um3, 20, 400), rng.uniform(250, 1100), rng.uniform(0.9, 2.2)))
    return parts


def membranes(rng: np.random.Generator, extent: np.ndarray, volume_um3: float) -> list[SpecimenPart]:
    """Sheets, vesicles, organelles and tubes in a volume of this extent (z, y, x; Å)."""
    weight = rng.uniform(0.55, 1.7)

    def bilayer() -> Bilayer:
        return Bilayer(weight * rng.uniform(0.85, 1.15), rng.uniform(16, 22), rng.uniform(7, 10))

    parts: list[SpecimenPart] = []
    if rng.random() < 0.7:
        for _ in range(rng.integers(1, 3)):
            sheet = _sheet(rng, extent)
            parts.append(Membrane(sheet, bilayer()))
            if rng.random() < 0.5:
                parts.append(Membrane(Beside(sheet, rng.uniform(150, 500)), bilayer()))
    for size, share, (low, high) in ((0.6, 0.6, (150.0, 900.0)), (0.5, 0.45, (110.0, 330.0))):
        if rng.random() < share:
            for _ in range(max(some(rng, volume_um3, 40, 400) if size == 0.5 else int(rng.integers(1, 6)), 1)):
                radius = float(np.exp(rng.uniform(np.log(low), np.log(high))))
                shell = random_ellipsoid(rng, extent * rng.uniform(-0.05, 1.05, 3), radius, _any_rotation(rng))
                parts.append(Membrane(shell, bilayer()))
                if radius > 400 and rng.random() < 0.4:
                    parts.append(Membrane(_within(shell, rng.uniform(120, 220)), bilayer()))
    if rng.random() < 0.3:
        for _ in range(rng.integers(1, 4)):
            parts.append(Membrane(_tube(rng, extent), bilayer()))
    return parts


def _any_rotation(rng: np.random.Generator) -> np.ndarray:
    matrix: np.ndarray = Rotation.random(rng=rng).as_matrix()
    return matrix


def _within(shell: Ellipsoid, by_angstrom: float) -> Surface:
    """The inner membrane of a double one."""
    return Beside(shell, -by_angstrom)


def _sheet(rng: np.random.Generator, extent: np.ndarray) -> Sheet:
    """Mostly upright, as in lamellae: walls are seen, floors are not."""
    up = np.array([rng.normal(0, 0.5), *rng.normal(0, 1, 2)])
    up /= np.linalg.norm(up)
    first = np.cross(up, [0.0, 0.6, 0.8] if abs(up[0]) > 0.5 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    rotation = np.stack([up, first, np.cross(up, first)], axis=1)
    lengths = np.exp(rng.uniform(np.log(800), np.log(5000), 4))
    headings = rng.uniform(0, 2 * np.pi, 4)
    amplitudes = 0.5 * rng.uniform(0.1, 1.0) * lengths * rng.uniform(0.02, 0.16, 4)
    frequency = 2 * np.pi / lengths
    phases = rng.uniform(0, 2 * np.pi, 4)
    waves = np.stack([frequency * np.cos(headings), frequency * np.sin(headings), phases, amplitudes], axis=1)
    return Sheet(extent * rng.uniform(0.1, 0.9, 3), rotation, waves)


def _tube(rng: np.random.Generator, extent: np.ndarray) -> Tube:
    radius = rng.uniform(120, 350)
    point, heading = extent * rng.uniform(0.0, 1.0, 3), rng.normal(size=3) * (0.3, 1, 1)
    step = radius / 3
    path = []
    for _ in range(int(rng.uniform(1500, 6000) / step)):
        heading = heading / np.linalg.norm(heading) + rng.normal(0, np.sqrt(step / 4000), 3)
        path.append(point)
        point = point + step * heading / np.linalg.norm(heading)
    return Tube(np.array(path), radius)


def _filaments(rng: np.random.Generator, volume_um3: float) -> list[SpecimenPart]:
    parts: list[SpecimenPart] = []
    if rng.random() < 0.35:
        lattice = microtubule(int(rng.choice([12, 13, 13, 13, 14])))
        parts.append(Filaments(lattice, some(rng, volume_um3, 20, 250), rng.uniform(0.8, 1.1)))
    if rng.random() < 0.4:
        bundle = int(rng.choice([1, 1, 1, 4]))
        parts.append(
            Filaments(
                ACTIN, some(rng, volume_um3, 40, 1200 / bundle), rng.uniform(0.8, 1.1), bundle, length_angstrom=6000
            )
        )
    return parts


def _particles(rng: np.random.Generator, volume_um3: float, library: Library) -> list[SpecimenPart]:
    parts: list[SpecimenPart] = []
    if rng.random() < 0.92:
        shape = library.ribosome
        if isinstance(shape, MapShape):
            shape = shape.scaled(rng.uniform(0.97, 1.14))
        count = some(rng, volume_um3, 700, 12000)
        parts.append(Population(shape, count, "ribosome", rng.uniform(0.85, 1.15), clustered=0.3, bound=0.25))
    for name, shape in library.others.items():
        if rng.random() < 0.7:
            parts.append(Population(shape, some(rng, volume_um3, 50, 4000), name, rng.uniform(0.8, 1.2)))
    crowd = some(rng, volume_um3, 300, 15000)
    kinds = 12
    for _ in range(kinds):
        shape = random_protein(rng, rng.uniform(50, 220))
        count = int(crowd / kinds * min(1.0, (110 / shape.diameter_angstrom) ** 2))
        parts.append(Population(shape, count, contrast=rng.uniform(0.7, 1.2), bound=float(rng.choice([0.0, 0.3]))))
    return parts
