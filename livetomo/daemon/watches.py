"""The watches of a running daemon: one intake each, into the catalog; changed without disturbing the others."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.job_queue import LEASE_SECONDS, Claim
from livetomo.catalog.registration import Registered
from livetomo.config.configuration import Watch
from livetomo.config.recipe.recipe import Recipe, load_recipe, recipe_name
from livetomo.core.problems import Problem
from livetomo.core.status import WatchState
from livetomo.core.tomogram import Arrival, KnownFile, TomogramId
from livetomo.intake.messages import Report
from livetomo.intake.supervisor import Intake
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.system.crash_points import crash_point

log = logging.getLogger("livetomo.watches")


@dataclass(frozen=True, slots=True)
class _Place:
    """A watch as it is in force: a changed recipe file is a change of the watch."""

    watch: Watch
    recipe: Recipe


@dataclass(eq=False, repr=False)
class Watches:
    """Runs the intakes of whatever watches are configured at the moment.

    `learned` is called where the sidecars of a known tomogram say something else by now.
    """

    catalog: CatalogThread
    metrics: Metrics
    watches: Sequence[Watch]
    _: KW_ONLY
    learned: Callable[[TomogramId], None]

    def __post_init__(self) -> None:
        self._places = _places(self.watches)
        self._running: dict[str, tuple[_Place, Intake, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()

    @property
    def names(self) -> list[str]:
        """Those that are configured: the jobs of others wait."""
        return [place.watch.name for place in self._places]

    def claim(self, catalog: Catalog, device: str) -> Claim | None:
        """Lease the next job of those that are configured; who reads of a mount that hangs, hangs with it."""
        answering = [name for name in self.names if not self.hangs(name)]
        newest_first = {place.watch.name for place in self._places if place.watch.order == "newest"}
        return catalog.jobs.claim(device, LEASE_SECONDS, answering, newest_first)

    def hangs(self, name: str) -> bool:
        """Whether the watch's file system does not answer."""
        return name in self._running and self._running[name][1].hangs

    def scans(self, name: str) -> bool:
        """Whether the watch can be looked through at the moment."""
        return any(state.name == name and state.scanning for state in self.states())

    def watch(self, name: str) -> Watch:
        """The watch of this name."""
        return next(place.watch for place in self._places if place.watch.name == name)

    def states(self) -> tuple[WatchState, ...]:
        """How each is doing."""
        intakes = {name: intake for name, (_, intake, _) in self._running.items()}
        return tuple(
            intakes[name].status() if name in intakes else WatchState(name, scanning=False, starting=True)
            for name in self.names
        )

    def problems(self) -> Iterator[Problem]:
        """What the intakes leave out, as of their last scans."""
        for name in self.names:
            if name in self._running:
                yield from of_names(name, self._running[name][1].report)

    def change(self, watches: Sequence[Watch]) -> None:
        """Have these watches from now on. Tomograms that are taken in already keep the recipe of their intake.

        Raises:
            ConfigurationError: a recipe does not load; nothing is changed then.
        """
        self._places = _places(watches)
        for name in self.names:
            self.metrics.watch_is_there(name)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                await self._stop_others()
                for place in self._places:
                    if place.watch.name not in self._running:
                        intake = await self._intake(place)
                        self._running[place.watch.name] = (place, intake, tasks.create_task(intake.run()))
                await self._changed.wait()

    async def _stop_others(self) -> None:
        """End the intakes that are not wanted any more, or not as they are."""
        for name, (place, _, task) in list(self._running.items()):
            if place not in self._places:
                task.cancel()
                await asyncio.wait([task])
                del self._running[name]

    async def _intake(self, place: _Place) -> Intake:
        watch, catalog = place.watch, self.catalog

        async def known() -> Sequence[KnownFile]:
            return await catalog(lambda catalog: catalog.arrivals.known_files(watch.name))

        async def baseline(files: Sequence[KnownFile]) -> None:
            await catalog(lambda catalog: catalog.arrivals.leave_alone(watch.name, files))

        async def arrived(arrival: Arrival) -> None:
            await self._take(arrival, place)

        first_start = await catalog(lambda catalog: catalog.arrivals.is_first_start(watch.name))
        return Intake(watch, known=known, arrived=arrived, baseline=baseline, first_start=first_start)

    async def _take(self, arrival: Arrival, place: _Place) -> None:
        crash_point("arrived")
        taken = await self.catalog(lambda catalog: _record(catalog, arrival, place))
        crash_point("taken")
        if taken.learned:
            self.learned(taken.tomogram)
        if taken.has_moved:
            log.info(f"moved: {arrival.moved_from} is {arrival.path} now", extra={"tomogram": str(taken.tomogram)})
        if not taken.new:
            return
        self.metrics.arrived(place.watch.name, rejected=arrival.fault is not None)
        where = {"tomogram": str(taken.tomogram), "revision": taken.revision, "path": arrival.path}
        if arrival.fault is not None:
            log.warning(f"failed: {arrival.fault.message}", extra=where | {"reason": arrival.fault.reason})
        else:
            log.info("taken in", extra=where)
        if taken.warning:
            log.warning(taken.warning, extra=where)


def _record(catalog: Catalog, arrival: Arrival, place: _Place) -> Registered:
    """Take the arrival in, with the recipe that is in force for its session."""
    said = catalog.sessions.overrides(arrival.tomogram.watch, arrival.tomogram.session)
    recipe = load_recipe(said.recipe) if said.recipe else place.recipe
    return catalog.arrivals.take(arrival, recipe_name(said.recipe or place.watch.recipe), said.applied_to(recipe))


def _places(watches: Sequence[Watch]) -> list[_Place]:
    return [_Place(watch, load_recipe(watch.recipe)) for watch in watches]


def of_names(watch: str, report: Report) -> Iterator[Problem]:
    """Files that would be taken if messages, tables and pages could have their names."""
    if not report.not_utf8:
        return
    others = f" and {report.not_utf8 - 1:,} more" if report.not_utf8 > 1 else ""
    said = (
        f"{report.first_not_utf8}{others} in {watch} cannot be taken: the name (or a folder's) is not UTF-8. Rename "
        "it; then it is taken."
    )
    yield Problem("names", watch, "warning", said)
