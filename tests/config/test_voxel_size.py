"""One type for voxel sizes: every key, option and request has the same bounds and refuses with the same words."""

import math

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from livetomo.cli import livetomo_command
from livetomo.cli.options import VOXEL_SIZE
from livetomo.config.configuration import validate_config
from livetomo.config.model_card import Canonical, Card, Layout
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.config.user_file import validate
from livetomo.core.errors import ConfigurationError, Refused
from livetomo.core.voxel_size import HIGHEST_ANGSTROM, LOWEST_ANGSTROM, WANTED, is_possible
from livetomo.daemon.operator_api import SessionChoice, _read
from livetomo.evaluate.model import segment_file
from livetomo.simulate.templates import load_templates
from tests.volumes import balls, write_tomogram
from tools.docs.reference import pages


def _configured(size):
    watch = {"name": "k", "path": "p", "default_voxel_size_angstrom": size}
    content = {"site": "a", "state": "b", "output": "c", "watch": [watch]}
    return validate_config(content, "x.toml").watch[0].default_voxel_size_angstrom


def _in_a_recipe(size):
    content = load_recipe("untrained").to_json() | {"voxel_size_angstrom": size}
    return validate(Recipe, content, "r.toml").voxel_size_angstrom


def _set_for_a_session(size):
    return _read(SessionChoice, {"session": "s", "voxel_size": size}).voxel_size


def _on_the_command_line(size):
    return VOXEL_SIZE.convert(str(size), None, None)


def _of_a_model(size):
    content = CARD.model_dump(by_alias=True) | {"voxel_size_angstrom": size}
    return validate(Card, content, "model").voxel_size_angstrom


CARD = Card.of("tiny", Layout(("ribosome",), base=2, levels=1), Canonical(), steps=1)
PLACES = (_of_a_model, _configured, _in_a_recipe, _set_for_a_session, _on_the_command_line)
REFUSALS = (ConfigurationError, Refused, click.BadParameter)


@given(st.floats() | st.sampled_from([0.0, 0.1, 1000.0, 0.0999, 1000.1, math.nan, math.inf]))
def test_every_place_accepts_and_refuses_the_same_sizes(size):
    for place in PLACES:
        if is_possible(size):
            assert place(size) == size
        else:
            with pytest.raises(REFUSALS):
                place(size)


@pytest.mark.parametrize("size", [0.0, 0.05, 1000.5, 5000.0, -10.0])
@pytest.mark.parametrize("place", PLACES)
def test_a_size_outside_the_bounds_is_refused_with_the_same_words(place, size):
    with pytest.raises(REFUSALS) as refusal:
        place(size)
    assert f"{size:g}" in str(refusal.value)
    assert f"write {WANTED}" in str(refusal.value)


@pytest.mark.parametrize(
    "command",
    [
        ("process", "a.mrc", "--output", "o"),
        ("pick", "a.mrc", "--output", "o", "--recipe", "untrained"),
        ("interact", "a.mrc", "--output", "o", "--recipe", "untrained"),
        ("sessions", "set", "s"),
    ],
)
def test_every_command_refuses_a_size_before_it_does_anything(command):
    done = CliRunner().invoke(livetomo_command, [*command, "--voxel-size", "5000"])
    assert done.exit_code == 2
    assert f"5000 is no voxel size; write {WANTED}" in " ".join(done.output.split())


def test_the_reference_pages_state_the_same_bounds():
    assert f"{LOWEST_ANGSTROM:g} to {HIGHEST_ANGSTROM:,.0f}" in WANTED
    for page, key in (("configuration.md", "default_voxel_size_angstrom"), ("recipe.md", "voxel_size_angstrom")):
        row = next(line for line in pages()[page].splitlines() if line.startswith(f"| `{key}`"))
        assert f"| {WANTED.removeprefix('a ')} |" in row


@pytest.mark.parametrize("size", [0.0, 0.01, 5000.0])
def test_what_needs_a_scale_refuses_a_header_that_has_none_that_is_possible(tmp_path, size):
    path = write_tomogram(tmp_path / "ribosome.mrc", -balls((16, 16, 16), ((8, 8, 8),)), size)
    for needs in (load_templates, lambda folder: segment_file(tmp_path / "none.safetensors", folder / path.name)):
        with pytest.raises(ConfigurationError, match=f"no voxel size in its header .{WANTED}"):
            needs(tmp_path)
