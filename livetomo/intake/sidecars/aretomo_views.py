"""The views of a tilt series that AreTomo3 has aligned: .aln, _TLT.txt, _CTF.txt, its session, and the mdoc.

What these files mean is in AreTomo3's own sources (BSD, github.com/czimaginginstitute/AreTomo3):

- `.aln` (CSaveAlignFile): a point u, v pixels from the middle of the aligned image lies at R(ROT) (u, v) + (TX, TY)
  from the middle of the raw image (GCorrPatchShift, "IMOD coordinate system"); u is x cos(TILT) + k sin(TILT), k being
  the slice (GBackProj). Slices are written in reverse "to match IMOD handedness" (CDoWbpRecon, CDoSartRecon), and
  -FlipVol 1 reverses them again when it makes z of them (CTiltSeries::FlipVol): there, k is z. TILT has AlphaOffset in
  it. RELION 5 takes the same columns for rlnTomoZRot, rlnTomoYTilt and the shifts when it has run AreTomo.
- The stack has all images, sorted by tilt, dark ones too; SEC counts in it, from 0 or, since 2.0.7, from 1.
- `_TLT.txt` (CTsPackage::mSaveTiltFile): a line for each image of the stack; tilt of the stage, number in the order of
  acquisition, dose of the image.
- `_CTF.txt` (CSaveCtfResults): defocus 1 is the larger; a line for each image, without dark ones once they are removed.
  From version 2.0.6 on its handedness is RELION's: both add hand * -x' tan(tilt) at x' from the axis (CTiltInducedZ,
  CGenAvgSpectrum). Until 2.0.4 the sign was another one, and 2.0.5 turns the axis instead (the program's list of
  changes), so that the hand of these is not taken.

Local alignments are not in it: RELION has no place for them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from livetomo.core.tilt_views import Column, TiltViews
from livetomo.intake.sidecars.aretomo import setting, version
from livetomo.intake.sidecars.image_order import SAME_TILT_DEGREES, ImageOrder, accumulated, order_of_mdoc
from livetomo.intake.sidecars.mdoc import acquired_images
from livetomo.intake.sidecars.numbers import NotUnderstood, number, rows, tidy

ALIGNMENT, TILTS, CTF, SESSION = "AreTomo alignment", "AreTomo tilts", "CTF fit", "AreTomo3 session"
_HAND_IS_RELIONS = (2, 0, 6)
_STEEP = 0.707  # of the sine of the axis: from there on AreTomo turns the images by a right angle


@dataclass(frozen=True, slots=True)
class _Alignment:
    """Of an .aln: the stack's columns, rows and images; the table's rows and tilts of the stage, by section."""

    size_xyn: tuple[int, int, int]
    table: Mapping[int, Sequence[float]]
    nominal: Mapping[int, float]


def read_aretomo_views(files: Mapping[str, str], stack: str, mdoc: str = "") -> TiltViews:
    """The views in `files`, texts by what kind of sidecar they are; `stack` is the stack's name.

    Raises:
        NotUnderstood: they do not say where a point of the volume lies in the views, or do not agree.
    """
    _upright(files.get(SESSION))
    alignment = _alignment(files[ALIGNMENT])
    sections = sorted(alignment.table)
    table = [alignment.table[section] for section in sections]
    order = _order(files.get(TILTS), mdoc, alignment)
    before, dose = (order.before, order.pre_exposure) if order else ((), ())
    u, v, angle, phase = _defocus(files.get(CTF), sections, alignment)
    x, y, _ = alignment.size_xyn
    is_turned = abs(math.sin(math.radians(table[0][1]))) > _STEEP
    return TiltViews(
        stack=stack,
        stack_size_xyn=alignment.size_xyn,
        extent_xyz=(y, x, 0) if is_turned else (x, y, 0),
        section=tuple(sections),
        nominal_tilt_degrees=tuple(alignment.nominal[section] for section in sections),
        tilt_degrees=tuple(row[9] for row in table),
        axis_degrees=tuple(row[1] for row in table),
        shift_x_pixels=tuple(row[3] for row in table),
        shift_y_pixels=tuple(row[4] for row in table),
        images_before=tuple(before[section] for section in sections if before),
        pre_exposure_electrons_per_angstrom2=tuple(dose[section] for section in sections if dose),
        defocus_u_angstrom=u,
        defocus_v_angstrom=v,
        defocus_angle_degrees=angle,
        phase_shift_degrees=phase,
        hand=_hand(files.get(CTF, ""), files[SESSION]),
    )


def _upright(session: str | None) -> None:
    """Refuse a volume whose z is not known to be upright."""
    if session is None:
        raise NotUnderstood("AreTomo3_Session.json, which says how the volume was turned (FlipVol), is not there")
    flip = setting(session, "flipvol")
    if flip != 1:
        said = "does not say" if flip is None else f"says {flip:g} for"
        raise NotUnderstood(f"AreTomo3_Session.json {said} FlipVol: only with -FlipVol 1 z is as in the tilt series")


def _hand(ctf: str, session: str) -> int:
    """As rlnTomoHand; 0 where the files do not say it, or their version may mean another sign."""
    if (version(session) or (0,)) < _HAND_IS_RELIONS:
        return 0
    hands = {row[7] for row in rows(ctf.splitlines(), 8)}
    return int(hands.pop()) if hands in ({1.0}, {-1.0}) else 0


def _alignment(text: str) -> _Alignment:
    size: tuple[int, int, int] | None = None
    dark: list[int] = []  # counted from 0 in every version; the second number and SEC are not
    alpha = 0.0
    head, _, _ = text.partition("# Local Alignment")
    for line in head.splitlines():
        key, equals, value = line.lstrip("# ").partition("=")
        numbers = [number(word) for word in value.split()]
        match key.strip().lower(), numbers:
            case "rawsize", [float(x), float(y), float(n)] if equals:
                size = int(x), int(y), int(n)
            case "darkframe", [float(image), *_]:
                dark.append(int(image))
            case "alphaoffset", [float(offset), *_]:
                alpha = offset
    table = list(rows((line for line in head.splitlines() if not line.startswith("#")), 10))
    if size is None:
        raise NotUnderstood("the .aln has no RawSize")
    if len(table) + len(dark) != size[2]:
        raise NotUnderstood(
            f"the .aln says that the stack has {size[2]} images, and lists {len(table)} aligned and {len(dark)} dark "
            "ones. Was the copy interrupted?"
        )
    images = list(range(size[2]))
    firsts = [first for first in (0, 1) if sorted([int(row[0]) - first for row in table] + dark) == images]
    if not firsts:
        raise NotUnderstood("the sections in the .aln are not those of a stack, each once")
    first = firsts[0]
    by_section = {int(row[0]) - first: row for row in table}
    tilts = [by_section[section][9] for section in sorted(by_section)]
    if tilts != sorted(tilts):
        raise NotUnderstood("the tilts in the .aln do not grow with the sections, as they do in AreTomo3's stacks")
    if any(row[2] != 1 for row in table):
        raise NotUnderstood("the .aln has magnifications other than 1, for which RELION has no place")
    return _Alignment(size, by_section, {section: tidy(row[9] - alpha) for section, row in by_section.items()})


def _order(tilts: str | None, mdoc: str, alignment: _Alignment) -> ImageOrder | None:
    """In which order the images were taken, and with which dose; None where no file says so.

    Raises:
        NotUnderstood: the files do not agree with the alignment.
    """
    number_of_images = alignment.size_xyn[2]
    taken = acquired_images(mdoc) if mdoc else []
    if tilts is not None:
        table = list(rows(tilts.splitlines(), 1))
        if len(table) != number_of_images:
            raise NotUnderstood(f"_TLT.txt has {len(table)} images, and the .aln {number_of_images}")
        for section, tilt in alignment.nominal.items():
            if abs(table[section][0] - tilt) > SAME_TILT_DEGREES:
                said = f"{table[section][0]:g} degrees in _TLT.txt, and by {tilt:g} in the .aln"
                raise NotUnderstood(f"image {section + 1} of the stack is tilted by {said}")
        numbers = [int(row[1]) for row in table if len(row) > 1]
        first = min(numbers, default=0)
        if sorted(numbers) == list(range(first, first + number_of_images)):
            before = tuple(one - first for one in numbers)
            doses = [row[2] for row in table if len(row) > 2]
            if min(doses, default=0.0) <= 0 and len(taken) == number_of_images:
                images = sorted(taken, key=lambda one: one.tilt_degrees)
                pairs = zip(images, table, strict=True)
                if all(abs(one.tilt_degrees - row[0]) <= SAME_TILT_DEGREES for one, row in pairs):
                    doses = [one.dose or 0.0 for one in images]
            return ImageOrder(before, accumulated(before, doses))
    return order_of_mdoc(taken, range(number_of_images), alignment.nominal) if taken else None


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
