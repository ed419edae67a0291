"""What tests of every room share: where the data lies, and the real servers (tests/servers.py)."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before anybody imports torch

pytest_plugins = ["tests.servers"] if find_spec("tests.servers") else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, so that none is left alone at the end of a run in parallel."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of test data: LIVETOMO_TEST_DATA, or shared/data beside the checkout. Skips where there is none.

    Data is somebody else's and is not copied into the project, so that its absence is never a failure, not even under
    LIVETOMO_REQUIRE_ALL.
    """
    named = os.environ.get("LIVETOMO_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no test data at {folder}; name its folder in LIVETOMO_TEST_DATA")
    return folder
