"""Which exporters of picks there are."""

from livetomo.formats.exporter import Exporter
from livetomo.system import registries
from livetomo.system.plugins import Registry

EXPORTERS: Registry[Exporter] = registries.EXPORTERS
