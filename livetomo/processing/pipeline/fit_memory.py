"""Refuse what this machine could not hold with nothing else to do, before anything is allocated."""

import torch

from livetomo.core.errors import TooLargeForMemory
from livetomo.formats.mrc_header import MODE_BYTES, MrcHeader
from livetomo.processing.footprint import footprint
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.system.memory import Bound, Memory

_ESTIMATE_AT_LEAST = 0.8
"""Of what is estimated this much is needed for certain: what may fit is tried."""


def refuse_what_cannot_fit(spec: JobSpec, header: MrcHeader, plan: FeaturePlan, device: torch.device) -> None:
    """Return where there may be room.

    Raises:
        TooLargeForMemory: says how much it would take, and how much there is.
    """
    on_gpu = device.type == "cuda"
    tomogram = plan.grid.tomogram
    need = footprint(tomogram, MODE_BYTES[header.mode], spec.recipe, plan.runs(), on_gpu=on_gpu)
    memory = Memory()
    bounds = [(need.device, memory.bound())]
    if on_gpu:
        bounds = [
            (need.device, Bound(torch.cuda.get_device_properties(device).total_memory, f"{device} has")),
            (need.host, memory.bound()),
        ]
    for needed, bound in bounds:
        if needed * _ESTIMATE_AT_LEAST + memory.resident() > bound.most:
            raise TooLargeForMemory(
                spec.path,
                tomogram.shape_zyx,
                tomogram.voxel_size_angstrom,
                network_voxels=need.network_voxels,
                needed_bytes=max(need.device, need.host),
                most_bytes=bound.most,
                whose=bound.whose,
            )
