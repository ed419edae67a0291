"""How long `livetomo process` takes on a real tomogram, and how much memory: the whole command, start included."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from livetomo.processing.pipeline import before_denoising, input_volume
from livetomo.processing.pipeline import run as pipeline
from tests.volumes import order_for

MOST = {"untrained": (25, 900_000_000), "cellular": (30, 1_500_000_000)}  # seconds, bytes
MOST_MEASURING = 0.15
MEASURING = (
    (input_volume, "finite_share"),
    (input_volume, "saturated_share"),
    (before_denoising, "dense_share"),
    (before_denoising, "look"),
    (pipeline, "measure"),
    (pipeline, "judge"),
)


@pytest.mark.parametrize("recipe", MOST)
def test_process_of_a_real_tomogram(benchmark, data: Path, tmp_path: Path, recipe):
    most_seconds, most_bytes = MOST[recipe]
    peaks = []

    def process():
        arguments = ["process", data / "real" / "tomo_171.mrc", "--recipe", recipe, "--output", tmp_path / "out"]
        child = subprocess.Popen([sys.executable, "-m", "livetomo", *map(str, arguments), "--device", "cpu"])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        peaks.append(usage.ru_maxrss * 1024)

    benchmark.pedantic(process, setup=lambda: shutil.rmtree(tmp_path / "out", ignore_errors=True), rounds=3)
    benchmark.extra_info["peak_bytes"] = max(peaks)
    assert benchmark.stats["max"] < most_seconds
    assert max(peaks) < most_bytes


def test_measuring_is_a_small_part_of_a_tomogram_s_time(benchmark, data: Path, tmp_path: Path, monkeypatch):
    # The processor's time in one thread, which a busy machine changes least.
    torch.set_num_threads(1)
    spent = {name: 0.0 for _, name in MEASURING}

    def timed(module, name):
        function = getattr(module, name)

        def run(*arguments):
            began = time.process_time()
            result = function(*arguments)
            spent[name] += time.process_time() - began
            return result

        return run

    for module, name in MEASURING:
        monkeypatch.setattr(module, name, timed(module, name))
    order = order_for(data / "real" / "tomo_171.mrc")
    shares = []

    def process():
        began = time.process_time()
        spent.update(dict.fromkeys(spent, 0.0))
        pipeline.run(order, tmp_path / f"out{len(shares)}")
        shares.append(sum(spent.values()) / (time.process_time() - began))

    benchmark.pedantic(process, rounds=3, warmup_rounds=1)
    benchmark.extra_info |= {"share": min(shares), "seconds": dict(spent)}
    assert min(shares) < MOST_MEASURING
