"""Whatever time, inode or device a file system gives a file, its watch goes on, and takes it once."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.core.tomogram import bounded_time, signed
from livetomo.intake.tree import Look, Tree
from livetomo.system.sampled_digest import digest_file
from tests.intake.fakes import Clock, FakeTree, mrc
from tests.intake.joined import Joined

YEAR_1601 = -11_644_473_600 * 10**9
times = st.one_of(
    st.integers(-(2**95), 2**95),
    st.sampled_from([0, -1, YEAR_1601, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10_413_792_000 * 10**9]),
)
numbers = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]))


@settings(max_examples=60, deadline=None)
@given(
    files=st.lists(st.tuples(times, numbers, numbers), min_size=1, max_size=3, unique_by=lambda one: one[1:]),
    since=st.sampled_from(["now", "all"]),
)
def test_any_time_that_stat_can_give_is_recorded_known_again_and_stops_nothing(files, since):
    tree, clock = FakeTree(), Clock()
    for number, (time, inode, device) in enumerate(files):
        tree.write(f"old/TS_{number}.mrc", mrc(fill=bytes([number + 1])), modified_ns=time)
        tree.files[f"old/TS_{number}.mrc"].inode = inode
        tree.files[f"old/TS_{number}.mrc"].device = device
    joined = Joined(tree, clock, since=since)
    joined.run(60)
    tree.write("new/TS_new.mrc", mrc(fill=b"n"), modified_ns=files[0][0])
    joined.run(60)
    expected = {f"old/TS_{number}" for number in range(len(files))} if since == "all" else set()
    assert {name for name, _, _ in joined.jobs()} == expected | {"new/TS_new"}
    offers = joined.offers
    joined.restart()
    joined.run(120)
    assert joined.offers == offers, "what was dealt with is known after a restart"


@given(times)
def test_a_time_keeps_its_place_within_the_bounds(time):
    assert -(2**63) <= bounded_time(time) < 2**63
    if -(2**63) <= time < 2**63:
        assert bounded_time(time) == time


@given(numbers, numbers)
def test_two_inodes_never_become_one(one, other):
    assert -(2**63) <= signed(one) < 2**63
    assert (signed(one) == signed(other)) == (one == other)


@pytest.mark.parametrize("seconds", [-11_644_473_600, 10_413_792_000])
def test_a_file_of_another_century_has_one_time_everywhere(tmp_path, seconds):
    file = tmp_path / "TS_01.mrc"
    file.write_bytes(mrc())
    os.utime(file, (seconds, seconds))
    tree = Tree(tmp_path)
    (entry,) = tree.list("")
    look = tree.look("TS_01.mrc")
    assert look == Look.of(entry.stat())
    assert digest_file(file).modified_ns == look.modified_ns
