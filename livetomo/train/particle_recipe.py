"""The recipe that comes with a picker for several species."""

from collections.abc import Mapping, Sequence

from livetomo.config.model_card import Card
from livetomo.train.goals import Goal
from livetomo.train.particle_evaluation import LEAST_SCORE, SpeciesThresholds

FALSE_SHARE = 0.3
"""Of the picks of a tomogram; thresholds leave .2 false on simulated specimens, and tomograms differ."""
_NOTHING = 1.0  # no pick scores so much


def recipe_of(card: Card, package: str, goals: Sequence[Goal], thresholds: Mapping[str, SpeciesThresholds]) -> str:
    """A recipe (TOML) that finds every species, and publishes those that are found well enough.

    package: the file beside the recipe. Of a species whose decoys are calibrated, fewer are published where decoys say
    that more than `FALSE_SHARE` of a tomogram's picks are false. Names are such as recipes take, without quotes.
    """
    features, picks = [], []
    for goal in goals:
        assert goal.centre is not None
        name, chosen = goal.feature, thresholds[goal.feature]
        features.append(f'[[feature]]\nname = "{name}"\nmodel = "{package}"\n')
        threshold = _down(chosen.precise) if chosen.precise is not None and chosen.is_publishable else _NOTHING
        believed = (
            f"false_share = {FALSE_SHARE:g}\n" if chosen.is_publishable and name in card.decoy_calibration else ""
        )
        picks.append(
            f'{_why(chosen)}[[pick]]\nfeature = "{name}"\nmethod = "maxima"\nthreshold = {threshold:g}\n{believed}'
            f"candidate_threshold = {min(LEAST_SCORE, threshold):g}\n"
            f"min_spacing_angstrom = {goal.centre.spacing_angstrom:.1f} # 0.6 diameters\n"
        )
    head = (
        f"# {', '.join(goal.feature for goal in goals)}, by the network {card.name}.\n"
        "# Thresholds were chosen on simulated specimens that were not learned from.\n"
        'density = "dark" # matter in the tomograms; or "bright"\n'
    )
    return "\n".join([head, *features, *picks, '[export]\nformats = ["relion5"]\n'])


def _why(chosen: SpeciesThresholds) -> str:
    best = f"{_down(chosen.highest_f4):g} has the highest F4."
    if chosen.is_publishable:
        return f"# Published: 80 % of what scores at least this is right. {best}\n"
    return (
        f"# Candidates only: where 80 % of the picks are right, {chosen.recall:.0%} of the particles are found at an\n"
        f"# SNR of 0.1. To publish them all the same, lower the threshold: {best}\n"
    )


def _down(score: float) -> float:
    """Not to the nearest: the pick that the threshold was chosen by is still published."""
    return int(score * 1000) / 1000
