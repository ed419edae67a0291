"""The demo's MQTT broker, inside the demo's own process: nothing to install, nothing left behind."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from livetomo.core.errors import ConfigurationError


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
