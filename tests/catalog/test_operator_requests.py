"""What people ask for is done once, reported, and not forgotten."""

import asyncio

import pytest

from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.selection import Selection
from livetomo.core.errors import ConfigurationError, Refused
from livetomo.core.tomogram import Fault
from livetomo.daemon.operator_api import actions
from tests.catalog.conftest import arrival, manifest
from tests.plugin_packages import Install, install

__all__ = ["install"]

PERMANENT = Fault("permanent", "truncated volume", "It ends early.")


def states(catalog) -> list[str]:
    return [row["state"] for row in catalog.db.query("SELECT state FROM jobs ORDER BY id")]


def run(catalog, watches=("krios1",)):
    claim = catalog.jobs.claim("cpu", 60, watches)
    assert catalog.jobs.commit(claim.token, manifest(claim), f"/results/{claim.recipe_hash[:8]}")
    return claim


@pytest.fixture
def bright(recipe):
    return recipe.model_copy(update={"density": "bright"})


def test_a_failed_job_that_is_tried_again_is_reported_anew(catalog, recipe):
    catalog.arrivals.take(arrival(fault=PERMANENT), "untrained", recipe)
    assert catalog.operator_requests.retry(Selection(session="tuesday")) == 0
    assert catalog.operator_requests.retry(Selection(session="monday", reason="truncated volume")) == 1
    run(catalog)
    versions = [r.event.version for r in catalog.event_log.after(0, 100) if r.event.kind == "state"]
    assert versions == ["failed.1", "waiting.2", "running.2", "done.2"]


def test_what_is_given_up_is_not_run_and_a_running_attempt_loses_its_lease(catalog, recipe):
    for name in ("A", "B"):
        catalog.arrivals.take(arrival(name), "untrained", recipe)
    lease = catalog.jobs.claim("cpu", 60, ["krios1"])
    assert catalog.operator_requests.give_up(Selection(name="A"), "running") == 1
    assert catalog.operator_requests.give_up(Selection(name="B"), "waiting") == 1
    assert not catalog.jobs.commit(lease.token, manifest(lease), "/results/a")
    assert states(catalog) == ["cancelled", "cancelled"]


def test_reprocessing_makes_one_job_for_each_newest_revision_and_no_second_one(catalog, recipe, bright):
    for name in ("A", "B"):
        catalog.arrivals.take(arrival(name), "untrained", recipe)
        run(catalog)
    assert catalog.operator_requests.reprocess(Selection(session="monday"), "bright", bright) == 2
    assert catalog.operator_requests.reprocess(Selection(session="monday"), "bright", bright) == 0
    assert states(catalog) == ["done", "done", "waiting", "waiting"]


def test_a_reprocessed_result_takes_the_place_of_the_earlier_one_when_it_is_there(catalog, recipe, bright):
    catalog.arrivals.take(arrival(), "untrained", recipe)
    first = run(catalog)
    catalog.operator_requests.reprocess(Selection(), "bright", bright)
    assert states(catalog) == ["done", "waiting"]
    run(catalog)
    assert states(catalog) == ["superseded", "done"]
    (retracted,) = [r.event for r in catalog.event_log.after(0, 100) if r.event.kind == "retracted"]
    assert retracted.recipe_hash == first.recipe_hash


def test_live_tomograms_go_before_reprocessing(catalog, recipe, bright):
    catalog.arrivals.take(arrival("A"), "untrained", recipe)
    run(catalog)
    catalog.operator_requests.reprocess(Selection(), "bright", bright)
    catalog.arrivals.take(arrival("B"), "untrained", recipe)
    assert [run(catalog).tomogram.name for _ in range(2)] == ["B", "A"]


def test_microscopes_take_turns_however_much_one_of_them_brings(catalog, recipe, clock):
    from dataclasses import replace

    for number in range(4):
        catalog.arrivals.take(arrival(f"K{number}"), "untrained", recipe)
    other = arrival("G0")
    other = replace(other, tomogram=replace(other.tomogram, watch="glacios"))
    catalog.arrivals.take(other, "untrained", recipe)
    order = []
    for _ in range(5):
        clock.pass_(1)
        order.append(run(catalog, ["krios1", "glacios"]).tomogram.name)
    assert order.index("G0") <= 1


def test_a_pause_outlives_a_restart(tmp_path):
    from livetomo.catalog.catalog import Catalog
    from livetomo.catalog.database import open_database

    for expected in (False, True, False):
        catalog = Catalog(open_database(tmp_path / "catalog.sqlite"), site="here", instance="main")
        assert catalog.operator_requests.is_paused() is expected
        catalog.operator_requests.pause(not expected)
        catalog.db.close()


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(watch="krios2"), "no watch is named 'krios2'; there is krios1"),
        (Selection(session="tuesday"), "no session is named 'tuesday'; there is monday"),
        (Selection(watch="krios1", session="mondy"), "no session is named 'mondy'; there is monday"),
        (Selection(session="monday", name="TS_02"), "no tomogram is named 'TS_02'; there is TS_01"),
        (Selection(session="monday", name="TS_01", reason="truncated volume"), ""),
        (Selection(), ""),
    ],
)
def test_what_nothing_is_named_is_no_good_news(catalog, recipe, selection, said):
    catalog.arrivals.take(arrival("TS_01"), "untrained", recipe)
    assert catalog.operator_requests.unknown(selection) == said


@pytest.mark.parametrize("action", ["failed", "retry", "purge", "cancel", "reprocess"])
async def test_every_action_refuses_a_session_that_is_not_there(tmp_path, action):
    thread = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await thread.open()
    try:
        body = {"session": "nosuch"} | ({"recipe": "untrained"} if action == "reprocess" else {})
        with pytest.raises(Refused, match="no session is named 'nosuch'; there is none"):
            await actions(thread, tmp_path)[action](body)
    finally:
        await thread.close()


async def test_no_target_is_beyond_all_particles_and_no_recipe_s_name_too_long(tmp_path):
    thread = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await thread.open()
    try:
        for body in ({"targets": {"ribosome": 10**22}}, {"targets": {"ribosome": 0}}):
            with pytest.raises(Refused, match="targets"):
                await actions(thread, tmp_path)["set_target"]({"session": "s", "watch": "w"} | body)
        with pytest.raises(ConfigurationError, match="neither a built-in recipe"):
            await actions(thread, tmp_path)["reprocess"]({"session": "s", "recipe": "r" * 5000})
    finally:
        await thread.close()


async def test_the_daemon_goes_on_while_a_recipe_s_plugin_is_slow_to_be_imported(tmp_path, install: Install):
    slow = (
        "import time\ntime.sleep(0.5)\nclass Slow:\n    def denoise(self, density, geometry, device): return density\n"
    )
    install("facility-x", {"denoisers": {"slow": "facility_x:Slow"}}, slow)
    feature = '[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n'
    (tmp_path / "recipe.toml").write_text(f'{feature}[denoise]\nmethod = "slow"\n')
    thread = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await thread.open()
    try:
        body = {"session": "nosuch", "recipe": str(tmp_path / "recipe.toml")}
        answer = asyncio.ensure_future(actions(thread, tmp_path)["reprocess"](body))
        turns = 0
        while not answer.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(Refused, match="no session is named"):
            await answer
        assert turns > 10
    finally:
        await thread.close()
