"""How long to wait before something that has failed is tried again."""

from dataclasses import dataclass
from math import inf

_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits of `first_seconds`, then twice as long each time, never longer than `longest_seconds`."""

    first_seconds: float
    longest_seconds: float = inf

    def seconds(self, failures: int) -> float:
        """The wait after so many failures in a row; none where nothing has failed."""
        if failures < 1:
            return 0.0
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, _DOUBLINGS))
