"""Picks for PEET: an IMOD model, and beside it the initial motive list."""

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import Exporter, picks_at
from livetomo.formats.frame import Frame, Placed, zyz
from livetomo.formats.imod_model import model_bytes, read_model
from livetomo.formats.names import plain

_HEAD = (
    "CCC,reserved,reserved,pIndex,wedgeWT,NA,NA,NA,NA,NA,xOffset,yOffset,zOffset,NA,NA,reserved,EulerZ(1),EulerZ(3),"
    "EulerX(2),reserved"
)
_ANGLES = ("EulerZ(1)", "EulerZ(3)", "EulerX(2)")


class PeetExporter(Exporter[bytes]):
    """`<tomogram>_<feature>.mod` and `_initMOTL.csv` for each tomogram: PEET's `fnModParticle` and `initMOTL`.

    The model holds the points, the list each one's score, no offset, and phi, psi and theta (ZXZ). A result's own file
    is the model alone.
    """

    name = "peet"
    ending = "mod"
    counts_in_file = True

    def content(self, placed: Placed, feature: str) -> bytes:
        return model_bytes(placed, feature)

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, bytes]:
        files: dict[str, bytes] = {}
        for placed in sets:
            model, motives = self._paths(placed.frame, feature)
            files |= {model: self.content(placed, feature), motives: _motives(placed).encode()}
        return files

    def called(self, frame: Frame) -> str:
        return plain(frame.name)

    def read(self, content: bytes, frame: Frame) -> Picks:
        """The inverse of `content`; angles are not in it."""
        return picks_at(*read_model(content))

    def read_session(self, files: Mapping[str, bytes], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        found = {}
        for frame in frames:
            model, motives = self._paths(frame, feature)
            places, _ = read_model(files[model])
            rows = list(csv.DictReader(io.StringIO(files[motives].decode()), strict=True))
            if len(rows) != len(places):
                raise ValueError(f"{motives} has {len(rows)} rows for {len(places)} points")
            angles = np.array([[row[name] for name in _ANGLES] for row in rows], np.float64).reshape(-1, 3)
            found[self.called(frame)] = picks_at(places, [float(row["CCC"]) for row in rows], zyz(angles))
        return found

    def _paths(self, frame: Frame, feature: str) -> tuple[str, str]:
        stem = f"{self.called(frame)}_{feature}"
        return f"{stem}.mod", f"{stem}_initMOTL.csv"


def _motives(placed: Placed) -> str:
    lines = [_HEAD]
    scores = placed.picks.score.astype(float).tolist()
    for number, (score, angles) in enumerate(zip(scores, placed.zxz().tolist(), strict=True), start=1):
        turned = [f"{angle:.4f}" for angle in angles]
        lines.append(",".join([f"{score:.6f}", "0", "0", str(number), *["0"] * 12, *turned, "0"]))
    return "\n".join(lines) + "\n"
