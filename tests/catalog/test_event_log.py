"""Events are numbered, published in order, and never twice."""

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.database import open_database
from livetomo.core.events import Event
from livetomo.core.tomogram import TomogramId

WHO = TomogramId("krios1", "monday", "TS_01")


def event(version: str) -> Event:
    return Event("state", WHO, 1, "0" * 64, version, {"state": "waiting"})


def test_an_event_is_reported_once_and_keeps_its_number(catalog):
    for version in ("a", "b", "a", "c", "b"):
        catalog.event_log.append(event(version))
    assert [(r.seq, r.event.version) for r in catalog.event_log.after(0, 10)] == [(1, "a"), (2, "b"), (3, "c")]
    assert [r.seq for r in catalog.event_log.after(1, 1)] == [2]


def test_the_identity_of_an_event_is_what_it_says_and_where(catalog):
    elsewhere = Catalog(open_database(None), site="there", instance="main")
    again = Catalog(open_database(None), site="here", instance="main")
    for each in (catalog, elsewhere, again):
        each.event_log.append(event("a"))
    ids = [each.event_log.after(0, 1)[0].event_id for each in (catalog, elsewhere, again)]
    assert ids[0] == ids[2] != ids[1]


def test_a_cursor_never_moves_back_and_knows_what_is_left(catalog, clock):
    for version in "abc":
        catalog.event_log.append(event(version))
        clock.pass_(1)
    assert catalog.event_log.backlog("mqtt")[0] == 3
    catalog.event_log.move_cursor("mqtt", 2)
    catalog.event_log.move_cursor("mqtt", 1)
    assert catalog.event_log.cursor("mqtt") == 2
    left, oldest = catalog.event_log.backlog("mqtt")
    assert (left, oldest) == (1, catalog.event_log.after(2, 1)[0].time)
    catalog.event_log.move_cursor("mqtt", 3)
    assert catalog.event_log.backlog("mqtt") == (0, None)


async def test_who_waits_for_news_is_reported_of_it(tmp_path):
    import asyncio

    thread = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await thread.open()
    waiter = asyncio.create_task(thread.wait_beyond(0))
    await thread(lambda catalog: catalog.event_log.cursor("mqtt"))
    assert not waiter.done()
    await thread(lambda catalog: catalog.event_log.append(event("a")))
    await asyncio.wait_for(waiter, 5)
    await thread.close()
