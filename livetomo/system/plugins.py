"""Plug-ins: producers, exporters, segmenters and denoisers of other packages, found by their entry points.

Names are known without importing anything; what has a name is imported when it is first used. docs/extending.md says
what a plug-in is asked, and how its package declares it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from pkgutil import resolve_name
from typing import Any, Generic, TypeVar

from livetomo.core.errors import LivetomoError, PluginAway, PluginFailed, PluginUnusable

KINDS = ("producer", "exporter", "segmenter", "denoiser")
IMPORT_SECONDS = 60.0
_TRY_OUT = """
import json, sys
from livetomo.core.errors import PluginUnusable
from livetomo.system.registries import REGISTRIES
kind, name = sys.argv[1:]
try:
    REGISTRIES[kind].try_out(name, json.load(sys.stdin))
except PluginUnusable as fault:
    sys.exit(str(fault))
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of an installed package.

    kind: producer, exporter, segmenter or denoiser. value: "module:attribute". distribution: the package's name.
    """

    kind: str
    name: str
    value: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f'{self.kind} "{self.name}" of the package {self.package}'

    @property
    def package(self) -> str:
        """The package and its version, as recipes and results hold it."""
        return f"{self.distribution} {self.version}"

    def to_json(self) -> dict[str, str]:
        """As it stands in the provenance of a result."""
        return {"kind": self.kind, "name": self.name, "distribution": self.distribution, "version": self.version}

    @contextmanager
    def border(self, passes: Callable[[Exception], bool] = lambda _: False) -> Iterator[None]:
        """Around its code: whatever goes wrong there costs one job, and the fault names the plug-in and its package.

        passes: whether an error is none of the plug-in's.

        Raises:
            PluginFailed: in place of every error but livetomo's own, and of those about memory.
        """
        try:
            yield
        except (LivetomoError, MemoryError):
            raise
        except Exception as fault:  # the border to another package's code
            if passes(fault):
                raise
            raise PluginFailed(str(self), f"{type(fault).__name__}: {fault}") from fault


class Registry(Generic[T]):
    """The members of one kind by their names: those of livetomo in their order, then those of other packages.

    built_in: by name, where it is found. needs: the attributes of a plug-in, of which "name" is its name.
    instances: whether a member is an instance, not the class that is found.
    """

    def __init__(self, kind: str, built_in: Mapping[str, str], needs: str, *, instances: bool = False) -> None:
        self.kind = kind
        self.built_in = built_in
        self._needs = needs.split()
        self._instances = instances
        self._loaded: dict[str, T] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.built_in, *sorted(plugin.name for plugin in self.plugins()))))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or any(plugin.name == name for plugin in self.plugins())

    def __getitem__(self, name: str) -> T:
        """The member of this name, imported now.

        Raises: as `plugin`; PluginUnusable where it cannot be imported too.
        """
        if name not in self._loaded:
            plugin = self.plugin(name)
            self._loaded[name] = self._load(self.built_in[name]) if plugin is None else self._checked(plugin)
        return self._loaded[name]

    def plugins(self) -> Sequence[Plugin]:
        """What other packages offer, be it usable or not."""
        return _installed()[self.kind]

    def plugin(self, name: str) -> Plugin | None:
        """The plug-in of this name; None for what comes with livetomo.

        Raises:
            PluginAway: no installed package has it.
            PluginUnusable: several have.
        """
        if name in self.built_in:
            return None
        found = [plugin for plugin in self.plugins() if plugin.name == name]
        if not found:
            raise PluginAway(f'{self.kind} "{name}" comes from no installed package')
        if len(found) > 1:
            packages = " and ".join(plugin.package for plugin in found)
            raise PluginUnusable(f'{self.kind} "{name}" is offered by {packages}: remove one of these packages')
        return found[0]

    def why_unusable(self, name: str, settings: Mapping[str, Any] | None = None) -> str:
        """Why the member of this name cannot be used, found without importing it here; empty where it can be.

        settings: what it is made with, where a recipe says that.
        """
        try:
            plugin = self.plugin(name)
        except (PluginAway, PluginUnusable) as fault:
            return str(fault)
        return _why_not_tried_out(plugin, json.dumps(settings, sort_keys=True)) if plugin else ""

    def try_out(self, name: str, settings: Mapping[str, Any] | None = None) -> None:
        """Import the plug-in of this name, and make it with these settings.

        Raises:
            PluginUnusable: it cannot be.
        """
        made, plugin = self[name], self.plugin(name)
        try:
            if settings is not None:
                made(**settings)  # type: ignore[operator]
        except Exception as fault:  # the border to another package's code
            raise PluginUnusable(f"{plugin} refuses its settings ({type(fault).__name__}: {fault})") from fault

    def _load(self, value: str) -> T:
        found: T = resolve_name(value)
        return found() if self._instances and isinstance(found, type) else found

    def _checked(self, plugin: Plugin) -> T:
        try:
            found = self._load(plugin.value)
            for name, wanted in _HOLDS.items():
                if name in self._needs and hasattr(found, name):
                    returned(name, getattr(found, name), *wanted)
        except (Exception, SystemExit) as fault:  # the border to another package's code
            why = f"cannot be imported ({type(fault).__name__}: {fault})"
            raise PluginUnusable(f"{plugin} {why}. Repair or remove the package") from fault
        if missing := [need for need in self._needs if not hasattr(found, need)]:
            raise PluginUnusable(f"{plugin} has no {', '.join(missing)}. Repair or remove the package")
        if "name" in self._needs and (called := getattr(found, "name", None)) != plugin.name:
            raise PluginUnusable(f'{plugin} calls itself "{called}": the entry point must have its name')
        return Guarded(plugin, found) if self._instances else found  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Member:
    """What a recipe names, by its registry, and the settings that it gets."""

    registry: Registry[Any]
    name: str
    settings: Mapping[str, Any] | None = None

    def why_unusable(self) -> str:
        """As `Registry.why_unusable`."""
        return self.registry.why_unusable(self.name, self.settings)

    def plugin(self) -> Plugin | None:
        """As `Registry.plugin`."""
        return self.registry.plugin(self.name)


def returned(name: str, answer: Any, *wanted: type) -> Any:
    """The answer of a method, or what an attribute holds, where it is of a type that is wanted.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(answer, wanted):
        raise TypeError(f"{name} returned {type(answer).__name__}, not {' or '.join(one.__name__ for one in wanted)}")
    return answer


_HOLDS: Mapping[str, tuple[type, ...]] = {"suffixes": (list, tuple), "settles": (int, float), "ending": (str,)}
_RETURNS: Mapping[str, tuple[type, ...]] = {"content": (str, bytes), "called": (str,), "session": (Mapping,)}


class Guarded:
    """A plug-in's object, whose methods are called inside its border."""

    def __init__(self, plugin: Plugin, inner: Any) -> None:
        self._plugin = plugin
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        @wraps(found)
        def called(*arguments: Any, **named: Any) -> Any:
            with self._plugin.border():
                return returned(name, found(*arguments, **named), *_RETURNS.get(name, (object,)))

        return called


@cache
def _installed() -> Mapping[str, Sequence[Plugin]]:
    """By kind, from one look at what is installed."""
    from importlib.metadata import entry_points  # as slow as all else that a watcher imports; most need it never

    found = entry_points()
    return {
        kind: [
            Plugin(kind, point.name, point.value, point.dist.name, point.dist.version)
            for point in found.select(group=f"livetomo.{kind}s")
            if point.dist is not None
        ]
        for kind in KINDS
    }


@cache
def _why_not_tried_out(plugin: Plugin, settings: str) -> str:
    """In a process of its own: what a plug-in imports must not come into the supervisor, nor take it down."""
    command = [sys.executable, "-P", "-c", _TRY_OUT, plugin.kind, plugin.name]
    try:
        done = subprocess.run(
            command, input=settings, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{plugin} takes more than {IMPORT_SECONDS:g} s to be imported. Repair or remove the package"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
    return said[-1] if said[-1].startswith(str(plugin)) else f"{plugin} cannot be imported ({said[-1]})"
