"""A session goes through the daemon, and `livetomo follow --run` averages its picks with real RELION."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import mrcfile
import pytest

from tests.averaging import VOXEL, likeness_and_shift, tomogram
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
