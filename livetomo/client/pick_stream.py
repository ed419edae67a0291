"""Picks as they come: heard from the broker, counted by the daemon's API, each handed on once and in order."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any

from livetomo.client.api import ApiClient
from livetomo.client.broker import Subscription
from livetomo.client.daemons import Heard, find_daemon
from livetomo.client.handed_on import Choose, HandedOn, whole
from livetomo.client.pickset import PickSet
from livetomo.client.query import Query, malformed
from livetomo.client.standing import Place, Replay, Standing
from livetomo.core.back_off import BackOff
from livetomo.core.errors import ApiAway, BrokerAway, NumberedAnew
from livetomo.core.naming import slug

log = logging.getLogger("livetomo.client.stream")

_PAUSES = BackOff(1.0, 30.0)
_RECONCILE_SECONDS = 60.0


class PickStream:
    """An endless iterator over sets of picks.

    The broker is quick; the API knows all. So at each connection, and from time to time, everything after
    `position` is asked for, and what was heard already is dropped by its event id.

    position: every event up to this number has been dealt with, as soon as the next set is asked for; None: not known
        yet. Keep it, and give it to the next stream as `after`.
    epoch: of that number, to be kept with it. Where the daemon has begun another, because its catalog was restored or
        made anew, its whole event log is read once, and what changes the set that stands for a tomogram is handed on.
    began: the event after which this consumer wanted to hear of things at all; to be kept, too.
    caught_up: set while all that was missed has been handed on, as far as the API knows.
    begun: set as soon as the position is known.
    choose: what is wanted of each set. It is called once for each, before the set is handed on; where it raises
        ApiAway, the set comes again later.
    """

    def __init__(
        self,
        query: Query,
        subscription: Subscription,
        api_at: Callable[[str], ApiClient],
        *,
        base: str = "livetomo",
        after: int | None = None,
        epoch: str = "",
        standing: Mapping[Place, Standing] = MappingProxyType({}),
        began: int = 0,
        choose: Choose = whole,
        reconcile_seconds: float = _RECONCILE_SECONDS,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.position = after
        self.epoch = epoch
        self.began = began
        self.api: ApiClient | None = None
        self.caught_up = asyncio.Event()
        self.begun = asyncio.Event()
        self.choose = choose
        self._url = ""
        self._query = query
        self._subscription = subscription
        self._api_at = api_at
        self._base = base.strip("/")
        self._reconcile_seconds = reconcile_seconds
        self._pause = pause
        self._handed_on = HandedOn(query, standing)
        # Unlike the position, which may begin at what was the newest event, this has really been handed on.
        self._dealt_with = after or 0
        self._complaint = ""

    async def __aiter__(self) -> AsyncGenerator[PickSet, None]:
        """Until the consumer stops asking; close it then (`contextlib.aclosing`), or the connection lingers."""
        failures = 0
        root: str | None = None
        while True:
            try:
                if root is None:
                    root = await self._find_daemon()
                async with (
                    self._subscription.open(self._query.topics(root)) as heard,
                    aclosing(self._connected(heard)) as picksets,
                ):
                    async for pickset in picksets:
                        failures = 0
                        yield pickset
            except (BrokerAway, ApiAway) as fault:
                self._complain(str(fault))
            failures += 1
            await self._pause(_PAUSES.seconds(failures))

    async def _find_daemon(self) -> str:
        """The root of the daemon's topics; its status, which the broker retains, says where its API is."""
        any_of = "/".join(slug(name) if name else "+" for name in (self._query.site, self._query.instance))
        topics = [f"{self._base}/{any_of}/{kind}" for kind in ("status", "availability")]
        async with self._subscription.open(topics) as heard:
            root, status = await find_daemon(heard, self._complain)
        self._ask_at(status)
        return root

    def _ask_at(self, status: Mapping[str, Any]) -> bool:
        """Ask the API that a status names from now on; whether that is another one than before."""
        url = str(status.get("url", ""))
        if self.api is not None and url == self._url:
            return False
        self.api, self._url = self._api_at(url), url
        return True

    async def _connected(self, heard: Heard) -> AsyncGenerator[PickSet, None]:
        """First what was missed, then what is heard, and from time to time a look at whether anything was missed."""
        async for pickset in self._missed():
            yield pickset
        self._complaint = ""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._reconcile_seconds
        hearing: asyncio.Future[tuple[str, Mapping[str, Any]]] | None = None
        try:
            while True:
                hearing = hearing or asyncio.ensure_future(anext(heard))
                await asyncio.wait([hearing], timeout=max(0.0, due - loop.time()))
                if hearing.done():
                    (topic, body), hearing = hearing.result(), None
                    async for pickset in self._told(topic, body):
                        yield pickset
                elif loop.time() >= due:
                    async for pickset in self._missed():
                        yield pickset
                    due = loop.time() + self._reconcile_seconds
        finally:
            if hearing is not None:
                hearing.cancel()
                await asyncio.wait([hearing])

    async def _told(self, topic: str, body: Mapping[str, Any]) -> AsyncIterator[PickSet]:
        """What a message of the broker brings."""
        if topic.endswith("/status"):
            if self._ask_at(body):  # it was started again, and listens elsewhere
                async for pickset in self._missed():
                    yield pickset
            return
        if why := malformed(body):
            log.error("a message for %s is left out, since %s", topic, why)
            return
        self.epoch = self.epoch or body.get("epoch", "")
        if self.position is None:  # the API has not been reached yet: what comes after this is not to be missed
            self._begin(body["seq"] - 1)
        if self._is_anew(body):
            async for pickset in self._missed():
                yield pickset
        if (news := await self._once(body)) is not None:
            yield news

    def _begin(self, seq: int) -> None:
        """What comes after this event is wanted."""
        self.position = self.began = seq
        self.begun.set()

    async def _missed(self) -> AsyncIterator[PickSet]:
        """Everything of interest after the position, which moves with it."""
        try:
            async for pickset in self._after_position():
                yield pickset
        except ApiAway as fault:
            self.caught_up.clear()
            self._complain(
                f"{fault}. Until it can be reached, what is published while the broker or this program is away "
                'will be missed: is "public_url" in the table http of the daemon right?'
            )
        else:
            self.caught_up.set()
            self._handed_on.forget(self._dealt_with)

    async def _after_position(self) -> AsyncIterator[PickSet]:
        assert self.api is not None
        if self.position is None:
            self._begin(await self.api.last())
        assert self.position is not None
        try:
            async for body in self._well_formed(self.api.events_after(self.position, *filter(None, [self.epoch]))):
                if self._is_anew(body):
                    raise NumberedAnew("its events are of another epoch", body["epoch"])
                if (pickset := await self._once(body)) is not None:
                    yield pickset
                self.position = self._dealt_with = body["seq"]
                self.epoch = body.get("epoch", "")
        except NumberedAnew as anew:
            log.warning("the daemon's catalog was restored or rebuilt; all its events are compared with what is here")
            async for pickset in self._from_the_start(anew.epoch):
                yield pickset

    async def _well_formed(self, events: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
        """Those that are events; what is not is said."""
        async for body in events:
            if why := malformed(body):
                log.error("an event of %s is left out, since %s", self._url or "the API", why)
            else:
                yield body

    async def _from_the_start(self, epoch: str) -> AsyncIterator[PickSet]:
        """Read the whole event log, and hand on what makes a difference; twice, since it need not fit into memory."""
        assert self.api is not None
        replay = Replay(epoch=epoch, began=self.began)
        async for body in self._well_formed(self.api.events_after(0)):
            replay.note(body, wanted=self._query.wants(body))
        news = replay.news(self._handed_on.standing)
        # A program that ends meanwhile begins at the start again.
        self.position, self._dealt_with, self.epoch = 0, 0, replay.epoch
        async for body in self._well_formed(self.api.events_after(0)):
            if body["seq"] > replay.last:
                break
            if self._query.wants(body) and body["event_id"] not in news:
                self._handed_on.renumber(body)
            elif self._query.concerns(body) and (pickset := await self._set_of(body)) is not None:
                yield pickset
        self.position = self._dealt_with = replay.last

    def _is_anew(self, body: Mapping[str, Any]) -> bool:
        """Whether this event is numbered in another epoch than the position."""
        return bool(self.epoch) and body.get("epoch", "") not in ("", self.epoch)

    async def _once(self, body: Mapping[str, Any]) -> PickSet | None:
        """The set that `body` announces or changes, if it is wanted and new."""
        if not self._query.concerns(body) or self._handed_on.is_seen(body):
            return None
        # Of another epoch the API has given all by now. Only where it is away the broker's word has to do, and then
        # numbers of different epochs are not compared.
        if self.caught_up.is_set() if self._is_anew(body) else body["seq"] <= self._dealt_with:
            return None
        return await self._set_of(body)

    async def _set_of(self, body: Mapping[str, Any]) -> PickSet | None:
        assert self.api is not None
        return await self._handed_on.set_of(body, self.api, self.choose)

    def _complain(self, what: str) -> None:
        if what != self._complaint:
            log.warning("%s", what)
        self._complaint = what
