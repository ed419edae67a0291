"""The files of an average: volumes, a picture, and the numbers."""

import json
from datetime import UTC, datetime
from pathlib import Path

from livetomo.core.average_summary import AverageSummary
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.particle_sums import SIDE, average_voxel_angstrom
from livetomo.formats.mrc import write_map
from livetomo.results.average.names import ENDINGS, TOTAL
from livetomo.results.average.picture import write_picture
from livetomo.results.average.session_average import SessionAverage
from livetomo.system.atomic_write import replace_text, replacing


def write_files(folder: Path, average: SessionAverage) -> AverageSummary:
    """The average, its halves, their picture and what they say, each in place of an earlier one."""
    one, look = average.average, average.agreement()
    geometry = TomogramGeometry((SIDE, SIDE, SIDE), average_voxel_angstrom(one.diameter_angstrom))
    volumes = zip(("", "_half1", "_half2"), (one.particles.average(), *one.particles.halves()), strict=True)
    for ending, volume in volumes:
        with replacing(folder / f"{average.feature}{ending}.mrc") as scratch:
            write_map(scratch, volume, geometry)
    with replacing(folder / f"{average.feature}.png") as scratch:
        write_picture(scratch, average)
    summary = AverageSummary(
        look.particles,
        average.tomograms,
        look.signal,
        look.by_chance,
        look.resolution_angstrom,
        datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
    curves = {
        "frequency_per_angstrom": look.curve.frequency.tolist(),
        "correlation": look.curve.correlation.tolist(),
        "correlation_by_chance": look.chance.correlation.tolist(),
    }
    replace_text(folder / f"{average.feature}.json", json.dumps(summary.to_json() | curves, indent=1) + "\n")
    return summary


def features_in(folder: Path) -> set[str]:
    """The features of which a daemon has made averages there."""
    return {path.name.removesuffix(TOTAL) for path in folder.glob(f"*{TOTAL}")}


def remove_files(folder: Path, feature: str) -> None:
    """Nothing is left of the average of a feature."""
    for ending in (*ENDINGS, TOTAL):
        (folder / f"{feature}{ending}").unlink(missing_ok=True)
