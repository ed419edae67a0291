"""`pip install livetomo[client]` alone, in a fresh environment: it follows picks, and brings none of the science."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.test_follow import Facility, collected, facility

__all__ = ["facility"]
ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "scipy", "skimage", "starlette", "sqlite_utils", "mrcfile")


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds what the client needs, and nothing else."""
    folder = tmp_path_factory.mktemp("light")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    done = subprocess.run([*install, ".[client]"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"pip cannot install livetomo[client]: {done.stderr.strip()[-300:]}"
        (pytest.fail if os.environ.get("LIVETOMO_REQUIRE_ALL") == "1" else pytest.skip)(reason)
    return python


async def test_a_light_installation_follows_picks(light: Path, facility: Facility, tmp_path: Path) -> None:
    await facility.makes("TS_01", "TS_02")
    async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "2", python=str(light)) as process:
        _, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert collected(tmp_path / "sta") == {"TS_01": 2, "TS_02": 2}


def test_a_light_installation_has_none_of_the_science(light: Path) -> None:
    code = f"from importlib.util import find_spec\nprint([name for name in {HEAVY} if find_spec(name)])"
    found = subprocess.run([light, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [["run", "livetomo.toml"], ["process", "a.mrc", "--output", "out"]], ids=" ".join)
def test_what_needs_more_says_what_to_install(light: Path, tmp_path: Path, command: list[str]) -> None:
    for name in command[1:2]:
        (tmp_path / name).write_text("")
    done = subprocess.run(
        [light, "-P", "-m", "livetomo", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'livetomo[daemon]'" in done.stderr
    assert "Traceback" not in done.stderr
