"""A session of IMOD's volumes is complete for RELION 5 where the files of the data set say all of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livetomo.core.acquisition import Acquisition
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.relion import Relion5Exporter
from livetomo.formats.tilt_images import TiltImages
from livetomo.intake.sidecars.imod_views import read_imod_views
from livetomo.intake.sidecars.reading import facts_beside
from livetomo.results.session_files import write_session
from tests.relion5_reader import project_particles, table, tomograms_of, views_of
from tests.tilt_series import ImodAligned, imod

VOXELS = np.array([[0, 0, 0], [7.5, 9.25, 5], [17, 3, 9], [11, 16.75, 2.5]], np.float32)  # x, y, z
SAID = Acquisition(spherical_aberration_mm=2.7, amplitude_contrast=0.07, hand=-1)


def placed(volume: Path, series: ImodAligned, said: Acquisition = SAID) -> Placed:
    facts = facts_beside(volume)
    geometry = TomogramGeometry(series.shape_zyx, series.pixel * series.binning)
    frame = Frame.of_metadata("R", geometry, facts, path=str(volume))
    frame = replace(frame, tilt_images=TiltImages.of(str(volume), facts, said))
    ones = np.ones(len(VOXELS), np.float32)
    return Placed(Picks(VOXELS[:, ::-1].copy(), ones, ones), frame)


SERIES = {
    "as it is": ImodAligned(),
    "not binned": ImodAligned(binning=1),
    "binned by 4": ImodAligned(size_xy=(80, 72), binning=4),
    "odd images": ImodAligned(size_xy=(41, 37)),
    "a flat axis": ImodAligned(axis=-4.25),
    "a negative axis": ImodAligned(axis=-95.5),
    "refined tilts": ImodAligned(alpha=-1.25),
    "an offset in tilt.com": ImodAligned(offset=3.5),
    "excluded views": ImodAligned(dark=(0, 3)),
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
def test_a_particle_lies_where_imod_has_it(tmp_path, series):
    one = placed(imod(tmp_path / "R", series=series), series)
    assert list(Relion5Exporter().lacks([one])) == []
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    (seen,) = project_particles(tmp_path, tmp_path / "out" / "optimisation_set.star").values()
    assert len(seen) == len(VOXELS)
    for voxel, views in zip(VOXELS, seen, strict=True):
        assert [view.image - 1 for view in views] == series.used
        for view in views:
            np.testing.assert_allclose(view.pixel_xy, series.where(voxel, view.image - 1), atol=0.01)
    _, tomograms = tomograms_of(tmp_path, tmp_path / "out" / "optimisation_set.star")
    exposure = [(place - 1) * series.dose for place in series.order]
    assert list(views_of(tmp_path, tomograms.iloc[0])["rlnMicrographPreExposure"]) == [
        exposure[index] for index in series.used
    ]


def replaced(name: str, old: str, new: str):
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


BROKEN = {
    "a moved volume": (replaced("tilt.com", "SHIFT 0.0 0.0", "SHIFT 12.0 0.0"), "SHIFT 12.0 0.0"),
    "a turn about x": (replaced("tilt.com", "XAXISTILT 0.0", "XAXISTILT 1.5"), "XAXISTILT 1.5"),
    "views turned about x": (lambda folder: (folder / "R.xtilt").write_text("1.0\n" * 5), ".xtilt"),
    "a stretched image": (replaced("R.xf", "0.9953962", "1.0053962"), "stretches or magnifies"),
    "a part of the images": (replaced("tilt.com", "SUBSETSTART 0 0", "SUBSETSTART -9 0"), "SUBSETSTART"),
    "fewer tilts": (replaced("R.tlt", "  -40.00\n", ""), ".xf has 5 views, .tlt 4, and .rawtlt 5"),
    "an alignment cut short": (lambda folder: (folder / "R.xf").write_text("0.99 0.1\n"), "R.xf: no transform in it"),
    "no tilt.com": (lambda folder: (folder / "tilt.com").unlink(), "tilt.com of this data set cannot be read"),
    "the tilt.com of another": (replaced("tilt.com", "R_full_rec.mrc", "Q_full_rec.mrc"), "tilt.com of this data set"),
    "no mdoc": (lambda folder: (folder / "R.mdoc").unlink(), "the order in which the images were taken is not known"),
    "an mdoc of fewer": (
        replaced("R.mdoc", "TiltAngle = 40.003", "Tilt = 4"),
        "the mdoc has 4 images, and the stack 5",
    ),
    "no CTF": (lambda folder: (folder / "R_ctffind4.txt").unlink(), "the defocus of the views is not known"),
    "a smaller volume": (replaced("tilt.com", "THICKNESS 20", "THICKNESS 40"), "it has 10 voxels along z"),
    "no stack": (lambda folder: (folder / "R.st").unlink(), "R.st: No such file"),
}


@pytest.mark.parametrize(("break_it", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_known_is_said_and_no_row_is_made_up(tmp_path, break_it, said):
    volume = imod(tmp_path / "R")
    break_it(volume.parent)
    one = placed(volume, ImodAligned())
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    assert said in " ".join(Relion5Exporter().lacks([one]))
    assert "rlnTomoTiltSeriesStarFile" not in table(tmp_path / "out" / "tomograms.star", "global")
    assert len(table(tmp_path / "out" / "ribosome.star", "particles")) == len(VOXELS)


def test_a_trimmed_volume_is_refused(tmp_path):
    volume = imod(tmp_path / "R").with_name("R_rec.mrc")
    assert "R_full_rec can be taken" in " ".join(Relion5Exporter().lacks([placed(volume, ImodAligned())]))


def test_what_imod_does_not_say_a_person_has_to_give(tmp_path):
    said = " ".join(Relion5Exporter().lacks([placed(imod(tmp_path / "R"), ImodAligned(), Acquisition())]))
    assert all(option in said for option in ("--spherical-aberration", "--amplitude-contrast", "--hand"))
    assert "--voltage" not in said  # the mdoc says it


def test_a_real_data_set_is_read(data):
    """What etomo wrote of a tilt series whose aligned stack is larger than its images."""
    folder = data / "formats" / "cryoet-alignment" / "convert" / "imod_1"
    kinds = {
        "IMOD alignment": "tilt_1.xf", "aligned tilts": "tilt_1.tlt", "acquired tilts": "tilt_1.tlt",
        "tilts around X": "tilt_1.xtilt", "IMOD aligned stack": "newst.com", "IMOD reconstruction": "tilt.com",
    }  # fmt: skip
    views = read_imod_views({kind: (folder / name).read_text() for kind, name in kinds.items()}, "", is_full=True)
    assert views.stack_size_xyn[:2] == (3708, 3832)
    assert views.extent_xyz == (928 * 4, 958 * 4, 2000)
    assert views.axis_degrees[0] == pytest.approx(-100.45, abs=0.01)
    # the image's own middle comes to d from the aligned one's; d = A (-shift)
    a = np.array([[-0.1813379, -0.9834202], [0.9834202, -0.1813379]])
    np.testing.assert_allclose(a @ [-views.shift_x_pixels[0], -views.shift_y_pixels[0]], [-58.170, 69.816], atol=1e-3)
