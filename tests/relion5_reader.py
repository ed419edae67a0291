"""RELION 5 reads what a session exports: its rules as its documentation, its users and its behaviour have them.

What it reads, from the folder of its project: an optimisation set names a particles star and a tomograms star; the
table `global` of that has a row for each tilt series, with the microscope, pixel size, unbinned size and the star of
its images; the table `particles` names a tilt series of it in each row, and has centred Å. In the star of a tilt
series, the table of its name has a row for each view. *Import coordinates* reads a list of two columns, `rlnTomoName`
and `rlnTomoImportParticleFile`, in a table without a name; each file has particles.
"""

from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import starfile

NEEDED = (
    "rlnTomoName", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnTomoHand",
    "rlnTomoTiltSeriesPixelSize", "rlnTomoTiltSeriesStarFile", "rlnTomoSizeX", "rlnTomoSizeY", "rlnTomoSizeZ",
)  # fmt: skip
NEEDED_OF_VIEWS = (
    "rlnMicrographName", "rlnMicrographPreExposure", "rlnTomoXTilt", "rlnTomoYTilt", "rlnTomoZRot",
    "rlnTomoXShiftAngst", "rlnTomoYShiftAngst", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle",
    "rlnTomoNominalStageTiltAngle",
)  # fmt: skip


class Refused(Exception):
    """RELION would end with an error, or take particles for other ones."""


def table(path: Path, block: str):
    if not path.is_file():
        raise Refused(f"{path} is not there")
    blocks = starfile.read(path, always_dict=True, parse_as_string=["rlnTomoName"])
    if block not in blocks:
        raise Refused(f"{path.name} has no table {block}")
    return blocks[block]


def tomograms_of(project: Path, optimisation_set: Path):
    """The tables of particles and tomograms that an optimisation set names."""
    names = table(optimisation_set, "optimisation_set")
    particles = table(project / names["rlnTomoParticlesFile"], "particles")
    tomograms = table(project / names["rlnTomoTomogramsFile"], "global")
    if missing := [label for label in NEEDED if label not in tomograms]:
        raise Refused(f"tomograms.star lacks {', '.join(missing)}")
    return particles, tomograms


def views_of(project: Path, row) -> pd.DataFrame:
    """The views of a row of the tomograms star."""
    path = project / row["rlnTomoTiltSeriesStarFile"]
    views = table(path, str(row["rlnTomoName"]))
    if missing := [label for label in NEEDED_OF_VIEWS if label not in views]:
        raise Refused(f"{path.name} lacks {', '.join(missing)}")
    if views["rlnMicrographName"].duplicated().any():
        raise Refused(f"{path.name} has an image twice")
    return views


def extract(project: Path, optimisation_set: Path) -> dict[str, np.ndarray]:
    """The unbinned pixels around which RELION's job Extract cuts, by tilt series, run from the project's folder."""
    particles, tomograms = tomograms_of(project, optimisation_set)
    for _, row in tomograms.iterrows():
        views_of(project, row)
    if "rlnTomoParticleName" not in particles:
        raise Refused("particles have no names")
    if not particles["rlnTomoParticleName"].is_unique:
        raise Refused("two particles have one name")
    found = {}
    for name, rows in particles.groupby("rlnTomoName"):
        those = tomograms[tomograms["rlnTomoName"] == name]
        if len(those) != 1:
            raise Refused(f"there is no tomogram {name}")
        if not rows["rlnTomoParticleName"].str.startswith(f"{name}/").all():
            raise Refused("a particle has the name of another tilt series")
        size = those[[f"rlnTomoSize{axis}" for axis in "XYZ"]].to_numpy(float)[0]
        pixel = float(those["rlnTomoTiltSeriesPixelSize"].iloc[0])
        centred = rows[[f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]].to_numpy(float)
        found[str(name)] = centred / pixel + size / 2
    return found


def imported(project: Path, listed: Path) -> dict[str, int]:
    """The number of particles by tilt series that the job Import takes from a list."""
    rows = table(listed, "")
    if set(rows) != {"rlnTomoName", "rlnTomoImportParticleFile"}:
        raise Refused("does not contain coordinate file names (rlnTomoImportParticleFile)")
    counts = {}
    for name, path in zip(rows["rlnTomoName"], rows["rlnTomoImportParticleFile"], strict=True):
        particles = table(project / path, "particles")
        if not len(particles):
            raise Refused(f"{path} is empty")
        counts[str(name)] = len(particles)
    return counts


@dataclass(frozen=True)
class Seen:
    """A particle in a view: number of the image in its stack, from 1; pixel index x, y; defocus U, Å."""

    image: int
    pixel_xy: np.ndarray
    defocus: float


def project_particles(project: Path, optimisation_set: Path) -> dict[str, list[list[Seen]]]:
    """Where RELION 5 looks for each particle in each view, by tilt series, in the order of the stars.

    Tomogram::setProjectionMatrix has, applied from the right, a move of `size // 2` of the volume to the origin,
    right-handed rotations about x, y and z by rlnTomoXTilt, rlnTomoYTilt and rlnTomoZRot, and a move to the image's
    `size // 2` plus the shifts; pixels count from 0 at the first one's centre. The defocus grows by rlnTomoHand times
    the third coordinate from the volume's `size / 2` (Tomogram::getCtf).
    """
    positions = extract(project, optimisation_set)
    _, tomograms = tomograms_of(project, optimisation_set)
    seen: dict[str, list[list[Seen]]] = {}
    for _, row in tomograms.iterrows():
        name, pixel = str(row["rlnTomoName"]), float(row["rlnTomoTiltSeriesPixelSize"])
        size = row[[f"rlnTomoSize{axis}" for axis in "XYZ"]].to_numpy(int)
        views = views_of(project, row)
        number, stack = zip(*(image.split("@") for image in views["rlnMicrographName"]), strict=True)
        (path,) = set(stack)
        if not path.endswith(":mrcs"):
            raise Refused(f"{path} would be read as a volume")
        with mrcfile.mmap(project / path.removesuffix(":mrcs"), permissive=True) as file:
            images, height, width = file.data.shape
        if max(map(int, number)) > images:
            raise Refused(f"{path} has no image {max(number)}")
        seen[name] = [
            [
                _seen(view, int(image), position, size, (width, height), pixel, float(row["rlnTomoHand"]))
                for (_, view), image in zip(views.iterrows(), number, strict=True)
            ]
            for position in positions.get(name, [])
        ]
    return seen


def _seen(view, image, position, size, image_size, pixel, hand) -> Seen:
    x, y, z = np.radians([view["rlnTomoXTilt"], view["rlnTomoYTilt"], view["rlnTomoZRot"]])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    turned = about_z @ about_y @ about_x
    shift = np.array([view["rlnTomoXShiftAngst"], view["rlnTomoYShiftAngst"]]) / pixel
    place = (turned @ (position - size // 2))[:2] + np.array(image_size) // 2 + shift
    depth = (turned @ (position - size / 2))[2]
    return Seen(image, place, float(view["rlnDefocusU"]) + hand * pixel * depth)
