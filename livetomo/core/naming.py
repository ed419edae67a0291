"""Names that are safe in paths and topics, and identities that are the same after any crash or rebuild."""

import hashlib
import re
import uuid

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_NAMESPACE = uuid.UUID("6f1d1c1e-50ab-5b5f-9a7e-3b6f0c7d2a11")


def slug(text: str) -> str:
    """`text` in the alphabet `[A-Za-z0-9_.-]`, as it stands in paths and topics.

    Two names never share a slug: one that loses characters, or that a file system would read as something else
    (empty, `.`, hidden, over 120 characters), gets a short hash of what it was.
    """
    safe = _UNSAFE.sub("_", text)[:120].lstrip(".-")
    if safe == text and safe:
        return safe
    return f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")


def stable_id(*parts: str) -> str:
    """A uuid5 of `parts`, in order: the same wherever and whenever it is computed."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def client_id(site: str, instance: str) -> str:
    """What a daemon is called at the broker; no two daemons of different names share one.

    The hyphen stands in names, too: where the instance has one, what joins it to the site is a character of no name.
    """
    return f"livetomo-{site}{'~' if '-' in instance else '-'}{instance}"
