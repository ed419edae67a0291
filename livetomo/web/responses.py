"""How answers and refusals look: JSON of what was asked, or one sentence under the key `error`."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from livetomo.core.status import Status


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Dataclasses, moments and all, as JSON."""
    return Response(to_json(content), status, headers, media_type="application/json")


async def say_error(request: Request, fault: Exception) -> Response:
    """The answer to a request that went wrong in a way that we know."""
    assert isinstance(fault, HTTPException)
    return answer({"error": fault.detail}, fault.status_code)


async def bounded_body(request: Request, most_bytes: int, otherwise: str) -> bytes:
    """The request's body; nothing is read beyond `most_bytes`, whatever length it says to have."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise HTTPException(413, otherwise)
    return body


def number(request: Request, name: str, default: int, *, most: int) -> int:
    """A whole number from the query, not negative, cut to `most`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise HTTPException(400, f"{name} must be a whole number, not {text!r}")
    return min(int(text), most)


def required(request: Request, name: str) -> str:
    """A text from the query that must be there."""
    text = request.query_params.get(name)
    if not text:
        raise HTTPException(400, f"{name} is missing: add ?{name}=…")
    return text


def whole(status: Status) -> dict[str, Any]:
    """A status as the API and the page get it: with what is wrong as sentences, too."""
    return {"status": status, "ready": status.ready, "problems": [each.message for each in status.problems]}
