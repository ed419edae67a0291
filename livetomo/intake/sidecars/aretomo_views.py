"""The views of a tilt series that AreTomo3 has aligned: .aln, _TLT.txt, _CTF.txt, its session, and the mdoc.

What these files mean is in AreTomo3's own sources (BSD, github.com/czimaginginstitute/AreTomo3):

- `.aln` (CSaveAlignFile): a point u, v pixels from the middle of the aligned image lies at R(ROT) (u, v) + (TX, TY)
  from the middle of the raw image (GCorrPatchShift, "IMOD coordinate system"); u is x cos(TILT) + k sin(TILT), k being
  the slice (GBackProj). Slices are written in reverse "to match IMOD handedness" (CDoWbpRecon), and -FlipVol 1 reverses
  them again when it makes z of them (CTiltSeries::FlipVol): there, k is z. TILT has AlphaOffset in it. RELION 5 takes
  the same columns for rlnTomoZRot, rlnTomoYTilt and the shifts when it has run AreTomo.
- The stack has all images, sorted by tilt, dark ones too; SEC and the second number of DarkFrame count in it.
- `_TLT.txt` (CTsPackage::mSaveTiltFile): a line for each image of the stack; tilt of the stage, number in the order of
  acquisition, dose of the image.
- `_CTF.txt` (CSaveCtfResults): defocus 1 is the larger; a line for each image, without dark ones once they are removed.
  Its handedness is RELION's: both add hand * -x' tan(tilt) at x' from the axis (CTiltInducedZ, CGenAvgSpectrum).

Local alignments are not in it: RELION has no place for them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from livetomo.core.tilt_views import Column, TiltViews
from livetomo.intake.sidecars.aretomo import setting
from livetomo.intake.sidecars.mdoc import AcquiredImage, acquired_images
from livetomo.intake.sidecars.numbers import NotUnderstood, number, rows, tidy

ALIGNMENT, TILTS, CTF, SESSION = "AreTomo alignment", "AreTomo tilts", "CTF fit", "AreTomo3 session"
_SAME_TILT_DEGREES = 0.05  # they are written with two digits
_STEEP = 0.707  # of the sine of the axis: from there on AreTomo turns the images by a right angle


@dataclass(frozen=True, slots=True)
class _Alignment:
    """Of an .aln: its table by section, which are the sections of dark images, and what its head says."""

    size_xyn: tuple[int, int, int]
    table: Mapping[int, Sequence[float]]
    dark: frozenset[int]
    alpha_offset_degrees: float


def read_aretomo_views(files: Mapping[str, str], stack: str, mdoc: str = "") -> TiltViews:
    """The views in `files`, texts by what kind of sidecar they are; `stack` is the stack's name.

    Raises:
        NotUnderstood: they do not say where a point of the volume lies in the views, or do not agree.
    """
    _upright(files.get(SESSION))
    alignment = _alignment(files[ALIGNMENT])
    sections = sorted(alignment.table)
    table = [alignment.table[section] for section in sections]
    acquired = _acquired(files.get(TILTS), mdoc, alignment)
    tilts = tuple(row[9] for row in table)
    nominal = tuple(tidy(tilt - alignment.alpha_offset_degrees) for tilt in tilts)
    if acquired and acquired.nominal:
        nominal = tuple(acquired.nominal[section] for section in sections)
    u, v, angle, phase = _defocus(files.get(CTF), sections, alignment)
    x, y, _ = alignment.size_xyn
    is_turned = abs(math.sin(math.radians(table[0][1]))) > _STEEP
    return TiltViews(
        stack=stack,
        stack_size_xyn=alignment.size_xyn,
        extent_xyz=(y, x, 0) if is_turned else (x, y, 0),
        section=tuple(sections),
        nominal_tilt_degrees=nominal,
        tilt_degrees=tilts,
        axis_degrees=tuple(row[1] for row in table),
        shift_x_pixels=tuple(row[3] for row in table),
        shift_y_pixels=tuple(row[4] for row in table),
        images_before=tuple(acquired.before[section] for section in sections) if acquired else (),
        pre_exposure_electrons_per_angstrom2=tuple(acquired.dose[section] for section in sections)
        if acquired and acquired.dose
        else (),
        defocus_u_angstrom=u,
        defocus_v_angstrom=v,
        defocus_angle_degrees=angle,
        phase_shift_degrees=phase,
    )


def _upright(session: str | None) -> None:
    """Refuse a volume whose z is not known to be upright."""
    if session is None:
        raise NotUnderstood("AreTomo3_Session.json, which says how the volume was turned (FlipVol), is not there")
    flip = setting(session, "flipvol")
    if flip != 1:
        said = "does not say" if flip is None else f"says {flip:g} for"
        raise NotUnderstood(f"AreTomo3_Session.json {said} FlipVol: only with -FlipVol 1 z is as in the tilt series")


def _alignment(text: str) -> _Alignment:
    size: tuple[int, int, int] | None = None
    dark: list[int] = []
    alpha = 0.0
    head, _, _ = text.partition("# Local Alignment")
    for line in head.splitlines():
        key, equals, value = line.lstrip("# ").partition("=")
        numbers = [number(word) for word in value.split()]
        match key.strip().lower(), numbers:
            case "rawsize", [float(x), float(y), float(n)] if equals:
                size = int(x), int(y), int(n)
            case "darkframe", [float(), float(section), *_]:
                dark.append(int(section))
            case "alphaoffset", [float(offset), *_]:
                alpha = offset
    table = list(rows((line for line in head.splitlines() if not line.startswith("#")), 10))
    if size is None:
        raise NotUnderstood("the .aln has no RawSize")
    sections = [int(row[0]) for row in table] + dark
    if len(sections) != size[2]:
        raise NotUnderstood(
            f"the .aln says that the stack has {size[2]} images, and lists {len(table)} aligned and {len(dark)} dark "
            "ones. Was the copy interrupted?"
        )
    first = min(sections)
    if first not in (0, 1) or sorted(sections) != list(range(first, first + len(sections))):
        raise NotUnderstood("the sections in the .aln are not those of a stack, each once")
    by_section = {int(row[0]) - first: row for row in table}
    tilts = [by_section[section][9] for section in sorted(by_section)]
    if tilts != sorted(tilts):
        raise NotUnderstood("the tilts in the .aln do not grow with the sections, as they do in AreTomo3's stacks")
    if any(row[2] != 1 for row in table):
        raise NotUnderstood("the .aln has magnifications other than 1, for which RELION has no place")
    return _Alignment(size, by_section, frozenset(section - first for section in dark), alpha)


@dataclass(frozen=True, slots=True)
class _Acquired:
    """By section: tilt of the stage, how many images were taken before, and the dose before, where that is known."""

    nominal: Column
    before: tuple[int, ...]
    dose: Column


def _acquired(tilts: str | None, mdoc: str, alignment: _Alignment) -> _Acquired | None:
    """In which order the images were taken, and with which dose; None where no file says so.

    Raises:
        NotUnderstood: the files do not agree with the alignment.
    """
    taken = acquired_images(mdoc) if mdoc else []
    if tilts is None:
        return None if not taken else _by_mdoc(taken, alignment)
    table = list(rows(tilts.splitlines(), 1))
    if len(table) != alignment.size_xyn[2]:
        raise NotUnderstood(f"_TLT.txt has {len(table)} images, and the .aln {alignment.size_xyn[2]}")
    nominal = tuple(row[0] for row in table)
    for section, row in alignment.table.items():
        if abs(row[9] - alignment.alpha_offset_degrees - nominal[section]) > _SAME_TILT_DEGREES:
            raise NotUnderstood(
                f"image {section + 1} is tilted by {nominal[section]:g} degrees in _TLT.txt, not in .aln"
            )
    numbers = [int(row[1]) for row in table if len(row) > 1]
    first = min(numbers, default=0)
    if sorted(numbers) != list(range(first, first + len(table))):
        return None if not taken else _by_mdoc(taken, alignment)
    before = tuple(one - first for one in numbers)
    doses = [row[2] for row in table if len(row) > 2]
    if len(doses) != len(table) or min(doses) <= 0:
        doses = _doses_by_tilt(taken, nominal)
    return _Acquired(nominal, before, _accumulated(before, doses))


def _by_mdoc(taken: Sequence[AcquiredImage], alignment: _Alignment) -> _Acquired | None:
    """By the mdoc alone, which has the same tilts: in the order of its times, where it has them all."""
    tilts = sorted(one.tilt_degrees for one in taken)
    if len(tilts) != alignment.size_xyn[2]:
        raise NotUnderstood(f"the mdoc has {len(tilts)} images, and the .aln {alignment.size_xyn[2]}")
    for section, row in alignment.table.items():
        if abs(row[9] - alignment.alpha_offset_degrees - tilts[section]) > _SAME_TILT_DEGREES:
            raise NotUnderstood(f"image {section + 1} is tilted by {tilts[section]:g} degrees in the mdoc, not in .aln")
    by_tilt = sorted(taken, key=lambda one: one.tilt_degrees)
    times = sorted(one.time for one in taken if one.time is not None)
    if len(set(times)) != len(taken):
        return None
    before = tuple(times.index(one.time) for one in by_tilt if one.time is not None)
    return _Acquired(tuple(tilts), before, _accumulated(before, [one.dose or 0.0 for one in by_tilt]))


def _doses_by_tilt(taken: Sequence[AcquiredImage], nominal: Column) -> list[float]:
    """The mdoc's dose of each image; none where it has other tilts."""
    by_tilt = sorted(taken, key=lambda one: one.tilt_degrees)
    order = sorted(range(len(nominal)), key=nominal.__getitem__)
    if len(by_tilt) != len(nominal) or any(
        abs(one.tilt_degrees - nominal[place]) > _SAME_TILT_DEGREES for one, place in zip(by_tilt, order, strict=True)
    ):
        return []
    doses = {place: one.dose or 0.0 for one, place in zip(by_tilt, order, strict=True)}
    return [doses[place] for place in range(len(nominal))]


def _accumulated(before: Sequence[int], doses: Sequence[float]) -> Column:
    """The dose before each image; nothing where some image has none."""
    if len(doses) != len(before) or min(doses, default=0.0) <= 0:
        return ()
    in_order = [dose for _, dose in sorted(zip(before, doses, strict=True))]
    until = [0.0, *accumulate(in_order)]
    return tuple(tidy(until[place]) for place in before)


def _defocus(text: str | None, sections: Sequence[int], alignment: _Alignment) -> tuple[Column, Column, Column, Column]:
    """Columns u, v, azimuth and phase shift; empty where there is no fit."""
    if text is None:
        return (), (), (), ()
    table = list(rows((line for line in text.splitlines() if not line.lstrip().startswith("#")), 7))
    if len(table) == alignment.size_xyn[2]:
        table = [table[section] for section in sections]
    elif len(table) != len(sections):
        raise NotUnderstood(
            f"_CTF.txt has {len(table)} fits, for {len(sections)} aligned of {alignment.size_xyn[2]} images"
        )
    if any(min(row[1], row[2]) <= 0 for row in table):
        raise NotUnderstood("_CTF.txt has a view without a fit")
    phase = tuple(tidy(math.degrees(row[4])) for row in table)
    u, v, angle = (tuple(row[column] for row in table) for column in (1, 2, 3))
    return u, v, angle, phase if any(phase) else ()
