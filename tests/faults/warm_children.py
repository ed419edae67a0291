"""Children of a daemon forked from one process that has torch loaded already: seconds saved at every start.

Each still is a process of its own, killed at any point by a real SIGKILL; `warm/sitecustomize.py` stands in its place
under the daemon: whichever of the two dies takes the other along.
"""

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from livetomo.system import crash_points as crashpoints

FOLDER = Path(__file__).with_name("warm")
MODULES = ("livetomo.processing.worker_process", "livetomo.daemon.session_exports", "livetomo.daemon.session_averages")


@contextmanager
def warm_children(place: Path) -> Iterator[dict[str, str]]:
    """What a daemon's environment needs for that; `place` is for the socket."""
    address = str(place / "warm.socket")
    command = [sys.executable, "-m", "tests.faults.warm_children", address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        path = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")]))
        yield {"PYTHONPATH": path, "LIVETOMO_WARM_SOCKET": address, "LIVETOMO_WARM_MODULES": " ".join(MODULES)}
    finally:
        process.kill()
        process.wait()


def _serve(address: str) -> None:
    for slow in ("livetomo.processing.pipeline.run", "livetomo.results.session_picks"):  # what takes so long
        import_module(slow)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(100)
        print("ready", flush=True)
        while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:  # until the test is gone
            shadow, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _be_a_child(shadow)
            shadow.close()


def _be_a_child(shadow: socket.socket) -> None:
    """Become the process that the daemon wanted; this never returns."""
    message, descriptors, _, _ = socket.recv_fds(shadow, 2**16, 3)
    while not message.endswith(b"\n"):
        message += shadow.recv(2**16) or os._exit(0)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    job = json.loads(message)
    os.environ.clear()
    os.environ.update(job["environment"])
    crashpoints._FILE = os.environ.get("LIVETOMO_CRASH_FILE")
    threading.Thread(target=_die_with, args=(shadow,), daemon=True).start()
    sys.argv[:] = job["argv"]
    code = 1
    try:
        runpy.run_module(job["argv"][0], run_name="__main__", alter_sys=True)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        shadow.send(bytes([code]))
        os._exit(code)


def _die_with(shadow: socket.socket) -> None:
    if not shadow.recv(1):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _serve(sys.argv[1])
