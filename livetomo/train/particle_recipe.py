"""The recipe that comes with a picker for several species."""

from collections.abc import Mapping, Sequence

from livetomo.config.model_card import Card
from livetomo.train.goals import Goal

_CANDIDATES = 0.02


def recipe_of(card: Card, package: str, goals: Sequence[Goal], thresholds: Mapping[str, float]) -> str:
    """A recipe (TOML) that finds and picks every species. package: the file beside the recipe.

    thresholds: by species, scores from which on picks are published. Names are such as recipes take, without quotes.
    """
    features, picks = [], []
    for goal in goals:
        assert goal.centre is not None
        name = goal.feature
        # Down, not to the nearest: the pick that the threshold was chosen by is still published.
        threshold = int(thresholds[name] * 1000) / 1000
        features.append(f'[[feature]]\nname = "{name}"\nmodel = "{package}"\n')
        picks.append(
            f'[[pick]]\nfeature = "{name}"\nmethod = "maxima"\n'
            f"threshold = {threshold:g} # the highest F4 on simulated specimens that were not learned from\n"
            f"candidate_threshold = {min(_CANDIDATES, threshold):g}\n"
            f"min_spacing_angstrom = {goal.centre.spacing_angstrom:.1f} # 0.6 diameters\n"
        )
    head = f"# {', '.join(goal.feature for goal in goals)}, by the network {card.name}.\n"
    return "\n".join(
        [
            f'{head}density = "dark" # matter in the tomograms; or "bright"\n',
            *features,
            *picks,
            '[export]\nformats = ["relion5"]\n',
        ]
    )
