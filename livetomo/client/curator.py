"""Rules of curation act on sets of picks as they come, and say in each set what they have left out."""

import asyncio
from dataclasses import replace

from livetomo.client.api import ApiClient
from livetomo.client.pickset import PickSet
from livetomo.client.published_result import remote_result
from livetomo.config.curation import Curation
from livetomo.core.errors import ConfigurationError, CurationImpossible, NotAsPublished, PackageAbsent


class Curator:
    """Keeps of each set what `curation` says; its files are read now.

    Raises:
        ConfigurationError: a file is not what it should be, or a rule asks what no message and no daemon says.
        PackageAbsent: the packages that rules need are not installed.
    """

    def __init__(self, curation: Curation) -> None:
        try:
            from livetomo.curation.rules import rules_of
        except ModuleNotFoundError as absent:
            raise PackageAbsent(absent.name or "numpy", extra="curation") from None
        for recipe in curation.recipes:
            raise ConfigurationError(
                f"--consensus {recipe}: a daemon serves the picks of the recipe that is in force alone. Write those of "
                "the other one as a star (livetomo picks), and name that file; or choose by livetomo picks alone"
            )
        self._rules = rules_of(curation)

    async def curate(self, pickset: PickSet, api: ApiClient) -> PickSet:
        """The set with the rows that the rules keep; `left_out` where they cannot decide.

        Raises:
            ApiAway: a rule asks the result, and the daemon does not answer at the moment.
        """
        if pickset.retracted or pickset.left_out:
            return pickset
        return await asyncio.to_thread(self._curated, pickset, api)

    def _curated(self, pickset: PickSet, api: ApiClient) -> PickSet:
        from livetomo.curation.received import kept_rows

        with remote_result(api, pickset.result_id) as published:
            try:
                index, dropped = kept_rows(self._rules, pickset, published)
            except (CurationImpossible, NotAsPublished) as fault:
                return replace(pickset, rows=(), left_out=str(fault), beside=published.excluded)
        rows = tuple(pickset.rows[number] for number in index)
        share = pickset.false_share if len(rows) == len(pickset.rows) else None
        return replace(pickset, rows=rows, false_share=share, curated=tuple(dropped), beside=published.excluded)
