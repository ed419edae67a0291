"""Pick a saved map once, the given way, in a process of its own: `pick_once.py ours|plain MAP.npy`; prints JSON."""

import json
import sys
import time
from pathlib import Path

import numpy as np

LEAST_VOXELS = 1000
SPACING_VOXELS = 15.0


def ours(map_):
    """As livetomo does."""
    from livetomo.processing.pick.regions import regions

    picks = regions(
        map_, threshold=0.5, candidate_threshold=0.5, least_voxels=LEAST_VOXELS, spacing_voxels=SPACING_VOXELS
    )
    return picks.position


def plain(map_):
    """The straightforward way: scipy's distance transform and scikit-image's watershed over the whole volume."""
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    mask = map_ > 0.5
    depth = ndimage.distance_transform_edt(mask)
    peaks = peak_local_max(depth, min_distance=int(SPACING_VOXELS))
    markers = np.zeros(mask.shape, bool)
    markers[tuple(peaks.T)] = True
    labels = watershed(-depth, ndimage.label(markers)[0], mask=mask)
    sizes = np.bincount(labels.ravel())
    (kept,) = np.nonzero(sizes >= LEAST_VOXELS)
    return np.array(ndimage.center_of_mass(mask, labels, kept[kept > 0]))


def main():
    """Read the map, pick, report."""
    way, path = sys.argv[1:]
    map_ = np.load(path)
    {"ours": ours, "plain": plain}[way](map_[:16, :16, :16])  # imports are not counted
    # not the clock on the wall: of all threads, and what else runs on the machine does not count
    began = time.process_time()
    position = {"ours": ours, "plain": plain}[way](map_)
    seconds = time.process_time() - began
    # not getrusage: its maximum includes what the parent held when it forked
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    peak = int(line.split()[1]) * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "position": position.tolist()}))


if __name__ == "__main__":
    main()
