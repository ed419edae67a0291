"""Each stage alone: values that are made up go in, values come out, and what went in is as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from livetomo.config.model_card import Canonical
from livetomo.config.recipe.denoise import Deconvolve, LowPass, NoDenoise, TotalVariation
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import NoDefocus, NoUsableVoxels, TooLargeForMemory
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.quality.metric import Quality
from livetomo.formats.frame import Frame
from livetomo.processing.blank import Blank
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline import fit_memory
from livetomo.processing.pipeline.before_denoising import look_and_clip_
from livetomo.processing.pipeline.denoise import denoise_
from livetomo.processing.pipeline.feature_maps import FeatureMaps, SegmentationInputs, segment
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.processing.pipeline.find_particles import FoundParticles
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.input_facts import describe_input
from livetomo.processing.pipeline.input_volume import normalise_input_
from livetomo.processing.pipeline.judge import judge
from livetomo.processing.pipeline.map_grid import MapGrid
from livetomo.processing.pipeline.pick_particles import interact, label, pick
from livetomo.processing.pipeline.result import TomogramResult
from livetomo.processing.pipeline.stage_clock import StageClock
from livetomo.processing.pipeline.tomogram_extent import TomogramExtent
from livetomo.processing.pipeline.write_result import unused_pixel_size, write_files
from livetomo.system.memory import Bound, Memory
from tests.networks import save_seeing_network
from tests.processing.pipeline.made_up import GEOMETRY, HEADER, SHAPE, VOXEL_SIZE, job, plan
from tests.volumes import VOXEL_ANGSTROM, balls

CPU = torch.device("cpu")
EXTENT = TomogramExtent(GEOMETRY)
PLACES = [(24, 20, 20), (20, 60, 25), (30, 40, 60)]


def normalised() -> torch.Tensor:
    """Balls of matter in noise of deviation 1."""
    return torch.from_numpy(-balls())


def test_read_normalises_matter_to_positive_and_says_what_is_wrong_with_voxels():
    volume = torch.from_numpy(np.pad(balls() * 7 + 100, ((0, 0), (16, 16), (0, 0))))
    volume[3, 40, 3:5] = torch.nan
    blank, findings = normalise_input_(volume, job())
    assert blank.share == pytest.approx(32 / 112, abs=0.01)
    assert not volume[blank.mask].any()
    assert volume[22:27, 34:39, 18:23].mean() > 1
    assert [figure.name for figure in findings.figures] == ["finite_share", "blank_share", "saturated_share"]
    assert [sentence[:8] for sentence in findings.warnings] == ["2 voxels", "29% of t"]


def test_read_refuses_a_volume_of_one_value():
    with pytest.raises(NoUsableVoxels, match="the same value, 7, everywhere"):
        normalise_input_(torch.full((8, 8, 8), 7.0), job())


def test_what_is_doubtful_about_the_input_is_said_in_its_order():
    doubtful = replace(VOXEL_SIZE, trouble="nobody says it")
    findings = describe_input(job(notes=["a note"]), doubtful, plan(missing=["membrane"]))
    assert findings.warnings[:3] == (
        "a note",
        "Voxel size: nobody says it.",
        "membrane is missing: voxels are too large.",
    )
    assert findings.figures == (Quality("voxel_size", VOXEL_ANGSTROM, "Å", "warn", "nobody says it"),)


@pytest.mark.parametrize(
    ("confirmed", "missing", "verdict"), [(True, (), "good"), (False, (), "unjudged"), (True, ("membrane",), "warn")]
)
def test_a_voxel_size_that_no_network_is_for_is_doubtful(confirmed, missing, verdict):
    (figure,) = describe_input(job(), replace(VOXEL_SIZE, is_confirmed=confirmed), plan(missing=missing)).figures
    assert figure.verdict == verdict


def test_a_plan_says_what_will_be_done_before_a_voxel_is_read(tmp_path):
    save_seeing_network(tmp_path / "tiny.safetensors")
    package = {"model": str(tmp_path / "tiny.safetensors")}
    features = [{"name": "ribosome", **package}, {"name": "other", "channel": "membrane", "mirrors": 2, **package}]
    (tmp_path / "r.toml").write_text(
        "".join(
            "[[feature]]\n" + "".join(f"{key} = {value!r}\n" for key, value in feature.items()) for feature in features
        )
    )
    recipe, models = load_recipe(str(tmp_path / "r.toml")), Models("cpu")
    fine = plan_features(recipe, GEOMETRY, models)
    assert (fine.grid.maps.voxel_size_angstrom, fine.grid.tomogram) == (30.0, GEOMETRY)
    assert [(run.canonical, run.features, run.mirrors) for run in fine.runs()] == [
        (Canonical(30.0), 1, 1),
        (Canonical(30.0), 1, 2),
    ]
    coarse = plan_features(recipe, HEADER.geometry(400.0), models)
    assert coarse.missing.keys() == coarse.unfit.keys() == {"ribosome", "other"}
    assert (coarse.grid.maps.shape_zyx, coarse.runs(), coarse.provenance()) == (SHAPE, [], {})


class Small(Memory):
    """A machine without room."""

    def bound(self) -> Bound:
        return Bound(self.resident() + 1000, "this machine has")


def test_what_cannot_fit_is_refused_by_its_header_alone(monkeypatch):
    monkeypatch.setattr(fit_memory, "Memory", Small)
    with pytest.raises(TooLargeForMemory, match=r"TS_01\.mrc"):
        fit_memory.refuse_what_cannot_fit(job(), HEADER, plan(), CPU)


def test_what_clipping_hides_is_taken_before_it():
    volume = normalised()
    volume[24:28, 40:44, 40:44] = 50
    seen, inputs = look_and_clip_(volume, plan(), job())
    assert float(volume.max()) == 6
    assert (seen.figures[0].name, seen.figures[0].value) == ("dense_share", pytest.approx(64 / volume.numel()))
    assert {"contrast", "seen_tilt_range"} <= {figure.name for figure in seen.figures}
    assert inputs.dense_masks["contamination"][26, 42, 42] == 1
    assert inputs.network_inputs == {}


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [
        (NoDenoise(), 1, 1),
        (LowPass(method="lowpass", resolution_angstrom=200), 0, 0.6),
        (TotalVariation(method="tv"), 0, 0.2),
    ],
)
def test_denoising_takes_noise_as_the_recipe_says(rule, least, most):
    recipe = load_recipe("untrained").model_copy(update={"denoise": rule})
    noise = torch.from_numpy(balls(places=()))
    before = float(noise.std())
    assert least <= float(denoise_(noise, job(recipe), GEOMETRY).volume.std()) / before <= most


def test_deconvolution_needs_a_defocus():
    recipe = load_recipe("untrained").model_copy(update={"denoise": Deconvolve(method="deconvolve")})
    with pytest.raises(NoDefocus, match=r"TS_01\.mrc"):
        denoise_(normalised(), job(recipe), GEOMETRY)
    sharp = denoise_(normalised(), job(recipe, defocus_angstrom=4e4), GEOMETRY).volume
    assert sharp.shape == SHAPE


def test_segmentation_gives_every_feature_a_map_and_changes_nothing_that_it_is_given():
    mask, blank = torch.zeros(SHAPE, dtype=torch.uint8), torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, :8] = 1
    blank[:, :4] = True
    volume = normalised().masked_fill_(blank, 0)
    given = volume.clone()
    maps = segment(volume, SegmentationInputs({"contamination": mask}), plan(), Models("cpu"), blank).maps
    assert list(maps) == [feature.name for feature in load_recipe("untrained").feature]
    assert all(not probability[blank].any() for probability in maps.values())
    for place in PLACES:
        assert maps["ribosome"][place] > 0.5
    assert maps["contamination"][:, 4:8].all()
    assert torch.equal(volume, given)
    assert mask[:, :8].all()


def test_the_map_of_a_feature_that_is_missing_is_empty():
    recipe = Recipe.model_validate({"feature": [{"name": "a", "model": "blob", "diameter_angstrom": 250}]})
    maps = segment(normalised(), SegmentationInputs(), plan(recipe), Models("cpu")).maps
    assert maps["a"].any()
    gone = replace(plan(recipe, missing=["b"]), missing={"b": ""})
    assert segment(normalised(), SegmentationInputs(), gone, Models("cpu")).maps.keys() == {"a"}


def spots(*places, shape=SHAPE, score=0.9) -> torch.Tensor:
    probability = torch.zeros(shape)
    for z, y, x in places:
        probability[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = score
    return probability


def of_spots(**changes) -> FeatureMaps:
    nothing = torch.zeros(SHAPE)
    maps = {"contamination": nothing, "membrane": nothing, "ribosome": spots(*PLACES)} | changes
    return FeatureMaps(maps, {"ribosome": 0.8})


def test_interactions_give_new_maps_and_keep_the_old():
    maps = of_spots(contamination=spots(PLACES[0]))
    changed = interact(maps, plan())
    assert not changed.maps["ribosome"][PLACES[0]]
    assert changed.maps["ribosome"][PLACES[1]]
    assert maps.maps["ribosome"][PLACES[0]]
    assert changed.mirror_agreement == {"ribosome": 0.8}


def test_labels_say_which_feature_a_voxel_belongs_to():
    labels = label(of_spots(membrane=spots(PLACES[2])), plan())
    assert labels.dtype == np.int8
    assert len(np.unique(labels)) == 2
    assert labels[PLACES[2]] != 0
    blobs = Recipe.model_validate({"feature": [{"name": "a", "model": "blob", "diameter_angstrom": 250}]})
    assert label(FeatureMaps({"a": spots()}), plan(blobs)) is None


def test_picks_lie_in_voxels_of_the_tomogram_and_of_a_missing_feature_there_are_none():
    twice = MapGrid(GEOMETRY, TomogramGeometry((96, 160, 160), VOXEL_ANGSTROM / 2))
    found = pick(of_spots(), plan(grid=twice))
    assert {tuple(at) for at in found.candidates["ribosome"].position} == {(48, 40, 40), (40, 120, 50), (60, 80, 120)}
    assert len(pick(of_spots(), plan(missing=["ribosome"])).candidates["ribosome"]) == 0


def test_judging_gives_verdicts_and_says_which_way_round_density_is():
    light = Quality("density_skew", -1.0, "", "bad", "it is light")
    found = judge(job(), EXTENT, [light, Quality("dense_share", 0.5, "")])
    assert [figure.verdict for figure in found.figures] == ["bad", "unjudged"]
    (warning,) = found.warnings
    assert 'Set density = "bright"' in warning
    assert judge(job(), EXTENT, [Quality("dense_share", 0.5, "")]).figures[0].verdict in ("warn", "bad")


def test_judging_believes_the_sidecars_about_the_voxel_size():
    spec = job(pixel_size_angstrom=2.5, raw_size_xy=[400, 400])
    found = judge(spec, EXTENT, [Quality("voxel_size", VOXEL_ANGSTROM, "Å", "good")])
    assert found.figures[0].verdict == "bad"
    assert found.warnings[0].startswith("Voxel size: at 25 Å the volume is 2,000 x 2,000 Å wide")


def test_room_is_counted_without_what_is_blank():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, :40] = True
    half = TomogramExtent.of(GEOMETRY, Blank(mask, 0.5, (0.0,)))
    assert half.volume_um3() == pytest.approx(EXTENT.volume_um3() / 2)
    assert half.volume_um3(600) == pytest.approx(EXTENT.volume_um3(600) / 2)


def result(**facts) -> TomogramResult:
    spec = job(**facts)
    recipe = spec.recipe.model_copy(update={"keep": ("denoised", "labels", "probabilities")})
    spec = replace(spec, recipe=recipe)
    frame = Frame.of_metadata("TS_01", GEOMETRY, spec.facts)
    picks = Picks(np.array(PLACES, np.float32), np.array([0.9, 0.8, 0.1], np.float32), np.ones(3, np.float32))
    maps, labels = of_spots().maps, np.ones(SHAPE, np.int8)
    found, findings = FoundParticles({"ribosome": picks}), Findings((), ("a warning",))
    return TomogramResult(spec, HEADER, VOXEL_SIZE, frame, plan(recipe), normalised(), maps, labels, found, findings)


def test_a_result_is_written_twice_alike(tmp_path):
    made = result()
    contents = []
    for name in ("a", "b"):
        write_files(made, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({path.relative_to(tmp_path / name).as_posix(): path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert {"denoised.mrc", "labels.mrc", "picks/ribosome.relion5.star", "preview/xy.png"} <= contents[0].keys()


def test_a_pixel_size_that_no_file_can_use_is_said():
    spec = job(pixel_size_angstrom=99.0)
    frame = Frame.of_metadata("TS_01", GEOMETRY, spec.facts)
    assert unused_pixel_size(spec, frame).warnings[0].startswith("Unbinned pixel size: 99 Å")
    assert unused_pixel_size(job(), frame) == Findings()


def test_a_stage_is_announced_as_it_begins_and_timed_when_it_ends():
    times, announced = iter([1.0, 3.5, 10.0]), []
    clock = StageClock(announced.append, lambda: next(times))
    with clock.stage("read"):
        assert (announced, clock.seconds) == (["read"], {})
    assert clock.seconds == {"read": 2.5}
    with pytest.raises(ZeroDivisionError), clock.stage("denoise"):
        raise ZeroDivisionError
    assert (announced, list(clock.seconds)) == (["read", "denoise"], ["read"])
