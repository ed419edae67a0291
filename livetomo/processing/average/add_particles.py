"""The particles of one tomogram, cut out, turned back and added up."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from livetomo.core.particle_sums import SIDE, SUMS_SHAPE, ParticleSums, average_voxel_angstrom, radius_voxels
from livetomo.processing.match.band import FilledWedge

_BATCH = 64
_LEAST_INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class PooledVolume:
    """A tomogram as coarse as an average of its particles can be.

    volume: (z, y, x), matter positive, the mean of `factor` voxels of the tomogram along each axis; float16.
    """

    volume: Tensor
    factor: int
    voxel_size_angstrom: float
    diameter_angstrom: float


def pooled(volume: Tensor, *, voxel_size_angstrom: float, diameter_angstrom: float) -> PooledVolume:
    """Of a tomogram (z, y, x; matter positive), for particles of this diameter."""
    factor = math.floor(average_voxel_angstrom(diameter_angstrom) / voxel_size_angstrom + 1e-6)
    factor = max(1, min(factor, *volume.shape))
    coarse = volume if factor == 1 else torch.nn.functional.avg_pool3d(volume[None, None], factor)[0, 0]
    return PooledVolume(coarse.half(), factor, factor * voxel_size_angstrom, diameter_angstrom)


def sum_of_particles(
    source: PooledVolume,
    position: npt.NDArray[np.floating],
    euler: npt.NDArray[np.floating],
    wedge: FilledWedge | None,
) -> ParticleSums:
    """The particles at `position` (n, 3; z, y, x, voxels of the tomogram), every second one in each half.

    euler: (n, 3) RELION's rot, tilt and psi, degrees. wedge: the filled angles; None where all are. Coefficients that
    no view has measured count in no sum.

    Each particle is brought to a mean of 0 and a deviation of 1 of what lies around it, so that none counts for more
    than another. A particle of whose box more than half lies outside of the volume is left out. Interpolation is
    linear: this is a look at what was picked.
    """
    device, step = source.volume.device, average_voxel_angstrom(source.diameter_angstrom) / source.voxel_size_angstrom
    centres = torch.from_numpy((np.asarray(position, np.float32) - (source.factor - 1) / 2) / source.factor).to(device)
    turns = torch.from_numpy(_turns_zyx(np.asarray(euler, np.float64))).to(device)
    volume = source.volume.float()[None, None]
    signal = torch.zeros(SUMS_SHAPE, dtype=torch.complex64, device=device)
    weight, count = torch.zeros(SUMS_SHAPE, device=device), [0, 0]
    for start in range(0, len(centres), _BATCH):
        batch = slice(start, start + _BATCH)
        boxes, inside = _cut(volume, centres[batch], turns[batch], step)
        kept = inside >= _LEAST_INSIDE
        transforms = torch.fft.rfftn(torch.fft.ifftshift(_normalised(boxes), dim=(1, 2, 3)), dim=(1, 2, 3))
        measured = _measured(turns[batch], wedge) & kept[:, None, None, None]
        for half in (0, 1):
            mine = slice((half + start) % 2, None, 2)
            signal[half] += (transforms[mine] * measured[mine]).sum(0)
            weight[half] += measured[mine].sum(0)
            count[half] += int(kept[mine].sum())
    return ParticleSums(signal.cpu().numpy(), weight.cpu().numpy(), (count[0], count[1]))


def _turns_zyx(euler: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """(n, 3, 3) from the reference's (z, y, x) to the tomogram's: RELION's angles turn the axes, not the particle."""
    if not len(euler):
        return np.zeros((0, 3, 3), np.float32)
    matrices = Rotation.from_euler("ZYZ", euler, degrees=True).inv().as_matrix()
    return np.ascontiguousarray(matrices[:, ::-1, ::-1], np.float32)


def _cut(volume: Tensor, centres: Tensor, turns: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """(n, SIDE, SIDE, SIDE) boxes in the particles' own axes, and the share of each that lies in the volume."""
    axis = torch.arange(SIDE, device=volume.device, dtype=torch.float32) - SIDE // 2
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    places = centres[:, None] + step * (grid @ turns.transpose(1, 2))
    last = torch.tensor(volume.shape[2:], device=volume.device) - 1
    inside = ((places >= 0) & (places <= last)).all(-1).float().mean(1)
    relative = (2 * places / last.clamp(min=1) - 1).flip(-1).reshape(1, -1, 1, 1, 3)
    boxes = torch.nn.functional.grid_sample(volume, relative, align_corners=True, padding_mode="border")
    return boxes.reshape(-1, SIDE, SIDE, SIDE), inside


def _normalised(boxes: Tensor) -> Tensor:
    """By what lies beside the particle: outside of the largest sphere in the box, beyond the particle's diameter."""
    around = torch.from_numpy(radius_voxels() > SIDE / 2 - 1).to(boxes.device)
    beside = boxes[:, around]
    mean, deviation = beside.mean(1), beside.std(1).clamp(min=1e-6)
    return (boxes - mean[:, None, None, None]) / deviation[:, None, None, None]


def _measured(turns: Tensor, wedge: FilledWedge | None) -> Tensor:
    """(n, SIDE, SIDE, SIDE // 2 + 1) which coefficients of the turned-back boxes some view has seen."""
    shape = (len(turns), SIDE, SIDE, SIDE // 2 + 1)
    if wedge is None:
        return torch.ones(shape, dtype=torch.bool, device=turns.device)
    k, half = torch.fft.fftfreq(SIDE, device=turns.device), torch.fft.rfftfreq(SIDE, device=turns.device)
    frequency = torch.stack(torch.meshgrid(k, k, half, indexing="ij"), -1).reshape(-1, 3)
    return wedge.holds(*(frequency @ turns.transpose(1, 2)).unbind(-1)).reshape(shape)
