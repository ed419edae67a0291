"""The option `--voxel-size`, with the bounds and the words that every other place has for a voxel size."""

from typing import Any

import click

from livetomo.core.voxel_size import WANTED, possible


class VoxelSizeOption(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """Å, within the bounds of a voxel size."""

    name = "voxel size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As `click.ParamType.convert`."""
        try:
            return possible(float(value))
        except ValueError:
            self.fail(f"{value} is no voxel size; write {WANTED}", param, ctx)


VOXEL_SIZE = VoxelSizeOption()
