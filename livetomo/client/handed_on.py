"""What a consumer was handed on: each set once, as it was chosen, and again where what it was chosen by has changed."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from livetomo.client.api import ApiClient
from livetomo.client.pickset import PickSet
from livetomo.client.query import Query
from livetomo.client.rows import read_pickset
from livetomo.client.standing import Place, Standing, keep, place
from livetomo.core.errors import NotAsPublished

log = logging.getLogger("livetomo.client.stream")

Choose = Callable[[PickSet, ApiClient], Awaitable[PickSet]]
"""Of a set that was published, what the consumer wants."""


async def whole(pickset: PickSet, api: ApiClient) -> PickSet:
    """All of it is wanted."""
    return pickset


class HandedOn:
    """The sets of one stream.

    standing: which set stands for each tomogram.
    """

    def __init__(self, query: Query, standing: Mapping[Place, Standing]) -> None:
        self.standing = dict(standing)
        self._query = query
        self._seen: dict[str, int] = {}

    def is_seen(self, body: Mapping[str, Any]) -> bool:
        """Whether this event was dealt with."""
        return body["event_id"] in self._seen

    def forget(self, seq: int) -> None:
        """Events up to this number will not come again."""
        self._seen = {event_id: number for event_id, number in self._seen.items() if number > seq}

    async def set_of(self, body: Mapping[str, Any], api: ApiClient, choose: Choose) -> PickSet | None:
        """The set that `body` announces, or changes; None where there is none, or not what was to be published.

        Raises:
            ApiAway: it takes something that cannot be fetched at the moment; the event is not dealt with.
        """
        announces = self._query.wants(body)
        try:
            pickset = await (self._announced(body, api) if announces else self._changed(body, api))
            if pickset is not None:
                pickset = await choose(pickset, api)
        except NotAsPublished as fault:
            log.error("%s is left out: %s", body["tomogram"], fault)
            pickset = None
        self._seen[body["event_id"]] = body["seq"]
        if pickset is None:
            return None
        before = self.standing.get(place(body))
        keep(self.standing, pickset)
        is_same = not announces and before == self.standing[place(body)] and before.beside == pickset.beside
        return None if is_same else pickset

    def renumber(self, body: Mapping[str, Any]) -> None:
        """The event of a set that stands has this number by now."""
        standing = self.standing.get(place(body))
        if standing is not None and standing.event_id == body["event_id"]:
            self.standing[place(body)] = replace(standing, seq=body["seq"])

    async def _announced(self, body: Mapping[str, Any], api: ApiClient) -> PickSet:
        return await read_pickset(body, self._query.feature, self._query.verdict, api)

    async def _changed(self, body: Mapping[str, Any], api: ApiClient) -> PickSet | None:
        """The set that stands beside another feature's picks of the same result, if other parts of these count now."""
        standing = self.standing.get(place(body))
        if standing is None or standing.result_id != body["result_id"] or not standing.seq:
            return None
        if standing.beside.get(body["feature"], []) == body.get("excluded", []):
            return None
        announced = await api.event(standing.seq)
        if announced is None or announced["event_id"] != standing.event_id:
            raise NotAsPublished("its own picks are not found again, which are chosen by those that have changed")
        return await self._announced(announced, api)
