"""RELION 5: Tomograms/job005/tomograms/rec_TS_01.mrc, with _half1 (even) and _half2 (odd)."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.producer import GIVEN, NO_SIGNAL, Producer, Recognised, Signal, parent, split
from livetomo.intake.tree import Tree

_VOLUME = re.compile(r"rec_(?P<name>.+)\.mrc")
_JOB = re.compile(r"(?P<job>(?:.*/)?job\d{3,}/)(?:tomograms/)?")
_ENDS = ("RELION_JOB_EXIT_SUCCESS", "RELION_JOB_EXIT_FAILURE", "RELION_JOB_EXIT_ABORTED")


class Relion5(Producer):
    """A job is over when it has left RELION_JOB_EXIT_SUCCESS, or another of its kind, in its folder."""

    name: ClassVar[str] = "relion5"
    alone_is_final: ClassVar[bool] = True

    def volume(self, path: str) -> Recognised | None:
        folder, name = split(path)
        match = _VOLUME.fullmatch(name)
        return Recognised("full", match["name"], folder + match["name"]) if match else None

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        folder, _ = split(path)
        job = _JOB.fullmatch(folder)
        if job is None:
            return NO_SIGNAL
        end = next((end for end in _ENDS if tree.exists(job["job"] + end)), None)
        if end == _ENDS[0]:
            return GIVEN
        if end is not None:
            return Signal("given", failed=f"its job ended with {end}")
        return Signal("awaited", f"{job['job']} has no {_ENDS[0]} yet")

    def stands_alone(self, file: Recognised, path: str) -> bool:
        """A job that splits (for denoising) writes both halves, and no full volume."""
        return file.role == "even" and _JOB.fullmatch(split(path)[0]) is not None

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        stem = f"{split(path)[0]}rec_{file.name}"
        return (f"{stem}.mrc", f"{stem}_half1.mrc")

    def series(self, file: Recognised, path: str) -> str:
        """A project has each series once: all its jobs that reconstruct."""
        return relion_project(path)

    def order(self, path: str) -> int:
        """RELION counts the jobs of a project."""
        return relion_job(path)

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Those of its job."""
        folder, _ = split(path)
        job = parent(folder)
        return [f"{job}tomograms.star", f"{job}tilt_series/{file.name}.star"]


def is_relions(path: str) -> bool:
    """Whether a job of RELION wrote the volume at `path`, by its name and its folder."""
    folder, name = split(path)
    return name.startswith("rec_") and _JOB.fullmatch(folder) is not None


def relion_project(path: str) -> str:
    """The project of whose jobs one wrote the volume at `path`; empty where none did."""
    job = _JOB.fullmatch(split(path)[0])
    return f"RELION project {parent(parent(job['job']))}" if job else ""


def relion_job(path: str) -> int:
    """The number of the job that wrote the volume at `path`; 0 where none did."""
    job = _JOB.fullmatch(split(path)[0])
    return int(split(job["job"].rstrip("/"))[1].removeprefix("job")) if job else 0
