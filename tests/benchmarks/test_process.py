"""How long `livetomo process` takes on a real tomogram, and how much memory: the whole command, start included."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

MOST_SECONDS = 25
MOST_BYTES = 900_000_000


def test_process_of_a_real_tomogram(benchmark, data: Path, tmp_path: Path):
    peaks = []

    def process():
        arguments = ["process", data / "real" / "tomo_171.mrc", "--output", tmp_path / "out", "--device", "cpu"]
        child = subprocess.Popen([sys.executable, "-m", "livetomo", *map(str, arguments)])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        peaks.append(usage.ru_maxrss * 1024)

    benchmark.pedantic(process, setup=lambda: shutil.rmtree(tmp_path / "out", ignore_errors=True), rounds=3)
    benchmark.extra_info["peak_bytes"] = max(peaks)
    assert benchmark.stats["max"] < MOST_SECONDS
    assert max(peaks) < MOST_BYTES
