"""A pool of examples that is renewed while it is learned from, by processes of their own."""

import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from multiprocessing import get_context
from typing import Protocol

from livetomo.system.parent_death import end_with_parent
from livetomo.train.example import Example


class Source(Protocol):
    """Where examples come from."""

    def examples(self, number: int) -> Sequence[Example]:
        """Those of `number`; the same for the same number, in whatever process."""


@dataclass(eq=False, repr=False)
class Pool:
    """The newest `size` groups of examples, in the order of their numbers.

    What is in it depends on the step alone, however fast the processes are: it waits for what it needs. So a training
    that is resumed sees what it would have seen.
    """

    source: Source
    _: KW_ONLY
    size: int
    renew_every: int
    executor: ProcessPoolExecutor
    ahead: int

    def __post_init__(self) -> None:
        self._groups: deque[Sequence[Example]] = deque(maxlen=self.size)
        self._coming: deque[Future[Sequence[Example]]] = deque()
        self._next = 0
        self._taken = 0

    def at(self, step: int) -> list[Example]:
        """Every example in the pool at this step; steps never go back."""
        last = self.size + step // self.renew_every
        if not self._groups and not self._coming:
            self._next = self._taken = last - self.size
        while self._next < last + self.ahead:
            self._coming.append(self.executor.submit(self.source.examples, self._next))
            self._next += 1
        while self._taken < last:
            self._groups.append(self._coming.popleft().result())
            self._taken += 1
        return [example for group in self._groups for example in group]


def _begin_worker() -> None:
    """One core; the terminal's Ctrl-C is for the trainer, with which it ends."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)()
    torch.set_num_threads(1)


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that make examples, each on one core."""
    executor = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_begin_worker)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
