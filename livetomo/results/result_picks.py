"""The picks of one result, read from its candidates and checked against its manifest."""

import hashlib
from collections.abc import Sequence

from livetomo.core.curation import in_boxes
from livetomo.core.errors import BadStar, ResultUnreadable
from livetomo.core.exclusion import Box, boxes_of
from livetomo.core.picks import Picks
from livetomo.formats.candidates import candidates_name, has_all_digits, read_candidates
from livetomo.formats.frame import Frame
from livetomo.results.folder import Result
from livetomo.results.session_facts import SessionFacts


def candidates_of(result: Result, feature: str, frame: Frame) -> tuple[Picks, float]:
    """The candidates of a result, as many as its manifest says, and how far their scores may have been rounded down.

    Raises:
        ResultUnreadable: they are not those of the manifest, or cannot be read.
    """
    name = candidates_name(feature)
    try:
        content = (result.folder / name).read_bytes()
        text = content.decode()
        candidates = read_candidates(text, frame)
    except (FileNotFoundError, NotADirectoryError):
        raise ResultUnreadable(result.folder, f"there is no {name} in it") from None
    except OSError as fault:
        raise ResultUnreadable(result.folder, f"{name}: {fault.strerror}") from None
    except (BadStar, ValueError) as fault:
        raise ResultUnreadable(result.folder, f"{name} is damaged ({fault})") from None
    picked = result.manifest.picks[feature]
    if len(candidates) != picked.candidates:
        why = f"{name} has {len(candidates):,} rows where {picked.candidates:,} were published"
        raise ResultUnreadable(result.folder, why)
    facts = result.manifest.files.get(name)
    if facts is not None and facts.sha256 != hashlib.sha256(content).hexdigest():
        raise ResultUnreadable(result.folder, f"{name} was changed: it has not the checksum that was published")
    return candidates, 0.0 if has_all_digits(text) else 1e-6


def published_picks(result: Result, feature: str, facts: SessionFacts | None) -> Picks:
    """The picks of a feature as they were published, without those that were taken out since.

    Raises:
        ResultUnreadable: as `candidates_of`.
    """
    manifest = result.manifest
    frame = Frame.of_metadata(manifest.tomogram.name, manifest.volume.geometry, result.facts)
    candidates, slack = candidates_of(result, feature, frame)
    return not_taken_out(candidates.above(manifest.picks[feature].threshold - slack), result, feature, facts)


def not_taken_out(picks: Picks, result: Result, feature: str, facts: SessionFacts | None) -> Picks:
    """Those that no exclusion takes out."""
    boxes: Sequence[Box] = boxes_of(facts.exclusions_of(result.manifest), feature) if facts else ()
    return picks.where(~in_boxes(picks, boxes)) if boxes else picks
