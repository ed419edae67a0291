"""`livetomo follow` in its own process, killed and started again at will; what it says stays."""

import asyncio
import json
import shlex
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from livetomo.formats.star import read_loops


class Follower:
    """Followers of one folder, one after the other."""

    def __init__(self, broker: int, output: Path, *options: str) -> None:
        self.output = output
        self.complaints = output.with_name(f"{output.name}.stderr")
        self.printed = output.with_name(f"{output.name}.stdout")
        self._words = ("--broker", f"mqtt://127.0.0.1:{broker}", "--feature", "ribosome", "--output", str(output))
        self._options = options
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *more: str) -> None:
        with self.complaints.open("ab") as stderr, self.printed.open("ab") as stdout:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "livetomo", "follow", *self._words, *self._options, *more),
                stdout=stdout,
                stderr=stderr,
            )

    async def kill(self) -> None:
        assert self.process is not None
        assert self.process.returncode is None, self.complaints.read_text()
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def ended(self, seconds: float = 60) -> int:
        assert self.process is not None
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    def picks(self, session: str = "monday") -> dict[str, int]:
        """How many picks of each tomogram its particles file has."""
        star = self.output / "krios1" / session / "ribosome.star"
        return picks_in(star) if star.exists() else {}

    def state(self) -> dict[str, Any]:
        """What it has stored."""
        path = self.output / "follow.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def given(self) -> int:
        """How many tomograms the command was given, as it is stored."""
        return sum(len(each["given"]) for each in self.state().get("sessions", ()))

    def runs(self, session: str = "monday") -> list[Path]:
        """The folders of the command's runs, in order."""
        return sorted((self.output / "krios1" / session / "runs").glob("*"))

    def said(self, words: str) -> int:
        """How often it has said this."""
        return self.complaints.read_text().count(words)


def picks_in(star: Path) -> dict[str, int]:
    return dict(Counter(read_loops(star)["particles"]["rlnTomoName"]))


def python(code: str) -> str:
    """A command that runs this Python, with the star as its first argument."""
    return f"{sys.executable} -c {shlex.quote(code)} {{star}}"


@asynccontextmanager
async def follower(broker: int, output: Path, *options: str, starts: bool = True) -> AsyncIterator[Follower]:
    one = Follower(broker, output, *options)
    if starts:
        await one.start()
    try:
        yield one
    finally:
        if one.process is not None and one.process.returncode is None:
            await one.kill()


async def until(found: Callable[[], Any], wanted: Any, seconds: float = 90) -> None:
    """Return when `found` gives `wanted`."""
    last = None
    try:
        async with asyncio.timeout(seconds):
            while (last := found()) != wanted:  # noqa: ASYNC110 (files have no bell)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{last} where {wanted} is wanted") from None
