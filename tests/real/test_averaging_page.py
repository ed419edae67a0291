"""docs/averaging.md, typed as it stands: RELION 3.1 averages a session's picks to the particle."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.tomogram import TomogramId, result_name, tomogram_folder
from livetomo.processing.pipeline import run as pipeline
from tests.averaging import VOXEL, likeness_and_shift, tomogram
from tests.servers import need
from tests.volumes import order_for, write_tomogram

pytestmark = pytest.mark.real
PAGE = Path(__file__).parents[2] / "docs" / "averaging.md"
RECIPE = Recipe.model_validate(
    {
        "density": "bright",
        "feature": [{"name": "ribosome", "model": "blob", "diameter_angstrom": 150}],
        "pick": [{"feature": "ribosome", "min_spacing_angstrom": 180, "edge_angstrom": 160}],
    }
)


def test_what_is_typed_averages_to_the_particle(tmp_path):
    need("relion_preprocess", "relion")
    for seed in range(5):
        volume, _ = tomogram(seed)
        path = write_tomogram(tmp_path / f"TS_{seed}.mrc", volume, VOXEL)
        order = order_for(path, RECIPE, tomogram=TomogramId("krios1", "20261120_yeast", path.stem))
        folder = tomogram_folder(str(tmp_path / "results"), order.tomogram) / result_name(1, RECIPE.hash)
        pipeline.run(order, folder)
    (typed,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": here},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    likeness, shift = likeness_and_shift(mrcfile.read(tmp_path / "average" / "average.mrc").astype(float))
    assert likeness > 0.8
    assert np.abs(shift).max() < 0.25
