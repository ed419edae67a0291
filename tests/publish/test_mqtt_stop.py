"""A publisher that is told to stop does so, whatever the broker does in the same moment."""

import asyncio

from livetomo.publish.memory import MemoryBroker
from livetomo.publish.messages import MessageSettings
from livetomo.publish.mqtt import Publisher
from livetomo.publish.topics import Topics
from tests.publish.stories import MemoryStore


async def test_stopping_while_the_connection_is_lost_is_stopping_all_the_same():
    broker = MemoryBroker()
    task = asyncio.create_task(Publisher(MessageSettings(Topics("facility", "main")), MemoryStore(), broker).run())
    await broker.received(lambda log: len(log) > 0)
    await asyncio.sleep(0)
    lost = asyncio.create_task(broker.stop())
    task.cancel()
    await lost
    done, _ = await asyncio.wait([task], timeout=5)
    assert done
    assert task.cancelled()


async def test_the_moment_of_the_loss_does_not_matter():
    for turns in range(12):
        broker = MemoryBroker()
        task = asyncio.create_task(Publisher(MessageSettings(Topics("facility", "main")), MemoryStore(), broker).run())
        await broker.received(lambda log: len(log) > 0)
        await broker.stop()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, f"{turns} turns of the loop after the loss"
