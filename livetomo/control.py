"""Ask the daemon something, over the Unix socket in its state directory: what the command line does."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from livetomo.errors import Refused, Unreachable

SOCKET_NAME = "control.sock"
TIME_LIMIT_SECONDS = 30.0


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
        Unreachable: no daemon answers there.
        Refused: it refuses, with its reason.
    """
    connection = _UnixConnection(state / SOCKET_NAME)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise Unreachable(f"no daemon answers at {state / SOCKET_NAME} ({fault}). Is `livetomo run` running?") from None
    finally:
        connection.close()
    if answer.status >= 400:
        raise Refused(str(told.get("error", told) if isinstance(told, dict) else told))
    return told
