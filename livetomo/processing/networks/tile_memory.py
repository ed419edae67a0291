"""What a device can do: how large tiles may be beside other programs, and in which precision it convolves best."""

import gc
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import torch

R = TypeVar("R")


class TileRoom:
    """How many voxels at a time there was room for; one for a worker's life."""

    def __init__(self) -> None:
        self._most: dict[Hashable, int] = {}

    def run(self, key: Hashable, most: int, held: Callable[[int], int], attempt: Callable[[int], R]) -> R:
        """`attempt(most)`, with half as large tiles after each time that the device's memory did not suffice.

        key: of what is remembered: the same model, shape and device.
        held: how many voxels a limit really gives; at its half the next attempt is made. Where a lower limit gives no
            fewer, the fault is raised.
        """
        most = self._most.get(key, most)
        while True:
            try:
                answer = attempt(most)
            except (RuntimeError, MemoryError) as fault:  # torch.OutOfMemoryError is a RuntimeError
                now = held(most)
                if not is_out_of_memory(fault) or held(now // 2) >= now:
                    raise
                most = now // 2
            else:
                self._most[key] = most
                return answer
            # Only here, where nothing holds the failed attempt's tensors any more.
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether memory ran out. On the CPU torch raises a bare RuntimeError, so that its text has to be read."""
    if isinstance(fault, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(fault)
    return isinstance(fault, RuntimeError) and ("not enough memory" in text or "can't allocate memory" in text)


def has_bfloat16(device: torch.device) -> bool:
    """Whether it multiplies in bfloat16 itself: every GPU that we know, and processors with AVX-512 BF16.

    Elsewhere it is done in software, and slower than in single precision. torch's own answer is yes there, too.
    """
    if device.type == "cuda":
        return True
    processor = Path("/proc/cpuinfo")
    return processor.exists() and "avx512_bf16" in processor.read_text(encoding="ascii", errors="replace")
