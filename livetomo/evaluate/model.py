"""Run a model over one tomogram outside any recipe, to score it."""

from pathlib import Path

import numpy as np
import torch

from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate.positions import Positions
from livetomo.formats.mrc import read_volume
from livetomo.processing.networks.inference import Segmentation, segment
from livetomo.processing.networks.package import load_model
from livetomo.processing.normalise import clip_, normalise_
from livetomo.processing.pick.maxima import maxima

SPACING_ANGSTROM = 200.0
LEAST_SCORE = 0.01


def segment_file(
    model: Path, tomogram: Path, *, device: str = "cpu", bright: bool = False, mirrors: int = 1
) -> Segmentation:
    """What the model package says of the tomogram in an MRC file, whose header has its voxel size."""
    volume = read_volume(tomogram)
    size = volume.header.voxel_size(tomogram)
    density = torch.from_numpy(volume.voxels.astype(np.float32)).to(device)
    clip_(normalise_(density, "bright" if bright else "dark"))
    return segment(load_model(model, device), density, voxel_size_angstrom=size, mirrors=mirrors)


def candidates(found: Segmentation, feature: str, tomogram: TomogramGeometry) -> Positions:
    """Every maximum of a feature's map, in Å of the tomogram, strongest first."""
    if feature not in found.features:
        raise ConfigurationError(f"the model knows no {feature}; it knows {', '.join(found.features)}")
    spacing = SPACING_ANGSTROM / found.voxel_size_angstrom
    picks = maxima(found.at_canonical(feature), threshold=LEAST_SCORE, spacing_voxels=spacing)
    # From the canonical grid, whose extents are rounded, to the tomogram's own.
    scale = np.array(tomogram.shape_zyx) / np.array(found.maps.shape[1:])
    xyz = (picks.position.astype(np.float64) * scale)[:, ::-1]
    return Positions.ranked(tomogram.corner(xyz), picks.score.astype(np.float64))
