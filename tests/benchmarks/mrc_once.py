"""Read or write one MRC file the given way, in a process of its own: `mrc_once.py ours|mrcfile|mapped read|write PATH`.

What is written is the array `PATH.npy`. Prints JSON.
"""

import json
import sys
import time
from pathlib import Path

import mrcfile
import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.mrc import read_volume, write_map

PAGE = 4096


def read(way, path):
    """Read; each page is looked at once, as a memory map is not read before. When it began."""
    began = time.process_time()
    if way == "ours":
        voxels = read_volume(path).voxels
    elif way == "mrcfile":
        with mrcfile.open(path, permissive=True) as file:  # mrcfile.read copies
            voxels = file.data
    else:
        voxels = mrcfile.mmap(path, permissive=True).data
    voxels.reshape(-1)[:: PAGE // voxels.itemsize].sum(dtype=np.float64)
    return began


def write(way, path):
    """Write a map with its statistics. When it began."""
    voxels = np.load(f"{path}.npy")
    began = time.process_time()
    if way == "ours":
        write_map(path, voxels, TomogramGeometry(voxels.shape, 10.0))
    elif way == "mrcfile":
        with mrcfile.new(path, voxels) as file:
            file.voxel_size = 10.0
    else:
        with mrcfile.new_mmap(path, voxels.shape, mrcfile.utils.mode_from_dtype(voxels.dtype)) as file:
            file.data[:] = voxels
            file.voxel_size = 10.0
            file.update_header_stats()
    return began


def main():
    """Do it once, report."""
    way, what, path = sys.argv[1:]
    began = {"read": read, "write": write}[what](way, Path(path))
    # not the clock on the wall: what else runs on the machine does not count
    seconds = time.process_time() - began
    # not getrusage: its maximum includes what the parent held when it forked
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(json.dumps({"seconds": seconds, "peak_bytes": int(line.split()[1]) * 1024}))


if __name__ == "__main__":
    main()
