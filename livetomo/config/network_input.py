"""How large a network is, and what its input is brought to: what its card says of it, without torch."""

from dataclasses import dataclass


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
