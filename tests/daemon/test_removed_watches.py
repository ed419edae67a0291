"""A watch that is taken out of the configuration leaves no alert behind; one that is added counts from 0."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from livetomo.catalog.catalog import CatalogThread
from livetomo.config.configuration import Config, validate_config
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.status import Status
from livetomo.daemon.disks import Disks
from livetomo.daemon.status_collector import Overview
from livetomo.daemon.watches import Watches
from livetomo.publish.prometheus.metrics import Metrics
from tests.catalog.conftest import arrival


def configuration(folder: Path, *names: str) -> Config:
    watches = [{"name": name, "path": str(folder), "recipe": "untrained"} for name in names]
    content: dict[str, Any] = {"site": "here", "state": str(folder), "output": str(folder), "watch": watches}
    return validate_config(content, "test")


async def overview_of(catalog: CatalogThread, config: Config) -> Status:
    metrics = Metrics(CollectorRegistry(), watches=[watch.name for watch in config.watch])
    watches = Watches(catalog, metrics, config.watch, learned=lambda tomogram: None)
    return await Overview(
        config,
        catalog=catalog,
        watches=watches,
        lanes=(),
        disks=Disks(config),
        publisher=None,
        address=lambda: "http://here",
    ).status()


async def test_jobs_of_a_watch_that_was_taken_out_are_said_and_stall_nothing(tmp_path: Path) -> None:
    catalog = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await catalog.open()
    recipe = load_recipe("untrained")
    for watch in ("krios1", "krios2"):
        one = arrival("TS_01")
        one = replace(one, tomogram=replace(one.tomogram, watch=watch))
        await catalog(lambda catalog, one=one: catalog.arrivals.take(one, "untrained", recipe))
    both = await overview_of(catalog, configuration(tmp_path, "krios1", "krios2"))
    left = await overview_of(catalog, configuration(tmp_path, "krios1"))
    none = await overview_of(catalog, configuration(tmp_path, "glacios"))
    await catalog.close()
    assert (both.jobs, left.jobs, none.jobs) == ({"waiting": 2}, {"waiting": 1}, {})
    assert both.oldest_waiting is not None
    assert none.oldest_waiting is None
    said = [[each.message for each in status.problems if each.name == "jobs-removed"] for status in (both, left, none)]
    assert said[0] == []
    assert "1 of krios2" in said[1][0]
    assert "1 of krios1, 1 of krios2" in said[2][0]
    assert not any(each.blocks_ready for each in left.problems if each.kind == "jobs")


@pytest.mark.parametrize("again", [False, True])
async def test_counters_of_a_watch_that_is_added_while_running_begin_at_zero(tmp_path: Path, again: bool) -> None:
    metrics = Metrics(CollectorRegistry(), watches=["krios1"])
    catalog = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    watches = Watches(catalog, metrics, configuration(tmp_path, "krios1").watch, learned=lambda tomogram: None)
    watches.change(configuration(tmp_path, "krios1", "glacios").watch)
    value = metrics.registry.get_sample_value
    assert value("livetomo_arrivals_total", {"watch": "glacios"}) == 0
    assert value("livetomo_finished_total", {"watch": "glacios", "outcome": "failed"}) == 0
    assert value("livetomo_last_success_timestamp_seconds", {"watch": "glacios"}) == 0
    metrics.arrived("glacios")
    if again:
        watches.change(configuration(tmp_path, "glacios").watch)
    assert value("livetomo_arrivals_total", {"watch": "glacios"}) == 1, "a reload counts nothing anew"


async def test_a_name_that_is_not_utf8_is_among_the_problems_of_its_watch(tmp_path: Path) -> None:
    """From the watcher's own process."""
    root = tmp_path / "raw" / "monday"
    root.mkdir(parents=True)
    (root / "TS_\udcff1.mrc").touch()
    catalog = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await catalog.open()
    config = configuration(tmp_path / "raw", "krios1")
    watches = Watches(catalog, Metrics(CollectorRegistry()), config.watch, learned=lambda tomogram: None)
    running = asyncio.create_task(watches.run())
    async with asyncio.timeout(20):
        while not (problems := list(watches.problems())):  # noqa: ASYNC110  (another process: nothing rings)
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    await catalog.close()
    assert [problem.name for problem in problems] == ["names-krios1"]
    assert r"monday/TS_\xff1.mrc in krios1 cannot be taken" in problems[0].message
