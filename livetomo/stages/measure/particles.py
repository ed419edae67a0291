"""How many particles there are, and how many for the room they have."""

from livetomo.quality import Quality


def particle_figures(feature: str, count: int, volume_um3: float) -> tuple[Quality, Quality]:
    """Published picks, and picks per µm³ of the whole volume. Neither is good or bad by itself: none is a result."""
    return Quality(f"{feature}_count", count, ""), Quality(f"{feature}_density", count / volume_um3, "1/µm³")
