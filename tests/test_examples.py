"""The package in `examples/` is installed as a facility would, and does what docs/extending.md says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.volumes import VOXEL_ANGSTROM, balls, write_tomogram

ROOT = Path(__file__).parent.parent
PLACES = ((12, 12, 12), (12, 28, 26))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed in; nothing is fetched."""
    target = tmp_path_factory.mktemp("site")
    source = ROOT / "examples" / "facility-plugins"
    copy = tmp_path_factory.mktemp("source") / source.name
    subprocess.run(["cp", "-r", source, copy], check=True)  # a build leaves files in its source
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "--target", target, copy], check=True)
    return target


def livetomo(site: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "livetomo", *map(str, words)]
    return subprocess.run(command, env=environment, cwd=site, capture_output=True, text=True, check=False)


def block(beginning: str) -> str:
    """The TOML in the page that begins so."""
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
    return next(text for text in blocks if text.startswith(beginning))


def test_its_denoiser_segmenter_and_exporter_work_in_the_pipeline(site: Path, tmp_path: Path):
    (tmp_path / "recipe.toml").write_text(block("[denoise]"))
    tomogram = write_tomogram(tmp_path / "TS_1.mrc", balls((24, 40, 40), places=PLACES))
    done = livetomo(site, "process", tomogram, "--recipe", tmp_path / "recipe.toml", "--output", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["picks"] == {"ribosome": 2}
    folder = Path(row["folder"])
    count, comment, *lines = (folder / "picks" / "ribosome.xyz.xyz").read_text().splitlines()
    assert (count, comment) == ("2", "ribosome of TS_1")
    found = sorted([float(word) for word in line.split()[1:4]] for line in lines)
    np.testing.assert_allclose(found, [[VOXEL_ANGSTROM * i for i in place[::-1]] for place in PLACES], atol=30)
    used = json.loads((folder / "result.json").read_text())["provenance"]["plugins"]
    assert [(one["kind"], one["name"]) for one in used] == [
        ("exporter", "xyz"),
        ("denoiser", "median"),
        ("segmenter", "difference_of_gaussians"),
    ]
    assert {(one["distribution"], one["version"]) for one in used} == {("facility-plugins", "0.1.0")}


def test_its_producer_finds_the_tomograms_of_a_watch(site: Path, tmp_path: Path):
    for position in ("a1_p2", "a1_p3"):
        folder = tmp_path / "raw" / "yeast" / position
        folder.mkdir(parents=True)
        write_tomogram(folder / "tomogram.mrc", balls((8, 16, 16), places=()))
    (tmp_path / "raw/yeast/a1_p2/DONE").touch()
    (tmp_path / "raw/yeast/a1_p2/tomogram_denoised.mrc").touch()
    watch = block("[[watch]]").replace("/data/krios1", str(tmp_path / "raw")) + 'settle = "100ms"\nsince = "all"\n'
    path = tmp_path / "livetomo.toml"
    path.write_text(f'site = "here"\nstate = "state"\noutput = "out"\n{watch}')
    assert livetomo(site, "check", path, "--json").stdout.startswith('{"ok": true')
    done = livetomo(site, "scan", path, "--json")
    assert done.returncode == 0, done.stderr
    files = {Path(one["path"]).relative_to(tmp_path / "raw/yeast").as_posix(): one for one in json.loads(done.stdout)}
    taken = files["a1_p2/tomogram.mrc"]
    assert (taken["taken"], taken["tomogram"], taken["producer"]) == (True, "a1_p2", "position_folders")
    assert files["a1_p2/tomogram_denoised.mrc"]["reason"] == "a denoised copy, by its name"
    assert files["a1_p3/tomogram.mrc"]["reason"] == "not complete: its folder has no DONE"
