"""Which exporters of picks there are."""

from collections.abc import Mapping

from livetomo.formats.documents import CopickExporter, Eman2Exporter, ImodExporter
from livetomo.formats.exporter import Exporter
from livetomo.formats.matlab import DynamoExporter, StopgapExporter
from livetomo.formats.relion import Relion4Exporter, Relion5Exporter
from livetomo.formats.relion31 import Relion31Exporter
from livetomo.formats.table import CsvExporter
from livetomo.formats.warp import WarpExporter

EXPORTERS: Mapping[str, Exporter] = {
    exporter.name: exporter
    for exporter in (
        Relion5Exporter(),
        Relion4Exporter(),
        Relion31Exporter(),
        WarpExporter(),
        DynamoExporter(),
        StopgapExporter(),
        Eman2Exporter(),
        CopickExporter(),
        ImodExporter(),
        CsvExporter(),
    )
}
