"""The demo's microscope: a process that writes simulated tomograms slowly into a session's folder."""

import sys
from functools import partial
from pathlib import Path

import click

from livetomo.formats.frame import Frame, Placed
from livetomo.simulate.easy import Easy, simulate
from livetomo.simulate.session import AreTomo3Naming, Exposure, expose
from livetomo.system.json_parent import Parent


@click.command()
@click.argument("session", type=click.Path(file_okay=False, path_type=Path))
@click.option("--tomograms", type=int, required=True)
@click.option("--seed", type=int, required=True)
@click.option("--write-seconds", type=float, required=True)
def main(session: Path, tomograms: int, seed: int, write_seconds: float) -> None:
    """Write so many tomograms into SESSION, one after the other, and report each step to the parent."""
    parent = Parent()
    settings, naming = Easy(), AreTomo3Naming()
    session.mkdir(parents=True, exist_ok=True)

    def progress(name: str, share: float) -> None:
        parent.send({"tomogram": name, "state": "writing", "share": share})

    for number in range(1, tomograms + 1):
        name = f"TS_{number:02d}"
        parent.send({"tomogram": name, "state": "exposing"})
        reconstruction, truth = simulate(seed + number, settings)
        exposure = Exposure(name, settings.geometry.voxel_size_angstrom, settings.microscope, reconstruction)
        expose(session, exposure, naming, seconds=write_seconds, progress=partial(progress, name))
        position = Placed(truth.picks["ribosome"], Frame(name, settings.geometry)).corner_xyz_angstrom()
        parent.send({"tomogram": name, "state": "landed", "truth_xyz_angstrom": position.tolist()})
    parent.send({"state": "finished"})


if __name__ == "__main__":
    main(sys.argv[1:])
