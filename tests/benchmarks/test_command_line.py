import subprocess
import sys


def test_help_is_answered_in_under_half_a_second(benchmark):
    def ask() -> None:
        subprocess.run([sys.executable, "-m", "livetomo", "--help"], check=True, stdout=subprocess.DEVNULL)

    benchmark.pedantic(ask, rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median < 0.5
