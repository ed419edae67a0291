"""What programs write into a structure of folders and names of their own, which no tomogram has."""

import re
from functools import lru_cache

_Rules = list[tuple[re.Pattern[str], str]]


def _compiled(*rules: tuple[str, str]) -> _Rules:
    return [(re.compile(regex), reason) for regex, reason in rules]


# Every kind of job of RELION 5 and of cryoem-services but those that reconstruct tomograms, import or are of others.
_JOBS = (
    "MotionCorr|CtfFind|ExcludeTiltImages|AlignTiltSeries|FrameAlign|Denoise|Picks|Segmentation|Extract|PseudoSubtomo"
    "|Reconstruct|ReconstructParticleTomo|InitialModel|Class2D|Class3D|Refine3D|MultiBody|DynaMight|Subtract|MaskCreate"
    "|PostProcess|LocalRes|Polish|CtfRefine|Select|JoinStar|ManualPick|AutoPick|ModelAngelo|Movies|CryoloPick"
)
_FOLDERS = _compiled(
    (rf"(?:^|/)(?P<what>(?:{_JOBS})/job\d{{3,}})/", "the output of RELION's job {what}, which makes no tomograms"),
    (r"(?:^|/)job\d{3,}/projections/", "a projection"),
)
_FOLDERS_BELOW_SESSION = _compiled(
    (r"(?:^|/)(?P<what>reconstruction/(?:deconv|ctf))/", "a copy or a CTF volume of Warp, by its folder {what}/"),
    (r"(?:^|/)(?P<what>thumbnails)/$", "a picture, by its folder {what}/"),
    (r"(?:^|/)(?P<what>warp_\w+/templates?)/$", "a reference, by its folder {what}/"),
    (r"(?:^|/)(?P<what>species)/[^/]+/$", "a map of M, by its folder {what}/"),
)
_NAMES = _compiled(
    (r"^run(?:_ct\d+)?(?:_it\d{3})?(?:_half[12])?_class\d{3}\w*\.mrc$", "an average of RELION, by its name"),
    (r"_class\d{3}(?:_unfil)?\.mrc$", "an average of RELION, by its name"),
    (r"_half[12]_(?:class\d{3}_)?unfil\.mrc$", "an average of RELION, by its name"),
    (r"^postprocess(?:_masked)?\.mrc$", "an average of RELION, by its name"),
    (r"_\d{5,}(?:_ctf|_avg)?_\d+(?:\.\d+)?A\.mrc$", "a particle's box of Warp, by its name"),
    (r"(?:^|[_-])(?:subtomo(?:gram)?s?|subvolumes?)(?:[_-]\w+)?\.mrc$", "a particle's box, by its name"),
)
# RELION's particles: one of its boxes in a folder of this kind is recognised by its name as well.
_BOXES = re.compile(r"(?:^|/)Subtomograms/[^/]+/$")
_BOX = re.compile(r"\d+_\w+\.mrc$")


def other_by_structure(path: str, session: str) -> str:
    """Why the volume at `path` is not a tomogram; empty where nothing says so.

    session: the beginning of the path that names the session, with a trailing "/": a single word in it is no hint.
    """
    folder, slash, name = path.rpartition("/")
    reason, has_boxes = _by_folder(folder + slash, len(session))
    if has_boxes and _BOX.match(name):
        return "a particle's box of RELION, by its folder Subtomograms/"
    return reason or _first(_NAMES, name)


@lru_cache(maxsize=1000)
def _by_folder(folder: str, session: int) -> tuple[str, bool]:
    """The reason, and whether it may hold RELION's boxes. session: the length of its part."""
    inner = folder[session:]
    reason = _first(_FOLDERS, folder) or _first(_FOLDERS_BELOW_SESSION, inner)
    return reason, _BOXES.search(inner) is not None


def _first(rules: _Rules, text: str) -> str:
    """The reason of the first of the rules that is about `text`."""
    for regex, reason in rules:
        if match := regex.search(text):
            return reason.format(**match.groupdict())
    return ""
