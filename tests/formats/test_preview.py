"""Pictures show where the picks are, at a size that fits a page."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.preview import Scene, write_previews


def scene(shape=(40, 100, 120), position=((20, 50, 30),), **changes):
    volume = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    points = np.array(position, np.float32).reshape(-1, 3)
    picks = Picks(points, np.ones(len(points), np.float32), np.ones(len(points), np.float32))
    return Scene(volume, TomogramGeometry(volume.shape, 10.0), **({"picks": {"ribosome": (picks, 200.0)}} | changes))


def coloured(path: Path) -> np.ndarray:
    """Where a picture is not grey."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return np.ptp(pixels, axis=2) > 60


def test_a_circle_of_the_particles_diameter_is_drawn_around_its_centre(tmp_path: Path):
    write_previews(tmp_path, scene())
    rows, columns = np.nonzero(coloured(tmp_path / "overlay.png")[60:])
    scale = 4
    assert (columns.min() + columns.max()) / 2 == pytest.approx(30.5 * scale, abs=2)
    assert (rows.min() + 60 + rows.max() + 60) / 2 == pytest.approx(50.5 * scale, abs=2)
    assert np.ptp(columns) == pytest.approx(20 * scale, abs=6)


def test_a_particle_off_the_slab_is_not_drawn(tmp_path: Path):
    write_previews(tmp_path, scene(position=((2, 50, 30),)))
    assert not coloured(tmp_path / "overlay.png")[60:].any()


def test_what_is_kept_away_from_is_tinted(tmp_path: Path):
    mask = np.zeros((40, 100, 120), np.float32)
    mask[:, 60:80, 60:100] = 1
    write_previews(
        tmp_path,
        scene(position=(), labels=mask.astype(np.int8), regions={"contamination": 1}, avoided=["contamination"]),
    )
    assert coloured(tmp_path / "overlay.png")[250:310, 250:390].mean() > 0.8


@pytest.mark.parametrize("shape", [(2, 5, 5), (10, 2000, 1500), (300, 30, 2000), (5, 1500, 40)])
def test_any_shape_gives_pictures_of_a_sensible_size(tmp_path: Path, shape):
    write_previews(tmp_path, scene(shape, position=()))
    for name, most in {"xy": 768, "xz": 768, "overlay": 768, "tile": 256}.items():
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert max(picture.size) <= most


def test_a_flat_volume_has_pictures_too(tmp_path: Path):
    flat = Scene(np.zeros((4, 20, 20), np.float32), TomogramGeometry((4, 20, 20), 10.0))
    write_previews(tmp_path, flat)
    assert (tmp_path / "tile.png").exists()


def test_the_legend_names_the_regions_that_are_to_be_seen(tmp_path: Path):
    labels = np.zeros((40, 100, 120), np.int8)
    labels[20, 40:60, 50:70] = 1
    labels[2, 40:60, 50:70] = 2
    write_previews(tmp_path, scene(position=(), labels=labels, regions={"membrane": 1}))
    seen = (tmp_path / "overlay.png").read_bytes()
    write_previews(tmp_path, scene(position=(), labels=labels, regions={"membrane": 1, "filament": 2}))
    assert (tmp_path / "overlay.png").read_bytes() == seen
    write_previews(tmp_path, scene(position=(), labels=labels, regions={"filament": 2, "membrane": 1}))
    assert (tmp_path / "overlay.png").read_bytes() != seen


def test_the_tomogram_keeps_its_greys_under_picks_and_tints(tmp_path: Path):
    """A palette of 256 colours once left 27 of them."""
    labels = np.zeros((40, 100, 120), np.int8)
    labels[:, :, 60:] = 1
    write_previews(tmp_path, scene(labels=labels, regions={"membrane": 1}))
    plain = np.asarray(Image.open(tmp_path / "xy.png")).astype(int)
    overlay = np.asarray(Image.open(tmp_path / "overlay.png").convert("RGB")).astype(int)
    untouched = np.s_[100:380, 200:230]  # between the circle and the tint
    assert (overlay[untouched] == plain[untouched][..., None]).all()
    tinted = overlay[100:340, 260:440, 0]
    assert len(np.unique(overlay[100:380, :230, 0])) > 200
    assert len(np.unique(tinted)) > 100
    with Image.open(tmp_path / "tile.png") as tile:
        assert len(np.unique(np.asarray(tile.convert("L")))) > 150
