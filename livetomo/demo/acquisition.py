"""The demo's microscope: a process that writes simulated tomograms slowly into a session's folder."""

import sys
import time
from pathlib import Path

import click
import numpy as np

from livetomo.formats.mrc import Geometry, write_map
from livetomo.processes import Parent
from livetomo.simulate.easy import Easy, simulate

CHUNKS = 20


@click.command()
@click.argument("session", type=click.Path(file_okay=False, path_type=Path))
@click.option("--tomograms", type=int, required=True)
@click.option("--seed", type=int, required=True)
@click.option("--write-seconds", type=float, required=True)
def main(session: Path, tomograms: int, seed: int, write_seconds: float) -> None:
    """Write so many tomograms into SESSION, one after the other, and tell the parent about each step."""
    parent = Parent()
    settings = Easy()
    session.mkdir(parents=True, exist_ok=True)
    for number in range(1, tomograms + 1):
        name = f"TS_{number:02d}"
        parent.send({"tomogram": name, "state": "exposing"})
        volume, truth = simulate(seed + number, settings)
        scratch = session.parents[1] / f"{name}.mrc"  # outside the folder that is watched
        write_map(scratch, volume, Geometry(settings.voxel_size_angstrom))
        content = scratch.read_bytes()
        scratch.unlink()
        # Like a reconstruction program, in place: whoever reads too early sees a file that ends too soon.
        with (session / f"{name}.mrc").open("wb") as file:
            for chunk in range(CHUNKS):
                start, stop = (len(content) * (chunk + step) // CHUNKS for step in (0, 1))
                file.write(content[start:stop])
                file.flush()
                parent.send({"tomogram": name, "state": "writing", "share": (chunk + 1) / CHUNKS})
                if stop < len(content):
                    time.sleep(write_seconds / (CHUNKS - 1))
        position = truth.picks["ribosome"].position[:, ::-1] * np.float32(settings.voxel_size_angstrom)
        parent.send({"tomogram": name, "state": "landed", "truth_xyz_angstrom": position.tolist()})
    parent.send({"state": "finished"})


if __name__ == "__main__":
    main(sys.argv[1:])
