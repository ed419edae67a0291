"""What other files say of a tomogram: read leniently, reported honestly, one file per format."""

from livetomo.intake.sidecars.reading import gather, read_sidecar

__all__ = ["gather", "read_sidecar"]
