"""Which messages a connection was lost over, again and again or by the broker's word: these are not sent a while."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from livetomo.core.errors import MessageRefused
from livetomo.publish.mqtt.refusals import TOO_LARGE, refusal_of
from livetomo.publish.payloads.events import Message

_MESSAGE_SECONDS = 600.0
_SIZE_SECONDS = 3600.0
_MOST = 200
_PATIENCE, _PATIENCE_WITH_A_SHORTER_ONE = 4, 2


@dataclass(slots=True)
class _Suspicion:
    losses: int
    code: int | None
    last: float


class Suspects:
    """Brokers that hang up instead of answering, which MQTT 3.1.1 leaves them no other way.

    A message is suspect when the connection was lost while it alone was under way. Where the broker gave a reason that
    means the message, once is enough; where it gave none, the network may be at fault, and it takes several times. A
    shorter form, which loses nobody anything, is tried sooner.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._messages: dict[bytes, _Suspicion] = {}
        self._kinds: dict[str, _Suspicion] = {}
        self._largest: tuple[float, int] | None = None

    def check(self, kind: str, message: Message) -> None:
        """Return where `message`, whose topic is of `kind`, may be sent.

        Raises:
            MessageRefused: connections were lost over it, or over others like it.
        """
        known = self._messages.get(_key(message))
        if known is not None and self._clock() - known.last < _MESSAGE_SECONDS:
            patience = _PATIENCE_WITH_A_SHORTER_ONE if message.shorter() else _PATIENCE
            if _means_the_message(known.code) or known.losses >= patience:
                if _forbids_the_topic(known.code) or patience == _PATIENCE:
                    self._kinds[kind] = known  # every message of its kind would cost a connection
                raise _refused(message, known.code)
        like_it = self._kinds.get(kind)
        if like_it is not None and self._clock() - like_it.last < _MESSAGE_SECONDS:
            raise _refused(message, like_it.code)
        if self._largest is not None and len(message.payload) >= self._largest[1]:
            if self._clock() - self._largest[0] < _SIZE_SECONDS:
                raise _refused(message, TOO_LARGE)
            self._largest = None

    def lost_over(self, kind: str, message: Message, code: int | None) -> None:
        """The connection was lost while `message` was under way; `code` is the reason that the broker gave."""
        if code is not None and not _means_the_message(code):
            return
        known = self._messages.setdefault(_key(message), _Suspicion(0, code, 0))
        known.losses, known.code, known.last = known.losses + 1, code, self._clock()
        while len(self._messages) > _MOST:
            del self._messages[next(iter(self._messages))]
        if kind in self._kinds:
            self._kinds[kind].last = self._clock()
        elif code is None:
            # Not over this kind alone, then: the network may be at fault, or the broker.
            self._kinds = {name: like_it for name, like_it in self._kinds.items() if like_it.code is not None}

    def acquit(self, kind: str, message: Message) -> None:
        """The broker has taken `message`."""
        self._messages.pop(_key(message), None)
        self._kinds.pop(kind, None)

    def too_large(self, payload_bytes: int) -> None:
        """A payload of this length was not taken, and a shorter one at once."""
        self._largest = (self._clock(), min(payload_bytes, self._largest[1] if self._largest else payload_bytes))


def _key(message: Message) -> bytes:
    return hashlib.sha256(message.topic.encode() + b"\0" + message.payload).digest()


def _means_the_message(code: int | None) -> bool:
    return code is not None and refusal_of(code).cost in ("topic", "size", "message")


def _forbids_the_topic(code: int | None) -> bool:
    return code is not None and refusal_of(code).cost == "topic"


def _refused(message: Message, code: int | None) -> MessageRefused:
    refusal = refusal_of(code)
    return MessageRefused(
        f"the broker hung up over a message for {message.topic} ({refusal.words}). {refusal.cure}", code
    )
