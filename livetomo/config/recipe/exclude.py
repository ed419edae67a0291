"""A recipe's table `[exclude]`: which results are taken out of the session's picks as they are made."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

from livetomo.config.recipe.quality import figures, no_figure
from livetomo.config.user_file import UserModel
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import is_worse, reasons


class Exclude(UserModel):
    """Which tomograms are taken out of the session's picks by themselves.

    Their picks are not published, and an event `excluded` says why. A person can take each back in: see
    [exclude.md](exclude.md).

    verdict: `"bad"` takes out tomograms whose verdict is *bad*; `"warn"` those that are *warn*, too.
    figures: names of quality figures, with the feature's name in place of `<feature>`: a tomogram is taken out if one
        of them is *bad* by its limit, which a table `[[limit]]` may set.
    """

    verdict: Literal["bad", "warn"] | None = None
    figures: tuple[str, ...] = ()

    def why(self, manifest: ResultManifest) -> str:
        """Why a result is taken out: a sentence; empty where it stays."""
        if self.verdict is not None and not is_worse(self.verdict, manifest.verdict):
            said = reasons(manifest.quality.values())
            return f"its verdict is {manifest.verdict}" + (f" ({said[0]})" if said else "")
        bad = [figure for name in self.figures if (figure := manifest.quality.get(name)) and figure.verdict == "bad"]
        return "; ".join(reasons(bad))


def exclude_of(settings: Mapping[str, Any]) -> Exclude:
    """The table in the settings of a job or a result."""
    return Exclude.model_validate(settings["exclude"]) if "exclude" in settings else Exclude()


def exclude_faults(exclude: Exclude, features: Collection[str]) -> Iterator[str]:
    """What is wrong with it in a recipe of these features."""
    known = sorted(figures(features))
    for name in exclude.figures:
        if name not in known:
            yield f'exclude: "figures": {no_figure(name, known)}'
