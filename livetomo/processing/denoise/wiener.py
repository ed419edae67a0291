"""Wiener filter by the half-maps: each spatial frequency counts as much as the halves agree on it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from livetomo.processing.denoise.radial_filter import radial_filter
from livetomo.processing.measure.halves import ShellCorrelation

_LEAST_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class WienerCurve:
    """What a Wiener filter lets through: 1/Å and factors 0..1 of each shell, float64 (shells), coarsest first."""

    frequency: Tensor
    factor: Tensor

    @property
    def is_empty(self) -> bool:
        """Whether nothing is let through: the halves have nothing in common."""
        return not bool((self.factor > 0).any())

    @property
    def finest_angstrom(self) -> float:
        """The finest shell of which something is let through, in Å; only of a curve that is not empty."""
        return 1 / float(self.frequency[self.factor > 0][-1])


def wiener_curve(halves: ShellCorrelation, *, of_half: bool = False) -> WienerCurve:
    """2 FSC / (1 + FSC), the share of the whole volume's power that is signal, where FSC is that of its halves.

    It is the Wiener filter S / (S + N), and C_ref² of Rosenthal & Henderson 2003, J. Mol. Biol. 333:721. The curve is a
    mean over three shells, each coefficient counted alike; what is negative is 0, and so is all beyond the last shell
    that chance does not explain: above three times the standard error of no correlation, 1/sqrt(n).

    of_half: for one of the halves, whose share of signal is the FSC itself.
    """
    count = _of_three(halves.coefficients)
    smooth = _of_three(halves.correlation * halves.coefficients) / count
    seen = (smooth > _LEAST_DEVIATIONS / count.sqrt()).nonzero().flatten()
    last = int(seen[-1]) if len(seen) else -1
    fsc = smooth.clamp(0, 1)
    fsc[last + 1 :] = 0
    return WienerCurve(halves.frequency, fsc if of_half else 2 * fsc / (1 + fsc))


def wiener(density: Tensor, curve: WienerCurve, *, voxel_size_angstrom: float) -> Tensor:
    """The density (z, y, x) filtered by the curve, linear between its shells, constant before and behind them; new."""
    frequency = curve.frequency.to(density.device, torch.float32) * voxel_size_angstrom
    factor = curve.factor.to(density.device, torch.float32)

    def transfer(here: Tensor) -> Tensor:
        if len(factor) == 1:
            return factor.expand_as(here)
        above = torch.bucketize(here, frequency).clamp_(1, len(factor) - 1)
        low, high = frequency[above - 1], frequency[above]
        return torch.lerp(factor[above - 1], factor[above], ((here - low) / (high - low)).clamp_(0, 1))

    return radial_filter(density, transfer)


def _of_three(values: Tensor) -> Tensor:
    """The sum of each value and its neighbours."""
    out = values.clone()
    out[1:] += values[:-1]
    out[:-1] += values[1:]
    return out
