"""Distinguishes the device's faults, which do not count as the input's, from all others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from livetomo.core.errors import DeviceFault, OutOfDeviceMemory, OutOfMemory
from livetomo.processing.networks.tile_memory import is_out_of_memory
from livetomo.system.memory import Memory

_FREE_SHARE = _OWN_SHARE = 0.5


@contextmanager
def device_faults(path: Path, device: str) -> Iterator[None]:
    """Raise faults of the device as such while the tomogram at `path` is processed on it.

    Raises:
        DeviceError: the device failed, or has no memory left.
    """
    try:
        yield
    except torch.AcceleratorError as fault:
        raise DeviceFault(path, device, str(fault).partition("\n")[0]) from fault
    except (RuntimeError, MemoryError) as fault:
        text = str(fault)
        if is_out_of_memory(fault):
            raise (OutOfDeviceMemory if held_by_others(device) else OutOfMemory)(path, device) from fault
        if is_of_device(fault):
            raise DeviceFault(path, device, text.partition("\n")[0]) from fault
        raise


def is_of_device(fault: Exception) -> bool:
    """Whether the device failed, or has no memory left, by what torch raises."""
    words = ("CUDA error", "cuDNN error", "CUDA driver")
    is_said = isinstance(fault, RuntimeError) and any(word in str(fault) for word in words)
    return is_said or isinstance(fault, torch.AcceleratorError) or is_out_of_memory(fault)


def held_by_others(device: str) -> bool:
    """Whether other programs have more than half of the device's memory, so that it is not the tomogram's fault."""
    if not device.startswith("cuda"):
        return Memory().free_share() < _FREE_SHARE and Memory().resident() < _OWN_SHARE * Memory().bound().most
    free, total = torch.cuda.mem_get_info(device)
    return total - free - torch.cuda.memory_reserved(device) > _FREE_SHARE * total
