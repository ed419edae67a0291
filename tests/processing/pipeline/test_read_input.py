"""What is read is what was taken in; halves make a whole; other axes are turned, and hands stay hands."""

from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from livetomo.core.errors import HalvesDiffer, SourceChanged, SourceUnreadable
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.formats.mrc import Volume, read_volume
from livetomo.processing.pipeline.read_input import read_source
from tests.volumes import balls, order_for, write_tomogram


def test_a_file_that_was_rewritten_since_is_not_what_was_ordered(tmp_path):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    order = order_for(path)
    write_tomogram(path, balls(seed=9))
    with pytest.raises(SourceChanged):
        read_source(order)


def test_a_file_that_is_gone_may_come_back(tmp_path):
    path = write_tomogram(tmp_path / "a.mrc", balls())
    order = order_for(path)
    path.unlink()
    with pytest.raises(SourceUnreadable, match="not there any more"):
        read_source(order)


@pytest.mark.parametrize(
    ("harm", "fault"),
    [(lambda path: path.unlink(), SourceUnreadable), (lambda path: write_tomogram(path, balls(seed=9)), SourceChanged)],
)
def test_a_file_that_is_deleted_or_rewritten_while_it_is_read_is_not_believed(tmp_path, monkeypatch, harm, fault):
    path = write_tomogram(tmp_path / "a.mrc", balls())

    def read_meanwhile(path: Path) -> Volume:
        volume = read_volume(path)
        harm(path)
        return volume

    monkeypatch.setattr("livetomo.processing.pipeline.read_input.read_volume", read_meanwhile)
    with pytest.raises(fault):
        read_source(order_for(path))


def test_halves_alone_are_averaged(tmp_path):
    even, odd = (np.random.default_rng(seed).normal(size=(8, 10, 12)).astype(np.float32) for seed in (1, 2))
    paths = {
        name: str(write_tomogram(tmp_path / f"{name}.mrc", volume)) for name, volume in (("even", even), ("odd", odd))
    }
    order = replace(order_for(tmp_path / "even.mrc"), halves=paths)
    np.testing.assert_allclose(read_source(order).voxels, (even + odd) / 2, rtol=1e-6)


def test_the_full_volume_stays_itself_where_there_are_halves_too(tmp_path):
    full = write_tomogram(tmp_path / "full.mrc", balls())
    order = replace(order_for(full), halves={"even": str(tmp_path / "even.mrc"), "odd": str(tmp_path / "odd.mrc")})
    np.testing.assert_array_equal(read_source(order).voxels, balls())


def test_halves_of_two_shapes_are_refused(tmp_path):
    write_tomogram(tmp_path / "even.mrc", balls((8, 10, 12), ()))
    write_tomogram(tmp_path / "odd.mrc", balls((8, 10, 14), ()))
    halves = {half: str(tmp_path / f"{half}.mrc") for half in ("even", "odd")}
    with pytest.raises(HalvesDiffer, match="odd half"):
        read_source(replace(order_for(tmp_path / "even.mrc"), halves=halves))


def test_an_untrimmed_imod_volume_is_turned_about_x_without_becoming_its_mirror_image(tmp_path):
    stored = np.zeros((6, 4, 5), np.float32)  # y, z, x
    corner = {"origin": (1, 0, 2), "along_x": (1, 0, 3), "along_y": (2, 0, 2), "along_z": (1, 1, 2)}
    for number, at in enumerate(corner.values(), start=1):
        stored[at] = number
    path = tmp_path / "TS_01_full_rec.mrc"
    with mrcfile.new(path) as file:
        file.set_data(stored)
        file.voxel_size = (10, 11, 12)
    volume = read_source(replace(order_for(path), facts=SidecarFacts(stored_axes="yzx")))
    assert volume.voxels.shape == volume.header.shape_zyx == (4, 6, 5)
    assert volume.header.voxel_size_xyz == pytest.approx((10, 12, 11))
    origin, *axes = (np.argwhere(volume.voxels == number)[0][::-1] for number in range(1, 5))
    along = {name: end - origin for name, end in zip("xyz", axes, strict=True)}
    # The file's frame (x, z, y) is left-handed as (x, y, z): the turn gives y -> y and z -> -z.
    np.testing.assert_array_equal(along["x"], (1, 0, 0))
    np.testing.assert_array_equal(along["y"], (0, 1, 0))
    np.testing.assert_array_equal(along["z"], (0, 0, -1))
