"""Plug-ins are found by their entry points, imported when used, and never cost more than what uses them."""

import subprocess
import sys

import pytest

from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.errors import ConfigurationError, PluginAway, PluginFailed, PluginUnusable
from livetomo.daemon.doctor import plugins as findings
from livetomo.formats.exporter import EXPORTERS
from tests.plugin_packages import Install, install

__all__ = ["install"]
LINES = """
class Lines:
    name, ending = "lines", "txt"
    def called(self, frame): return frame
    def content(self, placed, feature): return "".join(f"{x} {y} {z}\\n" for x, y, z in placed.voxels_xyz())
    def session(self, sets, feature): raise KeyError("no such thing")
    def read(self, content, frame): raise ValueError("not a line")
    def read_session(self, files, feature, frames): return {}
"""
POINTS = {"exporters": {"lines": "facility_x:Lines"}}


def recipe(folder, formats='["lines"]'):
    feature = '[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n'
    (folder / "recipe.toml").write_text(f"{feature}[export]\nformats = {formats}\n")
    return load_recipe("recipe.toml", folder)


def test_names_are_known_without_importing(install: Install):
    install("facility-x", POINTS, "raise SystemExit('imported')")
    assert list(EXPORTERS)[-2:] == ["csv", "lines"]
    assert "lines" in EXPORTERS
    assert len(EXPORTERS) == 19
    assert "facility_x" not in sys.modules


def test_what_an_exporter_of_another_package_raises_names_it_and_its_package(install: Install, tmp_path):
    install("facility-x", POINTS, LINES)
    assert recipe(tmp_path).export.formats == ("lines",)
    assert EXPORTERS["lines"].ending == "txt"
    with pytest.raises(PluginFailed, match=r'^exporter "lines" of the package facility-x 1.2 failed: KeyError: '):
        EXPORTERS["lines"].session([], "ribosome")
    with pytest.raises(PluginFailed, match=r"TypeError: called returned int, not str"):
        EXPORTERS["lines"].called(3)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import a_library_that_is_not_there", "cannot be imported (ModuleNotFoundError: No module named 'a_lib"),
        ("raise SystemExit('bye')", "cannot be imported (SystemExit: bye)"),
        ("import os; os._exit(7)", "cannot be imported (the process ended with 7)"),
        ("Lines = 3", "has no name, ending, content, session, called, read, read_session"),
        (LINES.replace('"lines"', '"line"'), 'calls itself "line"'),
    ],
)
def test_a_plugin_that_cannot_be_used_is_said_by_recipes_that_name_it_alone(install: Install, tmp_path, source, why):
    install("facility-x", POINTS, source)
    with pytest.raises(ConfigurationError) as fault:
        recipe(tmp_path)
    text = str(fault.value)
    assert text.startswith(f'{tmp_path}/recipe.toml: exporter "lines" of the package facility-x 1.2 {why}')
    assert text.count("\n") == 0
    assert recipe(tmp_path, '["csv"]').export.formats == ("csv",)
    (finding,) = findings()
    assert (finding.verdict, finding.about) == ("bad", 'exporter "lines"')
    assert why in finding.said


def test_two_packages_that_offer_one_name_are_both_named(install: Install, tmp_path):
    install("facility-x", POINTS, LINES)
    install("facility-y", {"exporters": {"lines": "facility_y:Lines"}}, LINES, version="3")
    with pytest.raises(ConfigurationError, match=r"recipe.toml: .*facility-[xy] .* and facility-[xy] .*: remove one"):
        recipe(tmp_path)
    with pytest.raises(PluginUnusable, match="is offered by"):
        EXPORTERS["lines"]
    assert [finding.verdict for finding in findings()] == ["bad", "bad"]


def test_a_plugin_does_not_take_the_name_of_one_that_comes_with_livetomo(install: Install, tmp_path):
    install("facility-x", {"exporters": {"csv": "facility_x:Lines"}}, LINES)
    assert recipe(tmp_path, '["csv"]').export.formats == ("csv",)
    assert type(EXPORTERS["csv"]).__module__ == "livetomo.formats.table"
    (finding,) = findings()
    assert (finding.verdict, "has one of this name" in finding.said) == ("bad", True)


def test_a_name_that_nobody_has_is_refused_with_all_names(install: Install, tmp_path):
    install("facility-x", POINTS, LINES)
    with pytest.raises(ConfigurationError, match=r'has "line"; write .*"csv" or "lines". Did you mean "lines"'):
        recipe(tmp_path, '["line"]')


def test_what_was_asked_for_with_a_package_that_is_gone_is_tried_again_once_it_is_back(install: Install):
    with pytest.raises(PluginAway, match='exporter "lines" comes from no installed package'):
        EXPORTERS["lines"]


def test_a_plugin_is_looked_at_in_another_process(install: Install, tmp_path):
    install("facility-x", POINTS, LINES)
    recipe(tmp_path)
    assert "facility_x" not in sys.modules


def test_a_recipe_without_plugins_looks_for_none():
    code = (
        "from livetomo.config.recipe.recipe import load_recipe\nfrom livetomo.system import plugins\n"
        "load_recipe('cellular')\nload_recipe('untrained')\nprint(plugins._installed.cache_info().misses)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"0\n"
