"""How thick the specimen is, from how much structure each plane holds."""

import torch
from torch import Tensor

from livetomo.quality import Quality
from livetomo.stages.denoise.lowpass import lowpass

_WARN_ANGSTROM = 3000.0
_BAD_ANGSTROM = 5000.0
_LEAST_CONTRAST = 1.25


def structured_thickness(denoised: Tensor, *, voxel_size_angstrom: float) -> Quality:
    """The full width at half height of the standard deviation of z planes (z, y, x), in their central 60 % x 60 %.

    It reads about 15 % low on a simulated slab of known thickness, since particles lie inside its faces: hence
    "structured". The limits are the mean free path of electrons for inelastic scattering in ice, 3000-4000 Å at 300 kV.
    Where no plane is much emptier than another, no face is seen and the figure is missing.
    """
    height, width = denoised.shape[1:]
    centre = denoised[:, height // 5 : height - height // 5, width // 5 : width - width // 5]
    profile = torch.stack([plane.std(correction=0) for plane in centre])
    smooth = max(1.0, 100 / voxel_size_angstrom / 2)
    profile = lowpass(profile[:, None, None], sigma_voxels=min(smooth, len(profile) / 8))[:, 0, 0]
    highest, lowest = float(profile.max()), float(profile.min())
    if (lowest <= 0 and highest <= 0) or highest < _LEAST_CONTRAST * lowest:
        return Quality("thickness", None, "Å", "missing", "no face of the specimen is seen along z")
    thickness = _width((profile - lowest).tolist(), (highest - lowest) / 2) * voxel_size_angstrom
    if thickness > _WARN_ANGSTROM:
        verdict = "bad" if thickness > _BAD_ANGSTROM else "warn"
        reason = "electrons scatter more than once in so thick a specimen: it will hold little detail"
        return Quality("thickness", thickness, "Å", "bad" if verdict == "bad" else "warn", reason)
    return Quality("thickness", thickness, "Å")


def _width(profile: list[float], level: float) -> float:
    """Between the outermost crossings of `level`, linear between planes; an unseen face counts as the volume's edge."""
    above = [index for index, value in enumerate(profile) if value >= level]
    first, last = above[0], above[-1]
    begin = first - (profile[first] - level) / (profile[first] - profile[first - 1]) if first else -0.5
    end = last + 0.5
    if last + 1 < len(profile):
        end = last + (profile[last] - level) / (profile[last] - profile[last + 1])
    return end - begin
