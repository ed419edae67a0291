"""Picks as they come, for programs that consume them.

import asyncio, livetomo.client

async def main():
async for pickset in livetomo.client.picks("mqtt://broker", feature="ribosome"):
print(pickset.session, pickset.tomogram, len(pickset.rows))

asyncio.run(main())
"""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from livetomo.client.api import Api
from livetomo.client.broker import Subscription
from livetomo.client.pick_stream import PickStream, Wish
from livetomo.client.pickset import PickSet
from livetomo.client.standing import Place, Standing
from livetomo.config.configuration import Mqtt
from livetomo.config.user_file import validate

__all__ = ["PickSet", "PickStream", "Wish", "connect", "picks"]


def picks(
    broker: str,
    *,
    feature: str,
    watch: str | None = None,
    session: str | None = None,
    site: str | None = None,
    instance: str | None = None,
    api: str | None = None,
    after: int | None = None,
    epoch: str = "",
    token: str | None = None,
    username: str | None = None,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    protocol: str = "5",
    base: str = "livetomo",
) -> AsyncGenerator[PickSet, None]:
    """Every set of picks of `feature`, each once, and in order; never ends by itself.

    A set replaces the earlier one of the same tomogram; one that is `retracted` has no rows. What was told while this
    program or the broker was away is fetched from the daemon's HTTP API; its address is learnt from the daemon.

    Args:
        broker: like "mqtt://broker:1883" or "mqtts://broker:8883".
        feature: which picks.
        watch: only this microscope's.
        session: only this session's.
        site: the daemon's, where several publish to this broker.
        instance: likewise.
        api: the daemon's HTTP address, where it cannot be reached under the one that it tells.
        after: begin after the event of this number, 0 for all there ever was; None: with what is new.
        epoch: of that number, as its set has told. Where the daemon's catalog was restored or made anew since, all
            sets that stand come again, but for those that this program has been given already: drop the `event_id`
            that you have.
        token: what the HTTP API wants to see.
        username: of the broker.
        password_file: of the broker.
        ca_file: of the authority that signed the broker's certificate.
        protocol: "5" or "3.1.1".
        base: the first word of the topics.
    """
    settings = {"url": broker, "username": username, "password_file": password_file, "ca_file": ca_file}
    mqtt = validate(Mqtt, settings | {"protocol": protocol, "base": base}, "broker")
    wish = Wish(feature, watch, session, site, instance)
    return connect(mqtt, wish, api=api, after=after, epoch=epoch, token=token).__aiter__()


def connect(
    mqtt: Mqtt,
    wish: Wish,
    *,
    api: str | None = None,
    after: int | None = None,
    epoch: str = "",
    standing: Mapping[Place, Standing] | None = None,
    began: int = 0,
    token: str | None = None,
) -> PickStream:
    """As `picks`, for a program that keeps the stream's position and epoch, and knows which sets it has."""

    def api_at(url: str) -> Api:
        return Api(api or url, token)

    return PickStream(
        wish, Subscription(mqtt), api_at, base=mqtt.base, after=after, epoch=epoch, standing=standing or {}, began=began
    )
