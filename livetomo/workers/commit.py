"""How a finished attempt becomes a result: checked, renamed into place, and found again after a crash."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from livetomo.tomogram import attempt_name, is_attempt


def install(attempt: Path, final: Path) -> dict[str, Any]:
    """Move the attempt's folder into place, so that the result appears whole; returns its manifest.

    A result that is already there was moved by a daemon that died before it could record it: it is kept where it is
    intact, for it may have been seen, and replaced where it is not.
    """
    if final.exists():
        if (manifest := intact_manifest(final)) is not None:
            shutil.rmtree(attempt)
            return manifest
        broken = final.with_name(attempt_name(f"broken-{final.name}"))
        final.rename(broken)
        shutil.rmtree(broken)
    attempt.rename(final)
    _sync(final.parent)
    return read_manifest(final)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The result's `result.json`."""
    manifest: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return manifest


def intact_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the result in `folder`; None where anything that it lists is missing or differs."""
    try:
        manifest = read_manifest(folder)
        whole = all(_sha256(folder / name) == facts["sha256"] for name, facts in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if whole else None


def sweep_attempts(folder: Path) -> None:
    """Remove what attempts have left in a tomogram's folder; nothing that livetomo did not name so."""
    if folder.is_dir():
        for leftover in filter(is_attempt, list(folder.iterdir())):
            shutil.rmtree(leftover, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
