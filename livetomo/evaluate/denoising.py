"""How good denoisers are: each half-map, denoised, against the other raw one; or the whole against the truth."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from livetomo.config.recipe.denoise import Deconvolve, LowPass, TotalVariation
from livetomo.core.errors import ConfigurationError
from livetomo.formats.mrc import read_volume
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.denoise.deconvolve import deconvolve
from livetomo.processing.denoise.lowpass import lowpass, sigma_of_resolution
from livetomo.processing.denoise.total_variation import total_variation
from livetomo.processing.denoise.weight_by_halves import weight_by_halves
from livetomo.processing.denoise.wiener import wiener, wiener_curve
from livetomo.processing.measure.halves import ShellCorrelation, half_fault, shell_correlation, shell_sums
from livetomo.processing.normalise import clip_, normalise_

BANDS_ANGSTROM = ((200.0, 100.0), (100.0, 60.0), (60.0, 40.0), (40.0, 25.0))
Bands = tuple[float | None, ...]
"""Of each of `BANDS_ANGSTROM`; None where the voxels are too large for it, or the volume too small."""
_Denoiser = Callable[[Tensor], Tensor]
_LOW_PASS = LowPass(method="lowpass")
_DECONVOLVE = Deconvolve(method="deconvolve")
_TOTAL_VARIATION = TotalVariation(method="tv")


def read_density(path: Path, density: Literal["dark", "bright"], device: str) -> tuple[Tensor, MrcHeader]:
    """The volume in an MRC file, (z, y, x), float32, matter positive, and its header.

    Raises:
        PermanentError: what is wrong with the file.
    """
    volume = read_volume(path)
    voxels = torch.from_numpy(np.ascontiguousarray(volume.voxels, dtype=np.float32)).to(device)
    return (voxels.neg() if density == "dark" else voxels), volume.header


def by_halves(
    even: Tensor,
    odd: Tensor,
    *,
    voxel_size_angstrom: float,
    defocus_angstrom: float | None = None,
    phase_flipped: bool = False,
    most_tilt_degrees: float = 60.0,
) -> dict[str, Bands]:
    """By method, the correlation of each denoised half (z, y, x; matter positive) with the other raw half, by band.

    It is the mean of both ways, outside the missing wedge. Noise of the other half is independent of what was denoised,
    so that more is better; a denoised half is never compared with another denoised one, which agree where both are
    wrong alike. `deconvolve` is left out where the defocus is not known.

    Raises:
        ConfigurationError: they are no two halves of one tomogram.
    """
    one, other, shells = _halves(even, odd, voxel_size_angstrom, most_tilt_degrees)
    weight = weight_by_halves(one, other, most_tilt_degrees=most_tilt_degrees)
    denoisers = _denoisers(
        shells, voxel_size_angstrom, defocus_angstrom, weight, phase_flipped=phase_flipped, of_half=True
    )
    found = {}
    for name, denoise in denoisers.items():
        ways = [
            _by_band(denoise(half), raw, voxel_size_angstrom, most_tilt_degrees)
            for half, raw in ((one, other), (other, one))
        ]
        found[name] = tuple(None if a is None or b is None else (a + b) / 2 for a, b in zip(*ways, strict=True))
    return found


def by_truth(
    even: Tensor,
    odd: Tensor,
    truth: Tensor,
    *,
    voxel_size_angstrom: float,
    defocus_angstrom: float | None = None,
    phase_flipped: bool = False,
    most_tilt_degrees: float = 60.0,
) -> dict[str, Bands]:
    """By method, the correlation of the denoised mean of two halves with a noise-free volume, by band.

    Shapes and what is left out: as `by_halves`.

    Raises:
        ConfigurationError: they are no two halves of one tomogram, or the truth has another shape.
    """
    one, other, shells = _halves(even, odd, voxel_size_angstrom, most_tilt_degrees)
    if truth.shape != even.shape:
        shapes = [" x ".join(map(str, volume.shape)) for volume in (truth, even)]
        raise ConfigurationError(f"the truth has {shapes[0]} voxels (z, y, x), the half-maps {shapes[1]}")
    whole = clip_(normalise_((even + odd) / 2, "bright"))
    weight = weight_by_halves(one, other, most_tilt_degrees=most_tilt_degrees)
    denoisers = _denoisers(
        shells, voxel_size_angstrom, defocus_angstrom, weight, phase_flipped=phase_flipped, of_half=False
    )
    return {
        name: _by_band(denoise(whole), truth, voxel_size_angstrom, most_tilt_degrees)
        for name, denoise in denoisers.items()
    }


def _halves(
    even: Tensor, odd: Tensor, voxel_size_angstrom: float, most_tilt_degrees: float
) -> tuple[Tensor, Tensor, ShellCorrelation]:
    """Both, scaled and clipped as volumes are before they are denoised, and how far they agree."""
    if fault := half_fault(even, odd):
        raise ConfigurationError(fault[1])
    shells = shell_correlation(even, odd, voxel_size_angstrom=voxel_size_angstrom, most_tilt_degrees=most_tilt_degrees)
    one, other = (clip_(normalise_(half.clone(), "bright")) for half in (even, odd))
    return one, other, shells


def _denoisers(
    shells: ShellCorrelation,
    voxel_size_angstrom: float,
    defocus_angstrom: float | None,
    chosen: float,
    *,
    phase_flipped: bool,
    of_half: bool,
) -> Mapping[str, _Denoiser]:
    """What is compared, with the recipe's defaults. chosen: the weight of `tv` that the half-maps chose."""
    curve = wiener_curve(shells, of_half=of_half)
    weight = _TOTAL_VARIATION.weight_without_halves
    sigma = sigma_of_resolution(_LOW_PASS.resolution_angstrom / voxel_size_angstrom)
    denoisers: dict[str, _Denoiser] = {
        "raw": torch.clone,
        f"lowpass {_LOW_PASS.resolution_angstrom:g} Å": lambda volume: lowpass(volume, sigma_voxels=sigma),
    }
    if defocus_angstrom is not None:
        denoisers["deconvolve"] = lambda volume: deconvolve(
            volume,
            voxel_size_angstrom=voxel_size_angstrom,
            defocus_angstrom=defocus_angstrom,
            **_DECONVOLVE.model_dump(include={"strength", "falloff", "highpass"}),
            phase_flipped=phase_flipped,
        )
    denoisers["wiener"] = lambda volume: wiener(volume, curve, voxel_size_angstrom=voxel_size_angstrom)
    denoisers[f"tv {weight:g}"] = lambda volume: total_variation(volume, weight=weight)
    denoisers[f"tv by halves ({chosen:g})"] = lambda volume: total_variation(volume, weight=chosen)
    return denoisers


def _by_band(volume: Tensor, other: Tensor, voxel_size_angstrom: float, most_tilt_degrees: float) -> Bands:
    sums = shell_sums(volume, other, voxel_size_angstrom=voxel_size_angstrom, most_tilt_degrees=most_tilt_degrees)
    return tuple(
        sums.band(coarse, fine) if fine >= 2 * voxel_size_angstrom else None for coarse, fine in BANDS_ANGSTROM
    )
