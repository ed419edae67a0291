"""AreTomo3: P_Vol.mrc, P_EVN_Vol.mrc, P_ODD_Vol.mrc; complete when TiltSeries_Metrics.csv has a row for P."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.producer import GIVEN, NO_SIGNAL, Producer, Recognised, Signal, split
from livetomo.intake.producers.volume_name import without_processing
from livetomo.intake.sidecars.metrics_csv import METRICS_FILE, series_with_metrics
from livetomo.intake.tree import Tree

_VOLUME = re.compile(r"(?P<name>.+?)(?P<tags>(?:_(?:EVN|ODD|2ND|3RD))*)_Vol\.mrc")
_BINNED = "the same tomogram at another binning"
_STACK = re.compile(r"(?P<name>.+?)_(?:EVN|ODD|CTF|ALI|ProjXY|ProjXZ)\.mrc")


class AreTomo3(Producer):
    """P is the mdoc's stem. Volumes are written in place, section by section; the row only after all of them."""

    name: ClassVar[str] = "aretomo3"

    def volume(self, path: str) -> Recognised | None:
        folder, name = split(path)
        if match := _VOLUME.fullmatch(name):
            group = folder + match["name"]
            if match["tags"]:
                return Recognised("other", match["name"], group, _BINNED)
            return Recognised("full", match["name"], group)
        if match := _STACK.fullmatch(name):
            return Recognised("other", match["name"], folder + match["name"], "a tilt stack or a power spectrum")
        return None

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """The row. The metrics shrink when a run is restarted, and do not exist before the first row or with -Cmd 2."""
        folder, _ = split(path)
        try:
            text = tree.text(folder + METRICS_FILE)
        except FileNotFoundError:
            return NO_SIGNAL
        if file.group[len(folder) :] in series_with_metrics(text):
            return GIVEN
        return Signal("awaited", f"{METRICS_FILE} has no row for {file.name} yet")

    def writes_halves(self, file: Recognised, path: str, tree: Tree) -> bool:
        """Where the tilt stacks were split, the volumes will be."""
        return tree.exists(f"{file.group}_EVN.mrc") or tree.exists(f"{file.group}_ODD.mrc")

    def series(self, file: Recognised, path: str) -> str:
        """Its folder, but for words like `aretomo_bin4` that say how the volumes in it were made."""
        return f"AreTomo {without_processing(split(path)[0])}"

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Beside it; mdocs one folder above too, where the frames often are."""
        folder, _ = split(path)
        return [
            folder + METRICS_FILE,
            folder + "AreTomo3_Session.json",
            *(file.group + ending for ending in (".aln", "_TLT.txt", "_CTF.txt")),
            *mdocs(file, path),
        ]


def mdocs(file: Recognised, path: str) -> list[str]:
    """Where the acquisition's mdoc may lie: Tomo5 calls it P.mdoc, SerialEM P.mrc.mdoc or P.st.mdoc."""
    folder, _ = split(path)
    series = file.group[len(folder) :]
    above = folder.rstrip("/").rpartition("/")[0]
    folders = [folder, *([f"{above}/" if above else ""] if folder else [])]
    endings = (".mdoc", ".mrc.mdoc", ".st.mdoc", "_override.mdoc")
    return [f"{place}{series}{ending}" for place in folders for ending in endings]
