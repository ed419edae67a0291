"""Wires the rooms together; the only place that knows them all."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

from prometheus_client import CollectorRegistry

from livetomo.actions import actions
from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.database import lock_state
from livetomo.catalog.jobs import Claim
from livetomo.config import Config, Watch
from livetomo.control import SOCKET_NAME
from livetomo.crashpoints import crash_point
from livetomo.crosscheck import is_loopback
from livetomo.events import Recorded
from livetomo.intake.supervise import Intake
from livetomo.order import Order
from livetomo.overview import Disks, Overview
from livetomo.publish.broker import MqttTransport
from livetomo.publish.messages import MessageSettings
from livetomo.publish.metrics import Metrics
from livetomo.publish.mqtt import Publisher
from livetomo.recipe import Recipe, load_recipe, recipe_name
from livetomo.teller import Teller
from livetomo.tomogram import Arrival, KnownFile
from livetomo.web.access import Rules
from livetomo.web.app import Site, create_app
from livetomo.web.server import Server, bind_tcp, bind_unix
from livetomo.web.view import CatalogView
from livetomo.workers.devices import find_devices
from livetomo.workers.lane import Lane
from livetomo.workers.recover import recover

CATALOG_NAME = "catalog.sqlite"

log = logging.getLogger(__name__)


async def run(config: Config) -> None:
    """The daemon, from its start until SIGTERM or SIGINT.

    Raises:
        StateBusy: another daemon holds the state directory.
        CatalogCorrupt: the catalog cannot be trusted.
        ConfigurationError: a recipe or an address cannot be used.
    """
    with closing(lock_state(config.state)):
        catalog = CatalogThread(config.state / CATALOG_NAME, site=config.site, instance=config.instance)
        try:
            await catalog.open()
            await recover(catalog, config.output)
            await _live(config, catalog)
        finally:
            await catalog.close()


class Part(Protocol):
    """Whatever runs beside the others until it is cancelled."""

    async def run(self) -> None:
        """Until cancelled."""


class _Stop(Exception):
    """A person or systemd wants the daemon to end."""


async def _live(config: Config, catalog: CatalogThread) -> None:
    """Make every room, and run them side by side until one fails, which ends all, or the daemon is told to stop."""
    devices = find_devices() if config.workers.devices == "auto" else list(config.workers.devices)
    settings = MessageSettings.of(config)
    metrics = Metrics(CollectorRegistry(), watches=[watch.name for watch in config.watch], devices=devices)
    publisher = _publisher(config, settings, catalog, metrics)
    disks = Disks(config)
    await disks.look()
    lanes = [_lane(config, catalog, metrics, disks, device, len(devices)) for device in devices]
    intakes = [await _intake(watch, catalog, metrics) for watch in config.watch]
    overview = Overview(config, catalog=catalog, intakes=intakes, lanes=lanes, disks=disks, publisher=publisher)
    view = CatalogView(catalog, overview.status)
    servers = _servers(config, Site(view, settings, metrics, actions(catalog)))
    parts: list[Part] = [disks, *lanes, *intakes, *servers]
    if publisher is not None:
        parts += [publisher, Teller(view, publisher.retained, settings.topics)]
    url = f"http://{config.http.host}:{servers[-1].port}/"
    log.info("started", extra={"site": config.site, "instance": config.instance, "devices": devices, "url": url})
    try:
        async with asyncio.TaskGroup() as house:
            house.create_task(_until_told_to_stop())
            for part in parts:
                house.create_task(part.run())
    except* _Stop:
        log.info("stopped")


async def _until_told_to_stop() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()
    raise _Stop


def _publisher(config: Config, settings: MessageSettings, catalog: CatalogThread, metrics: Metrics) -> Publisher | None:
    if config.mqtt is None:
        return None

    def acknowledged(recorded: Recorded) -> None:
        crash_point("acknowledged")
        metrics.acknowledged(recorded)

    transport = MqttTransport(config.mqtt, f"livetomo-{config.site}-{config.instance}")
    return Publisher(settings, catalog, transport, acknowledged=acknowledged)


def _servers(config: Config, site: Site) -> list[Server]:
    """The Unix socket for the command line, then TCP for everybody else."""
    http = config.http
    rules = Rules(
        open_reading=is_loopback(http.host),
        token=None if http.token_file is None else http.token_file.read_text(encoding="utf-8").strip(),
        host=None if http.public_url is None else http.public_url.host,
    )
    return [
        Server(create_app(site, Rules(full_control=True)), bind_unix(config.state / SOCKET_NAME)),
        Server(create_app(site, rules), bind_tcp(http.host, http.port)),
    ]


def _lane(config: Config, catalog: CatalogThread, metrics: Metrics, disks: Disks, device: str, lanes: int) -> Lane:
    watches = {watch.name: watch for watch in config.watch}

    def order(claim: Claim) -> Order:
        watch = watches[claim.tomogram.watch]
        return Order(
            tomogram=claim.tomogram,
            revision=claim.revision,
            path=watch.path / claim.path,
            content=claim.content,
            recipe_name=claim.recipe_name,
            recipe=Recipe.model_validate(claim.settings),
            default_voxel_size_angstrom=watch.default_voxel_size_angstrom,
        )

    return Lane(
        device,
        lanes=lanes,
        catalog=catalog,
        output=config.output,
        watches=list(watches),
        order=order,
        job_time_limit=config.workers.job_time_limit,
        observer=metrics,
        may_start=lambda: disks.enough,
    )


async def _intake(watch: Watch, catalog: CatalogThread, metrics: Metrics) -> Intake:
    name, recipe = recipe_name(watch.recipe), load_recipe(watch.recipe)

    async def known() -> Sequence[KnownFile]:
        return await catalog(lambda catalog: catalog.arrivals.known_files(watch.name))

    async def baseline(files: Sequence[KnownFile]) -> None:
        await catalog(lambda catalog: catalog.arrivals.leave_alone(watch.name, files))

    async def arrived(arrival: Arrival) -> None:
        crash_point("arrived")
        taken = await catalog(lambda catalog: catalog.arrivals.take(arrival, name, recipe))
        crash_point("taken")
        if not taken.new:
            return
        metrics.arrived(watch.name, rejected=arrival.fault is not None)
        where = {"tomogram": str(taken.tomogram), "revision": taken.revision, "path": arrival.path}
        if arrival.fault is not None:
            log.warning(f"put aside: {arrival.fault.message}", extra=where | {"reason": arrival.fault.reason})
        else:
            log.info("taken in", extra=where)
        if taken.warning:
            log.warning(taken.warning, extra=where)

    first_start = await catalog(lambda catalog: catalog.arrivals.is_first_start(watch.name))
    return Intake(watch, known=known, arrived=arrived, baseline=baseline, first_start=first_start)
