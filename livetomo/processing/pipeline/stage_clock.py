"""How long each stage took, and an announcement as it begins."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def now() -> str:
    """The time, as manifests hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class StageClock:
    """Announces stages and times them. started: when it was made; seconds: by stage, in their order."""

    def __init__(self, announce: Callable[[str], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._announce = announce
        self._clock = clock
        self.started = now()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage that begins; one that fails has no time."""
        self._announce(name)
        began = self._clock()
        yield
        self.seconds[name] = round(self._clock() - began, 3)
