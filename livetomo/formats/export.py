"""Which exporters of picks there are."""

from livetomo.formats.exporter import Exporter
from livetomo.system import plugins

EXPORTERS: plugins.Registry[Exporter] = plugins.EXPORTERS
