"""Server-sent events: what happens, as it happens, for each open page."""

import asyncio
from collections.abc import AsyncIterator

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from livetomo.core.events import Recorded
from livetomo.web.read_model import View
from livetomo.web.responses import number, whole

STATUS_SECONDS = 2.0
SETTLE_SECONDS = 0.5
_BATCH = 200


class Live:
    """Streams to many listeners; `closing` ends them all, or a stopping server would wait for them for ever."""

    def __init__(self, view: View) -> None:
        self.closing = asyncio.Event()
        self._view = view

    async def events(self, request: Request) -> Response:
        """From now on, or from after the event that the browser had last."""
        after = request.headers.get("last-event-id", "")
        seq = int(after) if after.isascii() and after.isdigit() else number(request, "after", -1, most=2**62)
        # Before the browser knows that the stream is open: what it fetches then, and what comes here, is all.
        _, last = await self._view.numbering()
        # A page that was open before a backup was put in force has a number that is not reached yet.
        seq = last if seq < 0 else min(seq, last)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._stream(seq), media_type="text/event-stream", headers=headers)

    async def _stream(self, seq: int) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        while not self.closing.is_set():
            yield _message("status", whole(await self._view.status()))
            now = asyncio.get_running_loop().time
            until = now() + STATUS_SECONDS
            while await self._news(seq, until):
                for recorded in await self._view.events_after(seq, _BATCH):
                    seq = recorded.seq
                    yield _message("tomogram", _brief(recorded), seq)
                # What happened may be what is wrong: the page hears of both at once, but not at each of a thousand.
                until = min(until, now() + SETTLE_SECONDS)

    async def _news(self, seq: int, until: float) -> bool:
        """Whether there is an event after `seq` before `until` (of the loop's clock), or before the server closes."""
        waiting = asyncio.ensure_future(self._view.wait_beyond(seq))
        closing = asyncio.ensure_future(self.closing.wait())
        patience = max(0.0, until - asyncio.get_running_loop().time())
        try:
            await asyncio.wait([waiting, closing], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            return waiting.done() and not self.closing.is_set()
        finally:
            waiting.cancel()
            closing.cancel()


def _brief(recorded: Recorded) -> dict[str, object]:
    """Enough to know what to ask for: the page fetches what it shows."""
    event = recorded.event
    who = event.tomogram
    return {
        "kind": event.kind,
        "watch": who.watch,
        "session": who.session,
        "tomogram": who.name,
        "state": event.body.get("state"),
        "time": recorded.time,
    }


def _message(kind: str, content: object, seq: int | None = None) -> bytes:
    identity = b"" if seq is None else b"id: %d\n" % seq
    return identity + b"event: " + kind.encode() + b"\ndata: " + to_json(content) + b"\n\n"
