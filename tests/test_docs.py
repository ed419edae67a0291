import re
import tomllib
from pathlib import Path

import pytest
import yaml

from livetomo.config.configuration import Config, load_config, validate_config
from livetomo.config.recipe.recipe import Recipe
from livetomo.config.tables import keys, models, tables
from livetomo.config.user_file import validate
from tools.docs.reference import CONFIGURATION_EXAMPLE, described, is_chooser, pages, with_commands

ROOT = Path(__file__).parent.parent
TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])


@pytest.mark.parametrize("name", pages())
def test_a_reference_page_is_what_the_models_say(name):
    current = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert current == pages()[name], "run: make docs"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        pytest.param(table, key, id=f"{header} {key}")
        for root in (Config, Recipe)
        for header, table in tables(root)
        for key in keys(table)
        if not any(models(table.model_fields[key].annotation)) and not is_chooser(table.model_fields[key])
    ],
)
def test_every_key_is_described_in_its_model_s_docstring(table, key):
    assert len(described(table).get(key, "")) > 10


@pytest.mark.parametrize("root", [Config, Recipe])
def test_docstrings_describe_no_key_that_is_not_there(root):
    for _, table in tables(root):
        assert described(table).keys() <= set(keys(table))


def test_the_example_of_a_configuration_is_right(tmp_path):
    (tmp_path / "livetomo.toml").write_text(CONFIGURATION_EXAMPLE)
    assert load_config(tmp_path / "livetomo.toml").site == "example-facility"


def test_the_commands_in_the_readme_are_those_there_are():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_commands(readme), "run: make docs"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def without_code(path: Path) -> str:
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What a link to a heading of the page may end in, on GitHub and on the site."""
    titles = re.findall(r"^#+ (.+)$", without_code(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_of_docs_has_its_place_on_the_site_and_nothing_else_has():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    placed = [file for part in settings["nav"] for pages in part.values() for page in pages for file in page.values()]
    assert sorted(placed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    assert settings["strict"]


def test_every_page_of_docs_is_named_in_its_table_of_contents():
    named = re.findall(r"\]\((\w[\w-]*\.md)\)", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    assert {*named, "index.md"} == {path.name for path in (ROOT / "docs").glob("*.md")}


# The page about plug-ins names some: tests/test_examples.py installs them and runs its tables.
@pytest.mark.parametrize(
    "path", [path for path in TEXTS if path.name != "extending.md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_configuration_and_recipe_in_the_texts_is_right(path, tmp_path):
    for block in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
        content = tomllib.loads(block)
        if "watch" in content:
            validate_config(content, path.name)
        if "feature" in content:
            for pick in content.get("pick", []):
                (tmp_path / pick.get("map", "none")).touch()
            validate(Recipe, content, path.name, tmp_path)


def test_every_dependency_is_pinned():
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[\[<>=!~; ]", one)[0].lower().replace("_", "-") for one in named} - {"livetomo"}
    assert names <= pinned, "run: make constraints"
