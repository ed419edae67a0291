"""What is in the pool depends on the step alone, and its processes never outlive the trainer."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from livetomo.train.example import Example
from livetomo.train.pool import Pool, workers

NOTHING = Example(np.zeros((1, 1, 1), np.float16), np.zeros((1, 1, 1), np.uint8), (), frozenset(), {}, 0.0)


class Numbered:
    def examples(self, number):
        return [replace(NOTHING, voxel_size_angstrom=float(number))]


def numbers(pool, step):
    return [example.voxel_size_angstrom for example in pool.at(step)]


def test_the_pool_is_renewed_one_by_one_and_the_same_after_a_resume():
    with workers(1) as executor:
        pool = Pool(Numbered(), size=3, renew_every=2, executor=executor, ahead=2)
        seen = [numbers(pool, step) for step in range(6)]
        resumed = Pool(Numbered(), size=3, renew_every=2, executor=executor, ahead=2)
        assert seen == [[0, 1, 2], [0, 1, 2], [1, 2, 3], [1, 2, 3], [2, 3, 4], [2, 3, 4]]
        assert numbers(resumed, 5) == seen[5]


PROGRAM = """
import time
from livetomo.train.pool import workers
if __name__ == "__main__":
    with workers(1) as executor:
        print(executor.submit(__import__("os").getpid).result(), flush=True)
        time.sleep(60)
"""


def test_processes_end_when_the_trainer_is_killed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    trainer = subprocess.Popen([sys.executable, tmp_path / "program.py"], stdout=subprocess.PIPE, text=True)
    assert trainer.stdout is not None
    worker = int(trainer.stdout.readline())
    os.kill(trainer.pid, signal.SIGKILL)
    trainer.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
