"""What a folder collects: stored with it, so that a later start with other options does not mix two collections."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from livetomo.client.pickset import PickSet
from livetomo.core.errors import ConfigurationError
from livetomo.core.quality.metric import WORST_VERDICT, Verdict


@dataclass(frozen=True, slots=True)
class Choice:
    """The picks that are wanted, by the options of `livetomo follow`; None is any, or all.

    format:      an export format whose files are fetched for each tomogram, too.
    false_share: of each tomogram the strongest picks, among which this share is expected to be false.
    threshold:   of each tomogram the picks with at least this score.
    verdict:     the worst of tomograms that are taken.
    curation:    the options that choose by where picks lie, as `Curation.options` has them.
    """

    feature: str
    watch: str | None = None
    session: str | None = None
    site: str | None = None
    instance: str | None = None
    format: str | None = None
    false_share: float | None = None
    threshold: float | None = None
    verdict: Verdict = WORST_VERDICT
    curation: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.format is not None and (self.false_share, self.threshold, self.curation) != (None, None, ()):
            others = "the options from --region to --top" if self.curation else "--false-share and --threshold"
            raise ConfigurationError(f"--format fetches files with all published picks: give it, or {others}")

    def of(self, pickset: PickSet) -> PickSet:
        """Those of its picks that are wanted."""
        if pickset.retracted or pickset.left_out:
            return pickset
        if self.false_share is not None:
            pickset = pickset.up_to_false_share(self.false_share)
        return pickset if self.threshold is None else pickset.from_score(self.threshold)

    def to_json(self) -> dict[str, Any]:
        """As the folder keeps it."""
        return asdict(self) | {"curation": list(self.curation)}

    def refuse_another(self, stored: Mapping[str, Any], folder: Path) -> None:
        """Refuse to go on with a folder that collects something else.

        What an older version has not stored is taken to be as it is now; it did not store what was the default then.

        Raises:
            ConfigurationError: it does; the sentence has the options that it was begun with.
        """
        defaults: dict[str, Any] = {"false_share": None, "threshold": None, "verdict": WORST_VERDICT, "curation": []}
        before = {**self.to_json(), **defaults, **{key: stored[key] for key in self.to_json() if key in stored}}
        differing = [key for key, value in self.to_json().items() if before[key] != value]
        if differing:
            now = "; ".join(_words(key, self.to_json()[key]) for key in differing)
            was = " ".join(_words(key, value) for key, value in before.items() if value not in (None, []))
            raise ConfigurationError(
                f"{folder} collects {was}, and this would be another collection ({now}). Give the options that it has, "
                "or another --output."
            )


def _words(key: str, value: object) -> str:
    if isinstance(value, list):  # options, as they are
        return " ".join(map(str, value)) or "no option from --region to --top"
    option = f"--{key.replace('_', '-')}"
    if value is None:
        return f"no {option}"
    return f"{option} {value:g}" if isinstance(value, float) else f"{option} {value}"
