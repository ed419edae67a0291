"""Another program's denoised volume is used where it is that of the tomogram, and said where it is not."""

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import NoDenoisedVolume
from livetomo.core.tomogram import TomogramId
from livetomo.processing.pipeline import run as pipeline
from livetomo.system.sampled_digest import digest_file
from tests.volumes import balls, order_for, write_tomogram

FEATURE = {"name": "a", "model": "dense"}


def smooth(volume):
    return ndimage.gaussian_filter(volume, 1.5) * 100 + 5000


@pytest.fixture
def session(tmp_path):
    """The folder of a session, with a tomogram in a folder of its own."""
    folder = tmp_path / "session" / "tomograms"
    folder.mkdir(parents=True)
    write_tomogram(folder / "TS_01.mrc", balls())
    return tmp_path / "session"


@pytest.fixture
def result(session, tmp_path):
    def make(name="r", path=None, **rule):
        recipe = Recipe.model_validate(
            {"denoise": {"method": "beside", **rule}, "feature": [FEATURE], "keep": ["denoised"]}
        )
        return pipeline.run(order_for(path or session / "tomograms/TS_01.mrc", recipe), tmp_path / name)

    return make


def put(path, volume=None, voxel_size=25.0):
    path.parent.mkdir(exist_ok=True)
    return write_tomogram(path, smooth(balls()) if volume is None else volume, voxel_size)


def denoising(manifest):
    return [warning for warning in manifest.warnings if warning.startswith("Denoising")]


@pytest.mark.parametrize(
    "place", ["tomograms/TS_01.denoised.mrc", "denoiset/TS_01.mrc", "tomograms/isonet/TS_01_corrected.mrc"]
)
def test_the_volume_is_used_and_the_result_names_it(session, result, tmp_path, place):
    path = put(session / place)
    made = result()
    assert made.provenance.denoiser.went_by == {"path": str(path), "digest": digest_file(path).digest}
    assert denoising(made) == []
    with mrcfile.open(tmp_path / "r" / "denoised.mrc") as kept:
        assert np.corrcoef(kept.data.ravel().astype(float), smooth(balls()).ravel())[0, 1] > 0.95


def test_a_file_that_the_recipe_names_is_used_and_no_other(session, result):
    put(session / "denoiset/TS_01.mrc")
    path = put(session / "mine/n2n_TS_01.mrc")
    made = result(files=["../mine/n2n_{name}.mrc"])
    assert made.provenance.denoiser.went_by["path"].endswith("mine/n2n_TS_01.mrc")
    path.unlink()
    with pytest.raises(NoDenoisedVolume):
        result("other", files=["../mine/n2n_{name}.mrc"])


def test_of_two_the_result_says_which_was_used(session, result):
    first, second = put(session / "tomograms/TS_01.denoised.mrc"), put(session / "isonet/TS_01.mrc")
    assert denoising(result()) == [f"Denoising: {first} was used; there is also {second}."]


def test_without_one_the_tomogram_fails_and_the_ways_out_are_named(result):
    with pytest.raises(NoDenoisedVolume, match=r'TS_01\.mrc: no program.* in "files", or say in "otherwise"'):
        result()


@pytest.mark.parametrize("otherwise", ["none", "lowpass", "tv"])
def test_without_one_what_the_recipe_says_is_done_and_a_warning_says_so(result, otherwise):
    made = result(otherwise=otherwise)
    assert made.provenance.denoiser.went_by == {"otherwise": otherwise}
    assert denoising(made) == [
        f'Denoising: "{otherwise}" took the place of the denoised volume: no program\'s denoised volume lies beside it.'
    ]


UNFIT = {
    "of another tomogram": (
        lambda path: put(path, smooth(balls(seed=8, places=((10, 60, 60),)))),
        "does not look like",
    ),
    "inverted": (lambda path: put(path, -smooth(balls())), "does not look like"),
    "of another shape": (lambda path: put(path, smooth(balls((48, 80, 78)))), "has 48 x 80 x 78 voxels"),
    "of other voxels": (lambda path: put(path, voxel_size=12.5), "are of 12.5 Å, the tomogram's of 25 Å"),
    "cut short": (lambda path: put(path).write_bytes(put(path).read_bytes()[:-1000]), "could not be read"),
    "empty": (lambda path: put(path).write_bytes(b""), "could not be read"),
    "blank": (lambda path: put(path, np.zeros((48, 80, 80), np.float32)), "does not look like"),
}


@pytest.mark.parametrize(("write", "words"), UNFIT.values(), ids=UNFIT)
def test_one_that_cannot_be_that_of_the_tomogram_is_not_used(session, result, write, words):
    write(session / "denoiset/TS_01.mrc")
    with pytest.raises(NoDenoisedVolume, match=words):
        result()
    assert words in denoising(result(otherwise="lowpass"))[0]


def test_a_file_of_the_same_name_above_the_session_is_another_session_s(session, result, tmp_path):
    path = write_tomogram(session / "TS_01.mrc", balls())
    put(tmp_path / "denoised" / "TS_01.mrc")
    recipe = Recipe.model_validate({"denoise": {"method": "beside"}, "feature": [FEATURE]})
    order = order_for(path, recipe, tomogram=TomogramId("krios1", "session", "TS_01"))
    with pytest.raises(NoDenoisedVolume):
        pipeline.run(order, tmp_path / "r")


def test_a_denoised_volume_without_a_voxel_size_is_used(session, result):
    path = put(session / "denoiset/TS_01.mrc", voxel_size=0.0)
    assert result().provenance.denoiser.went_by["path"] == str(path)
