"""Particles of one feature in one tomogram."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Picks:
    """Particles of one feature in one tomogram, strongest first.

    position: float32 (n, 3), voxel index (z, y, x), 0-based, voxel centres.
    score:    float32 (n,), 0..1.
    volume:   float32 (n,), Å³.
    euler:    float32 (n, 3) or None, RELION rot, tilt, psi (intrinsic ZYZ), degrees.
    false_share: float32 (n,) or None where it was not estimated, the expected share of false picks among all of the
        tomogram that are at least as strong, 0..1; it does not fall with the score.
    match_score: float32 (n,) or None where no map was compared, how well the feature's density map fits, -1..1.
    """

    position: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    volume: npt.NDArray[np.float32]
    euler: npt.NDArray[np.float32] | None = None
    false_share: npt.NDArray[np.float32] | None = None
    match_score: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.score)

    def above(self, score: float) -> "Picks":
        """Those whose score is at least `score`."""
        return self.where(self.score >= score)

    def where(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Picks":
        """Those that `kept` selects: a mask, or indices in the wanted order."""
        return Picks(
            self.position[kept],
            self.score[kept],
            self.volume[kept],
            None if self.euler is None else self.euler[kept],
            None if self.false_share is None else self.false_share[kept],
            None if self.match_score is None else self.match_score[kept],
        )

    @staticmethod
    def none() -> "Picks":
        """No particle: a result like any other."""
        empty = np.zeros(0, np.float32)
        return Picks(np.zeros((0, 3), np.float32), empty, empty)
