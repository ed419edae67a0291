"""`pip install livetomo[client]` alone, in a fresh environment: it follows picks, and brings none of the science."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.test_follow import Facility, collected, facility

__all__ = ["facility"]
ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "scipy", "skimage", "starlette", "sqlite_utils", "mrcfile")


@pytest.fixture
def light(tmp_path: Path) -> Path:
    """The Python of an environment that holds what the client needs, and nothing else; built from a copy."""
    source, environment = tmp_path / "source", tmp_path / "environment"
    shutil.copytree(ROOT / "livetomo", source / "livetomo", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    done = subprocess.run([*install, ".[client]"], cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"pip cannot install livetomo[client]: {done.stderr.strip()[-300:]}"
        (pytest.fail if os.environ.get("LIVETOMO_REQUIRE_ALL") == "1" else pytest.skip)(reason)
    return python


async def test_a_light_installation_follows_picks_and_says_what_it_lacks(
    light: Path, facility: Facility, tmp_path: Path
) -> None:
    await facility.makes("TS_01", "TS_02")
    async with facility.followed(tmp_path / "sta", "--all", "--tomograms", "2", python=str(light)) as process:
        _, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert collected(tmp_path / "sta") == {"TS_01": 2, "TS_02": 2}

    there = said_by(light, "-c", f"from importlib.util import find_spec as f\nprint(*(n for n in {HEAVY} if f(n)))")
    assert there.stdout.split() == []

    (tmp_path / "boxes.json").write_text('{"*": [{}]}')
    for option in (("--edge", "10"), ("--region", str(tmp_path / "boxes.json"))):
        async with facility.followed(tmp_path / "curated", *option, python=str(light)) as process:
            _, complaints = await process.communicate()
        assert process.returncode == 2
        assert complaints.decode().endswith("Install the rest: pip install 'livetomo[curation]'\n")
        assert "the package numpy, which is not installed" in complaints.decode()

    (tmp_path / "empty").touch()
    for command in (["run", "empty"], ["process", "empty", "--output", "out"]):
        refused = said_by(light, "-m", "livetomo", *command, cwd=tmp_path)
        assert refused.returncode == 2
        assert "pip install 'livetomo[daemon]'" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_rules_of_curation_take_numpy_and_scipy_alone() -> None:
    """They are what `livetomo[curation]` installs."""
    modules = "livetomo.curation.rules, livetomo.curation.received"
    done = said_by(Path(sys.executable), "-c", f"import sys, {modules}\nprint(*sys.modules)")
    assert set(done.stdout.split()) & set(HEAVY) == {"numpy", "scipy"}, done.stderr


def said_by(python: Path, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-P", *words], cwd=cwd, capture_output=True, text=True, check=False)
