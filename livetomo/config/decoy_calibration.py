"""How decoys are calibrated of features that are found without a network; a network's card has its own."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from livetomo.core.false_share import DecoyCalibration


@cache
def of_methods() -> Mapping[str, DecoyCalibration]:
    """The calibrations by method, of those that have one."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {method: DecoyCalibration(**table) for method, table in tomllib.loads(text).items()}
