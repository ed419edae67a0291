"""Whether the images of a tilt series are there is looked up on disks that may be away, or hang."""

import json
import threading
from dataclasses import replace
from pathlib import Path

from livetomo.core.acquisition import Acquisition
from livetomo.core.manifest import ResultManifest
from livetomo.formats import tilt_images as of_one
from livetomo.intake.sidecars.reading import facts_beside
from livetomo.results import tilt_images as of_session
from livetomo.results.folder import Result
from tests.core.test_manifest import GOLDEN
from tests.tilt_series import aretomo3


def result(volume: Path, result_id: str) -> Result:
    manifest = ResultManifest.from_json(json.loads(GOLDEN.read_text()))
    manifest = replace(manifest, result_id=result_id, source=replace(manifest.source, path=str(volume)))
    return Result(volume.parent, manifest, facts_beside(volume))


def test_a_disk_that_hangs_costs_the_stacks_and_nothing_else(tmp_path, monkeypatch):
    results = [result(aretomo3(tmp_path / name), name) for name in ("a", "b")]
    released = threading.Event()
    monkeypatch.setattr(of_session, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(of_one, "read_header", lambda path: released.wait(30))
    found = of_session.tilt_images(results, Acquisition())
    released.set()
    assert set(found) == {"a", "b"}
    for name, images in found.items():
        assert len(images.views) == 5
        assert images.why_no_stack == f"{tmp_path}/{name}/P_1.mrc: its file system does not answer"


def test_a_stack_that_is_there_is_named_by_its_absolute_path(tmp_path):
    found = of_session.tilt_images([result(aretomo3(tmp_path / "a"), "a")], Acquisition(hand=1))
    assert (found["a"].stack, found["a"].why_no_stack) == (str(tmp_path / "a" / "P_1.mrc"), "")
    assert found["a"].acquisition == Acquisition(300.0, 2.7, 0.07, 1)
