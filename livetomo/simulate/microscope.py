"""What a microscope and its reconstruction make of a specimen: tilt series, CTF, dose, noise, back-projection."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from livetomo.simulate.projector import Projector
from livetomo.simulate.truth import Floats

WAVELENGTH_ANGSTROM = 0.0197  # 300 kV
SPHERICAL_ABERRATION_ANGSTROM = 2.7e7
SNR_PIXEL_ANGSTROM = 10.0
SPIKE_DEVIATIONS = 40.0
"""How far above the noise a pixel is that an X-ray hit."""


@dataclass(frozen=True, slots=True)
class Microscope:
    """How a tilt series is taken.

    snr: variance of the untilted, noise-free view over that of its noise in pixels of 10 Å: larger pixels average more
        electrons, so that the same dose has less noise at a larger voxel size.
    noise_colour: amplitudes of the noise fall as frequency to this power; 0 is white.
    dose: e/Å² per view; damage takes what is fine from later views, taken alternately outwards from no tilt.
    jitter_angstrom: standard deviation of the error of alignment; missing: share of views that are lost.
    phase_flipped: whether the reconstruction corrected the CTF's sign.
    softness: how much the weighting leaves high frequencies out, as SIRT and filters like it do; 0 is the plain ramp.
    spikes: mean number of pixels in a view that an X-ray hit; each draws a line through the reconstruction.
    """

    tilts_degrees: tuple[float, float, float] = (-60.0, 60.0, 3.0)
    defocus_angstrom: float = 40000.0
    amplitude_contrast: float = 0.07
    snr: float = 0.5
    noise_colour: float = 0.0
    dose: float = 3.0
    jitter_angstrom: float = 0.0
    missing: float = 0.0
    phase_flipped: bool = False
    softness: float = 0.0
    spikes: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedReconstruction:
    """Volumes (z, y, x), density dark: the whole, and its even and odd halves of independent noise."""

    volume: Floats
    even: Floats
    odd: Floats


def contrast_transfer(microscope: Microscope, frequency: Floats) -> Floats:
    """The CTF at these spatial frequencies (1/Å); negative where matter looks dark."""
    k2 = frequency.astype(np.float64) ** 2
    chi = (
        np.pi
        * WAVELENGTH_ANGSTROM
        * k2
        * (microscope.defocus_angstrom - 0.5 * SPHERICAL_ABERRATION_ANGSTROM * WAVELENGTH_ANGSTROM**2 * k2)
    )
    ctf = -np.sin(chi + np.arcsin(microscope.amplitude_contrast))
    if microscope.phase_flipped:
        ctf = -np.abs(ctf)
    result: Floats = ctf.astype(np.float32)
    return result


def image(density: Floats, voxel_size_angstrom: float, microscope: Microscope, seed: int) -> SimulatedReconstruction:
    """The reconstruction that a microscope gives of `density` (z, y, x). The same seed gives the same."""
    rng = np.random.default_rng([seed, 2])
    tilts, order = _views(microscope, rng)
    projector = Projector(density.shape[0], density.shape[2], tilts)
    # What lies beyond the volume is taken for the slab's own mean, so that high tilts see no edge.
    views = projector.project(density - density.mean(axis=(1, 2), keepdims=True))
    size = (fft.next_fast_len(views.shape[1], real=True), fft.next_fast_len(views.shape[2] + 16, real=True))
    ky = fft.fftfreq(size[0], voxel_size_angstrom).astype(np.float32)[:, None]
    kx = fft.rfftfreq(size[1], voxel_size_angstrom).astype(np.float32)[None, :]
    frequency = np.hypot(ky, kx)
    seen = fft.rfft2(views, size, workers=2) * contrast_transfer(microscope, frequency)
    seen *= _damage(order * microscope.dose, frequency)
    shifts = rng.normal(0, microscope.jitter_angstrom, (2, len(tilts), 1, 1)).astype(np.float32)
    seen *= np.exp(-2j * np.pi * (ky * shifts[0] + kx * shifts[1])).astype(np.complex64)
    still = seen[np.argmin(np.abs(tilts))]
    signal = fft.irfft2(still, size)[: views.shape[1], : views.shape[2]].std()
    # A detector sees the noise of its electrons after the CTF: it has none of its own.
    # If there is nothing to see, all that is left is noise, whose scale does not matter.
    noise_sd = float(signal or 1.0) / np.sqrt(microscope.snr) * SNR_PIXEL_ANGSTROM / voxel_size_angstrom
    ramp = _weighting(kx, voxel_size_angstrom, microscope.softness)
    halves = []
    for _ in range(2):
        grain = rng.standard_normal((len(tilts), *size), dtype=np.float32)
        if microscope.spikes:
            hits = rng.integers(0, grain.shape, (rng.poisson(microscope.spikes * len(tilts)), 3))
            grain[tuple(hits.T)] += np.float32(SPIKE_DEVIATIONS)
        noise = fft.rfft2(grain, workers=2)
        noise *= noise_sd * np.sqrt(2) * _colour(microscope, frequency)
        weighted = fft.irfft2((seen + noise) * ramp, size, workers=2)[:, : views.shape[1], : views.shape[2]]
        halves.append(projector.back_project(weighted))
    whole: Floats = (halves[0] + halves[1]) * np.float32(0.5)
    scale = np.float32(1 / max(float(whole.std()), 1e-12))
    return SimulatedReconstruction(whole * scale, halves[0] * scale, halves[1] * scale)


def _views(microscope: Microscope, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """The angles of the views that are not lost, and each one's turn in a dose-symmetric scheme."""
    low, high, step = microscope.tilts_degrees
    tilts = np.arange(low, high + step / 2, step)
    order = np.argsort(np.argsort(np.abs(tilts), kind="stable")).astype(np.float32)
    kept = rng.random(len(tilts)) >= microscope.missing
    kept[np.argmin(np.abs(tilts))] = True
    return tilts[kept], order[kept]


def _damage(dose: npt.NDArray[np.float32], frequency: Floats) -> Floats:
    """What is left of the amplitudes after a dose (e/Å²). Grant & Grigorieff 2015, eLife 4:e06980, equation 3."""
    critical = 0.24499 * np.maximum(frequency, 1e-4) ** -1.6649 + 2.8141
    result: Floats = np.exp(-dose[:, None, None] / (2 * critical)).astype(np.float32)
    return result


def _colour(microscope: Microscope, frequency: Floats) -> Floats:
    if microscope.noise_colour == 0:
        return np.ones_like(frequency)
    colour = np.maximum(frequency, frequency[0, 1]) ** -microscope.noise_colour
    result: Floats = colour / np.sqrt(np.mean(colour**2))
    return result


def _weighting(kx: Floats, voxel_size_angstrom: float, softness: float) -> Floats:
    """The ramp across the tilt axis, softly closed towards Nyquist."""
    q = kx * 2 * voxel_size_angstrom
    ramp = (q + 0.5 * q[0, 1]) * np.exp(-((q / 0.85) ** 4))
    result: Floats = (ramp / (1 + (softness * q) ** 2)).astype(np.float32)
    return result
