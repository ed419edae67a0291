"""Passwords and tokens, each alone in a file: without its line end and a byte order mark, and otherwise as it is."""

import codecs
from pathlib import Path

from livetomo.core.errors import SecretUnreadable

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_MOST_BYTES = 65_536


def read_secret(path: Path) -> str:
    """The secret in `path`. Blanks at its ends belong to it: a password may have them.

    Raises:
        SecretUnreadable: the file cannot be read, is empty, or is no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as fault:
        raise SecretUnreadable(f"{path} cannot be read ({fault.strerror})") from None
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    try:
        secret = content.removeprefix(mark).decode(_MARKS.get(mark, "utf-8")).rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretUnreadable(f"{path} is not UTF-8 text") from None
    if not secret:
        raise SecretUnreadable(f"{path} is empty")
    return secret


def read_token(path: Path) -> str:
    """The token in `path`, without blanks at its ends: HTTP takes these off whatever is sent.

    Raises:
        SecretUnreadable: the file cannot be read, is empty, or is no text.
    """
    token = read_secret(path).strip()
    if not token:
        raise SecretUnreadable(f"{path} is empty")
    return token
