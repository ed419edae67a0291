"""The volume of a job: read as what it was when it was taken, from one file or from its two halves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.core.errors import HalvesDiffer, SourceChanged, SourceUnreadable
from livetomo.core.tomogram import bounded_time
from livetomo.formats.mrc import Volume, read_volume
from livetomo.formats.mrc_header import MrcHeader, read_header
from livetomo.formats.settled_values import settled_order, settled_signs
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.system.sampled_digest import digest_file


def read_source(spec: JobSpec) -> Volume:
    """The job's volume, (z, y, x).

    Where the producer writes halves alone, the job's file is the even one, and the mean of both is the volume. Where
    it stores other axes than its header says (IMOD's untrimmed reconstruction), it is turned as `trimvol -rx` does.
    Integers are read as signed or not as their values show them to be.

    Raises:
        SourceChanged: the file is not, or not any more, what it was when it was taken.
        SourceUnreadable: it is away, or cannot be read at the moment.
        PermanentError: what is wrong with the file (see `read_volume`).
    """
    try:
        before = _check_content(spec)
        volume = settled_signs(settled_order(read_volume(spec.path)))
        after = spec.path.stat()
        if spec.halves.get("even") == str(spec.path) and "odd" in spec.halves:
            volume = _mean(spec, volume)
    except FileNotFoundError:
        raise SourceUnreadable(spec.path, "it is not there any more") from None
    except OSError as fault:
        raise SourceUnreadable(spec.path, fault.strerror or str(fault)) from fault
    if (after.st_size, after.st_mtime_ns) != before:
        raise SourceChanged(spec.path)
    return turned(volume) if spec.facts.stored_axes == "yzx" else volume


def read_tensor(spec: JobSpec, device: torch.device) -> tuple[Tensor, MrcHeader]:
    """The job's volume as float32 on a device, (z, y, x), and its header. What was read for it is free again.

    Raises: as `read_source`.
    """
    source = read_source(spec)
    return torch.from_numpy(np.ascontiguousarray(source.voxels, dtype=np.float32)).to(device), source.header


def read_source_header(spec: JobSpec) -> MrcHeader:
    """The header of the job's volume, as `read_source` will give it; no voxel is read.

    Raises: as `read_source`.
    """
    try:
        _check_content(spec)
        header = read_header(spec.path)
    except FileNotFoundError:
        raise SourceUnreadable(spec.path, "it is not there any more") from None
    except OSError as fault:
        raise SourceUnreadable(spec.path, fault.strerror or str(fault)) from fault
    return _turned_header(header) if spec.facts.stored_axes == "yzx" else header


def turned(volume: Volume) -> Volume:
    """A volume whose sections are along y and rows along z: turned by -90 degrees about x, so that hands stay hands."""
    return Volume(np.flip(volume.voxels.transpose(1, 0, 2), axis=0), _turned_header(volume.header))


def _turned_header(header: MrcHeader) -> MrcHeader:
    z, y, x = header.shape_zyx
    size, origin = header.voxel_size_xyz, header.origin_xyz
    return replace(
        header,
        shape_zyx=(y, z, x),
        axis_order="yzx",
        voxel_size_xyz=(size[0], size[2], size[1]),
        origin_xyz=(origin[0], origin[2], origin[1]),
    )


def _mean(spec: JobSpec, even: Volume) -> Volume:
    odd = settled_signs(settled_order(read_volume(Path(spec.halves["odd"]))))
    if odd.header.shape_zyx != even.header.shape_zyx:
        raise HalvesDiffer(spec.path, even.header.shape_zyx, odd.header.shape_zyx)
    mean: npt.NDArray[np.float32] = even.voxels.astype(np.float32)
    mean += odd.voxels.astype(np.float32, copy=False)
    mean *= 0.5
    return Volume(mean, even.header)


def _check_content(spec: JobSpec) -> tuple[int, int]:
    """Size and time of the file, which holds what the job says: a changed time alone is nothing new."""
    found = spec.path.stat()
    if found.st_size != spec.content.size:
        raise SourceChanged(spec.path)
    if (
        bounded_time(found.st_mtime_ns) != spec.content.modified_ns
        and digest_file(spec.path).digest != spec.content.digest
    ):
        raise SourceChanged(spec.path)
    return found.st_size, found.st_mtime_ns
