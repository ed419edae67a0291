"""One tomogram through one recipe: everything of its result, in one fresh folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.config.recipe.features import label_thresholds
from livetomo.config.recipe.recipe import Deconvolve, LowPass, NoDenoise
from livetomo.core.errors import (
    DeviceFault,
    NoDefocus,
    NoUsableVoxels,
    OutOfDeviceMemory,
    OutOfMemory,
    TooLargeForMemory,
)
from livetomo.core.picks import Picks
from livetomo.core.quality.metric import Quality
from livetomo.formats.mrc_header import MODE_BYTES, MrcHeader
from livetomo.processing.blank import Blank, find_blank
from livetomo.processing.denoise.deconvolve import deconvolve
from livetomo.processing.denoise.lowpass import lowpass_, sigma_of_resolution
from livetomo.processing.footprint import footprint
from livetomo.processing.measure.voxels import blank_share, dense_share, finite_share, saturated_share
from livetomo.processing.networks.model_cache import Models
from livetomo.processing.networks.tile_memory import is_out_of_memory
from livetomo.processing.normalise import clip_, normalise_, replace_non_finite_
from livetomo.processing.pipeline.context import Making
from livetomo.processing.pipeline.feature_maps import FeatureMaps
from livetomo.processing.pipeline.find_particles import change_maps, find
from livetomo.processing.pipeline.job_spec import Order
from livetomo.processing.pipeline.measure import Space, look, measured, with_verdicts
from livetomo.processing.pipeline.missing_features import missing_figures, not_kept_away
from livetomo.processing.pipeline.read_input import read_source, read_source_header
from livetomo.processing.pipeline.write_result import manifest_of, write_files
from livetomo.processing.segment.labels import labelled
from livetomo.processing.voxel_evidence import settle
from livetomo.results.manifest import room_for, write_manifest
from livetomo.system.memory import Bound, Memory

_MOST_BLANK = 0.999
_TOLD_BLANK = 0.02
_FREE_SHARE = _OWN_SHARE = 0.5
_ESTIMATE_AT_LEAST = 0.8
"""Of what is estimated this much is needed for certain: what may fit is tried."""


def _silent(stage: str) -> None:
    """Tell nobody."""


def run(
    order: Order,
    folder: Path,
    *,
    device: str = "cpu",
    models: Models | None = None,
    announce: Callable[[str], None] = _silent,
) -> dict[str, Any]:
    """Make the result of `order` in `folder`, which must not exist yet; the manifest, as `result.json` holds it.

    models: those of the device, kept from one tomogram to the next.
    announce: is called with a stage's name as it begins: read, denoise, segment, interact, pick, measure, write.

    Raises:
        PermanentError: the input is at fault.
        SourceChanged: the file is not, or no longer, what the order says.
        SourceUnreadable: the file cannot be read at the moment.
        DiskFull: there is no room for the result.
        DeviceError: the device failed.
        ModelAway: a network of the recipe is not there any more.
    """
    made = Making(order, folder, torch.device(device), models or Models(device), announce)
    with _device_faults(order.path, device):
        with made.stage("read"):
            volume, header = _read(made)
        with made.stage("denoise"):
            denoised = _denoise(made, volume)
            del volume
        with made.stage("segment"):
            made.maps = made.features.make(denoised)
        with made.stage("interact"):
            made.maps = change_maps(made.maps, order.recipe, made.grid.voxel_size_angstrom)
            made.labels = _labels(made)
        with made.stage("pick"):
            _pick(made)
        with made.stage("measure"):
            _measure(made, denoised)
        with room_for(folder):
            with made.stage("write"):
                write_files(made, denoised, header)
            return write_manifest(folder, manifest_of(made, header))


def _read(made: Making) -> tuple[Tensor, MrcHeader]:
    """The volume, normalised with matter positive; what is wrong with its voxels is said."""
    path = made.order.path
    made.warnings += made.order.metadata.get("notes", [])
    header = read_source_header(made.order)
    made.quality.append(_voxel_size(made, header))
    made.features = FeatureMaps(made.order.recipe, header.shape_zyx, made.voxel_size, made.models)
    _say_missing(made)
    _refuse_what_cannot_fit(made, header)
    raw = read_source(made.order)
    header = raw.header
    made.warnings += header.warnings
    made.evidence += header.evidence
    volume = torch.from_numpy(np.ascontiguousarray(raw.voxels, dtype=np.float32)).to(made.device)
    del raw
    replaced = replace_non_finite_(volume)
    low, high = torch.aminmax(volume)
    if replaced == volume.numel():
        raise NoUsableVoxels(path, "no voxel that is a number")
    if low == high:
        raise NoUsableVoxels(path, f"the same value, {float(low):g}, everywhere")
    if replaced:
        made.warnings.append(f"{replaced:,} voxels are not numbers; the median stands in for them.")
    made.quality.append(finite_share(volume.numel(), replaced))
    made.blank = _blank(made, volume, replaced)
    made.features.blank = made.blank_mask
    made.quality += [blank_share(made.blank), saturated_share(volume, made.blank)]
    return normalise_(volume, made.order.recipe.density, made.blank_mask), header


def _refuse_what_cannot_fit(made: Making, header: MrcHeader) -> None:
    """Before anything is allocated: what this machine could not hold with nothing else to do is not begun.

    Raises:
        TooLargeForMemory: says how much it would take, and how much there is.
    """
    on_gpu = made.device.type == "cuda"
    need = footprint(
        header.shape_zyx,
        MODE_BYTES[header.mode],
        made.voxel_size,
        made.order.recipe,
        made.features.runs(),
        on_gpu=on_gpu,
    )
    memory = Memory()
    bounds = [(need.device, memory.bound())]
    if on_gpu:
        bounds = [
            (need.device, Bound(torch.cuda.get_device_properties(made.device).total_memory, f"{made.device} has")),
            (need.host, memory.bound()),
        ]
    for needed, bound in bounds:
        if needed * _ESTIMATE_AT_LEAST + memory.resident() > bound.most:
            raise TooLargeForMemory(
                made.order.path,
                header.shape_zyx,
                made.voxel_size,
                network_voxels=need.network_voxels,
                needed_bytes=max(need.device, need.host),
                most_bytes=bound.most,
                whose=bound.whose,
            )


def _blank(made: Making, volume: Tensor, replaced: int) -> Blank | None:
    """What of the volume is blank; a warning says how much, where it is enough to be seen.

    replaced: how many voxels were not numbers, and are the median now.
    """
    blank = find_blank(volume)
    if blank is None:
        return None
    values = ", ".join(f"{value:.4g}" for value in blank.values)
    if replaced > blank.share * volume.numel() / 2:
        values = "what is not a number"
    if blank.share > _MOST_BLANK:
        raise NoUsableVoxels(made.order.path, f"nothing but {values} in {blank.share:.2%} of its voxels")
    if blank.share >= _TOLD_BLANK:
        made.warnings.append(
            f"{blank.share:.0%} of the volume is blank, padded or masked with {values}: it has no picks, "
            "and shares and densities are of the other voxels."
        )
    return blank


def _voxel_size(made: Making, header: MrcHeader) -> Quality:
    """Settle the voxel size by all that is said of it; where that is doubtful, a warning says why."""
    order = made.order
    said, default = order.recipe.voxel_size_angstrom, order.default_voxel_size_angstrom
    settled = settle(header, order.path, order.metadata, said=said, default=default)
    made.voxel_size, made.voxel_size_source = settled.angstrom, settled.source
    made.evidence += settled.evidence
    if settled.trouble:
        made.warnings.append(f"Voxel size: {settled.trouble}.")
        return Quality("voxel_size", made.voxel_size, "Å", "warn", settled.trouble)
    return Quality("voxel_size", made.voxel_size, "Å", "good" if settled.is_confirmed else "unjudged")


def _denoise(made: Making, volume: Tensor) -> Tensor:
    """The clipped and denoised volume; what clipping and denoising would take from some features is looked at first."""
    made.features.find_dense(volume)
    made.quality.append(dense_share(volume, made.blank))
    clip_(volume)
    made.seen = look(volume, made.order, made.voxel_size, made.blank)
    made.features.show_networks(volume)
    match made.order.recipe.denoise:
        case NoDenoise():
            return volume
        case LowPass(resolution_angstrom=resolution):
            return lowpass_(volume, sigma_voxels=sigma_of_resolution(made.voxels(resolution)))
        case Deconvolve() as rule:
            return _deconvolved(made, volume, rule)


def _say_missing(made: Making) -> None:
    """Features that are not looked for, because their networks do not suit the voxels, in warnings and verdict."""
    missing = made.features.missing
    made.warnings += [f"{feature} is missing: {reason}." for feature, reason in missing.items()]
    made.warnings += not_kept_away(made.order.recipe, missing)
    if made.features.unfit:
        reason = next(iter(made.features.unfit.values()))
        made.quality = [
            replace(one, verdict="warn", reason=reason)
            if one.name == "voxel_size" and one.verdict in ("good", "unjudged")
            else one
            for one in made.quality
        ]


def _deconvolved(made: Making, volume: Tensor, rule: Deconvolve) -> Tensor:
    known = made.order.metadata
    defocus = known.get("defocus_angstrom") or rule.defocus_angstrom
    if not isinstance(defocus, int | float):
        raise NoDefocus(made.order.path)
    sharp = deconvolve(
        volume,
        voxel_size_angstrom=made.voxel_size,
        defocus_angstrom=abs(defocus),
        voltage_kilovolt=known.get("voltage_kilovolt") or rule.voltage_kilovolt,
        **rule.model_dump(exclude={"method", "defocus_angstrom", "voltage_kilovolt"}),
    )
    return clip_(normalise_(sharp, "bright", made.blank_mask))


def _labels(made: Making) -> npt.NDArray[np.int8] | None:
    """Which feature each voxel of the grid belongs to; None where the recipe has no feature with an extent."""
    thresholds = label_thresholds(made.order.recipe.feature)
    if not thresholds:
        return None
    return labelled([made.maps[name] for name in thresholds], list(thresholds.values())).cpu().numpy()


def _pick(made: Making) -> None:
    made.found = find(made.maps, made.order.recipe, made.grid.voxel_size_angstrom)
    missing = made.features.missing
    made.found.candidates = {
        name: Picks.none() if name in missing else made.grid.in_tomogram(picks)
        for name, picks in made.found.candidates.items()
    }


def _measure(made: Making, denoised: Tensor) -> None:
    z, y, x = denoised.shape
    space = Space.of((z, y, x), made.voxel_size, made.grid.voxel_size_angstrom, made.blank)
    recipe, missing = made.order.recipe, made.features.missing
    published = {rule.feature: made.published(rule) for rule in recipe.pick if rule.feature not in missing}
    maps = {name: probability for name, probability in made.maps.items() if name not in missing}
    made.quality += measured(made.order, space, made.seen, maps, published, made.device, made.warnings)
    made.quality += missing_figures(recipe, missing)
    agreement = made.features.mirror_agreement.items()
    made.quality += [Quality(f"{name}_mirror_agreement", value, "") for name, value in agreement]
    made.quality = with_verdicts(made.order, space, made.quality, made.warnings)


@contextmanager
def _device_faults(path: Path, device: str) -> Iterator[None]:
    """Tell the device's faults, which are not charged to the input, from everything else."""
    try:
        yield
    except torch.AcceleratorError as fault:
        raise DeviceFault(path, device, str(fault).partition("\n")[0]) from fault
    except (RuntimeError, MemoryError) as fault:
        text = str(fault)
        if is_out_of_memory(fault):
            raise (OutOfDeviceMemory if _held_by_others(device) else OutOfMemory)(path, device) from fault
        if "CUDA error" in text or "cuDNN error" in text or "CUDA driver" in text:
            raise DeviceFault(path, device, text.partition("\n")[0]) from fault
        raise


def _held_by_others(device: str) -> bool:
    """Whether other programs have more than half of the device's memory, so that it is not the tomogram's fault."""
    if not device.startswith("cuda"):
        return Memory().free_share() < _FREE_SHARE and Memory().resident() < _OWN_SHARE * Memory().bound().most
    free, total = torch.cuda.mem_get_info(device)
    return total - free - torch.cuda.memory_reserved(device) > _FREE_SHARE * total
