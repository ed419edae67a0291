"""The HTTP API: status, sessions, tomograms, results, and the events that a consumer has missed."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from livetomo.core.errors import LivetomoError
from livetomo.core.exclusion import boxes_of
from livetomo.publish.payloads.events import MessageSettings, payload_of, result_url
from livetomo.web.read_model import View, live_sessions
from livetomo.web.responses import answer, bounded_body, number, required, whole

# What may be asked of the daemon by name; each takes the request's JSON object and returns what is answered.
Actions = Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]

EPOCH_HEADER = "livetomo-epoch"
MOST_BODY_BYTES = 64 * 2**10
_MOST_SEQ = 2**63 - 1


class HttpApi:
    """Answers what is below /api/v1."""

    def __init__(self, view: View, settings: MessageSettings, actions: Actions) -> None:
        self._view = view
        self._settings = settings
        self._actions = actions

    async def status(self, request: Request) -> Response:
        """What the daemon is doing, and what is wrong."""
        return answer(whole(await self._view.status()))

    async def sessions(self, request: Request) -> Response:
        """The newest sessions, and of each whether it is live, as it is while it has a summary at the broker."""
        sessions = await self._view.sessions(number(request, "limit", 100, most=1000))
        live = set(await live_sessions(self._view))
        return answer({"sessions": [asdict(each) | {"live": (each.watch, each.session) in live} for each in sessions]})

    async def tomograms(self, request: Request) -> Response:
        """A session's tomograms, newest first; with `name`, that one."""
        watch, session = required(request, "watch"), required(request, "session")
        if name := request.query_params.get("name"):
            one = await self._view.tomogram(watch, session, name)
            if one is None:
                raise HTTPException(404, f"there is no tomogram {watch}/{session}/{name}")
            return answer({"tomograms": [one]})
        limit, offset = number(request, "limit", 1000, most=5000), number(request, "offset", 0, most=10**9)
        return answer({"tomograms": await self._view.tomograms(watch, session, limit, offset)})

    async def summary(self, request: Request) -> Response:
        """What a session adds up to."""
        return answer(await self._view.totals(required(request, "watch"), required(request, "session")))

    async def events(self, request: Request) -> Response:
        """Events after a number, as the broker gets them, each with its topic.

        A number of another epoch, or one that is not reached yet, is refused: the catalog was restored or made anew.
        """
        after = number(request, "after", 0, most=_MOST_SEQ)
        epoch, last = await self._view.numbering()
        known_epoch = request.query_params.get("epoch", epoch)
        headers = {EPOCH_HEADER: epoch}
        if after and (known_epoch != epoch or after > last):
            said = (
                f"events are numbered anew since this consumer has read number {after}: the catalog was restored or "
                "rebuilt. Ask for all after 0 once, and drop those whose event_id you have"
            )
            return answer({"error": said, "reset": True, "epoch": epoch, "last": last}, 409, headers)
        events = await self._view.events_after(after, number(request, "limit", 100, most=500))
        return answer(
            {
                "events": [
                    {"topic": self._settings.topics.event(each.event)}
                    | payload_of(each, self._settings).model_dump(mode="json")
                    for each in events
                ],
                "next": events[-1].seq if events else after,
                "last": max(last, events[-1].seq) if events else last,
                "epoch": epoch,
            },
            headers=headers,
        )

    async def result(self, request: Request) -> Response:
        """A result's manifest, without the picks themselves; where its files are, and where its picks do not count."""
        result_id = request.path_params["result_id"]
        result = await self._view.result(result_id)
        if result is None:
            raise HTTPException(404, f"there is no result {result_id}")
        url = result_url(result_id, self._settings)
        files = {
            name: facts.to_json() | {"url": f"{url}/files/{name}"} for name, facts in result.manifest.files.items()
        }
        excluded = {feature: boxes_of(result.exclusions, feature) for feature in result.manifest.picks}
        return answer(
            result.manifest.to_json()
            | {"folder": result.folder, "state": result.state, "committed": result.committed, "files": files}
            | {"excluded": {feature: boxes for feature, boxes in excluded.items() if boxes}}
        )

    async def act(self, request: Request) -> Response:
        """Have the daemon do something; the body is a JSON object."""
        deed = self._actions.get(request.path_params["action"])
        if deed is None:
            raise HTTPException(404, f"there is no such action; there are {', '.join(sorted(self._actions)) or 'none'}")
        content = await bounded_body(request, MOST_BODY_BYTES, f"the body has more than {MOST_BODY_BYTES:,} bytes")
        try:
            body = json.loads(content) if content else {}
            json.dumps(body, ensure_ascii=False).encode()  # half a character can be written down nowhere
        except (ValueError, RecursionError):  # of bytes, of JSON, and of numbers with thousands of digits
            raise HTTPException(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise HTTPException(400, "the body is not a JSON object")
        try:
            return answer(await deed(body))
        except LivetomoError as refusal:
            raise HTTPException(409, str(refusal)) from None
