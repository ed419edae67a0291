"""Picks as a RELION 5 particles star: Å from the tomogram's centre, which its extraction puts at index n/2."""

from pathlib import Path

from livetomo.formats.frame import Frame
from livetomo.formats.star import write_loop
from livetomo.picks import Picks

_POSITION = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


class Relion5:
    """`data_particles`, one row per pick, strongest first; angle columns only where picks have an orientation."""

    name = "relion5"
    ending = "star"

    def write(self, path: Path, picks: Picks, frame: Frame) -> None:
        """Write a new file; no picks are a file without rows."""
        columns = ["rlnTomoName", *_POSITION, *(_ANGLES if picks.euler is not None else ()), "rlnAutopickFigureOfMerit"]
        position = frame.centred_xyz_angstrom(picks).tolist()
        angles = picks.euler.astype(float).tolist() if picks.euler is not None else [[]] * len(picks)
        scores = picks.score.astype(float).tolist()
        rows = ([frame.name, *p, *a, s] for p, a, s in zip(position, angles, scores, strict=True))
        write_loop(path, "particles", columns, rows)
