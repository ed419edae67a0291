"""What a model package says of itself, read without its network, which needs torch; and the packages of livetomo."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from livetomo.config.user_file import UserModel, validate
from livetomo.core.errors import ConfigurationError
from livetomo.core.false_share import DecoyCalibration
from livetomo.core.units import VoxelSize

CARD_KEY = "livetomo.card"
ENDING = ".safetensors"
# Of the particles that packages made before cards said it are trained on, a eukaryotic ribosome, about; and of the
# spheres that stand for them.
_DIAMETERS_ANGSTROM: Mapping[str, float] = {"ribosome": 250.0}
_CENTRES_ANGSTROM: Mapping[str, float] = {"ribosome": 95.0}
_LONGEST_HEADER_BYTES = 100_000_000  # as the library has it
_FINEST, _COARSEST = 1 / 12, 1.5
_SHIPPED = Path(__file__).parents[1] / "processing" / "networks" / "weights"


@dataclass(frozen=True, slots=True)
class Layout:
    """How large the network is.

    features: what its channels are, in order. base: channels at full resolution, doubled at each of the lower levels.
    """

    features: tuple[str, ...]
    base: int = 16
    levels: int = 3

    @property
    def multiple(self) -> int:
        """Every extent of its input is a multiple of this, and every tile begins at one."""
        return 1 << (self.levels - 1)

    @property
    def halo(self) -> int:
        """Voxels around a tile that its answer depends on: each level convolves twice down and twice up.

        Pooling adds what lies in one coarse voxel. A multiple of `multiple`, so that tiles stay aligned.
        """
        above = self.multiple - 1  # one voxel of each level above the lowest, in voxels of the highest
        reach = 2 * (2 * above) + 2 * self.multiple + above
        return -(-reach // self.multiple) * self.multiple


@dataclass(frozen=True, slots=True)
class Canonical:
    """What a network is used to. Amplitudes rise from 1/`high_pass`, fall from 1/`fall`, and end at 1/`low_pass`.

    The shape of protein in ice at low resolution, and of what is left of it by 1/`low_pass`.
    """

    voxel_size_angstrom: float = 30.0
    high_pass_angstrom: float = 900.0
    fall_angstrom: float = 130.0
    low_pass_angstrom: float = 55.0

    @staticmethod
    def at(voxel_size_angstrom: float) -> "Canonical":
        """At another voxel size: the finer it is, the further amplitudes reach."""
        return Canonical(voxel_size_angstrom, low_pass_angstrom=55.0 * voxel_size_angstrom / 30.0)


class Card(UserModel):
    """What a model is, where it comes from and how well it does: everything that is known about it but its weights.

    voxel_range_angstrom: of tomograms with which voxels the network was evaluated. A package that does not say counts
        as evaluated from a twelfth of the voxels that it sees (finer ones are averaged) to half as large again.
    diameters_angstrom: of the features that are particles, by their names.
    centres_angstrom: of the features whose maps show spheres around particles' centres, by their names: the radius of
        the sphere. A package that does not say was made before cards said it; `centre_radii_angstrom` knows those.
    densities_per_um3: of the features that are particles, by their names: how many the training expected.
    decoy_calibration: of the features whose share of false picks can be told from decoys, by their names.
    metrics: by data set and figure. data, limits: sentences for people.
    """

    schema_version: int = Field(1, alias="schema")
    name: str
    features: tuple[str, ...] = Field(min_length=1)
    base: int = Field(ge=1, le=256)
    levels: int = Field(ge=1, le=6)
    voxel_size_angstrom: VoxelSize
    high_pass_angstrom: float = Field(gt=0)
    fall_angstrom: float = Field(gt=0)
    low_pass_angstrom: float = Field(gt=0)
    voxel_range_angstrom: tuple[VoxelSize, VoxelSize] | None = None
    diameters_angstrom: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    centres_angstrom: dict[str, Annotated[float, Field(gt=0)]] | None = None
    densities_per_um3: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    decoy_calibration: dict[str, DecoyCalibration] = Field(default_factory=dict)
    data: str = ""
    seed: int | None = None
    steps: int = 0
    commit: str = ""
    device: str = ""
    licence: str = ""
    metrics: dict[str, dict[str, float]] = Field(default_factory=dict)
    limits: str = ""

    def diameter_angstrom(self, feature: str) -> float | None:
        """How large the particles of a feature are; None where it is not known."""
        return self.diameters_angstrom.get(feature, _DIAMETERS_ANGSTROM.get(feature))

    @property
    def centre_radii_angstrom(self) -> dict[str, float]:
        """By feature, the radius of the sphere that stands for a particle; none of features that fill what they are."""
        radii = _CENTRES_ANGSTROM if self.centres_angstrom is None else self.centres_angstrom
        return {feature: radii[feature] for feature in self.features if feature in radii}

    @property
    def lowest_voxel_angstrom(self) -> float:
        """The smallest voxels of a tomogram that the network is run on."""
        return self.voxel_range_angstrom[0] if self.voxel_range_angstrom else self.voxel_size_angstrom * _FINEST

    @property
    def highest_voxel_angstrom(self) -> float:
        """The largest ones."""
        return self.voxel_range_angstrom[1] if self.voxel_range_angstrom else self.voxel_size_angstrom * _COARSEST

    def unfit(self, voxel_size_angstrom: float) -> str:
        """Why the network is not run on a tomogram with such voxels; empty where it is."""
        low, high = self.lowest_voxel_angstrom, self.highest_voxel_angstrom
        if low <= voxel_size_angstrom <= high:
            return ""
        return (
            f"voxels of {voxel_size_angstrom:g} Å are outside the range in which the network {self.name} was "
            f"evaluated, {low:g} to {high:g} Å"
        )

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


def read_card(path: Path) -> Card:
    """The card alone, without the weights.

    Raises:
        ConfigurationError: there is no such file, or it is not a package of livetomo.
    """
    try:
        metadata = _metadata(path)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such model") from None
    except (OSError, ValueError) as fault:
        raise ConfigurationError(f"{path}: is not a model package ({fault})") from None
    if CARD_KEY not in metadata:
        raise ConfigurationError(f"{path}: holds weights but no card of livetomo. Was it made by another program?")
    return validate(Card, json.loads(metadata[CARD_KEY]), str(path))


def _metadata(path: Path) -> Mapping[str, Any]:
    """What the header of a safetensors file says beside its tensors; the library would bring numpy into the supervisor.

    The file is a length in 8 bytes, so much JSON with each tensor's place, and the tensors
    (https://huggingface.co/docs/safetensors, "Format").

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or is cut off.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, _LONGEST_HEADER_BYTES):
            raise ValueError("it does not begin with a header of safetensors")
        header = json.loads(file.read(length))
    try:
        metadata = header.pop("__metadata__", {})
        ends = [tensor["data_offsets"][1] for tensor in header.values()]
    except (AttributeError, LookupError, TypeError):
        raise ValueError("its header is not that of safetensors") from None
    if max(ends, default=0) != size - 8 - length:
        raise ValueError("its length is not that of its tensors: it is cut off, or still being written")
    return metadata if isinstance(metadata, dict) else {}


def shipped() -> dict[str, Path]:
    """The packages that come with livetomo, by name."""
    return {path.stem: path for path in sorted(_SHIPPED.glob(f"*{ENDING}"), key=lambda path: path.stem)}


def package_path(model: str, base: Path) -> Path | None:
    """The file that a recipe's `model` names: one that is shipped, or a path relative to `base`; None for neither."""
    return base / Path(model).expanduser() if model.endswith(ENDING) else shipped().get(model)


def package_digest(path: Path) -> str:
    """SHA-256 of the file, read again only when it has changed.

    Raises:
        OSError: as the file system says it.
    """
    facts = path.stat()
    return _digest(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=64)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
