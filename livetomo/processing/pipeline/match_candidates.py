"""Candidates are compared with density maps where the recipe asks for it: what that needs, and what becomes of them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from livetomo.config.model_card import package_digest
from livetomo.config.recipe.picks import Pick
from livetomo.core.curation import off_the_faces
from livetomo.core.errors import TransientError
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.particle_map import ParticleMap
from livetomo.core.picks import Picks
from livetomo.formats.mrc import read_volume
from livetomo.formats.orientations import euler_of
from livetomo.processing.blank import Blank
from livetomo.processing.match.band import VOXELS_PER_PERIOD, FilledWedge, FilteredVolume, filtered
from livetomo.processing.match.refine import match
from livetomo.processing.match.rotations import NO_SYMMETRY
from livetomo.processing.match.template import Template, template
from livetomo.processing.measure.wedge import find_wedge
from livetomo.processing.particle_map.prepare import prepare_map
from livetomo.processing.particle_map.symmetry import DOUBTFUL, MapSymmetry, align_symmetry
from livetomo.processing.pick import curate
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec

LOW_PASS_ANGSTROM = 40.0
_FEWEST_DETAILS, _MOST_DETAILS = 5, 8
_LEAST_DETAILS = 4
WHITENING = 0.75
REACH_DIAMETERS = 1 / 5


class MapAway(TransientError, reason="map away"):
    """The density map of a recipe's pick is not there any more, or is another one by now."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"the density map {path} {why}. Put back the file that the recipe was read with, "
            "or have the daemon read its recipes again and reprocess."
        )


@dataclass(frozen=True, slots=True)
class MatchInput:
    """What the candidates of a feature are compared in, and with; wedge: None where no angle is known to be empty."""

    volume: FilteredVolume
    template: Template
    wedge: FilledWedge | None


def match_inputs(
    clipped: Tensor, plan: FeaturePlan, spec: JobSpec, blank: Blank | None
) -> tuple[dict[str, MatchInput], Findings]:
    """For each feature whose picks are compared with a map, what that needs of a clipped volume that is not denoised.

    Not of one of which the voxels show too little; a warning says so.

    Raises:
        MapAway: a map is not there any more.
        UnusableMap: it shows no particle.
    """
    rules = [rule for rule in plan.recipe.pick if rule.refine and rule.feature not in plan.missing]
    if not rules:
        return {}, Findings()
    wedge = _wedge(clipped, spec, blank)
    size, made = plan.grid.tomogram.voxel_size_angstrom, {}
    volumes: dict[float, FilteredVolume] = {}
    warnings = []
    for rule in rules:
        particle, symmetry = _particle(Path(str(rule.map)), rule.map_sha256, rule.map_facts)
        low_pass = low_pass_angstrom(rule, particle.diameter_angstrom, size)
        if low_pass > particle.diameter_angstrom / _LEAST_DETAILS:
            warnings.append(
                f"{rule.feature} was not compared with its map: at {low_pass:.0f} Å, the finest detail that is "
                f"compared here, a particle of {particle.diameter_angstrom:.0f} Å shows too little of its orientation."
            )
            continue
        if symmetry.score < DOUBTFUL:
            warnings.append(
                f"{rule.feature}: its map has not the symmetry {symmetry.name} ({symmetry.score:.2f} of 1). It was "
                "compared in all orientations."
            )
        if low_pass not in volumes:
            volumes[low_pass] = filtered(
                clipped, voxel_size_angstrom=size, low_pass_angstrom=low_pass, whiten=WHITENING
            )
        compared = template(
            particle.density,
            voxel_size_angstrom=particle.voxel_size_angstrom,
            centre=particle.centre,
            diameter_angstrom=particle.diameter_angstrom,
            low_pass_angstrom=low_pass,
            operations=NO_SYMMETRY if symmetry.score < DOUBTFUL else symmetry.rotations,
            device=clipped.device,
        )
        made[rule.feature] = MatchInput(volumes[low_pass], compared, wedge)
    return made, Findings(warnings=tuple(warnings))


def low_pass_angstrom(rule: Pick, diameter_angstrom: float, voxel_size_angstrom: float) -> float:
    """The finest detail that a rule's candidates are compared in: nothing that the tomogram's voxels cannot show."""
    usual = max(min(LOW_PASS_ANGSTROM, diameter_angstrom / _FEWEST_DETAILS), diameter_angstrom / _MOST_DETAILS)
    return max(rule.low_pass_angstrom or usual, VOXELS_PER_PERIOD * voxel_size_angstrom)


def matched(picks: Picks, rule: Pick, compared: MatchInput, shape_zyx: tuple[int, int, int]) -> Picks:
    """Picks with the centres, angles and match scores that fit best; scores and order stay.

    Positions are in voxels of the tomogram, whose shape this is. What the rule says of spacing and faces holds for the
    centres: of two that have come too close the weaker one goes.
    """
    size = compared.volume.spacing_angstrom[0] * compared.volume.scale[0]
    found = match(
        compared.volume,
        picks.position,
        compared.template,
        wedge=compared.wedge,
        reach_angstrom=compared.template.diameter_angstrom * REACH_DIAMETERS,
    )
    position = np.clip(found.position, 0, np.array(shape_zyx, np.float32) - 1)
    angles = euler_of(found.rotation).astype(np.float32)
    oriented = replace(picks, position=position, euler=angles, match_score=found.score)
    inside = oriented.where(off_the_faces(oriented, shape_zyx, rule.edge_angstrom / size))
    return curate.duplicates(inside, distance_voxels=rule.min_spacing_angstrom / size)


def _wedge(clipped: Tensor, spec: JobSpec, blank: Blank | None) -> FilledWedge | None:
    """As the volume shows it; else as its sidecars say, centred, since their tilts may count in the other sense."""
    seen = find_wedge(clipped if blank is None else clipped[blank.box()])
    if seen is not None:
        return FilledWedge(seen.low_degrees, seen.high_degrees, seen.axis)
    declared = spec.facts.tilt_range_degrees
    return None if declared is None else FilledWedge(-declared / 2, declared / 2)


@lru_cache(maxsize=8)
def _particle(path: Path, sha256: str, facts: ParticleFacts) -> tuple[ParticleMap, MapSymmetry]:
    """The particle of a map, and its symmetry as it lies there; read again only where another one is asked for.

    Raises:
        MapAway: the file is not there, or is not the one with this digest.
        UnusableMap: it shows no particle.
    """
    try:
        digest = package_digest(path)
    except OSError as fault:
        raise MapAway(path, f"cannot be read ({fault.strerror})") from fault
    if digest != sha256:
        raise MapAway(path, "is another file by now")
    volume = read_volume(path)
    size = facts.voxel_size_angstrom or volume.header.voxel_size(path)
    particle = prepare_map(str(path), np.ascontiguousarray(volume.voxels, np.float32), size, facts)
    return particle, align_symmetry(particle, particle.symmetry)
