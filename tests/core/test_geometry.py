"""One geometry: every way of counting positions, to the last bit as each format had it for itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from livetomo.client.pickset import PickSet
from livetomo.core.geometry import TomogramGeometry

GEOMETRIES = st.builds(TomogramGeometry, st.tuples(*[st.integers(1, 5000)] * 3), st.floats(0.1, 1000))
PLACES = arrays(np.float64, (5, 3), elements=st.floats(-10, 5000))


@given(GEOMETRIES, PLACES)
def test_the_centre_is_relion_s_index_of_half_the_extent(geometry, voxels):
    size, half = geometry.voxel_size_angstrom, np.array(geometry.shape_zyx[::-1]) / 2
    assert np.array_equal(geometry.centred(voxels), (voxels - half) * size)
    assert np.array_equal(geometry.of_centred(voxels), voxels / size + half)
    assert np.array_equal(np.array(geometry.middle_angstrom), half * size)
    assert np.array_equal(geometry.corner(voxels), voxels * size)


@given(GEOMETRIES, PLACES)
def test_each_way_has_its_inverse(geometry, voxels):
    assert geometry.of_centred(geometry.centred(voxels)) == pytest.approx(voxels, abs=1e-6)
    assert geometry.of_corner(geometry.corner(voxels)) == pytest.approx(voxels, abs=1e-6)
    assert geometry.voxels(geometry.voxel_size_angstrom) == 1


@given(GEOMETRIES, PLACES)
def test_a_consumer_without_numpy_gets_the_same_centred_positions(geometry, voxels):
    corner = geometry.corner(voxels)
    columns = ("x_angstrom", "y_angstrom", "z_angstrom")
    pickset = PickSet(
        *("e", 1, "t", "w", "s", "TS_01", 1, "h", "r", "ribosome"),
        **{"voxel_size_angstrom": geometry.voxel_size_angstrom, "shape_zyx": geometry.shape_zyx},
        **{"columns": columns, "rows": tuple(map(tuple, corner.tolist()))},
    )
    assert np.array(pickset.centred_xyz_angstrom()) == pytest.approx(geometry.centred(voxels), abs=1e-6)


def test_the_extent_is_the_cell_where_the_file_says_one():
    assert TomogramGeometry((2, 3, 4), 10.0).extent_angstrom == (40.0, 30.0, 20.0)
    assert TomogramGeometry((2, 3, 4), 10.0, cell_angstrom=(41.0, 30.5, 20.0)).extent_angstrom == (41.0, 30.5, 20.0)
