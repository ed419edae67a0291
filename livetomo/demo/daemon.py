"""The demo's broker, inside its own process, and the real daemon as its child: configuration, start, end."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from livetomo.core.errors import ConfigurationError
from livetomo.system.end_child import end
from livetomo.system.parent_death import end_with_parent

CONFIGURATION = """\
site = "demo"
state = "state"
output = "results"

[[watch]]
name = "simulated"
path = "microscope"
producers = ["aretomo3"]
since = "all"
recipe = "cellular"
settle = "1s"
rescan = "2s"

[mqtt]
url = "mqtt://127.0.0.1:{broker_port}"
protocol = "3.1.1"

[http]
listen = "127.0.0.1:{page_port}"
"""
STOP_SECONDS = 20.0


@asynccontextmanager
async def running_daemon(folder: Path, broker_port: int, page_port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`livetomo run` configured for the demo in `folder`, with its words in `daemon.log` there; stopped at the end."""
    configuration = folder / "demo.toml"
    configuration.write_text(CONFIGURATION.format(broker_port=broker_port, page_port=page_port), encoding="utf-8")
    (folder / "microscope").mkdir(exist_ok=True)
    # The user's own LIVETOMO_… settings are for the user's daemon.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LIVETOMO_")}
    with (folder / "daemon.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "livetomo", "run", str(configuration)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # a terminal's Ctrl-C is for the demo, which then stops the daemon
            preexec_fn=end_with_parent(signal.SIGTERM),
        )
    try:
        yield process
    finally:
        await end(process, grace_seconds=STOP_SECONDS, reap_seconds=None)


@asynccontextmanager
async def embedded_broker(port: int) -> AsyncIterator[None]:
    """A broker (MQTT 3.1.1 only) on 127.0.0.1 while the context lasts."""
    try:
        from amqtt.broker import Broker
    except ModuleNotFoundError:
        raise ConfigurationError("the demo's broker is not installed. Run: pip install 'livetomo[demo]'") from None
    for name in ("amqtt", "transitions"):  # they log every packet and every broken pipe
        logging.getLogger(name).setLevel(logging.CRITICAL)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        yield
    finally:
        await broker.shutdown()
