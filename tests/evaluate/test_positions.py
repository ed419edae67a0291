"""Stars of particles are read as laboratories have them; one that says something else is refused, with the line."""

import numpy as np
import pytest

from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate.positions import read_positions

GEOMETRY = TomogramGeometry((20, 30, 40), 10.0)
COLUMNS = ["rlnTomoName", "rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"]
HEAD = "\n".join(f"_{name} #{number}" for number, name in enumerate(COLUMNS, start=1)) + "\n"
LOOP = f"data_particles\n\nloop_\n{HEAD}"
ROWS = "TS_01 1.5 2.5 3.5\nTS_01 4.5 5.5 6.5\n"
WANTED = [[15, 25, 35], [45, 55, 65]]


@pytest.mark.parametrize(
    "text",
    [
        LOOP + ROWS,
        "\ufeff" + LOOP + ROWS,
        f"# version 50001\n\ndata_particles # of today\n\nloop_ # two\n{HEAD}{ROWS}# end\n",
        (LOOP + ROWS).replace("\n", "\r\n"),
        (LOOP + ROWS).replace(" ", "\t"),
        LOOP + ROWS.replace("\n", " # good\n\n"),
        LOOP + ROWS.replace("TS_01", "'TS 01'"),
        LOOP + ROWS.replace("TS_01", "TS'01"),
        LOOP + ROWS.replace("TS_01", "TS#01"),
        LOOP + ROWS.replace("TS_01", '"data_01"'),
        LOOP + ROWS.replace("TS_01", "00255"),
        LOOP + ROWS.replace("TS_01", "a\u2028b"),
        f"data_general\n\n_rlnTomoSubTomosAre2DStacks 1\n\n{LOOP}{ROWS}",
        f"data_optics\n\nloop_\n_rlnOpticsGroup #1\n1\n\n{LOOP.replace('particles', 'images')}{ROWS}",
        f"data_\n\nloop_\n# where\n{HEAD}{ROWS}",
    ],
)
def test_a_star_is_read_whatever_wrote_it(tmp_path, text):
    path = tmp_path / "picks.star"
    path.write_bytes(text.encode())
    np.testing.assert_allclose(read_positions(path, "ribosome", GEOMETRY).xyz_angstrom, WANTED)


def test_a_particle_alone_may_stand_without_a_loop(tmp_path):
    path = tmp_path / "picks.star"
    values = zip(COLUMNS, ROWS.split(), strict=False)
    path.write_text("data_particles\n\n" + "".join(f"_{name} {value}\n" for name, value in values))
    np.testing.assert_allclose(read_positions(path, "ribosome", GEOMETRY).xyz_angstrom, WANTED[:1])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (f"{LOOP}{ROWS}TS_01 1 2\n".encode(), "line 10 has 3 words for 4 columns"),
        (f"{LOOP}{ROWS}TS_01 1 2 far\n".encode(), "'far'"),
        (f"{LOOP}{ROWS}".replace("CoordinateY", "Y").encode(), "rlnCoordinateY"),
        (f"{LOOP}{ROWS}".replace("TS_01", "Zelle_ä").encode("latin-1"), "byte 101 is no text in UTF-8"),
        (b"", "has neither rlnCenteredCoordinateXAngst nor rlnCoordinateX"),
        (b"data_particles\n\nloop_\n_rlnTomoName #1\nTS_01\n", "has neither"),
    ],
)
def test_a_star_that_is_broken_is_refused_and_the_place_named(tmp_path, content, sentence):
    path = tmp_path / "picks.star"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=sentence):
        read_positions(path, "ribosome", GEOMETRY)
