"""The share of picks that is expected to be false, by decoys, and how decoys are calibrated."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livetomo.core.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class FalseShare:
    """How many of a feature's published picks are expected to be false.

    value: the expected share of false picks, 0 to 1.
    low: lower end of the interval that holds the true share nine times in ten.
    high: upper end of it.
    expected: number of published picks that are expected to be false.
    decoys: number of picks in the decoy, the tomogram with its contrast inverted, that score at least as high.
    calibration: name of the model or method whose calibration was used; empty if the share is that of the decoys
        itself, and the interval that of the counts alone.
    """

    value: float
    low: float
    high: float
    expected: float
    decoys: int
    calibration: str = ""

    @staticmethod
    def from_json(body: JsonObject) -> "FalseShare":
        """The inverse of `to_json`."""
        return FalseShare(
            body.number("value"),
            body.number("low"),
            body.number("high"),
            body.number("expected"),
            body.whole("decoys"),
            body.text("calibration"),
        )

    def to_json(self) -> Mapping[str, Any]:
        """As it stands in `result.json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DecoyCalibration:
    """How the share of false picks follows from decoys, fitted on tomograms whose truth is known.

    logit(share of false candidates) = intercept + decoys * log(L / (max(T - L, 0) + 1)), where T candidates and D
    decoys score at least so high and L = D + 1/2. The default believes the decoys.

    spread: standard deviation of the errors of this logit between tomograms, beyond what the counts explain.
    """

    intercept: float = 0.0
    decoys: float = 1.0
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.intercept, self.decoys, self.spread))):
            raise ValueError("a calibration consists of finite numbers")
        if self.decoys < 0 or self.spread < 0:
            raise ValueError('"decoys" and "spread" of a calibration are at least 0')
