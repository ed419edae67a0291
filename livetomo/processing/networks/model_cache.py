"""The networks that a process has loaded: each once, for all the tomograms that it sees."""

from pathlib import Path

from livetomo.config.model_card import package_digest, package_path
from livetomo.core.errors import TransientError
from livetomo.processing.networks.package import Model, load_model
from livetomo.processing.networks.tile_memory import TileRoom


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
