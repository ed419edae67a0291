"""Simulated tomograms as files: volumes, and what is known about them."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.copick import CopickExporter
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import write_map
from livetomo.formats.relion import Relion5Exporter
from livetomo.simulate.tomogram import Simulated
from livetomo.simulate.truth import FEATURES

CHUNKS = 20


def write_slowly(
    path: Path,
    voxels: npt.NDArray[np.generic],
    voxel_size_angstrom: float,
    seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[float], None] = lambda share: None,
) -> None:
    """Write an MRC file in place, piece by piece, as reconstruction programs do; `progress` gets the written share.

    A reader that comes too early sees a file that ends too soon.
    """
    with TemporaryDirectory(prefix="livetomo-simulate-") as scratch:
        whole = Path(scratch) / "volume.mrc"
        z, y, x = voxels.shape
        write_map(whole, voxels, TomogramGeometry((z, y, x), voxel_size_angstrom), "livetomo simulate")
        content = whole.read_bytes()
    with path.open("wb") as file:
        for chunk in range(CHUNKS):
            start, stop = (len(content) * (chunk + step) // CHUNKS for step in (0, 1))
            file.write(content[start:stop])
            file.flush()
            progress((chunk + 1) / CHUNKS)
            if stop < len(content) and seconds > 0:
                sleep(seconds / (CHUNKS - 1))
        os.fsync(file.fileno())


def write_tomogram(folder: Path, name: str, simulated: Simulated, *, halves: bool = False) -> None:
    """`NAME.mrc`, its halves where wanted, and all that is known: see `write_truth`. The folder must exist."""
    volumes = {"": simulated.reconstruction.volume}
    if halves:
        volumes |= {"_EVN": simulated.reconstruction.even, "_ODD": simulated.reconstruction.odd}
    for tag, voxels in volumes.items():
        write_slowly(folder / f"{name}{tag}.mrc", voxels, simulated.geometry.voxel_size_angstrom, 0)
    write_truth(folder, name, simulated)


def write_truth(folder: Path, name: str, simulated: Simulated) -> None:
    """`NAME_labels.mrc`, `NAME_normal_z.mrc`, `NAME_<particle>.star` and `.copick.json`, and `NAME_truth.json`.

    labels:   int8, the position in `label_names` of `NAME_truth.json`, from 1; 0 is anything else.
    normal_z: int8, 0..100: the membrane normals' |z| in percent.
    """
    truth, geometry = simulated.truth, simulated.geometry
    for tag, voxels in (("labels", truth.labels), ("normal_z", np.rint(truth.normal_z * 100).astype(np.int8))):
        path = folder / f"{name}_{tag}.mrc"
        path.unlink(missing_ok=True)
        write_map(path, voxels, geometry, "livetomo simulate")
    frame = Frame(name, geometry)
    for particle, picks in truth.picks.items():
        placed = Placed(picks, frame)
        (folder / f"{name}_{particle}.star").write_text(Relion5Exporter().content(placed, particle), encoding="utf-8")
        (folder / f"{name}_{particle}.copick.json").write_text(
            CopickExporter().content(placed, particle), encoding="utf-8"
        )
    (folder / f"{name}_truth.json").write_text(json.dumps(facts(simulated), indent=1), encoding="utf-8")


def facts(simulated: Simulated) -> dict[str, Any]:
    """How a tomogram was made and what it holds, for programs."""
    return {
        "seed": simulated.seed,
        "specimen": simulated.specimen,
        "shape_zyx": list(simulated.geometry.shape_zyx),
        "voxel_size_angstrom": simulated.geometry.voxel_size_angstrom,
        "density": "dark",
        "label_names": list(FEATURES),
        "particles": {name: len(picks) for name, picks in simulated.truth.picks.items()},
        "slab": asdict(simulated.slab),
        "microscope": asdict(simulated.microscope),
    }
