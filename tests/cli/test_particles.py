"""`livetomo particles show` shows what a map is before anything is made from it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from livetomo.cli.particles import command
from livetomo.core.errors import ConfigurationError
from tests.particles import ball, write_tables
from tests.volumes import write_tomogram


@pytest.fixture
def path(tmp_path):
    return write_tomogram(tmp_path / "ball.mrc", ball(), 5.0)


def shown(*words):
    return CliRunner().invoke(command, ["show", *map(str, words)])


def test_mass_diameter_and_symmetry_are_shown(path):
    ended = shown(path, "--mass", 220)
    assert ended.exit_code == 0, ended.output
    lines = dict(line.split("  ", 1) for line in ended.output.splitlines()[1:])
    assert lines["mass"].strip() == "220 kDa"
    assert lines["diameter"].strip() == "80 Å"
    assert lines["symmetry"].strip() == "C1"


def test_a_symmetry_is_offered_where_the_map_shows_it_and_doubted_where_it_does_not(data):
    proteasome = data / "templates" / "6utj.mrc"
    assert "C1; the map shows C7 (0.99 of 1): give --symmetry C7" in shown(proteasome, "--mass", 850).output
    assert "C7 (0.99 of 1 in the map)" in shown(proteasome, "--mass", 850, "--symmetry", "c7").output
    assert "D2, which the map does not show" in shown(proteasome, "--mass", 850, "--symmetry", "D2").output
    (figures,) = json.loads(shown(proteasome, "--mass", 850, "--json").output)
    assert (figures["symmetry"], figures["symmetry_seen"]) == ("C1", "C7")


def test_json_holds_every_figure(path):
    (figures,) = json.loads(shown(path, "--contour", 0.5, "--json").output)
    assert figures["mass_dalton"] == figures["enclosed_dalton"] == pytest.approx(197e3, rel=0.01)
    assert figures["volume_angstrom3"] == pytest.approx(figures["mass_dalton"] / 0.81)
    assert (figures["name"], figures["contour"], figures["cut_off"], figures["notes"]) == ("ball", 0.5, 0, [])


def test_a_picture_shows_the_particle_from_three_sides_and_where_it_ends(path, tmp_path):
    assert shown(path, "--mass", 220, "--picture", tmp_path / "p.png").exit_code == 0
    picture = np.asarray(Image.open(tmp_path / "p.png"))
    assert picture.shape[1] > 1000
    grey = (picture[..., 0] == picture[..., 1]) & (picture[..., 1] == picture[..., 2])
    assert 200 < np.count_nonzero(~grey) < 0.05 * grey.size  # the outline, in a colour
    higher = shown(path, "--contour", 0.9, "--picture", tmp_path / "q.png")
    assert higher.exit_code == 0
    assert not np.array_equal(picture, np.asarray(Image.open(tmp_path / "q.png")))


def test_several_maps_take_their_masses_from_a_file_and_share_a_picture(path, tmp_path):
    other = write_tomogram(tmp_path / "small [x].mrc", ball(radius=6), 5.0)
    tables = write_tables(tmp_path, {"ball": 220.0, "small [x]": 90.0})
    ended = shown(path, other, "--map-tables", tables, "--json", "--picture", tmp_path / "p.png")
    assert [one["mass_dalton"] for one in json.loads(ended.output)] == [220e3, 90e3]
    one = shown(path, "--map-tables", tables, "--picture", tmp_path / "q.png")
    assert one.exit_code == 0
    heights = [Image.open(tmp_path / name).height for name in ("p.png", "q.png")]
    assert heights[0] == 2 * heights[1]


def test_a_map_that_is_refused_costs_only_itself_and_the_exit_code(path, tmp_path):
    other = write_tomogram(tmp_path / "unknown.mrc", ball(), 5.0)
    ended = shown(other, path, "--map-tables", write_tables(tmp_path, {"ball": 220.0}), "--json")
    assert ended.exit_code == 2
    assert "unknown.mrc: neither its contour nor its mass is known" in ended.stderr
    assert [one["name"] for one in json.loads(ended.stdout)] == ["ball"]


def test_one_mass_for_several_maps_is_refused(path):
    ended = shown(path, path, "--mass", 220)
    assert isinstance(ended.exception, ConfigurationError)
    assert "those of one map" in str(ended.exception)


@pytest.mark.parametrize(("word", "said"), [("D0", 'write a point group like "C1"'), ("I2", 'write "I"')])
def test_a_symmetry_that_there_is_not_is_refused(path, word, said):
    ended = shown(path, "--mass", 220, "--symmetry", word)
    assert ended.exit_code == 2
    assert said in ended.stderr
