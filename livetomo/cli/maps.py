"""What `livetomo interact` and `livetomo pick` share: maps in, tomogram by tomogram, a bad one costing only itself."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from livetomo.core.errors import ExitCode, LivetomoError

Each = Callable[[str, Mapping[str, Path]], dict[str, Any]]


def for_each_tomogram(tomograms: Mapping[str, Mapping[str, Path]], act: Each) -> tuple[list[dict[str, Any]], ExitCode]:
    """What `act` reports of each tomogram, and how the command ends; a bad one is told, the others go on."""
    from tqdm import tqdm

    rows, code = [], ExitCode.OK
    bar = tqdm(tomograms.items(), disable=not sys.stderr.isatty(), unit="tomogram", leave=False)
    for tomogram, paths in bar:
        bar.set_description_str(tomogram)
        try:
            rows.append(act(tomogram, paths))
        except LivetomoError as fault:
            bar.write(f"{tomogram}: {fault}", file=sys.stderr)
            rows.append({"tomogram": tomogram, "status": "failed", "reason": fault.reason, "message": str(fault)})
            code = ExitCode.INPUT
    return rows, code
