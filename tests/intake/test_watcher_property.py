"""Whatever a producer does to its folder, every file that ends complete is taken once, and none too early."""

import hashlib

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from livetomo.core.tomogram import Content
from tests.intake.fakes import Clock, Facility, FakeTree, mrc

PATHS = ["yeast/TS_1.mrc", "yeast/TS_10.mrc", "algae/TS_1.mrc"]
TEMPORARY = ["yeast/.TS_1.mrc.Xb2", "algae/TS_1.mrc.part"]
paths = st.sampled_from(PATHS)
CONTENTS = [mrc(fill=bytes([number])) for number in range(3)] + [mrc((3, 4, 5)), mrc((2, 3, 4), mode=12)]
contents = st.sampled_from(CONTENTS)
SETTLE = 20.0


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


WHOLE = {digest(content) for content in CONTENTS}


class Facilities(RuleBasedStateMachine):
    """A producer that does anything, a network that loses anything, and a watcher that may die at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.tree = FakeTree(clock=self.clock)
        self.old: dict[str, int] = {}
        self.facility = Facility(self.tree, self.clock)

    @initialize(since=st.sampled_from(["all", "now"]), present=st.lists(st.tuples(paths, contents), max_size=3))
    def begin(self, since: str, present: list[tuple[str, bytes]]) -> None:
        if since == "now":
            for path, content in present:
                self.tree.write(path, content)
        self.old = {path: file.modified_ns for path, file in self.tree.files.items()}
        self.tree.touched.clear()
        self.facility = Facility(self.tree, self.clock, since=since, settle=SETTLE)
        self.facility.watcher.scan()
        self.facility.answer()

    # What the producer does.

    @rule(path=paths, content=contents)
    def create_or_rewrite(self, path: str, content: bytes) -> None:
        self.tree.write(path, content)

    @rule(path=paths, content=contents, share=st.floats(0, 1))
    def begin_to_write(self, path: str, content: bytes, share: float) -> None:
        self.tree.write(path, content[: int(len(content) * share)])

    @rule(path=paths, content=contents, share=st.floats(0.1, 0.9), pause=st.floats(0.1, SETTLE))
    def write_slowly(self, path: str, content: bytes, share: float, pause: float) -> None:
        self.tree.write(path, content[: int(len(content) * share)])
        self.scan()
        self.time_passes(pause)
        self.tree.write(path, content)
        self.time_passes(pause)

    @rule(path=paths, content=contents)
    def append_what_is_missing(self, path: str, content: bytes) -> None:
        file = self.tree.files.get(path)
        if file and content.startswith(file.data):
            self.tree.append(path, content[len(file.data) :])

    @rule(path=paths, share=st.floats(0, 1))
    def truncate(self, path: str, share: float) -> None:
        if file := self.tree.files.get(path):
            self.tree.write(path, file.data[: int(len(file.data) * share)])

    @rule(path=paths)
    def touch(self, path: str) -> None:
        if file := self.tree.files.get(path):
            self.tree.write(path, file.data)

    @rule(path=paths)
    def delete(self, path: str) -> None:
        self.tree.files.pop(path, None)

    @rule(temporary=st.sampled_from(TEMPORARY), path=paths, content=contents)
    def rename_into_place(self, temporary: str, path: str, content: bytes) -> None:
        self.tree.write(temporary, content)
        self.tree.rename(temporary, path)

    @rule(old=paths, new=paths)
    def rename(self, old: str, new: str) -> None:
        if old in self.tree.files:
            self.tree.rename(old, new)

    @rule(path=paths, content=contents)
    def copy_with_an_old_time(self, path: str, content: bytes) -> None:
        """As rsync does; each copy's time is different all the same."""
        self.tree.ticks += 1_000_000
        self.tree.write(path, content, modified_ns=self.tree.ticks - 10**17)

    # What the network and the machine do.

    @rule()
    def unmount(self) -> None:
        self.tree.root_exists = False

    @rule()
    def mount(self) -> None:
        self.tree.root_exists = True

    @rule(path=paths, readable=st.booleans())
    def change_permission(self, path: str, readable: bool) -> None:
        if file := self.tree.files.get(path):
            file.readable = readable

    @rule()
    def restart(self) -> None:
        self.facility.restart()
        self.facility.watcher.scan()
        self.facility.answer()

    @rule()
    def crash_before_the_catalog_has_answered(self) -> None:
        self.facility.watcher.look()
        self.facility.restart()

    @rule(refuse=st.booleans())
    def catalog_is_able(self, refuse: bool) -> None:
        self.facility.refuse = refuse

    # What the watcher does.

    @rule(path=paths)
    def hint(self, path: str) -> None:
        self.facility.watcher.hints([(path, False)])

    @rule()
    def hint_of_a_folder(self) -> None:
        self.facility.watcher.hints([("yeast", True)])

    @rule()
    def scan(self) -> None:
        self.facility.watcher.scan()
        self.facility.answer()

    @rule()
    def scan_hot(self) -> None:
        self.facility.watcher.scan_hot()

    @rule(seconds=st.floats(0.1, 2 * SETTLE))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.facility.watcher.look()
        self.facility.answer()

    @rule()
    def everything_rests(self) -> None:
        """The producer is done for now, and nothing is broken: whatever is whole must be taken."""
        self.tree.root_exists = True
        self.facility.refuse = False
        for file in self.tree.files.values():
            file.readable = True
        self.facility.run(8 * SETTLE, step=4.0)
        for path, file in self.tree.files.items():
            if path not in PATHS or file.data not in CONTENTS or file.modified_ns in self.old.values():
                continue  # what was there at first is left alone, also where it has moved to
            known = self.facility.catalog.get(path)
            assert known is not None, f"{path} was missed"
            assert known.digest == digest(file.data), f"{path} is known with another content"
        assert self.facility.watcher.report().settling == 0 or all(
            file.data not in CONTENTS for path, file in self.tree.files.items() if path in self.facility.reasons()
        )

    # What must always be true.

    @property
    def untouched(self) -> set[str]:
        """What is as it was at the first start, and has never been anything else."""
        return {path for path in self.old if path not in self.tree.touched}

    @invariant()
    def nothing_is_recorded_twice(self) -> None:
        last: dict[str, Content] = {}
        for arrival in self.facility.acknowledged:
            assert last.get(arrival.path) != arrival.content
            last[arrival.path] = arrival.content

    @invariant()
    def what_is_taken_is_whole_unless_it_is_faulted(self) -> None:
        for arrival in self.facility.taken:
            assert (arrival.content.digest in WHOLE) == (arrival.fault is None)

    @invariant()
    def what_was_there_before_is_left_alone(self) -> None:
        for arrival in self.facility.taken:
            assert arrival.path not in self.untouched

    @invariant()
    def no_voxel_is_read_before_it_is_time(self) -> None:
        for path, rest, data in self.tree.voxels_read:
            assert rest >= (SETTLE if data in CONTENTS else 3 * SETTLE), path


Facilities.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
test_every_file_that_ends_complete_is_taken_once = Facilities.TestCase
