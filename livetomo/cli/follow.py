"""`livetomo follow`: what a subtomogram-averaging job calls."""

import asyncio
import logging
from pathlib import Path

import click

from livetomo.cli.name_given import NAME
from livetomo.cli.table import counted


@click.command("follow", short_help="Collect picks as they come, and run a command on them.")
@click.option("--broker", required=True, help="Like mqtt://broker:1883 or mqtts://broker:8883.")
@click.option("--feature", required=True, help="Which picks, like ribosome.")
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where to collect.")
@click.option("--watch", type=NAME, help="Only this microscope's.")
@click.option("--session", type=NAME, help="Only this session's.")
@click.option("--format", "kind", help="Fetch each tomogram's file of this export format, too.")
@click.option("--run", "line", metavar="COMMAND", help="Run this on a copy of what is there, without a shell.")
@click.option("--every-picks", type=click.IntRange(1), help="Run it after so many new picks.")
@click.option("--every-tomograms", type=click.IntRange(1), help="Run it after so many new tomograms.")
@click.option("--tomograms", type=click.IntRange(1), help="End when so many tomograms are collected.")
@click.option("--all", "from_start", is_flag=True, help="Begin with all that there ever was, not with what is new.")
@click.option("--site", help="The daemon's site, where several publish to this broker.")
@click.option("--instance", help="The daemon's instance, likewise.")
@click.option("--api", help="The daemon's HTTP address, where it is not reached under the one that it tells.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="For the HTTP API.")
@click.option("--username", help="Of the broker.")
@click.option("--password-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Of the broker.")
@click.option("--ca-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Of the broker's TLS.")
@click.option("--protocol", type=click.Choice(["5", "3.1.1"]), default="5", show_default=True)
@click.option("--base", default="livetomo", show_default=True, help="The first word of the topics.")
def command(
    broker: str,
    feature: str,
    output: Path,
    watch: str | None,
    session: str | None,
    kind: str | None,
    line: str | None,
    every_picks: int | None,
    every_tomograms: int | None,
    tomograms: int | None,
    from_start: bool,
    site: str | None,
    instance: str | None,
    api: str | None,
    token_file: Path | None,
    username: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    protocol: str,
    base: str,
) -> None:
    """Keep a particles file growing while a session runs, and run a command whenever enough of it is new.

    Below the output folder, <watch>/<session>/<feature>.star holds all picks in RELION 5's columns, replaced whole at
    each change; superseded tomograms leave it. What was told while this command, the broker or the network was away is
    caught up with; a restart goes on where it stopped.

    COMMAND is split into words as a shell would, and run without one, in a new folder runs/<number> with a copy that
    does not change: {star} is the particles file, {folder} that folder, {picks} and {tomograms} how many there are,
    {watch} and {session} whose. One run at a time for each session; its output goes to log.txt in that folder.

    Example:  livetomo follow --broker mqtt://broker --feature ribosome --output sta
    --every-picks 1000 --run 'average.sh {star}'
    """
    from livetomo.client import connect
    from livetomo.client.collection import Collection
    from livetomo.client.command import Command, Every
    from livetomo.client.follow import Follower
    from livetomo.client.pickset import PickSet
    from livetomo.client.stream import Wish
    from livetomo.config import Mqtt
    from livetomo.errors import ExitCode
    from livetomo.secret_files import read_token
    from livetomo.userfile import validate

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    secrets = {"username": username, "password_file": password_file, "ca_file": ca_file}
    mqtt = validate(Mqtt, {"url": broker, "protocol": protocol, "base": base} | secrets, "--broker")
    collection = Collection(output, feature, kind)
    position = collection.position if collection.position is not None else (0 if from_start else None)
    token = read_token(token_file) if token_file else None
    wish = Wish(feature, watch, session, site, instance)

    def told(pickset: PickSet, collection: Collection) -> None:
        what = "taken back" if pickset.retracted else counted(len(pickset.rows), "pick")
        click.echo(
            f"{pickset.watch}/{pickset.session}/{pickset.tomogram}: {what} "
            f"({collection.count:,} in {counted(collection.tomograms, 'tomogram')})"
        )

    follower = Follower(
        connect(
            mqtt,
            wish,
            api=api,
            after=position,
            epoch=collection.epoch,
            standing=collection.standing(),
            began=collection.began,
            token=token,
        ),
        collection,
        kind=kind,
        command=Command(line) if line else None,
        every=Every(every_picks, every_tomograms),
        tomograms=tomograms,
        told=told,
    )
    asyncio.run(follower.run())
    if follower.failed_runs:
        raise SystemExit(ExitCode.INCOMPLETE)
