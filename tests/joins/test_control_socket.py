"""What a command writes to the control socket is done in the catalog, and what it prints is what the daemon answers."""

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner
from pydantic_core import to_json

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.sessions import Overrides
from livetomo.cli import livetomo_command
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.errors import Refused
from livetomo.core.problems import Problem
from livetomo.core.status import BrokerState, Status, WatchHealth, WatchState, WorkerState
from livetomo.core.tomogram import Arrival, Content, Fault, KnownFile, TomogramId
from livetomo.daemon.operator_api import actions
from livetomo.system.control_socket import SOCKET_NAME
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.read_model import View
from livetomo.web.server import Server, bind_unix
from tests.web.site import site

NOW = datetime.now(UTC)
AGO = NOW - timedelta(hours=3)
STATUS = Status(
    site="facility",
    instance="main",
    version="1.2.3",
    time=NOW,
    started=AGO,
    jobs={"waiting": 1234, "failed": 0},
    paused=True,
    watches=(WatchState("krios9", True, last_scan=NOW, files=812, settling=7, health=WatchHealth(0, 20, 5, "", AGO)),),
    workers=(WorkerState("cuda:1", "busy", "TS_77", "segment", since=AGO),),
    broker=BrokerState(configured=True, connected=True, waiting=4321),
    problems=(Problem("broker", "connection", "warning", "The broker is away.", since=AGO),),
)
OF_STATUS = (
    *("livetomo 1.2.3  facility/main  running for 3 h", "paused: no jobs are started", "jobs: 1,234 waiting\n"),
    *(
        "krios9   yes          812          7",
        "   3 h ago     5 of 20",
        "cuda:1   busy    3 h   TS_77      segment",
    ),
    *("broker: connected, 4,321 events waiting", "! The broker is away. (for 3 h)"),
)
# (watch, session, tomogram) and why each has failed.
FAILED = {
    ("krios1", "yeast", "TS_01"): "truncated volume",
    ("krios1", "yeast", "TS_02"): "source unreadable",
    ("krios1", "algae", "TS_03"): "truncated volume",
    ("krios2", "yeast", "TS_04"): "truncated volume",
}
WHICH = {
    ("--watch", "krios2"): {"TS_04"},
    ("--session", "algae"): {"TS_03"},
    ("--name", "TS_02"): {"TS_02"},
    ("--reason", "source unreadable"): {"TS_02"},
    ("--everything",): {"TS_01", "TS_02", "TS_03", "TS_04"},
}


class Daemon:
    """A daemon's own catalog, application and socket, and commands that find it by its configuration."""

    def __init__(self, folder: Path, catalog: CatalogThread) -> None:
        self.folder = folder
        self.catalog = catalog
        self.configuration = folder / "livetomo.toml"
        self.configuration.write_text(
            f'site = "facility"\nstate = "{folder}"\noutput = "out"\n'
            f'[[watch]]\nname = "krios1"\npath = "{folder}"\nproducers = ["generic"]\n'
        )

    async def command(self, *words: str) -> str:
        """What it prints."""
        arguments = [*words, "--config", str(self.configuration)]
        ended = await asyncio.to_thread(CliRunner().invoke, livetomo_command, arguments, catch_exceptions=False)
        assert ended.exit_code == 0
        return ended.output

    async def json(self, *words: str) -> Any:
        return json.loads(await self.command(*words, "--json"))

    async def states(self) -> dict[str, str]:
        """Of each tomogram's newest job."""
        query = """SELECT tomograms.name, state FROM jobs JOIN revisions ON revisions.id = revision
                   JOIN tomograms ON tomograms.id = tomogram ORDER BY jobs.id"""
        return await self.catalog(lambda catalog: dict(catalog.db.execute(query).fetchall()))


def _fill(catalog: Catalog) -> None:
    for (watch, session, name), reason in FAILED.items():
        fault = Fault("permanent", reason, f"{name} is broken.", f"Traceback of {name}")
        who = TomogramId(watch, session, name)
        arrival = Arrival(who, f"{session}/{name}.mrc", Content(1, 1, name), "generic", fault=fault)
        catalog.arrivals.take(arrival, "untrained", load_recipe("untrained"))


@pytest_asyncio.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    catalog = CatalogThread(tmp_path / "catalog.sqlite", site="facility", instance="main")
    await catalog.open()
    await catalog(_fill)

    async def status() -> Status:
        return STATUS

    app = create_app(site(View(catalog, status), actions=actions(catalog, tmp_path)), AccessRules(full_control=True))
    server = Server(app, bind_unix(tmp_path / SOCKET_NAME))
    serving = asyncio.create_task(server.run())
    yield Daemon(tmp_path, catalog)
    serving.cancel()
    await asyncio.wait([serving])
    await catalog.close()


async def test_status_is_what_the_daemon_says_it_is(daemon: Daemon) -> None:
    assert (await daemon.json("status"))["status"] == json.loads(to_json(STATUS))
    shown = await daemon.command("status")
    assert [words for words in OF_STATUS if words not in shown] == []
    assert ["krios2/yeast", "1", "missing"] in [line.split()[:3] for line in shown.splitlines()]


async def test_a_pause_and_its_end(daemon: Daemon) -> None:
    for command, paused in (("pause", True), ("resume", False)):
        assert await daemon.json(command) == {"paused": paused}
        assert await daemon.catalog(lambda catalog: catalog.operator_requests.is_paused()) is paused


async def test_a_watch_is_taken_up_where_it_is_now(daemon: Daemon) -> None:
    known = [KnownFile(".", Content(1, 1, ""))]
    await daemon.catalog(lambda catalog: catalog.arrivals.leave_alone("krios1", known))
    assert await daemon.json("resume", "--watch", "krios1") == {"watch": "krios1"}
    left = "SELECT modified_ns FROM left_alone WHERE watch = 'krios1'"
    assert await daemon.catalog(lambda catalog: catalog.db.execute(left).fetchall()) == [(0,)]


@pytest.mark.parametrize("which", WHICH)
async def test_failed_tomograms_that_are_meant_are_listed_and_tried_again(
    daemon: Daemon, which: tuple[str, ...]
) -> None:
    meant = WHICH[which]
    assert {job["name"] for job in await daemon.json("failed", "list", *which)} == meant
    said = await daemon.command("failed", "retry", *which)
    assert said == f"{len(meant)} job{'' if len(meant) == 1 else 's'} will be tried again.\n"
    assert {name for name, state in (await daemon.states()).items() if state == "waiting"} == meant


async def test_failed_tomograms_that_fit_all_that_is_said_are_taken_off_the_list(daemon: Daemon) -> None:
    which = ("--watch", "krios1", "--session", "yeast", "--reason", "truncated volume")
    assert await daemon.json("failed", "purge", *which) == {"jobs": 1}
    assert await daemon.command("failed", "purge", "--everything") == "3 jobs taken off the list.\n"
    assert set((await daemon.states()).values()) == {"cancelled"}


async def test_a_failure_is_shown_with_all_that_is_known_of_it(daemon: Daemon) -> None:
    shown = await daemon.command("failed", "show", "TS_03")
    assert "krios1/algae/TS_03  revision 1  recipe untrained\nalgae/TS_03.mrc\n" in shown
    assert "truncated volume (permanent): TS_03 is broken.\n\nTraceback of TS_03" in shown
    row = (await daemon.command("failed", "list", "--name", "TS_03")).splitlines()[1]
    assert row.startswith("krios1/algae/TS_03   truncated volume")
    assert row.endswith(" ago   TS_03 is broken.")


@pytest.mark.parametrize(
    ("options", "meant"),
    [((), {"TS_01", "TS_02", "TS_04"}), (("--watch", "krios2"), {"TS_04"}), (("--name", "TS_02"), {"TS_02"})],
)
async def test_a_session_is_processed_again_with_the_recipe_that_is_named(
    daemon: Daemon, options: tuple[str, ...], meant: set[str]
) -> None:
    recipe = daemon.folder / "other.toml"
    recipe.write_text('[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n')
    answer = await daemon.json("reprocess", "yeast", "--recipe", str(recipe), *options)
    assert answer == {"jobs": len(meant)}
    assert {name for name, now in (await daemon.states()).items() if now == "waiting"} == meant


async def test_what_is_set_for_a_session_counts_for_it(daemon: Daemon) -> None:
    given = ("--watch", "krios2", "--recipe", "cellular", "--voxel-size", "7.84", "--density", "bright")
    said = await daemon.command("sessions", "set", "yeast", *given)
    assert said == "krios2/yeast: recipe cellular, voxel_size_angstrom 7.84, density bright\n"
    overrides = await daemon.catalog(lambda catalog: catalog.sessions.overrides("krios2", "yeast"))
    assert overrides == Overrides("cellular", 7.84, "bright")


async def test_targets_are_set_and_listed_with_their_session(daemon: Daemon) -> None:
    given = ("--watch", "krios2", "ribosome=20000", "membrane=5")
    said = await daemon.command("sessions", "target", "yeast", *given)
    assert said == "krios2/yeast: 20,000 ribosome, 5 membrane\n"
    (listed,) = [each for each in await daemon.json("sessions", "list") if each["watch"] == "krios2"]
    assert {target["feature"]: target["wanted"] for target in listed["targets"]} == {"ribosome": 20000, "membrane": 5}
    assert "0 of 20,000 ribosome; 0 of 5 membrane" in await daemon.command("status")
    (row,) = [line for line in (await daemon.command("sessions", "list")).splitlines() if "krios2" in line]
    assert row.split()[:5] == ["krios2", "yeast", "1", "1", "failed"]
    assert len((await daemon.command("sessions", "list", "--limit", "1")).splitlines()) == 2


async def test_a_backup_is_a_catalog_and_nothing_is_left_behind(daemon: Daemon) -> None:
    copy = daemon.folder / "copy.sqlite"
    assert str(copy) in await daemon.command("backup", str(copy))
    assert copy.read_bytes().startswith(b"SQLite format 3\0")
    assert not list(daemon.folder.glob("backup.sqlite*"))


async def test_what_is_excluded_is_recorded_with_who_and_why_and_taken_back(daemon: Daemon) -> None:
    where = ("yeast", "TS_01", "--watch", "krios1")
    given = ("--why", "ice on top", "--feature", "ribosome", "--z", "20:90.5")
    done = await daemon.json("exclude", *where, *given)
    (kept,) = await daemon.catalog(lambda catalog: catalog.exclusions.of_session("krios1", "yeast"))
    assert done == kept.to_json() | {"sentence": kept.sentence}
    assert kept.sentence == f"ribosome in z 20 to 90.5 is excluded by {getpass.getuser()}: ice on top"
    said = await daemon.command("exclude", *where, *given)
    assert said == f"krios1/yeast/TS_01: {kept.sentence}\n"
    back = await daemon.json("readmit", *where, "--feature", "ribosome")
    assert [each["id"] for each in back["readmitted"]] == [kept.id]
    (kept,) = await daemon.catalog(lambda catalog: catalog.exclusions.of_session("krios1", "yeast"))
    assert kept.readmitted_by == getpass.getuser()
    assert await daemon.command("readmit", *where) == "krios1/yeast/TS_01: nothing of it is excluded\n"


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("yeast", "TS_01"), "say which watch is meant"),
        (("yeast", "TS_09", "--watch", "krios1"), "TS_09"),
        (("nosuch", "TS_01"), "no watch has a session"),
    ],
)
async def test_what_there_is_not_cannot_be_excluded(daemon: Daemon, words: tuple[str, ...], refusal: str) -> None:
    for command in (("exclude", *words, "--why", "ice"), ("readmit", *words)):
        with pytest.raises(Refused, match=refusal):
            await daemon.command(*command)
