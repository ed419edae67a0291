"""The command line: one small module per command group, imported only when its command is called."""

import difflib
import os
import sys
from importlib import import_module

import click

import livetomo
from livetomo.core.errors import ExitCode, LivetomoError, PackageAbsent

COMMANDS: dict[str, str] = {
    "demo": "livetomo.cli.demo",
    "run": "livetomo.cli.run",
    "process": "livetomo.cli.process",
    "picks": "livetomo.cli.picks",
    "pick": "livetomo.cli.pick",
    "interact": "livetomo.cli.interact",
    "scan": "livetomo.cli.scan",
    "check": "livetomo.cli.check",
    "doctor": "livetomo.cli.doctor",
    "status": "livetomo.cli.status",
    "follow": "livetomo.cli.follow",
    "sessions": "livetomo.cli.sessions",
    "failed": "livetomo.cli.failed",
    "pause": "livetomo.cli.pause",
    "resume": "livetomo.cli.resume",
    "reprocess": "livetomo.cli.reprocess",
    "reinstate": "livetomo.cli.reinstate",
    "exclude": "livetomo.cli.exclude",
    "readmit": "livetomo.cli.readmit",
    "verify": "livetomo.cli.verify",
    "backup": "livetomo.cli.backup",
    "restore": "livetomo.cli.restore",
    "rebuild": "livetomo.cli.rebuild",
    "models": "livetomo.cli.models",
    "particles": "livetomo.cli.particles",
    "simulate": "livetomo.cli.simulate",
    "train": "livetomo.cli.train",
    "evaluate": "livetomo.cli.evaluate",
}


class LazyGroup(click.Group):
    """Commands by name: the module of `COMMANDS[name]` holds a click command called `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; for a word that names none, the error gives the closest one."""
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and close:
            ctx.fail(f'No such command "{args[0]}". Did you mean "{close[0]}"?')
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(livetomo.__version__)
def livetomo_command() -> None:
    """Pick particles in cryo-electron tomograms as the tomograms are reconstructed.

    Try it now, with a simulated microscope:  livetomo demo

    Exit codes: 0 ok, 2 usage or configuration, 3 some inputs failed, 4 daemon or broker not reachable,
    5 the state directory is in use, 6 a fault was found or some work was not done.
    """


def main() -> None:
    """Run the command line; what livetomo can say clearly ends in a sentence and its exit code, not in a traceback."""
    # OpenMP's threads wait for each other awake by default: on a machine that others use too a small
    # tomogram then costs ten times its processor time, and everybody is slowed. Workers inherit it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Large tensors in large pages: clearing small ones takes an eighth of a network's time on a processor.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    try:
        livetomo_command.main(prog_name="livetomo", standalone_mode=False)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(ExitCode.CONFIGURATION)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ModuleNotFoundError as absent:
        if absent.name is None or absent.name.partition(".")[0] == "livetomo":
            raise
        click.echo(str(PackageAbsent(absent.name)), err=True)
        sys.exit(PackageAbsent.exit_code)
    except LivetomoError as fault:
        click.echo(str(fault), err=True)
        sys.exit(fault.exit_code)
