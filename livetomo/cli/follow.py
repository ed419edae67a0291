"""`livetomo follow`: what a subtomogram-averaging job calls."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.curation import curation_options
from livetomo.cli.options import EXISTING_FILE, NAME, output_option, verdict_option
from livetomo.cli.table import counted
from livetomo.config.curation import Curation
from livetomo.core.quality.metric import Verdict

if TYPE_CHECKING:
    from livetomo.client.broker import Protocol
    from livetomo.client.local_collection import Collection
    from livetomo.client.pickset import PickSet


@click.command("follow", short_help="Collect picks as they are published, and run a command on them.")
@click.option("--broker", required=True, help="Address, like mqtt://broker:1883 or mqtts://broker:8883.")
@click.option("--feature", required=True, help="Feature whose picks are collected, like ribosome.")
@output_option("Folder to collect in.")
@click.option("--watch", type=NAME, help="Collect from this watch only.")
@click.option("--session", type=NAME, help="Collect from this session only.")
@click.option("--format", "kind", help="Also fetch each tomogram's file in this export format.")
@click.option(
    "--false-share",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Take of each tomogram's published picks only the strongest, among which this share is expected to be false.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="Take of each tomogram's published picks only the strongest, which have at least this score.",
)
@curation_options
@verdict_option
@click.option("--run", "line", metavar="COMMAND", help="Command to run on a copy of the picks, without a shell.")
@click.option("--every-picks", type=click.IntRange(1), help="Run the command after this many new picks.")
@click.option("--every-tomograms", type=click.IntRange(1), help="Run the command after this many new tomograms.")
@click.option("--run-empty", is_flag=True, help="Run the command also when no pick is left in the particles file.")
@click.option("--tomograms", type=click.IntRange(1), help="End when this many tomograms are collected.")
@click.option(
    "--all", "from_start", is_flag=True, help="Begin with the first result of the catalog, not with new results."
)
@click.option("--site", help="Site of the daemon, if several daemons publish to this broker.")
@click.option("--instance", help="Instance of the daemon, for the same case.")
@click.option("--api", help="HTTP address of the daemon, if the address that it publishes cannot be reached.")
@click.option("--token-file", type=EXISTING_FILE, help="File with the token of the HTTP API.")
@click.option("--username", help="For the broker.")
@click.option("--password-file", type=EXISTING_FILE, help="For the broker.")
@click.option("--ca-file", type=EXISTING_FILE, help="Certificates to check the broker's with.")
@click.option(
    "--protocol",
    type=click.Choice(["auto", "5", "3.1.1"]),
    default="auto",
    show_default=True,
    help="Version of MQTT; auto: 5, or 3.1.1 where the broker does not know 5.",
)
@click.option("--base", default="livetomo", show_default=True, help="The first word of the topics.")
def command(
    broker: str,
    feature: str,
    output: Path,
    watch: str | None,
    session: str | None,
    kind: str | None,
    false_share: float | None,
    threshold: float | None,
    curation: Curation,
    verdict: Verdict,
    line: str | None,
    every_picks: int | None,
    every_tomograms: int | None,
    run_empty: bool,
    tomograms: int | None,
    from_start: bool,
    site: str | None,
    instance: str | None,
    api: str | None,
    token_file: Path | None,
    protocol: "Protocol",
    **mqtt: Any,
) -> None:
    """Collect published picks in a particles file while a session runs, and run a command when enough are new.

    Below the output folder, <watch>/<session>/<feature>.star holds all picks in RELION 5's columns. It is replaced as a
    whole at each change; superseded tomograms and what was excluded are removed from it, and tomograms whose verdict is
    bad are not taken. Picks that were published while this command, the
    broker or the network was away are fetched later; a restart goes on where it stopped.

    COMMAND is split into words as a shell would do it, but no shell runs it. It runs in a new folder runs/<number> with
    a copy that does not change. In COMMAND, {star} is the particles file, {folder} is that folder, {picks} and
    {tomograms} are their numbers, {watch} and {session} are their names. Each session has one run at a time; its output
    goes to log.txt in that folder. It also runs when something that it has read is retracted or excluded, and when the
    session is over; not on what it has read already, and not where no pick is left.

    The options from --region to --top keep picks by where they lie and what is near them (docs/curation.md). Some of
    them ask the daemon for the result, and wait for it.

    The output folder goes on with the options that it was begun with. A full disk, the broker and the daemon are waited
    for; a set that cannot be read is left out, and said.

    Example:  livetomo follow --broker mqtt://broker --feature ribosome --output sta
    --every-picks 1000 --run 'average.sh {star}'
    """
    from livetomo.client import connect
    from livetomo.client.choice import Choice
    from livetomo.client.command import Command, Every
    from livetomo.client.folder_lock import hold
    from livetomo.client.follow import Follower
    from livetomo.client.local_collection import Collection
    from livetomo.client.query import Query
    from livetomo.config.configuration import Mqtt
    from livetomo.config.user_file import validate
    from livetomo.core.errors import ExitCode
    from livetomo.system.secret_files import read_token

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    settings = validate(Mqtt, mqtt | {"url": broker}, "--broker")
    choice = Choice(feature, watch, session, site, instance, kind, false_share, threshold, verdict, curation.options())
    query = Query(feature, watch, session, site, instance, verdict)
    run = Command(line) if line is not None else None
    token = read_token(token_file) if token_file else None
    with hold(output):
        collection = Collection(output, choice)
        position = collection.position if collection.position is not None else (0 if from_start else None)
        stream = connect(
            settings,
            query,
            curation=curation,
            protocol=protocol,
            api=api,
            after=position,
            epoch=collection.epoch,
            standing=collection.standing(),
            began=collection.began,
            token=token,
        )
        follower = Follower(
            stream,
            collection,
            command=run,
            every=Every(every_picks, every_tomograms),
            run_empty=run_empty,
            tomograms=tomograms,
            picked_beside=curation.picked_beside,
            on_change=_say,
        )
        asyncio.run(follower.run())
    if follower.failed_runs:
        raise SystemExit(ExitCode.INCOMPLETE)


def _say(pickset: "PickSet", collection: "Collection") -> None:
    what = "taken back" if pickset.retracted else counted(len(pickset.rows), "pick")
    if pickset.left_out:
        what = f"not taken: {pickset.left_out}"
    if pickset.rows and (false := pickset.expected_false()) is not None:
        what += f", about {false:,.0f} of them false"
    if gone := [f"{each.picks:,} {each.why}" for each in pickset.curated if each.picks]:
        what += f", left out: {'; '.join(gone)}"
    click.echo(
        f"{pickset.watch}/{pickset.session}/{pickset.tomogram}: {what} "
        f"({collection.count:,} in {counted(collection.tomograms, 'tomogram')})"
    )
