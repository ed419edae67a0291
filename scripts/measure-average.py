"""What the average of a session says of true, half true and false picks, on simulated tomograms.

    python scripts/measure-average.py [--snr 0.1] [--tomograms 3] [--picture average.png]

Each tomogram holds 50 particles like ribosomes and 50 of another shape and the same size. Places within about 1 voxel
of the particles, of which half are replaced, or all, or those of the other particle, are compared with the ribosome's
map as the pipeline compares candidates; the average of each is set against that of places beside the ribosomes.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.particle_sums import ParticleSums
from livetomo.formats.orientations import euler_of
from livetomo.processing.average.add_particles import pooled, sum_of_particles
from livetomo.processing.match.band import FilledWedge, filtered
from livetomo.processing.match.refine import match
from livetomo.processing.match.template import template
from livetomo.processing.pipeline.average_picks import beside
from livetomo.processing.pipeline.match_candidates import LOW_PASS_ANGSTROM, REACH_DIAMETERS, WHITENING
from livetomo.results.average.picture import write_picture
from livetomo.results.average.session_average import SessionAverage
from livetomo.results.average.sums_file import TomogramAverage
from livetomo.simulate.background import Crowd
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import random_protein, ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw

VOXEL, COUNT = 10.0, 50
GEOMETRY = TomogramGeometry((96, 200, 200), VOXEL)
WEDGE = FilledWedge(-60, 60)
PARTICLE = ribosome_like()
OTHER = random_protein(np.random.default_rng(5), PARTICLE.diameter_angstrom, "other")
KINDS = ("true", "half true", "another particle", "false")


def tomogram(seed: int, snr: float) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Matter positive; where the ribosomes are, and the others."""
    parts = (Population(PARTICLE, COUNT, "ribosome"), Population(OTHER, COUNT, "other"), Crowd())
    density, truth = draw(Specimen(IceSlab(850.0), parts), GEOMETRY, seed)
    volume = -image(density, VOXEL, Microscope(snr=snr), seed).volume
    matter = torch.from_numpy(((volume - volume.mean()) / volume.std()).astype(np.float32))
    return matter, truth.picks["ribosome"].position, truth.picks["other"].position


def places(kind: str, true: np.ndarray, other: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Where the particles are said to be."""
    near = true + chance.normal(0, 1.0, true.shape)
    anywhere = chance.uniform([20, 12, 12], [76, 188, 188], true.shape)
    match kind:
        case "true":
            return near
        case "half true":
            return np.where((np.arange(len(true)) % 4 >= 2)[:, None], anywhere, near)
        case "another particle":
            return other + chance.normal(0, 1.0, other.shape)
        case _:
            return anywhere


def main() -> None:
    """Print a row for each kind of picks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snr", type=float, default=0.1)
    parser.add_argument("--tomograms", type=int, default=3)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    diameter, map_voxel = PARTICLE.diameter_angstrom, 8.0
    cube = PARTICLE.draw(np.eye(3), map_voxel, np.zeros(3))
    compared = template(
        cube,
        voxel_size_angstrom=map_voxel,
        centre=np.array(cube.shape) // 2,
        diameter_angstrom=diameter,
        low_pass_angstrom=LOW_PASS_ANGSTROM,
    )
    sums = {kind: ParticleSums.none() for kind in (*KINDS, "null")}
    for seed in range(options.tomograms):
        volume, true, other = tomogram(seed, options.snr)
        chance = np.random.default_rng([seed, 1])
        source = filtered(volume, voxel_size_angstrom=VOXEL, low_pass_angstrom=LOW_PASS_ANGSTROM, whiten=WHITENING)
        coarse = pooled(volume, voxel_size_angstrom=VOXEL, diameter_angstrom=diameter)
        where = {kind: places(kind, true, other, chance) for kind in KINDS}
        where["null"] = beside(true, GEOMETRY.shape_zyx, diameter / VOXEL)
        for kind, position in where.items():
            found = match(
                source, position.astype(np.float32), compared, wedge=WEDGE, reach_angstrom=REACH_DIAMETERS * diameter
            )
            sums[kind] += sum_of_particles(coarse, found.position, euler_of(found.rotation), WEDGE)
    averages = {
        kind: SessionAverage("ribosome", options.tomograms, TomogramAverage(diameter, sums[kind], sums["null"]))
        for kind in KINDS
    }
    for kind, average in averages.items():
        look = average.agreement()
        ends = "none" if look.resolution_angstrom is None else f"{look.resolution_angstrom:.0f} Å"
        print(f"{kind:<17} {look.particles:>5} {look.signal:.4f} {look.by_chance:.4f} {ends}", flush=True)
    if options.picture:
        write_picture(options.picture, averages["true"])


if __name__ == "__main__":
    main()
