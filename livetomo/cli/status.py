"""`livetomo status`: what the daemon is doing."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from livetomo.cli.options import ask_daemon, daemon_options
from livetomo.cli.sessions import spoken_target
from livetomo.cli.table import print_table


@click.command("status", short_help="Show what the daemon is doing.")
@click.argument("configuration_file", type=click.Path(path_type=Path), required=False)
@daemon_options
def command(configuration_file: Path | None, configuration: Path, as_json: bool) -> None:
    """Show what the daemon of a configuration is doing, and what is wrong.

    Example:  livetomo status livetomo.toml
    """
    answer = ask_daemon(configuration_file or configuration, "/api/v1/status")
    if as_json:
        click.echo(json.dumps(answer))
        return
    _show(answer["status"])
    _show_sessions(ask_daemon(configuration_file or configuration, "/api/v1/sessions?limit=3")["sessions"])
    for problem in answer["status"]["problems"]:
        since = f" (for {_ago(problem['since'])})" if problem["since"] else ""
        click.secho(f"! {problem['message']}{since}", fg="red" if problem["severity"] == "critical" else "yellow")


def _show(status: Mapping[str, Any]) -> None:
    started = _ago(status["started"])
    click.echo(f"livetomo {status['version']}  {status['site']}/{status['instance']}  running for {started}")
    if status["paused"]:
        click.echo("paused: no jobs are started (livetomo resume)")
    jobs = {state: count for state, count in status["jobs"].items() if count}
    click.echo("jobs: " + (", ".join(f"{count:,} {state}" for state, count in jobs.items()) or "none yet"))
    click.echo()
    print_table(
        ["watch", "scanning", "files", "settling", "last scan", "last file", "failed lately"],
        [
            [
                w["name"],
                "yes" if w["scanning"] else "no",
                w["files"],
                w["settling"],
                _ago(w["last_scan"], " ago"),
                _ago(w["health"]["last_file"], " ago"),
                f"{w['health']['failed']} of {w['health']['ended']}",
            ]
            for w in status["watches"]
        ],
    )
    click.echo()
    print_table(
        ["worker", "state", "for", "tomogram", "stage"],
        [[w["device"], w["state"], _ago(w["since"]), w["tomogram"], w["stage"]] for w in status["workers"]],
    )
    broker = status["broker"]
    if broker["configured"]:
        word = "connected" if broker["connected"] else "away"
        click.echo(f"\nbroker: {word}, {broker['waiting']:,} events waiting")


def _show_sessions(sessions: list[Mapping[str, Any]]) -> None:
    """How the newest ones go, and how far they are from what they are there for."""
    if sessions:
        now = datetime.now(UTC)
        click.echo()
        print_table(
            ["newest sessions", "tomograms", "verdict", "targets"],
            [
                [
                    f"{each['watch']}/{each['session']}",
                    each["tomograms"],
                    each["verdict"],
                    "; ".join(spoken_target(target, now) for target in each["targets"]),
                ]
                for each in sessions
            ],
        )


def _ago(moment: str | None, suffix: str = "") -> str:
    from livetomo.core.units import spoken_seconds

    if moment is None:
        return "never"
    passed = datetime.now(UTC) - datetime.fromisoformat(moment)
    return spoken_seconds(max(0.0, passed.total_seconds())) + suffix
