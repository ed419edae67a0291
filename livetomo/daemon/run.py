"""Wires the rooms together; the only place that knows them all."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.database import CATALOG_NAME, lock_state
from livetomo.catalog.highwater import HighWater, Keeper, high_water
from livetomo.catalog.job_queue import Claim
from livetomo.config.configuration import Config, load_config
from livetomo.config.cross_checks import check_config, is_loopback
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import ConfigurationError, DiskFull, LivetomoError, OutputAway, SourceUnreadable, the_one
from livetomo.core.events import Recorded
from livetomo.core.naming import client_id, stable_id
from livetomo.core.problems import Reporter
from livetomo.core.tomogram import Fault
from livetomo.daemon.clock import ClockWatch
from livetomo.daemon.disks import Disks
from livetomo.daemon.operator_api import actions
from livetomo.daemon.outputs import Outputs, Reached, newest_record, why_state_is_absent
from livetomo.daemon.retention import RetentionTask
from livetomo.daemon.session_averages import SessionAverages
from livetomo.daemon.session_exports import SessionStars
from livetomo.daemon.status_collector import Overview
from livetomo.daemon.status_publisher import StatusPublisher
from livetomo.daemon.watches import Watches
from livetomo.daemon.workers.crash_recovery import recover
from livetomo.daemon.workers.dispatcher import CANNOT_COMMIT, Lane
from livetomo.daemon.workers.process import find_devices
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.publish.mqtt.leftovers import MEMORY_NAME
from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.system.control_socket import SOCKET_NAME
from livetomo.system.crash_points import crash_point
from livetomo.system.hung_calls import NoAnswer, within
from livetomo.system.sd_notify import Watchdog, notify, ready, reloading
from livetomo.web.app import Site, create_app
from livetomo.web.auth import AccessRules, TokenFile
from livetomo.web.read_model import View
from livetomo.web.server import HttpListener, PageServer, Server, bind_unix, raise_descriptor_limit

STATE_ANSWER_SECONDS = 5.0
STATE_LOOK_SECONDS = 5.0
MOST_LAST_FOLDERS = 10

log = logging.getLogger("livetomo.daemon")


async def run(path: Path) -> None:
    """The daemon of the configuration at `path`, from its start until SIGTERM or SIGINT; SIGHUP reads `path` again.

    Raises:
        StateBusy: another daemon holds the state directory.
        OutputBusy: another daemon writes results of the same watches to the same folder.
        CatalogCorrupt: the catalog cannot be trusted.
        ConfigurationError: something in the configuration cannot be.
    """
    config = read_config(path)
    raise_descriptor_limit()
    seen = await _state_is_there(config)
    with closing(lock_state(config.state)):
        catalog = CatalogThread(config.state / CATALOG_NAME, site=config.site, instance=config.instance, seen=seen)
        try:
            await catalog.open()
            await _live(path, config, catalog)
        except BaseExceptionGroup as faults:
            if (fault := the_one(LivetomoError, faults)) is not None:
                raise fault from None  # in place of a traceback of every part
            raise
        finally:
            await catalog.close()


async def _state_is_there(config: Config) -> HighWater | None:
    """Wait for the file system of the state, where results say that there was a catalog; how far that one had come.

    Where the results do not answer, nothing is known of that.
    """
    while True:
        try:
            record = await asyncio.to_thread(within, STATE_ANSWER_SECONDS, lambda: newest_record(config))
        except (NoAnswer, OSError):
            return None
        if not (why := why_state_is_absent(config, config.state / CATALOG_NAME, record)):
            return HighWater(record.epoch, record.seq, record.event_id) if record and record.epoch else None
        log.error(why)
        notify(f"STATUS={why}", f"EXTEND_TIMEOUT_USEC={int(3e6 * STATE_LOOK_SECONDS)}")
        await asyncio.sleep(STATE_LOOK_SECONDS)


def reached(catalog: Catalog) -> Reached:
    """What the catalog knows by which the folders of results are recognised."""
    epoch, last = catalog.event_log.epoch(), high_water(catalog.db)
    folders = catalog.views.last_folders(MOST_LAST_FOLDERS)
    return Reached(epoch.catalog, epoch.id, last.seq, last.event_id, tuple(folders))


def read_config(path: Path) -> Config:
    """The configuration, checked as a whole; its warnings are logged."""
    config = load_config(path)
    for warning in check_config(config, str(path), secrets_may_come=True):
        log.warning(warning)
    return config


class DaemonPart(Protocol):
    """Whatever runs beside the others until it is cancelled."""

    async def run(self) -> None:
        """Until cancelled."""


@dataclass(eq=False, repr=False)
class Work:
    """What the last run has left is settled, then every lane begins. Nobody else waits for an output that hangs."""

    catalog: CatalogThread
    output: str
    lanes: Sequence[Lane]
    _: KW_ONLY
    ready: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)

    async def run(self) -> None:
        """Until cancelled."""
        await self.ready()
        await recover(self.catalog, self.output)
        async with asyncio.TaskGroup() as together:
            for lane in self.lanes:
                together.create_task(lane.run())


class _Stop(Exception):
    """A person or systemd wants the daemon to end."""


async def _live(path: Path, config: Config, catalog: CatalogThread) -> None:
    """Make every room, and run them side by side until one fails, which ends all, or the daemon is stopped."""
    devices = find_devices() if config.workers.devices == "auto" else list(config.workers.devices)
    settings = MessageSettings.of(config)
    metrics = Metrics(CollectorRegistry(), watches=[watch.name for watch in config.watch], devices=devices)
    publisher = _publisher(config, settings, catalog, metrics)
    disks = Disks(config)
    await disks.look()
    stars = SessionStars(
        catalog,
        config.output,
        watches=lambda: watches.names,
        may_write=lambda: outputs.ready,
        acquisitions={watch.name: watch.acquisition for watch in config.watch},
    )
    averages = SessionAverages(catalog, config.output, watches=lambda: watches.names, may_write=lambda: outputs.ready)
    watches = Watches(catalog, metrics, config.watch, learned=stars.learned)
    outputs = Outputs(config, lambda: catalog(reached), lambda: watches.names)
    await outputs.look()
    lanes = _lanes(config, catalog, metrics, disks, outputs, watches, devices)
    control, page = bind_unix(config.state / SOCKET_NAME), HttpListener(config.http)
    await page.bind()
    reporters: list[Reporter] = [page, stars, averages, outputs, watches]  # parts that know of problems of their own
    overview = Overview(
        config,
        catalog=catalog,
        watches=watches,
        lanes=lanes,
        disks=disks,
        publisher=publisher,
        address=lambda: page.url,
        reporters=reporters,
    )
    view = View(catalog, overview.status, averages)
    site = Site(view, settings, metrics, actions(catalog, config.state))
    token = None if config.http.token_file is None else TokenFile(config.http.token_file)
    if token is not None:
        reporters.append(token)
    parts: list[DaemonPart] = [
        disks,
        outputs,
        Work(catalog, config.output, lanes, ready=outputs.wait_until_ready),
        watches,
        Server(create_app(site, AccessRules(full_control=True)), control),
        PageServer(create_app(site, _rules(config, token)), page),
        Watchdog(view.last_seq),
        Keeper(catalog, config.state / CATALOG_NAME),
        ClockWatch(catalog),
        stars,
        averages,
    ]
    if config.retention.maps is not None:
        parts.append(RetentionTask(catalog, config.retention.maps, may_remove=lambda: outputs.ready))
    if publisher is not None:
        reporters.append(publisher)
        parts += [publisher, StatusPublisher(view, publisher.retained, settings.topics)]
    names = {"site": config.site, "instance": config.instance}
    log.info("started", extra=names | {"devices": devices, "url": f"{page.url}/"})
    try:
        async with asyncio.TaskGroup() as house:
            house.create_task(_obey_signals(path, config, watches))
            for part in parts:
                house.create_task(part.run())
    except* _Stop:
        log.info("stopped")


async def _obey_signals(path: Path, config: Config, watches: Watches) -> None:
    """SIGTERM and SIGINT end the daemon; SIGHUP has it read its configuration again."""
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    notifying = asyncio.create_task(ready())
    while await signals.get() is signal.SIGHUP:
        notifying.cancel()
        reloading()
        config = await _reload(path, config, watches)
        notifying = asyncio.create_task(ready())
    notifying.cancel()
    notify("STOPPING=1")
    raise _Stop


async def _reload(path: Path, old: Config, watches: Watches) -> Config:
    """Take up changed watches and recipes; a configuration that cannot be is refused, and the old one kept."""
    try:
        new = await asyncio.to_thread(read_config, path)
        watches.change(new.watch)
    except ConfigurationError as fault:
        log.error(f"the configuration is not taken up, the old one stays in force: {fault}")
        return old
    kept = [key for key in Config.model_fields if key != "watch" and getattr(new, key) != getattr(old, key)]
    if kept:
        log.warning(f"a restart is needed for changes of {', '.join(kept)}; changed watches and recipes are in force")
    else:
        log.info("configuration taken up")
    return old.model_copy(update={"watch": new.watch})


def _publisher(config: Config, settings: MessageSettings, catalog: CatalogThread, metrics: Metrics) -> Publisher | None:
    if config.mqtt is None:
        return None

    def acknowledged(recorded: Recorded) -> None:
        crash_point("acknowledged")
        metrics.acknowledged(recorded)

    transport = MqttTransport(config.mqtt, client_id(config.site, config.instance))
    return Publisher(
        settings, catalog, transport, memory=config.state / MEMORY_NAME, acknowledged=acknowledged, observer=metrics
    )


def _rules(config: Config, token: TokenFile | None) -> AccessRules:
    """Who may do what over TCP."""
    http = config.http
    return AccessRules(
        open_reading=is_loopback(http.host),
        token=token or (lambda: None),
        host=None if http.public_url is None else http.public_url.host,
        cookie_name=f"livetomo-{stable_id('cookie', config.site, config.instance)[:8]}",
    )


def _lanes(
    config: Config,
    catalog: CatalogThread,
    metrics: Metrics,
    disks: Disks,
    outputs: Outputs,
    watches: Watches,
    devices: Sequence[str],
) -> list[Lane]:
    """One lane for each device, and where it is wanted one on the CPU for when none of these can work."""

    def spec_of(claim: Claim) -> JobSpec:
        watch = watches.watch(claim.tomogram.watch)
        return JobSpec(
            tomogram=claim.tomogram,
            revision=claim.revision,
            path=watch.path / claim.path,
            content=claim.content,
            recipe_name=claim.recipe_name,
            recipe=Recipe.model_validate(claim.settings),
            default_voxel_size_angstrom=watch.default_voxel_size_angstrom,
            halves={half: str(watch.path / path) for half, path in claim.halves.items()},
            facts=claim.facts,
        )

    def excuses(claim: Claim, fault: Fault) -> bool:
        """Whether a fault is one of the disk or of the mount, which the daemon waits for, however long it takes."""
        if fault.reason == SourceUnreadable.reason:
            return not watches.scans(claim.tomogram.watch)
        return fault.reason in (DiskFull.reason, OutputAway.reason, CANNOT_COMMIT)

    def lane(device: str, may_start: Callable[[], bool]) -> Lane:
        return Lane(
            device,
            lanes=len(devices),
            catalog=catalog,
            output=config.output,
            claim=watches.claim,
            spec_of=spec_of,
            job_time_limit=config.workers.job_time_limit,
            metrics=metrics,
            mark_for=outputs.mark_for,
            may_start=may_start,
            excuses=excuses,
            hangs=lambda claim: watches.hangs(claim.tomogram.watch),
        )

    def may_write() -> bool:
        return disks.enough and outputs.ready

    lanes = [lane(device, may_write) for device in devices]
    if config.workers.cpu_fallback and "cpu" not in devices:
        return [*lanes, lane("cpu", lambda: may_write() and all(one.state.state == "benched" for one in lanes))]
    return lanes
