"""Which daemon is followed: the one that runs, by the status and the word that the broker retains of each."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from livetomo.core.errors import ConfigurationError

log = logging.getLogger("livetomo.client.stream")

_OTHERS_SECONDS = 0.2

Heard = AsyncIterator[tuple[str, Mapping[str, Any]]]


async def find_daemon(heard: Heard, complain: Callable[[str], None]) -> tuple[str, Mapping[str, Any]]:
    """The root of its topics, and its status, which says where its API is.

    Raises:
        ConfigurationError: there are several.
    """
    found = await _running(heard, complain)
    if len(found) > 1:
        raise ConfigurationError(
            f"several daemons publish here: {', '.join(sorted(found))}. Choose one by its site and instance."
        )
    ((root, status),) = found.items()
    return root, status


async def _running(heard: Heard, complain: Callable[[str], None]) -> Mapping[str, Mapping[str, Any]]:
    """The statuses of the daemons that run; those that have stopped are waited for where there are no others."""
    statuses: dict[str, Mapping[str, Any]] = {}
    words: dict[str, str] = {}
    hearing: asyncio.Future[tuple[str, Mapping[str, Any]]] | None = None
    is_said = False
    try:
        while True:
            hearing = hearing or asyncio.ensure_future(anext(heard))
            running = {root: status for root, status in statuses.items() if words.get(root, "online") == "online"}
            # The other daemons' words, if there are any, come at once, too.
            await asyncio.wait([hearing], timeout=_OTHERS_SECONDS if running or (statuses and not is_said) else None)
            if hearing.done():
                (topic, body), hearing = hearing.result(), None
                root, _, kind = topic.rpartition("/")
                if kind == "availability":
                    words[root] = str(body.get("availability"))
                else:
                    statuses[root] = body
            elif running:
                log.debug("found %s", ", ".join(running))
                return running
            else:
                is_said = True
                gone = ", ".join(f"{root} is {words[root]}" for root in sorted(statuses))
                complain(f"no daemon runs: {gone}. Waiting for one.")
    finally:
        if hearing is not None:
            hearing.cancel()
            await asyncio.wait([hearing])
