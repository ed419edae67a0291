"""Picks for RELION 5 and RELION 4."""

from collections.abc import Mapping, Sequence

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.particle_columns import CENTRED, CORNER
from livetomo.formats.particles_star import ParticlesStar, series_word
from livetomo.formats.star import loop_text, pairs_text, parse_loops

OPTIMISATION_SET = "optimisation_set.star"


class Relion5Exporter(ParticlesStar):
    """Å from the tomogram's centre, which RELION 5's extraction puts at index n/2 (its Python picker writes n/2 - 1).

    For a session: `<feature>.star`, `tomograms.star` with what is known of each tomogram, and
    `<feature>_optimisation_set.star` that names both; `optimisation_set.star` is that of the first feature.
    Name your own tomograms.star in it if you have one from RELION's reconstruction.
    """

    name = "relion5"
    ending = "star"
    position = CENTRED

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        particles = f"{feature}.star"
        both = pairs_text(
            "optimisation_set", {"rlnTomoParticlesFile": particles, "rlnTomoTomogramsFile": "tomograms.star"}
        )
        return {
            particles: self.table(sets),
            "tomograms.star": _tomograms(sets),
            f"{feature}_{OPTIMISATION_SET}": both,
            OPTIMISATION_SET: both,
        }

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called; each must be in the list of tomograms."""
        listed = parse_loops(files["tomograms.star"])["global"]["rlnTomoName"]
        read = self.read_table(files[f"{feature}.star"], frames)
        return {name: read.get(name, Picks.none()) for name in listed}

    def places(self, placed: Placed) -> Points:
        """Å from the centre."""
        return placed.centred_xyz_angstrom()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return frame.geometry.of_centred(places)


def _tomograms(sets: Sequence[Placed]) -> str:
    columns = (
        "rlnTomoName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning", "rlnTomoSizeX", "rlnTomoSizeY",
        "rlnTomoSizeZ",
    )  # fmt: skip
    frames = {series_word(placed.frame): placed.frame for placed in sets}
    # a tilt series has one row, however many tomograms were made of it
    rows = [(name, frame.pixel_angstrom, frame.binning, *frame.unbinned_xyz) for name, frame in frames.items()]
    return loop_text("global", columns, rows)


class Relion4Exporter(ParticlesStar):
    """Unbinned pixels from the centre of the first voxel; without a known pixel size, those of the tomogram."""

    name = "relion4"
    ending = "star"
    position = CORNER

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"{feature}.star": self.table(sets)}

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called."""
        return self.read_table(files[f"{feature}.star"], frames)

    def places(self, placed: Placed) -> Points:
        """Unbinned pixels from the first voxel."""
        return placed.corner_xyz_pixels()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return frame.voxels_of_pixels(places)
