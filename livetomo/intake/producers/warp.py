"""WarpTools: reconstruction/TS_10.00Apx.mrc, halves of the same name in even/ and odd/ below; often float16."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.producer import Half, Producer, Recognised, derived_folder, parent, split
from livetomo.intake.tree import Tree

_VOLUME = re.compile(r"(?P<name>.+)_\d+(?:\.\d+)?Apx\.mrc")
_HALF_FOLDERS: dict[str, Half] = {"even": "even", "odd": "odd"}
_OTHER_FOLDERS = {"ctf": "a CTF volume", "tiltstack": "a tilt stack"}


class Warp(Producer):
    """The folder says what a volume is; its name alone does not. The pixel size is a tag, not part of the name."""

    name: ClassVar[str] = "warp"

    def recognise(self, path: str) -> Recognised | None:
        """As `Producer.recognise`."""
        folder, name = split(path)
        match = _VOLUME.fullmatch(name)
        if match is None:
            return None
        stem = name.removesuffix(".mrc")
        inner = split(folder.rstrip("/"))[1]
        if reason := derived_folder(folder) or _OTHER_FOLDERS.get(inner, ""):
            return Recognised("other", match["name"], folder + stem, reason)
        if half := _HALF_FOLDERS.get(inner):
            return Recognised(half, match["name"], parent(folder) + stem, "a half map, by its folder")
        return Recognised("full", match["name"], folder + stem)

    def halves(self, file: Recognised, path: str) -> Sequence[tuple[Half, str]]:
        """As `Producer.halves`."""
        folder, name = split(path)
        return (("even", f"{folder}even/{name}"), ("odd", f"{folder}odd/{name}"))

    def writes_halves(self, file: Recognised, path: str, tree: Tree) -> bool:
        """Where halves are wanted, Warp has made their folders."""
        folder, _ = split(path)
        return tree.exists(f"{folder}even") or tree.exists(f"{folder}odd")

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """The series' own XML in the processing folder, and its mdoc."""
        folder, _ = split(path)
        series = parent(folder) + file.name
        return [f"{series}.xml", f"{series}.mdoc", f"{series}.mrc.mdoc"]
