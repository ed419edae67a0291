"""Packages that offer plug-ins, installed into a folder that is on the path, here and in child processes."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from livetomo.system import plugins
from livetomo.system.registries import REGISTRIES

Install = Callable[..., None]


def forget() -> None:
    """What was found, and what was loaded: packages come and go between tests as they do not in a process's life."""
    plugins._installed.cache_clear()
    plugins._why_not_tried_out.cache_clear()
    for registry in REGISTRIES.values():
        for name in set(registry._loaded) - set(registry.built_in):
            del registry._loaded[name]


@pytest.fixture
def install(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """install("facility-x", {"exporters": {"lines": "facility_x:Lines"}}, source of facility_x.py)."""
    folder = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    modules = set(sys.modules)

    def install(name: str, points: Mapping[str, Mapping[str, str]], source: str = "", version: str = "1.2") -> None:
        write_package(folder, name, points, source, version)
        forget()

    yield install
    for module in set(sys.modules) - modules:
        if str(folder) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
    forget()


def write_package(
    folder: Path, name: str, points: Mapping[str, Mapping[str, str]], source: str, version: str = "1.2"
) -> None:
    """As an installer leaves it: one module, and what is known of the package."""
    module = name.replace("-", "_")
    about = folder / f"{module}-{version}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = (f"[livetomo.{group}]\n" + "".join(f"{k} = {v}\n" for k, v in of.items()) for group, of in points.items())
    (about / "entry_points.txt").write_text("\n".join(groups))
    (folder / f"{module}.py").write_text(source)
