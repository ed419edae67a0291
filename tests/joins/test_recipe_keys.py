"""Every key of a recipe, written in TOML with another value, stands in the result and changes what the result is."""

import copy
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel

from livetomo.config.recipe.exclude import exclude_of
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.quality import session_baseline as baseline
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.results.folder import read_result
from livetomo.results.session_picks import read_picks
from livetomo.simulate.shapes import ribosome_like
from tests.networks import save_seeing_network
from tests.processing.match.posed import symmetric_shape
from tests.volumes import balls, order_for, write_tomogram

BLOB = {"name": "ribosome", "model": "blob", "diameter_angstrom": 250}
OTHER = {"name": "other", "model": "blob", "diameter_angstrom": 180}
DENSE = {"name": "ice", "model": "dense"}
RIDGE = {"name": "membrane", "model": "ridge"}
NETWORK = {"name": "carbon", "model": "fine.safetensors"}
PICK = {"feature": "ribosome", "min_spacing_angstrom": 250, "threshold": 0.3, "candidate_threshold": 0.05}
LOW_DOWN = PICK | {"candidate_threshold": 0.0001, "min_spacing_angstrom": 60}
OTHERS = {"feature": "other", "min_spacing_angstrom": 100, "threshold": 0.6, "candidate_threshold": 0.1}
SHED = PICK | {"method": "watershed"}
PLAIN = {"feature": [BLOB, OTHER, DENSE, RIDGE], "pick": [PICK, OTHERS]}
NET = {"keep": ["probabilities", "labels"], "feature": [BLOB, NETWORK], "pick": [PICK]}
KEPT = {"keep": ["probabilities"]}
COMPARED = {"map": "lump.mrc", "map_mass_kda": 2500}
MATCH = {"pick": [PICK | {"refine": "match"} | COMPARED]}
WIENER = {"denoise": {"method": "deconvolve", "defocus_angstrom": 200000}}
BESIDE = {"denoise": {"method": "beside", "otherwise": "lowpass"}}
LOW = {"figure": "ribosome_count", "warn_below": 0.001, "bad_below": 0.0005}
STRICT = {"limit": [{"figure": "ribosome_count", "warn_above": 0}]}
BAD = {"limit": [{"figure": "ribosome_count", "bad_above": 0}]}
HIGH = {"figure": "ribosome_count", "warn_above": 50, "bad_above": 60}


def rule(**keys: Any) -> dict[str, Any]:
    return {"curate": [{"feature": "ribosome"} | keys]}


def act(**keys: Any) -> dict[str, Any]:
    return {"interaction": [{"feature": "ribosome", "avoid": "other", "threshold": 0.3, "radius_angstrom": 80} | keys]}


@dataclass(frozen=True)
class Case:
    """The key at `path` set to `value`, in a recipe that is `PLAIN` but for `given`; `also`: what has to go along.

    tomograms: how many it takes to see what the key does.
    """

    path: str
    value: Any
    given: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Any] = field(default_factory=dict)
    tomograms: int = 1


NEAR = rule(rule="near", partner="other", threshold=0.95, distance_angstrom=50)
AWAY = rule(rule="away", partner="other", threshold=0.95, distance_angstrom=50)
AGREE = rule(rule="consensus", partners=["other"], distance_angstrom=60)
SAME = rule(rule="distinct", partner="other", distance_angstrom=60)
THREE = [PICK, OTHERS, OTHERS | {"feature": "membrane", "threshold": 1}]
CASES = {
    "Recipe.density": Case("density", "bright"),
    "Recipe.radiation": Case("radiation", "xray"),
    "Recipe.voxel_size_angstrom": Case("voxel_size_angstrom", 26.5),
    "Recipe.keep": Case("keep", ["denoised"]),
    "NoDenoise.method": Case("denoise.method", "none", {"denoise": {"method": "lowpass"}}),
    "LowPass.method": Case("denoise.method", "lowpass"),
    "LowPass.resolution_angstrom": Case("denoise.resolution_angstrom", 120, {"denoise": {"method": "lowpass"}}),
    "Deconvolve.method": Case("denoise.method", "deconvolve", {}, {"denoise.defocus_angstrom": 40000}),
    "Deconvolve.defocus_angstrom": Case("denoise.defocus_angstrom", 100000, WIENER),
    "Deconvolve.strength": Case("denoise.strength", 0.3, WIENER),
    "Deconvolve.falloff": Case("denoise.falloff", 3, WIENER),
    "Deconvolve.highpass": Case("denoise.highpass", 0.3, WIENER),
    "Deconvolve.phase_flipped": Case("denoise.phase_flipped", True, WIENER),
    "Deconvolve.voltage_kilovolt": Case("denoise.voltage_kilovolt", 120, WIENER),
    "Deconvolve.spherical_aberration_mm": Case("denoise.spherical_aberration_mm", 9, WIENER),
    "Deconvolve.amplitude_contrast": Case("denoise.amplitude_contrast", 0.8, WIENER),
    "TotalVariation.method": Case("denoise.method", "tv"),
    "TotalVariation.weight": Case("denoise.weight", 0.3, {"denoise": {"method": "tv"}}),
    "TotalVariation.weight_without_halves": Case(
        "denoise.weight_without_halves", 0.3, {"denoise": {"method": "tv", "weight": "halves"}}
    ),
    "BesideDenoise.method": Case("denoise.method", "beside", {}, {"denoise.otherwise": "lowpass"}),
    "BesideDenoise.files": Case("denoise.files", ["TS_2.mrc"], BESIDE),
    "BesideDenoise.otherwise": Case("denoise.otherwise", "none", BESIDE),
    "BlobFeature.name": Case("feature.0.name", "atpase", {}, {"pick.0.feature": "atpase"}),
    "BlobFeature.model": Case("feature.0", {"name": "ribosome", "model": "dense"}),
    "BlobFeature.diameter_angstrom": Case("feature.0.diameter_angstrom", 300),
    "DenseFeature.name": Case("feature.2.name", "gold"),
    "DenseFeature.model": Case("feature.2", {"name": "ice", "model": "ridge"}),
    "DenseFeature.deviations": Case("feature.2.deviations", 3),
    "DenseFeature.grow_angstrom": Case("feature.2.grow_angstrom", 150),
    "RidgeFeature.name": Case("feature.3.name", "lamella"),
    "RidgeFeature.model": Case("feature.3", {"name": "membrane", "model": "dense"}),
    "RidgeFeature.scales_angstrom": Case("feature.3.scales_angstrom", [60], {"keep": ["probabilities"]}),
    "RidgeFeature.threshold": Case("feature.3.threshold", 0.02),
    "NetworkFeature.name": Case("feature.1.name", "ribosomes", NET, {"feature.1.channel": "carbon"}),
    "NetworkFeature.model": Case("feature.1.model", "coarse.safetensors", NET),
    "NetworkFeature.coarse_model": Case("feature.1.coarse_model", "coarse.safetensors", NET),
    "NetworkFeature.channel": Case("feature.1.channel", "ribosome", NET),
    "NetworkFeature.mirrors": Case("feature.1.mirrors", 2, NET),
    "NetworkFeature.threshold": Case("feature.1.threshold", 0.0001, NET),
    "Competition.emit": Case("competition.emit", ["ribosome"], KEPT | {"competition": {"absorb": ["other"]}}),
    "Competition.absorb": Case("competition.absorb", ["other"], KEPT | {"competition": {"emit": ["ribosome"]}}),
    "Interaction.feature": Case("interaction.0.feature", "membrane", act()),
    "Interaction.avoid": Case("interaction.0.avoid", "ice", act()),
    "Interaction.colocalize": Case(
        "interaction.0.colocalize", "ice", {"interaction": [{"feature": "ribosome", "colocalize": "other"}]}
    ),
    "Interaction.threshold": Case("interaction.0.threshold", 0.99, act()),
    "Interaction.radius_angstrom": Case("interaction.0.radius_angstrom", 250, act(avoid="ice")),
    "Interaction.slicewise": Case("interaction.0.slicewise", True, KEPT | act(avoid="ice", radius_angstrom=250)),
    "Pick.feature": Case("pick.1.feature", "membrane"),
    "Pick.method": Case("pick.0.method", "centroid"),
    "Pick.threshold": Case("pick.0.threshold", 0.9),
    "Pick.false_share": Case("pick.0.false_share", 0.05, {"pick": [LOW_DOWN | {"decoys": True}]}),
    "Pick.decoys": Case("pick.0.decoys", True, {"pick": [LOW_DOWN]}),
    "Pick.candidate_threshold": Case("pick.0.candidate_threshold", 0.3),
    "Pick.min_volume_angstrom3": Case("pick.0.min_volume_angstrom3", 1e7, {"pick": [SHED]}),
    "Pick.min_spacing_angstrom": Case("pick.0.min_spacing_angstrom", 700),
    "Pick.edge_angstrom": Case("pick.0.edge_angstrom", 290),
    "Pick.diameter_angstrom": Case("pick.0.diameter_angstrom", 111),
    "Pick.refine": Case("pick.0.refine", "match", {}, {f"pick.0.{key}": value for key, value in COMPARED.items()}),
    "Pick.map": Case("pick.0.map", "ring.mrc", MATCH),
    "Pick.map_contour": Case("pick.0.map_contour", 0.8, MATCH),
    "Pick.map_mass_kda": Case("pick.0.map_mass_kda", 1500, MATCH),
    "Pick.map_symmetry": Case("pick.0.map_symmetry", "C2", MATCH),
    "Pick.map_voxel_size_angstrom": Case("pick.0.map_voxel_size_angstrom", 12, MATCH),
    "Pick.low_pass_angstrom": Case("pick.0.low_pass_angstrom", 90, MATCH),
    "Near.feature": Case("curate.0.feature", "other", rule(rule="near", partner="ice")),
    "Near.rule": Case("curate.0.rule", "near", AWAY),
    "Near.partner": Case("curate.0.partner", "ice", NEAR),
    "Near.threshold": Case("curate.0.threshold", 1, NEAR),
    "Near.distance_angstrom": Case("curate.0.distance_angstrom", 400, rule(rule="near", partner="ice")),
    "Away.feature": Case("curate.0.feature", "other", AWAY),
    "Away.rule": Case("curate.0.rule", "away", NEAR),
    "Away.partner": Case("curate.0.partner", "ice", AWAY),
    "Away.threshold": Case("curate.0.threshold", 1, AWAY),
    "Away.distance_angstrom": Case("curate.0.distance_angstrom", 400, rule(rule="away", partner="ice")),
    "Duplicates.feature": Case("curate.0.feature", "other", rule(rule="duplicates", distance_angstrom=600)),
    "Duplicates.rule": Case("curate", [{"feature": "ribosome", "rule": "duplicates", "distance_angstrom": 600}]),
    "Duplicates.distance_angstrom": Case(
        "curate.0.distance_angstrom", 600, rule(rule="duplicates", distance_angstrom=1)
    ),
    "Consensus.feature": Case(
        "curate.0",
        {"feature": "other", "rule": "consensus", "partners": ["ribosome"], "distance_angstrom": 60},
        AGREE,
    ),
    "Consensus.rule": Case("curate.0", AGREE["curate"][0], NEAR),
    "Consensus.partners": Case("curate.0.partners", ["membrane"], AGREE | {"pick": THREE}),
    "Consensus.at_least": Case(
        "curate.0.at_least",
        2,
        rule(rule="consensus", partners=["other", "membrane"], distance_angstrom=60)
        | {"pick": THREE},
    ),
    "Consensus.distance_angstrom": Case("curate.0.distance_angstrom", 0.001, AGREE),
    "Quantile.feature": Case("curate.0.feature", "other", rule(rule="quantile", lowest=0.5)),
    "Quantile.rule": Case("curate", [{"feature": "ribosome", "rule": "quantile", "lowest": 0.5}]),
    "Quantile.lowest": Case("curate.0.lowest", 0.9, rule(rule="quantile", lowest=0.3)),
    "Edge.feature": Case("curate.0.feature", "other", rule(rule="edge", distance_angstrom=290)),
    "Edge.rule": Case("curate", [{"feature": "ribosome", "rule": "edge", "distance_angstrom": 290}]),
    "Edge.distance_angstrom": Case("curate.0.distance_angstrom", 290, rule(rule="edge", distance_angstrom=1)),
    "Region.feature": Case("curate.0.feature", "other", rule(rule="region", x_angstrom=[0, 500])),
    "Region.rule": Case("curate", [{"feature": "ribosome", "rule": "region", "x_angstrom": [0, 500]}]),
    "Region.x_angstrom": Case("curate.0.x_angstrom", [0, 500], rule(rule="region", z_angstrom=[0, 600])),
    "Region.y_angstrom": Case("curate.0.y_angstrom", [500, 900], rule(rule="region", z_angstrom=[0, 600])),
    "Region.z_angstrom": Case("curate.0.z_angstrom", [500, 600], rule(rule="region", x_angstrom=[0, 1000])),
    "Top.feature": Case("curate.0.feature", "other", rule(rule="top", number=1)),
    "Top.rule": Case("curate", [{"feature": "ribosome", "rule": "top", "number": 1}]),
    "Top.number": Case("curate.0.number", 1, rule(rule="top", number=2)),
    "Distinct.feature": Case(
        "curate.0",
        {"feature": "other", "rule": "distinct", "partner": "ribosome", "distance_angstrom": 60},
        SAME,
    ),
    "Distinct.rule": Case("curate", SAME["curate"]),
    "Distinct.partner": Case("curate.0.partner", "membrane", SAME | {"pick": THREE}),
    "Distinct.distance_angstrom": Case("curate.0.distance_angstrom", 0.001, SAME),
    "Calibrate.feature": Case("curate.0.feature", "other", rule(rule="calibrate"), tomograms=2),
    "Calibrate.rule": Case("curate", [{"feature": "other", "rule": "calibrate"}], tomograms=2),
    "Limit.figure": Case("limit.0.figure", "ribosome_count", {"limit": [{"figure": "other_count", "bad_below": 99}]}),
    "Limit.warn_below": Case("limit.0.warn_below", 50, {"limit": [LOW]}),
    "Limit.bad_below": Case("limit.0.bad_below", 49, {"limit": [LOW | {"warn_below": 50}]}),
    "Limit.warn_above": Case("limit.0.warn_above", 0, {"limit": [HIGH]}),
    "Limit.bad_above": Case("limit.0.bad_above", 1, {"limit": [HIGH | {"warn_above": 1}]}),
    "Baseline.tomograms": Case("baseline.tomograms", 20),
    "Baseline.deviations": Case("baseline.deviations", 0),
    "Exclude.verdict": Case("exclude.verdict", "warn", STRICT | {"exclude": {"verdict": "bad"}}),
    "Exclude.figures": Case("exclude.figures", ["ribosome_count"], BAD | {"exclude": {"figures": ["other_count"]}}),
    "Export.formats": Case("export.formats", ["csv", "imod"]),
}  # fmt: skip
ELSEWHERE = {f"OtherRecipe.{key}" for key in ("feature", "rule", "recipe", "distance_angstrom")} | {"Wiener.method"}
"""Results of two recipes: tests/cli/test_curated_picks.py and tests/results/test_other_recipe.py; or half-maps:
tests/processing/pipeline/test_denoising_by_halves.py."""
PINS = {
    "NetworkFeature.sha256": "a pin: another one is refused, the right one changes nothing",
    "NetworkFeature.coarse_sha256": "a pin of the coarse one",
    "Pick.map_sha256": "a pin of the map",
}


PLUGINS = {"PluginDenoise": 3, "PluginFeature": 7}
"""The tables of plug-ins, and how many keys they have: tests/processing/pipeline/test_plugins.py has their cases."""


def keys(kind: Any = Recipe) -> Iterator[str]:
    """Every key that holds a value, not a table, of a recipe's models."""
    if get_origin(kind) is not None or isinstance(kind, UnionType):
        for part in get_args(kind):
            yield from keys(part)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, about in kind.model_fields.items():
            inner = list(keys(about.annotation))
            yield from inner or [f"{kind.__name__}.{name}"]


def changed(recipe: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    new = copy.deepcopy(dict(recipe))
    for path, value in changes.items():
        *way, last = path.split(".")
        place: Any = new
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[int(last) if isinstance(place, list) else last] = value
    return new


def toml(recipe: Mapping[str, Any]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in recipe.items() if not _tables(value)]
    for key, value in recipe.items():
        for table in _tables(value):
            lines.append(f"[[{key}]]" if isinstance(value, list) else f"[{key}]")
            lines += [f"{name} = {json.dumps(each)}" for name, each in table.items()]
    return "\n".join(lines) + "\n"


def _tables(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        return [value]
    return value if isinstance(value, list) and value and isinstance(value[0], Mapping) else []


class Laboratory:
    """Two small tomograms, networks beside the recipes, and what comes of a recipe; each recipe is run once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        save_seeing_network(folder / "fine.safetensors", voxel_size=20.0, name="fine")
        save_seeing_network(folder / "coarse.safetensors", voxel_size=30.0, name="coarse")
        for name, shape in (("lump", ribosome_like()), ("ring", symmetric_shape())):
            write_tomogram(folder / f"{name}.mrc", shape.draw(np.eye(3), 10.0, np.zeros(3)), voxel_size=10.0)
        self._tomograms = [write_tomogram(folder / f"TS_{n}.mrc", self._volume(n)) for n in (1, 2)]
        self._known: dict[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]] = {}

    def _volume(self, seed: int) -> np.ndarray:
        shape = (24, 40, 40)
        volume = balls(shape, places=((12, 12, 12), (12, 28, 26)), seed=seed)
        volume += 0.5 * balls(shape, places=((10, 12, 30),), noise=0, seed=seed)
        volume[17:20, 28:31, 6:9] -= 30
        volume[:, 36:38] -= 4
        return volume

    def result(self, recipe: Mapping[str, Any], tomograms: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The settings in `result.json`, and all of what was found, written and judged."""
        text = toml(recipe)
        if (text, tomograms) not in self._known:
            path = self._folder / f"{len(self._known)}.toml"
            path.write_text(text)
            recipe = load_recipe(path.name, self._folder)
            self._known[text, tomograms] = self._run(recipe, path.with_suffix(""), tomograms)
        return self._known[text, tomograms]

    def _run(self, recipe: Recipe, folder: Path, tomograms: int) -> tuple[dict[str, Any], dict[str, Any]]:
        folder.mkdir()
        results = []
        for number, tomogram in enumerate(self._tomograms[:tomograms]):
            body = json.loads(json.dumps(order_for(tomogram, recipe).to_json()))
            pipeline.run(JobSpec.from_json(body), folder / str(number))
            results.append(read_result(folder / str(number)))
        manifest = results[0].manifest
        written = manifest.to_json()
        facts = {key: written[key] for key in ("quality", "picks", "labels", "warnings", "verdict", "files", "volume")}
        facts["picks"] = {name: {**body, "threshold": 0, "removed": 0} for name, body in written["picks"].items()}
        values = {name: figure.value or 0 for name, figure in manifest.quality.items()}
        earlier = [{name: value * (3 + n / 100) for name, value in values.items()} for n in range(10)]
        facts["in its session"] = baseline.judged(manifest, earlier).quality
        facts["out"] = exclude_of(manifest.recipe.settings).why(manifest)
        facts["of the session"] = {
            name: [placed.picks.score.tolist() for placed in read_picks(results, name)] for name in written["picks"]
        }
        return written["recipe"]["settings"], facts


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return Laboratory(tmp_path_factory.mktemp("recipes"))


def test_there_is_a_case_for_every_key() -> None:
    known = Counter(key.partition(".")[0] for key in keys())
    assert {table: known[table] for table in PLUGINS} == PLUGINS
    assert {key for key in keys() if key.partition(".")[0] not in PLUGINS} == set(CASES) | set(PINS) | ELSEWHERE


@pytest.mark.parametrize("key", CASES)
def test_a_key_of_the_recipe_stands_in_the_result_and_changes_it(key: str, laboratory: Laboratory) -> None:
    case = CASES[key]
    before = {**PLAIN, **case.given}
    default, plain = laboratory.result(before, case.tomograms)
    settings, facts = laboratory.result(changed(before, {case.path: case.value, **case.also}), case.tomograms)
    written, was = _at(settings, case.path), _at(default, case.path)
    assert _holds(written, case.value)
    assert written != was
    assert facts != plain, f"{key} is read from the recipe and ignored"


def _at(settings: Any, path: str) -> Any:
    for step in path.split("."):
        settings = settings[int(step)] if isinstance(settings, list) else settings.get(step)
    return settings


def _holds(settings: Any, written: Any) -> bool:
    """Whether the settings say what was written; the paths of networks are absolute there, and defaults are added."""
    if isinstance(written, Mapping):
        return all(_holds(settings[name], value) for name, value in written.items())
    if isinstance(written, list):
        return len(settings) == len(written) and all(map(_holds, settings, written))
    return bool(settings == written) or str(settings).endswith(f"/{written}")
