"""Results made without a daemon: in the same folders, by the same rules about what is already there."""

import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import NoSuchFile, OtherFormat, SourceUnreadable
from livetomo.core.tomogram import TomogramId, attempt_name, result_name, tomogram_folder
from livetomo.formats.endings import by_ending, stem
from livetomo.intake.relations import refuse_stack
from livetomo.intake.sidecars.reading import facts_beside
from livetomo.intake.tree import Neighbours, Tree
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.results.folder import Result, install, read_result
from livetomo.results.manifest import MANIFEST
from livetomo.system.sampled_digest import digest_file

DEFAULT_VOXEL_SIZE_ANGSTROM = 10.0
WATCH = SESSION = "process"
Run = Callable[[JobSpec, Path], object]


def names_of(paths: Iterable[Path]) -> tuple[dict[Path, str], list[str]]:
    """A tomogram name for each file, its stem; a second file of the same stem gets a suffix, and a sentence says so."""
    names: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    warnings = []
    for path in paths:
        if path in names:
            continue
        own = stem(path.name)
        name, number = own, 1
        while name in taken:
            number += 1
            name = f"{own}-{number}"
        if number > 1:
            warnings.append(f"{path} has the same name as {taken[own]}: it is called {name}.")
        taken[name] = path
        names[path] = name
    return names, warnings


def make(path: Path, name: str, recipe_name: str, recipe: Recipe, output: Path, run: Run) -> tuple[Result, bool]:
    """The result of one file, made by `run` unless it is there, and whether it was; it appears whole or not at all.

    Raises:
        LivetomoError: what is wrong with the file, the disk or the device.
    """
    try:
        _refuse_other(path)
        content = digest_file(path)
    except (FileNotFoundError, NotADirectoryError):
        raise NoSuchFile(path) from None
    except OSError as fault:
        raise SourceUnreadable(path, fault.strerror or str(fault)) from fault
    tomogram, there = _tomogram(path, name, content.digest, output)
    place = tomogram_folder(str(output), tomogram)
    same = [result for result in there if result.manifest.source.digest == content.digest]
    for result in same:
        if result.manifest.recipe.hash == recipe.hash:
            return result, True
    revision = same[-1].manifest.revision if same else 1 + max((r.manifest.revision for r in there), default=0)
    default = DEFAULT_VOXEL_SIZE_ANGSTROM
    facts = facts_beside(path)
    spec = JobSpec(tomogram, revision, path.absolute(), content, recipe_name, recipe, default, facts=facts)
    place.mkdir(parents=True, exist_ok=True)
    attempt = place / attempt_name(secrets.token_hex(4))
    try:
        run(spec, attempt)
        folder = place / result_name(revision, recipe.hash)
        install(attempt, folder)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    return read_result(folder), False


def _tomogram(path: Path, name: str, digest: str, output: Path) -> tuple[TomogramId, list[Result]]:
    """The tomogram that the file is, and its results by their revisions.

    Another file of the same name is another tomogram, which gets a suffix: only new content at the same path is a
    revision. The same content at another path is the same tomogram, moved or copied.
    """
    number = 1
    while True:
        tomogram = TomogramId(WATCH, SESSION, name if number == 1 else f"{name}-{number}")
        folders = tomogram_folder(str(output), tomogram).glob("r*-*")
        there = [read_result(folder) for folder in folders if (folder / MANIFEST).is_file()]
        there.sort(key=lambda result: result.manifest.revision)
        sources = [result.manifest.source for result in there]
        if not there or any(source.path == str(path.absolute()) or source.digest == digest for source in sources):
            return tomogram, there
        number += 1


def _refuse_other(path: Path) -> None:
    """Refuse a folder, another format, and a stack of images or of volumes, which a person may take for a tomogram."""
    if path.is_dir():
        raise OtherFormat(path, *(by_ending(path.name) or ("a folder", "Name the file that is in it.")))
    whole = path.absolute()
    tree = Tree(whole.parent.parent)
    place = f"{whole.parent.name}/{whole.name}" if whole.parent.name else whole.name
    refuse_stack(tree.header(place), place, tree, Neighbours(tree))
