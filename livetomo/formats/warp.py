"""Picks for Warp and M, which read a star like RELION's."""

from collections.abc import Mapping, Sequence

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import plain
from livetomo.formats.particle_columns import CORNER
from livetomo.formats.particles_star import ParticlesStar


class WarpExporter(ParticlesStar):
    """For Warp's and M's `ts_export_particles`: voxels from 0 in the tomogram, to be given with `--coords_angpix`.

    The tilt series is named as Warp's `.tomostar` file. Coordinates centred in Å are refused by it.
    """

    name = "warp"
    ending = "star"
    block = ""
    name_column = "rlnMicrographName"
    position = CORNER

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths: one for each voxel size, since Warp takes one."""
        by_path: dict[str, list[Placed]] = {}
        for placed in sorted(sets, key=lambda placed: placed.frame.geometry.voxel_size_angstrom):
            by_path.setdefault(self._path(placed.frame, feature), []).append(placed)
        return {path: self.table(those) for path, those in by_path.items()}

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called."""
        read: dict[str, Picks] = {}
        for path in dict.fromkeys(self._path(frame, feature) for frame in frames):
            read |= self.read_table(files[path], [frame for frame in frames if self._path(frame, feature) == path])
        return read

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the files."""
        return plain(frame.series)

    def named(self, placed: Placed) -> str:
        """The name of Warp's own file."""
        return f"{self.called(placed.frame)}.tomostar"

    def places(self, placed: Placed) -> Points:
        """Voxels from the first one."""
        return placed.voxels_xyz()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return places

    @staticmethod
    def _path(frame: Frame, feature: str) -> str:
        """Two digits of the voxel size, and two more if these are not enough."""
        size = round(frame.geometry.voxel_size_angstrom, 4)
        return f"{feature}_{size:.2f}A.star" if size == round(size, 2) else f"{feature}_{size:.4f}A.star"
