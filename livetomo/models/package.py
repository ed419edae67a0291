"""Model packages: one `.safetensors` file that holds a network's weights and its card."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from livetomo.errors import ConfigurationError
from livetomo.models.network import Layout, Network
from livetomo.stages.segment.canonical import Canonical
from livetomo.userfile import UserModel, validate

_CARD = "livetomo.card"


class Card(UserModel):
    """What a model is, where it comes from and how well it does: everything that is known about it but its weights.

    metrics: by data set and figure. data, limits: sentences for people.
    """

    schema_version: int = Field(1, alias="schema")
    name: str
    features: tuple[str, ...] = Field(min_length=1)
    base: int = Field(ge=1, le=256)
    levels: int = Field(ge=1, le=6)
    voxel_size_angstrom: float = Field(gt=0)
    high_pass_angstrom: float = Field(gt=0)
    fall_angstrom: float = Field(gt=0)
    low_pass_angstrom: float = Field(gt=0)
    data: str = ""
    seed: int | None = None
    steps: int = 0
    commit: str = ""
    device: str = ""
    licence: str = ""
    metrics: dict[str, dict[str, float]] = Field(default_factory=dict)
    limits: str = ""

    @property
    def layout(self) -> Layout:
        """The network that the weights belong to."""
        return Layout(self.features, self.base, self.levels)

    @property
    def canonical(self) -> Canonical:
        """What its input is brought to."""
        return Canonical(self.voxel_size_angstrom, self.high_pass_angstrom, self.fall_angstrom, self.low_pass_angstrom)

    @staticmethod
    def of(name: str, layout: Layout, canonical: Canonical, **more: Any) -> "Card":
        """The card of a network with this layout and input."""
        return Card(name=name, **asdict(layout), **asdict(canonical), **more)


@dataclass(frozen=True, slots=True)
class Model:
    """A network with its card, ready for inference. sha256: of the file that it came from."""

    network: Network
    card: Card
    sha256: str


def save_model(path: Path, network: Network, card: Card) -> None:
    """Write a package; the weights as they are, the card as metadata."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    content = save(state, {_CARD: card.model_dump_json(by_alias=True)})
    scratch = path.with_name(f".{path.name}.tmp")
    scratch.write_bytes(content)
    scratch.replace(path)


def read_card(path: Path) -> Card:
    """The card alone, without the weights.

    Raises:
        ConfigurationError: there is no such file, or it is not a package of livetomo.
    """
    try:
        with safe_open(path, framework="np") as package:
            metadata = package.metadata() or {}
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such model") from None
    except (SafetensorError, OSError) as fault:
        raise ConfigurationError(f"{path}: is not a model package ({fault})") from None
    if _CARD not in metadata:
        raise ConfigurationError(f"{path}: holds weights but no card of livetomo. Was it made by another program?")
    return validate(Card, json.loads(metadata[_CARD]), str(path))


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
    return Model(network.to(device).eval(), card, hashlib.sha256(path.read_bytes()).hexdigest())
