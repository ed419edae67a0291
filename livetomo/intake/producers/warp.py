"""WarpTools: reconstruction/TS_10.00Apx.mrc, halves of the same name in even/ and odd/ below; often float16."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.producer import Producer, Recognised, parent, split
from livetomo.intake.tree import Tree

_VOLUME = re.compile(r"(?P<name>.+)_\d+(?:\.\d+)?Apx")


class Warp(Producer):
    """The pixel size is a tag, not part of the name."""

    name: ClassVar[str] = "warp"

    def volume(self, path: str) -> Recognised | None:
        folder, name = split(path)
        stem = name.removesuffix(".mrc")
        if stem == name or not (match := _VOLUME.fullmatch(stem)):
            return None
        return Recognised("full", match["name"], folder + stem)

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        return (f"{file.group}.mrc", path) if file.role == "even" else (path,)

    def stands_alone(self, file: Recognised, path: str) -> bool:
        """Some scripts have it reconstruct halves only."""
        return file.role == "even"

    def writes_halves(self, file: Recognised, path: str, tree: Tree) -> bool:
        """Where halves are wanted, Warp has made their folders."""
        folder, _ = split(path)
        return tree.exists(f"{folder}even") or tree.exists(f"{folder}odd")

    def series(self, file: Recognised, path: str) -> str:
        """The processing folder, where the volumes lie in its `reconstruction/`; else the volumes' folder."""
        folder, _ = split(path)
        inner = split(folder.rstrip("/"))[1]
        return f"Warp {parent(folder) if inner.startswith('reconstruction') else folder}"

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """The series' own XML in the processing folder, its mdoc, and the settings for all series."""
        folder, _ = split(path)
        processing = parent(folder)
        series = processing + file.name
        settings = [f"{place}warp_tiltseries.settings" for place in dict.fromkeys((parent(processing), processing))]
        return [f"{series}.xml", f"{series}.mdoc", f"{series}.mrc.mdoc", *settings]
