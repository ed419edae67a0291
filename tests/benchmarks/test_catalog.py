"""The catalog after years: what is asked of it while tomograms land stays under 5 ms with a million jobs in it."""

import itertools
import json

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.selection import Selection
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.tomogram import Fault
from tests.catalog.conftest import arrival, manifest

JOBS = 1_000_000
PER_SESSION = 300
MOST_SECONDS = 0.005


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A catalog on disk with a million jobs, a thousand of them waiting."""
    catalog = Catalog(open_database(tmp_path_factory.mktemp("old") / "catalog.sqlite"), site="here", instance="main")
    recipe = load_recipe("untrained")
    db = catalog.db.conn
    written = json.dumps({"verdict": "good", "picks": {"ribosome": {"count": 100}}, "quality": {}, "files": {}})
    numbers = range(1, JOBS + 1)
    db.execute("BEGIN")
    db.execute("INSERT INTO recipes VALUES (?, 'untrained', ?)", (recipe.hash, json.dumps(recipe.to_json())))
    db.executemany(
        "INSERT INTO tomograms (id, watch, session, name, path, producer) VALUES (?, 'krios1', ?, ?, ?, 'generic')",
        ((n, f"s{n // PER_SESSION}", f"TS_{n}", f"s{n // PER_SESSION}/TS_{n}.mrc") for n in numbers),
    )
    db.executemany(
        "INSERT INTO sessions (watch, session, opened_at, touched_at) VALUES ('krios1', ?, ?, ?)",
        ((f"s{n}", n, n + 1) for n in range(JOBS // PER_SESSION + 1)),
    )
    db.executemany(
        "INSERT INTO revisions VALUES (?, ?, 1, 2048, 1, 'd', '{}', '{}', '', ?)", ((n, n, float(n)) for n in numbers)
    )
    db.executemany(
        "INSERT INTO jobs (id, queue, revision, recipe, state, finished_at) VALUES (?, 'krios1', ?, ?, ?, 1)",
        ((n, n, recipe.hash, "waiting" if n > JOBS - 1000 else "done") for n in numbers),
    )
    db.executemany(
        "INSERT INTO results VALUES (?, ?, ?, ?, 1, NULL)",
        ((n, f"result-{n}", f"/results/{n}", written) for n in range(1, JOBS - 999)),
    )
    db.executemany(
        "INSERT INTO events VALUES (?, ?, '2026', 'state', 'krios1', 's', 'TS', 1, 'r', 'done.1', '{}')",
        ((n, f"event-{n}") for n in numbers),
    )
    db.execute("COMMIT")
    return catalog


counter = itertools.count()


def land(catalog):
    catalog.arrivals.take(arrival(f"new_{next(counter)}"), "untrained", load_recipe("untrained"))


def claim_and_commit(catalog):
    lease = catalog.jobs.claim("cpu", 60, ["krios1"])
    assert catalog.jobs.commit(lease.token, manifest(lease), "/results/new")


def claim_and_fail(catalog):
    lease = catalog.jobs.claim("cpu", 60, ["krios1"])
    catalog.jobs.fail(lease.token, Fault("permanent", "truncated volume", "It ends early."))


OPERATIONS = {
    "an arrival": land,
    "claim and commit": claim_and_commit,
    "claim and fail": claim_and_fail,
    "events for the broker": lambda c: c.event_log.after(JOBS - 100, 100),
    "the backlog": lambda c: c.event_log.backlog("mqtt"),
    "the cursor": lambda c: c.event_log.move_cursor("mqtt", JOBS - 5),
    "how many jobs": lambda c: c.views.job_counts(),
    "what waits": lambda c: c.views.waiting(),
    "the newest sessions": lambda c: c.views.sessions(10),
    "the live sessions": lambda c: c.sessions.live(3600),
    "a session's totals": lambda c: c.views.totals("krios1", "s100"),
    "a session's tomograms": lambda c: c.views.tomograms("krios1", "s100", 100, 0),
    "what failed": lambda c: c.operator_requests.failed(Selection()),
    "a pause": lambda c: c.operator_requests.is_paused(),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_on_a_million_jobs(benchmark, old, name):
    benchmark.pedantic(OPERATIONS[name], args=(old,), rounds=30, iterations=1, warmup_rounds=2)
    benchmark.extra_info["limit_seconds"] = MOST_SECONDS
    assert benchmark.stats["median"] < MOST_SECONDS
