"""Children that end when their parent does, however it ended."""

import ctypes
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What a child calls, before it becomes its program or as it starts, to get this signal when its parent dies.

    Where the kernel is not Linux it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded now: nothing may be imported between fork and exec

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)

    return ask
