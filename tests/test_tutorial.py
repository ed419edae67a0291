"""docs/tutorial.md, typed as it stands by somebody who has nothing yet: what comes of it is what the page says."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from tests.servers import free_port, need

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
REPOSITORY = "https://github.com/livetomo/livetomo"
# A person looks at the daemon's page until the tomograms are done, and reads on.
LOOK = """
until livetomo status --json | grep -q '"done": 3'; do sleep 0.3; done
until [ -e results/krios1/20261120_yeast/particles/optimisation_set.star ]; do sleep 0.1; done
"""
AVERAGE = "The first average"


def sections() -> dict[str, str]:
    """What is typed in each section of the page."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    blocks = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return {part.partition("\n")[0]: "".join(blocks.findall(part)) for part in parts}


def typed(home: Path, commands: str) -> str:
    """What is said while `commands` are typed by somebody whose home folder is `home`."""
    (home / "commands.sh").write_text(commands)
    git = {f"url.file://{ROOT}/.insteadOf": REPOSITORY, "safe.directory": "*"}
    pairs = [
        (f"GIT_CONFIG_{word}_{n}", said)
        for n, pair in enumerate(git.items())
        for word, said in zip(("KEY", "VALUE"), pair, strict=True)
    ]
    packages = "\n".join(path for path in sys.path if path.endswith("site-packages"))
    here = {"PYTHON": sys.executable, "PACKAGES": packages, "REPOSITORY": str(ROOT), "GIT_CONFIG_COUNT": str(len(git))}
    its_own = {"HOME": str(home), "LIVETOMO_HTTP__LISTEN": f"127.0.0.1:{free_port()}"}
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", ". tests/deploy/packages_from_here.sh; cd; . ~/commands.sh"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | dict(pairs) | here | its_own,
    )
    try:
        said, _ = shell.communicate(timeout=120)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, said[-6000:]
    return said


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's home folder, when all but the last section with commands was typed; `said.txt` is what was said."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout that can be cloned")
    folder = tmp_path_factory.mktemp("home")
    commands = "".join(typed for title, typed in sections().items() if title != AVERAGE)
    assert commands.count("kill $!") == 1
    (folder / "said.txt").write_text(typed(folder, commands.replace("kill $!", f"{LOOK}kill $!")))
    return folder


@pytest.mark.slow
def test_what_is_typed_as_the_tutorial_says_gives_picks_of_a_tomogram_and_of_a_session(home: Path) -> None:
    said = (home / "said.txt").read_text()
    tutorial = home / "livetomo-tutorial"
    (mine,) = (tutorial / "results" / "process" / "process" / "tomograms" / "mine").glob("r1-*")
    shown = re.findall(r"^    (\S+)  ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert shown
    assert [name for name in shown if not (mine / name).exists()] == []
    assert "livetomo.toml: ok" in said
    precision = re.search(r"^precision +([\d.]+)", said, flags=re.MULTILINE)
    assert precision
    assert float(precision[1]) > 0.7
    particles = tutorial / "results" / "krios1" / "20261120_yeast" / "particles"
    assert (particles / "optimisation_set.star").exists()
    assert [path.name for path in sorted((particles.parent / "tomograms").iterdir())] == ["TS_01", "TS_02", "TS_03"]


@pytest.mark.slow
def test_the_tutorial_s_picks_average_to_a_body_in_the_middle(home: Path) -> None:
    need("relion_preprocess", "relion")
    typed(home, f"source livetomo/.venv/bin/activate\ncd livetomo-tutorial\n{sections()[AVERAGE]}")
    average = mrcfile.read(home / "livetomo-tutorial" / "average" / "average.mrc").astype(float)
    distance = np.linalg.norm(np.indices(average.shape) - average.shape[0] // 2, axis=0) * 13.5
    body, around = average[distance < 100], average[(distance > 200) & (distance < 270)]
    assert body.mean() > around.mean() + 3 * around.std()
