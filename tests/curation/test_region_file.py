"""Boxes in files: both forms say the same, and what is wrong is said."""

import json

import pytest

from livetomo.core.errors import ConfigurationError
from livetomo.curation.region_file import read_boxes

NAME = "TS'03\" #,x"
BOXES = {NAME: [{"x": [0, 500], "z": [20, 90.5]}, {"y": [1, 2]}], "*": [{"z": [30, 120]}]}
CSV = """\
tomogram,x_low,x_high,y_low,y_high,z_low,z_high
"TS'03"" #,x",0,500,,,20,90.5
"TS'03"" #,x",,,1,2,,
*,,,,,30,120
"""


def test_json_and_csv_say_the_same_of_names_with_anything_in_them(tmp_path):
    (tmp_path / "b.json").write_text(json.dumps(BOXES))
    (tmp_path / "b.csv").write_text("\ufeff" + CSV)
    wanted = {
        NAME: [{"x": (0.0, 500.0), "z": (20.0, 90.5)}, {"y": (1.0, 2.0)}],
        "*": [{"z": (30.0, 120.0)}],
    }
    assert read_boxes(tmp_path / "b.json") == read_boxes(tmp_path / "b.csv") == wanted


def test_an_end_that_a_table_leaves_open_is_open(tmp_path):
    (tmp_path / "b.csv").write_text("tomogram,z_low\nTS_01,20\n")
    assert read_boxes(tmp_path / "b.csv") == {"TS_01": [{"z": (20.0, float("inf"))}]}


WRONG = {
    ("b.json", "tomogram,x_low\n"): "if it is a table, end its name in .csv",
    ("b.json", "[]"): "a list of boxes by each name",
    ("b.json", '{"a": {"x": [1, 2]}}'): "a list of boxes by each name",
    ("b.json", "{}"): "has no box",
    ("b.json", '{"a": []}'): "has no box",
    ("b.json", '{"a": [{"t": [1, 2]}]}'): "box 1 of a: write ranges of x, y or z",
    ("b.json", '{"a": [{}, {"x": [2, 1]}]}'): "box 2 of a, x: write two voxel indices, the lower one first",
    ("b.json", '{"a": [{"x": [1]}]}'): "two voxel indices",
    ("b.json", '{"a": [{"x": [1, NaN]}]}'): "two voxel indices",
    ("b.json", '{"a": [{"x": [true, 2]}]}'): "two voxel indices",
    ("b.csv", ""): "must name the column tomogram",
    ("b.csv", "name,x_low\n"): "must name the column tomogram",
    ("b.csv", "tomogram,x_min\n"): "must name the column tomogram",
    ("b.csv", "tomogram,x_low\n"): "has no box",
    ("b.csv", "tomogram,x_low\na,1,2\n"): "line 2: has more or fewer values",
    ("b.csv", "tomogram,x_low\na\n"): "line 2: has more or fewer values",
    ("b.csv", "tomogram,x_low\na,1\nb,one\n"): "line 3: an end of x is no number",
    ("b.csv", "tomogram,x_low,x_high\na,2,1\n"): "line 2: x_low is above x_high",
    ("b.csv", "tomogram,x_low,x_high\na,nan,1\n"): "line 2: x_low is above x_high",
}


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_what_is_wrong_is_said_with_the_file_and_the_place(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=rf"{name}: .*{WRONG[name, text]}"):
        read_boxes(tmp_path / name)


def test_a_file_that_is_no_text_or_no_file_is_said(tmp_path):
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_boxes(tmp_path / "b.json")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_boxes(tmp_path)
