"""Hints from the kernel, on a real tree."""

import errno
import threading
from collections.abc import Iterator

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from livetomo.intake import fs_events as hints_module
from livetomo.intake.fs_events import HintKeeper, Hints, open_hints
from livetomo.intake.inotify import KernelHints, kernel_watches


class Bell:
    """Rings when there is news."""

    def __init__(self) -> None:
        self.rung = threading.Event()

    def __call__(self) -> None:
        self.rung.set()

    def wait_for(self, hints: KernelHints, path: str) -> None:
        found: set[str] = set()
        while path not in found:
            assert self.rung.wait(10), f"{path} was not reported, only {found}"
            self.rung.clear()
            found |= {one for one, _ in hints.take()}


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def kernel(tmp_path, bell) -> Iterator[KernelHints]:
    root = tmp_path / "data"
    root.mkdir()
    hints = KernelHints(root, wants=lambda name: name.endswith(".mrc"), ring=bell)
    yield hints
    hints.close()


def test_a_file_written_moved_or_linked_in_is_hinted_at_and_frames_are_not(tmp_path, kernel, bell):
    root = tmp_path / "data"
    (root / "frame.eer").write_bytes(b"x")
    (root / "written.mrc").write_bytes(b"x")
    bell.wait_for(kernel, "written.mrc")
    (tmp_path / "elsewhere.mrc").write_bytes(b"x")
    (tmp_path / "elsewhere.mrc").rename(root / "moved.mrc")
    bell.wait_for(kernel, "moved.mrc")
    (root / "linked.mrc").hardlink_to(root / "moved.mrc")
    bell.wait_for(kernel, "linked.mrc")
    assert kernel.overflows() == 0


def test_what_is_in_a_folder_that_is_moved_in_is_hinted_at(tmp_path, kernel, bell):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.mrc").write_bytes(b"x")
    (tmp_path / "new").rename(tmp_path / "data" / "new")
    bell.wait_for(kernel, "new")


def test_a_root_that_was_made_anew_is_watched_again_and_counts_as_lost_news(tmp_path, kernel, bell):
    root = tmp_path / "data"
    root.rmdir()
    kernel.keep_alive(1)
    root.mkdir()
    kernel.keep_alive(1)
    assert kernel.overflows() == 1
    (root / "a.mrc").write_bytes(b"x")
    bell.wait_for(kernel, "a.mrc")


def test_folders_beyond_the_kernels_limit_are_counted_and_said(tmp_path, kernel):
    for number in range(3):
        (tmp_path / "data" / str(number)).mkdir()
    watched = kernel_watches()
    assert watched >= 1
    kernel.keep_alive(watched)
    assert kernel.mode == "events"
    kernel.keep_alive(kernel_watches() + 1000)
    assert "max_user_watches" in kernel.mode


def test_an_overflow_of_the_kernels_queue_is_noticed(kernel):
    emitter = next(iter(kernel._observer.emitters))
    overflow = InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b"")
    emitter._inotify_fd.handle_event(overflow)
    assert kernel.overflows() == 1


def test_a_flood_is_dropped_and_counted_not_stored(kernel, monkeypatch):
    monkeypatch.setattr("livetomo.intake.inotify._MOST_WAITING", 5)
    for number in range(6):
        kernel._happened(str(kernel._root / f"{number}.mrc"), False)
    assert kernel.overflows() == 1
    assert kernel.take() == []


@pytest.mark.parametrize(
    ("code", "advice"), [(errno.ENOSPC, "max_user_watches"), (errno.EMFILE, "max_user_instances"), (errno.EIO, "not")]
)
def test_where_the_kernel_refuses_it_polls_and_says_how_to_help(tmp_path, monkeypatch, code, advice):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "refused")

    monkeypatch.setattr("livetomo.intake.inotify.KernelHints", refuse)
    hints = open_hints(tmp_path, "auto", wants=lambda _: True, ring=lambda: None)
    assert hints.mode.startswith("poll (")
    assert advice in hints.mode
    assert hints.take() == []


def test_a_network_file_system_is_polled_unless_the_user_knows_better(tmp_path, monkeypatch):
    from livetomo.system.mounts import FileSystem

    monkeypatch.setattr(hints_module, "file_system", lambda _: FileSystem("lustre", "x", "/"))
    assert open_hints(tmp_path, "auto", wants=lambda _: True, ring=lambda: None).mode.startswith("poll (lustre")
    wanted = open_hints(tmp_path, "events", wants=lambda _: True, ring=lambda: None)
    assert wanted.mode == "events"
    wanted.close()
    monkeypatch.undo()
    assert open_hints(tmp_path, "poll", wants=lambda _: True, ring=lambda: None).mode == "poll"


def test_the_keeper_opens_them_in_its_own_thread(tmp_path, bell):
    keeper = HintKeeper(tmp_path, "auto", wants=lambda _: True, ring=bell)
    assert keeper.hints.mode == Hints().mode
    keeper.start()
    while keeper.hints.mode != "events":
        assert keeper.is_alive()
    (tmp_path / "a.mrc").write_bytes(b"x")
    assert bell.rung.wait(10)
    assert ("a.mrc", False) in keeper.hints.take()
