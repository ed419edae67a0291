"""A model package is what it says, or is refused."""

import pytest
import torch
from safetensors.torch import save_file

from livetomo.config.model_card import Canonical, Card, Layout, read_card
from livetomo.core.errors import ConfigurationError
from livetomo.processing.networks.package import load_model, save_model
from livetomo.processing.networks.unet import Network

LAYOUT = Layout(("membrane", "ribosome"), base=2, levels=2)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network(LAYOUT).eval()


def test_a_model_comes_back_as_it_was_saved(tmp_path, network):
    card = Card.of("mine", LAYOUT, Canonical(16.0), seed=3, metrics={"simulated": {"dice_membrane": 0.8}})
    save_model(tmp_path / "mine.safetensors", network, card)
    model = load_model(tmp_path / "mine.safetensors")
    assert model.card == card
    assert model.card.layout == LAYOUT
    assert model.card.canonical == Canonical(16.0)
    assert len(model.sha256) == 64
    for name, tensor in network.state_dict().items():
        kept = tensor.half() if tensor.dim() == 5 else tensor  # kernels are kept in half precision
        assert torch.equal(model.network.state_dict()[name], kept.to(tensor.dtype)), name


def test_weights_that_are_not_those_of_the_card_are_refused(tmp_path, network):
    card = Card.of("mine", Layout(LAYOUT.features, base=3, levels=2), Canonical())
    save_model(tmp_path / "mine.safetensors", network, card)
    with pytest.raises(ConfigurationError, match="not those of its card"):
        load_model(tmp_path / "mine.safetensors")


def test_weights_that_are_not_numbers_are_refused(tmp_path, network):
    network.head.bias.data[0] = float("nan")
    save_model(tmp_path / "mine.safetensors", network, Card.of("mine", LAYOUT, Canonical()))
    with pytest.raises(ConfigurationError, match="not numbers"):
        load_model(tmp_path / "mine.safetensors")


def test_what_is_no_package_is_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ConfigurationError, match="is not a model package"):
        read_card(tmp_path / "text.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ConfigurationError, match="no card of livetomo"):
        read_card(tmp_path / "other.safetensors")
    with pytest.raises(ConfigurationError, match="no such model"):
        read_card(tmp_path / "absent.safetensors")


def test_a_package_of_which_a_part_is_missing_is_refused(tmp_path, network):
    save_model(tmp_path / "mine.safetensors", network, Card.of("mine", LAYOUT, Canonical()))
    whole = (tmp_path / "mine.safetensors").read_bytes()
    for length in (0, 7, 8, 100, len(whole) - 1):
        (tmp_path / "part.safetensors").write_bytes(whole[:length])
        with pytest.raises(ConfigurationError, match="is not a model package"):
            read_card(tmp_path / "part.safetensors")


@pytest.mark.parametrize("header", ["[]", "{", "7", '{"a": 1}', '{"a": {"data_offsets": [0]}}', '{"a": {}}'])
def test_a_damaged_header_is_refused(tmp_path, header):
    (tmp_path / "mine.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(ConfigurationError, match="is not a model package"):
        read_card(tmp_path / "mine.safetensors")
