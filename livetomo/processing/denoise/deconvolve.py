"""Undo the contrast transfer function and lift what is seen, by a Wiener filter: one pair of Fourier transforms."""

import math

import torch
from torch import Tensor

from livetomo.processing.denoise.radial_filter import radial_filter


def deconvolve(
    density: Tensor,
    *,
    voxel_size_angstrom: float,
    defocus_angstrom: float,
    strength: float = 1.0,
    falloff: float = 1.0,
    highpass: float = 0.02,
    phase_flipped: bool = False,
    voltage_kilovolt: float = 300.0,
    spherical_aberration_mm: float = 2.7,
    amplitude_contrast: float = 0.07,
) -> Tensor:
    """The density (z, y, x; matter positive) as it would be without the CTF; a new tensor.

    The filter of tom_deconv (D. Tegunov): ctf / (ctf² + 1/snr), with a signal-to-noise ratio that falls exponentially
    with frequency from 10^(3 `strength`), `falloff` times as fast as e per 100 Å⁻¹ of the Nyquist frequency, and rises
    from nothing at zero to its full value at `highpass` of it.

    defocus_angstrom: positive is underfocus. phase_flipped: the reconstruction has corrected the CTF's sign.
    """

    def transfer(frequency: Tensor) -> Tensor:
        ctf = contrast(
            frequency / voxel_size_angstrom,
            defocus_angstrom=defocus_angstrom,
            voltage_kilovolt=voltage_kilovolt,
            spherical_aberration_mm=spherical_aberration_mm,
            amplitude_contrast=amplitude_contrast,
        )
        if phase_flipped:
            ctf.abs_()
        share = (2 * frequency).clamp_(max=1)
        rise = 1 - torch.cos(math.pi * (share / highpass).clamp(max=1))
        snr = torch.exp(-share * (falloff * 100 / voxel_size_angstrom)) * (10 ** (3 * strength) * rise)
        # As snr / (snr ctf² + 1): where the ratio is nothing, so is the filter, and nothing is divided by it.
        return ctf * snr / (snr * ctf.square() + 1)

    return radial_filter(density, transfer)


def contrast(
    frequency: Tensor,
    *,
    defocus_angstrom: float,
    voltage_kilovolt: float,
    spherical_aberration_mm: float,
    amplitude_contrast: float,
) -> Tensor:
    """The CTF at these spatial frequencies (1/Å), positive at the lowest for underfocus: matter stays positive."""
    wavelength = electron_wavelength_angstrom(voltage_kilovolt)
    squared = frequency.square()
    aberration = 0.5 * spherical_aberration_mm * 1e7 * wavelength**2
    chi = squared.mul(-aberration).add_(defocus_angstrom).mul_(squared).mul_(math.pi * wavelength)
    return chi.add_(math.asin(amplitude_contrast)).sin_()


def electron_wavelength_angstrom(voltage_kilovolt: float) -> float:
    """Relativistic, in Å: 0.0197 at 300 kV, 0.0251 at 200 kV."""
    volts = voltage_kilovolt * 1000
    return 12.2643 / math.sqrt(volts * (1 + 0.978466e-6 * volts))
