"""Whether a device is fit: one that fails with one tomogram after the other is given a rest, longer each time."""

import time
from collections.abc import Callable

from livetomo.core.back_off import BackOff
from livetomo.core.errors import OUT_OF_MEMORY
from livetomo.core.tomogram import Fault

TOMOGRAMS = 3
RESTS = BackOff(5.0, 3600.0)


class CircuitBreaker:
    """Counts a device's faults. A single tomogram that kills every worker does not bench a device; three do."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: set[str] = set()
        self._rests = 0
        self._until = 0.0
        self.why = ""

    def count(self, tomogram: str, fault: Fault | None) -> None:
        """An attempt at `tomogram` has ended: with a result, or with `fault`."""
        if fault is None:
            self._failed.clear()
            self._rests = 0
        elif fault.kind == "device" and fault.reason != OUT_OF_MEMORY:  # that is the tomogram's, if it repeats
            self._failed.add(tomogram)
        if len(self._failed) >= TOMOGRAMS and fault is not None:
            self._rests += 1
            self._until = self._clock() + RESTS.seconds(self._rests)
            self.why = f"{len(self._failed)} tomograms in a row failed on it, the last so: {fault.message}"
            self._failed.clear()

    def rest(self) -> float:
        """For how many seconds the device is to rest yet; 0 when it may work."""
        return max(0.0, self._until - self._clock())
