"""How far two half maps agree: Fourier shell correlation, and halves that cannot be halves of one tomogram."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livetomo.core.quality.metric import Quality, Verdict

RESOLUTIONS = {"fsc_0143_resolution": 0.143, "fsc_05_resolution": 0.5}
_BAND_ANGSTROM = (100.0, 30.0)
_COARSE_ANGSTROM = 300.0
_LEAST_COARSE_SNR = 0.1
_IDENTICAL = 0.9999
_LEAST_AGREEMENT = 0.02
_LEAST_LIKENESS = 0.1
_USUAL_TILT_DEGREES = 60.0
_LEAST_SHELL = 20


@dataclass(frozen=True, slots=True)
class ShellCorrelation:
    """A Fourier shell correlation: 1/Å, correlation and number of coefficients of each shell, float64 (shells)."""

    frequency: Tensor
    correlation: Tensor
    coefficients: Tensor

    def resolution(self, threshold: float) -> float | None:
        """Where the curve first falls below `threshold` for two shells, in Å, linear between shells.

        The last shell's where it never does; None where it is below from the beginning. One shell alone does not
        count: the CTF's zeros are narrow.
        """
        below = (self.correlation < threshold).tolist()
        fallen = [one and other for one, other in zip(below, [*below[1:], True], strict=True)]
        if not fallen or fallen[0]:
            return None
        if True not in fallen:
            return 1 / float(self.frequency[-1])
        last = fallen.index(True)
        high, low = (float(self.correlation[at]) for at in (last - 1, last))
        share = (high - threshold) / (high - low) if high > threshold else 0.0
        k = float(self.frequency[last - 1] + share * (self.frequency[last] - self.frequency[last - 1]))
        return 1 / k

    def band(self, coarse_angstrom: float, fine_angstrom: float) -> tuple[float, float]:
        """Mean correlation between two resolutions, each coefficient counted alike, and how many there are."""
        inside = (self.frequency >= 1 / coarse_angstrom) & (self.frequency <= 1 / fine_angstrom)
        weight = torch.where(inside, self.coefficients, 0.0)
        total = float(weight.sum())
        return (float((self.correlation * weight).sum()) / total if total else 0.0), total


@dataclass(frozen=True, slots=True)
class ShellSums:
    """Of each shell of 1/Å, float64 (shells): two volumes' product, the power of both, the number of coefficients."""

    frequency: Tensor
    cross: Tensor
    power: Tensor
    other_power: Tensor
    coefficients: Tensor

    def band(self, coarse_angstrom: float, fine_angstrom: float) -> float | None:
        """The correlation of two volumes that are cut to a band of resolutions; None where no shell lies in it.

        All coefficients count by their power, as they would in real space: a filter that changes how strong a shell is
        changes it too.
        """
        inside = (self.frequency >= 1 / coarse_angstrom) & (self.frequency < 1 / fine_angstrom)
        scale = float((self.power[inside].sum() * self.other_power[inside].sum()).sqrt())
        return float(self.cross[inside].sum()) / scale if scale else None


def shell_correlation(
    even: Tensor, odd: Tensor, *, voxel_size_angstrom: float, most_tilt_degrees: float = _USUAL_TILT_DEGREES
) -> ShellCorrelation:
    """The Fourier shell correlation of two volumes (z, y, x), as `shell_sums` compares them."""
    sums = shell_sums(even, odd, voxel_size_angstrom=voxel_size_angstrom, most_tilt_degrees=most_tilt_degrees)
    power = (sums.power * sums.other_power).sqrt()
    enough = (sums.coefficients >= _LEAST_SHELL) & (power > 0)
    return ShellCorrelation(sums.frequency[enough], (sums.cross / power)[enough], sums.coefficients[enough])


def shell_sums(
    even: Tensor, odd: Tensor, *, voxel_size_angstrom: float, most_tilt_degrees: float = _USUAL_TILT_DEGREES
) -> ShellSums:
    """Two volumes (z, y, x) tilted about y, compared in shells of the Fourier space outside the missing wedge.

    Harauz & van Heel 1986, Optik 73:146. A Hann window along z tapers the slab, which is in the middle; along y and x
    the outer eighths are tapered, so that the box's faces are no signal. Coefficients steeper than the steepest view
    hold what no view has seen, and count in no shell. Halves made from the frames of the same views share their
    alignment and their fixed pattern: the curve is then an optimistic one.
    """
    depth, height, width = even.shape
    window = _taper(depth, 1.0)[:, None, None] * _taper(height, 0.25)[:, None] * _taper(width, 0.25)
    window = window.to(even)
    one, other = (torch.fft.rfftn((half - half.mean()) * window) for half in (even, odd))
    kz, ky = (torch.fft.fftfreq(n, voxel_size_angstrom, device=even.device) for n in (depth, height))
    kx = torch.fft.rfftfreq(width, voxel_size_angstrom, device=even.device)
    # Shells no thinner than the coarsest lateral axis resolves; the last is Nyquist's.
    step = 1 / (voxel_size_angstrom * min(height, width))
    shells = min(height, width) // 2 + 1
    wedge = kz.abs()[:, None, None] > math.tan(math.radians(most_tilt_degrees)) * kx.abs()
    shell = ((kz[:, None, None] ** 2 + ky[:, None] ** 2 + kx**2).sqrt() / step).round().long()
    shell.masked_fill_(wedge.expand_as(shell), shells).clamp_(max=shells)
    flat = shell.flatten()

    def summed(values: Tensor) -> Tensor:
        return torch.bincount(flat, values.flatten().double(), minlength=shells + 1)[1:shells].cpu()

    cross = summed(one.real * other.real + one.imag * other.imag)
    power, other_power = (summed(half.real**2 + half.imag**2) for half in (one, other))
    count = torch.bincount(flat, minlength=shells + 1)[1:shells].cpu().double()
    frequency = torch.arange(1, shells, dtype=torch.float64) * step
    return ShellSums(frequency, cross, power, other_power, count)


def half_figures(
    even: Tensor,
    odd: Tensor,
    *,
    voxel_size_angstrom: float,
    most_tilt_degrees: float = _USUAL_TILT_DEGREES,
    whole: Tensor | None = None,
) -> list[Quality]:
    """`halves_agreement`, `band_snr`, `coarse_snr` and the resolutions of two halves (z, y, x).

    whole: the volume itself, where it is another.

    halves_agreement: the mean Fourier shell correlation of 100-30 Å, or as fine as the voxels allow. Warn where the
        halves agree in coarser structures alone, and bad where they cannot be two of one tomogram; the other figures
        are then missing. Limits: our own.
    band_snr: of the whole, 2 FSC / (1 - FSC) of that mean. coarse_snr: the same of 300-100 Å.
    """
    if fault := half_fault(even, odd, whole):
        agreement, reason = fault
        return [Quality("halves_agreement", agreement, "", "bad", reason), *_missing(reason)]
    curve = shell_correlation(even, odd, voxel_size_angstrom=voxel_size_angstrom, most_tilt_degrees=most_tilt_degrees)
    coarse, fine = _BAND_ANGSTROM
    mean, coefficients = curve.band(coarse, max(fine, 2 * voxel_size_angstrom))
    if coefficients == 0:
        return missing_halves(f"no shell of {coarse:g}-{fine:g} Å lies within so small or so coarse a volume")
    coarse_mean, coarse_coefficients = curve.band(_COARSE_ANGSTROM, coarse)
    if _agree(mean, coefficients):
        figures = [Quality("halves_agreement", mean, "", "good"), Quality("band_snr", _snr(mean), "")]
    elif said := _agree_coarsely(curve):
        # What is seen only coarsely, as at low dose and great thickness, is seen all the same.
        figures = [Quality("halves_agreement", mean, "", "warn", said), Quality("band_snr", _snr(mean), "")]
    else:
        reason = "the halves have nothing in common: do they belong to two tomograms, or is there only noise?"
        return [Quality("halves_agreement", mean, "", "bad", reason), *_missing(reason)]
    if coarse_coefficients:
        figures.append(Quality("coarse_snr", _snr(coarse_mean), ""))
    for name, threshold in RESOLUTIONS.items():
        resolution = curve.resolution(threshold)
        verdict: Verdict = "missing" if resolution is None else "unjudged"
        reason = "" if resolution else f"the correlation of the halves is below {threshold:g} from the beginning"
        figures.append(Quality(name, resolution, "Å", verdict, reason))
    return figures


def focus(contrast: float, coarse_snr: float) -> Quality | None:
    """How much of the structure that the halves share is the slab's own: its contrast over the contrast to be expected.

    Where views are not aligned, what they show is smeared over the whole depth, alike in both halves: these agree, but
    the slab hardly holds more than what lies beside it. In simulated tomograms it is 0.4-4 where views are aligned to
    10 Å, below 0.6 (most below 0.5) at 30 Å, and below 0.35 (most below 0.1) at 100 Å and more. None at so little
    signal that it means nothing.
    """
    if coarse_snr < _LEAST_COARSE_SNR:
        return None
    return Quality("focus", contrast / coarse_snr, "")


def differing_halves(what: str) -> list[Quality]:
    """The figures of halves that cannot be compared, since they differ in `what`."""
    reason = f"the halves do not match: {what}"
    return [Quality("halves_agreement", 0.0, "", "bad", reason), *_missing(reason)]


def _snr(correlation: float) -> float:
    """Of the mean of two halves that correlate so."""
    correlation = min(max(correlation, 0.0), _IDENTICAL)
    return 2 * correlation / (1 - correlation)


def _agree(correlation: float, coefficients: float) -> bool:
    """Whether it is more than chance gives: the standard error of no correlation is 1/sqrt(n)."""
    return coefficients > 0 and correlation > max(_LEAST_AGREEMENT, 4 / math.sqrt(coefficients))


def _agree_coarsely(curve: ShellCorrelation) -> str:
    """In which structures the halves agree although they do not in finer ones; empty where in none."""
    for coarsest, finest in ((_COARSE_ANGSTROM, _BAND_ANGSTROM[0]), (math.inf, _COARSE_ANGSTROM)):
        correlation, coefficients = curve.band(coarsest, finest)
        if _agree(correlation, coefficients):
            return (
                f"the halves agree only in structures larger than {finest:g} Å (FSC {correlation:.2f}). Is the dose "
                "very low or the slab very thick, or do they belong to two similar tomograms?"
            )
    return ""


def _missing(reason: str) -> list[Quality]:
    resolutions = [Quality(name, None, "Å", "missing", reason) for name in RESOLUTIONS]
    return [*(Quality(name, None, "", "missing", reason) for name in ("band_snr", "coarse_snr")), *resolutions]


def missing_halves(reason: str) -> list[Quality]:
    """The figures where halves were to be expected and are not there, or too small to say anything."""
    return [Quality("halves_agreement", None, "", "missing", reason), *_missing(reason)]


def half_fault(even: Tensor, odd: Tensor, whole: Tensor | None = None) -> tuple[float, str] | None:
    """What no two halves of one tomogram are, with a correlation that says it too."""
    if even.shape != odd.shape:
        return 0.0, f"the halves do not match: {_size(even)} and {_size(odd)} voxels (x, y, z)"
    for name, half in {"even": even, "odd": odd}.items():
        if not bool(torch.isfinite(half).all()):
            return 0.0, f"the {name} half holds voxels that are not numbers"
        if float(half.std()) == 0:
            return 0.0, f"the {name} half is dead: the same value, {float(half.flatten()[0]):g}, everywhere"
    if likeness(even, odd) > _IDENTICAL:
        return 1.0, "the halves are identical: one file was written twice"
    if whole is None or whole.shape != even.shape or float(whole.std()) == 0:
        return None
    for name, half in {"even": even, "odd": odd}.items():
        alike = likeness(half, whole)
        if alike > _IDENTICAL:
            return alike, f"the {name} half is the full volume, not a half of it"
        if alike < _LEAST_LIKENESS:
            return max(
                alike, -1.0
            ), f"the {name} half does not belong to this tomogram: it does not look like the full volume"
    return None


def likeness(one: Tensor, other: Tensor) -> float:
    """The correlation (Pearson's) of every second voxel along each axis: enough to see what is alike, and fast."""
    one, other = one[::2, ::2, ::2], other[::2, ::2, ::2]
    one, other = one - one.mean(), other - other.mean()
    deviations = float(one.std(correction=0) * other.std(correction=0))
    return float((one * other).mean()) / deviations if deviations else 0.0


def _taper(length: int, share: float) -> Tensor:
    """1 in the middle, falling as a cosine to 0 over `share` of the length, half of it at each end (Tukey)."""
    at = (torch.arange(length, dtype=torch.float32) + 0.5) / length
    edge = torch.minimum(at, 1 - at) / (share / 2)
    return 0.5 - 0.5 * torch.cos(math.pi * edge.clamp(max=1))


def _size(volume: Tensor) -> str:
    return " x ".join(str(n) for n in reversed(volume.shape))
