"""The two listeners of a daemon: its Unix socket, where everything is allowed, and TCP, as the configuration says."""

from pathlib import Path

from livetomo.config import Http
from livetomo.control import SOCKET_NAME
from livetomo.crosscheck import is_loopback
from livetomo.errors import ConfigurationError
from livetomo.web.access import Rules
from livetomo.web.app import Site, create_app
from livetomo.web.server import Server, bind_tcp, bind_unix


def listeners(site: Site, http: Http, state: Path) -> tuple[Server, Server]:
    """The server on the socket in `state`, and the one on TCP; both are bound, and still to be run.

    Raises:
        ConfigurationError: an address cannot be bound, or the token's file cannot be read.
    """
    control = Server(create_app(site, Rules(full_control=True)), bind_unix(state / SOCKET_NAME))
    return control, Server(create_app(site, rules(http)), bind_tcp(http.host, http.port))


def rules(http: Http) -> Rules:
    """What the TCP listener allows: on loopback reading is open; elsewhere it needs the token, as changes do always."""
    return Rules(
        open_reading=is_loopback(http.host),
        token=_token(http.token_file) if http.token_file else None,
        host=http.public_url.host if http.public_url else None,
    )


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as fault:
        raise ConfigurationError(f'http: "token_file": {path} cannot be read ({fault.strerror})') from None
    if not token:
        raise ConfigurationError(f'http: "token_file": {path} is empty; write a long random word into it')
    return token
