"""Named places where a test may have a process die, as `kill -9` would: that is how the promises are tried.

Armed only by the environment variable LIVETOMO_CRASH_FILE. The file that it names holds a crash point's name and how
often it is passed before the process dies; it is removed first, so that one arming is one death.
"""

import os
import signal
from collections import Counter
from pathlib import Path

_FILE = os.environ.get("LIVETOMO_CRASH_FILE")
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die here if a test has asked for it."""
    if _FILE is None:
        return
    _passed[name] += 1
    try:
        wanted, _, times = Path(_FILE).read_text().partition(" ")
    except FileNotFoundError:
        return
    if wanted == name and _passed[name] >= int(times or 1):
        Path(_FILE).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
