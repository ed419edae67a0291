from typing import Any, Protocol

import pytest

from tests.intake.fakes import Clock, Facility, FakeTree


class MakeFacility(Protocol):
    def __call__(self, **settings: Any) -> Facility: ...


@pytest.fixture
def tree() -> FakeTree:
    return FakeTree()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def facility(tree: FakeTree, clock: Clock) -> MakeFacility:
    return lambda **settings: Facility(tree, clock, **settings)
