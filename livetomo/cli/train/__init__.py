"""`livetomo train`: make networks."""

import click

from livetomo.cli.train.particles import particles
from livetomo.cli.train.segmentation import segmentation


@click.group(
    "train",
    short_help="Train networks.",
    epilog="Example:  livetomo train segmentation --templates maps --ribosome 4v4r --device cuda:0 runs/seed1",
)
def command() -> None:
    """Train networks."""


command.add_command(segmentation)
command.add_command(particles)
