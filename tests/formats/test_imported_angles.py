"""Orientations of another program's star travel through every format that has any, and mean the same there."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.particle_columns import ANGLES, SUBTOMOGRAM_ANGLES
from tests.exported import WITHOUT_ANGLES

FRAME = Frame("TS_01", TomogramGeometry((40, 60, 80), 13.48), 3.37)
STARS = ("relion_3_star", "relion_4_star", "tomoman_relion_star")


@pytest.fixture(params=STARS)
def imported(request: pytest.FixtureRequest, data: Path) -> Placed:
    """Positions and angles of the star's particles, the poles and a negative tilt among them."""
    blocks = starfile.read(
        data / f"formats/cryoet-data-portal-backend/annotations/{request.param}.star", always_dict=True
    )
    table = blocks["particles"] if "particles" in blocks else blocks[""]
    count = len(table)
    position = table[["rlnCoordinateZ", "rlnCoordinateY", "rlnCoordinateX"]].to_numpy(np.float32)
    score, unknown = np.linspace(0.9, 0.1, count).astype(np.float32), np.full(count, np.nan, np.float32)
    return Placed(Picks(position, score, unknown, table[list(ANGLES)].to_numpy(np.float32)), FRAME)


def matrix(rot: float, tilt: float, psi: float) -> np.ndarray:
    """What turns the reference into the particle: rot about z, then tilt about y, then psi about z, each of which turns
    the axes (Heymann, Chagoyen & Belnap 2005, J. Struct. Biol. 151:196, the convention that RELION names)."""

    def about_z(degrees: float) -> np.ndarray:
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    def about_y(degrees: float) -> np.ndarray:
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])

    return about_z(psi) @ about_y(tilt) @ about_z(rot)


def matrices(angles: np.ndarray) -> np.ndarray:
    return np.array([matrix(*row) for row in angles.astype(float)])


@pytest.mark.parametrize("name", [name for name in EXPORTERS if name not in (*WITHOUT_ANGLES, "peet")])
def test_they_come_back_from_every_format(imported: Placed, name: str) -> None:
    back = EXPORTERS[name].read(EXPORTERS[name].content(imported, "ribosome"), FRAME)
    assert imported.picks.euler is not None
    assert back.euler is not None
    between = Rotation.from_matrix(matrices(back.euler)) * Rotation.from_matrix(matrices(imported.picks.euler)).inv()
    assert np.degrees(between.magnitude()).max() < 0.01


def test_relion5s_star_has_them_as_they_were(imported: Placed, tmp_path: Path) -> None:
    (tmp_path / "a.star").write_text(EXPORTERS["relion5"].content(imported, "ribosome"))
    table = starfile.read(tmp_path / "a.star")
    assert table[list(ANGLES)].to_numpy().tolist() == imported.picks.euler.tolist()
    assert not {*SUBTOMOGRAM_ANGLES, "rlnAngleTiltPrior"} & set(table)


def test_with_priors_the_particle_within_its_subtomogram_is_as_relions_importer_has_it(
    imported: Placed, tmp_path: Path
) -> None:
    """Rot 0, tilt 90, psi 0, priors of 90 and 0; subtomogram times particle is the orientation."""
    (tmp_path / "a.star").write_text(EXPORTERS["relion5-priors"].content(imported, "ribosome"))
    table = starfile.read(tmp_path / "a.star")
    assert np.unique(table[list(ANGLES)].to_numpy(), axis=0).tolist() == [[0, 90, 0]]
    assert np.unique(table[["rlnAngleTiltPrior", "rlnAnglePsiPrior"]].to_numpy(), axis=0).tolist() == [[90, 0]]
    both = matrices(table[list(SUBTOMOGRAM_ANGLES)].to_numpy()) @ matrix(0, 90, 0)
    np.testing.assert_allclose(both, matrices(imported.picks.euler), atol=1e-5)


@pytest.mark.parametrize("name", ["relion5", "relion5-priors"])
def test_a_session_in_which_some_have_none_has_no_columns_of_them(imported: Placed, name: str, tmp_path: Path) -> None:
    """RELION's importer refuses files of which some have orientations of subtomograms, and not all."""
    other = Placed(
        Picks(imported.picks.position, imported.picks.score, imported.picks.volume), Frame("TS_02", FRAME.geometry)
    )
    for path, text in EXPORTERS[name].session([imported, other], "ribosome").items():
        assert "Rot" not in text, path


@pytest.mark.parametrize("name", ["relion5", "relion5-priors"])
def test_without_picks_nothing_is_turned(imported: Placed, name: str) -> None:
    none = Picks.none()
    assert len(EXPORTERS[name].read(EXPORTERS[name].content(Placed(none, FRAME), "ribosome"), FRAME)) == 0
    empty = Placed(Picks(none.position, none.score, none.volume, np.zeros((0, 3), np.float32)), FRAME)
    assert len(EXPORTERS[name].read(EXPORTERS[name].content(empty, "ribosome"), FRAME)) == 0
