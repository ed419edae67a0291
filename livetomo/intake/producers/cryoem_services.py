"""cryoem-services of Diamond: AreTomo's names, but the volume is turned in place after it was first complete."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.aretomo3 import mdocs
from livetomo.intake.producers.producer import GIVEN, NO_SIGNAL, Producer, Recognised, Signal, derived_folder, split
from livetomo.intake.tree import Tree

_VOLUME = re.compile(r"(?P<name>.+?)_Vol(?P<derived>\.denoised)?(?P<segmented>_segmented)?\.mrc")
_PICTURES = ("_Vol_thumbnail.jpeg", "_Vol_movie.png", "_Vol_projXY.jpeg", "_Vol.denoised.mrc")


class CryoemServices(Producer):
    """Its pictures and denoised copy are made of the turned volume: where one is there, that is complete."""

    name: ClassVar[str] = "cryoem_services"
    settles: ClassVar[float] = 3.0

    def recognise(self, path: str) -> Recognised | None:
        """As `Producer.recognise`."""
        folder, name = split(path)
        match = _VOLUME.fullmatch(name)
        if match is None:
            return None
        if match["derived"] or match["segmented"]:
            return Recognised("other", match["name"], folder + match["name"], "denoised or segmented, by its name")
        if reason := derived_folder(folder):
            return Recognised("other", match["name"], folder + match["name"], reason)
        return Recognised("full", match["name"], folder + match["name"])

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """As `Producer.signal`."""
        return GIVEN if any(tree.exists(file.group + picture) for picture in _PICTURES) else NO_SIGNAL

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """AreTomo's, beside it; and what RELION's job says of it."""
        folder, _ = split(path)
        job = folder.removesuffix("tomograms/")
        endings = (".aln", "_TLT.txt", "_CTF.txt", ".tlt", ".rawtlt")
        stars = [f"{job}tomograms.star", f"{job}tilt_series/{file.name}.star"]
        return [*(file.group + ending for ending in endings), *stars, *mdocs(file, path)]
