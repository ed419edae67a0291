"""A worker that is ended for want of memory: said in words, charged to a tomogram that does it again, to no other."""

import os
import signal
from itertools import count

import pytest

from livetomo.core.back_off import BackOff
from livetomo.core.tomogram import Fault
from livetomo.daemon.workers.dispatcher import CircuitBreaker
from livetomo.daemon.workers.process import WorkerFault, WorkerProcess
from livetomo.system.memory import Memory
from tests.daemon.workers.test_dispatcher import house_in


class Kernel(Memory):
    """Whose count of kills is `before` when the worker gets its job, and `after` when it is dead."""

    counts = iter(())
    free = 0.9

    def kills(self):
        return next(type(self).counts)

    def free_share(self):
        return type(self).free


def kernel(before, after, free=0.9):
    return type("OneKernel", (Kernel,), {"counts": iter((before, after)), "free": free})()


class Child:
    """A worker that ends with `code` as soon as it gets a message."""

    pid = returncode = None

    def __init__(self, code):
        self.code = code

    async def send(self, message):
        self.returncode = self.code

    async def wait(self):
        return self.code


async def death(code, memory) -> Fault:
    worker = WorkerProcess("cpu", workers=1, memory=memory)
    worker._child = Child(code)
    await worker.send({"do": "job"})
    worker._messages.put_nowait(None)
    with pytest.raises(WorkerFault) as gone:
        await worker.receive()
    return gone.value.fault


@pytest.mark.parametrize(
    ("code", "before", "after", "free", "reason", "words"),
    [
        (-9, 3, 4, 0.9, "out of memory", "The kernel ended the worker on cpu for want of memory"),
        (-9, 3, 4, 0.2, "out of device memory", "other programs hold 80% of it"),
        (-9, 3, 3, 0.9, "worker died", "was killed by signal 9"),
        (-9, None, None, 0.9, "worker died", "was killed by signal 9"),
        (-11, 3, 4, 0.9, "worker died", "was killed by signal 11"),
        (1, 3, 4, 0.9, "worker died", "ended with exit code 1"),
    ],
)
async def test_a_death_for_want_of_memory_is_distinguished_from_others(code, before, after, free, reason, words):
    fault = await death(code, kernel(before, after, free))
    assert (fault.kind, fault.reason) == ("device", reason)
    assert words in fault.message


def test_tomograms_that_need_too_much_memory_do_not_bench_a_device():
    breaker = CircuitBreaker(lambda: 1000.0)
    for name in "AABBCCDDEE":
        breaker.count(name, Fault("device", "out of memory", "The kernel ended it."))
    assert breaker.rest() == 0


def test_memory_that_other_programs_hold_benches_it():
    breaker = CircuitBreaker(lambda: 1000.0)
    for name in "ABC":
        breaker.count(name, Fault("device", "out of device memory", "Others hold it."))
    assert breaker.rest() > 0


async def test_a_tomogram_that_kills_two_workers_is_put_aside_and_the_line_moves_on(tmp_path, monkeypatch):
    kills = count()
    monkeypatch.setattr(Memory, "kills", lambda self: next(kills))
    monkeypatch.setattr(Memory, "free_share", lambda self: 0.9)
    monkeypatch.setattr("livetomo.catalog.job_queue.RETRIES", BackOff(0.01))
    async with house_in(tmp_path) as house:
        await house.land("TS_01", shape=(96, 160, 160))
        for attempt in (1, 2):
            await house.observer.until(lambda seen: "segment" in seen.stages)
            os.kill(house.worker_pid, signal.SIGKILL)
            house.observer.stages.clear()
            await house.observer.until(lambda seen, attempt=attempt: len(seen.failures) == attempt)
        await house.land("TS_02")
        await house.until("failed", "done")
        assert house.observer.failures == [("device", False), ("device", True)]
        query = "SELECT attempts, fault FROM jobs ORDER BY id LIMIT 1"
        row = await house.catalog(lambda catalog: next(catalog.db.query(query)))
        assert row["attempts"] == 2
        assert '"permanent"' in row["fault"]
        assert "twice in a row" in row["fault"]
