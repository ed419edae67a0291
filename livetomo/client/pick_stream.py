"""Picks as they come: heard from the broker, counted by the daemon's API, each handed on once and in order."""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from livetomo.client.api import ApiClient
from livetomo.client.broker import Subscription
from livetomo.client.pickset import PickSet, pickset_of
from livetomo.client.standing import Place, Replay, Standing, keep
from livetomo.core.back_off import BackOff
from livetomo.core.errors import ApiAway, BadStar, BrokerAway, ConfigurationError, NotAsPublished, NumberedAnew
from livetomo.core.exclusion import without_excluded
from livetomo.core.naming import slug
from livetomo.core.quality.metric import WORST_VERDICT, Verdict
from livetomo.formats.particle_columns import CENTRED, FALSE_SHARE, SCORE
from livetomo.formats.star import parse_loops

log = logging.getLogger("livetomo.client.stream")

_PAUSES = BackOff(1.0, 30.0)
_RECONCILE_SECONDS = 60.0
_OTHERS_SECONDS = 0.2

Heard = AsyncIterator[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is followed: None is any. verdict: the worst of tomograms whose picks are taken."""

    feature: str
    watch: str | None = None
    session: str | None = None
    site: str | None = None
    instance: str | None = None
    verdict: Verdict = WORST_VERDICT

    def wants(self, body: Mapping[str, Any]) -> bool:
        """Whether this payload is about what is followed."""
        if not body["schema"].startswith(("livetomo/picks/1", "livetomo/retracted/1")):
            return False
        return (
            body.get("feature", self.feature) == self.feature
            and self.watch in (None, body["watch"])
            and self.session in (None, body["session"])
        )

    def topics(self, root: str) -> list[str]:
        """What to subscribe to."""
        place = "/".join([root, *("+" if name is None else slug(name) for name in (self.watch, self.session)), "+"])
        return [f"{place}/picks/{slug(self.feature)}", f"{place}/retracted"]


class PickStream:
    """An endless iterator over sets of picks.

    The broker is quick; the API knows all. So at each connection, and from time to time, everything after
    `position` is asked for, and what was heard already is dropped by its event id.

    position: every event up to this number has been dealt with, as soon as the next set is asked for; None: not known
        yet. Keep it, and give it to the next stream as `after`.
    epoch: of that number, to be kept with it. Where the daemon has begun another, because its catalog was restored or
        made anew, its whole event log is read once, and what changes the set that stands for a tomogram is handed on.
    began: the event after which this consumer wanted to hear of things at all; to be kept, too.
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
        reconcile_seconds: float = _RECONCILE_SECONDS,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.position = after
        self.epoch = epoch
        self.began = began
        self.api: ApiClient | None = None
        self._query = query
        self._subscription = subscription
        self._api_at = api_at
        self._base = base.strip("/")
        self._reconcile_seconds = reconcile_seconds
        self._pause = pause
        self._seen: dict[str, int] = {}
        self._standing = dict(standing)
        # Unlike the position, which may begin at what was the newest event, this has really been handed on.
        self._dealt_with = after or 0
        self._complaint = ""
        self._is_caught_up = False

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
            found = await self._running(heard)
        if len(found) > 1:
            raise ConfigurationError(
                f"several daemons publish here: {', '.join(sorted(found))}. Choose one by its site and instance."
            )
        ((root, status),) = found.items()
        self.api = self._api_at(str(status.get("url", "")))
        return root

    async def _running(self, heard: Heard) -> Mapping[str, Mapping[str, Any]]:
        """The statuses of the daemons that run; those that have stopped are waited for where there are no others."""
        statuses: dict[str, Mapping[str, Any]] = {}
        words: dict[str, str] = {}
        hearing: asyncio.Future[tuple[str, Mapping[str, Any]]] | None = None
        is_said = False
        try:
            while True:
                hearing = hearing or asyncio.ensure_future(anext(heard))
                running = {root: status for root, status in statuses.items() if words.get(root, "online") == "online"}
                # The other daemons' words, if there are any, come at once, too.
                await asyncio.wait(
                    [hearing], timeout=_OTHERS_SECONDS if running or (statuses and not is_said) else None
                )
                if hearing.done():
                    (topic, body), hearing = hearing.result(), None
                    root, _, kind = topic.rpartition("/")
                    if kind == "availability":
                        words[root] = str(body.get("availability"))
                    else:
                        statuses[root] = body
                elif running:
                    log.debug("found %s", ", ".join(running))
                    return running
                else:
                    is_said = True
                    gone = ", ".join(f"{root} is {words[root]}" for root in sorted(statuses))
                    self._complain(f"no daemon runs: {gone}. Waiting for one.")
        finally:
            if hearing is not None:
                hearing.cancel()
                await asyncio.wait([hearing])

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
                    (_, body), hearing = hearing.result(), None
                    self.epoch = self.epoch or body.get("epoch", "")
                    if self._is_anew(body):
                        async for pickset in self._missed():
                            yield pickset
                    if (news := await self._once(body)) is not None:
                        yield news
                elif loop.time() >= due:
                    async for pickset in self._missed():
                        yield pickset
                    due = loop.time() + self._reconcile_seconds
        finally:
            if hearing is not None:
                hearing.cancel()
                await asyncio.wait([hearing])

    async def _missed(self) -> AsyncIterator[PickSet]:
        """Everything of interest after the position, which moves with it."""
        try:
            async for pickset in self._after_position():
                yield pickset
        except ApiAway as fault:
            self._is_caught_up = False
            self._complain(
                f"{fault}. Until it can be reached, what is published while the broker or this program is away "
                'will be missed: is "public_url" in the table http of the daemon right?'
            )
        else:
            self._is_caught_up = True
            self._seen = {event_id: seq for event_id, seq in self._seen.items() if seq > self._dealt_with}

    async def _after_position(self) -> AsyncIterator[PickSet]:
        assert self.api is not None
        if self.position is None:
            self.position = self.began = await self.api.last()
        try:
            async for body in self.api.events_after(self.position, *filter(None, [self.epoch])):
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

    async def _from_the_start(self, epoch: str) -> AsyncIterator[PickSet]:
        """Read the whole event log, and hand on what makes a difference; twice, since it need not fit into memory."""
        assert self.api is not None
        replay = Replay(epoch=epoch, began=self.began)
        async for body in self.api.events_after(0):
            replay.note(body, wanted=self._query.wants(body))
        news = replay.news(self._standing)
        # A program that ends meanwhile begins at the start again.
        self.position, self._dealt_with, self.epoch = 0, 0, replay.epoch
        async for body in self.api.events_after(0):
            if body["seq"] > replay.last:
                break
            if body["event_id"] in news and (pickset := await self._handed_on(body)) is not None:
                yield pickset
        self.position = self._dealt_with = replay.last

    def _is_anew(self, body: Mapping[str, Any]) -> bool:
        """Whether this event is numbered in another epoch than the position."""
        return bool(self.epoch) and body.get("epoch", "") not in ("", self.epoch)

    async def _once(self, body: Mapping[str, Any]) -> PickSet | None:
        """The set that `body` announces, if it is wanted and new."""
        if not self._query.wants(body) or body["event_id"] in self._seen:
            return None
        # Of another epoch the API has given all by now. Only where it is away the broker's word has to do, and then
        # numbers of different epochs are not compared.
        if self._is_caught_up if self._is_anew(body) else body["seq"] <= self._dealt_with:
            return None
        return await self._handed_on(body)

    async def _handed_on(self, body: Mapping[str, Any]) -> PickSet | None:
        """The set that `body` announces, remembered; None where its file is not what was published."""
        pickset = pickset_of(body, self._query.feature, ())
        pickset = pickset if pickset.retracted else pickset.up_to_verdict(self._query.verdict)
        if not pickset.retracted and not pickset.left_out:
            try:
                pickset = pickset_of(body, self._query.feature, await self._rows(body, pickset))
            except NotAsPublished as fault:
                log.error("%s is left out: %s", body["tomogram"], fault)
                self._seen[body["event_id"]] = body["seq"]
                return None
        self._seen[body["event_id"]] = body["seq"]
        keep(self._standing, pickset)
        return pickset

    async def _rows(self, body: Mapping[str, Any], pickset: PickSet) -> tuple[tuple[float, ...], ...]:
        """The rows that came along, or else those of the RELION 5 file, in the columns of the message.

        Raises:
            NotAsPublished: they cannot be read, or are not as many as the message counts.
        """
        excluded, is_listed = body.get("excluded", ()), not body["truncated"]
        rows = await self._all_rows(body, pickset)
        if len(rows) != body["count"] and not (excluded and is_listed):  # what is listed is without them
            raise NotAsPublished(
                f"{len(rows):,} rows of {pickset.feature} where the message counts {body['count']:,}. "
                "Have the tomogram processed again (livetomo reprocess)."
            )
        return tuple(map(tuple, without_excluded(rows, body["columns"], body["volume"], excluded)))

    async def _all_rows(self, body: Mapping[str, Any], pickset: PickSet) -> tuple[tuple[float, ...], ...]:
        if not body["truncated"]:
            return tuple(tuple(row) for row in body["picks"])
        assert self.api is not None
        file = pickset.files.get("relion5")
        if file is None:
            raise ConfigurationError(
                f"{body['tomogram']} has {body['count']:,} picks, of which {len(body['picks']):,} are in the message; "
                'the others are in no file that can be read here. Add "relion5" to the formats of the recipe, or '
                'raise "inline_picks" in the table mqtt.'
            )
        content = await self.api.fetch(file)
        try:
            return rows_of_star(content.decode(), pickset)
        except (BadStar, LookupError, ValueError) as fault:
            raise NotAsPublished(f"{file.url} cannot be read as a particles star ({fault})") from None

    def _complain(self, what: str) -> None:
        if what != self._complaint:
            log.warning("%s", what)
        self._complaint = what


def rows_of_star(text: str, pickset: PickSet) -> tuple[tuple[float, ...], ...]:
    """The rows of a RELION 5 particles file, in the columns of `pickset`, which are from the first voxel's centre.

    What a column holds that a newer daemon has added is not known here.
    """
    loop = parse_loops(text)["particles"]
    columns: dict[str, list[float]] = {"score": [float(word) for word in loop[SCORE]]}
    unknown = [math.nan] * len(columns["score"])
    centre = pickset.centre_angstrom or pickset.geometry.middle_angstrom
    for axis, name, middle in zip("xyz", CENTRED, centre, strict=True):
        columns[f"{axis}_angstrom"] = [float(word) + middle for word in loop[name]]
    if FALSE_SHARE in loop:
        columns["false_share"] = [float(word) for word in loop[FALSE_SHARE]]
    return tuple(zip(*(columns.get(name, unknown) for name in pickset.columns), strict=True))
