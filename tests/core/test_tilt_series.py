"""Where RELION 5 counts from, against a computation of its own: sizes rounded in x and y, cut down in z."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_series import TiltSeries
from livetomo.core.tilt_views import TiltViews
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.star import parse_loops

# The tilt series' extent (x, y, z) in pixels, the pixel in Å, and the voxel in Å.
RELIONS = [
    ((4096, 4096, 2000), "1.35", "10.8"),
    ((4092, 5760, 2000), "1.35", "10.00"),
    ((5760, 4092, 1807), "1.06", "8.48"),
    ((5760, 4092, 1801), "1.06", "8.48"),
    ((3838, 3710, 1999), "1.35", "5.4"),
    ((3838, 3710, 1201), "1.91", "7.64"),
    ((4001, 4003, 1999), "2.17", "15"),
    ((1024, 1440, 1005), "1.56", "12.48"),
    ((928, 960, 500), "13.48", "13.48"),
    ((4096, 4096, 1511), "0.675", "10"),
    ((4094, 4090, 2047), "1.184", "9.472"),
    ((11520, 8184, 3999), "0.84", "13.44"),
]


def made_by_relion(size, binning: Decimal) -> tuple[int, int, int]:
    """z, y, x of the volume that it makes of an extent."""
    x, y = (int((each / binning).to_integral_value(ROUND_HALF_UP)) for each in map(Decimal, size[:2]))
    return int((Decimal(size[2]) / binning).to_integral_value(ROUND_DOWN)), y, x


@pytest.mark.parametrize(("size", "pixel", "voxel"), RELIONS)
def test_a_star_has_relions_own_centres_to_a_hundredth_of_a_voxel(size, pixel, voxel):
    binning = Decimal(voxel) / Decimal(pixel)
    shape = made_by_relion(size, binning)
    geometry = TomogramGeometry(shape, float(voxel))
    facts = SidecarFacts(tilt_series_name="TS_1", pixel_size_angstrom=float(pixel), unbinned_size_xyz=size)
    chance = np.random.default_rng(3)
    voxels_zyx = (chance.random((20, 3)) * shape).astype(np.float32)
    placed = Placed(
        Picks(voxels_zyx, np.ones(20, np.float32), np.ones(20, np.float32)), Frame.of_metadata("TS_1", geometry, facts)
    )
    table = parse_loops(EXPORTERS["relion5"].content(placed, "ribosome"))["particles"]
    for axis, number in zip("XYZ", (2, 1, 0), strict=True):
        found = np.array(table[f"rlnCenteredCoordinate{axis}Angst"], float)
        exact = [
            (Decimal(float(index)) * binning - Decimal(size["XYZ".index(axis)]) / 2) * Decimal(pixel)
            for index in voxels_zyx[:, number]
        ]
        assert np.abs(found - np.array([float(each) for each in exact])).max() < 0.01 * float(voxel)
    back = EXPORTERS["relion5"].read(EXPORTERS["relion5"].content(placed, "ribosome"), placed.frame)
    np.testing.assert_allclose(back.position, voxels_zyx, atol=1e-3)


def test_some_of_them_would_lie_elsewhere_if_the_volume_were_the_middle():
    off = []
    for size, pixel, voxel in RELIONS:
        shape = made_by_relion(size, Decimal(voxel) / Decimal(pixel))
        geometry = TomogramGeometry(shape, float(voxel))
        centre = TiltSeries("TS_1", float(pixel), size).centre_xyz_angstrom(geometry)
        off.append(max(abs(a - b) / float(voxel) for a, b in zip(centre, geometry.middle_angstrom, strict=True)))
    assert max(off) > 0.4
    assert sum(each > 0.01 for each in off) >= 6


def test_a_volume_that_was_cropped_is_the_middle_of_its_series():
    geometry = TomogramGeometry((200, 400, 400), 10.0)
    series = TiltSeries("TS_1", 2.5, (2000, 2000, 1200))
    assert series.corner_xyz_pixels(geometry) == (200, 200, 200)
    assert series.centre_xyz_angstrom(geometry) == geometry.middle_angstrom


def test_what_nobody_has_said_is_the_tomograms_own():
    geometry = TomogramGeometry((201, 399, 400), 10.0)
    assert TiltSeries("TS_1").centre_xyz_angstrom(geometry) == geometry.middle_angstrom
    assert TiltSeries("TS_1").unbinned_xyz(geometry) == (400, 399, 201)
    assert TiltSeries("TS_1", 2.5).unbinned_xyz(geometry) == (1600, 1596, 804)


def test_it_comes_back_from_its_json():
    from livetomo.core.json_object import JsonObject

    for series in (TiltSeries("TS_1"), TiltSeries("a b", 1.35, (4096, 4000, 2000), -1)):
        assert TiltSeries.from_json(JsonObject(series.to_json())) == series


def one_view(hand: int) -> TiltViews:
    one = (0.0,)
    return TiltViews("P.mrc", (64, 64, 1), (64, 64, 32), (1,), one, one, one, one, one, hand=hand)


@pytest.mark.parametrize(
    ("facts", "hand"),
    [
        (SidecarFacts(defocus_handedness=-1, tilt_series_name="TS_01"), -1),
        (SidecarFacts(defocus_handedness=-1), None),
        (SidecarFacts(defocus_handedness=-1, views=one_view(hand=1)), 1),
        (SidecarFacts(defocus_handedness=-1, views=one_view(hand=0)), None),
        (SidecarFacts(), None),
    ],
)
def test_a_hand_is_relions_own_or_one_that_means_the_same(facts: SidecarFacts, hand: int | None) -> None:
    """AreTomo3 before 2.0.6 writes handedness with another sign or meaning."""
    assert TiltSeries.of("TS_01", TomogramGeometry((8, 8, 8), 10.0), facts).hand == hand
