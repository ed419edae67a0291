"""A device that fails is given a rest; a tomogram that fails is not the device's fault."""

from livetomo.core.tomogram import Fault
from livetomo.daemon.workers.dispatcher import CircuitBreaker

DEVICE = Fault("device", "worker died", "The worker died.")
INPUT = Fault("permanent", "truncated volume", "It ends early.")


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_three_tomograms_in_a_row_bench_a_device_and_longer_each_time():
    clock = Clock()
    breaker = CircuitBreaker(clock)
    rests = []
    for _ in range(5):
        for name in "ABC":
            assert breaker.rest() == 0
            breaker.count(name, DEVICE)
        rests.append(breaker.rest())
        clock.seconds += rests[-1]
    assert rests == [5, 10, 20, 40, 80]
    assert "The worker died." in breaker.why


def test_a_device_that_never_works_again_rests_for_months():
    clock = Clock()
    breaker = CircuitBreaker(clock)
    for number in range(3 * 1100):
        clock.seconds += breaker.rest()
        breaker.count(str(number % 3), DEVICE)
    assert breaker.rest() == 3600


def test_one_tomogram_that_kills_every_worker_does_not_bench_the_device():
    breaker = CircuitBreaker(Clock())
    for _ in range(20):
        breaker.count("A", DEVICE)
    assert breaker.rest() == 0


def test_a_result_in_between_clears_the_devices_name():
    clock = Clock()
    breaker = CircuitBreaker(clock)
    for name, fault in (("A", DEVICE), ("B", DEVICE), ("C", None), ("D", DEVICE), ("E", DEVICE), ("F", INPUT)):
        breaker.count(name, fault)
    assert breaker.rest() == 0
