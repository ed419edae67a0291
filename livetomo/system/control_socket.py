"""Ask the daemon something, over the Unix socket in its state directory: what the command line does."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from livetomo.core.errors import Refused, Unreachable

SOCKET_NAME = "control.sock"
TIME_LIMIT_SECONDS = 30.0
_MOST_QUOTED = 200


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("livetomo", timeout=TIME_LIMIT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(state: Path, path: str, *, method: str = "GET", body: Any = None) -> Any:
    """The daemon's answer, as JSON knows it.

    Raises:
        Unreachable: no daemon answers there, or what answers is in trouble or no daemon.
        Refused: it refuses, with its reason.
    """
    connection = _UnixConnection(state / SOCKET_NAME)
    sent = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as fault:
        raise Unreachable(f"no daemon answers at {state / SOCKET_NAME} ({fault}). Is `livetomo run` running?") from None
    finally:
        connection.close()
    where = f"{method} {path} at {state / SOCKET_NAME}"
    try:
        decoded = json.loads(content)
    except ValueError:
        text = " ".join(content[:_MOST_QUOTED].decode(errors="replace").split())
        raise Unreachable(
            f"{where} was answered with {answer.status} {answer.reason} and no JSON, but: {text or 'nothing'}. The "
            "daemon's log says more."
        ) from None
    said = str(decoded.get("error", decoded) if isinstance(decoded, dict) else decoded)
    if answer.status >= 500:
        raise Unreachable(f"{where} was answered with {answer.status} {answer.reason}: {said}")
    if answer.status >= 400:
        raise Refused(said)
    return decoded
