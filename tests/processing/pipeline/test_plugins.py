"""Denoisers and segmenters of other packages: what they see, what their answers become, and what their faults cost."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import ConfigurationError, OutOfMemory, PluginAway, PluginFailed
from livetomo.core.manifest import ResultManifest
from livetomo.formats.mrc import read_volume
from livetomo.processing.pipeline import plugins as pipeline_plugins
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline.job_spec import JobSpec
from tests.plugin_packages import Install, install
from tests.volumes import VOXEL_ANGSTROM, balls, order_for, write_tomogram

__all__ = ["install"]
SOURCE = """
from dataclasses import dataclass
import numpy as np
CALLS = []
ANSWER = None
FAULT = None
@dataclass
class Half:
    factor: float = 2.0
    def denoise(self, density, geometry, device):
        CALLS.append(("denoise", geometry, device, density.flags.writeable))
        if FAULT: raise FAULT
        return density / self.factor + 100 if ANSWER is None else ANSWER
@dataclass
class Bright:
    above: float = 1.0
    def segment(self, density, geometry, features, device):
        CALLS.append(("segment", geometry, features, float(density.std())))
        if FAULT: raise FAULT
        return {name: density > self.above for name in features} if ANSWER is None else ANSWER
"""
POINTS = {"denoisers": {"half": "facility_x:Half"}, "segmenters": {"bright": "facility_x:Bright"}}
FEATURE = '[[feature]]\nname = "ribosome"\nmodel = "bright"\n'
DENOISE = '[denoise]\nmethod = "half"\n'
ABOVE = "settings = {above = 4}\n"
PICK = '[[pick]]\nfeature = "ribosome"\nmethod = "watershed"\nmin_spacing_angstrom = 200\n'


@pytest.fixture
def tomogram(tmp_path: Path, install: Install) -> Path:
    install("facility-x", POINTS, SOURCE)
    pipeline_plugins._made.cache_clear()
    return write_tomogram(tmp_path / "TS_1.mrc", balls((24, 40, 40), places=((12, 12, 12), (12, 28, 26)), noise=0.3))


def recipe(folder: Path, text: str) -> Recipe:
    (folder / "recipe.toml").write_text(text)
    return load_recipe("recipe.toml", folder)


def made(tomogram: Path, text: str, folder: str = "out") -> tuple[ResultManifest, Path]:
    spec = order_for(tomogram, recipe(tomogram.parent, text))
    out = tomogram.parent / folder
    return pipeline.run(JobSpec.from_json(json.loads(json.dumps(spec.to_json()))), out), out


def package():
    return import_module("facility_x")


def test_its_volume_and_its_maps_become_pictures_and_picks(tomogram: Path):
    manifest, out = made(tomogram, f'keep = ["denoised", "probabilities"]\n{DENOISE}{FEATURE}{ABOVE}{PICK}')
    denoise, segment = package().CALLS
    assert denoise[1].shape_zyx == (24, 40, 40)
    assert denoise[1].voxel_size_angstrom == VOXEL_ANGSTROM
    assert denoise[2:] == ("cpu", False)
    assert segment[2] == ("ribosome",)
    assert manifest.counts() == {"ribosome": 2}
    assert set(np.unique(read_volume(out / "probabilities" / "ribosome.mrc").voxels)) == {0, 127}
    shown = read_volume(out / "denoised.mrc").voxels
    assert shown.min() < -2 < np.median(shown) < 0.1  # its own scale is taken from it, the polarity is the input's
    used = [(one.kind, one.name, one.distribution, one.version) for one in manifest.provenance.plugins]
    assert used == [("denoiser", "half", "facility-x", "1.2"), ("segmenter", "bright", "facility-x", "1.2")]


def test_features_of_one_plugin_are_found_in_one_run_unless_their_settings_differ(tomogram: Path):
    second = FEATURE.replace("ribosome", "other") + 'channel = "ribosome"\n'
    third = FEATURE.replace("ribosome", "third") + "settings = {above = 3}\n"
    made(tomogram, FEATURE + second + third)
    assert [call[2] for call in package().CALLS] == [("ribosome",), ("third",)]


def test_it_sees_the_volume_as_it_was_read_where_it_is_to(tomogram: Path):
    lowpass = '[denoise]\nmethod = "lowpass"\nresolution_angstrom = 200\n'
    read = FEATURE.replace("ribosome", "other") + 'input = "read"\n'
    made(tomogram, lowpass + FEATURE + read)
    (denoised, as_read) = (call[3] for call in package().CALLS)
    assert denoised < 0.8 * as_read
    made(tomogram, FEATURE + read, "plain")
    assert package().CALLS[-1][3] == package().CALLS[-2][3] == pytest.approx(as_read)


def test_a_map_may_lie_on_a_coarser_grid(tomogram: Path):
    coarse = np.zeros((12, 20, 20), np.float32)
    coarse[6, 6, 6] = 1
    package().ANSWER = {"ribosome": coarse}
    _, out = made(tomogram, f'keep = ["probabilities"]\n{FEATURE}', "coarse")
    found = read_volume(out / "probabilities" / "ribosome.mrc").voxels
    assert np.unravel_index(found.argmax(), found.shape) == (12, 12, 12)
    assert found.shape == (24, 40, 40)


@pytest.mark.parametrize(
    ("table", "answer", "why"),
    [
        (FEATURE, {}, 'segmenter "bright" .* the map of "ribosome" is NoneType, not an array'),
        (FEATURE, {"ribosome": np.zeros((4, 4))}, r"is float64 \(4, 4\), not an array"),
        (FEATURE, {"ribosome": np.full((4, 4, 4), 7.0)}, "has values from 7 to 7, not 0 to 1"),
        (FEATURE, {"ribosome": np.full((4, 4, 4), np.nan)}, "has values that are not finite"),
        (FEATURE, 5, "failed: AttributeError: 'int' object has no"),
        (DENOISE, np.zeros((4, 4, 4)), r'denoiser "half" .* the volume has the shape \(4, 4, 4\), not \(24, 40, 40\)'),
    ],
)
def test_what_it_must_not_answer_costs_one_job_and_names_it(tomogram: Path, table: str, answer: object, why: str):
    package().ANSWER = answer
    denoise = table if table == DENOISE else ""
    with pytest.raises(PluginFailed, match=why) as fault:
        made(tomogram, denoise + FEATURE, "bad")
    assert fault.value.kind == "permanent"


def test_what_it_raises_costs_one_job_but_for_what_is_the_device_s_fault(tomogram: Path):
    package().FAULT = ZeroDivisionError("by zero")
    with pytest.raises(PluginFailed, match=r'^segmenter "bright" of the package .* failed: ZeroDivisionError: by'):
        made(tomogram, FEATURE, "second")
    with pytest.raises(PluginFailed, match=r'^denoiser "half" of the package .* failed: ZeroDivisionError: by zero'):
        made(tomogram, DENOISE + FEATURE, "denoised")
    package().FAULT = MemoryError("none left")
    with pytest.raises(OutOfMemory):
        made(tomogram, FEATURE, "third")


def test_settings_are_given_and_wrong_ones_are_refused_by_the_recipe(tomogram: Path, tmp_path: Path):
    made(tomogram, f"{DENOISE}settings = {{factor = 4.0}}\n{FEATURE}")
    assert recipe(tmp_path, f"{DENOISE}settings = {{factor = 4}}\n{FEATURE}").denoise.settings == {"factor": 4}
    large = "x" * 200_000  # more than one argument of a process can be
    assert (
        recipe(tmp_path, f"{DENOISE}settings = {{factor = '{large}'}}\n{FEATURE}").denoise.settings["factor"] == large
    )
    with pytest.raises(
        ConfigurationError, match=r"recipe.toml: denoiser .* refuses its settings \(TypeError: .*'fact'"
    ):
        recipe(tmp_path, f"{DENOISE}settings = {{fact = 4}}\n{FEATURE}")
    with pytest.raises(ConfigurationError, match="denoise: settings: write finite numbers, texts, true"):
        recipe(tmp_path, f"{DENOISE}settings = {{factor = 2026-11-20}}\n{FEATURE}")


def test_package_and_settings_are_part_of_what_a_result_is(tmp_path: Path, install: Install):
    install("facility-x", POINTS, SOURCE)
    one = recipe(tmp_path, DENOISE + FEATURE)
    higher = recipe(tmp_path, f"{DENOISE}{FEATURE}settings = {{above = 2}}\n")
    pinned = recipe(tmp_path, f'{DENOISE}{FEATURE}package = "facility-x 1.2"\n')
    install("facility-x", POINTS, SOURCE, version="1.3")
    (tmp_path / "keep").mkdir()
    for about in Path(sys.path[0]).glob("*-1.2.dist-info"):
        about.rename(tmp_path / "keep" / about.name)
    install("facility-x", POINTS, SOURCE, version="1.3")
    newer = recipe(tmp_path, DENOISE + FEATURE)
    assert one.to_json()["denoise"] == {"method": "half", "settings": {}, "package": "facility-x 1.2"}
    assert len({one.hash, higher.hash, newer.hash}) == 3
    assert one.hash == pinned.hash
    with pytest.raises(ConfigurationError, match=r'"bright" is of facility-x 1.3, another package than "pack'):
        recipe(tmp_path, f'{DENOISE}{FEATURE}package = "facility-x 1.2"\n')
    tomogram = write_tomogram(tmp_path / "TS_1.mrc", balls((8, 16, 16), places=()))
    with pytest.raises(PluginAway, match=r'the denoiser "half" of facility-x 1.2; it is of facility-x 1.3 now'):
        pipeline.run(order_for(tomogram, one), tmp_path / "out")
    assert Recipe.model_validate(json.loads(json.dumps(one.to_json()))).hash == one.hash


def test_a_recipe_travels_and_is_kept_where_the_package_is_not_installed(tmp_path: Path, install: Install):
    install("facility-x", POINTS, SOURCE)
    body = recipe(tmp_path, f'{DENOISE}{FEATURE}[export]\nformats = ["csv"]\n').to_json()
    install("facility-x", {})
    back = Recipe.model_validate(json.loads(json.dumps(body)))
    assert back.to_json() == body
    tomogram = write_tomogram(tmp_path / "TS_1.mrc", balls((8, 16, 16), places=()))
    with pytest.raises(PluginAway, match='denoiser "half" comes from no installed package'):
        pipeline.run(order_for(tomogram, back), tmp_path / "out")
    with pytest.raises(ConfigurationError) as fault:
        recipe(tmp_path, DENOISE + FEATURE)
    method, model = str(fault.value).splitlines()
    assert method.endswith(
        'denoise: "method" is "half"; write "none", "lowpass", "deconvolve", "tv", "wiener" or "beside"'
    )
    assert 'model "bright" is neither a built-in method (blob, dense, ridge) nor a package' in model
