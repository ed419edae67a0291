"""What other files say of a tomogram: read leniently, reported honestly, one file per format."""

from livetomo.intake.sidecars.mdoc import ACQUISITION
from livetomo.intake.sidecars.reading import gather, read_sidecar

__all__ = ["ACQUISITION", "gather", "read_sidecar"]
