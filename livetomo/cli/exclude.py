"""`livetomo exclude`: take a tomogram, a feature or a part of it out of a session's picks."""

import getpass
from pathlib import Path

import click

from livetomo.cli.options import NAME, daemon_options, request_daemon, say


class Range(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """`20:90`: the lowest and highest voxel index, both inside."""

    name = "range"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        low, _, high = str(value).partition(":")
        try:
            ends = (float(low), float(high))
        except ValueError:
            self.fail(f'"{value}" is no range; write the lowest and highest voxel index, like 20:90', param, ctx)
        if not 0 <= ends[0] <= ends[1] < 1e6:
            self.fail(f'"{value}": the first number is the lower one, and 0 or more', param, ctx)
        return ends


RANGE = Range()


@click.command("exclude", short_help="Take a tomogram, or a part of it, out of a session's picks.")
@click.argument("session", type=NAME)
@click.argument("tomogram", type=NAME, required=False)
@click.option("--all", "everything", is_flag=True, help="Every tomogram that the session has by now.")
@click.option("--why", required=True, type=NAME, help="The reason, for those who read it later.")
@click.option("--feature", type=NAME, help="Take out this feature alone.")
@click.option("--x", type=RANGE, metavar="LOW:HIGH", help="Take out these voxels along x alone, from 0.")
@click.option("--y", type=RANGE, metavar="LOW:HIGH", help="The same along y.")
@click.option("--z", type=RANGE, metavar="LOW:HIGH", help="The same along z.")
@click.option("--watch", type=NAME, help="The session's watch, if several watches have a session of this name.")
@daemon_options
def command(
    session: str,
    tomogram: str | None,
    everything: bool,
    why: str,
    feature: str | None,
    x: tuple[float, float] | None,
    y: tuple[float, float] | None,
    z: tuple[float, float] | None,
    watch: str | None,
    configuration: Path,
    as_json: bool,
) -> None:
    """Take TOMOGRAM of SESSION, a feature of it or a part of it, out of all that is made of the session's picks.

    Consumers that follow the session drop these picks, and the session's files, targets and report go without them. The
    exclusion is published with your name and the reason, and holds for later results of the tomogram, too.
    `livetomo readmit` takes it back. Nothing is deleted.

    With --all in place of TOMOGRAM the session is withdrawn: all its tomograms.

    Example:  livetomo exclude 20261119_yeast TS_07 --why "ice on top" --z 0:60
    """
    box = {axis: ends for axis, ends in (("x", x), ("y", y), ("z", z)) if ends is not None}
    which = {"session": session, "watch": watch, "name": tomogram, "everything": everything}
    asked = which | {"feature": feature, "box": box}
    done = request_daemon(configuration, "exclude", asked | {"who": getpass.getuser(), "why": why})
    those = done["excluded"] if everything else [done]
    lines = [f"{each['watch']}/{each['session']}/{each['tomogram']}: {each['sentence']}" for each in those]
    say(done, as_json, "\n".join(lines))
