"""Look at the machine that the daemon is to run on: what is there, what is missing, and what to do about it."""

import asyncio
import ctypes
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import livetomo
from livetomo.config.configuration import Config, Mqtt, Watch
from livetomo.core.errors import LivetomoError
from livetomo.core.tomogram import fixed_part
from livetomo.core.units import written_bytes
from livetomo.publish.payloads.topics import Topics
from livetomo.system.hung_calls import NoAnswer, within
from livetomo.system.mounts import FileSystem, file_system
from livetomo.system.plugins import Registry
from livetomo.system.registries import REGISTRIES
from livetomo.system.writable import why_not_writable

_STRICT_TABLES = (3, 37, 0)
_ROOM = 10
_WATCHED_FOLDERS = 65_536
_DEVICES_SECONDS = 120.0
_LARGE_PACKET = 100_000
_FOLDER_SECONDS = 10.0
_ASK_TORCH = """
import json, torch
devices = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
free = [torch.cuda.mem_get_info(number)[0] for number in range(len(devices))]
print(json.dumps([{"name": d.name, "total": d.total_memory, "free": f} for d, f in zip(devices, free)]))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `cure` says what to do where the verdict is not good."""

    about: str
    verdict: Literal["good", "warn", "bad"]
    said: str
    cure: str = ""


def examine(config: Config | None = None) -> Iterator[Finding]:
    """Look at everything, one finding after the other: some take seconds."""
    yield from versions()
    yield from plugins()
    yield from devices(config.workers.devices if config else "auto")
    yield clock()
    if config is not None:
        yield from folders(config)
        if config.mqtt is not None:
            watches = [watch.name for watch in config.watch]
            yield asyncio.run(broker(config.mqtt, Topics.of(config).root, watches))


def versions(sqlite: tuple[int, ...] = sqlite3.sqlite_version_info) -> Iterator[Finding]:
    """What is installed."""
    torch = metadata.version("torch")
    yield Finding(
        "versions", "good", f"livetomo {livetomo.__version__}, Python {platform.python_version()}, torch {torch}"
    )
    name = ".".join(map(str, sqlite))
    if sqlite < _STRICT_TABLES:
        yield Finding("SQLite", "bad", name, "livetomo needs 3.37 or newer: use a newer Python or system")
    else:
        yield Finding("SQLite", "good", name)


def plugins(registries: Iterable[Registry[Any]] = REGISTRIES.values()) -> Iterator[Finding]:
    """What other packages offer, and whether it can be used."""
    for registry in registries:
        for plugin in registry.plugins():
            about, cure = f'{plugin.kind} "{plugin.name}"', "Recipes and watches that name it are refused"
            if plugin.name in registry.built_in:
                yield Finding(about, "bad", f"{plugin} is not used: livetomo has one of this name", "Rename it there")
            elif why := registry.why_unusable(plugin.name):
                yield Finding(about, "bad", why, cure)
            else:
                yield Finding(about, "good", plugin.package)


def _ask_torch() -> list[dict[str, Any]]:
    """The GPUs that torch sees. In a process of its own: a driver in trouble may take it down."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=_DEVICES_SECONDS, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def devices(
    wanted: Literal["auto"] | Sequence[str], ask: Callable[[], list[dict[str, Any]]] = _ask_torch
) -> Iterator[Finding]:
    """What work can be done on, compared with what the configuration names."""
    yield Finding("processors", "good", f"{len(os.sched_getaffinity(0))} cores, {_memory() / 1e9:.0f} GB of memory")
    try:
        found = ask()
    except subprocess.TimeoutExpired:
        yield Finding(
            "GPUs", "bad", "torch does not answer", "Look at nvidia-smi: the driver may hang; restart the machine"
        )
        return
    except subprocess.CalledProcessError as fault:
        last = (fault.stderr.strip() or "no word").splitlines()[-1]
        yield Finding("GPUs", "bad", f"torch ends with: {last}", "Look at nvidia-smi, and install torch again")
        return
    for number, gpu in enumerate(found):
        said = f"{gpu['name']}, {gpu['free'] / 1e9:.1f} of {gpu['total'] / 1e9:.1f} GB free"
        full = gpu["free"] < 0.2 * gpu["total"]
        cure = "Another program holds its memory; jobs here will be slow or fail" if full else ""
        yield Finding(f"cuda:{number}", "warn" if full else "good", said, cure)
    # "auto" asks for none of them
    missing = [name for name in wanted if name.startswith("cuda:") and int(name[5:]) >= len(found)]
    for name in missing:
        yield Finding(name, "bad", "torch does not see it", 'Take it out of "devices", or repair the driver')
    if not found and not missing:
        yield Finding("GPUs", "warn" if _has_nvidia() else "good", "none, work is done on the processors", _NO_GPU)


_NO_GPU = "If there is one: nvidia-smi shows whether the driver sees it, and torch must be the build for CUDA"


def _has_nvidia() -> bool:
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _is_synchronised() -> bool:
    """Whether the kernel's clock follows another one, as NTP's programs report to the kernel."""
    timex = ctypes.create_string_buffer(512)  # `modes` 0: ask, change nothing
    time_error = 5
    return bool(ctypes.CDLL(None).adjtimex(timex) != time_error)


def clock(is_synchronised: Callable[[], bool] = _is_synchronised) -> Finding:
    """Whether times can be compared with those of other machines."""
    if is_synchronised():
        return Finding("clock", "good", "synchronised")
    return Finding(
        "clock", "warn", "not synchronised", "Start systemd-timesyncd or chrony: messages and metrics bear times"
    )


def folders(config: Config, kind_of: Callable[[Path], FileSystem] = file_system) -> Iterator[Finding]:
    """What lies where, and whether there is room."""
    yield _in_time("state", config.state, lambda: _written("state", config.state, config.min_free, kind_of))
    output = fixed_part(config.output)
    yield _in_time("output", output, lambda: _written("output", output, config.min_free, kind_of))
    for watch in config.watch:
        yield _in_time(f'watch "{watch.name}"', watch.path, partial(_watched, watch, kind_of))
    yield _watched_folders(int(Path("/proc/sys/fs/inotify/max_user_watches").read_text()))


def _in_time(about: str, path: Path, look: Callable[[], Finding]) -> Finding:
    try:
        return within(_FOLDER_SECONDS, look)
    except NoAnswer:
        return Finding(
            about, "bad", f"{path} does not answer", "Its mount hangs: look at the file server, and at dmesg"
        )


def _watched(watch: Watch, kind_of: Callable[[Path], FileSystem]) -> Finding:
    kind = kind_of(watch.path)
    about, said = f'watch "{watch.name}"', f"{watch.path} on {kind}"
    if not watch.path.is_dir():
        return Finding(about, "bad", f"{watch.path} is not there", "Mount it, or correct its path")
    if not os.access(watch.path, os.R_OK | os.X_OK):
        return Finding(about, "bad", f"{watch.path} cannot be read by this user", "Let the daemon's user read it")
    if watch.mode == "events" and kind.is_network:
        return Finding(about, "warn", said, 'What other machines write gives no events: write mode = "auto"')
    return Finding(about, "good", said + (", so it is scanned again and again" if kind.is_network else ""))


def _written(about: str, folder: Path, min_free: float, kind_of: Callable[[Path], FileSystem]) -> Finding:
    if why := why_not_writable(folder):
        said, _, cure = why.partition(". ")
        return Finding(about, "bad", said, cure)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    kind, free = kind_of(there), shutil.disk_usage(there).free
    said = f"{folder} on {kind}, {free / 1e9:.0f} GB free"
    if about == "state" and kind.is_network:
        return Finding(about, "bad", said, "SQLite needs a local disk: choose another folder")
    if free < _ROOM * min_free:
        return Finding(about, "warn", said, f"Make room: below {written_bytes(min_free)} no job is started")
    return Finding(about, "good", said)


def _watched_folders(limit: int) -> Finding:
    said = f"the kernel watches up to {limit:,} folders for a user"
    if limit >= _WATCHED_FOLDERS:
        return Finding("events", "good", said)
    return Finding(
        "events", "warn", said, f"sysctl fs.inotify.max_user_watches={8 * _WATCHED_FOLDERS}; until then scans do it"
    )


async def broker(settings: Mqtt, root: str, watches: Sequence[str] = ()) -> Finding:
    """Whether the broker takes messages from this user below `root`, the beginning of the daemon's topics."""
    from livetomo.publish.mqtt.client import address
    from livetomo.publish.mqtt.trial import trial

    *base, site, instance = root.split("/")
    try:
        outcome = await trial(settings, Topics(site, instance, "/".join(base)), watches)
    except LivetomoError as fault:
        return Finding("broker", "bad", str(fault), "Look at the broker's log, and at [mqtt] in the configuration")
    where = address(settings)
    if outcome.refused:
        kind, why = next(iter(outcome.refused.items()))
        return Finding("broker", "bad", why, f"It refuses {len(outcome.refused)} kinds of messages, {kind} for one")
    if not outcome.silent:
        small = outcome.largest_packet is not None and outcome.largest_packet < _LARGE_PACKET
        said = f"{where} takes messages below {root}"
        if small:
            cure = "Larger messages are sent without their picks: raise the broker's limit, or lower inline_picks"
            return Finding("broker", "warn", f"{said}, of up to {outcome.largest_packet:,} bytes", cure)
        return Finding("broker", "good", said)
    if outcome.back:
        cure = "An ACL drops them in silence: let this user write and read there"
        return Finding("broker", "bad", f"{where}: messages for {', '.join(outcome.silent)} do not come back", cure)
    if settings.protocol == "5":
        said = f"{where} acknowledges messages below {root}, and this user cannot read them"
        return Finding("broker", "warn", said, "Let it read there, too: it clears what earlier runs have left retained")
    return Finding(
        "broker",
        "warn",
        f"it cannot be known whether {where} takes messages: none comes back, and MQTT 3.1.1 cannot report a refusal",
        f'Let this user read below {root}, write protocol = "5" if the broker knows it, or look with mosquitto_sub',
    )
