"""The files of a result, and what its manifest says."""

import platform
import socket
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import livetomo
from livetomo.config.recipe.features import DenseFeature, label_thresholds
from livetomo.config.recipe.picks import Pick
from livetomo.core.quality.metric import worst
from livetomo.formats.candidates import candidates_name, candidates_text
from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import Geometry, write_map
from livetomo.formats.mrc_header import MrcHeader
from livetomo.formats.preview import Scene, write_previews
from livetomo.processing.pipeline.context import Making, now

MOST_INLINE_PICKS = 1000


def write_files(made: Making, denoised: Tensor, header: MrcHeader) -> None:
    """Picks, candidates, pictures and what the recipe keeps, in the result's folder, which must not exist yet."""
    recipe, folder = made.order.recipe, made.folder
    folder.mkdir(parents=True)
    frame = Frame.of_metadata(made.order.tomogram.name, header.shape_zyx, made.voxel_size, made.order.metadata)
    if frame.pixel_size_angstrom is None and (pixel := made.order.metadata.get("pixel_size_angstrom")):
        made.warnings.append(f"Unbinned pixel size: {pixel:g} Å, as sidecars say, is more than the voxel's; not used.")
    for kind in ("picks", "candidates", "preview"):
        (folder / kind).mkdir()
    for rule in recipe.pick:
        for name in recipe.export.formats:
            _export(folder / "picks", name, Placed(made.published(rule), frame), rule.feature)
        candidates = candidates_text(Placed(made.found.candidates[rule.feature], frame))
        (folder / candidates_name(rule.feature)).write_bytes(candidates.encode())
    # Pictures and kept volumes have the input's own polarity: what was dark is dark.
    shown = denoised.cpu().numpy()
    if recipe.density == "dark":
        np.negative(shown, out=shown)
    write_previews(folder / "preview", _scene(made, shown))
    geometry = Geometry(made.voxel_size, header.origin_xyz, header.nstart_xyz)
    if "denoised" in recipe.keep:
        write_map(folder / "denoised.mrc", shown.astype(np.float16), geometry)
    if "probabilities" in recipe.keep:
        (folder / "probabilities").mkdir()
        for feature, probability in made.maps.items():
            write_map(folder / "probabilities" / f"{feature}.mrc", made.grid.on_tomogram(probability), geometry)
    if "labels" in recipe.keep and made.labels is not None:
        write_map(folder / "labels.mrc", made.labels, made.grid.geometry(geometry))


def _export(folder: Path, format_name: str, placed: Placed, feature: str) -> None:
    exporter = EXPORTERS[format_name]
    path = folder / f"{feature}.{exporter.name}.{exporter.ending}"
    path.write_bytes(exporter.text(placed, feature).encode())


def _scene(made: Making, shown: np.ndarray[Any, np.dtype[np.float32]]) -> Scene:
    picks = {rule.feature: (made.published(rule), _diameter_angstrom(made, rule)) for rule in made.order.recipe.pick}
    regions = {name: value for name, value in _label_values(made).items() if name not in picks}
    return Scene(shown, made.voxel_size, picks, made.labels, regions, _kept_away_from(made))


def _diameter_angstrom(made: Making, rule: Pick) -> float:
    """How large a rule's particles are: as is said, else as their regions are, else as far apart as they may be."""
    said = rule.diameter_angstrom or made.features.diameter_angstrom(rule.feature)
    if said is None and rule.method != "maxima" and len(picks := made.published(rule)):
        said = 2 * float(np.cbrt(3 * np.median(picks.volume) / (4 * np.pi)))
    return round(said, 1) if said else rule.min_spacing_angstrom


def _label_values(made: Making) -> dict[str, int]:
    return {name: value for value, name in enumerate(label_thresholds(made.order.recipe.feature), start=1)}


def manifest_of(made: Making, header: MrcHeader) -> dict[str, Any]:
    """What `result.json` says but for the files' checksums."""
    order = made.order
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
            "voxel_size_angstrom": made.voxel_size,
            "voxel_size_source": made.voxel_size_source,
            "origin_angstrom": list(header.origin_xyz),
            "axis_order": header.axis_order,
            "mode": header.mode,
            "evidence": [dict(one.to_json()) for one in made.evidence],
        },
        "metadata": dict(order.metadata),
        "recipe": {"name": order.recipe_name, "hash": order.recipe.hash, "settings": order.recipe.to_json()},
        "provenance": {
            "livetomo": livetomo.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "device": _device_name(made.device),
            "host": socket.gethostname(),
            "models": made.features.provenance(),
        },
        "started": made.started,
        "finished": now(),
        "seconds": made.seconds,
        "quality": {quality.name: quality.to_json() for quality in made.quality},
        "verdict": worst(quality.verdict for quality in made.quality),
        "picks": {rule.feature: _told(made, rule) | _missing(made, rule) for rule in order.recipe.pick},
        "labels": _label_values(made),
        "warnings": made.warnings,
    }


def _told(made: Making, rule: Pick) -> dict[str, Any]:
    """A feature's picks as the manifest and messages hold them: the strongest inline."""
    published = made.published(rule)
    strongest = published.where(np.arange(min(len(published), MOST_INLINE_PICKS)))
    xyz = (strongest.position[:, ::-1].astype(float) * made.voxel_size).round(1).tolist()
    scores = strongest.score.astype(float).round(4).tolist()
    return {
        "count": len(published),
        "candidates": len(made.found.candidates[rule.feature]),
        "threshold": rule.threshold,
        "diameter_angstrom": _diameter_angstrom(made, rule),
        "removed": made.found.removed.get(rule.feature, []),
        "columns": ["x_angstrom", "y_angstrom", "z_angstrom", "score"],
        "strongest": [[*position, score] for position, score in zip(xyz, scores, strict=True)],
    }


def _missing(made: Making, rule: Pick) -> dict[str, str]:
    """Why there are no picks although nobody has looked; nothing where somebody has."""
    reason = made.features.missing.get(rule.feature)
    return {} if reason is None else {"missing": reason}


def _kept_away_from(made: Making) -> list[str]:
    """Very dense matter, and what other features avoid."""
    avoided = {rule.avoid for rule in made.order.recipe.interaction}
    return [
        feature.name
        for feature in made.order.recipe.feature
        if isinstance(feature, DenseFeature) or feature.name in avoided
    ]


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
