"""What is imported where: no torch in the supervisor, no numpy in the file watcher, neither for a help text."""

import pkgutil
import subprocess
import sys

import pytest

import livetomo

SUPERVISOR = ("intake", "catalog", "publish", "web", "cli", "config", "crosscheck", "daemon", "client")
HEAVY = ("torch", "numpy", "pandas", "scipy", "skimage", "pydantic", "sqlite_utils", "starlette", "uvicorn", "aiomqtt")


def _modules(rooms: tuple[str, ...]) -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(livetomo.__path__, "livetomo.")]
    return [name for name in names if name.split(".")[1] in rooms and not name.endswith("__main__")]


def _imported_by(modules: list[str]) -> set[str]:
    """The names of everything that a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_supervisor_never_imports_torch():
    assert "torch" not in _imported_by(_modules(SUPERVISOR))


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
