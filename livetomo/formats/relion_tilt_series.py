"""A complete tomograms.star for RELION 5, and the star of each tilt series that it names.

RELION 5 (Tomogram::setProjectionMatrix, TomogramSet::loadTomogram) finds a particle, whose centred Å divided by the
pixel size are c, in a view at index

    N // 2 + shift + [Rz(rlnTomoZRot) Ry(rlnTomoYTilt) Rx(rlnTomoXTilt) c]_xy        rotations right-handed, degrees

N being the size of the image. It takes size // 2 for the centre of the volume there and size / 2 where it reads
coordinates, so sizes are written even. The defocus of a particle is that of the view plus rlnTomoHand times the third
row of the same product (Tomogram::getCtf).

`TiltViews` count from the middle of image and volume, (N - 1) / 2; the shifts in the star have the difference, and that
of our centred coordinates, which begin at n / 2 voxels: half a voxel along each axis, which each view sees otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from livetomo.core.tilt_views import TiltViews
from livetomo.formats.frame import Frame, Points
from livetomo.formats.names import plain
from livetomo.formats.star import Row, loop_text
from livetomo.formats.tilt_images import TiltImages

GLOBAL_COLUMNS = (
    "rlnTomoName", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnMicrographOriginalPixelSize",
    "rlnTomoHand", "rlnOpticsGroupName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTiltSeriesStarFile",
    "rlnTomoTomogramBinning", "rlnTomoSizeX", "rlnTomoSizeY", "rlnTomoSizeZ",
)  # fmt: skip
VIEW_COLUMNS = (
    "rlnMicrographName", "rlnTomoNominalStageTiltAngle", "rlnMicrographPreExposure", "rlnTomoXTilt", "rlnTomoYTilt",
    "rlnTomoZRot", "rlnTomoXShiftAngst", "rlnTomoYShiftAngst", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle",
)  # fmt: skip
PHASE_SHIFT = "rlnPhaseShift"
_OPTICS_GROUP = "opticsGroup1"
_CROPPED_VOXELS = 2.0  # programs cut a remainder of the binning, and make sizes even


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that RELION needs: `what`, a clause, and `how` a person gives it, a sentence. why: of this tomogram."""

    what: str
    how: str
    why: str = field(default="", compare=False)


def missing(name: str, frame: Frame) -> Iterator[Missing]:
    """What is not known of the tomogram that its row needs; nothing where it can be written."""
    images = frame.tilt_images
    if images is None or images.views is None:
        how = "livetomo reads it from files of AreTomo3 or IMOD beside the tomogram; docs/averaging.md says which."
        yield Missing(
            "it is not known where the views of the tilt series lie", how, images.why_no_views if images else ""
        )
        return
    views, known = images.views, images.acquisition
    if plain(name) != name:
        yield Missing("the name cannot be that of a table", "Rename it in the program that made it.")
    if images.why_no_stack:
        yield Missing("the stack of images cannot be used", "Put it where it was.", images.why_no_stack)
    if frame.pixel_size_angstrom is None:
        yield Missing("the unbinned pixel size is not known", "Give --pixel-size.")
    elif cropped := _cropped(frame, views):
        yield Missing("the volume was cropped, and nothing says where", "Export one that was not.", cropped)
    for key, noun in _ACQUISITION.items():
        if getattr(known, key) is None:
            yield Missing(f"{noun} is not known", _give(key))
    if not _pre_exposure(images):
        if views.images_before:
            yield Missing("the dose of the images is not known", _give("view_dose_electrons_per_angstrom2"))
        else:
            how = "The mdoc's times, or AreTomo3's _TLT.txt, say it."
            yield Missing("the order in which the images were taken is not known", how)
    if not views.defocus_u_angstrom:
        yield Missing("the defocus of the views is not known", "_CTF.txt or _ctffind4.txt beside the tomogram says it.")


_ACQUISITION: Mapping[str, str] = {
    "voltage_kilovolt": "the voltage",
    "spherical_aberration_mm": "the spherical aberration",
    "amplitude_contrast": "the amplitude contrast",
    "hand": "the hand (whether defocus grows with z)",
}
_OPTIONS: Mapping[str, str] = {
    "voltage_kilovolt": "--voltage",
    "spherical_aberration_mm": "--spherical-aberration",
    "amplitude_contrast": "--amplitude-contrast",
    "hand": "--hand",
    "view_dose_electrons_per_angstrom2": "--view-dose",
}


def _give(key: str) -> str:
    return f"Give {_OPTIONS[key]}, or {key} of the watch."


def _cropped(frame: Frame, views: TiltViews) -> str:
    """Why the volume's middle is not that of what the alignment counts from; empty where it is."""
    shape = frame.geometry.shape_zyx[::-1]
    for axis, extent, voxels in zip("xyz", views.extent_xyz, shape, strict=True):
        if extent and abs(extent / frame.binning - voxels) > _CROPPED_VOXELS:
            return f"it has {voxels} voxels along {axis}, and the whole images {extent / frame.binning:.0f}"
    return ""


def global_table(frames: Mapping[str, Frame], stars: Mapping[str, str]) -> str:
    """The table `global` of complete tomograms, by their rlnTomoName; `stars`: the paths of their tilt series."""
    rows: list[Row] = []
    for name, frame in frames.items():
        assert frame.tilt_images is not None
        known = frame.tilt_images.acquisition
        sizes = (2 * -(-size // 2) for size in frame.unbinned_xyz)
        optics = (known.voltage_kilovolt, known.spherical_aberration_mm, known.amplitude_contrast)
        row: list[str | int | float] = [name, *map(_number, optics), frame.pixel_angstrom, _number(known.hand)]
        rows.append([*row, _OPTICS_GROUP, frame.pixel_angstrom, stars[name], frame.binning, *sizes])
    return loop_text("global", GLOBAL_COLUMNS, rows)


def tilt_series_table(name: str, frame: Frame, stack: str) -> str:
    """The star of a complete tomogram's tilt series; `stack`: the path of its images, as RELION finds it.

    An image is called by its number, the stack, and `:mrcs`: with that RELION reads a stack whatever its file's ending.
    """
    images = frame.tilt_images
    assert images is not None
    views = images.views
    assert views is not None
    shifts = _shifts_pixels(frame, views) * frame.pixel_angstrom
    columns: list[Sequence[str | float]] = [
        [f"{section + 1:06d}@{stack}:mrcs" for section in views.section],
        views.nominal_tilt_degrees,
        _pre_exposure(images),
        [0.0] * len(views),
        views.tilt_degrees,
        views.axis_degrees,
        *shifts.T.tolist(),
        views.defocus_u_angstrom,
        views.defocus_v_angstrom,
        views.defocus_angle_degrees,
    ]
    labels: tuple[str, ...] = VIEW_COLUMNS
    if views.phase_shift_degrees:
        columns.append(views.phase_shift_degrees)
        labels = (*labels, PHASE_SHIFT)
    rows = [tuple(map(_word_or_number, row)) for row in zip(*columns, strict=True)]
    return loop_text(name, labels, rows)


def _shifts_pixels(frame: Frame, views: TiltViews) -> Points:
    """(n, 2) x, y: rlnTomoXShiftAngst and rlnTomoYShiftAngst, in unbinned pixels."""
    tilt, axis = np.radians(views.tilt_degrees), np.radians(views.axis_degrees)
    ours = np.array(frame.tilt_series.centre_xyz_angstrom(frame.geometry)) / frame.pixel_angstrom
    middle = (np.array(frame.geometry.shape_zyx[::-1]) - 1) / 2 * frame.binning
    x, y, z = ours - middle
    u, v = x * np.cos(tilt) + z * np.sin(tilt), np.full(len(views), y)
    half: Points = np.column_stack([u * np.cos(axis) - v * np.sin(axis), u * np.sin(axis) + v * np.cos(axis)])
    width, height, _ = views.stack_size_xyn
    image = [(size - 1) / 2 - size // 2 for size in (width, height)]
    return np.column_stack([views.shift_x_pixels, views.shift_y_pixels]) + half + image


def _pre_exposure(images: TiltImages) -> Sequence[float]:
    """e/Å² before each view: by the dose of each image that a person says, or else by the files; empty if unknown."""
    views, dose = images.views, images.acquisition.view_dose_electrons_per_angstrom2
    assert views is not None
    if dose and views.images_before:
        return [dose * before for before in views.images_before]
    return views.pre_exposure_electrons_per_angstrom2


def _number(value: float | None) -> float:
    assert value is not None
    return float(value)


def _word_or_number(value: str | float) -> str | float:
    return value if isinstance(value, str) else float(value)
