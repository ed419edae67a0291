"""A filter that depends on the spatial frequency alone: one pair of Fourier transforms."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

MARGIN = 16


def radial_filter(density: Tensor, transfer: Callable[[Tensor], Tensor]) -> Tensor:
    """The density (z, y, x), each Fourier coefficient times what `transfer` says; a new tensor.

    The faces are mirrored `MARGIN` voxels deep.

    transfer: from spatial frequencies (cycles per voxel, of one plane) to factors of the same shape.
    """
    sides = [side for extent in reversed(density.shape) for side in (min(MARGIN, extent - 1),) * 2]
    padded = functional.pad(density[None, None].float(), sides, mode="reflect")[0, 0]
    shape = padded.shape
    spectrum = torch.fft.rfftn(padded)
    del padded
    y = torch.fft.fftfreq(shape[1], device=density.device).square()[:, None]
    x = torch.fft.rfftfreq(shape[2], device=density.device).square()[None, :]
    for plane, z in zip(spectrum, torch.fft.fftfreq(shape[0]).tolist(), strict=True):
        plane.mul_(transfer((x + y + z * z).sqrt_()))
    out: Tensor = torch.fft.irfftn(spectrum, s=shape)
    inside = tuple(slice(min(MARGIN, extent - 1), min(MARGIN, extent - 1) + extent) for extent in density.shape)
    return out[inside].contiguous()
