"""What is installed is what is in the tree: a file that packaging forgets is missed by users only."""

import tomllib
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "livetomo"
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())
SKIPPED = "__pycache__"


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_file_that_is_not_code_is_installed_too():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["livetomo"]
    installed = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and SKIPPED not in path.parts}
    assert [path for path in files - installed if path.suffix != ".py"] == []
