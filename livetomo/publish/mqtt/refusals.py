"""What a broker's no costs: MQTT 5's reason codes, and what is done about each."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Cost = Literal["topic", "size", "message", "moment", "connection"]
Counted = Literal["not_authorized", "too_large", "invalid", "quota", "other"]

UNSUPPORTED_VERSION = 0x84
NOT_AUTHORIZED = 0x87
TAKEN_OVER = 0x8E
TOO_LARGE = 0x95
RETAIN_NOT_SUPPORTED = 0x9A
QOS_NOT_SUPPORTED = 0x9B


class Refusal(NamedTuple):
    """A broker's reason.

    words:   as the standard has them.
    cost:    topic: messages for such a topic are passed over, the others go on. size: the message is sent shorter.
             message: it is passed over. moment: it is tried again. connection: it has nothing to do with the message;
             everything waits, and a new connection is made.
    counted: its label in the metrics.
    cure:    what a person can do.
    """

    words: str
    cost: Cost
    counted: Counted = "other"
    cure: str = ""


_ACL = "May this user publish there? See the broker's ACL."
_LIMIT = "Raise the broker's limit, or lower inline_picks."
_PARTS = "Its broker does not take what livetomo sends: look at the broker's log."

REFUSALS: Mapping[int, Refusal] = {
    0x80: Refusal("unspecified error", "moment", cure="Look at the broker's log."),
    0x81: Refusal("malformed packet", "message", "invalid", _PARTS),
    0x82: Refusal("protocol error", "message", "invalid", _PARTS),
    0x83: Refusal("implementation specific error", "moment", cure="Look at the broker's log."),
    NOT_AUTHORIZED: Refusal("not authorized", "topic", "not_authorized", _ACL),
    0x89: Refusal("server busy", "connection"),
    0x8B: Refusal("server shutting down", "connection"),
    0x8D: Refusal("keep alive timeout", "connection"),
    TAKEN_OVER: Refusal("session taken over", "connection"),
    0x8F: Refusal("topic filter invalid", "connection"),
    0x90: Refusal("topic name invalid", "topic", "invalid", "Does the broker limit levels or length of topics?"),
    0x91: Refusal("packet identifier in use", "moment"),
    0x93: Refusal("receive maximum exceeded", "connection"),
    0x94: Refusal("topic alias invalid", "connection"),
    TOO_LARGE: Refusal("packet too large", "size", "too_large", _LIMIT),
    0x96: Refusal("message rate too high", "connection", cure="Raise the broker's limit for this user."),
    0x97: Refusal("quota exceeded", "moment", "quota", "Raise the broker's quota for this user, or clear what is old."),
    0x98: Refusal("administrative action", "connection"),
    0x99: Refusal("payload format invalid", "message", "invalid", _PARTS),
    RETAIN_NOT_SUPPORTED: Refusal("retain not supported", "message", cure="Let the broker retain messages."),
    QOS_NOT_SUPPORTED: Refusal("QoS not supported", "message", cure="Let the broker take messages of QoS 1."),
    0x9C: Refusal("use another server", "connection", cure="Write the other one's address as the url."),
    0x9D: Refusal("server moved", "connection", cure="Write its new address as the url."),
    0x9F: Refusal("connection rate exceeded", "connection"),
    0xA0: Refusal("maximum connect time", "connection"),
}
UNANSWERED = Refusal(
    "it hangs up or stays silent each time that it is given this",
    "message",
    cure="Is there a limit for the size of messages, or an ACL? See the broker's log.",
)


def refusal_of(code: int | None) -> Refusal:
    """What `code` means; a broker that gives none, or one that the standard lacks, is taken to mean this message."""
    if code is None:
        return UNANSWERED
    return REFUSALS.get(code, Refusal(f"reason code 0x{code:02x}", "message", cure="Look at the broker's log."))
