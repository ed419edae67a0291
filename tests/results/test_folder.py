"""Results on disk: found, and checked to the last byte."""

import json
import os
from pathlib import Path

import pytest

from livetomo.core.tomogram import TomogramId, tomogram_folder
from livetomo.results.folder import damage, find_results, install, intact_manifest
from livetomo.results.manifest import write_manifest
from tests.publish.event_logs import manifest


@pytest.fixture
def result(tmp_path):
    folder = tmp_path / "r1-00000000"
    (folder / "picks").mkdir(parents=True)
    (folder / "picks" / "ribosome.relion5.star").write_text("data_\n")
    write_manifest(folder, manifest())
    return folder


def write(folder: Path, change) -> None:
    body = json.loads((folder / "result.json").read_text())
    change(body)
    (folder / "result.json").write_text(json.dumps(body))


def test_a_result_as_it_was_written_is_intact(result):
    assert list(damage(result)) == []
    assert intact_manifest(result).tomogram.name == "TS_01"


def test_a_result_is_on_the_disk_before_it_appears_and_its_place_is_before_it_is_recorded(tmp_path, monkeypatch):
    synchronised = []

    def fsync(handle: int) -> None:
        synchronised.append(Path(f"/proc/self/fd/{handle}").readlink().relative_to(session).as_posix())

    monkeypatch.setattr(os, "fsync", fsync)
    session = tmp_path / "krios1" / "monday"
    attempt = session / "tomograms" / "TS_01" / ".attempt-1"
    (attempt / "picks").mkdir(parents=True)
    (attempt / "picks" / "ribosome.relion5.star").write_text("data_\n")
    write_manifest(attempt, manifest())
    made = {path.relative_to(session).as_posix() for path in [attempt, *attempt.rglob("*")]}
    assert set(synchronised) == made
    del synchronised[:]
    install(attempt, attempt.with_name("r1-00000000"))
    assert synchronised == ["tomograms/TS_01", "tomograms", "."]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            lambda f: (f / "picks/ribosome.relion5.star").write_text("date_\n"),
            "picks/ribosome.relion5.star has another content",
        ),
        (lambda f: (f / "picks/ribosome.relion5.star").write_text(""), "picks/ribosome.relion5.star has another size"),
        (lambda f: (f / "picks/ribosome.relion5.star").unlink(), "picks/ribosome.relion5.star cannot be read (No such"),
        (lambda f: (f / "extra.txt").write_text("hello"), "extra.txt is not in the manifest"),
        (lambda f: (f / "result.json").unlink(), "result.json is missing"),
        (lambda f: (f / "result.json").write_text('{"half'), "result.json cannot be read"),
        (lambda f: (f / "result.json").write_text(json.dumps([1])), "result.json cannot be read"),
        (
            lambda f: write(f, lambda body: body.pop("revision")),
            "result.json cannot be read (it does not give revision as",
        ),
    ],
)
def test_any_harm_is_named(result, harm, said):
    harm(result)
    (sentence,) = damage(result)
    assert sentence.startswith(said)
    assert intact_manifest(result) is None


@pytest.mark.parametrize("template", ["out", "out/{watch}/a b/{session}", "out/[x]/{session}"])
def test_results_are_found_wherever_the_configuration_puts_them(tmp_path, template):
    output = str(tmp_path / template)
    made = []
    for watch, session in (("krios1", "monday"), ("krios1", "tues day"), ("glacios", "monday")):
        folder = tomogram_folder(output, TomogramId(watch, session, "TS_01")) / "r1-00000000"
        folder.mkdir(parents=True)
        write_manifest(folder, manifest())
        made.append(folder)
    assert find_results(output) == sorted(made)
    assert find_results(output, "krios1", "tues day") == [made[1]]
    assert find_results(output, session="monday") == sorted([made[0], made[2]])
