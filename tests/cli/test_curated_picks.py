"""`livetomo picks` curates what results hold: exact counts, in stars that another reader reads."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile
from click.testing import CliRunner

from livetomo.cli.picks import command
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import ConfigurationError, CurationImpossible
from livetomo.core.exclusion import Exclusion
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import TomogramId, result_name, session_folder, tomogram_folder
from livetomo.daemon import session_exports
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_facts import SessionFacts
from livetomo.results.session_files import read_names
from livetomo.results.session_picks import newest_results, write_metadata
from tests.volumes import VOXEL_ANGSTROM, balls, order_for, write_tomogram

A, B, C = (24, 20, 20), (20, 60, 25), (30, 40, 60)
ONE, TWO, THREE = "TS_01", "TS 02", "TS'03\" #"
"""Ribosomes are at A, B and C, but the second has a proteasome at B; ice is near A, then B, but not in the third."""
FEATURES = ("ribosome", "proteasome")


def recipe(**tables: Any) -> Recipe:
    diameters = {"ribosome": 250, "proteasome": 150}
    return Recipe.model_validate(
        {
            "keep": ["labels"],
            "feature": [
                *({"name": name, "model": "blob", "diameter_angstrom": diameters[name]} for name in FEATURES),
                {"name": "ice", "model": "dense", "grow_angstrom": 0},
            ],
            "interaction": [{"feature": name, "avoid": "ice", "radius_angstrom": 100} for name in FEATURES],
            "pick": [{"feature": name, "min_spacing_angstrom": 250, "threshold": 0.5} for name in FEATURES],
        }
        | tables
    )


RECIPE = recipe()
OFF_EDGES = recipe(curate=[{"feature": "ribosome", "rule": "edge", "distance_angstrom": 450}])
WITH_OTHER = recipe(
    curate=[{"feature": "ribosome", "rule": "other_recipe", "recipe": OFF_EDGES.hash[:8], "distance_angstrom": 10}]
)


def process(output: Path, name: str, rules: Recipe) -> None:
    number = [ONE, TWO, THREE].index(name)
    small, big = [B] * (number == 1), [A] if number == 1 else [A, B, C]
    volume = balls(places=big, seed=number) + 1.5 * balls(places=small, diameter=150, noise=0)
    if number < 2:
        volume[20:29, 36:45, 4:13] -= 40
    path = write_tomogram(output / f"{number}.mrc", volume)
    who = TomogramId("krios1", "monday", name)
    folder = tomogram_folder(str(output), who) / result_name(1, rules.hash)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pipeline.run(order_for(path, rules, tomogram=who), folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Three tomograms, each with the result of an older recipe beside the newest."""
    output = tmp_path_factory.mktemp("results")
    for rules in (OFF_EDGES, RECIPE):
        for name in (ONE, TWO, THREE):
            process(output, name, rules)
    return output


@pytest.fixture
def output(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "output")


@pytest.fixture
def session(output) -> Path:
    return session_folder(str(output), "krios1", "monday")


def picks(session: Path, *arguments: Any, feature: str = "ribosome"):
    given = [str(session), "--feature", feature, *map(str, arguments), "--output", str(session / "out")]
    run = CliRunner().invoke(command, given)
    if run.exception and not isinstance(run.exception, SystemExit):
        raise run.exception
    return run


def in_star(session: Path, feature: str = "ribosome") -> list[int]:
    """How many picks starfile finds of each tomogram."""
    folder = session / "out"
    table = starfile.read(folder / f"{feature}.star")
    named = Counter(table["rlnTomoName"]) if len(table) else Counter()
    names = read_names(folder)
    by_name = {names.get(called, called): number for called, number in named.items()}
    assert by_name.keys() <= {ONE, TWO, THREE}
    return [by_name.get(name, 0) for name in (ONE, TWO, THREE)]


def test_without_a_rule_nothing_is_curated(session):
    report = json.loads(picks(session, "--json").stdout)
    assert (in_star(session), report["curated"]) == ([3, 2, 3], [])
    assert "curated" not in picks(session).stdout


# The options, what is left in each tomogram's part of the star, and why the others are not in it.
CASES = {
    "near labels": (["--near", "ice:480"], [1, 1, 0], "farther than 480 Å from the labels of ice"),
    "nearer none": (["--near", "ice:440"], [0, 0, 0], "farther than 440 Å from the labels of ice"),
    "farther from labels": (["--near", "ice:600"], [2, 2, 0], "farther than 600 Å from the labels of ice"),
    "away from labels": (["--away", "ice:480"], [2, 1, 3], "within 480 Å of the labels of ice"),
    "in labels": (["--near", "ice:0"], [0, 0, 0], "farther than 0 Å from the labels of ice"),
    "near picks": (["--near", "proteasome:12"], [0, 1, 0], "farther than 12 Å from the picks of proteasome"),
    "away from picks": (["--away", "proteasome:12"], [3, 1, 3], "within 12 Å of the picks of proteasome"),
    "edge": (["--edge", "450"], [2, 2, 2], "closer than 450 Å to an edge of the tomogram"),
    "no edge": (["--edge", "0"], [3, 2, 3], "closer than 0 Å to an edge of the tomogram"),
    "z": (["--z", "22:26"], [1, 1, 1], "outside of z 22 to 26"),
    "top": (["--top", "2"], [2, 2, 2], "not among the 2 strongest of their tomogram"),
    "distinct": (["--distinct", "proteasome:100"], [3, 1, 3], "within 100 Å of a stronger pick of proteasome"),
    "too far to be one": (["--distinct", "proteasome:5"], [3, 2, 3], "within 5 Å of a stronger pick of proteasome"),
    "another recipe": (
        ["--consensus", f"{OFF_EDGES.hash}:10"],
        [2, 2, 2],
        f"without a pick of recipe {OFF_EDGES.hash[:8]} within 10 Å",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_each_rule_keeps_and_counts_what_it_says(session, what):
    options, left, why = CASES[what]
    report = json.loads(picks(session, *options, "--json").stdout)
    gone = {name: was - now for name, was, now in zip((ONE, TWO, THREE), (3, 2, 3), left, strict=True)}
    assert in_star(session) == left
    assert report["picks"] == sum(left)
    assert report["curated"] == [{"rule": options[0][2:], "why": why, "picks": 8 - sum(left), "tomograms": gone}]
    number = 8 - sum(left)
    assert f"curated: {number} pick{'' if number == 1 else 's'} left out, {why}\n" in picks(session, *options).stdout


def test_the_stronger_of_two_features_is_kept_once_whichever_is_asked_for(session):
    picks(session, "--distinct", "proteasome:100")
    picks(session, "--distinct", "ribosome:100", feature="proteasome")
    assert (in_star(session), in_star(session, "proteasome")) == ([3, 1, 3], [0, 1, 0])


def test_rules_act_together_and_the_strongest_are_chosen_of_what_is_left(session):
    report = json.loads(picks(session, "--top", 1, "--away", "ice:480", "--edge", 450, "--json").stdout)
    assert in_star(session) == [1, 1, 1]
    assert [(each["rule"], each["picks"]) for each in report["curated"]] == [("edge", 2), ("away", 2), ("top", 1)]
    table = starfile.read(session / "out" / "ribosome.star").set_index("rlnTomoName")
    assert table["rlnCenteredCoordinateYAngst"][ONE] == pytest.approx((B[1] - 40) * VOXEL_ANGSTROM, abs=10)
    report = json.loads(picks(session, "--near", "ice:600", "--near", "proteasome:12", "--json").stdout)
    assert (in_star(session), len(report["curated"])) == ([0, 1, 0], 2)


def test_boxes_of_a_file_are_by_tomogram_whatever_its_name(session, tmp_path):
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"*": [{"x": [0, 22]}], THREE: [{"z": [28, 32]}, {"x": [0, 22]}], TWO: [{}]}))
    report = json.loads(picks(session, "--region", boxes, "--json").stdout)
    assert in_star(session) == [1, 2, 2]
    assert [each["why"] for each in report["curated"]] == ["outside of the boxes in boxes.json"]
    boxes.write_text(json.dumps({ONE: [{}]}))
    report = json.loads(picks(session, "--region", boxes, "--json").stdout)
    assert in_star(session) == [3, 0, 0]
    assert {each["why"]: each["picks"] for each in report["curated"]} == {
        "outside of the boxes in boxes.json": 0,
        "of tomograms that boxes.json has no box of": 5,
    }


def test_boxes_are_also_by_the_tilt_series_that_sidecars_name(session, tmp_path):
    known = [replace(each, facts=SidecarFacts(tilt_series_name="Position_7")) for each in newest_results(session)[1:2]]
    assert [each.manifest.tomogram.name for each in known] == [THREE]
    write_metadata(known, session)
    (tmp_path / "b.csv").write_text("tomogram,x_low,x_high\nPosition_7,0,22\n*,0,30\n")
    run = picks(session, "--region", tmp_path / "b.csv", "--json")
    assert list(json.loads(run.stdout)["tomograms"].values()) == [2, 1, 2]
    assert Counter(starfile.read(session / "out" / "ribosome.star")["rlnTomoName"])["Position_7"] == 1


def test_a_tomogram_in_which_the_feature_was_not_picked_is_asked_nothing(session):
    """It stands in tomograms.star, which all features share, and no rule leaves it out."""
    picks(session, feature="proteasome")
    path = next(each.folder for each in newest_results(session) if each.manifest.tomogram.name == ONE) / "result.json"
    body = json.loads(path.read_text())
    del body["picks"]["proteasome"]
    path.write_text(json.dumps(body))
    run = picks(session, "--distinct", "ribosome:100", "--json", feature="proteasome")
    assert (run.exit_code, in_star(session, "proteasome")) == (0, [0, 1, 0])
    assert json.loads(run.stdout)["curated"][0]["tomograms"].keys() == {TWO, THREE}
    assert ONE in set(starfile.read(session / "out" / "tomograms.star")["rlnTomoName"])


def test_what_labels_decide_is_what_every_voxel_of_them_says(session):
    """The files alone, read by others' programs: mrcfile for labels, starfile for picks."""
    picks(session)
    whole = starfile.read(session / "out" / "ribosome.star")
    picks(session, "--away", "ice:500")
    kept = starfile.read(session / "out" / "ribosome.star")
    (folder,) = (each.folder for each in newest_results(session) if each.manifest.tomogram.name == ONE)
    labels = mrcfile.read(folder / "labels.mrc")
    value = json.loads((folder / "result.json").read_text())["labels"]["ice"]
    ice = np.argwhere(labels == value)[:, ::-1] * VOXEL_ANGSTROM
    columns = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]
    middle = np.array(labels.shape)[::-1] / 2 * VOXEL_ANGSTROM

    def of_one(table: pd.DataFrame) -> np.ndarray:
        return table[table["rlnTomoName"] == ONE][columns].to_numpy()

    far = [place for place in of_one(whole) if np.linalg.norm(ice - place - middle, axis=1).min() > 500]
    np.testing.assert_array_equal(of_one(kept), far)
    assert 0 < len(far) < len(of_one(whole))


@pytest.mark.parametrize("form", ["relion5", "relion4", "warp"])
def test_a_star_of_another_program_is_asked_for_the_same_particles(session, form):
    picks(session, "--format", form, "--pixel-size", 2.5, feature="proteasome")
    (star,) = (
        each
        for each in (session / "out").glob("proteasome*.star")
        if "set" not in each.name and "import" not in each.name
    )
    for distance, left in ((12, [0, 1, 0]), (100, [3, 2, 3])):
        run = picks(session, "--consensus", f"{star}:{distance}", "--pixel-size", 2.5, "--json")
        assert (run.exit_code, in_star(session)) == (0, left)
        assert json.loads(run.stdout)["curated"][0]["why"] == f"without a pick of {star.name} within {distance} Å"


def test_a_tomogram_that_a_star_does_not_know_is_left_out_and_named(session, tmp_path):
    star = tmp_path / "by hand: 1.star"
    place = (np.array(A[::-1]) - np.array([40, 40, 24])) * VOXEL_ANGSTROM
    columns = {f"rlnCenteredCoordinate{axis}Angst": [value] for axis, value in zip("XYZ", place, strict=True)}
    starfile.write({"particles": pd.DataFrame({"rlnTomoName": [ONE], **columns})}, star)
    run = picks(session, "--consensus", f"{star}:50", "--json")
    report = json.loads(run.stdout)
    assert (run.exit_code, in_star(session)) == (3, [1, 0, 0])
    assert report["left_out"].keys() == {TWO, THREE}
    assert "has no particles of TS 02" in report["left_out"][TWO]
    assert report["curated"][0]["tomograms"] == {ONE: 2}


def test_picks_that_were_taken_out_are_near_nothing(session):
    picks(session, "--near", "proteasome:100")
    assert in_star(session) == [3, 2, 3]
    who = TomogramId("krios1", "monday", ONE)
    SessionFacts({}, [Exclusion("id", who, "ada", "ice", "2026-11-20T12:00:00Z", "proteasome")]).write(session)
    picks(session, "--near", "proteasome:100")
    assert in_star(session) == [0, 2, 3]


def test_a_threshold_that_is_given_chooses_before_the_rules_and_partners_keep_theirs(session):
    report = json.loads(picks(session, "--threshold", 0.1, "--json").stdout)
    many = report["picks"]
    assert many > 8
    report = json.loads(picks(session, "--threshold", 0.1, "--near", "proteasome:100", "--json").stdout)
    assert (in_star(session), report["curated"][0]["picks"]) == ([3, 2, 3], many - 8)


def labels_of(session: Path, name: str) -> Path:
    return next(each.folder for each in newest_results(session) if each.manifest.tomogram.name == name) / "labels.mrc"


def test_where_labels_were_removed_the_tomogram_is_left_out_with_what_to_do(session):
    labels_of(session, TWO).unlink()
    run = picks(session, "--near", "ice:480")
    assert (run.exit_code, in_star(session)) == (3, [1, 0, 0])
    assert f"{TWO} is left out: there are neither labels nor picks of ice in {TWO}" in run.stderr
    assert 'write keep = ["labels"] in the recipe' in run.stderr
    assert "curated: 5 picks left out, farther than 480 Å from the labels of ice" in run.stdout


IMPOSSIBLE = {
    "--near membrane:10": r"neither labels nor picks of membrane .*with labels are ice; features with picks are ribo",
    "--distinct ice:10": r"no picks of ice .*features with picks are ribosome, proteasome.*give ice a \[\[pick\]\]",
    "--near ribosome:10": "compared with themselves",
    "--distinct ribosome:10": "compared with themselves",
    "--consensus 00000000:10": r"recipe 00000000 has no result of revision 1 .*the results of .* are r1-.*, r1-",
    f"--consensus {RECIPE.hash}:10": "name another recipe",
}


@pytest.mark.parametrize("options", IMPOSSIBLE)
def test_what_no_result_can_decide_is_an_error_and_no_file(session, options):
    with pytest.raises(CurationImpossible, match=IMPOSSIBLE[options]):
        picks(session, *options.split())
    assert not (session / "out").exists()


@pytest.mark.parametrize(
    "options",
    [
        "--near ice",
        "--near :10",
        "--near ice:-1",
        "--near ice:nan",
        "--near ice:far",
        "--top 0",
        "--edge -1",
        "--z 9:2",
    ],
)
def test_words_that_are_no_rule_are_refused(session, options):
    run = picks(session, *options.split())
    assert run.exit_code == 2
    assert not (session / "out").exists()


def test_a_star_that_is_none_is_refused(session, tmp_path):
    star = tmp_path / "a.star"
    for text, said in (("data_\nloop_\n_a\n_b\n1\n", "no star file"), ("data_\n\n_a 1\n", "none of these sets")):
        star.write_text(text)
        with pytest.raises(ConfigurationError, match=said):
            picks(session, "--consensus", f"{star}:10")
    with pytest.raises(ConfigurationError, match="neither a file nor the hash of a recipe"):
        picks(session, "--consensus", f"{tmp_path / 'b.star'}:10")


def test_a_recipe_s_rules_are_in_force_in_its_results_and_in_the_files_of_its_session(output, session):
    """`edge` took its own when it was made; `other_recipe` acts on what the session's files hold, the daemon's too."""
    older = {path.parent: path for path in session.glob(f"tomograms/*/{result_name(1, OFF_EDGES.hash)}/result.json")}
    assert len(older) == 3
    for path in older.values():
        found = json.loads(path.read_text())["picks"]["ribosome"]
        assert (found["count"], found["removed"][0]["rule"]) == (2, "edge")
    for name in (ONE, THREE):
        process(output, name, WITH_OTHER)
    report = json.loads(picks(session, "--json").stdout)
    assert in_star(session) == [2, 2, 2]
    assert report["curated"] == [
        {
            "rule": "consensus",
            "why": f"without a pick of recipe {OFF_EDGES.hash[:8]} within 10 Å",
            "picks": 2,
            "tomograms": {ONE: 1, THREE: 1},
        }
    ]
    results = {str(each.folder): {"metadata": {}, "verdict": "good"} for each in newest_results(session)}
    order = {"results": results, "exclusions": [], "session": str(session), "format": "relion5"}
    assert session_exports.write(order) == {"left_out": {}}
    assert (session / "particles" / "ribosome.star").read_text() == (session / "out" / "ribosome.star").read_text()
