"""`livetomo particles`: look at particles' maps before anything is made from them."""

import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import EXISTING_FILE, VOXEL_SIZE, json_option, map_tables_option
from livetomo.cli.table import print_table
from livetomo.core.errors import ConfigurationError, ExitCode, LivetomoError
from livetomo.core.symmetry import WANTED, point_group

if TYPE_CHECKING:
    from livetomo.core.particle_map import ParticleMap
    from livetomo.processing.particle_map.symmetry import MapSymmetry


class PointGroup(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """The name of a point group."""

    name = "group"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click wants it."""
        try:
            return point_group(str(value))
        except ValueError as fault:
            self.fail(f"{value} is no point group of rotations; {fault}", param, ctx)


@click.group(
    "particles",
    short_help="Look at density maps before particles are made from them.",
    epilog="Example:  livetomo particles show --mass 750 --picture proteasome.png proteasome.mrc",
)
def command() -> None:
    """Look at density maps before particles are made from them."""


@command.command("show", epilog="Example:  livetomo particles show --mass 750 --picture proteasome.png proteasome.mrc")
@click.argument("maps", nargs=-1, required=True, type=EXISTING_FILE)
@click.option("--mass", type=click.FloatRange(5, 1e6), metavar="kDa", help="Mass of the whole particle.")
@click.option("--contour", type=float, help="Level that shows the particle and nothing else, in the map's units.")
@click.option("--symmetry", type=PointGroup(), help=f"Its symmetry: {WANTED}.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="In Å. Default: the map's header.")
@map_tables_option
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="PNG to write, with all maps in it.")
@json_option("Print the figures as JSON.")
def show(
    maps: tuple[Path, ...],
    mass: float | None,
    contour: float | None,
    symmetry: str | None,
    voxel_size: float | None,
    map_tables: Path | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Show the particle in each of MAPS as livetomo would draw, learn and look for it.

    A map needs the mass of its particle or its contour. They are given here, or in a file NAME.toml beside the map,
    in maps.toml beside it, or in the header file that EMDB has for each of its maps (emd-NNNN.xml).
    """
    from livetomo.core.particle_facts import ParticleFacts
    from livetomo.processing.particle_map.read import read_particle_map

    if len(maps) > 1 and (mass is not None or contour is not None):
        raise ConfigurationError("--mass and --contour are those of one map: for several write a file (--map-tables)")
    given = ParticleFacts(contour, None if mass is None else 1e3 * mass, symmetry, voxel_size)
    particles, code = [], ExitCode.OK
    for path in maps:
        try:
            particles.append(read_particle_map(path, given, tables=map_tables))
        except LivetomoError as fault:
            click.echo(str(fault), err=True)
            code = max(code, fault.exit_code)
    seen = [_seen(particle) for particle in particles]
    if as_json:
        rows = [_figures(particle, found) for particle, found in zip(particles, seen, strict=True)]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for number, (particle, found) in enumerate(zip(particles, seen, strict=True)):
            if number:
                click.echo()
            _print(particle, found)
    if picture is not None and particles:
        from livetomo.processing.particle_map.picture import draw_particles

        draw_particles(particles).save(picture, "PNG")
    sys.exit(code)


def _seen(particle: "ParticleMap") -> "MapSymmetry":
    """The symmetry that is given, as the map has it; where none is given, what the map clearly shows."""
    from livetomo.processing.particle_map.symmetry import align_symmetry, guess_symmetry

    return guess_symmetry(particle) if particle.symmetry == "C1" else align_symmetry(particle, particle.symmetry)


def _figures(particle: "ParticleMap", seen: "MapSymmetry") -> dict[str, Any]:
    """All that is known of it but the density itself."""
    from livetomo.core.particle_map import PROTEIN_DALTON_PER_ANGSTROM3

    shown = {field.name: getattr(particle, field.name) for field in fields(particle)}
    del shown["density"], shown["centre"]
    return shown | {
        "volume_angstrom3": particle.mass_dalton / PROTEIN_DALTON_PER_ANGSTROM3,
        "shape_zyx": particle.density.shape,
        "symmetry_seen": seen.name,
        "symmetry_score": round(seen.score, 3),
    }


def _print(particle: "ParticleMap", seen: "MapSymmetry") -> None:
    lines = (
        ("mass", f"{particle.mass_dalton / 1e3:,.0f} kDa"),
        ("diameter", f"{particle.diameter_angstrom:,.0f} Å"),
        ("radius of gyration", f"{particle.radius_of_gyration_angstrom:,.0f} Å"),
        ("contour", f"{particle.contour:.4g}"),
        ("mass of protein within it", f"{particle.enclosed_dalton / 1e3:,.0f} kDa"),
        ("not connected, cut off", f"{particle.cut_off:.1%}"),
        ("symmetry", _symmetry(particle, seen)),
        ("drawn from voxels of", f"{particle.voxel_size_angstrom:.3g} Å"),
    )
    print_table((particle.name, ""), lines)
    for note in particle.notes:
        click.echo(note)


def _symmetry(particle: "ParticleMap", seen: "MapSymmetry") -> str:
    """What it is taken for, and what the map says to that."""
    from livetomo.processing.particle_map.symmetry import DOUBTFUL

    if seen.name != particle.symmetry:
        return f"C1; the map shows {seen.name} ({seen.score:.2f} of 1): give --symmetry {seen.name} if that is right"
    if seen.name == "C1":
        return "C1"
    if seen.score < DOUBTFUL:
        return f"{seen.name}, which the map does not show ({seen.score:.2f} of 1). Is it right?"
    return f"{seen.name} ({seen.score:.2f} of 1 in the map)"
