"""Receive picks as they are published, in programs that use them.

Example:
    import asyncio, livetomo.client

    async def main():
        async for pickset in livetomo.client.picks("mqtt://broker", feature="ribosome"):
            print(pickset.session, pickset.tomogram, len(pickset.rows))

    asyncio.run(main())
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path

from livetomo.client.api import ApiClient
from livetomo.client.broker import Protocol, Subscription
from livetomo.client.curator import Curator
from livetomo.client.handed_on import whole
from livetomo.client.pick_stream import PickStream
from livetomo.client.pickset import PickSet
from livetomo.client.query import Query
from livetomo.client.standing import Place, Standing
from livetomo.config.configuration import Mqtt
from livetomo.config.curation import ALL, Curation
from livetomo.config.user_file import validate
from livetomo.core.quality.metric import WORST_VERDICT, Verdict

__all__ = ["Curation", "PickSet", "PickStream", "Query", "connect", "picks"]


def picks(
    broker: str,
    *,
    feature: str,
    watch: str | None = None,
    session: str | None = None,
    site: str | None = None,
    instance: str | None = None,
    verdict: Verdict = WORST_VERDICT,
    curation: Curation = ALL,
    api: str | None = None,
    after: int | None = None,
    epoch: str = "",
    token: str | None = None,
    username: str | None = None,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    protocol: Protocol = "auto",
    base: str = "livetomo",
) -> AsyncGenerator[PickSet, None]:
    """Yield every set of picks of `feature`, each once, in order; the generator never ends by itself.

    A set replaces the earlier one of the same tomogram; a set that is `retracted`, or that `left_out` gives a reason
    for, has no rows. Sets that were published
    while this program or the broker was away are fetched from the daemon's HTTP API; the daemon publishes its address.

    Args:
        broker: address like "mqtt://broker:1883" or "mqtts://broker:8883".
        feature: name of the feature whose picks are wanted.
        watch: only sets of this watch (microscope).
        session: only sets of this session.
        site: site of the daemon, if several daemons publish to this broker.
        instance: instance of the daemon, for the same case.
        verdict: the worst verdict of tomograms whose picks are taken, "good", "warn" or "bad": sets of worse ones come
            without rows, and say so in `left_out`.
        curation: which of the picks are kept by where they lie, as the options of `livetomo picks` say it. A set says
            in `curated` what was left out; one that cannot be decided on has no rows, and says why in `left_out`.
        api: HTTP address of the daemon, if the address that it publishes cannot be reached.
        after: begin after the event of this number; 0: with the first event; None: with new events.
        epoch: epoch of that number, from the same set. If the daemon's catalog was restored or rebuilt since, all
            sets that are in force come again, except those that this program has got already: drop each `event_id`
            that you have seen.
        token: token of the HTTP API.
        username: user name at the broker.
        password_file: file with the password for the broker.
        ca_file: certificates to check the broker's certificate with.
        protocol: version of MQTT, "5" or "3.1.1"; "auto": 5, or 3.1.1 where the broker does not know 5.
        base: first word of the topics.

    Raises:
        ConfigurationError: an argument is not what it should be, or a file that `curation` names.
        PackageAbsent: numpy and scipy, which `curation` takes, are not installed: pip install 'livetomo[curation]'.
    """
    settings = {"url": broker, "username": username, "password_file": password_file, "ca_file": ca_file}
    mqtt = validate(Mqtt, settings | {"base": base}, "broker")
    query = Query(feature, watch, session, site, instance, verdict)
    stream = connect(mqtt, query, curation=curation, protocol=protocol, api=api, after=after, epoch=epoch, token=token)
    return stream.__aiter__()


def connect(
    mqtt: Mqtt,
    query: Query,
    *,
    curation: Curation = ALL,
    protocol: Protocol = "auto",
    api: str | None = None,
    after: int | None = None,
    epoch: str = "",
    standing: Mapping[Place, Standing] | None = None,
    began: int = 0,
    token: str | None = None,
) -> PickStream:
    """Like `picks`, for a program that keeps position and epoch of the stream, and knows which sets it has."""

    def api_at(url: str) -> ApiClient:
        return ApiClient(api or url, token)

    return PickStream(
        replace(query, beside=curation.beside),
        Subscription(mqtt, protocol),
        api_at,
        base=mqtt.base,
        after=after,
        epoch=epoch,
        standing=standing or {},
        began=began,
        choose=Curator(curation).curate if curation else whole,
    )
