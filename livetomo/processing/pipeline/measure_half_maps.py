"""The figures of a tomogram's half-maps, which are read as far as they are needed."""

import math
from pathlib import Path

import torch

from livetomo.core.errors import PermanentError
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import WITHOUT_HALVES
from livetomo.core.voxel_size import is_possible
from livetomo.formats.mrc_header import read_header
from livetomo.processing.blank import common_real
from livetomo.processing.measure.halves import differing_halves, half_figures, missing_halves
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.half_boxes import box_side, box_tensor, central_box, steepest_tilt_degrees
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.voxel_witnesses import header_is_unset

_VOXEL_TOLERANCE = 0.01


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
    side = box_side(read_header(spec.path).shape_zyx)
    boxes = {role: central_box(spec, Path(spec.halves[role]), side) for role in ("even", "odd")}
    even, odd = boxes["even"], boxes["odd"]
    if even.header.shape_zyx != odd.header.shape_zyx:
        shapes = (" x ".join(map(str, reversed(box.header.shape_zyx))) for box in (even, odd))
        return differing_halves(f"the even one has {next(shapes)} voxels, the odd one {next(shapes)}")
    sizes = [box.header.voxel_size_xyz[0] for box in (even, odd)]
    known = all(is_possible(size) for size in sizes) and not any(header_is_unset(box.header) for box in (even, odd))
    if known and not math.isclose(*sizes, rel_tol=_VOXEL_TOLERANCE):
        return differing_halves(f"the even one's voxels are of {sizes[0]:g} Å, the odd one's of {sizes[1]:g} Å")
    # Where there are halves alone, the even one stands for the whole: nothing to compare them with.
    whole = None if str(spec.path) in spec.halves.values() else central_box(spec, spec.path, side)
    if whole is not None and whole.header.shape_zyx != even.header.shape_zyx:
        return differing_halves("they have another shape than the whole volume")
    first, second, *rest = common_real([box_tensor(box, device) for box in (even, odd, whole) if box is not None])
    return half_figures(
        first,
        second,
        voxel_size_angstrom=voxel_size_angstrom,
        most_tilt_degrees=steepest_tilt_degrees(spec),
        whole=torch.nan_to_num(rest[0], 0.0, 0.0, 0.0) if rest else None,
    )
