"""Ask something of a file system that may hang, without hanging with it."""

import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """It did not answer in time. The thread that asked is left behind, and does not keep the process from ending."""


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns or raises.

    Raises:
        NoAnswer: it took longer than `seconds`.
    """
    answers: list[Answer] = []
    faults: list[Exception] = []

    def listen() -> None:
        try:
            answers.append(ask())
        except Exception as fault:  # raised again below, in the thread that wants to know
            faults.append(fault)

    asking = threading.Thread(target=listen, daemon=True)
    asking.start()
    asking.join(seconds)
    if faults:
        raise faults[0]
    if not answers:
        raise NoAnswer
    return answers[0]
