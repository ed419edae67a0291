"""Model packages, one `.safetensors` file with a network's weights and its card; each is loaded once in a process."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from livetomo.config.model_card import CARD_KEY, Card, package_digest, package_path, read_card
from livetomo.core.errors import ConfigurationError, TransientError
from livetomo.processing.networks.tile_memory import TileRoom
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


class ModelAway(TransientError, reason="model away"):
    """A recipe's model is not there any more, or is another one by now."""

    def __init__(self, model: str, why: str) -> None:
        super().__init__(
            f'model "{model}" {why}. Put back the file that the recipe was read with, '
            "or have the daemon read its recipes again and reprocess."
        )


class Models:
    """Those on one device; `room` remembers how large tiles they may be given there."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._loaded: dict[str, Model] = {}
        self.room = TileRoom()

    def get(self, model: str, sha256: str) -> Model:
        """The model of this name or path, whose file has this digest.

        Raises:
            ModelAway: there is no such file, or no longer.
            ConfigurationError: it is not a sound package.
        """
        if sha256 in self._loaded:
            return self._loaded[sha256]
        path = package_path(model, Path())
        if path is None:
            raise ModelAway(model, "does not come with this livetomo")
        try:
            digest = package_digest(path)
        except OSError as fault:
            raise ModelAway(model, f"cannot be read ({fault.strerror})") from fault
        if digest != sha256:
            raise ModelAway(model, "is another file by now")
        loaded = load_model(path, self._device)
        if loaded.sha256 != sha256:
            raise ModelAway(model, "changed while it was read")
        self._loaded[sha256] = loaded
        return loaded
