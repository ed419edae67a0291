"""`livetomo interact` and `livetomo pick` work on segmentations of any program, tomogram by tomogram."""

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from click.testing import CliRunner

from livetomo.cli.interact import command as interact
from livetomo.cli.pick import command as pick
from livetomo.core.errors import ConfigurationError

VOXEL = 10.0
PLACES = ((15, 15, 15), (15, 15, 40))
RECIPE = """
[[interaction]]
feature = "ribosome"
avoid = "membrane"
radius_angstrom = 80

[[pick]]
feature = "ribosome"
method = "watershed"
min_volume_angstrom3 = 5e4
diameter_angstrom = 90
min_spacing_angstrom = 100

[[pick]]
feature = "proteasome"
min_spacing_angstrom = 100

[export]
formats = ["relion5", "imod", "chimerax"]
"""
SCALES = {
    "float": lambda map_: map_,
    "half": lambda map_: map_.astype(np.float16),
    "int8": lambda map_: np.rint(map_ * 127).astype(np.int8),
    "uint16": lambda map_: np.rint(map_ * 255).astype(np.uint16),
    "mask": lambda map_: (map_ > 0.5).astype(np.int8),
}


def ribosomes():
    grid = np.indices((30, 30, 60))
    map_ = np.zeros((30, 30, 60), np.float32)
    for place in PLACES:
        distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid, place, strict=True)))
        map_ = np.maximum(map_, (0.95 / (1 + np.exp(distance - 5))).astype(np.float32))
    return map_


def membrane():
    map_ = np.zeros((30, 30, 60), np.float32)
    map_[:, :, 42:45] = 1
    return map_


def write(path: Path, map_: np.ndarray, voxel_size: float = VOXEL) -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(map_)
        file.voxel_size = voxel_size
        file.header.origin = (10, 20, 30)
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    return path


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def picked(output: Path, tomogram="TS_01"):
    return starfile.read(output / tomogram / "picks" / "ribosome.relion5.star")


@pytest.mark.parametrize("scale", SCALES)
def test_particles_are_picked_from_any_scale(tmp_path: Path, recipe, scale):
    path = write(tmp_path / "TS_01__ribosome.mrc", SCALES[scale](ribosomes()))
    result = run(pick, path, "--recipe", recipe, "--output", tmp_path / "out")
    assert result.stdout.split()[4:] == ["TS_01", "ribosome", "2", "2"]
    x = picked(tmp_path / "out")["rlnCenteredCoordinateXAngst"] / VOXEL + 30
    np.testing.assert_allclose(sorted(x), [15, 40], atol=0.1)
    assert (tmp_path / "out" / "TS_01" / "picks" / "ribosome.imod.txt").exists()
    assert 'radius="45.00"' in (tmp_path / "out" / "TS_01" / "picks" / "ribosome.chimerax.cmm").read_text()


def test_the_feature_can_be_named_and_links_are_followed(tmp_path: Path, recipe):
    (tmp_path / "elsewhere").mkdir()
    real = write(tmp_path / "elsewhere" / "made_by_hand.mrc", ribosomes())
    link = tmp_path / "TS_07.mrc"
    link.symlink_to(real)
    run(pick, link, "--feature", "ribosome", "--recipe", recipe, "--output", tmp_path / "out")
    assert len(picked(tmp_path / "out", "TS_07")) == 2


def test_interactions_are_written_as_maps_that_picking_takes(tmp_path: Path, recipe):
    files = [
        write(tmp_path / "TS_01__ribosome.mrc", SCALES["uint16"](ribosomes())),
        write(tmp_path / "TS_01__membrane.mrc", SCALES["mask"](membrane())),
    ]
    result = run(interact, *files, "--recipe", recipe, "--output", tmp_path / "changed", "--json")
    (row,) = json.loads(result.stdout)
    assert 0.4 < row["kept"]["ribosome"] < 0.6
    changed = tmp_path / "changed" / "TS_01__ribosome.mrc"
    with mrcfile.open(changed) as file:
        assert file.data.dtype == np.int8
        assert file.header.origin.tolist() == (10, 20, 30)
    run(pick, changed, "--recipe", recipe, "--output", tmp_path / "out")
    assert picked(tmp_path / "out")["rlnCenteredCoordinateXAngst"].item() / VOXEL + 30 == pytest.approx(15, abs=0.2)


def test_picking_again_replaces_what_was_there(tmp_path: Path, recipe):
    path = write(tmp_path / "TS_01__ribosome.mrc", ribosomes())
    run(pick, path, "--recipe", recipe, "--output", tmp_path / "out")
    recipe.write_text(RECIPE.replace("5e4", "5e7"))
    run(pick, path, "--recipe", recipe, "--output", tmp_path / "out")
    assert len(picked(tmp_path / "out")) == 0
    assert json.loads((tmp_path / "out" / "TS_01" / "pick.json").read_text())["picks"]["ribosome"]["count"] == 0


def test_a_bad_map_costs_only_its_tomogram(tmp_path: Path, recipe):
    good = write(tmp_path / "TS_01__ribosome.mrc", ribosomes())
    negative = write(tmp_path / "TS_02__ribosome.mrc", ribosomes() * 40 - 20)
    text = tmp_path / "TS_03__ribosome.mrc"
    text.write_text("no map" * 1000)
    missing = tmp_path / "TS_04__ribosome.mrc"
    result = run(pick, good, negative, text, missing, "--recipe", recipe, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 3
    assert [row["status"] for row in json.loads(result.stdout)] == ["done", "failed", "failed", "failed"]
    assert "TS_02__ribosome.mrc holds values from -20" in result.stderr
    assert "is not an MRC volume" in result.stderr
    assert "cannot be read" in result.stderr


def test_maps_of_one_tomogram_must_be_of_one_shape(tmp_path: Path, recipe):
    files = [
        write(tmp_path / "TS_01__ribosome.mrc", ribosomes()),
        write(tmp_path / "TS_01__membrane.mrc", membrane()[:20]),
    ]
    result = run(interact, *files, "--recipe", recipe, "--output", tmp_path / "changed")
    assert result.exit_code == 3
    assert "of the same tomogram" in result.stderr


def test_what_cannot_be_is_said_before_anything_is_read(tmp_path: Path, recipe):
    ribosome = write(tmp_path / "TS_01__ribosome.mrc", ribosomes())
    out = tmp_path / "out"
    with pytest.raises(ConfigurationError, match='"avoid" is "membrane"; the features are ribosome'):
        run(interact, ribosome, "--recipe", recipe, "--output", out)
    with pytest.raises(ConfigurationError, match="its feature is not known"):
        run(pick, write(tmp_path / "TS_01.mrc", ribosomes()), "--recipe", recipe, "--output", out)
    with pytest.raises(ConfigurationError, match="says nothing about actin"):
        run(pick, ribosome, "--feature", "actin", "--recipe", recipe, "--output", out)
    files = [ribosome, write(tmp_path / "TS_01__membrane.mrc", membrane())]
    with pytest.raises(ConfigurationError, match="name another folder"):
        run(interact, *files, "--recipe", recipe, "--output", tmp_path)


def test_without_a_voxel_size_it_is_asked_for(tmp_path: Path, recipe):
    path = write(tmp_path / "TS_01__ribosome.mrc", ribosomes(), 0)
    result = run(pick, path, "--recipe", recipe, "--output", tmp_path / "out")
    assert result.exit_code == 3
    assert "--voxel-size" in result.stderr
    run(pick, path, "--recipe", recipe, "--output", tmp_path / "out", "--voxel-size", "10")
    assert len(picked(tmp_path / "out")) == 2


def test_a_full_recipe_serves_as_it_is(tmp_path: Path):
    path = write(tmp_path / "TS_01__ribosome.mrc", ribosomes())
    result = run(pick, path, "--recipe", "untrained", "--output", tmp_path / "out", "--json")
    assert json.loads(result.stdout)[0]["picks"]["ribosome"]["count"] == 2


def test_what_curation_took_and_why_a_threshold_decides_stand_in_the_report(tmp_path: Path, recipe):
    """Maps have no decoys: the rule's threshold holds, and the report says so."""
    text = RECIPE.replace(
        "min_spacing_angstrom = 100\n\n[[pick]]", "min_spacing_angstrom = 100\nfalse_share = 0.1\n\n[[pick]]"
    )
    recipe.write_text(text + '\n[[curate]]\nfeature = "ribosome"\nrule = "duplicates"\ndistance_angstrom = 500\n')
    path = write(tmp_path / "TS_01__ribosome.mrc", ribosomes())
    (row,) = json.loads(run(pick, path, "--recipe", recipe, "--output", tmp_path / "out", "--json").stdout)
    found = row["picks"]["ribosome"]
    assert (found["count"], found["threshold"]) == (1, 0.5)
    assert found["removed"] == [{"number": 1, "rule": "duplicates", "picks": 1, "candidates": 1}]
    assert found["false_share_missing"] == "decoys are made of the tomogram, not of its maps"
    assert json.loads((tmp_path / "out" / "TS_01" / "pick.json").read_text()) == row
