"""What people ask of a running daemon, by name: the command line and the HTTP API come through here."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.database import copy_database
from livetomo.catalog.selection import Selection
from livetomo.catalog.sessions import Overrides
from livetomo.config import defaults
from livetomo.config.recipe.recipe import load_recipe, recipe_name
from livetomo.core.errors import Refused
from livetomo.core.exclusion import Axis, Box, Exclusion
from livetomo.core.tomogram import TomogramId
from livetomo.core.units import VoxelSize
from livetomo.web.api import Actions

BACKUP_NAME = "backup.sqlite"


class Asked(BaseModel):
    """What a request says; a key that is not known is a slip."""

    model_config = ConfigDict(extra="forbid")


class Which(Asked):
    """Which tomograms are meant: every one that fits what is given; `everything` where nothing else is."""

    watch: str | None = None
    session: str | None = None
    name: str | None = None
    reason: str | None = None
    everything: bool = False

    def selection(self) -> Selection:
        """As the catalog knows it; nothing at all is refused, so that a slip of the keyboard costs nothing."""
        if not self.everything and not (self.watch or self.session or self.name or self.reason):
            raise Refused("say which: a watch, a session, a name or a reason, or everything")
        return Selection(self.watch, self.session, self.name, self.reason)


class OfSession(Asked):
    """Which session is meant; its watch, where several have one of this name."""

    session: str
    watch: str | None = None


class Anew(OfSession):
    """Which tomograms of a session are processed with which recipe."""

    recipe: str
    name: str | None = None


class SessionChoice(OfSession):
    """What counts for one session alone."""

    recipe: str | None = None
    voxel_size: VoxelSize | None = None
    density: Literal["dark", "bright"] | None = None


class Aim(OfSession):
    """How many particles of each feature a session is to have."""

    targets: dict[str, Annotated[int, Field(ge=1, le=10**9)]]


class OfTomogram(OfSession):
    """A tomogram of a session (or every one), by whom it is meant, and a feature of it alone."""

    name: str | None = None
    everything: bool = False
    who: Annotated[str, Field(min_length=1, max_length=200)]
    feature: str | None = None


class Out(OfTomogram):
    """What is taken out of a session's picks, and why. box: lowest and highest voxel index by axis."""

    why: Annotated[str, Field(min_length=1, max_length=1000)]
    box: dict[Axis, tuple[Annotated[float, Field(ge=0, lt=1e6)], Annotated[float, Field(ge=0, lt=1e6)]]] = {}

    @field_validator("box")
    @classmethod
    def _in_order(cls, box: dict[Axis, tuple[float, float]]) -> dict[Axis, tuple[float, float]]:
        if wrong := [axis for axis, (low, high) in box.items() if low > high]:
            raise ValueError(f"along {wrong[0]} the lower number comes first")
        return box


class OfExclusions(OfSession):
    """Which exclusions are listed."""

    name: str | None = None


def actions(catalog: CatalogThread, state: Path) -> Actions:
    """Every action: takes the request's object, and returns what it has done. `state`: where a backup is put."""

    async def pause(body: Mapping[str, Any]) -> Any:
        await catalog(lambda catalog: catalog.operator_requests.pause(True))
        return {"paused": True}

    async def resume(body: Mapping[str, Any]) -> Any:
        if (watch := body.get("watch")) is not None:
            if not await catalog(lambda catalog: catalog.arrivals.forget_mount(str(watch))):
                raise Refused(f"nothing is known of where the watch {watch!r} was")
            return {"watch": watch}
        await catalog(lambda catalog: catalog.operator_requests.pause(False))
        return {"paused": False}

    async def known(selection: Selection) -> Selection:
        """`selection`, refused where it names what there is not: no answer would be mistaken for a good one."""
        if said := await catalog(lambda catalog: catalog.operator_requests.unknown(selection)):
            raise Refused(said)
        return selection

    async def chosen(body: Mapping[str, Any]) -> Selection:
        return await known(_read(Which, body).selection())

    async def watch_of(asked: OfSession) -> str:
        named = await catalog(lambda catalog: catalog.sessions.named(asked.session))
        return asked.watch or _only(named, asked.session)

    async def retry(body: Mapping[str, Any]) -> Any:
        which = await chosen(body)
        return {"jobs": await catalog(lambda catalog: catalog.operator_requests.retry(which))}

    async def purge(body: Mapping[str, Any]) -> Any:
        which = await chosen(body)
        return {"jobs": await catalog(lambda catalog: catalog.operator_requests.give_up(which, "failed"))}

    async def cancel(body: Mapping[str, Any]) -> Any:
        which = await chosen(body)
        waiting = await catalog(lambda catalog: catalog.operator_requests.give_up(which, "waiting"))
        return {"jobs": waiting + await catalog(lambda catalog: catalog.operator_requests.give_up(which, "running"))}

    async def reprocess(body: Mapping[str, Any]) -> Any:
        asked = _read(Anew, body)
        recipe, name = await asyncio.to_thread(load_recipe, asked.recipe), recipe_name(asked.recipe)
        await known(Selection(asked.watch, asked.session, asked.name))

        def of_each_watch(catalog: Catalog) -> int:
            """What was said about the session counts, here as at its intake."""
            return sum(
                catalog.operator_requests.reprocess(
                    Selection(watch, asked.session, asked.name),
                    name,
                    catalog.sessions.overrides(watch, asked.session).applied_to(recipe),
                )
                for watch in catalog.sessions.named(asked.session)
                if asked.watch in (None, watch)
            )

        return {"jobs": await catalog(of_each_watch)}

    async def reinstate(body: Mapping[str, Any]) -> Any:
        asked = _read(Anew, body)
        which = await known(Selection(await watch_of(asked), asked.session, asked.name))
        return {"tomograms": await catalog(lambda catalog: catalog.reinstatements.reinstate(which, asked.recipe))}

    async def set_session(body: Mapping[str, Any]) -> Any:
        asked = _read(SessionChoice, body)
        said = Overrides(asked.recipe, asked.voxel_size, asked.density)
        said.applied_to(await asyncio.to_thread(load_recipe, asked.recipe or defaults.RECIPE))
        watch = await watch_of(asked)
        await catalog(lambda catalog: catalog.sessions.override(watch, asked.session, said))
        return {"watch": watch, "session": asked.session, "overrides": asdict(said)}

    async def set_target(body: Mapping[str, Any]) -> Any:
        asked = _read(Aim, body)
        watch = await watch_of(asked)
        await catalog(lambda catalog: catalog.sessions.aim(watch, asked.session, asked.targets))
        return {"watch": watch, "session": asked.session, "targets": asked.targets}

    async def tomograms_of(asked: OfTomogram) -> list[TomogramId]:
        watch = await watch_of(asked)
        if asked.everything == bool(asked.name):
            raise Refused("say which: the name of a tomogram, or everything")
        await known(Selection(watch, asked.session, asked.name))
        names = await catalog(lambda catalog: catalog.sessions.tomograms(watch, asked.session))
        return [TomogramId(watch, asked.session, name) for name in ([asked.name] if asked.name else names)]

    async def exclude(body: Mapping[str, Any]) -> Any:
        asked = _read(Out, body)
        done = [await exclude_one(tomogram, asked) for tomogram in await tomograms_of(asked)]
        return _told(done[0]) if asked.name else {"excluded": [_told(each) for each in done]}

    async def exclude_one(tomogram: TomogramId, asked: Out) -> Exclusion:
        box: Box = {str(axis): ends for axis, ends in asked.box.items()}
        features = await catalog(lambda catalog: catalog.exclusions.features(tomogram))
        if asked.feature and features and asked.feature not in features:
            raise Refused(f"{tomogram} has no picks of {asked.feature}; its features are {', '.join(features)}")
        return await catalog(
            lambda catalog: catalog.exclusions.exclude(
                tomogram, who=asked.who, why=asked.why, feature=asked.feature or "", box=box
            )
        )

    async def readmit(body: Mapping[str, Any]) -> Any:
        asked = _read(OfTomogram, body)
        tomograms = await tomograms_of(asked)
        done = [each for tomogram in tomograms for each in await readmit_one(tomogram, asked)]
        where = {"watch": await watch_of(asked), "session": asked.session, "tomogram": asked.name or ""}
        return where | {"readmitted": [_told(each) for each in done]}

    async def readmit_one(tomogram: TomogramId, asked: OfTomogram) -> list[Exclusion]:
        return await catalog(lambda catalog: catalog.exclusions.readmit(tomogram, who=asked.who, feature=asked.feature))

    async def exclusions(body: Mapping[str, Any]) -> Any:
        asked = _read(OfExclusions, body)
        watch = await watch_of(asked)
        found = await catalog(lambda catalog: catalog.exclusions.of_session(watch, asked.session))
        return {"exclusions": [_told(each) for each in found if asked.name in (None, each.tomogram.name)]}

    async def failed(body: Mapping[str, Any]) -> Any:
        which = await chosen({"everything": True} | dict(body))
        return {"failed": await catalog(lambda catalog: catalog.operator_requests.failed(which))}

    async def backup(body: Mapping[str, Any]) -> Any:
        path = state / BACKUP_NAME
        await catalog(lambda catalog: copy_database(catalog.db, path))
        return {"path": str(path)}

    requests = (pause, resume, retry, purge, cancel, reprocess, reinstate, set_session, set_target)
    every = (*requests, exclude, readmit, exclusions, failed, backup)
    return {action.__name__: action for action in every}


def _told(exclusion: Exclusion) -> dict[str, Any]:
    return exclusion.to_json() | {"sentence": exclusion.sentence}


def _only(watches: Sequence[str], session: str) -> str:
    """The one watch that has the session."""
    if len(watches) != 1:
        has = f"the watches {', '.join(watches)} have" if watches else "no watch has"
        raise Refused(f"{has} a session {session!r}: say which watch is meant")
    return watches[0]


def _read(model: Any, body: Mapping[str, Any]) -> Any:
    try:
        return model.model_validate(body)
    except ValidationError as fault:
        first = fault.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "value_error":
            raise Refused(f"{key} is {first['input']}; {first['ctx']['error']}") from None
        raise Refused(f"{key}: {first['msg']}") from None
