"""A producer of another package. Where its code fails, nothing is taken until it is repaired, and the watch says so."""

from collections.abc import Mapping
from typing import Any

from livetomo.core.errors import PluginFailed
from livetomo.intake.producers.producer import Recognised, Signal, split
from livetomo.intake.tree import Tree
from livetomo.system.plugins import Guarded, returned

_PATHS = (list, tuple)
_ANSWERS: Mapping[str, tuple[type, ...]] = {
    "rivals": _PATHS,
    "stands_alone": (bool,),
    "contradictions": _PATHS,
    "series": (str,),
    "sidecars": _PATHS,
}


class Foreign(Guarded):
    """Asks the plug-in. trouble: the first file that it failed on since that was last asked, and why."""

    trouble = ""

    @classmethod
    def of(cls, guarded: Guarded) -> "Foreign":
        """The same plug-in, asked so."""
        return cls(guarded._plugin, guarded._inner)

    def recognise(self, path: str, session: str = "") -> Recognised | None:
        """As `Producer.recognise`; a file that it fails on is not taken. It is tried again at each scan."""
        try:
            with self._plugin.border():
                found = self._inner.recognise(path, session)
                return None if found is None else self._sound(found, path)
        except PluginFailed as fault:
            folder, name = split(path)
            return Recognised("other", name, folder + name, self._noted(path, fault))

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """As `Producer.signal`; where it fails, the file waits as for a signal that has not come."""
        try:
            with self._plugin.border():
                given: Signal = returned("signal", self._inner.signal(file, path, tree), Signal)
                self._inner.writes_halves(file, path, tree)
                return given
        except PluginFailed as fault:
            return Signal("awaited", self._noted(path, fault))

    def _sound(self, found: Any, path: str) -> Recognised:
        """It says all that it says by names alone, so that no scan stops in its middle for what it cannot say."""
        file: Recognised = returned("recognise", found, Recognised)
        for what, given in (("name", file.name), ("group", file.group)):
            if not returned(f"the {what}", given, str):
                raise ValueError(f"recognise returned an empty {what}")
        for ask, wanted in _ANSWERS.items():
            answer = returned(ask, getattr(self._inner, ask)(file, path), *wanted)
            for one in answer if list in wanted else ():
                returned(f"an item of {ask}", one, str)
        returned("order", self._inner.order(path), int)
        return file

    def _noted(self, path: str, fault: PluginFailed) -> str:
        self.trouble = self.trouble or f"{path}: {fault}"
        return str(fault)
