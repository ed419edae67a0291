"""The volume that another program denoised, beside the tomogram."""

import math
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch
from torch import Tensor

from livetomo.config.recipe.denoise import BesideDenoise
from livetomo.core.errors import NoDenoisedVolume, PermanentError, SourceChanged
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.voxel_size import is_possible
from livetomo.formats.denoised_names import denoised_places
from livetomo.formats.endings import stem
from livetomo.formats.mrc import read_volume
from livetomo.formats.settled_values import settled_order, settled_signs
from livetomo.processing.denoise.lowpass import lowpass, sigma_of_resolution
from livetomo.processing.measure.halves import likeness
from livetomo.processing.normalise import normalise_, replace_non_finite_
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.read_input import turned
from livetomo.processing.voxel_witnesses import header_is_unset
from livetomo.system.sampled_digest import digest_file

_LEAST_LIKENESS = 0.1
_COMPARED_ANGSTROM = 60.0
_VOXEL_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class DenoisedBeside:
    """float32 (z, y, x), matter positive, on the tomogram's scale; its file, that file's digest, and other files."""

    volume: Tensor
    path: Path
    digest: str
    others: tuple[Path, ...]


def denoised_beside(clipped: Tensor, rule: BesideDenoise, spec: JobSpec, geometry: TomogramGeometry) -> DenoisedBeside:
    """The first file there of those that the recipe, or else `denoised_places`, names for the job's tomogram.

    clipped: the tomogram (normalised, matter positive, z, y, x), which the file must resemble: names recur, and some
        programs invert the density.

    Raises:
        NoDenoisedVolume: there is none, or the first cannot be that of this tomogram, or cannot be read.
    """
    there = [path for path in _places(rule, spec) if path != spec.path and path.is_file()]
    if not there:
        raise NoDenoisedVolume(spec.path, "no program's denoised volume lies beside it")
    path = there[0]
    try:
        content = digest_file(path)
        volume = settled_signs(settled_order(read_volume(path)))
        if digest_file(path) != content:
            raise SourceChanged(path)
    except (PermanentError, SourceChanged, OSError) as fault:
        raise NoDenoisedVolume(spec.path, f"{path} could not be read ({fault})") from fault
    if spec.facts.stored_axes == "yzx":
        volume = turned(volume)
    if volume.header.shape_zyx != geometry.shape_zyx:
        shapes = [" x ".join(map(str, shape)) for shape in (volume.header.shape_zyx, geometry.shape_zyx)]
        raise NoDenoisedVolume(spec.path, f"{path} has {shapes[0]} voxels (z, y, x), the tomogram {shapes[1]}")
    size = volume.header.voxel_size_xyz[0]
    is_said = is_possible(size) and not header_is_unset(volume.header)
    if is_said and not math.isclose(size, geometry.voxel_size_angstrom, rel_tol=_VOXEL_TOLERANCE):
        sizes = f"{size:g} Å, the tomogram's of {geometry.voxel_size_angstrom:g} Å"
        raise NoDenoisedVolume(spec.path, f"the voxels of {path} are of {sizes}")
    voxels = torch.from_numpy(np.array(volume.voxels, dtype=np.float32)).to(clipped.device)
    replace_non_finite_(voxels)
    normalise_(voxels, spec.recipe.density)
    coarse = lowpass(clipped, sigma_voxels=sigma_of_resolution(geometry.voxels(_COMPARED_ANGSTROM)))
    if (found := likeness(voxels, coarse)) < _LEAST_LIKENESS:
        raise NoDenoisedVolume(
            spec.path,
            f"{path} does not look like it (correlation {found:.2f}): is it of another tomogram, or inverted",
        )
    # Programs write any scale: this is the one on which it is nearest to the tomogram.
    voxels.mul_(torch.dot(voxels.flatten(), clipped.flatten()) / voxels.square().sum())
    return DenoisedBeside(voxels, path, content.digest, tuple(there[1:]))


def _places(rule: BesideDenoise, spec: JobSpec) -> list[Path]:
    if rule.files:
        name = stem(spec.path.name)
        return [Path(spec.path.parent, pattern.replace("{name}", name)) for pattern in rule.files]
    # Nothing above the session's folder is its own: tomograms of another session have the same names.
    in_session = PurePath(spec.tomogram.session).name != spec.path.parent.name
    return list(denoised_places(spec.path, beside_folder=in_session))
