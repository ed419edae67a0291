"""How much memory this process may ever have, how much of it is free, and whether the kernel ends processes for it."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 2**60
"""Version 1 of cgroups writes "no limit" as a number near 2**63."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that this process can have, in bytes, and whose limit that is, as a part of a sentence."""

    most: int
    whose: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What the operating system says. proc, cgroups: where it says it."""

    proc: Path = _PROC
    cgroups: Path = _CGROUPS

    def bound(self) -> Bound:
        """The narrowest of the machine's memory, the limits of its control groups, and the process's own."""
        bounds = [Bound(self._kilobytes("meminfo", "MemTotal"), "this machine has")]
        bounds += [Bound(limit, "its control group allows") for limit, _ in self._groups()]
        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            # It counts addresses, of which a library reserves far more than it uses.
            reserved = self._kilobytes("self/status", "VmSize") - self._kilobytes("self/status", "VmRSS")
            bounds.append(Bound(max(0, soft - reserved), "the process's limit (ulimit -v) allows"))
        return min(bounds, key=lambda bound: bound.most)

    def free_share(self) -> float:
        """Of the machine's memory or, where that is narrower, of its control group's: what nobody holds; 0..1."""
        shares = [self._kilobytes("meminfo", "MemAvailable") / max(1, self._kilobytes("meminfo", "MemTotal"))]
        shares += [1 - min(used, limit) / limit for limit, used in self._groups() if limit]
        return min(shares)

    def resident(self) -> int:
        """What this process holds, in bytes."""
        return self._kilobytes("self/status", "VmRSS")

    def kills(self) -> int | None:
        """How many processes the kernel has ended so far for want of memory; None where it does not say."""
        for line in self._lines("vmstat"):
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count) + self._kills_in_groups()
        return None

    def _kills_in_groups(self) -> int:
        """Of the groups that this process is in: in a container the machine's count may stand still."""
        found = 0
        for folder in self._folders():
            for name in ("memory.events", "memory.oom_control"):
                lines = dict(line.split(" ", 1) for line in _lines(folder / name) if " " in line)
                found += int(lines.get("oom_kill", 0))
        return found

    def _groups(self) -> Iterator[tuple[int, int]]:
        """Limit and use of each control group that has a limit, in bytes; what can be given back does not count."""
        names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
        for folder in self._folders():
            for limit_name, used_name in names:
                limit = next(iter(_lines(folder / limit_name)), "max")
                if limit.isdigit() and int(limit) < _UNLIMITED:
                    used = int(next(iter(_lines(folder / used_name)), "0"))
                    statistics = dict(line.split(" ", 1) for line in _lines(folder / "memory.stat") if " " in line)
                    cached = statistics.get("total_inactive_file", statistics.get("inactive_file", "0"))
                    yield int(limit), max(0, used - int(cached))

    def _folders(self) -> Iterator[Path]:
        """Of the memory control groups that this process is in, from its own to the root, in both versions."""
        for line in self._lines("self/cgroup"):
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            root = self.cgroups / "memory" if controllers else self.cgroups
            own = root / path.lstrip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root) and folder.is_dir())

    def _kilobytes(self, name: str, key: str) -> int:
        """A line like `MemTotal: 1000 kB`, in bytes; 0 where there is none."""
        for line in self._lines(name):
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
        return 0

    def _lines(self, name: str) -> list[str]:
        return _lines(self.proc / name)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []  # it does not say
