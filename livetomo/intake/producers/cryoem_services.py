"""cryoem-services of Diamond: AreTomo's names, or IMOD's; AreTomo's volume is turned in place after it was complete."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.aretomo3 import AreTomo3, mdocs
from livetomo.intake.producers.imod import Imod
from livetomo.intake.producers.producer import GIVEN, NO_SIGNAL, Producer, Recognised, Signal, split
from livetomo.intake.producers.relion5 import relion_job, relion_project
from livetomo.intake.producers.volume_name import without_processing
from livetomo.intake.tree import Tree

_COPY = re.compile(r"(?P<name>.+?)_Vol[._-].+\.mrc")
_PICTURES = ("_Vol_thumbnail.jpeg", "_Vol_movie.png", "_Vol_projXY.jpeg", "_Vol.denoised.mrc")


class CryoemServices(Producer):
    """Its pictures and denoised copy are made of the turned volume: where one is there, that is complete."""

    name: ClassVar[str] = "cryoem_services"
    settles: ClassVar[float] = 3.0

    def __init__(self) -> None:
        self._aretomo, self._imod = AreTomo3(), Imod()

    def volume(self, path: str) -> Recognised | None:
        """As `Producer.volume`. Its service for soft X-rays runs IMOD."""
        folder, name = split(path)
        if found := self._aretomo.volume(path):
            return found
        if match := _COPY.fullmatch(name):
            return Recognised("other", match["name"], folder + match["name"], "made from a tomogram, by its name")
        return self._imod.volume(path) if name.endswith("_rec.mrc") else None

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        return self._imod.rivals(file, path) if path.endswith("_rec.mrc") else (path,)

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        return GIVEN if any(tree.exists(file.group + picture) for picture in _PICTURES) else NO_SIGNAL

    def series(self, file: Recognised, path: str) -> str:
        """The project, where it lies in a RELION job's folder; else as AreTomo's."""
        return relion_project(path) or f"AreTomo {without_processing(split(path)[0])}"

    def order(self, path: str) -> int:
        """As RELION's."""
        return relion_job(path)

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """AreTomo's, beside it; and what RELION's job says of it."""
        folder, _ = split(path)
        job = folder.removesuffix("tomograms/")
        endings = (".aln", "_TLT.txt", "_CTF.txt", ".tlt", ".rawtlt")
        stars = [f"{job}tomograms.star", f"{job}tilt_series/{file.name}.star"]
        return [*(file.group + ending for ending in endings), *stars, *mdocs(file, path)]
