"""Root may write everywhere, so that tests of what an ordinary user may not would see nothing; here root may not."""

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_VERSION_3 = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


def without_privileges(deed: Callable[[], T]) -> T:
    """What `deed` returns in a thread of its own, in which modes and owners of files count for root as well."""
    results: list[T] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            _give_up(_DAC_OVERRIDE, _DAC_READ_SEARCH)
            results.append(deed())
        except BaseException as fault:  # raised again in the test's own thread
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return results[0]


def _give_up(*capabilities: int) -> None:
    """Capabilities are each thread's own (capabilities(7)); threads that it starts inherit what is left."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of the lower and then the higher 32
    assert libc.capget(header, sets) == 0
    for capability in capabilities:
        for index in range(3):
            sets[index] &= ~(1 << capability)
    assert libc.capset(header, sets) == 0
