import threading

import pytest

from livetomo.patience import NoAnswer, within


def test_an_answer_in_time_is_returned():
    assert within(60, lambda: 7) == 7


def test_what_is_raised_is_raised_here():
    with pytest.raises(FileNotFoundError):
        within(60, lambda: open("/nowhere/at/all"))  # noqa: PTH123, SIM115


def test_who_does_not_answer_is_not_waited_for():
    never = threading.Event()
    with pytest.raises(NoAnswer):
        within(0.01, never.wait)
    never.set()
