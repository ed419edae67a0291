"""How a session goes: its verdict by its last tomograms, and when it will have the particles that it is there for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livetomo.core.quality.metric import Quality, Verdict

LAST_TOMOGRAMS = 10
RATE_SECONDS = 2 * 3600.0
FEWEST_TOMOGRAMS = 3
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """What counts of a result here: its verdict, and its figures that are warn or bad, by name."""

    verdict: Verdict
    poor: Mapping[str, Quality]


@dataclass(frozen=True, slots=True)
class Target:
    """How many particles of a feature a session is to have, how many it has, and when it will have them all.

    per_hour: at the rate of the last two hours; None while there are too few tomograms.
    expected: at that rate; None where it is not known, or never.
    """

    feature: str
    wanted: int
    found: int
    per_hour: float | None = None
    expected: datetime | None = None

    @property
    def reached(self) -> bool:
        """Whether the session has them."""
        return self.found >= self.wanted


def session_verdict(last: Sequence[Verdict], before: Verdict) -> Verdict:
    """Of a session whose last tomograms have these verdicts, and which had the verdict `before`.

    good and unjudged: where neither holds; good needs a tomogram that is good.
    bad: half of them are bad. warn: a fifth is bad, or half are bad or warn. Either is left only when it has become
    clearly better than that, so that one tomogram more or less does not change it to and fro.
    """
    if len(last) < FEWEST_TOMOGRAMS:
        return before
    bad = sum(verdict == "bad" for verdict in last) / len(last)
    poor = bad + sum(verdict == "warn" for verdict in last) / len(last)
    if bad >= 0.5 or (before == "bad" and bad > 0.3):
        return "bad"
    if bad >= 0.2 or poor >= 0.5 or (before in ("bad", "warn") and poor > 0.3):
        return "warn"
    return "good" if "good" in last else "unjudged"


def failures_are_bad(failed: int, ended: int) -> bool:
    """Whether so many failures among the last tomograms that ended make the session bad, as half of bad ones do."""
    return failed >= FEWEST_TOMOGRAMS and failed >= 0.5 * ended


def troubles(last: Sequence[Judged]) -> list[str]:
    """What is wrong with the last tomograms, newest first: one sentence for each figure, the most frequent first."""
    reasons: dict[str, str] = {}
    times: Counter[str] = Counter()
    for result in last:
        for name, figure in result.poor.items():
            times[name] += 1
            reasons.setdefault(name, figure.reason)
    return [
        f"{name.replace('_', ' ')} in {number} of {len(last)}" + (f": {reasons[name]}" if reasons[name] else "")
        for name, number in times.most_common(_MOST_REASONS)
    ]


def verdict_body(last: Sequence[Judged], before: Verdict) -> dict[str, Any] | None:
    """What a session's event says when its verdict is not what it was `before`; None when it is."""
    verdicts = [result.verdict for result in last]
    verdict = session_verdict(verdicts, before)
    if verdict == before:
        return None
    reasons = troubles(last) if verdict in ("warn", "bad") else []
    return {"verdict": verdict, "before": before, "last": dict(Counter(verdicts)), "reasons": reasons}


def targets(wanted: Mapping[str, int], finished: Sequence[tuple[float, Mapping[str, int]]], now: float) -> list[Target]:
    """Each target as it stands at `now`.

    Args:
        wanted: particles by feature.
        finished: when (seconds since 1970) each tomogram was finished, and its picks by feature.
        now: seconds since 1970.
    """
    return [_target(feature, number, sorted(_of(feature, finished)), now) for feature, number in wanted.items()]


def _of(feature: str, finished: Sequence[tuple[float, Mapping[str, int]]]) -> Iterator[tuple[float, int]]:
    return ((when, picks.get(feature, 0)) for when, picks in finished)


def _target(feature: str, wanted: int, finished: Sequence[tuple[float, int]], now: float) -> Target:
    found = sum(picks for _, picks in finished)
    recent = [(when, picks) for when, picks in finished if when > now - RATE_SECONDS]
    since = now - RATE_SECONDS
    if len(recent) == len(finished) and recent:
        # The session is younger than that: its first tomogram ends a time of which nobody knows the beginning.
        (since, _), *recent = recent
    if len(recent) < FEWEST_TOMOGRAMS or now <= since:
        return Target(feature, wanted, found)
    per_second = sum(picks for _, picks in recent) / (now - since)
    expected = None
    if found < wanted and per_second > 0 and (left := (wanted - found) / per_second) < 1e9:
        expected = datetime.fromtimestamp(now + left, UTC)
    return Target(feature, wanted, found, round(per_second * 3600, 1), expected)
