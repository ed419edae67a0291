"""The daemon's HTTP API as a consumer uses it: the events that it missed, and files that are checked when they come."""

import asyncio
import errno
import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from livetomo.client.pickset import RemoteFile
from livetomo.core.errors import ApiAway, NotAsPublished, NumberedAnew

_TIME_LIMIT_SECONDS = 30.0
_PAGE = 500
_MOST_SESSIONS = 1000
_PIECE = 2**20
_OTHER = "is not what was published: its checksum differs. Was the folder changed?"


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

    async def event(self, seq: int) -> Mapping[str, Any] | None:
        """The event of this number; None where there is none.

        Raises:
            ApiAway: the API does not answer at the moment.
        """
        events = (await self._json(f"api/v1/events?after={seq - 1}&limit=1"))["events"]
        return events[0] if events and events[0]["seq"] == seq else None

    async def fetch(self, file: RemoteFile) -> bytes:
        """As `content`, without waiting for it."""
        return await asyncio.to_thread(self.content, file)

    def content(self, file: RemoteFile) -> bytes:
        """The file's content, which is what was published.

        Raises:
            ApiAway: it cannot be fetched at the moment.
            NotAsPublished: it is gone, or is not what was published.
        """
        url = self._url_of(file)
        content = self._get(url)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise NotAsPublished(f"{url} {_OTHER}")
        return content

    def save(self, file: RemoteFile, path: Path) -> bool:
        """Write the file's content to `path`, piece by piece; whether it is still there.

        Raises:
            ApiAway: it cannot be fetched, or written, at the moment.
            NotAsPublished: it is not what was published.
        """
        url = self._url_of(file)
        digest = hashlib.sha256()
        try:
            with self._opened(url) as answer, path.open("wb") as copy:
                while piece := answer.read(_PIECE):
                    digest.update(piece)
                    copy.write(piece)
                if answer.length:  # a short answer raises nothing where it is read in pieces
                    raise ApiAway(f"{url} ended {answer.length:,} bytes too early")
        except NotAsPublished:
            return False
        if digest.hexdigest() != file.sha256:
            raise NotAsPublished(f"{url} {_OTHER}")
        return True

    def result(self, result_id: str) -> Mapping[str, Any]:
        """A result's manifest as JSON, where its files are, and where its picks do not count.

        Raises:
            ApiAway: it cannot be fetched at the moment.
            NotAsPublished: there is no such result.
        """
        return self._decoded(self._get(urljoin(self.url, f"api/v1/results/{quote(result_id)}")))

    def _url_of(self, file: RemoteFile) -> str:
        """The token goes to nobody but this daemon, whatever address a message names."""
        url = urljoin(self.url, file.url.lstrip("/"))
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            url = urljoin(self.url, urlsplit(url).path.lstrip("/"))
        return url

    async def _json(self, path: str) -> Mapping[str, Any]:
        return self._decoded(await asyncio.to_thread(self._get, urljoin(self.url, path)))

    def _decoded(self, content: bytes) -> Mapping[str, Any]:
        try:
            decoded: Mapping[str, Any] = json.loads(content)
        except ValueError:
            raise ApiAway(f"{self.url} does not answer as livetomo does") from None
        return decoded

    def _get(self, url: str) -> bytes:
        with self._opened(url) as answer:
            content: bytes = answer.read()
        return content

    @contextmanager
    def _opened(self, url: str) -> Iterator[Any]:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ApiAway(f"{url} is not an HTTP address")
        request = urllib.request.Request(url)
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIME_LIMIT_SECONDS) as answer:
                yield answer
        except urllib.error.HTTPError as refusal:
            if refusal.code in (404, 410):
                raise NotAsPublished(f"{url} is gone") from None
            said = refusal.read(2000).decode(errors="replace")
            if refusal.code == 409 and (epoch := _new_epoch(said)) is not None:
                raise NumberedAnew(f"{self.url} numbers its events anew", epoch) from None
            raise ApiAway(f"{url} refuses ({refusal.code}): {said[:500]}") from None
        except (OSError, http.client.HTTPException) as fault:
            if getattr(fault, "errno", None) in (errno.ENOSPC, errno.EDQUOT):  # of the copy of what is fetched
                raise ApiAway(f"No room is left for a copy of {url}. Free some, or name a folder in TMPDIR") from None
            raise ApiAway(f"{url} cannot be reached ({getattr(fault, 'reason', None) or fault})") from None


def _new_epoch(said: str) -> str | None:
    """The epoch that a refusal names; None where it refuses something else."""
    try:
        body = json.loads(said)
    except ValueError:
        return None
    return str(body.get("epoch", "")) if isinstance(body, dict) and body.get("reset") else None
