"""A fault that repeats itself costs some lines of the log, and the log says how many there were."""

import logging

import pytest

from livetomo.system.logs import MOST_IN_A_WINDOW, MOST_KINDS, WINDOW_SECONDS, Throttle


class Log:
    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self.throttle = Throttle(self._emit, clock=lambda: self.now)

    def _emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def write(self, message: str, level: int = logging.WARNING) -> None:
        record = logging.LogRecord("livetomo.x", level, "x.py", 1, message, None, None)
        if self.throttle.filter(record):
            self._emit(record)


def test_a_repeated_fault_costs_some_lines_and_is_counted() -> None:
    log = Log()
    for number in range(64_000):
        log.now = number / 2000
        log.write(f"accept() failed, {number} s")
    assert len(log.lines) == MOST_IN_A_WINDOW
    log.now = WINDOW_SECONDS + 1
    log.write("something else")
    assert log.lines[-2:] == ["accept() failed, 63999 s [and 63,979 more like it]", "something else"]


@pytest.mark.parametrize(
    "messages",
    [["one fault", "another fault"] * MOST_IN_A_WINDOW, [f"kind {chr(97 + n % 20)}" for n in range(200)]],
)
def test_faults_that_differ_are_all_written(messages: list[str]) -> None:
    log = Log()
    for message in messages:
        log.write(message)
    assert log.lines == messages


def test_what_is_no_fault_is_never_left_out() -> None:
    log = Log()
    for number in range(100):
        log.write(f"taken in {number}", logging.INFO)
    assert len(log.lines) == 100


def test_faults_of_many_kinds_take_no_memory() -> None:
    log = Log()
    for number in range(3 * MOST_KINDS):
        log.write("fault " + "".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(log.throttle._kinds) <= MOST_KINDS + 1
    assert len(log.lines) == 3 * MOST_KINDS
