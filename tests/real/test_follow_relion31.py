"""A session goes through the daemon, and `livetomo follow --run` averages its picks with real RELION."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from tests.averaging import VOXEL, average, likeness_and_shift, tomogram
from tests.faults.conftest import Listener, LiveDaemon, listener, live
from tests.servers import free_port, need
from tests.volumes import write_tomogram

pytestmark = pytest.mark.real
__all__ = ["listener"]  # a fixture
RECIPE = """
density = "bright"
[[feature]]
name = "particle"
model = "blob"
diameter_angstrom = 150
[[pick]]
feature = "particle"
min_spacing_angstrom = 180
edge_angstrom = 160
[export]
formats = ["relion5", "relion31"]
"""
# What a lab's script does: the published coordinate stars beside the tomograms, then RELION. {folder} is its argument.
SCRIPT = """
import sys
from pathlib import Path

from livetomo.formats.relion31 import tomograms_for_relion31
from tests.averaging import average

folder, tomograms = map(Path, sys.argv[1:])
stars = sorted((folder / "tomograms").glob("*.relion31.star"))
names = [star.name.removesuffix(".relion31.star") for star in stars]
for name, star in zip(names, stars):
    (folder / f"{name}.mrc").symlink_to(tomograms / f"{name}.mrc")
    (folder / f"{name}_particle.star").write_bytes(star.read_bytes())
(folder / "tomograms.star").write_text(tomograms_for_relion31({name: 10.0 for name in names}))
average(folder, "particle")
"""


@pytest.fixture
async def daemon(tmp_path: Path, mosquitto):
    async with live(tmp_path, mosquitto.port) as one:
        text = one.configuration.read_text().replace('recipe = "untrained"', 'recipe = "recipe.toml"')
        one.configuration.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{free_port()}"))
        (tmp_path / "recipe.toml").write_text(RECIPE)
        yield one


async def test_a_followed_session_averages_to_the_particle(
    daemon: LiveDaemon,
    listener: Listener,
    mosquitto,
    tmp_path: Path,
):
    need("relion_preprocess", "relion")
    script = tmp_path / "average.py"
    script.write_text(SCRIPT)
    session = daemon.root / "monday"
    session.mkdir()
    await daemon.start()
    await listener.until(lambda heard: "online" in heard.words)
    follow = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", "follow", "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"),
        *("--feature", "particle", "--output", str(tmp_path / "sta"), "--format", "relion31", "--all"),
        *("--tomograms", "5", "--every-tomograms", "5"),
        *("--run", f"{sys.executable} {script} {{folder}} {session}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},  # the script imports this folder's helpers
    )
    for seed in range(5):
        hidden = write_tomogram(tmp_path / "hidden.mrc", tomogram(seed)[0], VOXEL)
        shutil.move(hidden, session / f"TS_{seed + 1}.mrc")
    async with asyncio.timeout(150):
        said, _ = await follow.communicate()
    assert follow.returncode == 0, said.decode()
    (run,) = (tmp_path / "sta" / "krios1" / "monday" / "runs").iterdir()
    likeness, shift = likeness_and_shift(mrcfile.read(run / "average.mrc").astype(float))
    print(f"correlation {likeness:.3f}, shift {shift.round(3)} voxels (z, y, x)")
    assert likeness > 0.8
    assert abs(shift).max() < 0.25


async def typed(daemon: LiveDaemon, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", *words, "--config", str(daemon.configuration)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_through_an_exclusion_and_a_reinstatement_the_average_is_that_of_the_final_set(
    daemon: LiveDaemon, listener: Listener, mosquitto, tmp_path: Path
):
    """What the follower's last run has averaged is what RELION makes of the picks that are in force at the end."""
    need("relion_preprocess", "relion")
    script = tmp_path / "average.py"
    script.write_text(SCRIPT)
    session = daemon.root / "monday"
    session.mkdir()
    for seed in range(4):
        write_tomogram(session / f"TS_{seed + 1}.mrc", tomogram(seed)[0], VOXEL)
    (tmp_path / "other.toml").write_text(RECIPE.replace("edge_angstrom = 160", "edge_angstrom = 350"))
    await daemon.start()
    await listener.until(lambda heard: len(heard.states("done")) == 4)
    follow = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", "follow", "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"),
        *("--feature", "particle", "--output", str(tmp_path / "sta"), "--format", "relion31", "--all"),
        *("--run", f"{sys.executable} {script} {{folder}} {session}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    runs = tmp_path / "sta" / "krios1" / "monday" / "runs"

    async def last_run(tomograms: int, picks: int) -> Path:
        """The newest run, when it is over and has read so much."""
        async with asyncio.timeout(120):
            while True:
                for run in sorted(runs.glob("*"))[-1:]:
                    rows = (run / "particle.star").read_text().splitlines() if (run / "particle.star").exists() else []
                    names = [row.split()[0] for row in rows if row.startswith("TS_")]
                    if (len(set(names)), len(names)) == (tomograms, picks) and (run / "average.mrc").exists():
                        return run
                await asyncio.sleep(0.2)

    try:
        counted = json.loads(await typed(daemon, "picks", "monday", "--json", "--output", str(tmp_path / "counted")))
        await last_run(4, counted["picks"])
        await typed(daemon, "reprocess", "monday", "--recipe", str(tmp_path / "other.toml"))
        await listener.until(lambda heard: len(heard.states("done")) == 8)
        await typed(daemon, "exclude", "monday", "TS_2", "--why", "ice on top")
        await typed(daemon, "reinstate", "monday", "--recipe", "recipe")
        left = {name: number for name, number in counted["tomograms"].items() if name != "TS_2"}
        run = await last_run(3, sum(left.values()))
    finally:
        follow.terminate()
        await follow.communicate()
    final = tmp_path / "final"
    words = ("picks", "monday", "--format", "relion31", "--output", str(final), "--json")
    async with asyncio.timeout(60):
        while json.loads(await typed(daemon, *words))["tomograms"] != left:  # noqa: ASYNC110 (the daemon's files follow)
            await asyncio.sleep(0.5)
    mine, theirs = mrcfile.read(run / "average.mrc"), average(final, "particle")
    np.testing.assert_allclose(mine, theirs, atol=1e-3 * float(np.std(theirs)))
    likeness, shift = likeness_and_shift(mine.astype(float))
    assert likeness > 0.8
    assert abs(shift).max() < 0.25
