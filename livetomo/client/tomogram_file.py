"""The published file of a tomogram in an export format, as a follower's folder keeps it."""

import logging
from collections.abc import Awaitable, Callable

from livetomo.client.api import ApiClient
from livetomo.client.pickset import PickSet, RemoteFile
from livetomo.client.trouble import RETRY_SECONDS, Trouble
from livetomo.core.errors import ApiAway, NotAsPublished
from livetomo.core.naming import slug

log = logging.getLogger("livetomo.client.follow")


async def tomogram_file(
    pickset: PickSet, kind: str, api: Callable[[], ApiClient], pause: Callable[[float], Awaitable[object]]
) -> tuple[str, bytes] | None:
    """Its name here and its content, however long the daemon is away; None where the set has none that is right.

    api: where the daemon is now.

    Raises:
        NotAsPublished: the set is not published in this format, or the file is not what was published.
    """
    if pickset.retracted or pickset.left_out:
        return None
    if pickset.excluded:
        log.warning(
            "%s: a part of it is excluded, and its file in the format %s has all of it: it is not fetched",
            *(pickset.tomogram, kind),
        )
        return None
    file = pickset.files.get(kind)
    if file is None:
        known = ", ".join(sorted(pickset.files)) or "none"
        raise NotAsPublished(
            f'it is not published as "{kind}" (but as: {known}). '
            "Add that to the formats in the table export of its recipe."
        )
    ending = file.name.rsplit(".", 1)[-1]
    return f"{slug(pickset.tomogram)}.{kind}.{ending}", await _fetched(file, api, pause)


async def _fetched(
    file: RemoteFile, api: Callable[[], ApiClient], pause: Callable[[float], Awaitable[object]]
) -> bytes:
    trouble = Trouble(f"Fetching {file.name}")
    while True:
        try:
            content = await api().fetch(file)
        except ApiAway as fault:
            trouble.say(str(fault))
            await pause(RETRY_SECONDS)
        else:
            trouble.over()
            return content
