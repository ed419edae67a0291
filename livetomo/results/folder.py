"""Result folders: they appear whole or not at all, are found again, and can be checked against their manifests."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from livetomo.core.errors import BadManifest, ResultUnreadable
from livetomo.core.manifest import ResultManifest
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import attempt_name, is_attempt, session_pattern
from livetomo.results.manifest import MANIFEST, read_manifest
from livetomo.system.atomic_write import sync

REMOVED = "removed.json"


@dataclass(frozen=True, slots=True)
class Result:
    """A result folder, its manifest, and what sidecars say of its tilt series by now."""

    folder: Path
    manifest: ResultManifest
    facts: SidecarFacts


def read_result(folder: Path, facts: SidecarFacts | None = None) -> Result:
    """The result in `folder`; where nothing is known by now, what was known when it was made counts.

    Raises:
        ResultUnreadable: the folder is gone or cannot be read, or its manifest is damaged.
    """
    try:
        manifest = read_manifest(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise ResultUnreadable(folder, f"there is no {MANIFEST} in it") from None
    except OSError as fault:
        raise ResultUnreadable(folder, f"{MANIFEST}: {fault.strerror}") from None
    except BadManifest as fault:
        raise ResultUnreadable(folder, f"its {MANIFEST} is damaged ({fault})") from None
    return Result(folder, manifest, facts or manifest.facts)


def install(attempt: Path, final: Path) -> ResultManifest:
    """Move the attempt's folder into place, so that the result appears whole; returns its manifest.

    A result that is already there was moved by a daemon that died before it could record it: it is kept where it is
    intact, for it may have been seen, and replaced where it is not.

    Raises:
        BadManifest: the attempt's is none; its folder stays where it is.
    """
    if final.exists():
        if (manifest := intact_manifest(final)) is not None:
            shutil.rmtree(attempt)
            return manifest
        broken = final.with_name(attempt_name(f"broken-{final.name}"))
        final.rename(broken)
        shutil.rmtree(broken)
    manifest = read_manifest(attempt)
    attempt.rename(final)
    for folder in final.parents[:3]:  # the tomogram's, `tomograms`, and the session's: each may be new
        sync(folder)
    return manifest


def intact_manifest(folder: Path) -> ResultManifest | None:
    """The manifest of the result in `folder`; None where it is damaged or not there."""
    return None if any(damage(folder)) else read_manifest(folder)


def damage(folder: Path) -> Iterator[str]:
    """What differs from the result's manifest, one sentence each; nothing where the result is as it was published."""
    try:
        files = read_manifest(folder).files
    except FileNotFoundError:
        yield f"{MANIFEST} is missing"
        return
    except (OSError, BadManifest) as fault:
        yield f"{MANIFEST} cannot be read ({fault})"
        return
    removed = _removed(folder)
    for name, facts in files.items():
        if name in removed:
            continue
        try:
            if (folder / name).stat().st_size != facts.bytes:
                yield f"{name} has another size"
            elif _sha256(folder / name) != facts.sha256:
                yield f"{name} has another content"
        except OSError as fault:
            yield f"{name} cannot be read ({fault.strerror})"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(there - set(files) - {MANIFEST, REMOVED}):
        yield f"{name} is not in the manifest"


def find_results(output: str, watch: str | None = None, session: str | None = None) -> list[Path]:
    """Every result folder below `output`, of one watch or session where it is given, in the order of their paths."""
    pattern = session_pattern(output, watch, session) / "tomograms" / "*" / "r*-*" / MANIFEST
    fixed = Path(pattern.anchor or ".")
    return sorted(path.parent for path in fixed.glob(str(pattern.relative_to(fixed) if pattern.anchor else pattern)))


def sweep_attempts(folder: Path) -> None:
    """Remove what attempts have left in a tomogram's folder; nothing that livetomo did not name so."""
    if folder.is_dir():
        for leftover in filter(is_attempt, list(folder.iterdir())):
            shutil.rmtree(leftover, ignore_errors=True)


def _removed(folder: Path) -> set[str]:
    """What retention has removed from the result."""
    try:
        return set(json.loads((folder / REMOVED).read_text(encoding="utf-8"))["removed"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
