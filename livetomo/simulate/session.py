"""A live session: tomograms that appear one after the other, named and completed as a producer does it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from livetomo.simulate.microscope import Microscope, SimulatedReconstruction
from livetomo.simulate.shapes import Matrix
from livetomo.simulate.write import write_slowly

CTF_RESOLUTION_ANGSTROM = 12.0  # of the raw views, whatever the voxels of the reconstruction
Voxel = type[np.floating[Any]]
METRICS_HEADING = (
    "Tilt_Series,Thickness(Pix),Tilt_Axis,Global_Shift(Pix),Bad_Patch_Low,Bad_Patch_All,Defocus(A),ExtPhase(Deg),"
    "CTF_Res(A),CTF_Score,DF_Hand,Pix_Size(A),Cs(nm),Kv,Alpha0,Beta0\n"
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a producer has to write: a tomogram by its name, with or without its halves."""

    name: str
    voxel_size_angstrom: float
    microscope: Microscope
    reconstruction: SimulatedReconstruction
    halves: bool = False


class Naming(ABC):
    """How a producer names and completes what it writes, below the session's folder."""

    dtype: Voxel = np.float32

    @abstractmethod
    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        """The volumes by their paths, in the order in which they are written."""

    def complete(self, session: Path, exposure: Exposure) -> None:  # noqa: B027
        """Write what says that they are complete, and what else lies beside them: nothing, if it is not overridden."""


def _with_halves(exposure: Exposure, whole: str, even: str, odd: str) -> dict[str, npt.NDArray[np.float32]]:
    made = exposure.reconstruction
    halves = {even: made.even, odd: made.odd} if exposure.halves else {}
    return {whole: made.volume, **halves}


def _tilts(exposure: Exposure) -> Matrix:
    low, high, step = exposure.microscope.tilts_degrees
    return np.arange(low, high + step / 2, step)


class AreTomo3Naming(Naming):
    """`P_Vol.mrc`, `P_EVN_Vol.mrc`, `P_ODD_Vol.mrc`; then `P.aln`, `P_TLT.txt` and a row of the session's metrics."""

    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        name = exposure.name
        return _with_halves(exposure, f"{name}_Vol.mrc", f"{name}_EVN_Vol.mrc", f"{name}_ODD_Vol.mrc")

    def complete(self, session: Path, exposure: Exposure) -> None:
        tilts = _tilts(exposure)
        order = np.argsort(np.argsort(np.abs(tilts), kind="stable"))
        depth, height, width = exposure.reconstruction.volume.shape
        rows = [
            f"{i + 1:5d}  0.0000  1.00000  0.000  0.000  1.00  1.00  1.00  0.00 {t:9.2f}" for i, t in enumerate(tilts)
        ]
        head = ["# AreTomo Alignment / Priims bprmMn", f"# RawSize = {width} {height} {len(tilts)}", "# NumPatches = 0"]
        head += ["# AlphaOffset =     0.00", "# BetaOffset =     0.00", f"# Thickness = {depth}"]
        head += ["# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE     TILT"]
        (session / f"{exposure.name}.aln").write_text("\n".join([*head, *rows]) + "\n", encoding="ascii")
        lines = (
            f"{tilt:8.2f} {turn + 1:4d} {exposure.microscope.dose:8.2f}\n"
            for tilt, turn in zip(tilts, order, strict=True)
        )
        (session / f"{exposure.name}_TLT.txt").write_text("".join(lines), encoding="ascii")
        metrics = session / "TiltSeries_Metrics.csv"
        if not metrics.exists():
            metrics.write_text(METRICS_HEADING, encoding="ascii")
        defocus, size = exposure.microscope.defocus_angstrom, exposure.voxel_size_angstrom
        ctf = f"{defocus:9.1f}, 0.00, {CTF_RESOLUTION_ANGSTROM:6.2f}, 0.1000, 1"
        cells = f"{depth:6d}, 0.00, 0.00, 0.00, 0.00, {ctf}, {size:6.2f}"
        row = f"{exposure.name}.mrc, {cells}, 2.70, 300, "
        with metrics.open("a", encoding="ascii") as file:
            file.write(row + "0.00, 0.00\n")


class CryoemServicesNaming(Naming):
    """AreTomo's `P_Vol.mrc`, written again where it lies, turned by a quarter; then a picture. There are no halves."""

    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        """See `Naming`. As AreTomo leaves it."""
        return {f"{exposure.name}_Vol.mrc": np.rot90(exposure.reconstruction.volume, axes=(1, 2))}

    def complete(self, session: Path, exposure: Exposure) -> None:
        stem, volume = session / f"{exposure.name}_Vol", exposure.reconstruction.volume
        write_slowly(stem.with_name(f"{stem.name}.mrc"), volume, exposure.voxel_size_angstrom, 0)
        middle = volume[len(volume) // 2]
        grey = np.interp(middle, np.percentile(middle, (1, 99)), (0, 255)).astype(np.uint8)
        Image.fromarray(grey).save(stem.with_name(f"{stem.name}_thumbnail.jpeg"))


class WarpNaming(Naming):
    """`reconstruction/TS_10.00Apx.mrc`, halves of the same name in `even` and `odd` below it; float16."""

    dtype: Voxel = np.float16

    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        """See `Naming`. Halves first, so that they are there when the whole is."""
        file = f"{exposure.name}_{exposure.voxel_size_angstrom:.2f}Apx.mrc"
        named = _with_halves(
            exposure, f"reconstruction/{file}", f"reconstruction/even/{file}", f"reconstruction/odd/{file}"
        )
        return dict(reversed(named.items()))


class Relion5Naming(Naming):
    """Every tomogram in a job of its own: `Tomograms/job001/tomograms/rec_TS.mrc`, complete with the job's marker."""

    def __init__(self) -> None:
        self._jobs: dict[str, str] = {}

    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        job = self._jobs.setdefault(exposure.name, f"Tomograms/job{len(self._jobs) + 1:03d}")
        stem = f"{job}/tomograms/rec_{exposure.name}"
        return _with_halves(exposure, f"{stem}.mrc", f"{stem}_half1.mrc", f"{stem}_half2.mrc")

    def complete(self, session: Path, exposure: Exposure) -> None:
        (session / self._jobs[exposure.name] / "RELION_JOB_EXIT_SUCCESS").touch()


class ImodNaming(Naming):
    """`TS/TS_rec.mrc` in the data set's folder, halves as labs' scripts name them, the angles beside it."""

    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        stem = f"{exposure.name}/{exposure.name}"
        return _with_halves(exposure, f"{stem}_rec.mrc", f"{stem}_even_rec.mrc", f"{stem}_odd_rec.mrc")

    def complete(self, session: Path, exposure: Exposure) -> None:
        angles = "".join(f"{tilt:8.2f}\n" for tilt in _tilts(exposure))
        (session / exposure.name / f"{exposure.name}.tlt").write_text(angles, encoding="ascii")


class GenericNaming(Naming):
    """`TS.mrc`, `TS_even.mrc`, `TS_odd.mrc`, and nothing else."""

    def volumes(self, exposure: Exposure) -> Mapping[str, npt.NDArray[np.float32]]:
        name = exposure.name
        return _with_halves(exposure, f"{name}.mrc", f"{name}_even.mrc", f"{name}_odd.mrc")


NAMINGS: Mapping[str, Callable[[], Naming]] = {
    "aretomo3": AreTomo3Naming,
    "cryoem_services": CryoemServicesNaming,
    "generic": GenericNaming,
    "imod": ImodNaming,
    "relion5": Relion5Naming,
    "warp": WarpNaming,
}


def expose(
    session: Path,
    exposure: Exposure,
    naming: Naming,
    *,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[float], None] = lambda share: None,
) -> None:
    """Write one tomogram as its producer would, over so many seconds; `progress` gets each volume's written share."""
    volumes = naming.volumes(exposure)
    for path, voxels in volumes.items():
        place = session / path
        place.parent.mkdir(parents=True, exist_ok=True)
        written = voxels.astype(naming.dtype, copy=False)
        write_slowly(
            place, written, exposure.voxel_size_angstrom, seconds / len(volumes), sleep=sleep, progress=progress
        )
    naming.complete(session, exposure)
