"""A picker for several species is trained from their maps: what is chosen, learned, judged and written."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from livetomo.cli.evaluate import command as evaluation
from livetomo.cli.models import command as models
from livetomo.cli.train import command
from livetomo.config.model_card import Canonical, Card, read_card
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.errors import ConfigurationError
from livetomo.core.false_share import DecoyCalibration
from livetomo.core.geometry import TomogramGeometry
from livetomo.evaluate.species import NOTHING_NAMED, JudgedPicks
from livetomo.formats.mrc import write_map
from livetomo.simulate.shapes import random_protein
from livetomo.simulate.species import Mixture, Species
from livetomo.train import particle_evaluation
from livetomo.train import particles as training
from livetomo.train.particle_choices import Pace, chosen_voxel_size, goals_of, measured_pace
from livetomo.train.particle_evaluation import Evaluation, SpeciesThresholds
from livetomo.train.particle_recipe import recipe_of
from livetomo.train.particles import Length, ParticleOptions, length_of
from livetomo.train.simulated_particles import HeldOutParticles, SimulatedParticles
from tests.networks import save_seeing_network
from tests.particles import ball

CPU = torch.device("cpu")


def species(name, diameter, gyration=None):
    shape = replace(random_protein(np.random.default_rng(len(name)), diameter, name), diameter_angstrom=diameter)
    return Species(name, shape, gyration or 0.3 * diameter)


SPECIES = (species("lid", 160.0, 50.0), species("cage", 240.0, 80.0))
GOALS = goals_of(SPECIES, 14.0)
SMALL = {"extent_zyx_angstrom": (400.0, 600.0, 600.0)}


def source(**changes):
    return SimulatedParticles(
        **{"seed": 1, "mixture": Mixture(SPECIES), "goals": GOALS, "canonical": Canonical.at(14.0)} | SMALL | changes
    )


@pytest.mark.parametrize(
    ("diameters", "expected"),
    [((280, 260), 14.0), ((100,), 12.5), ((60,), 10.0), ((60, 280), 11.7), ((60, 500), 14.0)],
)
def test_voxels_suit_the_smallest_species_as_far_as_the_largest_one_allows(diameters, expected):
    assert chosen_voxel_size([species("x", float(diameter)) for diameter in diameters]) == expected


def test_a_sphere_is_of_one_radius_of_gyration_but_never_too_small_to_learn_and_counts_the_more_the_smaller():
    large, middle, small = goals_of(
        [species("a", 300.0, 95.0), species("b", 150.0, 45.0), species("c", 60.0, 18.0)], 12.0
    )
    assert [goal.centre.radius_angstrom for goal in (large, middle, small)] == pytest.approx([95.0, 45.0, 26.4])
    assert [goal.weight for goal in (large, middle, small)] == pytest.approx([4.0, 4 * (95 / 45) ** 1.5, 20.0])
    assert large.centre.spacing_angstrom == pytest.approx(180.0)
    assert large.centre.match_angstrom == pytest.approx(75.0)


def test_steps_fit_the_time_and_new_specimens_what_the_processes_make():
    pace = Pace(step_seconds=0.5, specimen_seconds=3.0)
    assert pace.steps(60) == 7200
    assert (pace.renew_every(1), pace.renew_every(15)) == (6, 1)
    plan = ParticleOptions(Mixture(SPECIES), {}, 14.0, base=1, levels=1, batch=1, patch=8).plan(1)
    made = []
    timed = measured_pace(plan, CPU, made.append)
    assert made == [0, 1, 2]
    assert timed.step_seconds > 0


def test_examples_repeat_with_their_number_and_show_each_species_where_it_is():
    first, again, aside = source().examples(3), source().examples(3), source(validation=True).examples(3)
    assert len(first) == 2  # looks at one specimen
    assert np.array_equal(first[0].volume, again[0].volume)
    assert np.array_equal(first[0].targets, first[1].targets)
    assert not np.array_equal(first[0].volume, first[1].volume)
    assert not np.array_equal(first[0].targets, aside[0].targets)
    for example in first:
        assert example.known == {"lid", "cage"}
        for feature, places in example.centres.items():
            inside = tuple(np.rint(places).astype(int).T)
            assert (example.targets[inside] & example.bit(feature) > 0).all()


@pytest.mark.parametrize("number", range(4))
def test_matter_lies_where_the_targets_are_whatever_voxels_it_was_drawn_with(number):
    """Denser at particles than three voxels beside them, on images with next to no noise."""
    example = source(snr=(50.0, 50.0), mixture=Mixture(SPECIES, spread=(6.0, 6.0), absent=0.0)).examples(number)[0]
    volume = example.volume.astype(np.float32)
    here = volume[example.targets > 0].mean()
    beside = [volume[np.roll(example.targets, shift, axis) > 0].mean() for axis in (1, 2) for shift in (-3, 3)]
    assert here > max(beside)


def test_held_out_specimens_choose_or_judge_and_are_never_the_same():
    geometry = TomogramGeometry((32, 48, 48), 14.0)
    judging = HeldOutParticles(1, Mixture(SPECIES), GOALS, Canonical.at(14.0), geometry, (0.1, 0.3))
    first, second = judging.examples(0)
    assert np.array_equal(first.targets, second.targets)  # one specimen at two ratios
    assert not np.array_equal(first.volume, second.volume)
    others = [replace(judging, choosing=True).examples(0)[0], judging.examples(1)[0]]
    others += [
        source(extent_zyx_angstrom=(32 * 14.0, 48 * 14.0, 48 * 14.0), validation=each).examples(0)[0]
        for each in (False, True)
    ]
    for other in others:
        assert not np.array_equal(first.volume, other.volume)


def test_the_recipe_publishes_what_is_found_well_and_keeps_candidates_of_the_rest(tmp_path):
    save_seeing_network(tmp_path / "mine.safetensors", ("lid", "cage"), 14.0, name="mine")
    card = read_card(tmp_path / "mine.safetensors")
    chosen = {"lid": SpeciesThresholds(0.1234, 0.4567, 0.5), "cage": SpeciesThresholds(0.3, 0.9, 0.49)}
    text = recipe_of(card, "mine.safetensors", GOALS, chosen)
    (tmp_path / "mine.toml").write_text(text)
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert [feature.name for feature in recipe.feature] == ["lid", "cage"]
    lid, cage = recipe.pick
    assert (lid.threshold, lid.candidate_threshold, lid.min_spacing_angstrom) == (0.456, 0.02, 96.0)
    assert (cage.threshold, cage.candidate_threshold) == (1.0, 0.02)
    assert "80 % of what scores at least this is right. 0.123 has the highest F4." in text
    assert "49% of the particles are found at an" in text
    assert not SpeciesThresholds(0.3, None, 0.0).is_publishable


def test_a_threshold_under_that_of_candidates_keeps_every_pick_a_candidate(tmp_path):
    save_seeing_network(tmp_path / "mine.safetensors", ("lid", "cage"), 14.0, name="mine")
    chosen = dict.fromkeys(("lid", "cage"), SpeciesThresholds(0.01, 0.0129, 0.9))
    text = recipe_of(read_card(tmp_path / "mine.safetensors"), "mine.safetensors", GOALS, chosen)
    (tmp_path / "mine.toml").write_text(text)
    assert load_recipe(str(tmp_path / "mine.toml")).pick[0].candidate_threshold == 0.012


OPTIONS = ParticleOptions(
    Mixture(SPECIES),
    {"lid": {"sha256": "1"}, "cage": {"sha256": "2"}},
    14.0,
    base=2,
    levels=2,
    batch=1,
    patch=16,
    pool=2,
    validation=1,
    choosing=1,
    held_out=2,
    workers=1,
)


def test_a_training_goes_on_with_its_length_and_refuses_other_options(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "measured_pace", lambda plan, device, make: Pace(0.5, 3.0))
    begun = length_of(OPTIONS, tmp_path, "cpu", minutes=1, steps=None)
    assert begun == Length(120, 6)
    monkeypatch.setattr(training, "measured_pace", None)  # what goes on measures nothing
    assert length_of(OPTIONS, tmp_path, "cpu", minutes=99, steps=None) == begun
    assert length_of(OPTIONS, tmp_path, "cpu", minutes=1, steps=500) == Length(500, 6)
    others = [
        ("seed", replace(OPTIONS, seed=2)),
        ("voxel-size", replace(OPTIONS, voxel_size_angstrom=12.0)),
        ("map", replace(OPTIONS, facts={"lid": {"sha256": "1"}, "cage": {"sha256": "3"}})),
        ("expected", replace(OPTIONS, mixture=Mixture((SPECIES[0], replace(SPECIES[1], density_per_um3=9.0))))),
    ]
    for changed, options in others:
        with pytest.raises(ConfigurationError, match=f"was begun with another {changed}. Go on with the same, or"):
            length_of(options, tmp_path, "cpu", minutes=1, steps=None)


def test_a_folder_with_something_else_under_that_name_is_refused(tmp_path):
    (tmp_path / "training.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"training\.json: says no training's options"):
        length_of(OPTIONS, tmp_path, "cpu", minutes=1, steps=1)


def test_figures_are_those_of_published_picks_at_thresholds_that_others_chose():
    def judged(right, lies_on, true):
        return JudgedPicks(np.linspace(0.9, 0.3, len(right)), np.array(right, bool), np.array(lies_on), true)

    lid = judged([1, 0, 0, 1], ["", "cage", NOTHING_NAMED, ""], 2)
    cage = judged([1], [""], 4)
    nothing = {0.1: [np.zeros(0, np.float32)], 0.2: [np.zeros(0, np.float32)]}
    picks = {"lid": {0.1: [lid], 0.2: [lid]}, "cage": {0.1: [cage], 0.2: [cage]}}
    evaluation = Evaluation(picks, {"lid": nothing, "cage": nothing}, 0.5)
    assert evaluation.calibrations() == {}  # too few candidates
    metrics = evaluation.metrics({"lid": 0.45, "cage": 0.5}, {})
    assert metrics["lid"]["false picks per µm³, other species apart"] == 2.0  # one in each 0.5 µm³
    assert metrics["lid"]["share of picks on cage"] == pytest.approx(1 / 3, abs=1e-4)
    assert metrics["lid"]["precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert metrics["lid"]["recall"] == 0.5
    assert metrics["cage"]["recall at 80 % precision, SNR 0.1"] == 0.25
    assert metrics["all species"]["mean average precision"] == pytest.approx(
        ((2 + 3 / 7 + 1 / 2) / 4 + 0.25) / 2, abs=1e-4
    )
    lid, cage = evaluation.thresholds()["lid"], evaluation.thresholds()["cage"]
    assert lid.highest_f4 == pytest.approx(0.3)
    assert (lid.precise, lid.recall) == (pytest.approx(0.9), 0.5)
    assert (cage.precise, cage.recall) == (pytest.approx(0.9), 0.25)
    assert (lid.is_publishable, cage.is_publishable) == (True, False)


def claimed(seed: int, *, seen: float) -> Evaluation:
    """Specimens in which decoys are as strong as what is false, and `seen` times as many."""
    chance = np.random.default_rng(seed)

    def specimen() -> tuple[JudgedPicks, np.ndarray]:
        false = chance.beta(1, 4, int(chance.integers(20, 120)))
        score = np.concatenate([chance.beta(4, 2, 60), false])
        order = np.argsort(-score)
        right = order < 60
        decoys = chance.beta(1, 4, round(seen * len(false))).astype(np.float32)
        return JudgedPicks(score[order], right, np.where(right, "", NOTHING_NAMED), 70), decoys

    made = [specimen() for _ in range(8)]
    return Evaluation({"lid": {0.1: [one for one, _ in made]}}, {"lid": {0.1: [one for _, one in made]}}, 0.5)


@pytest.mark.parametrize("seen", [0.2, 1.0])
def test_the_share_of_false_picks_follows_from_decoys_as_other_specimens_have_it(seen):
    calibrations = claimed(1, seen=seen).calibrations()
    found = claimed(2, seen=seen).metrics({"lid": 0.3}, calibrations)["lid"]
    assert found["share of false picks, true"] > 0.1
    assert found["share of false picks, claimed"] == pytest.approx(found["share of false picks, true"], abs=0.06)
    assert found["share of false picks, mean error"] < 0.1
    if seen < 1:  # without a calibration the decoys are believed as they are
        plain = claimed(2, seen=seen).claims("lid", 0.3, DecoyCalibration())
        assert plain["share of false picks, claimed"] < 0.5 * plain["share of false picks, true"]


def test_decoys_are_what_is_found_in_the_specimen_with_its_contrast_inverted(monkeypatch):
    source = OPTIONS.held_out_specimens(choosing=False)
    source = replace(source, geometry=TomogramGeometry((24, 48, 48), 14.0), snr=(0.2,))
    seen = []

    def as_bright(network, volume, device):
        seen.append(volume)
        return torch.from_numpy(np.clip(volume / np.abs(volume).max(), 0, 1)).half()[None].repeat(2, 1, 1, 1)

    monkeypatch.setattr(particle_evaluation, "predict", as_bright)
    with ThreadPoolExecutor(1) as executor:
        found = particle_evaluation.evaluate(torch.nn.Identity(), source, 1, torch.device("cpu"), executor)
    np.testing.assert_array_equal(seen[1], -seen[0])
    for goal in source.goals:
        (picks,), (decoys,) = found.picks[goal.feature][0.2], found.decoys[goal.feature][0.2]
        _, expected = particle_evaluation._candidates(as_bright(None, seen[1], None)[0], 14.0, goal)
        assert len(decoys)
        np.testing.assert_array_equal(decoys, expected)
        assert picks.score[: len(decoys)].tolist() != decoys[: len(picks.score)].tolist()


def test_the_recipe_believes_decoys_where_they_are_calibrated():
    card = Card.of("mine", OPTIONS.plan(1).layout, OPTIONS.plan(1).canonical)
    chosen = dict.fromkeys(card.features, SpeciesThresholds(0.2, 0.4, 0.7))
    calibrated = card.model_copy(update={"decoy_calibration": {card.features[0]: DecoyCalibration(0.1, 0.9, 0.5)}})
    assert recipe_of(card, "m.safetensors", OPTIONS.goals, chosen).count("false_share") == 0
    assert recipe_of(calibrated, "m.safetensors", OPTIONS.goals, chosen).count("false_share = 0.3") == 1
    rare = dict.fromkeys(card.features, SpeciesThresholds(0.2, 0.4, 0.3))
    assert recipe_of(calibrated, "m.safetensors", OPTIONS.goals, rare).count("false_share") == 0


@pytest.fixture
def maps(tmp_path):
    """Two balls of protein: 230 Å and 130 Å wide."""
    for name, radius in (("cage", 11.5), ("lid", 6.5)):
        write_map(tmp_path / f"{name}.mrc", ball(radius=radius), TomogramGeometry((40, 40, 40), 10.0))
    return [
        f"--map=cage={tmp_path / 'cage.mrc'}",
        "--contour=cage=0.5",
        f"--map=lid={tmp_path / 'lid.mrc'}",
        "--contour=lid=0.5",
    ]


@pytest.mark.slow
def test_the_command_trains_from_maps_goes_on_and_writes_package_and_recipe(tmp_path, maps, monkeypatch):
    monkeypatch.setattr(training, "EVALUATED_SHAPE_ZYX", (32, 64, 64))
    options = ["particles", str(tmp_path / "run"), *maps, "--expected", "lid=4000", "--name", "mine", "--from-nothing"]
    options += ["--base", "2", "--levels", "2", "--patch", "16", "--batch", "1", "--pool", "1", "--held-out", "1"]
    first = CliRunner().invoke(command, [*options, "--steps", "2"], catch_exceptions=False)
    assert "voxels of 14 Å, 2 channels, 2 levels, 2 steps" in first.output
    assert "picks of" in first.output
    card = read_card(tmp_path / "run" / "mine.safetensors")
    assert card.features == ("cage", "lid")
    assert set(card.centre_radii_angstrom) == {"cage", "lid"}
    assert card.densities_per_um3 == {"cage": 3000.0, "lid": 4000.0}
    assert card.diameters_angstrom["cage"] == pytest.approx(230, rel=0.06)
    assert "recall at 80 % precision, SNR 0.1" in card.metrics["lid"]
    shown = CliRunner().invoke(models, ["show", str(tmp_path / "run" / "mine.safetensors")], catch_exceptions=False)
    assert first.output.partition("\nRecall where")[2].partition("\n/")[0] in shown.output
    assert [pick.feature for pick in load_recipe(str(tmp_path / "run" / "mine.toml")).pick] == ["cage", "lid"]
    again = CliRunner().invoke(command, [*options, "--steps", "3", "--json"], catch_exceptions=False)
    assert Card.model_validate(json.loads(again.stdout)).steps == 3
    refused = CliRunner().invoke(command, [*options, "--steps", "4", "--seed", "2"])
    assert isinstance(refused.exception, ConfigurationError)
    assert "was begun with another seed" in str(refused.exception)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--expected", "lod=3"], "--expected lod: there is no --map of this name"),
        (["--mass", "lid=3", "--mass", "lid=4"], "--mass lid: is given twice"),
        (["--map", "../x=MAP"], "--map '../x'"),
        (["--map", "lid=MAP"], "--map lid: is given twice"),
        (["--map", "membrane=MAP"], '--map membrane: simulated cells call something else "membrane"'),
        (["--patch", "20"], "--patch 20 is not a multiple of 8, as --levels needs"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_its_option(tmp_path, maps, more, message):
    more = [word.replace("MAP", str(tmp_path / "lid.mrc")) for word in more]
    refused = CliRunner().invoke(command, ["particles", str(tmp_path / "run"), *maps, *more])
    assert isinstance(refused.exception, ConfigurationError)
    assert message in str(refused.exception)
    assert not (tmp_path / "run").exists()


def test_a_particle_that_fits_into_no_specimen_is_refused(tmp_path, maps):
    write_map(tmp_path / "wide.mrc", ball(radius=6.5), TomogramGeometry((40, 40, 40), 70.0))
    wide = [f"--map=wide={tmp_path / 'wide.mrc'}", "--contour=wide=0.5"]
    refused = CliRunner().invoke(command, ["particles", str(tmp_path / "run"), *maps, *wide, "--patch", "20"])
    assert isinstance(refused.exception, ConfigurationError)
    assert "Å wide, too large for specimens that are 1,000 Å thick" in str(refused.exception)


@pytest.mark.parametrize("option", [["--mass", "lid"], ["--mass", "lid=-3"], ["--expected", "lid=many"]])
def test_a_value_that_is_none_is_a_mistake_of_usage(tmp_path, maps, option):
    refused = CliRunner().invoke(command, ["particles", str(tmp_path / "run"), *maps, *option])
    assert refused.exit_code == 2
    assert "is not NAME=" in refused.output


def test_a_picker_is_judged_again_at_other_densities_and_only_with_its_own_species(tmp_path, maps, monkeypatch):
    monkeypatch.setattr(training, "EVALUATED_SHAPE_ZYX", (32, 64, 64))
    spheres = {"cage": 80.0, "lid": 50.0}
    metrics = {name: {"threshold": 0.5} for name in spheres}
    path = save_seeing_network(
        tmp_path / "mine.safetensors", ("cage", "lid"), 14.0, centres_angstrom=spheres, metrics=metrics
    )
    options = ["particles", str(path), "--specimens", "1", "--snr", "0.5", "--snr", "0.5", "--workers", "1"]
    judged = CliRunner().invoke(
        evaluation, [*options, *maps, "--expected", "lid=9000", "--json"], catch_exceptions=False
    )
    figures = json.loads(judged.stdout)
    assert set(figures) == {"cage", "lid", "all species"}
    assert "recall at 80 % precision, SNR 0.5" in figures["lid"]
    alone = CliRunner().invoke(evaluation, [*options, *maps[:2]])
    assert "has the species lid; give its --map too" in str(alone.exception)
    other = CliRunner().invoke(evaluation, [*options, *maps, maps[0].replace("cage=", "box=", 1), "--contour=box=0.5"])
    assert "does not know box; it knows cage, lid" in str(other.exception)
    cellular = CliRunner().invoke(evaluation, ["particles", "cellular", *maps])
    assert "was not made by livetomo train particles" in str(cellular.exception)
