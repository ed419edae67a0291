"""The views of a tilt series, of what several sidecars say together: the first program that has aligned it decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_views import TiltViews
from livetomo.intake.sidecars import aretomo_views, imod_views
from livetomo.intake.sidecars.numbers import NotUnderstood

ACQUISITION, OVERRIDDEN = "acquisition", "acquisition, overridden"


@dataclass(frozen=True, slots=True)
class SidecarText:
    """A sidecar that was understood: its path, its kind, and what is in it."""

    path: str
    kind: str
    text: str


def views_of(
    found: Mapping[str, SidecarText], unread: Mapping[str, str], tomogram: str, stored_axes: str
) -> SidecarFacts:
    """The views, or why they are not known; nothing where no alignment is among the sidecars.

    found:  those that were understood, by their kinds. unread: why others were not, by their paths. stored_axes: of
        the volume's file, as its producer knows them.
    """
    for path, why in unread.items():
        if path.endswith(_ALIGNMENTS):
            return SidecarFacts(views_missing=f"{path.rpartition('/')[2]}: {why}")
    for kind, read in _READERS.items():
        if kind not in found:
            continue
        try:
            return SidecarFacts(views=read({kind: one.text for kind, one in found.items()}, tomogram, stored_axes))
        except NotUnderstood as why:
            return SidecarFacts(views_missing=str(why))
    return SidecarFacts()


def _aretomo(texts: Mapping[str, str], tomogram: str, stored_axes: str) -> TiltViews:
    """Its stack lies beside the volume."""
    return aretomo_views.read_aretomo_views(texts, f"{tomogram}.mrc", _mdoc(texts))


def _imod(texts: Mapping[str, str], tomogram: str, stored_axes: str) -> TiltViews:
    """Of sections along y there is R_full_rec alone."""
    return imod_views.read_imod_views(texts, _mdoc(texts), is_full=stored_axes == "yzx")


def _mdoc(texts: Mapping[str, str]) -> str:
    return texts.get(OVERRIDDEN) or texts.get(ACQUISITION, "")


_READERS: Mapping[str, Callable[[Mapping[str, str], str, str], TiltViews]] = {
    aretomo_views.ALIGNMENT: _aretomo,
    imod_views.ALIGNMENT: _imod,
}
_ALIGNMENTS = (".aln", ".xf")
