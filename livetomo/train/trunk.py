"""Begin a network with what another one has learned: another head, another number of levels."""

from dataclasses import dataclass

import torch

from livetomo.core.errors import ConfigurationError
from livetomo.processing.networks.unet import Network


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What a network begins with. levels: those with learned weights; features: those whose answer is learned."""

    levels: int
    of_levels: int
    features: tuple[str, ...]
    fresh_features: tuple[str, ...]

    def __str__(self) -> str:
        """`4 of 4 levels are carried over; the answers for 4v4r, 6utj start fresh`."""
        levels = f"{self.levels} of {self.of_levels} levels are carried over"
        fresh = f"the answers for {', '.join(self.fresh_features)} start fresh" if self.fresh_features else ""
        known = f"and the answers for {', '.join(self.features)}" if self.features else ""
        return " ".join(part for part in (levels, known) if part) + (f"; {fresh}" if fresh else "")


def carry_over(start: Network, network: Network) -> CarriedOver:
    """Give `network` the weights of `start`, level by level from the highest, and of the features that both answer for.

    Raises:
        ConfigurationError: the two have other numbers of channels.
    """
    if start.layout.base != network.layout.base:
        raise ConfigurationError(
            f"the network to begin with has {start.layout.base} channels at full resolution, the new one "
            f"{network.layout.base}. Give --base {start.layout.base}, or leave it out."
        )
    levels = min(start.layout.levels, network.layout.levels)
    for level in range(levels):
        network.down[level].load_state_dict(start.down[level].state_dict())
        if level:  # from here up to the next; both lists begin at the lowest level
            for ours, theirs in ((network.narrow, start.narrow), (network.up, start.up)):
                ours[-level].load_state_dict(theirs[-level].state_dict())
    ours_too = tuple(feature for feature in network.layout.features if feature in start.layout.features)
    with torch.no_grad():
        for feature in ours_too:
            row, before = network.layout.features.index(feature), start.layout.features.index(feature)
            for new, learned in zip(network.head.parameters(), start.head.parameters(), strict=True):
                new[row] = learned[before]
    fresh = tuple(feature for feature in network.layout.features if feature not in ours_too)
    return CarriedOver(levels, network.layout.levels, ours_too, fresh)
