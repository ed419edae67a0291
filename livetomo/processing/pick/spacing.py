"""Keep particles apart: of two that are too close the heavier stays."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree


def spaced(
    position: npt.NDArray[np.floating], weight: npt.NDArray[np.floating], spacing: float
) -> npt.NDArray[np.intp]:
    """The indices that stay, heaviest first; no two are closer than `spacing` (Euclidean, in the unit of `position`).

    The heaviest of all stays, what is closer to it goes; then the heaviest of the rest, and so on. What has gone
    removes nothing. Equal weights go by position (z, then y, then x): the order is the same on every machine.
    """
    order = np.lexsort((position[:, 2], position[:, 1], position[:, 0], -weight))
    if spacing <= 0 or len(order) < 2:
        return order
    ranked = position[order]
    pairs = cKDTree(ranked).query_pairs(spacing, output_type="ndarray")
    if len(pairs) == 0:
        return order
    close = np.linalg.norm(ranked[pairs[:, 0]] - ranked[pairs[:, 1]], axis=1) < spacing
    pairs = pairs[close]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    begin = np.searchsorted(pairs[:, 0], np.arange(len(order) + 1))
    stays = np.ones(len(order), bool)
    for heavier in np.unique(pairs[:, 0]):
        if stays[heavier]:
            stays[pairs[begin[heavier] : begin[heavier + 1], 1]] = False
    return order[stays]
