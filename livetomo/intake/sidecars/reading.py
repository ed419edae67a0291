"""Read all sidecars of a tomogram into one table of facts, with units in their names, and say whose they are."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from livetomo.intake.sidecars import aln, ctf, imod, mdoc, metrics_csv, settings, star
from livetomo.intake.sidecars.numbers import NotUnderstood, tidy
from livetomo.intake.tree import Tree

Read = Callable[[str, str], dict[str, Any]]

# By the end of the file's name. (kind, how far it is believed: higher wins, reader of (text, tomogram's name)).
_KINDS: tuple[tuple[str, str, int, Read], ...] = (
    (metrics_csv.METRICS_FILE, "AreTomo3 metrics", 90, metrics_csv.read_metrics),
    ("tomograms.star", "RELION tomograms", 85, star.read_tomograms_star),
    (".star", "RELION tilt series", 80, lambda text, _: star.read_tilt_series_star(text)),
    (".xml", "Warp tilt series", 80, lambda text, _: ctf.read_warp_xml(text)),
    ("_CTF.txt", "CTF fit", 75, lambda text, _: ctf.read_ctf_text(text)),
    ("_ctffind4.txt", "CTF fit", 75, lambda text, _: ctf.read_ctf_text(text)),
    ("_ctffind.txt", "CTF fit", 75, lambda text, _: ctf.read_ctf_text(text)),
    (".aln", "AreTomo alignment", 70, lambda text, _: aln.read_aln(text)),
    (".tlt", "aligned tilts", 65, lambda text, _: imod.read_tilts(text)),
    (".xtilt", "tilts around X", 65, lambda text, _: imod.read_xtilt(text)),
    (".xf", "IMOD alignment", 60, lambda text, _: imod.read_xf(text)),
    ("tilt.com", "IMOD reconstruction", 60, lambda text, _: imod.read_tilt_com(text)),
    ("newst.com", "IMOD aligned stack", 58, lambda text, _: imod.read_newst_com(text)),
    ("AreTomo3_Session.json", "AreTomo3 session", 55, lambda text, _: settings.read_aretomo_session(text)),
    ("_TLT.txt", "AreTomo tilts", 50, lambda text, _: aln.read_tlt_txt(text)),
    (".rawtlt", "acquired tilts", 40, lambda text, _: imod.read_tilts(text)),
    (".settings", "Warp settings", 38, lambda text, _: settings.read_warp_settings(text)),
    ("_override.mdoc", "acquisition, overridden", 35, lambda text, _: mdoc.read_mdoc(text)),
    (".mdoc", "acquisition", 30, lambda text, _: mdoc.read_mdoc(text)),
)


# A folder may hold several data sets of IMOD, and only one of each of these.
_OF_ONE: Mapping[str, Callable[[str, str], bool]] = {
    "tilt.com": imod.tilt_com_is_of,
    "newst.com": imod.newst_com_is_of,
}
SIZES = (
    "voxel_size_angstrom",
    "pixel_size_angstrom",
    "acquisition_pixel_size_angstrom",
    "binning",
    "raw_size_xy",
    "acquisition_image_size_xy",
    "unbinned_size_xyz",
    "planned_pixel_size_angstrom",
    "planned_size_xyz",
)
"""The facts that say how large voxels are."""


def read_sidecar(name: str, text: str, tomogram: str) -> tuple[str, int, dict[str, Any]]:
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


def gather(tree: Tree, paths: Iterable[str], tomogram: str) -> dict[str, Any]:
    """The facts of all sidecars among `paths` that exist, the most believed winning; "sidecars" names these.

    "scales" keeps apart what each of them says of sizes, the most believed first: where they contradict, it is said.

    A sidecar that cannot be read or understood costs its own facts only, and is named under "unread_sidecars".
    """
    found: list[tuple[int, str, str, dict[str, Any]]] = []
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
    found.sort(key=lambda one: one[0])
    merged: dict[str, Any] = {}
    for _, _, _, facts in found:
        merged |= facts
    _in_angstrom(merged)
    scales = [
        {"sidecar": path} | sizes
        for _, path, _, facts in reversed(found)
        if (sizes := {key: facts[key] for key in SIZES if key in facts})
    ]
    kinds: dict[str, Any] = {path: kind for _, path, kind, _ in reversed(found)}
    merged |= {"scales": scales} if scales else {}
    return merged | ({"sidecars": kinds} if kinds else {}) | ({"unread_sidecars": unread} if unread else {})


def _in_angstrom(facts: dict[str, Any]) -> None:
    """Lengths in unbinned pixels become Å where some file says how large those are."""
    pixel = facts.get("pixel_size_angstrom")
    if facts.get("raw_size_xy") == facts.get("acquisition_image_size_xy"):
        pixel = pixel or facts.get("acquisition_pixel_size_angstrom")
    for name in ("thickness", "global_shift", "reconstructed_thickness"):
        pixels = facts.pop(f"{name}_pixels", None)
        if pixels is None:
            continue
        if pixel:
            facts.setdefault(f"{name}_angstrom", tidy(pixels * pixel))
        else:
            facts[f"{name}_pixels"] = pixels
