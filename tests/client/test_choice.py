"""A folder goes on collecting what it was begun with, and one follower at a time does it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livetomo.client.choice import Choice
from livetomo.client.folder_lock import hold
from livetomo.client.local_collection import Collection
from livetomo.client.pickset import PickSet
from livetomo.core.errors import CollectionBusy, ConfigurationError

BEGUN = Choice("ribosome", watch="krios1", session="monday", site="here", threshold=0.5)
CHANGES: dict[str, dict[str, Any]] = {
    "--feature membrane": {"feature": "membrane"},
    "no --watch": {"watch": None},
    "--session tuesday": {"session": "tuesday"},
    "no --site": {"site": None},
    "--instance second": {"instance": "second"},
    "--format csv; no --threshold": {"format": "csv", "threshold": None},
    "--false-share 0.1": {"false_share": 0.1},
    "--threshold 0.6": {"threshold": 0.6},
    "--verdict bad": {"verdict": "bad"},
    "--edge 20 --near ice:9": {"curation": ("--edge 20", "--near ice:9")},
}


@pytest.mark.parametrize("said", CHANGES)
def test_another_choice_is_refused_with_what_the_folder_was_begun_with(tmp_path: Path, said: str) -> None:
    Collection(tmp_path, BEGUN).save(7)
    before = (tmp_path / "follow.json").read_bytes()
    was = "--feature ribosome --watch krios1 --session monday --site here --threshold 0.5 --verdict warn"
    with pytest.raises(ConfigurationError, match=re.escape(f"collects {was}, and") + f".*{said}.*another --output"):
        Collection(tmp_path, replace(BEGUN, **CHANGES[said]))
    assert (tmp_path / "follow.json").read_bytes() == before
    assert Collection(tmp_path, BEGUN).position == 7


def test_a_folder_that_was_curated_does_not_go_on_without_that(tmp_path: Path) -> None:
    curated = replace(BEGUN, curation=("--edge 20",))
    Collection(tmp_path, curated).save(7)
    assert Collection(tmp_path, curated).position == 7
    with pytest.raises(ConfigurationError, match=r"--edge 20, and .*\(no option from --region to --top\)"):
        Collection(tmp_path, BEGUN)


def test_a_folder_of_an_older_version_goes_on_and_has_its_choice_from_then_on(tmp_path: Path) -> None:
    older = {"feature": "ribosome", "format": None, "position": 3, "epoch": "", "began": 0, "sessions": []}
    (tmp_path / "follow.json").write_text(json.dumps(older))
    for wrong in (
        {"feature": "membrane"},
        {"false_share": 0.1},
        {"threshold": 0.1},
        {"verdict": "bad"},
        {"curation": ("--top 3",)},
    ):
        with pytest.raises(ConfigurationError, match="collects --feature ribosome"):
            Collection(tmp_path, replace(Choice("ribosome", watch="krios1"), **wrong))
    one = Collection(tmp_path, Choice("ribosome", watch="krios1"))
    one.save(one.position)
    with pytest.raises(ConfigurationError, match="no --watch"):
        Collection(tmp_path, Choice("ribosome"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"feature": "ribosome", "position": 3, "sessions": [3]}', "\xff"]
)
def test_a_state_that_cannot_be_read_is_said_and_not_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "follow.json").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError, match=r"follow\.json cannot be read"):
        Collection(tmp_path, Choice("ribosome"))


def test_files_with_all_picks_and_a_part_of_the_picks_are_not_asked_for_together() -> None:
    for more in ({"false_share": 0.1}, {"threshold": 0.5}):
        with pytest.raises(ConfigurationError, match="--format fetches files with all published picks"):
            Choice("ribosome", format="csv", **more)


def test_the_strongest_are_taken_by_score_by_share_or_by_both() -> None:
    pickset = PickSet(
        *("id", 1, "now", "w", "s", "TS_01", 1, "hash", "result", "ribosome"),
        columns=("x_angstrom", "y_angstrom", "z_angstrom", "score", "false_share"),
        rows=tuple((0.0, 0.0, 0.0, score, share) for score, share in ((0.9, 0.01), (0.7, 0.1), (0.6, 0.2), (0.5, 0.3))),
    )
    assert [len(Choice("ribosome", threshold=t).of(pickset).rows) for t in (0, 0.6, 0.61, 1)] == [4, 3, 2, 0]
    assert len(Choice("ribosome", threshold=0.65, false_share=0.25).of(pickset).rows) == 2
    assert len(Choice("ribosome", threshold=0.55, false_share=0.1).of(pickset).rows) == 2
    assert Choice("ribosome").of(pickset) is pickset
    assert Choice("ribosome", threshold=0.6).of(replace(pickset, columns=(), rows=(), retracted=True)).rows == ()


def test_a_folder_is_held_once_and_let_go_of(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "sta"
    with hold(folder):
        busy = r"another livetomo follow.*Stop that one, or give this one another"
        with pytest.raises(CollectionBusy, match=busy), hold(folder):
            pass
        with hold(tmp_path / "b"):
            pass
    with hold(folder):
        pass


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"file/sta: cannot be written \(Not a directory\)"),
        hold(tmp_path / "file" / "sta"),
    ):
        pass
