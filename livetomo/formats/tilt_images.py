"""The images of the tilt series that a tomogram was made of, as far as they are known where picks are exported."""

from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import PermanentError
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_views import TiltViews
from livetomo.formats.mrc_header import check_size, read_header


@dataclass(frozen=True, slots=True)
class TiltImages:
    """views: None where they are not known. stack: the absolute path of their images; empty where there is none.

    why_no_views, why_no_stack: sentences without their ends, where something can be said about it.
    """

    acquisition: Acquisition
    views: TiltViews | None = None
    why_no_views: str = ""
    stack: str = ""
    why_no_stack: str = ""

    @staticmethod
    def of(volume: str, facts: SidecarFacts, said: Acquisition, *, reaches_disk: bool = True) -> "TiltImages | None":
        """Of the volume at the absolute path `volume`; None where no file beside it says how its series was aligned.

        said: what a person says of the acquisition.
        reaches_disk: look whether the stack is there and is the one that was aligned.
        """
        known = said.or_else(Acquisition.of_sidecars(facts))
        if facts.views is None:
            return None if not facts.views_missing else TiltImages(known, why_no_views=facts.views_missing)
        path = Path(normpath(Path(volume).parent / facts.views.stack))
        why = (
            _fault_of(path, facts.views.stack_size_xyn) if reaches_disk else f"{path}: its file system does not answer"
        )
        return TiltImages(known, facts.views, "", "" if why else str(path), why)


def _fault_of(path: Path, size_xyn: tuple[int, int, int]) -> str:
    """Why the stack cannot be used: it is not there, or has not so many columns, rows and images; empty if it can."""
    try:
        header = check_size(read_header(path), path.stat().st_size, path)
    except OSError as fault:
        return f"{path}: {fault.strerror or fault}"
    except PermanentError as fault:
        return str(fault).removesuffix(".")
    number, height, width = header.shape_zyx
    if (width, height, number) == size_xyn:
        return ""
    there, wanted = (" x ".join(map(str, size)) for size in ((width, height, number), size_xyn))
    return f"{path} has {there} pixels and images, and the alignment {wanted}"
