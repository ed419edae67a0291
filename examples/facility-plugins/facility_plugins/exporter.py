"""An exporter: XYZ files, which viewers of molecules read: a count, a comment, and one particle on each line."""

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram
from livetomo.formats.frame import Frame, Placed


class Xyz(PerTomogram[str]):
    """x, y, z in Å from the centre of the first voxel, then the score. A session is a file for each tomogram."""

    name = "xyz"
    ending = "xyz"

    def content(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram; no picks are a file without rows."""
        rows = np.column_stack([placed.corner_xyz_angstrom(), placed.picks.score]).tolist()
        lines = [f"P {x:.3f} {y:.3f} {z:.3f} {score:.6f}" for x, y, z, score in rows]
        return "\n".join([str(len(lines)), f"{feature} of {self.called(placed.frame)}", *lines]) + "\n"

    def path(self, called: str, feature: str) -> str:
        """Where the file of a tomogram lies in a session's folder."""
        return f"{called}_{feature}.xyz"

    def read(self, content: str, frame: Frame) -> Picks:
        """The inverse of `content`: livetomo reads back what it has written before it replaces older files."""
        count, _, *lines = content.splitlines()
        if len(lines) != int(count):
            raise ValueError(f"{count} particles are declared, and there are {len(lines)}")
        table = np.array([line.split()[1:] for line in lines], np.float64).reshape(-1, 4)
        position = frame.geometry.of_corner(table[:, :3])[:, ::-1].astype(np.float32)
        return Picks(position, table[:, 3].astype(np.float32), np.full(len(lines), np.nan, np.float32))
