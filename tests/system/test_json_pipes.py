"""Children speak JSON, die with their parent, and never mix a library's chatter into their messages."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livetomo.system.json_pipes import ChildGone, JsonChild

ECHO = """
from livetomo.system.json_parent import Parent
parent = Parent()
print("a library's chatter")
for message in parent:
    if message.get("die"):
        import os; os._exit(3)
    parent.send({"echo": message})
"""


async def start(code: str, said: list[str] | None = None) -> JsonChild:
    return await JsonChild.start([sys.executable, "-c", code], log=(said if said is not None else []).append)


async def test_messages_go_both_ways_and_chatter_goes_to_the_log():
    said: list[str] = []
    child = await start(ECHO, said)
    messages = aiter(child)
    for number in range(3):
        await child.send({"number": number, "text": "Å\n"})
        assert await anext(messages) == {"echo": {"number": number, "text": "Å\n"}}
    child.kill()
    assert await child.wait() == -signal.SIGKILL
    assert said == ["a library's chatter"]


async def test_a_killed_child_takes_along_what_it_has_started_and_is_reaped_at_once():
    child = await JsonChild.start(["sh", "-c", "sleep 60 & echo '{}'; wait"], log=print)  # it holds the log open
    assert await anext(aiter(child)) == {}
    assert await child.end()


async def test_a_message_may_be_far_longer_than_a_pipe_holds():
    child = await start(ECHO)
    long = "x" * 3_000_000
    sending = asyncio.create_task(child.send({"text": long}))
    assert (await anext(aiter(child)))["echo"]["text"] == long
    await sending
    child.kill()
    await child.wait()


async def test_iteration_ends_with_the_child_and_saying_it_more_is_an_error():
    child = await start(ECHO)
    await child.send({"die": True})
    assert [message async for message in child] == []
    assert await child.wait() == 3
    with pytest.raises(ChildGone):
        await child.send({"too": "late"})


async def test_a_message_cut_short_by_death_is_no_message():
    child = await start('import os; os.write(1, b\'{"whole": 1}\\n{"cut": \'); os._exit(1)')
    assert [message async for message in child] == [{"whole": 1}]
    await child.wait()


STUCK = """
import time
from livetomo.system.json_parent import Parent
Parent().send({"ready": True})
time.sleep(60)  # in a call that does not come back, it does not see that its input has ended
"""


@pytest.mark.parametrize("code", [ECHO, STUCK])
def test_a_child_ends_when_its_parent_is_killed(tmp_path, code):
    pid_file = tmp_path / "pid"
    parent = f"""
import asyncio, pathlib, sys
from livetomo.system.json_pipes import JsonChild
async def main():
    child = await JsonChild.start([sys.executable, "-c", {code!r}], log=lambda line: None)
    await child.send({{"number": 1}})
    await anext(aiter(child))
    pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", parent])
    while not pid_file.exists() or not pid_file.read_text():
        time.sleep(0.02)
    child = int(pid_file.read_text())
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _alive(child):
        time.sleep(0.02)
    assert not _alive(child)


def test_a_killed_daemon_leaves_nobody_behind_who_writes_a_sessions_stars(tmp_path):
    """Its standard input stays open here, so that only its parent's death can end it."""
    reading, writing = os.pipe()
    parent = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-m", "livetomo.daemon.session_exports"]).pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdin=reading, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        while "pipe" not in Path(f"/proc/{child}/wchan").read_text():
            time.sleep(0.02)
        ended = os.pidfd_open(child)
        process.kill()
        assert select.select([ended], [], [], 10)[0] == [ended]
    for descriptor in (reading, writing, ended):
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
