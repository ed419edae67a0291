"""The OpenAPI document of the HTTP API, for authors of clients."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

import livetomo
from livetomo.catalog.queries import SessionTotals, SessionView, TomogramView
from livetomo.core.status import Status
from livetomo.publish.payloads.events import KINDS

_REFERENCE = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """Every path below /api/v1, and the probes."""
    after = _query("after", "number of the last event that you have; 0 for all", "integer")
    limit = _query("limit", "largest number of rows", "integer")
    watch, session = _query("watch", "the watch's name"), _query("session", "the session's name")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "livetomo",
            "version": livetomo.__version__,
            "description": "What the daemon takes in, does and finds. Coordinates are in Å from the centre of the "
            "first voxel; times are UTC. Refusals are JSON with one sentence under `error`.",
        },
        "paths": {
            "/healthz": _get("200 while the daemon is alive"),
            "/readyz": _get("200 while nothing keeps it from doing all its work; else 503 with the reasons"),
            "/metrics": _get("What Prometheus scrapes"),
            "/events": _get("Server-sent events: `status` and `tomogram`", after),
            "/api/v1/openapi.json": _get("This document"),
            "/api/v1/status": _get("What the daemon is doing", answer=_STATUS),
            "/api/v1/sessions": _get("The newest sessions", limit, answer=_object(sessions=_many(_SESSION))),
            "/api/v1/summary": _get("Totals of a session", watch, session, answer=_of(SessionTotals)),
            "/api/v1/tomograms": _get(
                "A session's tomograms, newest first",
                *(watch, session, _query("name", "only this one"), limit, _query("offset", "skip so many", "integer")),
                answer=_object(tomograms=_many(_of(TomogramView))),
            ),
            "/api/v1/events": _get(
                "The events after a number, as the broker gets them, each with its `topic`",
                *(after, limit, _query("epoch", "epoch of your number; if it has ended, the answer is 409")),
                answer=_object(
                    events=_many(
                        {"anyOf": [{"$ref": _REFERENCE.format(model=kind.__name__)} for kind in KINDS.values()]}
                    ),
                    next={"type": "integer", "description": "number to ask after next"},
                    last={"type": "integer", "description": "number of the newest event"},
                    epoch={"type": "string", "description": "a new epoch: events are numbered anew"},
                ),
            ),
            "/api/v1/results/{result_id}": _get(
                "Manifest of a result, addresses of its files, and where its picks do not count", _path("result_id")
            ),
            "/api/v1/results/{result_id}/files/{name}": _get(
                "File that the manifest lists", _path("result_id"), _path("name")
            ),
            "/api/v1/results/{result_id}/preview/{name}": _get(
                "A picture by its bare name, like `tile.png`", _path("result_id"), _path("name")
            ),
            "/api/v1/latest/{name}": _get(
                "A picture of the last result, by its bare name",
                *(
                    _path("name"),
                    _query("watch", "only of these, with commas"),
                    _query("n", "so many before", "integer"),
                ),
            ),
            "/api/v1/average/{name}": _get(
                "File of a session's average: `<feature>.png`, `.json`, `.mrc`, `_half1.mrc` or `_half2.mrc`",
                *(_path("name"), watch, session),
            ),
            "/api/v1/actions/{action}": {
                "post": {
                    "summary": "Make a request to the daemon; needs the token, or the daemon's Unix socket",
                    "parameters": [_path("action")],
                    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                    "responses": {
                        "200": {"description": "done"},
                        "409": {"description": "refused, with the reason"},
                        "413": {"description": "the body is too large"},
                    },
                    "security": [{"token": []}],
                }
            },
        },
        "components": {
            "schemas": models_json_schema(
                [(model, "serialization") for model in KINDS.values()], ref_template=_REFERENCE
            )[1]["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _get(summary: str, *parameters: dict[str, Any], answer: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": answer}}} if answer else {}
    responses = {"200": {"description": summary} | content}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": responses}}


def _query(name: str, description: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": kind}}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _of(noun: type) -> dict[str, Any]:
    """The schema of a noun, with what it refers to inside it."""
    return _inlined(TypeAdapter(noun).json_schema(mode="serialization"))


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    parts = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return resolve(parts[part["$ref"].removeprefix("#/$defs/")])
            return {key: resolve(value) for key, value in part.items()}
        return [resolve(each) for each in part] if isinstance(part, list) else part

    resolved: dict[str, Any] = resolve(schema)
    return resolved


# What is wrong stands in `problems` as sentences, and in the status with all that is known of it.
_SESSION = {"allOf": [_of(SessionView), _object(live={"type": "boolean", "description": "a tomogram came lately"})]}
_STATUS = _object(status=_of(Status), ready={"type": "boolean"}, problems=_many({"type": "string"}))
