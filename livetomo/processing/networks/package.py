"""Model packages: one `.safetensors` file that holds a network's weights and its card."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from livetomo.config.model_card import CARD_KEY, Card, package_digest, read_card
from livetomo.core.errors import ConfigurationError
from livetomo.processing.networks.unet import Network
from livetomo.system.atomic_write import replace_bytes

_KERNEL_AXES = 5  # out, in, z, y, x


@dataclass(frozen=True, slots=True)
class Model:
    """A network with its card, ready for inference. sha256: of the file that it came from."""

    network: Network
    card: Card
    sha256: str


def save_model(path: Path, network: Network, card: Card) -> None:
    """Write a package; the card as metadata, kernels in half precision, which is more than they are computed in."""
    state = {
        name: (tensor.half() if tensor.dim() == _KERNEL_AXES else tensor).detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    replace_bytes(path, save(state, {CARD_KEY: card.model_dump_json(by_alias=True)}))


def load_model(path: Path, device: str = "cpu") -> Model:
    """The network with its weights on `device`, in evaluation mode.

    Raises:
        ConfigurationError: it is not a package, or its weights are not those that its card describes.
    """
    card = read_card(path)
    network = Network(card.layout)
    with safe_open(path, framework="pt", device=device) as package:
        state = {name: package.get_tensor(name) for name in package.keys()}  # noqa: SIM118 - it is no mapping
    try:
        network.load_state_dict(state)
    except RuntimeError as fault:
        reason = str(fault).splitlines()[-1].strip()
        raise ConfigurationError(f"{path}: its weights are not those of its card: {reason}") from None
    if not all(torch.isfinite(tensor).all() for tensor in state.values()):
        raise ConfigurationError(f"{path}: has weights that are not numbers. Its training failed; train it again.")
    return Model(network.to(device).eval(), card, package_digest(path))
