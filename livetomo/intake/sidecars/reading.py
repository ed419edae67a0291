"""Read all sidecars of a tomogram into one table of facts, with units in their names, and say whose they are."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from pathlib import Path

from livetomo.core.sidecar_facts import ScaleFacts, SidecarFacts
from livetomo.core.tilt_series import RELION_TOMOGRAMS
from livetomo.intake.producers import PRODUCERS, choose, entitled
from livetomo.intake.sidecars import aretomo, imod, mdoc, metrics_csv, star, warp
from livetomo.intake.sidecars.numbers import NotUnderstood, tidy
from livetomo.intake.sidecars.views import ACQUISITION, OVERRIDDEN, SidecarText, views_of
from livetomo.intake.tree import Tree

Read = Callable[[str, str], SidecarFacts]

# By the end of the file's name. (kind, how far it is believed: higher wins, reader of (text, tomogram's name)).
_KINDS: tuple[tuple[str, str, int, Read], ...] = (
    (metrics_csv.METRICS_FILE, "AreTomo3 metrics", 90, metrics_csv.read_metrics),
    ("tomograms.star", RELION_TOMOGRAMS, 85, star.read_tomograms_star),
    (".star", "RELION tilt series", 80, lambda text, _: star.read_tilt_series_star(text)),
    (".xml", "Warp tilt series", 80, lambda text, _: warp.read_warp_xml(text)),
    ("_CTF.txt", "CTF fit", 75, lambda text, _: aretomo.read_ctf_text(text)),
    ("_ctffind4.txt", "CTF fit", 75, lambda text, _: aretomo.read_ctf_text(text)),
    ("_ctffind.txt", "CTF fit", 75, lambda text, _: aretomo.read_ctf_text(text)),
    (".aln", "AreTomo alignment", 70, lambda text, _: aretomo.read_aln(text)),
    (".tlt", "aligned tilts", 65, lambda text, _: imod.read_tilts(text)),
    (".xtilt", "tilts around X", 65, lambda text, _: imod.read_xtilt(text)),
    (".xf", "IMOD alignment", 60, lambda text, _: imod.read_xf(text)),
    ("tilt.com", "IMOD reconstruction", 60, lambda text, _: imod.read_tilt_com(text)),
    ("newst.com", "IMOD aligned stack", 58, lambda text, _: imod.read_newst_com(text)),
    ("AreTomo3_Session.json", "AreTomo3 session", 55, lambda text, _: aretomo.read_aretomo_session(text)),
    ("_TLT.txt", "AreTomo tilts", 50, lambda text, _: aretomo.read_tlt_txt(text)),
    (".rawtlt", "acquired tilts", 40, lambda text, _: imod.read_tilts(text)),
    (".settings", "Warp settings", 38, lambda text, _: warp.read_warp_settings(text)),
    ("_override.mdoc", OVERRIDDEN, 35, lambda text, _: mdoc.read_mdoc(text)),
    (".mdoc", ACQUISITION, 30, lambda text, _: mdoc.read_mdoc(text)),
)


# A folder may hold several data sets of IMOD, and only one of each of these.
_OF_ONE: Mapping[str, Callable[[str, str], bool]] = {"tilt.com": imod.tilt_com_is_of, "newst.com": imod.newst_com_is_of}


def read_sidecar(name: str, text: str, tomogram: str) -> tuple[str, int, SidecarFacts]:
    """(kind, how far it is believed, facts) of the file called `name`.

    Raises:
        NotUnderstood: it is not what its name says.
    """
    for ending, kind, belief, read in _KINDS:
        if name.endswith(ending):
            if ending in _OF_ONE and not _OF_ONE[ending](text, tomogram):
                raise NotUnderstood(f"it reconstructs another data set than {tomogram}")
            return kind, belief, read(text, tomogram)
    raise NotUnderstood("no known kind of sidecar")


def gather(tree: Tree, paths: Iterable[str], tomogram: str, *, stored_axes: str = "") -> SidecarFacts:
    """The facts of all sidecars among `paths` that exist, the most believed winning; "sidecars" names these.

    stored_axes: of the volume's file, as its producer knows them.

    "scales" keeps apart what each of them says of sizes, the most believed first: where they contradict, it is said.

    A sidecar that cannot be read or understood costs its own facts only, and is named under "unread_sidecars".
    """
    found: list[tuple[int, str, str, SidecarFacts]] = []
    texts: dict[str, SidecarText] = {}
    unread: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        try:
            text = tree.text(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            unread[path] = error.strerror or str(error)
            continue
        try:
            kind, belief, facts = read_sidecar(path.rpartition("/")[2], text, tomogram)
        except NotUnderstood as reason:
            unread[path] = str(reason)
        else:
            found.append((belief, path, kind, facts))
            texts.setdefault(kind, SidecarText(path, kind, text))
    found.sort(key=lambda one: one[0])
    merged = reduce(or_, (facts for *_, facts in found), SidecarFacts())
    found.reverse()
    sizes = [(path, ScaleFacts.of(facts)) for _, path, _, facts in found]
    return (
        _in_angstrom(merged)
        | views_of(texts, unread, tomogram, stored_axes)
        | SidecarFacts(
            scales=tuple(ScaleFacts(sidecar=path) | size for path, size in sizes if size),
            sidecars={path: kind for _, path, kind, _ in found},
            unread_sidecars=unread,
        )
    )


def _in_angstrom(facts: SidecarFacts) -> SidecarFacts:
    """Lengths in unbinned pixels become Å where some file says how large those are."""
    pixel = facts.pixel_size_angstrom
    if facts.raw_size_xy == facts.acquisition_image_size_xy:
        pixel = pixel or facts.acquisition_pixel_size_angstrom
    in_pixels = SidecarFacts(
        thickness_pixels=facts.thickness_pixels,
        global_shift_pixels=facts.global_shift_pixels,
        reconstructed_thickness_pixels=facts.reconstructed_thickness_pixels,
    )
    if not pixel:
        return facts.without(in_pixels) | in_pixels

    def length(angstrom: float | None, pixels: float | None) -> float | None:
        return tidy(pixels * pixel) if angstrom is None and pixels is not None else angstrom

    return facts.without(in_pixels) | SidecarFacts(
        thickness_angstrom=length(facts.thickness_angstrom, facts.thickness_pixels),
        global_shift_angstrom=length(facts.global_shift_angstrom, facts.global_shift_pixels),
        reconstructed_thickness_angstrom=length(
            facts.reconstructed_thickness_angstrom, facts.reconstructed_thickness_pixels
        ),
    )


def facts_beside(path: Path) -> SidecarFacts:
    """The facts of the sidecars of the tomogram at `path`, by each producer here (no plug-in) that knows it.

    The first of them in the table says what the tomogram is called and how it is stored; `generic` knows every volume.
    """
    root = Path(path.absolute().anchor)
    relative = path.absolute().relative_to(root).as_posix()
    producers = entitled(choose(tuple(PRODUCERS.built_in)), relative)
    found = [(each, file) for each in producers if (file := each.recognise(relative))]
    if not found:
        return SidecarFacts()
    _, first = found[0]
    places = [
        place for producer, file in found if file.name == first.name for place in producer.sidecars(file, relative)
    ]
    facts = gather(Tree(root), places, first.name, stored_axes=first.stored_axes)
    return facts | SidecarFacts(stored_axes=first.stored_axes)
