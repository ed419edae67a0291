"""The daemon's HTTP API as a consumer uses it: the events that it missed, and files that are checked when they come."""

import asyncio
import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from livetomo.client.pickset import RemoteFile
from livetomo.core.errors import ApiAway, NotAsPublished, NumberedAnew

_TIME_LIMIT_SECONDS = 30.0
_PAGE = 500
_MOST_SESSIONS = 1000


class ApiClient:
    """One daemon's API; `url` is where its page is."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/") + "/"
        self._token = token

    async def last(self) -> int:
        """The number of the daemon's newest event."""
        return int((await self._json("api/v1/events?limit=0"))["last"])

    async def events_after(self, seq: int, epoch: str = "") -> AsyncIterator[Mapping[str, Any]]:
        """Every event after `seq`, which is of `epoch`, until there is none left.

        Raises:
            ApiAway: the API does not answer at the moment.
            NumberedAnew: `seq` is of another epoch than the daemon's.
        """
        while True:
            of_epoch = f"&epoch={quote(epoch)}" if epoch else ""
            page = await self._json(f"api/v1/events?after={seq}&limit={_PAGE}{of_epoch}")
            for event in page["events"]:
                yield event
            if page["next"] == seq:
                return
            seq = page["next"]

    async def watches(self) -> list[str]:
        """The watches that the daemon has.

        Raises:
            ApiAway: the API does not answer at the moment.
        """
        status = (await self._json("api/v1/status"))["status"]
        return [str(watch["name"]) for watch in status["watches"]]

    async def sessions(self) -> list[Mapping[str, Any]]:
        """The newest sessions, newest first: `watch`, `session`, and `live`, of which older daemons say nothing.

        Raises:
            ApiAway: the API does not answer at the moment.
        """
        sessions: list[Mapping[str, Any]] = (await self._json(f"api/v1/sessions?limit={_MOST_SESSIONS}"))["sessions"]
        return sessions

    async def features(self, watch: str, session: str) -> set[str]:
        """The features that were picked in a session.

        Raises:
            ApiAway: the API does not answer at the moment.
        """
        return set((await self._json(f"api/v1/summary?watch={quote(watch)}&session={quote(session)}"))["picks"])

    async def fetch(self, file: RemoteFile) -> bytes:
        """The file's content, which is what was published.

        Raises:
            ApiAway: it cannot be fetched at the moment.
            NotAsPublished: it is gone, or is not what was published.
        """
        # The token goes to nobody but this daemon, whatever address a message names.
        url = urljoin(self.url, file.url.lstrip("/"))
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            url = urljoin(self.url, urlsplit(url).path.lstrip("/"))
        content = await asyncio.to_thread(self._get, url)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise NotAsPublished(f"{url} is not what was published: its checksum differs. Was the folder changed?")
        return content

    async def _json(self, path: str) -> Mapping[str, Any]:
        try:
            decoded: Mapping[str, Any] = json.loads(await asyncio.to_thread(self._get, urljoin(self.url, path)))
        except ValueError:
            raise ApiAway(f"{self.url} does not answer as livetomo does") from None
        return decoded

    def _get(self, url: str) -> bytes:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ApiAway(f"{url} is not an HTTP address")
        request = urllib.request.Request(url)
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIME_LIMIT_SECONDS) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as refusal:
            if refusal.code in (404, 410):
                raise NotAsPublished(f"{url} is gone") from None
            said = refusal.read(2000).decode(errors="replace")
            if refusal.code == 409 and (epoch := _new_epoch(said)) is not None:
                raise NumberedAnew(f"{self.url} numbers its events anew", epoch) from None
            raise ApiAway(f"{url} refuses ({refusal.code}): {said[:500]}") from None
        except (OSError, http.client.HTTPException) as fault:
            raise ApiAway(f"{url} cannot be reached ({getattr(fault, 'reason', None) or fault})") from None
        return content


def _new_epoch(said: str) -> str | None:
    """The epoch that a refusal names; None where it refuses something else."""
    try:
        body = json.loads(said)
    except ValueError:
        return None
    return str(body.get("epoch", "")) if isinstance(body, dict) and body.get("reset") else None
