"""Which exporters of picks there are."""

from collections.abc import Mapping

from livetomo.formats.documents import Copick, Eman2, Imod
from livetomo.formats.exporter import Exporter
from livetomo.formats.matlab import Dynamo, Stopgap
from livetomo.formats.relion import Relion4, Relion5
from livetomo.formats.relion31 import Relion31
from livetomo.formats.table import Csv
from livetomo.formats.warp import Warp

EXPORTERS: Mapping[str, Exporter] = {
    exporter.name: exporter
    for exporter in (
        Relion5(), Relion4(), Relion31(), Warp(), Dynamo(), Stopgap(), Eman2(), Copick(), Imod(), Csv()
    )
}  # fmt: skip
