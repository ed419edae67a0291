"""`livetomo picks` writes a session anew in any format, from its newest results alone."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starfile
from click.testing import CliRunner

from livetomo.cli.picks import command
from livetomo.cli.process import command as process
from livetomo.core.errors import ConfigurationError
from livetomo.core.exclusion import Exclusion
from livetomo.core.quality.metric import Verdict
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.daemon import session_exports as session_stars
from livetomo.formats.exporter import EXPORTERS
from livetomo.results.session_facts import SESSION_FACTS, SessionFacts
from livetomo.results.session_picks import newest_results, read_picks, write_metadata
from tests.volumes import balls, write_tomogram

TOMOGRAMS = ["TS_01", "TS_02", "TS_03"]
CENTRED = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Three tomograms with 3, 2 and 3 particles, the last of which had 1 in its first revision."""
    folder = tmp_path_factory.mktemp("session")
    places = ((24, 20, 20), (20, 60, 25), (30, 40, 60))
    paths = [
        write_tomogram(folder / "TS_03.mrc", balls(places=places[:1])),
        write_tomogram(folder / "TS_01.mrc", balls(places=places)),
        write_tomogram(folder / "TS_02.mrc", balls(places=places[:2])),
    ]
    for files in (paths, paths[:1]):
        arguments = [*map(str, files), "--recipe", "untrained", "--output", str(folder / "out"), "--device", "cpu"]
        run = CliRunner().invoke(process, arguments)
        assert run.exit_code == 0, run.output
        write_tomogram(paths[0], balls(places=places))
    return folder / "out" / "process" / "process"


@pytest.fixture
def session(results, tmp_path) -> Path:
    return shutil.copytree(results, tmp_path / "session")


def picks(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_every_tomogram_counts_once_with_its_newest_revision_in_a_stable_order(session):
    assert "8 picks of ribosome in 3 tomograms:" in picks(session).stdout
    table = starfile.read(session / "exports" / "relion5" / "ribosome.star")
    assert list(table["rlnTomoName"]) == ["TS_01"] * 3 + ["TS_02"] * 2 + ["TS_03"] * 3
    assert {path.name for path in (session / "exports" / "relion5").iterdir()} == {
        "ribosome.star", "tomograms.star", "optimisation_set.star", "ribosome_optimisation_set.star",
        "ribosome_import.star", "ribosome_import",
    }  # fmt: skip


def test_the_daemon_s_own_files_are_never_written_over_whatever_is_asked_for(session):
    write_stars(session, {str(each.folder): {} for each in newest_results(session)})
    before = {path: path.read_bytes() for path in (session / "particles").rglob("*") if path.is_file()}
    for name in EXPORTERS:
        for path in json.loads(picks(session, "--format", name, "--threshold", "0.05", "--json").stdout)["files"]:
            assert Path(path).is_relative_to(session / "exports" / name)
    with pytest.raises(ConfigurationError, match=r"the daemon keeps its own files .*/exports/warp"):
        picks(session, "--format", "warp", "--output", session / "tomograms" / ".." / "particles")
    assert {path: path.read_bytes() for path in (session / "particles").rglob("*") if path.is_file()} == before


def test_positions_survive_within_a_hundredth_of_a_voxel(session):
    picks(session)
    whole = starfile.read(session / "exports" / "relion5" / "ribosome.star")
    (folder,) = (session / "tomograms" / "TS_01").iterdir()
    single = starfile.read(folder / "picks" / "ribosome.relion5.star")
    ours = whole[whole["rlnTomoName"] == "TS_01"][CENTRED].to_numpy()
    np.testing.assert_allclose(ours, single[CENTRED].to_numpy(), atol=0.25)


@pytest.mark.parametrize("name", EXPORTERS)
def test_any_format_can_be_asked_for_and_replaced(session, tmp_path, name):
    for _ in range(2):
        report = json.loads(picks(session, "--format", name, "--output", tmp_path / "o", "--json").stdout)
    assert report["picks"] == 8
    on_disk = {str(path) for path in (tmp_path / "o").rglob("*") if path.is_file()}
    assert on_disk == set(report["files"])


def test_a_lower_threshold_brings_candidates_back(session):
    many = json.loads(picks(session, "--threshold", "0.05", "--json").stdout)["picks"]
    assert many > 8


def test_unbinned_coordinates_need_the_pixel_size(session, tmp_path):
    picks(session, "--format", "relion4", "--output", tmp_path, "--pixel-size", "5")
    table = starfile.read(tmp_path / "ribosome.star")
    assert table["rlnCoordinateX"].max() == pytest.approx(60 * 5, abs=3)


def test_the_pixel_size_that_sidecars_reported_late_is_used_and_a_persons_word_goes_before(session, tmp_path):
    """As the daemon leaves it: what the catalog knows of each result by now."""
    results = newest_results(session)
    known = {"TS_01": {"pixel_size_angstrom": 5.0}, "TS_02": {"binning": 4}, "TS_03": {"binning": 1}}
    late = [replace(result, facts=SidecarFacts(**known[result.manifest.tomogram.name])) for result in results]
    write_metadata(late, session)
    picks(session)
    table = starfile.read(session / "exports" / "relion5" / "tomograms.star").set_index("rlnTomoName")
    voxel = table["rlnTomoTiltSeriesPixelSize"]["TS_03"]
    assert table["rlnTomoTomogramBinning"].tolist() == pytest.approx([voxel / 5, 4, 1])
    picks(session, "--pixel-size", "2.5")
    table = starfile.read(session / "exports" / "relion5" / "tomograms.star")
    assert table["rlnTomoTiltSeriesPixelSize"].tolist() == [2.5] * 3


def write_stars(session: Path, results: Mapping[str, Mapping[str, Any]], exclusions: Sequence[Exclusion] = ()) -> None:
    """As the daemon has it done, with what sidecars say by now of the results in these folders."""
    known = {folder: {"metadata": metadata, "verdict": "good"} for folder, metadata in results.items()}
    excluded = [each.to_json() for each in exclusions]
    order = {"results": known, "exclusions": excluded, "session": str(session), "format": "relion5"}
    assert session_stars.write(order) == {"left_out": {}}


def test_session_files_follow_what_the_daemon_knows_by_now(session):
    folders = {
        str(path.parent): {} for path in session.glob("tomograms/*/r*/result.json") if path.parent.name[1] == "1"
    }
    write_stars(session, folders)
    assert list(starfile.read(session / "particles" / "tomograms.star")) == ["rlnTomoName"]  # no size as if unbinned
    late = {folder: {"pixel_size_angstrom": 5.0} for folder in folders}
    late |= {folder: facts | {"tilt_series_name": "rec_TS_01"} for folder, facts in late.items() if "TS_01" in folder}
    write_stars(session, late)
    table = starfile.read(session / "particles" / "tomograms.star").set_index("rlnTomoName")
    assert list(table.index) == ["rec_TS_01", "TS_02", "TS_03"]
    assert table["rlnTomoTiltSeriesPixelSize"]["rec_TS_01"] == 5.0
    assert set(starfile.read(session / "particles" / "ribosome.star")["rlnTomoName"]) == set(table.index)
    assert newest_results(session)[0].facts.pixel_size_angstrom == 5.0


def test_a_series_that_was_reconstructed_again_stands_once_under_its_own_name(session):
    results = newest_results(session)
    made = {"TS_01": 5, "TS_02": 9, "TS_03": 12}
    series = {
        name: {
            "series": {"name": "TS_01", "of": "RELION project", "order": order}
            | ({"failed": "x"} if order == 12 else {})
        }
        for name, order in made.items()
    }
    write_metadata(
        [replace(each, facts=SidecarFacts(**series[each.manifest.tomogram.name])) for each in results], session
    )
    (report,) = [json.loads(picks(session, "--json").stdout)["tomograms"]]
    assert list(report) == ["TS_01"]
    assert [each.manifest.tomogram.name for each in newest_results(session)] == ["TS_02"]
    assert set(starfile.read(session / "exports" / "relion5" / "ribosome.star")["rlnTomoName"]) == {"TS_01"}


def test_two_series_of_one_name_are_called_as_their_tomograms(session):
    results = newest_results(session)
    known = [replace(each, facts=SidecarFacts(tilt_series_name="TS_09")) for each in results]
    sets = read_picks(known, "ribosome")
    assert [placed.frame.series for placed in sets] == ["TS_01", "TS_02", "TS_03"]


def scores(session: Path) -> dict[str, list[float]]:
    table = starfile.read(session / "exports" / "relion5" / "ribosome.star")
    return table.groupby("rlnTomoName")["rlnAutopickFigureOfMerit"].apply(list).to_dict()


def test_scores_are_calibrated_when_asked_for_by_option_or_recipe_and_never_else(session):
    report = json.loads(picks(session, "--threshold", "0", "--json").stdout)
    assert report["calibrated"] is False
    plain = scores(session)
    report = json.loads(picks(session, "--threshold", "0", "--calibrate", "--json").stdout)
    asked = scores(session)
    assert report["calibrated"] is True
    assert asked != plain
    assert {name: len(each) for name, each in asked.items()} == {name: len(each) for name, each in plain.items()}
    for path in session.glob("tomograms/*/r*/result.json"):
        manifest = json.loads(path.read_text())
        manifest["recipe"]["settings"]["curate"] = [{"rule": "calibrate", "feature": "ribosome"}]
        path.write_text(json.dumps(manifest))
    assert "scores calibrated" in picks(session, "--threshold", "0").stdout
    assert scores(session) == asked


def add_feature(session: Path, tomogram: str, name: str) -> None:
    """As if the recipe of one tomogram had picked another feature after its own."""
    (path,) = (session / "tomograms" / tomogram).glob("r1-*/result.json")
    manifest = json.loads(path.read_text())
    manifest["picks"][name] = manifest["picks"]["ribosome"]
    path.write_text(json.dumps(manifest | {"finished": "2999-01-01T00:00:00Z"}))
    candidates = path.parent / "candidates"
    shutil.copy(candidates / "ribosome.relion5.star", candidates / f"{name}.relion5.star")


def test_several_features_have_an_optimisation_set_each_and_share_the_list_of_tomograms(session):
    add_feature(session, "TS_01", "atpase")
    folders = {str(result.folder): {} for result in newest_results(session)}
    particles = session / "particles"

    def named(file: str) -> str:
        path = Path(starfile.read(particles / file)["rlnTomoParticlesFile"])
        assert path.parent == particles  # it holds from any folder
        return path.name

    write_stars(session, folders)
    assert named("ribosome_optimisation_set.star") == named("optimisation_set.star") == "ribosome.star"
    assert named("atpase_optimisation_set.star") == "atpase.star"
    assert set(starfile.read(particles / "atpase.star")["rlnTomoName"]) == {"TS_01"}
    assert list(starfile.read(particles / "tomograms.star")["rlnTomoName"]) == ["TS_01", "TS_02", "TS_03"]
    picks(session, "--feature", "atpase")
    picks(session, "--feature", "ribosome")
    exported = session / "exports" / "relion5"
    named_there = starfile.read(exported / "optimisation_set.star")["rlnTomoParticlesFile"]
    assert named_there == str(exported / "ribosome.star")
    assert list(starfile.read(exported / "tomograms.star")["rlnTomoName"]) == ["TS_01", "TS_02", "TS_03"]
    write_stars(session, {})
    assert {path.name for path in particles.iterdir()} == {
        "atpase.star", "atpase_optimisation_set.star", "ribosome.star", "ribosome_optimisation_set.star",
        "tomograms.star", "optimisation_set.star", "atpase_import.star", "ribosome_import.star", "atpase_import",
        "ribosome_import",
    }  # fmt: skip
    assert not [*particles.glob("*_import/*")]


def test_a_session_can_be_given_by_its_name(results, tmp_path):
    for watch in ("krios1", "krios2"):
        shutil.copytree(results, tmp_path / "out" / watch / "monday")
        (tmp_path / watch).mkdir()
    shutil.copytree(results, tmp_path / "out" / "krios1" / "tuesday")
    config = tmp_path / "livetomo.toml"
    config.write_text(
        'site = "here"\nstate = "state"\noutput = "out"\n'
        + "".join(f'[[watch]]\nname = "{watch}"\npath = "{watch}"\n' for watch in ("krios1", "krios2"))
    )
    picks("tuesday", "--config", config)
    assert (tmp_path / "out" / "krios1" / "tuesday" / "exports" / "relion5" / "ribosome.star").exists()
    with pytest.raises(ConfigurationError, match="several of this name"):
        picks("monday", "--config", config)
    picks("monday", "--watch", "krios2", "--config", config, "--output", tmp_path / "o")
    assert (tmp_path / "o" / "ribosome.star").exists()
    with pytest.raises(ConfigurationError, match="neither a folder nor a session"):
        picks("sunday", "--config", config)
    with pytest.raises(ConfigurationError, match="say by --config"):
        picks("sunday", "--config", tmp_path / "none.toml")


def test_what_is_not_there_is_said(session, tmp_path):
    with pytest.raises(ConfigurationError, match="holds no results"):
        picks(tmp_path)
    with pytest.raises(ConfigurationError, match=r"the features of .* are ribosome"):
        picks(session, "--feature", "membrane")
    with pytest.raises(ConfigurationError, match="the formats are relion5, relion5-priors, relion4"):
        picks(session, "--format", "pdb")


def test_a_damaged_result_is_left_out_said_and_reported_by_the_exit_code(session):
    (star,) = session.glob("tomograms/TS_02/r*/candidates/ribosome.relion5.star")
    star.write_bytes(bytes(star.stat().st_size))
    run = picks(session, "--json")
    report = json.loads(run.stdout)
    assert run.exit_code == 3
    assert (report["picks"], list(report["tomograms"])) == (6, ["TS_01", "TS_03"])
    assert "damaged" in report["left_out"]["TS_02"]
    run = picks(session)
    assert (run.exit_code, "TS_02 is left out" in run.stderr) == (3, True)
    assert (
        list(starfile.read(session / "exports" / "relion5" / "ribosome.star")["rlnTomoName"])
        == ["TS_01"] * 3 + ["TS_03"] * 3
    )


def test_an_output_that_cannot_be_written_is_said(session, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        picks(session, "--output", tmp_path / "file" / "o")


def excluded(session: Path, name: str, **more: Any) -> Exclusion:
    (who,) = {each.manifest.tomogram for each in newest_results(session) if each.manifest.tomogram.name == name}
    return Exclusion(f"id of {name}", who, "ada", "ice", "2026-11-20T12:00:00Z", **more)


def counts_in(star: Path) -> dict[str, int]:
    table = starfile.read(star)
    return {} if len(table) == 0 else dict(table["rlnTomoName"].value_counts())


# What is taken out: of which tomogram, and the picks that are left of 3, 2 and 3.
OUT: dict[str, tuple[tuple[str, dict[str, Any]], dict[str, int]]] = {
    "a tomogram": (("TS_01", {}), {"TS_02": 2, "TS_03": 3}),
    "a feature": (("TS_02", {"feature": "ribosome"}), {"TS_01": 3, "TS_03": 3}),
    "another feature": (("TS_02", {"feature": "membrane"}), {"TS_01": 3, "TS_02": 2, "TS_03": 3}),
    "a part": (("TS_01", {"box": {"z": (19.0, 25.0)}}), {"TS_01": 1, "TS_02": 2, "TS_03": 3}),
    "a part of a feature": (
        ("TS_01", {"box": {"x": (50.0, 70.0)}, "feature": "ribosome"}),
        {"TS_01": 2, "TS_02": 2, "TS_03": 3},
    ),
    "taken back": (
        ("TS_01", {"readmitted_at": "2026-11-20T13:00:00Z", "readmitted_by": "ada"}),
        {"TS_01": 3, "TS_02": 2, "TS_03": 3},
    ),
    "of an older result": (("TS_01", {"result_id": "another"}), {"TS_01": 3, "TS_02": 2, "TS_03": 3}),
}


@pytest.mark.parametrize("what", OUT)
def test_what_is_taken_out_is_in_no_file_of_the_daemon_or_the_command(session, tmp_path, what):
    (name, more), left = OUT[what]
    exclusion = excluded(session, name, **more)
    write_stars(session, {str(each.folder): {} for each in newest_results(session)}, [exclusion])
    assert counts_in(session / "particles" / "ribosome.star") == left
    said = picks(session, "--output", tmp_path / "again")
    assert counts_in(tmp_path / "again" / "ribosome.star") == left
    holds = exclusion.holds and not exclusion.result_id
    assert (f"not taken: {name}: {exclusion.sentence}" in said.stdout) == holds
    note = session / "particles" / "left_out.txt"
    assert (note.read_text() if note.exists() else "") == (f"{name}: {exclusion.sentence}\n" if holds else "")


@pytest.mark.parametrize(("worst", "left"), [("good", ["TS_03"]), ("warn", ["TS_02", "TS_03"]), ("bad", TOMOGRAMS)])
def test_tomograms_of_a_worse_verdict_are_left_out_and_named(session, worst: Verdict, left):
    verdicts: dict[str, Verdict] = {"TS_01": "bad", "TS_02": "warn", "TS_03": "unjudged"}
    ids = {each.manifest.tomogram.name: each.manifest.result_id for each in newest_results(session)}
    SessionFacts({ids[name]: verdict for name, verdict in verdicts.items()}).write(session)
    report = json.loads(picks(session, "--verdict", worst, "--json").stdout)
    assert list(report["tomograms"]) == left
    assert report["not_taken"] == {name: [f"its verdict is {verdicts[name]}"] for name in TOMOGRAMS if name not in left}
    if worst == "warn":
        assert json.loads(picks(session, "--json").stdout)["tomograms"] == report["tomograms"]


def test_a_session_of_which_all_is_out_has_empty_files(session):
    write_stars(
        session,
        {str(each.folder): {} for each in newest_results(session)},
        [excluded(session, name) for name in TOMOGRAMS],
    )
    assert counts_in(session / "particles" / "ribosome.star") == {}
    assert "0 picks of ribosome in 0 tomograms" in picks(session).stdout


DAMAGED = ["", "[]", "{}", '{"verdicts": {"a": "fine"}, "exclusions": []}', '{"verdicts": {}, "exclusions": [1]}']


@pytest.mark.parametrize("text", DAMAGED)
def test_what_was_excluded_is_never_guessed(session, text):
    (session / SESSION_FACTS).write_text(text)
    with pytest.raises(ConfigurationError, match="nobody knows what was excluded"):
        picks(session)
