"""Ask something of a file system that may hang, without hanging with it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

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


async def apart(ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns or raises, however long it takes; unlike asyncio's threads, this one may be left behind."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def listen() -> None:
        try:
            given = ask()
        except Exception as fault:  # raised again where it is waited for
            hand_over(answer.set_exception, fault)
        else:
            hand_over(answer.set_result, given)

    def hand_over(deed: Callable[[Any], None], what: object) -> None:
        with suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(lambda: None if answer.done() else deed(what))

    threading.Thread(target=listen, daemon=True).start()
    return await answer
