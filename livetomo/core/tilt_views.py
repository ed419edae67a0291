"""The views that a tomogram was reconstructed from: where each of its points lies in them, their dose and defocus."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

Column = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TiltViews:
    """A column for each fact, with a value for each view; views that the alignment has left out are not in it.

    A point x, y, z unbinned pixels from the volume's middle lies in a view, in pixels from the middle of the image, at

        R(axis) (x cos(tilt) + z sin(tilt), y) + shift        with R(a) (u, v) = (u cos a - v sin a, u sin a + v cos a)

    The middle of n voxels or pixels is index (n - 1) / 2. This is the model of IMOD's `tilt` and `newstack` and of
    AreTomo, and RELION 5's but for its middle, which is index n // 2; each reader says where it has that from.

    stack:          the file of all images, by its path from the volume's folder.
    stack_size_xyn: its columns, rows and images.
    extent_xyz:     of the volume that the program made, in unbinned pixels; 0 where nothing says so.
    section:        index of the view's image in the stack, from 0.
    nominal_tilt_degrees: of the stage. tilt_degrees: as the volume was reconstructed. axis_degrees: of the tilt axis.
    shift_x_pixels, shift_y_pixels: unbinned.
    images_before:  how many images of the series were taken before it; empty where that is not known.
    pre_exposure_electrons_per_angstrom2: dose that the sample has had before it; empty where that is not known.
    defocus_u_angstrom, defocus_v_angstrom, defocus_angle_degrees: the larger, the smaller, and the azimuth of the
        larger from x to y; positive is underfocus; empty where they are not known.
    phase_shift_degrees: of a phase plate; empty where there is none.
    hand: 1 or -1: the defocus of a point grows by hand * (z cos(tilt) - x sin(tilt)); 0 where that is not known.
    """

    stack: str
    stack_size_xyn: tuple[int, int, int]
    extent_xyz: tuple[int, int, int]
    section: tuple[int, ...]
    nominal_tilt_degrees: Column
    tilt_degrees: Column
    axis_degrees: Column
    shift_x_pixels: Column
    shift_y_pixels: Column
    images_before: tuple[int, ...] = ()
    pre_exposure_electrons_per_angstrom2: Column = ()
    defocus_u_angstrom: Column = ()
    defocus_v_angstrom: Column = ()
    defocus_angle_degrees: Column = ()
    phase_shift_degrees: Column = ()
    hand: int = 0

    def __len__(self) -> int:
        return len(self.section)

    def to_json(self) -> dict[str, Any]:
        """As `result.json` has it; columns that are empty are left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}

    @staticmethod
    def from_json(body: Any) -> "TiltViews | None":
        """The inverse of `to_json`; None of what is none, or is not whole."""
        if not isinstance(body, Mapping) or not isinstance(body.get("stack"), str):
            return None
        columns = {field.name: body.get(field.name, ()) for field in fields(TiltViews) if field.name not in _SINGLE}
        if not all(isinstance(column, list | tuple) and all(map(_is_number, column)) for column in columns.values()):
            return None
        hand = 1 if body.get("hand") == 1 else -1 if body.get("hand") == -1 else 0
        views = TiltViews(body["stack"], hand=hand, **{name: tuple(column) for name, column in columns.items()})
        return views if views._is_whole() else None

    def _is_whole(self) -> bool:
        lengths = {name: len(getattr(self, name)) for name in _COLUMNS}
        needed = [lengths.pop(name) for name in _NEEDED]
        return (
            len(self) > 0
            and len(self.stack_size_xyn) == len(self.extent_xyz) == 3
            and set(needed) == {len(self)}
            and set(lengths.values()) <= {0, len(self)}
            and all(type(one) is int for one in (*self.stack_size_xyn, *self.extent_xyz, *self.section))
        )


_SINGLE = ("stack", "hand")
_NEEDED = ("section", "nominal_tilt_degrees", "tilt_degrees", "axis_degrees", "shift_x_pixels", "shift_y_pixels")
_COLUMNS = [field.name for field in fields(TiltViews) if field.name not in _SINGLE][2:]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
