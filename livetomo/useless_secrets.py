"""Secrets that can be read, and yet can never do what they are for: said before the daemon needs them."""

import ssl
from collections.abc import Iterator

from livetomo.config import Config


def useless_secrets(config: Config) -> Iterator[str]:
    """A sentence for each; files that are not there, or cannot be read, are told of elsewhere."""
    token = config.http.token_file
    if token is not None and token.is_file():
        text = token.read_text(encoding="utf-8-sig", errors="replace").strip()
        if not (text.isascii() and text.isprintable()) or " " in text:
            yield (
                f'http: "token_file": {token} must hold one word of ASCII letters, digits and signs, since it travels '
                "in a header. Make one: openssl rand -hex 24"
            )
    if config.mqtt and config.mqtt.ca_file and config.mqtt.ca_file.is_file():
        try:
            ssl.create_default_context(cafile=config.mqtt.ca_file)
        except OSError:  # ssl.SSLError is one
            yield f'mqtt: "ca_file": {config.mqtt.ca_file} holds no certificate in PEM format'
