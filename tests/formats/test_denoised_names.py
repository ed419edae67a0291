"""Denoised volumes are looked for where programs write them, and never above the tomogram's own session."""

from pathlib import Path

import pytest

from livetomo.formats.denoised_names import denoised_places


@pytest.mark.parametrize(
    "place",
    [
        "s/tomograms/TS_01_Vol.denoised.mrc",  # cryoem-services
        "s/tomograms/denoised/TS_01_Vol.mrc",  # WarpTools, Noise2Map
        "s/denoiset/TS_01_Vol.mrc",
        "s/cryocare/TS_01_Vol.mrc",
        "s/corrected_tomos/TS_01_Vol_corrected.mrc",  # IsoNet
        "s/tomograms/topaz/TS_01_Vol.mrc",
    ],
)
def test_where_each_program_writes(place):
    assert Path(place) in denoised_places(Path("s/tomograms/TS_01_Vol.mrc"), beside_folder=True)


def test_a_compressed_tomogram_has_the_same_name():
    assert Path("s/TS_01_denoised.mrc") in denoised_places(Path("s/TS_01.mrc.gz"), beside_folder=False)


def test_without_folders_beside_nothing_above_is_named():
    places = list(denoised_places(Path("all/s/TS_01.mrc"), beside_folder=False))
    assert all(place.is_relative_to("all/s") for place in places)
    assert len(set(places)) == len(places)


def test_the_tomogram_itself_is_none():
    path = Path("s/denoised/TS_01.mrc")
    assert path not in denoised_places(path, beside_folder=True)
