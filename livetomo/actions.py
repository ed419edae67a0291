"""What people ask of a running daemon, by name: the command line and the HTTP API come through here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.database import copy_database
from livetomo.catalog.wishes import Selection
from livetomo.errors import Refused
from livetomo.recipe import load_recipe, recipe_name
from livetomo.web.api import Actions

BACKUP_NAME = "backup.sqlite"


class Which(BaseModel):
    """Which tomograms are meant: every one that fits what is given; `everything` where nothing else is."""

    model_config = ConfigDict(extra="forbid")

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


class Anew(Which):
    """Which tomograms are processed with which recipe."""

    recipe: str


def actions(catalog: CatalogThread, state: Path) -> Actions:
    """Every action: takes the request's object, and returns what it has done. `state`: where a backup is put."""

    async def pause(body: Mapping[str, Any]) -> Any:
        await catalog(lambda catalog: catalog.wishes.pause(True))
        return {"paused": True}

    async def resume(body: Mapping[str, Any]) -> Any:
        await catalog(lambda catalog: catalog.wishes.pause(False))
        return {"paused": False}

    async def retry(body: Mapping[str, Any]) -> Any:
        which = _read(Which, body).selection()
        return {"jobs": await catalog(lambda catalog: catalog.wishes.retry(which))}

    async def purge(body: Mapping[str, Any]) -> Any:
        which = _read(Which, body).selection()
        return {"jobs": await catalog(lambda catalog: catalog.wishes.give_up(which, "failed"))}

    async def cancel(body: Mapping[str, Any]) -> Any:
        which = _read(Which, body).selection()
        waiting = await catalog(lambda catalog: catalog.wishes.give_up(which, "waiting"))
        return {"jobs": waiting + await catalog(lambda catalog: catalog.wishes.give_up(which, "running"))}

    async def reprocess(body: Mapping[str, Any]) -> Any:
        asked = _read(Anew, body)
        which, recipe = asked.selection(), load_recipe(asked.recipe)
        name = recipe_name(asked.recipe)
        return {"jobs": await catalog(lambda catalog: catalog.wishes.reprocess(which, name, recipe))}

    async def failed(body: Mapping[str, Any]) -> Any:
        which = _read(Which, {"everything": True} | dict(body)).selection()
        return {"failed": await catalog(lambda catalog: catalog.wishes.failed(which))}

    async def backup(body: Mapping[str, Any]) -> Any:
        path = state / BACKUP_NAME
        await catalog(lambda catalog: copy_database(catalog.db, path))
        return {"path": str(path)}

    return {
        "pause": pause,
        "resume": resume,
        "retry": retry,
        "purge": purge,
        "cancel": cancel,
        "reprocess": reprocess,
        "failed": failed,
        "backup": backup,
    }


def _read(model: Any, body: Mapping[str, Any]) -> Any:
    try:
        return model.model_validate(body)
    except ValidationError as fault:
        first = fault.errors()[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
