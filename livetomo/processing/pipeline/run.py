"""One tomogram through one recipe: everything of its result, in one fresh folder."""

from collections.abc import Callable
from pathlib import Path

import torch

from livetomo.core.manifest import ResultManifest
from livetomo.formats.frame import Frame
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline.average_picks import averages, kept_for_averages
from livetomo.processing.pipeline.before_denoising import look_and_clip_
from livetomo.processing.pipeline.decoys import with_decoys_
from livetomo.processing.pipeline.denoise import denoise_
from livetomo.processing.pipeline.device_faults import device_faults
from livetomo.processing.pipeline.feature_maps import segment
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.fit_memory import refuse_what_cannot_fit
from livetomo.processing.pipeline.input_facts import describe_input, settle_voxel_size
from livetomo.processing.pipeline.input_volume import normalise_input_
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.judge import judge
from livetomo.processing.pipeline.match_candidates import match_inputs
from livetomo.processing.pipeline.measure import measure
from livetomo.processing.pipeline.pick_particles import interact, label, pick
from livetomo.processing.pipeline.read_input import read_source_header, read_tensor
from livetomo.processing.pipeline.result import TomogramResult
from livetomo.processing.pipeline.stage_clock import StageClock
from livetomo.processing.pipeline.tomogram_extent import TomogramExtent
from livetomo.processing.pipeline.write_result import manifest_of, unused_pixel_size, write_files
from livetomo.results.manifest import room_for, write_manifest


def _silent(stage: str) -> None:
    """Announce nothing."""


def run(
    spec: JobSpec,
    folder: Path,
    *,
    device: str = "cpu",
    models: Models | None = None,
    announce: Callable[[str], None] = _silent,
) -> ResultManifest:
    """Make the result of `spec` in `folder`, which must not exist yet; the manifest, as `result.json` holds it.

    models: those of the device, kept from one tomogram to the next.
    announce: is called with a stage's name as it begins: read, denoise, segment, decoys (where the recipe asks for
        them), interact, pick, average (where it asks for orientations), measure, write.

    Raises:
        PermanentError: the input is at fault.
        SourceChanged: the file is not, or no longer, what the job says.
        SourceUnreadable: the file cannot be read at the moment.
        DiskFull: there is no room for the result.
        DeviceError: the device failed.
        ModelAway, MapAway, PluginAway: a network, a map or a plug-in of the recipe is not there any more.
    """
    models, on, clock = models or Models(device), torch.device(device), StageClock(announce)
    with device_faults(spec.path, device):
        with clock.stage("read"):
            declared = read_source_header(spec)
            voxel_size = settle_voxel_size(spec, declared)
            geometry = declared.geometry(voxel_size.angstrom)
            plan = plan_features(spec.recipe, geometry, models)
            refuse_what_cannot_fit(spec, declared, plan, on)
            volume, header = read_tensor(spec, on)
            blank, soundness = normalise_input_(volume, spec)
        with clock.stage("denoise"):
            seen, inputs = look_and_clip_(volume, plan, spec, blank)
            compared, about_maps = match_inputs(volume, plan, spec, blank)
            kept = kept_for_averages(volume, plan, compared)
            denoised = denoise_(volume, spec, geometry, blank)
            volume = denoised.volume
        nothing = None if blank is None else blank.mask
        with clock.stage("segment"):
            maps = segment(volume, inputs, plan, models, nothing)
        if plan.decoyed():
            with clock.stage("decoys"):
                maps = with_decoys_(maps, volume, inputs, plan, models, nothing)
        del inputs  # as large as the maps
        with clock.stage("interact"):
            maps = interact(maps, plan)
            labels = label(maps, plan)
        with clock.stage("pick"):
            found = pick(maps, plan, compared)
        added = {}
        if compared:
            with clock.stage("average"):
                added = averages(kept, compared, found, plan)
        with clock.stage("measure"):
            extent = TomogramExtent.of(geometry, blank)
            frame = Frame.of_metadata(spec.tomogram.name, geometry, spec.facts, path=str(spec.path))
            findings = (
                describe_input(spec, voxel_size, plan) + Findings(warnings=header.warnings) + soundness + about_maps
            )
            findings += Findings(warnings=denoised.warnings)
            findings += measure(spec, plan, extent, seen, maps, found, on)
            judged = judge(spec, extent, findings.figures)
            warnings = findings.warnings + judged.warnings + unused_pixel_size(spec, frame).warnings
            findings = Findings(judged.figures, warnings)
        result = TomogramResult(
            spec, header, voxel_size, frame, plan, volume, maps.maps, labels, found, findings, added, denoised.used
        )
        with room_for(folder):
            with clock.stage("write"):
                write_files(result, folder)
            return write_manifest(folder, manifest_of(result, clock, on))
