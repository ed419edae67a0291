"""Children end when they are asked to, with what they have started."""

import asyncio
import os
import select
import signal

import pytest

from livetomo.system.end_child import end, kill

IGNORES = 'trap "" TERM; echo $$; sleep 60'
OBEYS_BUT_ITS_CHILD_DOES_NOT = '(trap "" TERM; exec sleep 60) & trap "exit 7" TERM; echo $!; wait'


async def start(code: str) -> tuple[asyncio.subprocess.Process, int]:
    """A shell with this code, and a descriptor of the process whose number it prints."""
    child = await asyncio.create_subprocess_exec(
        *("sh", "-c", code), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    return child, os.pidfd_open(int(await child.stdout.readline()))


def has_ended(process: int) -> bool:
    return select.select([process], [], [], 5)[0] == [process]


async def test_a_child_that_ignores_sigterm_is_killed_after_its_grace():
    child, process = await start(IGNORES)
    assert await end(child, grace_seconds=0.1)
    assert child.returncode == -signal.SIGKILL
    assert has_ended(process)


@pytest.mark.parametrize(("grace", "code"), [(0.5, 7), (0.0, -signal.SIGKILL)])
async def test_a_grandchild_goes_too_whether_or_not_the_child_ends_by_itself(grace, code):
    child, grandchild = await start(OBEYS_BUT_ITS_CHILD_DOES_NOT)
    assert await end(child, grace_seconds=grace)
    assert child.returncode == code
    assert has_ended(grandchild)


async def test_a_grandchild_that_cleans_up_at_sigterm_has_the_grace_too(tmp_path):
    cleans_up = f"trap 'sleep 0.2; touch {tmp_path}/cleaned; exit' TERM; touch {tmp_path}/ready; sleep 60 & wait"
    child, grandchild = await start(f'sh -c "{cleans_up}" >&2 & echo $!; exec >&2; wait')  # asyncio waits for pipes
    while not (tmp_path / "ready").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert await end(child, grace_seconds=5.0)
    assert child.returncode == -signal.SIGTERM
    assert has_ended(grandchild)
    assert (tmp_path / "cleaned").exists()


async def test_one_that_has_ended_is_left_alone_and_one_that_hangs_is_not_waited_for():
    child, process = await start(IGNORES)

    class Hanging:
        pid = child.pid
        returncode = None

        async def wait(self) -> int:
            return await asyncio.Event().wait()

    assert not await end(Hanging(), reap_seconds=0.01)
    assert has_ended(process)
    await child.wait()
    kill(child)
    assert await end(child)
