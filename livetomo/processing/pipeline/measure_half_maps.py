"""The figures of a tomogram's half-maps, which are read as far as they are needed."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from livetomo.core.errors import PermanentError
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import WITHOUT_HALVES
from livetomo.core.voxel_size import is_possible
from livetomo.formats.mrc import Volume, read_box
from livetomo.formats.mrc_header import read_header
from livetomo.formats.settled_values import settled_order, settled_signs
from livetomo.processing.blank import common_real
from livetomo.processing.measure.halves import differing_halves, half_figures, missing_halves
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.read_input import turned
from livetomo.processing.voxel_witnesses import header_is_unset

# The box in which halves are compared: a share of the volume, so that it costs the same share of its time.
_SHARE_OF_VOLUME = 1 / 8
_BOX_SIDES = (96, 128, 160, 192, 224, 256)
_VOXEL_TOLERANCE = 0.01
_LEAST_TILT_DEGREES = 20.0


def measure_half_maps(spec: JobSpec, voxel_size_angstrom: float, device: torch.device) -> Findings:
    """Figures of the half-maps, where there are both; one that cannot be read is a warning."""
    if spec.halves.keys() >= {"even", "odd"}:
        try:
            return Findings(tuple(_halves(spec, voxel_size_angstrom, device)))
        except (PermanentError, OSError) as fault:
            reason = f"a half could not be read: {fault}"
            return Findings(tuple(missing_halves(reason)), (f"Halves: {reason}",))
    notes = [note for note in spec.facts.notes if note.startswith(WITHOUT_HALVES)]
    return Findings(tuple(missing_halves(notes[0]))) if notes else Findings()


def _halves(spec: JobSpec, voxel_size_angstrom: float, device: torch.device) -> list[Quality]:
    side = _side(read_header(spec.path).shape_zyx)
    boxes = {role: _box(spec, Path(spec.halves[role]), side) for role in ("even", "odd")}
    even, odd = boxes["even"], boxes["odd"]
    if even.header.shape_zyx != odd.header.shape_zyx:
        shapes = (" x ".join(map(str, reversed(box.header.shape_zyx))) for box in (even, odd))
        return differing_halves(f"the even one has {next(shapes)} voxels, the odd one {next(shapes)}")
    sizes = [box.header.voxel_size_xyz[0] for box in (even, odd)]
    known = all(is_possible(size) for size in sizes) and not any(header_is_unset(box.header) for box in (even, odd))
    if known and not math.isclose(*sizes, rel_tol=_VOXEL_TOLERANCE):
        return differing_halves(f"the even one's voxels are of {sizes[0]:g} Å, the odd one's of {sizes[1]:g} Å")
    # Where there are halves alone, the even one stands for the whole: nothing to compare them with.
    whole = None if str(spec.path) in spec.halves.values() else _box(spec, spec.path, side)
    if whole is not None and whole.header.shape_zyx != even.header.shape_zyx:
        return differing_halves("they have another shape than the whole volume")
    first, second, *rest = common_real([_tensor(box, device) for box in (even, odd, whole) if box is not None])
    return half_figures(
        first,
        second,
        voxel_size_angstrom=voxel_size_angstrom,
        most_tilt_degrees=_most_tilt(spec),
        whole=torch.nan_to_num(rest[0], 0.0, 0.0, 0.0) if rest else None,
    )


def _side(shape_zyx: tuple[int, int, int]) -> int:
    """Of the largest box that is not too much of the volume."""
    room = math.prod(shape_zyx) * _SHARE_OF_VOLUME
    fitting = [side for side in _BOX_SIDES if math.prod(min(side, n) for n in shape_zyx) <= room]
    return max(fitting, default=_BOX_SIDES[0])


def _box(spec: JobSpec, path: Path, side: int) -> Volume:
    box = settled_signs(settled_order(read_box(path, side)))
    return turned(box) if spec.facts.stored_axes == "yzx" else box


def _tensor(box: Volume, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(box.voxels, dtype=np.float32)).to(device)


def _most_tilt(spec: JobSpec) -> float:
    """The angle that was reached to both sides; 60 degrees where nobody says."""
    low, high = spec.facts.tilt_min_degrees, spec.facts.tilt_max_degrees
    if low is None or high is None or high - low < 2 * _LEAST_TILT_DEGREES:
        return 60.0
    return min(max(min(-low, high), _LEAST_TILT_DEGREES), 85.0)
