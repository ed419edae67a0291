"""A session's files say what each tomogram's own say, of every one that can be read, and nothing is lost between."""

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import starfile

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import ExportDiffers, ResultUnreadable, SourceUnreadable
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.tomogram import TomogramId, result_name, session_folder, tomogram_folder
from livetomo.daemon import session_exports as session_stars
from livetomo.daemon.export_problems import ExportProblems, Outcome
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.star import grouped, parse_loops
from livetomo.formats.table import CsvExporter
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.left_out import LeftOut
from livetomo.results.session_files import read_names, write_session
from livetomo.results.session_picks import newest_results, read_picks
from tests.volumes import balls, order_for, write_tomogram

TOMOGRAMS = ("TS_01", "TS 02", "TS'03\" #")
FEATURES = ("ribosome", "region")
RECIPE = Recipe.model_validate(
    {
        "denoise": {"method": "none"},
        "feature": [{"name": name, "model": "blob", "diameter_angstrom": 250} for name in FEATURES],
        "pick": [
            {"feature": "ribosome", "min_spacing_angstrom": 250, "threshold": 0.3},
            {"feature": "region", "min_spacing_angstrom": 250, "threshold": 0.3, "method": "watershed"},
        ],
        "export": {"formats": list(EXPORTERS)},
    }
)
NUMBERING = {
    "dynamo": {"0", "19", "30"},
    "stopgap": {"motl_idx", "tomo_num", "subtomo_num", "halfset"},
}  # of the rows of a file


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A session of three tomograms with two features each, in every format."""
    output = tmp_path_factory.mktemp("results")
    for number, name in enumerate(TOMOGRAMS):
        path = write_tomogram(output / f"{number}.mrc", balls(seed=number))
        who = TomogramId("krios1", "monday", name)
        folder = tomogram_folder(str(output), who) / result_name(1, RECIPE.hash)
        folder.parent.mkdir(parents=True)
        pipeline.run(order_for(path, RECIPE, tomogram=who), folder)
    return session_folder(str(output), "krios1", "monday")


@pytest.fixture
def session(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "monday")


def order(session: Path) -> dict:
    return {
        "results": {
            str(path.parent): {"metadata": {}, "verdict": "good"}
            for path in sorted(session.glob("tomograms/*/r*/result.json"))
        },
        "exclusions": [],
        "session": str(session),
        "format": "relion5",
    }


def result_of(session: Path, number: int = 1) -> Path:
    """The folder of one tomogram's result."""
    return next(each.folder for each in newest_results(session) if each.manifest.tomogram.name == TOMOGRAMS[number])


def names_in(session: Path) -> set[str]:
    """Of the tomograms in the session's star, as they are called by people."""
    particles = session / "particles"
    known = read_names(particles)
    return {known.get(name, name) for name in starfile.read(particles / "ribosome.star")["rlnTomoName"]}


def columns(format_name: str, path: Path) -> dict[str, list[str] | list[bytes]]:
    """The columns of a table, or the whole of a file that is none."""
    if format_name not in ("relion5", "relion4", "warp", "stopgap", "dynamo", "csv"):
        return {"": path.read_bytes().splitlines()}
    text = path.read_text()
    match format_name:
        case "relion5" | "relion4" | "warp" | "stopgap":
            ((_, found),) = parse_loops(text).items()
        case "dynamo":
            rows = [line.split() for line in text.splitlines()]
            found = {str(number): [row[number] for row in rows] for number in range(36)}
        case "csv":
            header, *rows = csv.reader(text.splitlines())
            found = {name: [row[number] for row in rows] for number, name in enumerate(header)}
    return {name: column for name, column in found.items() if name not in NUMBERING.get(format_name, ())}


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("name", EXPORTERS)
def test_a_tomograms_own_file_and_its_part_of_the_sessions_agree_column_by_column(made, tmp_path, name, feature):
    exporter = EXPORTERS[name]
    for result in newest_results(made):
        sets = read_picks([result], feature)
        assert len(sets[0].picks) == result.manifest.picks[feature].count > 0
        written = write_session(sets, feature, name, tmp_path)
        own = result.folder / "picks" / f"{feature}.{name}.{exporter.ending}"
        written = [path for path in written if not path.parent.name.endswith("_import")]
        alike = [path for path in written if columns_or_none(name, path) == columns(name, own)]
        assert len(alike) == 1, f"{[path.name for path in written]} hold nothing like {own.name}"
    together = read_picks(newest_results(made), feature)
    files = exporter.session(together, feature)
    back = exporter.read_session(files, feature, [placed.frame for placed in together])
    for placed in together:
        alone = exporter.read(exporter.content(placed, feature), placed.frame)
        np.testing.assert_array_equal(back[exporter.called(placed.frame)].position, alone.position)
        np.testing.assert_array_equal(back[exporter.called(placed.frame)].volume, alone.volume)


def columns_or_none(name: str, path: Path) -> dict[str, list[str] | list[bytes]] | None:
    """None where it is another kind of file."""
    try:
        return columns(name, path)
    except (LookupError, ValueError):
        return None


def test_volumes_of_regions_reach_the_sessions_table(made, tmp_path):
    write_session(read_picks(newest_results(made), "region"), "region", "csv", tmp_path)
    rows = list(csv.DictReader((tmp_path / "region.csv").open()))
    assert rows
    assert all(float(row["volume_angstrom3"]) > 0 for row in rows)
    assert {row["tomogram"] for row in rows} == set(TOMOGRAMS)


def test_files_name_the_tomograms_that_were_read_and_have_the_particles_size(made, tmp_path):
    """From the manifest through the session's picks into the files."""
    results = newest_results(made)
    sets = read_picks(results, "ribosome")
    write_session(sets, "ribosome", "dynamo", tmp_path)
    paths = [result.manifest.source.path for result in results]
    assert all(Path(path).is_file() for path in paths)
    assert (tmp_path / "ribosome.doc").read_text() == "".join(f"{n} {path}\n" for n, path in enumerate(paths, start=1))
    write_session(sets, "ribosome", "relion31", tmp_path)
    micrographs = parse_loops((tmp_path / "tomograms.star").read_text())["micrographs"]["rlnMicrographName"]
    assert micrographs == paths
    assert all((tmp_path / f"{path[1:-4]}_ribosome.star").is_file() for path in paths)
    for path in write_session(sets, "ribosome", "chimerax", tmp_path):
        assert path.suffix == ".json" or 'radius="125.00"' in path.read_text()


def damage(folder: Path, how: str) -> str:
    """Damage a result; a word of what is said of it."""
    star, manifest = folder / "candidates" / "ribosome.relion5.star", folder / "result.json"
    lines = star.read_text().splitlines(keepends=True)
    match how:
        case "a row is gone":
            star.write_text("".join(lines[:-1]))
            rows = len(parse_loops("".join(lines))["particles"]["rlnTomoName"])
            return f"{rows - 1:,} rows where {rows:,}"
        case "a number was changed":
            star.write_text("".join(lines).replace("-", "", 1))
            return "checksum"
        case "the star is of zeros":
            star.write_bytes(bytes(star.stat().st_size))
            return "damaged"
        case "the star is not text":
            star.write_bytes(b"\xff\xfe" * 100)
            return "damaged"
        case "the star is gone":
            star.unlink()
            return "there is no candidates"
        case "the folder is gone":
            shutil.rmtree(folder)
            return "there is no result.json"
        case "the manifest is gone":
            manifest.unlink()
            return "there is no result.json"
        case "the star is a folder":
            star.unlink()
            star.mkdir()
            return "Is a directory"
        case "the manifest cannot be read":
            manifest.unlink()
            manifest.symlink_to(manifest)
            return "Too many levels of symbolic links"
        case "the manifest is cut":
            manifest.write_bytes(manifest.read_bytes()[:200])
            return "damaged"
        case "the manifest is another's":
            manifest.write_text('["x"]')
            return "does not give"
        case "the manifest holds NaN":
            manifest.write_text(re.sub(r'"seconds": {', '"seconds": {"x": NaN, ', manifest.read_text()))
            return "it holds NaN"
        case "the manifest is nested without end":
            manifest.write_text("[" * 100_000)
            return "damaged"
        case "the manifest's time is none":
            manifest.write_text(re.sub('"finished": ".*"', '"finished": "yesterday"', manifest.read_text()))
            return "finished as a time"
    raise AssertionError(how)


HOWS = (
    "a row is gone", "a number was changed", "the star is of zeros", "the star is not text", "the star is gone",
    "the star is a folder", "the folder is gone", "the manifest is gone", "the manifest cannot be read",
    "the manifest is cut", "the manifest is another's", "the manifest holds NaN", "the manifest is nested without end",
    "the manifest's time is none",
)  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
def test_a_damaged_result_costs_its_own_tomogram_only_and_is_said(session, how):
    wanted = order(session)
    report = session_stars.write(wanted)
    assert report == {"left_out": {}}
    assert names_in(session) == set(TOMOGRAMS)
    word = damage(result_of(session), how)
    report = session_stars.write(wanted)
    ((tomogram, why),) = report["left_out"].items()
    assert tomogram.startswith("TS")
    assert word in why
    assert names_in(session) == {TOMOGRAMS[0], TOMOGRAMS[2]}
    assert set(starfile.read(session / "particles" / "tomograms.star")["rlnTomoName"]) == set(
        starfile.read(session / "particles" / "ribosome.star")["rlnTomoName"]
    )


def test_an_output_that_is_away_takes_no_file_from_anybody(session):
    wanted = order(session)
    session_stars.write(wanted)
    before = (session / "particles" / "ribosome.star").read_bytes()
    (session / "tomograms").rename(session / "elsewhere")
    with pytest.raises(SourceUnreadable, match="mounted"):
        session_stars.write(wanted)
    assert (session / "particles" / "ribosome.star").read_bytes() == before


def test_an_older_revision_does_not_stand_for_one_that_is_damaged(session):
    folder = result_of(session)
    newer = folder.with_name(folder.name.replace("r1-", "r2-"))
    shutil.copytree(folder, newer)
    manifest = json.loads((newer / "result.json").read_text())
    (newer / "result.json").write_text(json.dumps(manifest | {"revision": 2})[:-40])
    left: list[LeftOut] = []
    results = newest_results(session, left.append)
    assert [each.manifest.tomogram.name for each in results] == [TOMOGRAMS[2], TOMOGRAMS[0]]
    assert [newer.parent.name] == [each.tomogram for each in left]
    with pytest.raises(ResultUnreadable, match="livetomo reprocess"):
        newest_results(session)


def test_an_export_that_cannot_be_read_back_leaves_the_old_files(tmp_path, monkeypatch):
    score = np.array([0.9, 0.8], np.float32)
    sets = [Placed(Picks(np.ones((2, 3), np.float32), score, score), Frame("TS_01", TomogramGeometry((8, 8, 8), 10.0)))]
    write_session(sets, "ribosome", "csv", tmp_path)
    before = (tmp_path / "ribosome.csv").read_bytes()
    whole = CsvExporter.session
    monkeypatch.setattr(
        CsvExporter, "session", lambda self, *given: {k: v[:40] for k, v in whole(self, *given).items()}
    )
    with pytest.raises(ExportDiffers, match="kept"):
        write_session(sets, "ribosome", "csv", tmp_path)
    monkeypatch.setattr(
        CsvExporter,
        "session",
        lambda self, *given: {k: v[: v[:-1].rindex("\n") + 1] for k, v in whole(self, *given).items()},
    )
    with pytest.raises(ExportDiffers, match="holds 1 picks of TS_01, where 2 were written"):
        write_session(sets, "ribosome", "csv", tmp_path)
    assert (tmp_path / "ribosome.csv").read_bytes() == before


def test_a_name_that_is_the_substitute_of_another_is_left_out_and_said(tmp_path):
    called = EXPORTERS["relion5"].called(Frame("TS 01", TomogramGeometry((8, 8, 8), 10.0)))
    sets = [Placed(Picks.none(), Frame(name, TomogramGeometry((8, 8, 8), 10.0))) for name in ("TS 01", called, "TS_02")]
    left: list[LeftOut] = []
    write_session(sets, "ribosome", "relion5", tmp_path, leave_out=left.append)
    assert [each.tomogram for each in left] == [called]
    assert set(starfile.read(tmp_path / "tomograms.star")["rlnTomoName"]) == {called, "TS_02"}


def without_new_columns(folder: Path) -> None:
    """Make the candidates of a result as versions before this one wrote them, names as they were included."""
    manifest = json.loads((folder / "result.json").read_text())
    name = manifest["tomogram"]["name"]
    for path in (folder / "candidates").iterdir():
        loop = grouped(parse_loops(path.read_text())["particles"], "rlnTomoName")
        ((_, found),) = loop.items()
        kept = [column for column in found if column.startswith("rln")]
        head = [f"_{column} #{number}" for number, column in enumerate(kept, start=1)]
        quoted = f'"{name}"' if " " in name else name
        rows = zip(*(found[column] for column in kept[1:]), strict=True)
        lines = [" ".join([quoted, *(f"{float(number):.6f}" for number in row)]) for row in rows]
        path.write_text("\n".join(["", "data_particles", "", "loop_", *head, *lines]) + "\n")
        content = path.read_bytes()
        facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest["files"][f"candidates/{path.name}"] = facts
    (folder / "result.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("feature", FEATURES)
def test_results_of_older_versions_are_read_whatever_their_names(session, feature):
    now = read_picks(newest_results(session), feature)
    for result in newest_results(session):
        without_new_columns(result.folder)
    then = read_picks(newest_results(session), feature)
    for one, other in zip(now, then, strict=True):
        np.testing.assert_allclose(other.picks.position, one.picks.position, atol=1e-4)
        np.testing.assert_allclose(other.picks.score, one.picks.score, atol=1e-6)
        assert np.isnan(other.picks.volume).all()


def test_what_is_wrong_with_exports_is_reported_by_watch_until_it_is_right():
    problems = ExportProblems()
    assert not problems.learn(("krios1", "monday"), Outcome())
    assert problems.learn(("krios1", "monday"), Outcome(left_out={"TS_01": "It is damaged."}))
    assert not problems.learn(("krios1", "monday"), Outcome(left_out={"TS_01": "It is damaged."}))
    assert problems.learn(("krios2", "monday"), Outcome(failure="No room is left"))
    first, second = problems.of({"krios2", "krios1"})
    assert (first.name, first.severity) == ("exports-krios1", "critical")
    assert first.message == "The files of monday lack TS_01: It is damaged."
    assert (second.name, second.severity) == ("exports-krios2", "critical")
    assert second.message == "The files of monday could not be written: No room is left. It is tried again."
    assert problems.learn(("krios2", "monday"), Outcome())
    assert [each.subject for each in problems.of({"krios2"})] == []
