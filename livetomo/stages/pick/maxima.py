"""Pick the local maxima of a probability map: for maps that are high at particles' centres."""

import cc3d
import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional

from livetomo.picks import Picks
from livetomo.stages.pick.spacing import spaced


def maxima(probability: Tensor, *, threshold: float, spacing_voxels: float, edge_voxels: float = 0.0) -> Picks:
    """The voxels not lower than their 26 neighbours and at least `threshold`, the higher first.

    Positions are refined below a voxel by a parabola along each axis. Of two that are closer than `spacing_voxels` the
    lower one goes. None is closer than `edge_voxels` to a face. A plateau counts once, at its centre. A lone voxel
    beside a zero is no summit, but the rim of what an interaction has cut out. Their volume is not measured: NaN.
    """
    highest = functional.max_pool3d(probability[None, None], 3, stride=1, padding=1)[0, 0]
    peaks = (probability == highest) & (probability >= threshold) & (probability > 0)
    lowest = -functional.max_pool3d(-probability[None, None], 3, stride=1, padding=1)[0, 0]
    rims = (lowest == 0).cpu().numpy()
    del highest, lowest
    position, score = _summits(probability, peaks.cpu().numpy(), rims)
    limits = np.asarray(probability.shape) - 1 - edge_voxels
    inside = ((position >= edge_voxels) & (position <= limits)).all(axis=1)
    position, score = position[inside], score[inside]
    kept = spaced(position, score, spacing_voxels)
    return Picks(position[kept].astype(np.float32), score[kept], np.full(len(kept), np.nan, np.float32))


def _summits(
    probability: Tensor, peaks: npt.NDArray[np.bool_], rims: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """Where the peaks are, below a voxel, and how high. Neighbouring peaks are equally high: one plateau."""
    values = probability.cpu().numpy()
    labels, count = cc3d.connected_components(peaks, connectivity=26, return_N=True, binary_image=True)
    if count == 0:
        return np.zeros((0, 3)), np.zeros(0, np.float32)
    statistics = cc3d.statistics(labels, no_slice_conversion=True)
    position = np.asarray(statistics["centroids"][1:], np.float64)
    single = np.asarray(statistics["voxel_counts"][1:]) == 1
    member = np.empty((count, 3), np.intp)
    voxels = np.argwhere(peaks)
    member[labels[peaks] - 1] = voxels
    position[single] += _parabola(values, member[single])
    kept = ~(single & rims[tuple(member.T)])
    return position[kept], values[tuple(member[kept].T)]


def _parabola(values: npt.NDArray[np.float32], voxels: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The offset of the summit from each voxel, at most half a voxel; 0 along an axis on whose face the voxel lies."""
    offset = np.zeros(voxels.shape)
    here = values[tuple(voxels.T)].astype(np.float64)
    for axis in range(3):
        step = np.zeros(3, np.intp)
        step[axis] = 1
        inner = (voxels[:, axis] > 0) & (voxels[:, axis] < values.shape[axis] - 1)
        before = values[tuple((voxels[inner] - step).T)].astype(np.float64)
        after = values[tuple((voxels[inner] + step).T)].astype(np.float64)
        bend = before - 2 * here[inner] + after
        offset[inner, axis] = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1), 0)
    return offset.clip(-0.5, 0.5)
