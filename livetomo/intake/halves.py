"""Group a full volume with its even and odd half maps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from livetomo.errors import PermanentError
from livetomo.formats.mrc_header import check_size
from livetomo.intake.producers import Producer, Recognised, Signal
from livetomo.intake.settings import WatchSettings
from livetomo.intake.tree import Look, NotAFile, Tree


@dataclass(frozen=True, slots=True)
class Halves:
    """What there is of a tomogram's halves, by role, and why those that are missing are.

    waits: the sentence to wait for, where it is worth waiting.
    """

    complete: Mapping[str, str]
    missing: Mapping[str, str]
    waits: str = ""


NO_HALVES = Halves({}, {})


class HalfFinder:
    """Finds halves. `rest`: for how long a file has been what it is at this look; None at the first one."""

    def __init__(self, settings: WatchSettings, tree: Tree, rest: Callable[[str, Look], float | None]) -> None:
        self._settings = settings
        self._tree = tree
        self._rest = rest

    def glance(self, producer: Producer, file: Recognised, path: str) -> None:
        """Look at them, so that their rest counts from now and not from when the full volume is complete."""
        if self._settings.halves == "ignore":
            return
        for _, place in producer.halves(file, path):
            if self._tree.exists(place):
                try:
                    self._rest(place, self._tree.look(place))
                except OSError:
                    continue  # `find` says why, when it matters

    def find(self, producer: Producer, file: Recognised, path: str, signal: Signal) -> Halves:
        """The halves of the full volume at `path`, which is complete itself."""
        places = producer.halves(file, path)
        if not places or (self._settings.halves == "ignore" and file.role == "full"):
            return NO_HALVES
        shape = self._tree.header(path).shape_zyx
        complete: dict[str, str] = {}
        missing: dict[str, str] = {}
        growing = False
        for half in ("even", "odd"):
            there = next((place for role, place in places if role == half and self._tree.exists(place)), None)
            if there is None:
                missing[half] = "is not there"
            elif reason := self._why_not(there, shape):
                missing[half] = reason
                growing = True
            else:
                complete[half] = there
        if not missing:
            return Halves(complete, {})
        expected = growing or bool(complete) or producer.writes_halves(file, path, self._tree)
        # A producer that says that it has finished will not write what is not there.
        still_to_come = growing or (expected and signal.state != "given")
        if not expected:
            return NO_HALVES
        waits = _sentence(missing) if still_to_come and self._settings.halves == "wait" else ""
        return Halves(complete, missing, waits)

    def _why_not(self, path: str, shape: tuple[int, int, int]) -> str:
        """Why the half at `path` cannot be used yet; empty where it is whole."""
        try:
            look = self._tree.look(path)
            rest = self._rest(path, look)
            header = self._tree.header(path)
            check_size(header, look.size, Path(path))
        except PermanentError as error:
            return f"is not whole ({error.reason})"
        except NotAFile:
            return "is not a file"
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"
        if header.shape_zyx != shape:
            return "has another shape than the full volume"
        if rest is None or rest < self._settings.settle:
            return "is still changing"
        return ""


def missing_halves(halves: Halves) -> str:
    """The sentence for people about halves that are not there; empty where nothing is missing."""
    return _sentence(halves.missing) if halves.missing else ""


def _sentence(missing: Mapping[str, str]) -> str:
    if len(set(missing.values())) == 1 and len(missing) == 2:
        reason = next(iter(missing.values())).replace("is ", "are ", 1)
        return f"its even and odd halves {reason}"
    return " and ".join(f"its {half} half {reason}" for half, reason in missing.items())
