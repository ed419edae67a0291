"""A training can be stopped and goes on as if it had not been; what cannot be learned from is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from livetomo.cli.train import command
from livetomo.config.model_card import Canonical, Layout
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.mrc import write_map
from livetomo.processing.networks.package import load_model
from livetomo.simulate.tomogram import simulate_cell
from livetomo.simulate.write import write_tomogram
from livetomo.train.annotated import AnnotatedExamples
from livetomo.train.batch import make_batch
from livetomo.train.example import Example, add_spheres, no_targets
from livetomo.train.goals import CELLULAR, Centre, Goal
from livetomo.train.score import centre_picks, score
from livetomo.train.simulated import SimulatedExamples
from livetomo.train.trainer import Trainer, TrainingDiverged, TrainingPlan, loss
from tests.networks import save_seeing_network

FEATURES = ("membrane", "ribosome")
LAYOUT = Layout(FEATURES, base=2, levels=2)
RIBOSOME = next(goal.centre for goal in CELLULAR if goal.feature == "ribosome")
SOURCE = SimulatedExamples(1, shape_zyx=(24, 32, 32), fine=0, coarse=0, looks=1)
CPU = torch.device("cpu")


def plan(**changes):
    return TrainingPlan(
        LAYOUT, **{"steps": 6, "batch": 2, "patch": 16, "save_every": 100, "score_every": 100} | changes
    )


@pytest.fixture(scope="module")
def examples():
    return [example for number in range(3) for example in SOURCE.examples(number)]


def test_the_same_number_gives_the_same_example_and_validation_other_ones():
    again = SOURCE.examples(0)[0]
    assert np.array_equal(SOURCE.examples(0)[0].volume, again.volume)
    aside = replace(SOURCE, validation=True).examples(0)[0]
    assert not np.array_equal(aside.volume, again.volume)


@pytest.mark.parametrize(("fine", "coarse"), [(0, 0), (1, 0), (0, 1)])
def test_what_is_learned_lies_where_it_is_seen(fine, coarse):
    """Matter is dense where the targets say so, and less so a voxel beside it, whatever voxels it was drawn with."""
    shapes = {"shape_zyx": (32, 48, 48), "fine_shape_zyx": (64, 96, 96), "coarse_shape_zyx": (26, 38, 38)}
    source = SimulatedExamples(2, **shapes, fine=fine, coarse=coarse, looks=1)
    examples = [source.examples(number)[0] for number in range(6)]
    assert {example.volume.shape for example in examples} == {(34, 49, 49) if coarse else (32, 48, 48)}

    def contrast(shift):
        moved = [np.roll(example.targets, shift, axis=(1, 2)) > 0 for example in examples]
        return sum(
            float(example.volume[here].mean(dtype=np.float64)) for example, here in zip(examples, moved, strict=True)
        )

    beside = [contrast(shift) for shift in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    assert contrast((0, 0)) > max(beside)
    assert max(beside) - min(beside) < 0.2 * contrast((0, 0))


def test_a_training_that_is_resumed_ends_as_one_that_was_not_stopped(tmp_path, examples):
    whole = Trainer(plan(), tmp_path / "whole", CPU)
    whole.run(lambda step: examples, examples[:1])
    half = Trainer(plan(), tmp_path / "half", CPU)
    with pytest.raises(KeyboardInterrupt):
        half.run(lambda step: examples, examples[:1], progress=_stop_at(4))
    resumed = Trainer(plan(), tmp_path / "half", CPU)
    assert resumed.step == 4
    resumed.run(lambda step: examples, examples[:1])
    for name, tensor in whole.kept.state_dict().items():
        assert torch.allclose(tensor, resumed.kept.state_dict()[name], atol=1e-6), name


def _stop_at(last):
    def progress(step, value):
        if step == last:
            raise KeyboardInterrupt

    return progress


def test_another_plan_does_not_go_on_with_a_checkpoint(tmp_path, examples):
    Trainer(plan(steps=1), tmp_path, CPU).run(lambda step: examples, examples[:1])
    with pytest.raises(ConfigurationError, match="was begun with another rate"):
        Trainer(plan(rate=1.0), tmp_path, CPU)


def test_a_checkpoint_from_before_goals_were_a_part_of_plans_goes_on(tmp_path, examples):
    Trainer(plan(steps=1), tmp_path, CPU).run(lambda step: examples, examples[:1])
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    before = json.loads(content["plan"])
    del before["goals"], before["around"]
    torch.save(content | {"plan": json.dumps(before)}, tmp_path / "checkpoint.pt")
    assert Trainer(plan(), tmp_path, CPU).step == 1
    with pytest.raises(ConfigurationError, match="was begun with another around"):
        Trainer(plan(around=0.5), tmp_path, CPU)


def test_a_resumed_training_keeps_its_own_weights_not_those_that_it_began_with(tmp_path, examples):
    start = Trainer(plan(seed=9), tmp_path / "start", CPU).network
    first = Trainer(plan(steps=1), tmp_path / "run", CPU, start)
    assert first.begun_with is not None
    first.run(lambda step: examples, examples[:1])
    again = Trainer(plan(), tmp_path / "run", CPU, start)
    assert again.begun_with is None
    assert torch.equal(again.network.head.weight, first.network.head.weight)


def test_a_loss_that_is_no_number_ends_the_training_clearly(tmp_path, examples):
    trainer = Trainer(plan(), tmp_path, CPU)
    trainer.network.head.bias.data[0] = float("nan")
    with pytest.raises(TrainingDiverged, match="not a number at step 0"):
        trainer.run(lambda step: examples, examples[:1])


def test_training_makes_the_loss_smaller(tmp_path, examples):
    values = []
    Trainer(plan(steps=40, rate=2e-2, warm_up=1, save_every=100), tmp_path, CPU).run(
        lambda step: examples, examples[:1], progress=lambda step, value: values.append(value)
    )
    assert np.mean(values[-8:]) < 0.8 * np.mean(values[:4])


def test_a_feature_that_is_not_known_changes_nothing():
    logits = torch.zeros(1, 2, 4, 4, 4, requires_grad=True)
    targets = torch.ones(1, 2, 4, 4, 4)
    loss(logits, targets, torch.tensor([[1.0, 0.0]]), (2.0, 4.0)).backward()
    assert logits.grad[:, 0].abs().sum() > 0
    assert logits.grad[:, 1].abs().sum() == 0


def test_batches_hold_what_was_asked_and_repeat_with_their_seed(examples):
    first, again = (
        make_batch(examples, FEATURES, count=3, patch=16, around=0.25, rng=np.random.default_rng(5), device=CPU)
        for _ in range(2)
    )
    assert first.volume.shape == (3, 1, 16, 16, 16)
    assert first.targets.shape == (3, 2, 16, 16, 16)
    assert torch.equal(first.volume, again.volume)
    assert set(first.targets.unique().tolist()) <= {0.0, 1.0}


def test_a_feature_that_few_examples_have_is_seen_as_often_as_one_that_many_have(examples):
    """Where one example in fifty has microtubules, a piece in eight holds some, not one in fifty."""
    common = [replace(examples[0], targets=np.full_like(examples[0].targets, examples[0].bit("membrane")))] * 49
    rare = replace(examples[0], targets=np.full_like(examples[0].targets, examples[0].bit("microtubule")))
    wanted = ("membrane", "microtubule")
    batch = make_batch(
        [*common, rare], wanted, count=100, patch=8, around=0.25, rng=np.random.default_rng(1), device=CPU
    )
    assert 7 <= int(batch.targets[:, 1].amax(dim=(1, 2, 3)).sum()) <= 25


def test_more_than_eight_features_have_a_bit_each():
    goals = tuple(Goal(f"f{number}", 1.0, Centre(40.0, 60.0, 20.0)) for number in range(12))
    targets = no_targets((16, 16, 16), goals)
    add_spheres(targets, 1 << 11, np.array([[8.0, 8, 8]]), 40.0, np.full(3, 10.0))
    example = Example(
        np.zeros(targets.shape, np.float16), targets, tuple(goal.feature for goal in goals), frozenset(), {}, 10.0
    )
    rng = np.random.default_rng(1)
    batch = make_batch([example], ("f0", "f11"), count=1, patch=16, around=1.0, rng=rng, device=CPU)
    assert batch.targets.sum(dim=(0, 2, 3, 4)).tolist() == [0, int((targets > 0).sum())]


def test_an_example_that_is_smaller_than_a_piece_is_mirrored(examples):
    batch = make_batch(examples, FEATURES, count=1, patch=40, around=0.25, rng=np.random.default_rng(5), device=CPU)
    assert batch.volume.shape == (1, 1, 40, 40, 40)


def test_ribosomes_that_touch_are_picked_apart_at_their_centres():
    places = np.array([[12.0, 12, 12], [12, 12, 19.0], [12, 25, 12.4]])
    targets = np.zeros((24, 36, 32), np.uint8)
    add_spheres(targets, 2, places, RIBOSOME.radius_angstrom, np.full(3, 30.0))
    picks = centre_picks(torch.from_numpy((targets == 2).astype(np.float32)), 30.0, RIBOSOME).above(0.5)
    assert len(picks) == 3
    distance = np.linalg.norm(picks.position[:, None] - places[None], axis=2).min(axis=0)
    assert (distance < 0.8).all()


def test_a_perfect_answer_scores_perfectly(examples):
    class Perfect(torch.nn.Module):
        layout = Layout(FEATURES, base=2, levels=1)

        def forward(self, volume):
            flags = torch.tensor([example.bit(feature) for feature in FEATURES], dtype=torch.uint8)[:, None, None, None]
            wanted = torch.from_numpy(example.targets)[None] & flags
            padded = torch.zeros(1, 2, *volume.shape[2:])
            padded[:, :, : wanted.shape[1], : wanted.shape[2], : wanted.shape[3]] = wanted.ne(0).float()
            return padded * 40 - 20

    example = examples[0]
    figures = score(Perfect(), [example], plan().learned, CPU)
    assert figures["dice_membrane"] == 1
    assert figures["dice_ribosome"] == 1
    assert figures["f4_ribosome"] > 0.9


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotated")
    for seed in (5, 6):
        write_tomogram(folder, f"tomo_{seed}", simulate_cell(seed, TomogramGeometry((24, 48, 48), 25.0)))
    return folder


def test_annotated_tomograms_are_read_as_they_are_simulated(annotated):
    source = AnnotatedExamples.of(annotated, Canonical(30.0))
    assert len(source.names) == 2
    example = source.examples(0)[0]
    assert example.volume.shape == (20, 40, 40)
    assert set(FEATURES) <= example.known
    assert len(example.centres["ribosome"]) > 0
    inside = np.rint(example.centres["ribosome"]).astype(int).clip(0, np.array(example.volume.shape) - 1)
    assert ((example.targets[tuple(inside.T)] & example.bit("ribosome")) > 0).mean() > 0.9


def test_labels_of_another_shape_are_refused(annotated, tmp_path):
    (tmp_path / "a.mrc").write_bytes((annotated / "tomo_5.mrc").read_bytes())
    write_map(tmp_path / "a_labels.mrc", np.zeros((8, 8, 8), np.int8), TomogramGeometry((24, 48, 48), 25.0))
    with pytest.raises(ConfigurationError, match=r"has 8 x 8 x 8 voxels \(z, y, x\), its tomogram 24 x 48 x 48"):
        AnnotatedExamples.of(tmp_path, Canonical(30.0)).examples(0)


def test_a_feature_that_is_nowhere_is_refused(annotated, tmp_path):
    (tmp_path / "a.mrc").write_bytes((annotated / "tomo_5.mrc").read_bytes())
    write_map(tmp_path / "a_labels.mrc", np.zeros((24, 48, 48), np.int8), TomogramGeometry((24, 48, 48), 25.0))
    with pytest.raises(ConfigurationError, match="nothing is annotated as membrane, ribosome"):
        AnnotatedExamples.of(tmp_path, Canonical(30.0)).check(FEATURES)


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no annotated tomogram"):
        AnnotatedExamples.of(tmp_path, Canonical(30.0))


@pytest.mark.slow
def test_the_command_trains_resumes_and_exports_a_model(tmp_path, annotated):
    options = ["segmentation", str(tmp_path / "run"), "--no-simulated", "--annotated", str(annotated), "--json"]
    options += ["--features", "membrane,ribosome", "--base", "2", "--levels", "2", "--patch", "16", "--batch", "1"]
    options += ["--pool", "2", "--workers", "1", "--name", "tiny", "--voxel-range", "5", "40"]
    first = CliRunner().invoke(command, [*options, "--steps", "2"], catch_exceptions=False)
    assert first.exit_code == 0
    again = CliRunner().invoke(command, [*options, "--steps", "3"], catch_exceptions=False)
    assert json.loads(again.stdout) is not None
    model = load_model(tmp_path / "run" / "tiny.safetensors")
    assert model.card.steps == 3
    assert model.card.features == FEATURES
    assert model.card.voxel_range_angstrom == (5.0, 40.0)
    assert (bool(model.card.unfit(4.9)), bool(model.card.unfit(5.0))) == (True, False)
    assert model.card.data == "2 annotated tomograms"
    assert model.card.centre_radii_angstrom == {"ribosome": 95.0}


@pytest.mark.slow
def test_a_training_begins_with_another_head_from_a_package_and_goes_on(tmp_path, annotated):
    save_seeing_network(tmp_path / "start.safetensors", ("membrane", "carbon"), 30.0)
    options = ["segmentation", str(tmp_path / "run"), "--no-simulated", "--annotated", str(annotated)]
    options += ["--from", str(tmp_path / "start.safetensors"), "--features", "membrane,ribosome", "--levels", "2"]
    options += ["--patch", "16", "--batch", "1", "--pool", "2", "--workers", "1", "--name", "tiny"]
    first = CliRunner().invoke(command, [*options, "--steps", "1"], catch_exceptions=False)
    carried = "1 of 2 levels are carried over and the answers for membrane; the answers for ribosome start fresh"
    assert carried in first.output
    again = CliRunner().invoke(command, [*options, "--steps", "2"], catch_exceptions=False)
    assert carried not in again.output
    card = load_model(tmp_path / "run" / "tiny.safetensors").card
    assert (card.features, card.base, card.levels) == (FEATURES, 2, 2)
    assert card.voxel_size_angstrom == 30  # as the package that it began with, where nobody says another


def test_a_model_to_begin_with_that_is_nowhere_is_refused():
    refused = CliRunner().invoke(command, ["segmentation", "run", "--from", "celular"])
    assert refused.exit_code == 2
    assert "celular is no file, and does not come with livetomo (there is cellular," in " ".join(refused.output.split())
