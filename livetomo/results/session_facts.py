"""What the catalog knows of a session beyond its results: verdicts by the session, and what people have taken out.

The daemon leaves it as `session.json` in the session's folder, for those who read the results without the catalog, and
for a catalog that is made anew.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livetomo.core.acquisition import Acquisition
from livetomo.core.errors import ConfigurationError
from livetomo.core.exclusion import Exclusion, boxes_of
from livetomo.core.json_object import JsonObject, NotGiven
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Verdict, is_worse, verdict_in
from livetomo.results.folder import Result
from livetomo.system.atomic_write import replace_text

SESSION_FACTS = "session.json"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """verdicts: of results, by their ids, as they were published. exclusions: those that were taken back, too.

    set_aside: the ids of results that are not in force, though they may be the last that were made of their tomogram.
    acquisition: what the configuration says of the session's watch.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    exclusions: Sequence[Exclusion] = ()
    set_aside: Sequence[str] = ()
    acquisition: Acquisition = field(default_factory=Acquisition)

    def write(self, session: Path) -> None:
        """Leave it in the session's folder."""
        body = {"exclusions": [each.to_json() for each in self.exclusions], "verdicts": dict(self.verdicts)}
        body |= {"set_aside": list(self.set_aside)}
        if said := self.acquisition.to_json():
            body["acquisition"] = said
        replace_text(session / SESSION_FACTS, json.dumps(body, ensure_ascii=False, indent=1) + "\n")

    @staticmethod
    def read(session: Path) -> "SessionFacts":
        """The inverse of `write`; nothing where no daemon has written it.

        Raises:
            ConfigurationError: it is damaged.
        """
        path = session / SESSION_FACTS
        try:
            body: Any = json.loads(path.read_bytes())
            return SessionFacts(
                {id: verdict_in(JsonObject({"verdict": verdict})) for id, verdict in body["verdicts"].items()},
                [Exclusion.from_json(JsonObject(each)) for each in body["exclusions"]],
                [str(each) for each in body.get("set_aside", ())],
                Acquisition.from_json(body.get("acquisition", {})),
            )
        except FileNotFoundError:
            return SessionFacts()
        except (ValueError, LookupError, TypeError, AttributeError, NotGiven) as fault:
            said = f"{path} is damaged ({fault}): nobody knows what was excluded."
            raise ConfigurationError(f"{said} Remove it: the running daemon writes a new one.") from None

    def verdict(self, result: Result) -> Verdict:
        """As it was published, or else as the result's own figures have it."""
        return self.verdicts.get(result.manifest.result_id, result.manifest.verdict)

    def exclusions_of(self, manifest: ResultManifest) -> list[Exclusion]:
        """Those that hold for a result."""
        who, ids = manifest.tomogram, ("", manifest.result_id)
        return [each for each in self.exclusions if each.holds and each.tomogram == who and each.result_id in ids]

    def of_feature(self, results: Iterable[Result], feature: str) -> list[Result]:
        """Those of which not all picks of a feature are taken out."""
        return [each for each in results if {} not in boxes_of(self.exclusions_of(each.manifest), feature)]

    def chosen(
        self, results: Iterable[Result], worst: Verdict, leave_out: Callable[[str, str], None] = lambda name, why: None
    ) -> list[Result]:
        """The results whose picks count, wholly or in part.

        worst:     the worst verdict that is taken.
        leave_out: hears of each other one, and of each part that does not count: the tomogram, and why.
        """
        kept = []
        for result in results:
            name, verdict = result.manifest.tomogram.name, self.verdict(result)
            excluded = self.exclusions_of(result.manifest)
            for each in excluded:
                leave_out(name, each.sentence)
            if any(each.is_whole for each in excluded):
                continue
            if is_worse(verdict, worst):
                leave_out(name, f"its verdict is {verdict}")
            else:
                kept.append(result)
        return kept
