"""Room on disk: the maps of old results are removed, where a person has asked for it; picks are kept for ever."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.core.errors import BadManifest
from livetomo.daemon.clock import Trust
from livetomo.results.folder import REMOVED
from livetomo.results.manifest import read_manifest
from livetomo.system.atomic_write import sync
from livetomo.system.hung_calls import apart

LOOK_SECONDS = 3600.0
AT_A_TIME = 100

log = logging.getLogger("livetomo.retention")


@dataclass(eq=False, repr=False)
class RetentionTask:
    """Removes the maps of results that are older than `keep_maps_seconds`, a hundred results at a time."""

    catalog: CatalogThread
    keep_maps_seconds: float
    _: KW_ONLY
    may_remove: Callable[[], bool] = lambda: True
    trust: Trust = field(default_factory=Trust)

    def __post_init__(self) -> None:
        self._doubt = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if await self.look() < AT_A_TIME:
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Remove what is due; of how many results. What is not mounted, or of doubtful age, is looked at later."""
        if not self.may_remove():
            return 0
        folders = await self.catalog(self._due)
        for folder in folders:
            try:
                freed = await apart(partial(remove_maps, Path(folder)))
            except (OSError, BadManifest) as fault:
                log.warning(f"the maps of {folder} cannot be removed: {fault}")
                freed = 0
            await self.catalog(partial(_note, folder))
            if freed:
                log.info(f"maps removed, {freed / 1e6:,.0f} MB", extra={"folder": folder})
        return len(folders)

    def _due(self, catalog: Catalog) -> list[str]:
        """The results whose maps are old enough, a hundred of them; none while ages are in doubt."""
        doubt = self.trust.doubt(catalog.now(), catalog.jobs.newest_time())
        if doubt and doubt != self._doubt:
            log.warning(f"no maps are removed: {doubt}")
        self._doubt = doubt
        return [] if doubt else catalog.jobs.with_maps(self.keep_maps_seconds, AT_A_TIME)


def _note(folder: str, catalog: Catalog) -> None:
    catalog.jobs.maps_are_removed(folder)


def remove_maps(folder: Path) -> int:
    """Remove the maps (`*.mrc`) of a result, and say so beside its manifest; how many bytes that freed.

    Only what the manifest lists, and what still has the size that it lists, is livetomo's own to remove.
    """
    facts = read_manifest(folder).files
    maps = [name for name in facts if name.endswith(".mrc")]
    maps = [name for name in maps if (folder / name).is_file() and (folder / name).stat().st_size == facts[name].bytes]
    if not maps:
        return 0
    (folder / REMOVED).write_text(json.dumps({"removed": maps}) + "\n", encoding="utf-8")
    sync(folder / REMOVED)
    for name in maps:
        (folder / name).unlink()
    sync(folder)
    return sum(facts[name].bytes for name in maps)
