"""The share of false picks, from a tomogram's decoys to the files of its session, chosen anew without computing."""

import json
from pathlib import Path

import numpy as np
import pytest
import starfile
from click.testing import CliRunner

from livetomo.cli.picks import command
from livetomo.config import decoy_calibration
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import ConfigurationError
from livetomo.core.tomogram import result_name, session_folder, tomogram_folder
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_picks import newest_results, read_picks
from tests.volumes import balls, order_for, write_tomogram

PLACES = [(z, y, x) for z in (12, 24, 36) for y in (15, 40, 65) for x in (15, 40, 65)]
KEYS = {"candidate_threshold": 0.001, "threshold": 0.5, "min_spacing_angstrom": 100, "edge_angstrom": 60}
SHARE = "livetomoFalseShare"


def recipe(**keys: object) -> Recipe:
    body = load_recipe("untrained").to_json()
    body["pick"][0] |= KEYS | keys
    return Recipe.model_validate(body)


@pytest.fixture(scope="module", autouse=True)
def believed_decoys():
    """Balls in noise are no cell: the calibration of `blob`, which is of cells, does not hold for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoy_calibration, "of_methods", dict)
        yield


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tomograms whose share of false picks is estimated, and one whose recipe does not ask for it."""
    folder = tmp_path_factory.mktemp("session")
    for seed, rules in enumerate((recipe(false_share=0.1), recipe(decoys=True), recipe()), start=1):
        order = order_for(write_tomogram(folder / f"TS_0{seed}.mrc", balls(places=PLACES, seed=seed)), rules)
        made = tomogram_folder(str(folder / "out"), order.tomogram) / result_name(1, rules.hash)
        pipeline.run(order, made)
    return session_folder(str(folder / "out"), "krios1", "session")


def picks(session: Path, output: Path, *arguments: object) -> tuple[int, dict[str, object]]:
    words = [str(word) for word in (session, "--output", output, "--json", *arguments)]
    done = CliRunner().invoke(command, words)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.stdout)


def candidates(session: Path, name: str) -> dict[str, np.ndarray]:
    """Scores and shares as they were kept, by a reader that is not ours."""
    (path,) = session.glob(f"tomograms/{name}/r1-*/candidates/ribosome.relion5.star")
    table = starfile.read(path)
    return {"score": table["rlnAutopickFigureOfMerit"].to_numpy(), "share": table[SHARE].to_numpy()}


@pytest.mark.parametrize("most", [0.02, 0.1, 0.5, 1.0])
def test_picks_are_chosen_anew_by_their_share_of_false_ones(session: Path, tmp_path: Path, most: float) -> None:
    code, report = picks(session, tmp_path, "--false-share", most)
    kept = {name: candidates(session, name)["share"] <= np.float32(most) for name in ("TS_01", "TS_02")}
    assert report["tomograms"] == {name: int(each.sum()) for name, each in kept.items()}
    assert code == 3
    (why,) = report["left_out"].values()
    assert "the share of false picks is not known in TS_03: the recipe did not ask for it" in why
    if most > 0.05:
        false = [len(each) * each.max() for name in kept if len(each := candidates(session, name)["share"][kept[name]])]
        assert report["expected_false"] == pytest.approx(sum(false), abs=0.06)
        table = starfile.read(tmp_path / "ribosome.star")
        assert table[SHARE].max() <= most + 1e-6
        assert set(table["rlnTomoName"]) == {"TS_01", "TS_02"}


def test_a_larger_share_brings_back_what_the_recipe_did_not_publish(session: Path, tmp_path: Path) -> None:
    published = newest_results(session)[0].manifest.picks["ribosome"]
    assert published.false_share.value <= 0.1
    _, few = picks(session, tmp_path, "--false-share", 0.1)
    _, many = picks(session, tmp_path, "--false-share", 1)
    assert few["tomograms"]["TS_01"] == published.count < many["tomograms"]["TS_01"] == published.candidates


def test_at_a_score_it_is_said_how_many_are_false_and_of_how_many_nobody_knows(session: Path, tmp_path: Path) -> None:
    code, report = picks(session, tmp_path, "--threshold", 0.3)
    above = {name: candidates(session, name) for name in ("TS_01", "TS_02")}
    expected = sum((each["score"] >= 0.3).sum() * each["share"][each["score"] >= 0.3].max() for each in above.values())
    assert code == 0
    assert report["expected_false"] == pytest.approx(expected, abs=0.06)
    assert report["unknown"] == report["tomograms"]["TS_03"] > 0
    said = CliRunner().invoke(command, [str(session), "--output", str(tmp_path), "--threshold", "0.3"]).stdout
    known = report["picks"] - report["unknown"]
    assert f" in 3 tomograms, about {report['expected_false']:,.0f} of {known:,} false:" in said
    table = starfile.read(tmp_path / "ribosome.star")
    assert table[SHARE].isna().sum() == report["unknown"], "what is not known is no number"


def test_what_is_published_has_its_share_in_every_place(session: Path) -> None:
    """The strongest in the manifest, the tomogram's star, and the session's, which is made of the candidates."""
    for result in newest_results(session)[:2]:
        rows = np.array(result.manifest.picks["ribosome"].strongest)
        assert result.manifest.picks["ribosome"].columns[-1] == "false_share"
        star = starfile.read(result.folder / "picks" / "ribosome.relion5.star")
        (placed,) = read_picks([result], "ribosome")
        np.testing.assert_allclose(rows[:, -1], star[SHARE], atol=1e-6)
        np.testing.assert_allclose(rows[:, -1], placed.picks.false_share, atol=1e-6)
        assert placed.picks.false_share[-1] == pytest.approx(
            result.manifest.picks["ribosome"].false_share.value, abs=1e-4
        )


def test_two_ways_to_choose_are_refused(session: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="give one of them"):
        picks(session, tmp_path, "--false-share", 0.1, "--threshold", 0.5)
