"""One tomogram through one recipe: everything of its result, in one fresh folder."""

import platform
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import livetomo
from livetomo.errors import DeviceFault, NoDefocus, NoUsableVoxels, OutOfDeviceMemory
from livetomo.feature_maps import FeatureMaps, Grid
from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import Geometry, write_map
from livetomo.formats.mrc_header import MrcHeader
from livetomo.formats.preview import Scene, write_previews
from livetomo.manifest import room_for, write_manifest
from livetomo.measuring import Space, look, measured, with_verdicts
from livetomo.models.loaded import Models
from livetomo.models.room import is_out_of_memory
from livetomo.order import Order
from livetomo.particles import Found, change_maps, find
from livetomo.picks import Picks
from livetomo.quality import Quality, worst
from livetomo.recipe import Deconvolve, LowPass, NoDenoise
from livetomo.recipe_features import BlobFeature, DenseFeature, label_thresholds
from livetomo.recipe_picks import Pick
from livetomo.source import read_source
from livetomo.stages.denoise.deconvolve import deconvolve
from livetomo.stages.denoise.lowpass import lowpass_, sigma_of_resolution
from livetomo.stages.measure.volume import Seen
from livetomo.stages.measure.voxels import dense_share, finite_share, saturated_share
from livetomo.stages.normalise import clip_, normalise_, replace_non_finite_
from livetomo.stages.segment.labels import labelled

MOST_INLINE_PICKS = 1000
_SENSIBLE_VOXEL_ANGSTROM = (0.1, 1000.0)


def _silent(stage: str) -> None:
    """Tell nobody."""


@dataclass
class _Job:
    """What is known so far about the tomogram on its way; every step adds to it."""

    order: Order
    folder: Path
    device: torch.device
    models: Models
    tell: Callable[[str], None]
    started: str = field(default_factory=lambda: _now())
    seconds: dict[str, float] = field(default_factory=dict)
    quality: list[Quality] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    voxel_size: float = 0.0
    voxel_size_source: str = "header"
    seen: Seen = field(default_factory=Seen)
    features: FeatureMaps = field(init=False)
    maps: dict[str, Tensor] = field(default_factory=dict)
    labels: npt.NDArray[np.int8] | None = None
    found: Found = field(default_factory=Found)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell that it begins, and remember how long it took."""
        self.tell(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)

    @property
    def grid(self) -> Grid:
        """Where the features' maps lie."""
        return self.features.grid

    def voxels(self, angstrom: float) -> float:
        return angstrom / self.voxel_size


def run(
    order: Order,
    folder: Path,
    *,
    device: str = "cpu",
    models: Models | None = None,
    tell: Callable[[str], None] = _silent,
) -> dict[str, Any]:
    """Make the result of `order` in `folder`, which must not exist yet; the manifest, as `result.json` holds it.

    models: those of the device, kept from one tomogram to the next.
    tell: is called with a stage's name as it begins: read, denoise, segment, interact, pick, measure, write.

    Raises:
        PermanentError: the input is at fault.
        SourceChanged: the file is not, or no longer, what the order says.
        SourceUnreadable: the file cannot be read at the moment.
        DiskFull: there is no room for the result.
        DeviceError: the device failed.
        ModelAway: a network of the recipe is not there any more.
    """
    job = _Job(order, folder, torch.device(device), models or Models(device), tell)
    with _device_faults(order.path, device):
        with job.stage("read"):
            volume, header = _read(job)
        with job.stage("denoise"):
            denoised = _denoise(job, volume)
            del volume
        with job.stage("segment"):
            job.maps = job.features.make(denoised)
        with job.stage("interact"):
            job.maps = change_maps(job.maps, order.recipe, job.grid.voxel_size_angstrom)
            job.labels = _labels(job)
        with job.stage("pick"):
            _pick(job)
        with job.stage("measure"):
            _measure(job, denoised)
        with room_for(folder):
            with job.stage("write"):
                _write_files(job, denoised, header)
            return write_manifest(folder, _manifest(job, header))


def _read(job: _Job) -> tuple[Tensor, MrcHeader]:
    """The volume, normalised with matter positive; what is wrong with its voxels is said."""
    path = job.order.path
    raw = read_source(job.order)
    job.warnings += job.order.metadata.get("notes", [])
    header = raw.header
    volume = torch.from_numpy(np.ascontiguousarray(raw.voxels, dtype=np.float32)).to(job.device)
    del raw
    replaced = replace_non_finite_(volume)
    low, high = torch.aminmax(volume)
    if replaced == volume.numel():
        raise NoUsableVoxels(path, "no voxel that is a number")
    if low == high:
        raise NoUsableVoxels(path, f"the same value, {float(low):g}, everywhere")
    if replaced:
        job.warnings.append(f"{replaced:,} voxels are not numbers; the median stands in for them.")
    job.quality += [_voxel_size(job, header), finite_share(volume.numel(), replaced), saturated_share(volume)]
    return normalise_(volume, job.order.recipe.density), header


def _voxel_size(job: _Job, header: MrcHeader) -> Quality:
    """Settle the voxel size: what a person said, else the header's, else the default, and say which."""
    order = job.order
    x, y, z = header.voxel_size_xyz
    low, high = _SENSIBLE_VOXEL_ANGSTROM
    if order.recipe.voxel_size_angstrom is not None:
        job.voxel_size, job.voxel_size_source = order.recipe.voxel_size_angstrom, "override"
        return Quality("voxel_size", job.voxel_size, "Å")
    if not low <= x <= high:
        job.voxel_size, job.voxel_size_source = order.default_voxel_size_angstrom, "default"
        reason = f"the header says {x:g} Å; {job.voxel_size:g} Å, the configured default, is used"
    else:
        job.voxel_size = x
        if max(x, y, z) > 1.01 * min(x, y, z):
            reason = f"the header says {x:g} x {y:g} x {z:g} Å (x, y, z); the first is used for all"
        elif abs(x - 1) < 1e-6:
            reason = "the header says exactly 1 Å, as many programs write when they do not know"
        else:
            return Quality("voxel_size", x, "Å")
    job.warnings.append(f"Voxel size: {reason}.")
    return Quality("voxel_size", job.voxel_size, "Å", "warn", reason)


def _denoise(job: _Job, volume: Tensor) -> Tensor:
    """The clipped and denoised volume; what clipping and denoising would take from some features is looked at first."""
    z, y, x = volume.shape
    job.features = FeatureMaps(job.order.recipe, (z, y, x), job.voxel_size, job.models)
    job.features.find_dense(volume)
    job.quality.append(dense_share(volume))
    clip_(volume)
    job.seen = look(volume, job.order, job.voxel_size)
    job.features.show_networks(volume)
    match job.order.recipe.denoise:
        case NoDenoise():
            return volume
        case LowPass(resolution_angstrom=resolution):
            return lowpass_(volume, sigma_voxels=sigma_of_resolution(job.voxels(resolution)))
        case Deconvolve() as rule:
            return _deconvolved(job, volume, rule)


def _deconvolved(job: _Job, volume: Tensor, rule: Deconvolve) -> Tensor:
    known = job.order.metadata
    defocus = known.get("defocus_angstrom") or rule.defocus_angstrom
    if not isinstance(defocus, int | float):
        raise NoDefocus(job.order.path)
    sharp = deconvolve(
        volume,
        voxel_size_angstrom=job.voxel_size,
        defocus_angstrom=abs(defocus),
        voltage_kilovolt=known.get("voltage_kilovolt") or rule.voltage_kilovolt,
        **rule.model_dump(exclude={"method", "defocus_angstrom", "voltage_kilovolt"}),
    )
    return clip_(normalise_(sharp, "bright"))


def _labels(job: _Job) -> npt.NDArray[np.int8] | None:
    """Which feature each voxel of the grid belongs to; None where the recipe has no feature with an extent."""
    thresholds = label_thresholds(job.order.recipe.feature)
    if not thresholds:
        return None
    return labelled([job.maps[name] for name in thresholds], list(thresholds.values())).cpu().numpy()


def _pick(job: _Job) -> None:
    job.found = find(job.maps, job.order.recipe, job.grid.voxel_size_angstrom)
    job.found.candidates = {name: job.grid.in_tomogram(picks) for name, picks in job.found.candidates.items()}


def _measure(job: _Job, denoised: Tensor) -> None:
    z, y, x = denoised.shape
    space = Space((z, y, x), job.voxel_size, job.grid.voxel_size_angstrom)
    published = {rule.feature: _published(job, rule) for rule in job.order.recipe.pick}
    job.quality += measured(job.order, space, job.seen, job.maps, published, job.device, job.warnings)
    agreement = job.features.mirror_agreement.items()
    job.quality += [Quality(f"{name}_mirror_agreement", value, "") for name, value in agreement]
    job.quality = with_verdicts(job.order, space, job.quality, job.warnings)


def _kept_away_from(job: _Job) -> list[str]:
    """Very dense matter, and what other features avoid."""
    avoided = {rule.avoid for rule in job.order.recipe.interaction}
    return [
        feature.name
        for feature in job.order.recipe.feature
        if isinstance(feature, DenseFeature) or feature.name in avoided
    ]


def _published(job: _Job, rule: Pick) -> Picks:
    return job.found.candidates[rule.feature].above(rule.threshold)


def _write_files(job: _Job, denoised: Tensor, header: MrcHeader) -> None:
    recipe, folder = job.order.recipe, job.folder
    folder.mkdir(parents=True)
    frame = Frame.told(job.order.tomogram.name, header.shape_zyx, job.voxel_size, job.order.metadata)
    if frame.pixel_size_angstrom is None and (pixel := job.order.metadata.get("pixel_size_angstrom")):
        job.warnings.append(f"Unbinned pixel size: {pixel:g} Å, as sidecars say, is more than the voxel's; not used.")
    for kind in ("picks", "candidates", "preview"):
        (folder / kind).mkdir()
    for rule in recipe.pick:
        for name in recipe.export.formats:
            _export(folder / "picks", name, Placed(_published(job, rule), frame), rule.feature)
        _export(folder / "candidates", "relion5", Placed(job.found.candidates[rule.feature], frame), rule.feature)
    # Pictures and kept volumes have the input's own polarity: what was dark is dark.
    shown = denoised.cpu().numpy()
    if recipe.density == "dark":
        np.negative(shown, out=shown)
    write_previews(folder / "preview", _scene(job, shown))
    geometry = Geometry(job.voxel_size, header.origin_xyz, header.nstart_xyz)
    if "denoised" in recipe.keep:
        write_map(folder / "denoised.mrc", shown.astype(np.float16), geometry)
    if "probabilities" in recipe.keep:
        (folder / "probabilities").mkdir()
        for feature, probability in job.maps.items():
            write_map(folder / "probabilities" / f"{feature}.mrc", job.grid.on_tomogram(probability), geometry)
    if "labels" in recipe.keep and job.labels is not None:
        write_map(folder / "labels.mrc", job.labels, job.grid.geometry(geometry))


def _export(folder: Path, format_name: str, placed: Placed, feature: str) -> None:
    exporter = EXPORTERS[format_name]
    path = folder / f"{feature}.{exporter.name}.{exporter.ending}"
    path.write_text(exporter.text(placed, feature), encoding="utf-8")


def _scene(job: _Job, shown: np.ndarray[Any, np.dtype[np.float32]]) -> Scene:
    features = {feature.name: feature for feature in job.order.recipe.feature}
    picks = {}
    for rule in job.order.recipe.pick:
        feature = features[rule.feature]
        diameter = feature.diameter_angstrom if isinstance(feature, BlobFeature) else rule.min_spacing_angstrom
        picks[rule.feature] = (_published(job, rule), diameter)
    regions = {name: value for name, value in _label_values(job).items() if name not in picks}
    return Scene(shown, job.voxel_size, picks, job.labels, regions, _kept_away_from(job))


def _label_values(job: _Job) -> dict[str, int]:
    return {name: value for value, name in enumerate(label_thresholds(job.order.recipe.feature), start=1)}


def _manifest(job: _Job, header: MrcHeader) -> dict[str, Any]:
    order = job.order
    return {
        "result_id": order.result_id,
        "tomogram": {"watch": order.tomogram.watch, "session": order.tomogram.session, "name": order.tomogram.name},
        "revision": order.revision,
        "source": {
            "path": str(order.path),
            "size": order.content.size,
            "modified_ns": order.content.modified_ns,
            "digest": order.content.digest,
        },
        "volume": {
            "shape_zyx": list(header.shape_zyx),
            "voxel_size_angstrom": job.voxel_size,
            "voxel_size_source": job.voxel_size_source,
            "origin_angstrom": list(header.origin_xyz),
            "axis_order": header.axis_order,
            "mode": header.mode,
        },
        "metadata": dict(order.metadata),
        "recipe": {"name": order.recipe_name, "hash": order.recipe.hash, "settings": order.recipe.to_json()},
        "provenance": {
            "livetomo": livetomo.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "device": _device_name(job.device),
            "host": socket.gethostname(),
            "models": job.features.provenance(),
        },
        "started": job.started,
        "finished": _now(),
        "seconds": job.seconds,
        "quality": {quality.name: quality.to_json() for quality in job.quality},
        "verdict": worst(quality.verdict for quality in job.quality),
        "picks": {rule.feature: _told(job, rule) for rule in order.recipe.pick},
        "labels": _label_values(job),
        "warnings": job.warnings,
    }


def _told(job: _Job, rule: Pick) -> dict[str, Any]:
    """A feature's picks as the manifest and messages hold them: the strongest inline."""
    published = _published(job, rule)
    strongest = published.where(np.arange(min(len(published), MOST_INLINE_PICKS)))
    xyz = (strongest.position[:, ::-1].astype(float) * job.voxel_size).round(1).tolist()
    scores = strongest.score.astype(float).round(4).tolist()
    return {
        "count": len(published),
        "candidates": len(job.found.candidates[rule.feature]),
        "threshold": rule.threshold,
        "removed": job.found.removed.get(rule.feature, []),
        "columns": ["x_angstrom", "y_angstrom", "z_angstrom", "score"],
        "strongest": [[*position, score] for position, score in zip(xyz, scores, strict=True)],
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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
            raise OutOfDeviceMemory(path, device) from fault
        if "CUDA error" in text or "cuDNN error" in text or "CUDA driver" in text:
            raise DeviceFault(path, device, text.partition("\n")[0]) from fault
        raise
