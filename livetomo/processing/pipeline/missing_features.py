"""Features that cannot be looked for in a tomogram, what depends on them, and how a result says so."""

from collections.abc import Mapping

from livetomo.config.recipe.features import label_thresholds
from livetomo.config.recipe.picks import Away, Consensus, Distinct, Near
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.quality.definitions import GROUPS
from livetomo.core.quality.metric import Quality


def with_dependents(recipe: Recipe, missing: Mapping[str, str]) -> dict[str, str]:
    """`missing`, reasons by feature, with the features that are only kept near one of these: they cannot be found."""
    found = dict(missing)
    needs: list[tuple[str, tuple[str, ...]]] = [
        (rule.feature, (rule.colocalize,)) for rule in recipe.interaction if rule.colocalize
    ]
    needs += [(rule.feature, (rule.partner,)) for rule in recipe.curate if isinstance(rule, Near)]
    needs += [(rule.feature, rule.partners) for rule in recipe.curate if isinstance(rule, Consensus)]
    for _ in needs:
        for feature, partners in needs:
            for partner in partners:
                if partner in found and feature not in found:
                    found[feature] = f"it is looked for beside {partner}, which is missing: {found[partner]}"
    return found


def not_kept_away(recipe: Recipe, missing: Mapping[str, str]) -> list[str]:
    """Sentences about features that are there, but could not be kept away from one that is missing."""
    pairs = [(rule.feature, rule.avoid) for rule in recipe.interaction if rule.avoid]
    pairs += [(rule.feature, rule.partner) for rule in recipe.curate if isinstance(rule, Away | Distinct)]
    pairs += [(taken, giver) for giver in recipe.competition.emit for taken in recipe.competition.absorb]
    alone = {(feature, partner): None for feature, partner in pairs if partner in missing and feature not in missing}
    return [f"{feature} could not be kept away from {partner}, which is missing." for feature, partner in alone]


def missing_figures(recipe: Recipe, missing: Mapping[str, str]) -> list[Quality]:
    """The figures that these features would have: missing, with the reason."""
    those = {"extent": set(label_thresholds(recipe.feature)), "picks": {rule.feature for rule in recipe.pick}}
    return [
        Quality(figure.name.replace("<feature>", name), None, figure.unit, "missing", reason)
        for name, reason in missing.items()
        for figure in GROUPS["features"]
        if figure.needs and name in those[figure.needs]
    ]
