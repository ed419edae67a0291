import asyncio
import subprocess
import sys
import threading

import pytest

from livetomo.system.hung_calls import NoAnswer, apart, within


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


async def test_a_thread_apart_returns_and_raises_as_any_other():
    assert await apart(lambda: 7) == 7
    with pytest.raises(FileNotFoundError):
        await apart(lambda: open("/nowhere/at/all"))  # noqa: PTH123, SIM115


async def test_who_is_no_longer_waited_for_may_answer_all_the_same():
    late = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await apart(late.wait)
    late.set()
    assert await apart(lambda: 7) == 7


def test_a_thread_apart_that_never_answers_does_not_keep_the_process_from_ending():
    program = (
        "import asyncio, threading\n"
        "from livetomo.system.hung_calls import apart\n"
        "async def main():\n"
        "    asyncio.create_task(apart(threading.Event().wait))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
