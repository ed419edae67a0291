"""The folder of a session's copick files is a project: one configuration for all features, kept as it is found."""

import json

import numpy as np
import pytest

from livetomo.core.errors import ExportDiffers
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.copick import COPICK_CONFIG
from livetomo.formats.frame import Frame, Placed
from livetomo.results.session_files import write_session


def placed(name="TS_01", diameter=250.0) -> Placed:
    ones = np.ones(2, np.float32)
    picks = Picks(np.ones((2, 3), np.float32), ones, ones)
    return Placed(picks, Frame(name, TomogramGeometry((40, 60, 80), 10.0)), diameter)


def config(folder):
    return json.loads((folder / COPICK_CONFIG).read_text())


def test_every_feature_is_an_object_with_a_label_of_its_own(tmp_path):
    for feature, diameter in (("ribosome", 250.0), ("ATP_synthase", None), ("ribosome", 90.0)):
        written = write_session([placed(diameter=diameter)], feature, "copick", tmp_path)
        assert tmp_path / COPICK_CONFIG in written
    body = config(tmp_path)
    assert body["config_type"] == "filesystem"
    assert body["overlay_root"] == f"local://{tmp_path}"
    objects = [(one["name"], one["label"], one["radius"], one["is_particle"]) for one in body["pickable_objects"]]
    assert objects == [("ribosome", 1, 125, True), ("ATP-synthase", 2, 100, True)]
    assert len({tuple(one["color"]) for one in body["pickable_objects"]}) == 2
    folder = tmp_path / "ExperimentRuns" / "TS_01" / "Picks"
    assert sorted(path.name for path in folder.iterdir()) == [
        "livetomo_0_ATP-synthase.json",
        "livetomo_0_ribosome.json",
    ]


def test_what_a_person_added_to_the_configuration_stays(tmp_path):
    write_session([placed()], "ribosome", "copick", tmp_path)
    body = config(tmp_path) | {"name": "yeast", "static_root": "local:///data/zarr", "user_id": "ada"}
    body["pickable_objects"][0]["color"] = [1, 2, 3, 255]
    body["pickable_objects"].append({"name": "membrane", "is_particle": False, "label": 7})
    (tmp_path / COPICK_CONFIG).write_text(json.dumps(body | {"overlay_root": "local:///elsewhere"}))
    write_session([placed()], "apoferritin", "copick", tmp_path)
    after = config(tmp_path)
    assert {key: after[key] for key in ("name", "static_root", "user_id")} == {
        "name": "yeast", "static_root": "local:///data/zarr", "user_id": "ada"
    }  # fmt: skip
    assert after["overlay_root"] == f"local://{tmp_path}"
    assert after["pickable_objects"][:2] == body["pickable_objects"]
    assert [(one["name"], one["label"]) for one in after["pickable_objects"][2:]] == [("apoferritin", 8)]


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"pickable_objects": 3}', '{"pickable_objects": [3]}', "\udcff"])
def test_a_configuration_that_is_none_is_not_replaced(tmp_path, text):
    damaged = text.encode("utf-8", "surrogateescape")
    (tmp_path / COPICK_CONFIG).write_bytes(damaged)
    with pytest.raises(
        ExportDiffers, match=r"copick_config.json is no configuration of copick .*Repair it, or remove it"
    ):
        write_session([placed()], "ribosome", "copick", tmp_path)
    assert (tmp_path / COPICK_CONFIG).read_bytes() == damaged


def test_runs_are_called_as_tomograms_and_no_two_alike(tmp_path):
    names = ["TS_01", "TS-01", "TS_1-2", "TS_1_2", "Zelle_ä", "a+b"]
    write_session([placed(name) for name in names], "ribosome", "copick", tmp_path)
    assert sorted(path.name for path in (tmp_path / "ExperimentRuns").iterdir()) == sorted(names)


def test_objects_whose_features_differ_in_a_dash_alone_stay_apart(tmp_path):
    for feature in ("a_b", "a-b", "a_", "-a"):
        write_session([placed()], feature, "copick", tmp_path)
    names = [one["name"] for one in config(tmp_path)["pickable_objects"]]
    assert len(set(names)) == 4
    assert not any("_" in name or name.strip("-") != name for name in names)
