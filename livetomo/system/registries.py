"""What comes with livetomo of each kind, by name, written as entry points are. No plug-in takes one of these names."""

from collections.abc import Mapping
from typing import Any

from livetomo.system.plugins import Registry

PRODUCERS: Registry[Any] = Registry(
    "producer",
    {
        "aretomo3": "livetomo.intake.producers.aretomo3:AreTomo3",
        "imod": "livetomo.intake.producers.imod:Imod",
        "warp": "livetomo.intake.producers.warp:Warp",
        "relion5": "livetomo.intake.producers.relion5:Relion5",
        "cryoem_services": "livetomo.intake.producers.cryoem_services:CryoemServices",
        "generic": "livetomo.intake.producers.generic:Generic",
    },
    "name suffixes settles alone_is_final is_users_word recognise signal writes_halves rivals stands_alone "
    "contradictions series order sidecars",
    instances=True,
)
EXPORTERS: Registry[Any] = Registry(
    "exporter",
    {
        "relion5": "livetomo.formats.relion:Relion5Exporter",
        "relion5-priors": "livetomo.formats.relion_priors:Relion5PriorsExporter",
        "relion4": "livetomo.formats.relion:Relion4Exporter",
        "relion31": "livetomo.formats.relion31:Relion31Exporter",
        "warp": "livetomo.formats.warp:WarpExporter",
        "dynamo": "livetomo.formats.matlab:DynamoExporter",
        "stopgap": "livetomo.formats.matlab:StopgapExporter",
        "eman2": "livetomo.formats.documents:Eman2Exporter",
        "copick": "livetomo.formats.copick:CopickExporter",
        "imod": "livetomo.formats.documents:ImodExporter",
        "imodmod": "livetomo.formats.imod_model:ImodModelExporter",
        "peet": "livetomo.formats.peet:PeetExporter",
        "em-motl": "livetomo.formats.em_motl:EmMotlExporter",
        "cbox": "livetomo.formats.cbox:CboxExporter",
        "cryoet-portal": "livetomo.formats.portal:PortalExporter",
        "napari": "livetomo.formats.napari:NapariExporter",
        "chimerax": "livetomo.formats.chimerax:ChimeraxExporter",
        "csv": "livetomo.formats.table:CsvExporter",
    },
    "name ending content session called read read_session",
    instances=True,
)
SEGMENTERS: Registry[Any] = Registry("segmenter", dict.fromkeys(("blob", "dense", "ridge"), ""), "segment")
DENOISERS: Registry[Any] = Registry(
    "denoiser", dict.fromkeys(("none", "lowpass", "deconvolve", "tv", "wiener", "beside"), ""), "denoise"
)
REGISTRIES: Mapping[str, Registry[Any]] = {
    registry.kind: registry for registry in (PRODUCERS, EXPORTERS, SEGMENTERS, DENOISERS)
}
