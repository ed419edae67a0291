"""In which precision a device computes convolutions best."""

from pathlib import Path

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Whether it multiplies in bfloat16 itself: every GPU that we know, and processors with AVX-512 BF16.

    Elsewhere it is done in software, and slower than in single precision. torch's own answer is yes there, too.
    """
    if device.type == "cuda":
        return True
    processor = Path("/proc/cpuinfo")
    return processor.exists() and "avx512_bf16" in processor.read_text(encoding="ascii", errors="replace")
