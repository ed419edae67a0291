"""The views of a tilt series that IMOD has aligned: .xf, .tlt, .rawtlt, newst.com, tilt.com, and the mdoc.

- `.xf` and newst.com (man pages xf, newstack): a point of the raw image at p from its middle comes to A p + d in the
  aligned one, unbinned; the middle stays. So it is at A^-1 (aligned - d) from the raw one's. RELION 5 takes -A^-1 d for
  its shifts, and A's angle for rlnTomoZRot, when it has run IMOD.
- `.tlt` and tilt.com (man page tilt): row t of a section of R_full_rec has its part of the aligned image at
  x cos(tilt) - t sin(tilt) from the axis (RELION 4's import of tilt.com, jaz/tomography/imod_import.cpp), and
  OFFSET is added to each tilt. livetomo turns R_full_rec by -90 degrees about x, as `trimvol -rx`: z is -t there, hence
  x cos(tilt) + z sin(tilt). RELION 5 takes `.tlt` for rlnTomoYTilt as it is.
- EXCLUDELIST in tilt.com: numbers of views, from 1, which the volume is made without.

What trimvol has cut or turned, R_rec, is not taken: no file that livetomo knows says how. Local alignments are left
out.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from livetomo.core.tilt_views import Column, TiltViews
from livetomo.intake.sidecars.image_order import ImageOrder, order_of_mdoc
from livetomo.intake.sidecars.imod import com_lines, settings
from livetomo.intake.sidecars.mdoc import acquired_images
from livetomo.intake.sidecars.numbers import NotUnderstood, number, rows, tidy

ALIGNMENT, ALIGNED_STACK, RECONSTRUCTION = "IMOD alignment", "IMOD aligned stack", "IMOD reconstruction"
TILTS, RAW_TILTS, X_TILTS, CTF = "aligned tilts", "acquired tilts", "tilts around X", "CTF fit"
_NEEDED = {ALIGNED_STACK: "newst.com", RECONSTRUCTION: "tilt.com", TILTS: ".tlt", RAW_TILTS: ".rawtlt"}
_STRETCH = 2e-3  # of a point's distance from the middle: 4 pixels at the edge of 4,000


def read_imod_views(files: Mapping[str, str], mdoc: str, *, is_full: bool) -> TiltViews:
    """The views in `files`, texts by what kind of sidecar they are.

    is_full: the volume is R_full_rec, which has not been trimmed.

    Raises:
        NotUnderstood: they do not say where a point of the volume lies in the views, or do not agree.
    """
    if not is_full:
        raise NotUnderstood("trimvol has cut and turned the volume, and no file says how; R_full_rec can be taken")
    if absent := [name for kind, name in _NEEDED.items() if kind not in files]:
        raise NotUnderstood(f"{' and '.join(absent)} of this data set cannot be read, or are not there")
    align, tilt = settings(files[ALIGNED_STACK]), settings(files[RECONSTRUCTION])
    table = list(rows(files[ALIGNMENT].splitlines(), 6))
    tilts, stage = (_column(files[kind]) for kind in (TILTS, RAW_TILTS))
    if not len(table) == len(tilts) == len(stage):
        raise NotUnderstood(f".xf has {len(table)} views, .tlt {len(tilts)}, and .rawtlt {len(stage)}")
    _refuse_other_geometry(align, tilt, files.get(X_TILTS, ""))
    full = _numbers(tilt, "FULLIMAGE")
    if len(full) != 2:
        raise NotUnderstood("tilt.com has no FULLIMAGE")
    offset = (_numbers(tilt, "OFFSET") or [0.0])[0]
    excluded = set(_excluded(files[RECONSTRUCTION]))
    sections = [view for view in range(len(table)) if view + 1 not in excluded]
    shifts = [_shift(table[section]) for section in sections]
    order = _order(mdoc, stage)
    before, dose = (order.before, order.pre_exposure) if order else ((), ())
    u, v, angle = _defocus(files.get(CTF), sections, len(table))
    x, y, z = _extent(full, align, tilt)
    return TiltViews(
        stack=align.get("INPUTFILE", ""),
        stack_size_xyn=(int(full[0]), int(full[1]), len(table)),
        extent_xyz=(x, y, z),
        section=tuple(sections),
        nominal_tilt_degrees=tuple(stage[section] for section in sections),
        tilt_degrees=tuple(tidy(tilts[section] + offset) for section in sections),
        axis_degrees=tuple(math.degrees(math.atan2(table[section][1], table[section][0])) for section in sections),
        shift_x_pixels=tuple(x for x, _ in shifts),
        shift_y_pixels=tuple(y for _, y in shifts),
        images_before=tuple(before[section] for section in sections if before),
        pre_exposure_electrons_per_angstrom2=tuple(dose[section] for section in sections if dose),
        defocus_u_angstrom=u,
        defocus_v_angstrom=v,
        defocus_angle_degrees=angle,
    )


def _column(text: str) -> Column:
    return tuple(row[0] for row in rows(text.splitlines(), 1))


def _numbers(settings_of_com: Mapping[str, str], key: str) -> list[float]:
    return [value for word in re.split(r"[,\s]+", settings_of_com.get(key, "")) if (value := number(word)) is not None]


def _refuse_other_geometry(align: Mapping[str, str], tilt: Mapping[str, str], x_tilts: str) -> None:
    """Refuse what moves the volume in a way that is not computed here."""
    for name, com, key in (
        *(("tilt.com", tilt, key) for key in ("SHIFT", "XAXISTILT")),
        ("newst.com", align, "OFFSETSINXANDY"),
    ):
        if any(_numbers(com, key)):
            raise NotUnderstood(f"{name} has {key} {com[key]}, which moves the volume")
    if any(_column(x_tilts)):
        raise NotUnderstood("the .xtilt turns views about x")
    if "ZFACTORFILE" in tilt:
        raise NotUnderstood("tilt.com has a ZFACTORFILE, which shears the volume")
    if (_numbers(align, "IMAGESAREBINNED") or [1.0])[0] != 1:
        raise NotUnderstood("newst.com says that the stack is binned itself")


def _shift(row: Sequence[float]) -> tuple[float, float]:
    """-A^-1 d of a row of the .xf, whose A is a rotation."""
    a11, a12, a21, a22, dx, dy = row[:6]
    if max(abs(a11 - a22), abs(a12 + a21), abs(a11 * a22 - a12 * a21 - 1)) > _STRETCH:
        raise NotUnderstood("the .xf stretches or magnifies images, for which RELION has no place")
    size = a11 * a22 - a12 * a21
    return -(a22 * dx - a12 * dy) / size, -(a11 * dy - a21 * dx) / size


def _extent(full: Sequence[float], align: Mapping[str, str], tilt: Mapping[str, str]) -> tuple[int, int, int]:
    """Of the volume upright, x, y, z in unbinned pixels: as wide and high as the aligned stack, whose middle it has."""
    binning = (_numbers(align, "BINBYFACTOR") or [1.0])[0]
    size = _numbers(align, "SIZETOOUTPUTINXANDY") or [extent // binning for extent in full]
    start = _numbers(tilt, "SUBSETSTART") or [0.0, 0.0]
    for extent, voxels, first in zip(full, size, start, strict=True):
        if abs((extent - voxels * binning) / 2 - first) > binning:
            raise NotUnderstood("tilt.com has a SUBSETSTART with which the volume is not in the middle of the images")
    width = (_numbers(tilt, "WIDTH") or [size[0] * binning])[0]
    return int(width), int(size[1] * binning), int((_numbers(tilt, "THICKNESS") or [0])[0])


def _excluded(text: str) -> Iterator[int]:
    for key, value in com_lines(text):
        if key.upper() in ("EXCLUDELIST", "EXCLUDELIST2", "EXCLUDE"):
            for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", value):
                yield from range(int(first), int(last or first) + 1)


def _order(mdoc: str, stage: Column) -> ImageOrder | None:
    taken = acquired_images(mdoc) if mdoc else []
    if not taken:
        return None
    in_order = sorted(range(len(stage)), key=stage.__getitem__)
    rank = [in_order.index(section) for section in range(len(stage))]
    return order_of_mdoc(taken, rank, dict(enumerate(stage)))


def _defocus(text: str | None, sections: Sequence[int], number_of_views: int) -> tuple[Column, Column, Column]:
    """Columns u, v and azimuth of ctffind's table of all views, or of those that were used; empty if there is none."""
    if text is None:
        return (), (), ()
    table = list(rows((line for line in text.splitlines() if not line.lstrip().startswith("#")), 7))
    if len(table) == number_of_views:
        table = [table[section] for section in sections]
    if len(table) != len(sections):
        raise NotUnderstood(f"the CTF fit has {len(table)} views, and the .xf {number_of_views}")
    u, v, angle = (tuple(row[column] for row in table) for column in (1, 2, 3))
    return u, v, angle
