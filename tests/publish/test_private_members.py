"""The private members of aiomqtt and paho that livetomo leans on, all of them, and why; each is as it was tried.

When one of these tests fails, a new version has another inside: read `livetomo/publish/mqtt/client.py` beside it, run
`test_transport.py` against a real Mosquitto, and only then change a pin, or drop what is no longer needed.
"""

import ast
import asyncio
import inspect
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
import pytest

import livetomo

AIOMQTT = "https://github.com/empicano/aiomqtt/issues/"
PAHO = "https://github.com/eclipse-paho/paho.mqtt.python/issues/"
CLIENT = "livetomo/publish/mqtt/client.py"

# What is overridden or called: its parameters, and what is wrong, or missing, without it.
METHODS = {
    (aiomqtt.Client, "_wait_for"): (
        "fut timeout",
        "Python 3.11's wait_for forgets a cancellation: https://github.com/python/cpython/issues/86296",
    ),
    (aiomqtt.Client, "_on_socket_register_write"): (
        "client userdata sock",
        f"Since {AIOMQTT}174 it waits for the loop's next turn, when the number may be another file's",
    ),
    (aiomqtt.Client, "_on_connect"): (
        "client userdata flags reason_code properties",
        f"The properties of the CONNACK, for its largest packet, are not given out: {AIOMQTT}362",
    ),
    (aiomqtt.Client, "_on_disconnect"): (
        "client userdata flags reason_code properties",
        f"Since {AIOMQTT}25 a loss while it connects is forgotten, and waited for",
    ),
    (aiomqtt.Client, "_pending_call"): (
        "mid value pending_dict",
        f"publish() says nothing of a refusal, so that ours waits in its place: {PAHO}895",
    ),
    (paho.Client, "_handle_pubackcomp"): ("cmd", f"A refused message is reported as published: {PAHO}474, {PAHO}895"),
}
# What is read or set: its type, and why.
ATTRIBUTES = {
    "_client": (paho.Client, "paho's client, for its socket and its publish()"),
    "_client._in_packet": (dict, f"The acknowledgement as it came: {PAHO}895"),
    "_pending_publishes": (dict, "see _pending_call"),
    "_connected": (asyncio.Future, "see _on_disconnect"),
    "_disconnected": (asyncio.Future, "Nothing else says that the connection is lost before the next message is sent."),
    "_queue": (asyncio.Queue, f"Messages until none comes for some time: {AIOMQTT}13"),
    "_loop": (asyncio.AbstractEventLoop, "see _on_socket_register_write"),
}
OWN = {"_acknowledged", "_farewell", "_gone", "_on_acknowledgement", "_refusals", "_thread", "_write"}


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_a_method_takes_what_it_took(owner, name):
    assert " ".join(inspect.signature(getattr(owner, name)).parameters) == f"self {METHODS[owner, name][0]}"


async def test_an_attribute_is_what_it_was():
    client = aiomqtt.Client("localhost")
    found = {name: _reach(client, name) for name in ATTRIBUTES}
    assert [name for name, (kind, _) in ATTRIBUTES.items() if not isinstance(found[name], kind)] == []
    assert isinstance(client._client._in_packet["packet"], bytearray)


def _reach(client, name):
    for part in name.split("."):
        client = getattr(client, part, None)
    return client


def test_no_other_private_member_is_leaned_on():
    """In no module that imports one of the two libraries."""
    named = {name for _, name in METHODS} | {name.rpartition(".")[2] for name in ATTRIBUTES}
    root = Path(livetomo.__file__).parents[1]
    for path in (root / "livetomo").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if not any(library in source for library in ("import aiomqtt", "from aiomqtt", "from paho")):
            continue
        nodes = list(ast.walk(ast.parse(source)))
        used = [node for node in nodes if isinstance(node, ast.Attribute) and _is_private(node.attr)]
        if str(path.relative_to(root)) == CLIENT:
            (ours,) = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name == "MqttClient"]
            overridden = {node.name for node in ours.body if hasattr(node, "name") and _is_private(node.name)}
            assert ({node.attr for node in used} | overridden) - OWN == named
        else:
            others = [node for node in used if not (isinstance(node.value, ast.Name) and node.value.id == "self")]
            assert [f"{path}:{node.lineno}: {node.attr}" for node in others] == []


def _is_private(name):
    return name.startswith("_") and not name.startswith("__")
