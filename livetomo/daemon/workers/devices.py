"""Which devices there are, found without importing torch."""

import os
import shutil
import subprocess
from collections.abc import Mapping


def find_devices() -> list[str]:
    """Every CUDA device that NVIDIA's driver lists; the CPU where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ["cpu"]
    listing = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=30, check=False)
    found = [line for line in listing.stdout.splitlines() if line.startswith("GPU ")]
    return [f"cuda:{index}" for index in range(len(found))] or ["cpu"]


def environment(device: str, workers: int) -> Mapping[str, str]:
    """What a worker's environment says before anything is imported: its one device, its share of the processors."""
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    shared = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return shared | {"CUDA_VISIBLE_DEVICES": device.removeprefix("cuda:") if device != "cpu" else ""}


def local_name(device: str) -> str:
    """The device as its worker sees it: the only one."""
    return "cpu" if device == "cpu" else "cuda:0"
