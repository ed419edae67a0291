"""The middle of a tomogram's half-maps, raw, as far as it is needed."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from livetomo.core.errors import NoHalves, PermanentError
from livetomo.formats.mrc import Volume, read_box
from livetomo.formats.settled_values import settled_order, settled_signs
from livetomo.processing.blank import common_real
from livetomo.processing.measure.halves import half_fault
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.read_input import read_source_header, turned

# The box in which halves are compared: a share of the volume, so that it costs the same share of its time.
_SHARE_OF_VOLUME = 1 / 8
_BOX_SIDES = (96, 128, 160, 192, 224, 256)
_LEAST_TILT_DEGREES = 20.0


def usable_halves(spec: JobSpec, device: torch.device, *, most_side: int = _BOX_SIDES[-1]) -> tuple[Tensor, Tensor]:
    """The middle of the even and the odd half (z, y, x), at most `most_side` voxels along an edge, matter as it is.

    Raises:
        NoHalves: there are none, they cannot be read, or they are no two halves of one tomogram.
    """
    if not spec.halves.keys() >= {"even", "odd"}:
        raise NoHalves(spec.path, "it has no even and odd half-maps")
    try:
        whole = read_source_header(spec).shape_zyx
        side = min(box_side(whole), most_side)
        boxes = [central_box(spec, Path(spec.halves[role]), side) for role in ("even", "odd")]
    except (PermanentError, OSError) as fault:
        raise NoHalves(spec.path, f"a half-map could not be read ({fault})") from fault
    if any(box.header.shape_zyx != whole for box in boxes):
        raise NoHalves(spec.path, "its half-maps have another shape than the tomogram")
    even, odd = common_real([box_tensor(box, device) for box in boxes])
    if found := half_fault(even, odd):
        raise NoHalves(spec.path, found[1])
    return even, odd


def box_side(shape_zyx: tuple[int, int, int]) -> int:
    """Of the largest box that is not too much of the volume."""
    room = math.prod(shape_zyx) * _SHARE_OF_VOLUME
    fitting = [side for side in _BOX_SIDES if math.prod(min(side, n) for n in shape_zyx) <= room]
    return max(fitting, default=_BOX_SIDES[0])


def central_box(spec: JobSpec, path: Path, side: int) -> Volume:
    """The middle of a half-map, or of the volume, turned as the volume is."""
    box = settled_signs(settled_order(read_box(path, side)))
    return turned(box) if spec.facts.stored_axes == "yzx" else box


def box_tensor(box: Volume, device: torch.device) -> Tensor:
    """Its voxels as float32 on a device, (z, y, x)."""
    return torch.from_numpy(np.ascontiguousarray(box.voxels, dtype=np.float32)).to(device)


def steepest_tilt_degrees(spec: JobSpec) -> float:
    """The angle that was reached to both sides; 60 degrees where nobody says."""
    low, high = spec.facts.tilt_min_degrees, spec.facts.tilt_max_degrees
    if low is None or high is None or high - low < 2 * _LEAST_TILT_DEGREES:
        return 60.0
    return min(max(min(-low, high), _LEAST_TILT_DEGREES), 85.0)
