"""What lies near a mask, at a cost that does not depend on how near."""

import edt
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def near(mask: Tensor, *, radius_voxels: float) -> Tensor:
    """The voxels of `mask` and those closer than `radius_voxels` to one of them; (z, y, x), bool, a new tensor."""
    if radius_voxels <= 1:
        return mask.clone()
    inside = mask.cpu().numpy()
    box = _bounds(inside, int(np.ceil(radius_voxels)))
    out = np.zeros(inside.shape, bool)
    if box is not None:
        squares = edt.edtsq(~inside[box], parallel=torch.get_num_threads())
        np.less(squares, radius_voxels**2, out=out[box])
    return torch.from_numpy(out).to(mask.device)


def _bounds(mask: npt.NDArray[np.bool_], margin: int) -> tuple[slice, ...] | None:
    """The box around what is set, `margin` wider; None where nothing is."""
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (places,) = np.nonzero(mask.any(axis=others))
        if len(places) == 0:
            return None
        box.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1))
    return tuple(box)
