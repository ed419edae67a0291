"""Secrets that can be read, and yet can never do what they are for: said before the daemon needs them."""

import ssl
from collections.abc import Iterator
from pathlib import Path

from livetomo.config.configuration import Config
from livetomo.core.errors import SecretUnreadable
from livetomo.system.secret_files import read_token


def useless_secrets(config: Config) -> Iterator[str]:
    """A sentence for each; files that are not there, or cannot be read, are reported elsewhere."""
    token = config.http.token_file
    text = "" if token is None else _text(token)
    if text and (not (text.isascii() and text.isprintable()) or " " in text):
        yield (
            f'http: "token_file": {token} must hold one word of ASCII letters, digits and signs, since it travels '
            "in a header. Make one: openssl rand -hex 24"
        )
    if config.mqtt and config.mqtt.ca_file and config.mqtt.ca_file.is_file():
        try:
            ssl.create_default_context(cafile=config.mqtt.ca_file)
        except PermissionError:
            return
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            yield f'mqtt: "ca_file": {config.mqtt.ca_file} holds no certificate in PEM format'


def _text(token: Path) -> str:
    """The token; empty where it cannot be read, which is reported elsewhere."""
    try:
        return read_token(token)
    except SecretUnreadable:
        return ""
