"""The files of a result, and what its manifest says."""

import platform
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import livetomo
from livetomo.config.recipe.features import DenseFeature, label_thresholds
from livetomo.config.recipe.picks import Pick
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.json_object import JsonObject
from livetomo.core.manifest import (
    FeaturePicks,
    PluginUsed,
    Provenance,
    RecipeUsed,
    ResultManifest,
    SourceFile,
    VolumeFacts,
)
from livetomo.core.quality.metric import worst
from livetomo.formats.candidates import candidates_name, candidates_text
from livetomo.formats.exporter import EXPORTERS, as_bytes
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import write_map
from livetomo.formats.preview import Scene, write_previews
from livetomo.formats.stored_frame import in_frame_of
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.result import TomogramResult
from livetomo.processing.pipeline.stage_clock import StageClock, now
from livetomo.results.average.sums_file import sums_content, sums_name

MOST_INLINE_PICKS = 1000
FOLLOWED_FORMAT = "relion5"


def unused_pixel_size(spec: JobSpec, frame: Frame) -> Findings:
    """A warning where sidecars say a pixel size that no exported file can use."""
    pixel = spec.facts.pixel_size_angstrom
    if frame.pixel_size_angstrom is not None or not pixel:
        return Findings()
    warning = f"Unbinned pixel size: {pixel:g} Å, as sidecars say, is more than the voxel's; not used."
    return Findings(warnings=(warning,))


def write_files(result: TomogramResult, folder: Path) -> None:
    """Picks, candidates, pictures and what the recipe keeps, in the result's folder, which must not exist yet."""
    recipe, grid, frame = result.spec.recipe, result.plan.grid, result.frame
    folder.mkdir(parents=True)
    for kind in ("picks", "candidates", "preview"):
        (folder / kind).mkdir()
    for rule in recipe.pick:
        placed = Placed(result.published(rule), frame, result.diameter_angstrom(rule))
        # Followers read what a message has no room for from relion5, whatever else the recipe asks for.
        for name in dict.fromkeys((FOLLOWED_FORMAT, *recipe.export.formats)):
            _export(folder / "picks", name, placed, rule.feature)
        candidates = candidates_text(Placed(result.found.candidates[rule.feature], frame))
        (folder / candidates_name(rule.feature)).write_bytes(candidates.encode())
    for feature, average in result.averages.items():
        (folder / sums_name(feature)).parent.mkdir(exist_ok=True)
        (folder / sums_name(feature)).write_bytes(sums_content(average))
    # Pictures and kept volumes have the input's own polarity: what was dark is dark.
    shown = result.denoised.cpu().numpy()
    if recipe.density == "dark":
        shown = np.negative(shown)
    write_previews(folder / "preview", _scene(result, shown))
    if "denoised" in recipe.keep:
        write_map(folder / "denoised.mrc", shown.astype(np.float16), frame.geometry)
    if "probabilities" in recipe.keep:
        (folder / "probabilities").mkdir()
        for feature, probability in result.maps.items():
            write_map(folder / "probabilities" / f"{feature}.mrc", grid.on_tomogram(probability), frame.geometry)
    if "labels" in recipe.keep and result.labels is not None:
        write_map(folder / "labels.mrc", result.labels, grid.maps)


def _export(folder: Path, format_name: str, placed: Placed, feature: str) -> None:
    exporter = EXPORTERS[format_name]
    path = folder / f"{feature}.{exporter.name}.{exporter.ending}"
    path.write_bytes(as_bytes(exporter.content(in_frame_of(exporter, placed), feature)))


def _scene(result: TomogramResult, shown: np.ndarray[Any, np.dtype[np.float32]]) -> Scene:
    recipe = result.spec.recipe
    picks = {rule.feature: (result.published(rule), result.diameter_angstrom(rule)) for rule in recipe.pick}
    regions = {name: value for name, value in _label_values(recipe).items() if name not in picks}
    return Scene(shown, result.frame.geometry, picks, result.labels, regions, _kept_away_from(recipe))


def _label_values(recipe: Recipe) -> dict[str, int]:
    return {name: value for value, name in enumerate(label_thresholds(recipe.feature), start=1)}


def manifest_of(result: TomogramResult, clock: StageClock, device: torch.device) -> ResultManifest:
    """What `result.json` says but for the files' checksums."""
    spec, header, voxel_size, findings = result.spec, result.header, result.voxel_size, result.findings
    return ResultManifest(
        result_id=spec.result_id,
        tomogram=spec.tomogram,
        revision=spec.revision,
        source=SourceFile(str(spec.path), spec.content.size, spec.content.modified_ns, spec.content.digest),
        volume=VolumeFacts(
            shape_zyx=header.shape_zyx,
            voxel_size_angstrom=voxel_size.angstrom,
            voxel_size_source=voxel_size.source,
            origin_angstrom=header.origin_xyz,
            axis_order=header.axis_order,
            mode=header.mode,
            evidence=(*voxel_size.evidence, *header.evidence),
            centre_angstrom=result.frame.tilt_series.centre_xyz_angstrom(result.frame.geometry),
        ),
        metadata=spec.facts.to_json(),
        recipe=RecipeUsed(spec.recipe_name, spec.recipe.hash, spec.recipe.to_json()),
        provenance=Provenance(
            livetomo=livetomo.__version__,
            python=platform.python_version(),
            torch=torch.__version__,
            device=_device_name(device),
            host=socket.gethostname(),
            models=result.plan.provenance(),
            plugins=tuple(PluginUsed.from_json(JsonObject(one)) for one in _plugins(result)),
            denoiser=result.denoiser,
        ),
        started=clock.started,
        finished=now(),
        seconds=clock.seconds,
        quality={quality.name: quality for quality in findings.figures},
        verdict=worst(quality.verdict for quality in findings.figures),
        picks={rule.feature: _picks(result, rule) for rule in spec.recipe.pick},
        labels=_label_values(spec.recipe),
        warnings=tuple(findings.warnings),
    )


def _plugins(result: TomogramResult) -> Iterator[Mapping[str, str]]:
    """The plug-ins that were used, as JSON."""
    if producer := result.spec.facts.producer:
        yield producer
    for member in result.spec.recipe.members():
        if plugin := member.plugin():
            yield plugin.to_json()


def _picks(result: TomogramResult, rule: Pick) -> FeaturePicks:
    """A feature's picks as the manifest and messages hold them: the strongest inline."""
    published = result.published(rule)
    strongest = published.where(np.arange(min(len(published), MOST_INLINE_PICKS)))
    columns: tuple[str, ...] = ("x_angstrom", "y_angstrom", "z_angstrom", "score")
    values = [Placed(strongest, result.frame).corner_xyz_angstrom().round(1)]
    values.append(strongest.score.astype(float).round(4)[:, None])
    if (angles := Placed(strongest, result.frame).angles()) is not None:
        columns = (*columns, "rot", "tilt", "psi")
        values.append(angles.round(3))
    if strongest.false_share is not None:
        columns = (*columns, "false_share")
        values.append(strongest.false_share.astype(float).round(6)[:, None])
    if strongest.match_score is not None:
        columns = (*columns, "match_score")
        values.append(strongest.match_score.astype(float).round(4)[:, None])
    share, why_no_share = result.found.false_share(rule)
    return FeaturePicks(
        count=len(published),
        candidates=len(result.found.candidates[rule.feature]),
        threshold=result.found.threshold(rule),
        diameter_angstrom=result.diameter_angstrom(rule),
        removed=result.found.removed(rule),
        columns=columns,
        strongest=np.hstack(values).tolist(),
        missing=result.plan.missing.get(rule.feature, ""),
        false_share=share,
        false_share_missing=why_no_share,
    )


def _kept_away_from(recipe: Recipe) -> list[str]:
    """Very dense matter, and what other features avoid."""
    avoided = {rule.avoid for rule in recipe.interaction}
    return [feature.name for feature in recipe.feature if isinstance(feature, DenseFeature) or feature.name in avoided]


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
