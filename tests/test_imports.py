"""What is imported where: no torch or numpy in the supervisor and the file watcher, neither for a help text."""

import pkgutil
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import livetomo

SUPERVISOR = ("system", "config", "intake", "catalog", "publish", "web", "client", "daemon", "cli")
HEAVY = ("torch", "numpy", "pandas", "scipy", "skimage", "pydantic", "sqlite_utils", "starlette", "uvicorn", "aiomqtt")


def _modules(rooms: tuple[str, ...]) -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(livetomo.__path__, "livetomo.")]
    return [name for name in names if name.split(".")[1] in rooms and not _is_apart(name)]


def _is_apart(name: str) -> bool:
    """Whether it is a process of its own, or imported by a command alone."""
    return name.endswith("__main__") or name.startswith("livetomo.web.report.")


def _imported_by(modules: list[str]) -> set[str]:
    """The names of everything that a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_supervisor_imports_no_numbers():
    """Neither itself nor through sqlite-utils, which takes pandas and numpy where they are installed: 80 MB."""
    assert not _imported_by(_modules(SUPERVISOR)) & {"torch", "numpy", "pandas", "scipy", "skimage"}


def test_pandas_and_numpy_can_be_imported_after_the_catalog():
    assert {"numpy", "pandas"} <= _imported_by(["livetomo.catalog.catalog", "numpy", "pandas"])


def test_a_recipe_s_network_is_looked_up_without_torch_and_numpy():
    code = "from livetomo.config.recipe.recipe import load_recipe\nload_recipe('cellular')"
    code = f"import sys\n{code}\nprint(*({{'torch', 'numpy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_file_watcher_s_process_imports_nothing_heavy():
    assert not _imported_by(["livetomo.intake.__main__"]) & set(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]], ids=" ".join)
def test_help_is_answered_without_importing_anything_heavy(arguments):
    code = (
        "import sys\nfrom livetomo.cli import livetomo_command\n"
        f"livetomo_command.main({arguments!r}, standalone_mode=False)\n"
        f"print(*(set(sys.modules) & {set(HEAVY)!r}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


def test_no_two_public_classes_share_a_name():
    named = Counter(
        name
        for path in Path(livetomo.__path__[0]).rglob("*.py")
        for name in re.findall(r"^class ([A-Za-z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert [name for name, times in named.items() if times > 1] == []


def test_a_manifest_is_asked_by_name_and_never_by_a_string():
    looked_up = re.compile(r"""manifest\[["']|manifest\.get\(""")
    root = Path(livetomo.__path__[0])
    lines = [
        f"{path.relative_to(root)}:{number}"
        for path in root.rglob("*.py")
        if path != root / "core" / "manifest.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if looked_up.search(line)
    ]
    assert lines == []


def test_nothing_lies_loose_at_the_top():
    assert {path.name for path in Path(livetomo.__path__[0]).glob("*.py")} == {"__init__.py", "__main__.py"}
