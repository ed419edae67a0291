"""Systemd's socket may be gone, full or none at all: that is nothing to wait for, nor to end by."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from livetomo.system import sd_notify as systemd


def full(path: Path) -> socket.socket:
    """A socket that takes no more."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as filler:
        try:
            while True:
                filler.sendto(b"x", str(path))
        except BlockingIOError:
            return listener


def gone(path: Path) -> None:
    """Nothing is there."""


def deserted(path: Path) -> None:
    """A file of a socket that nobody listens at any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(path))


def a_file(path: Path) -> None:
    path.write_text("")


@pytest.mark.parametrize("trouble", [full, gone, deserted, a_file])
def test_a_socket_that_takes_nothing_is_neither_waited_for_nor_an_end(
    trouble: Callable[[Path], socket.socket | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "notify"
    held = trouble(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    assert not systemd.notify("WATCHDOG=1")
    assert "systemd does not take the message WATCHDOG=1" in caplog.text
    if held is not None:
        held.close()


@pytest.mark.parametrize("error", [105, 12, 24, 111, 90])
def test_no_error_of_the_kernel_ends_the_daemon(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def fail(*args: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setattr(socket, "socket", fail)
    assert not systemd.notify("READY=1")


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_an_address_that_is_none_is_nobody_who_listens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert systemd.notify("READY=1")


async def test_ready_is_said_again_until_systemd_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    listeners: list[socket.socket] = []

    async def pause(seconds: float) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(path))
        listeners.append(listener)

    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    await systemd.ready(pause)
    assert listeners[0].recv(100) == b"READY=1"
    listeners[0].close()


@pytest.mark.parametrize(
    ("wanted", "whose", "seconds"),
    [("2000000", None, 1.0), ("2000000", "me", 1.0), ("2000000", "1", 0.0), ("soon", None, 0.0), ("", None, 0.0)],
)
def test_the_watchdog_of_systemd_is_for_whom_it_names(
    monkeypatch: pytest.MonkeyPatch, wanted: str, whose: str | None, seconds: float
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", wanted)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if whose is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if whose == "me" else whose)
    assert systemd.watchdog_seconds() == seconds
