"""Child processes that speak JSON, one message a line: the only way in which livetomo's processes talk.

A child never outlives its parent: its standard input ends when the parent is gone, however that went, and it ends too;
where the kernel can, it is killed, for what it is at (a library's call, a hung mount, Python's own way out) may never
end.
What a library prints by mistake goes to standard error, never between the messages.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from livetomo.system.end_child import end, kill
from livetomo.system.json_parent import Message

_LONGEST_LINE_BYTES = 256 * 2**20


class ChildGone(Exception):
    """The child has ended, so nothing can be sent to it any more."""


class JsonChild:
    """The parent's side. Iterating yields messages until the child has ended."""

    def __init__(self, process: asyncio.subprocess.Process, log: Callable[[str], None]) -> None:
        self._process = process
        self._errors = asyncio.create_task(self._follow_errors(log))

    @classmethod
    async def start(
        cls, argv: Sequence[str], *, log: Callable[[str], None], env: Mapping[str, str] | None = None
    ) -> "JsonChild":
        """Start `argv`, in a session of its own so that a terminal's Ctrl-C reaches the parent alone.

        `env` is added to this process's environment; `log` gets each line of the child's standard error.
        """
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(env or {})},
            limit=_LONGEST_LINE_BYTES,
            start_new_session=True,
        )
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    async def send(self, message: Message) -> None:
        """Send the child a message; `ChildGone` when it has ended."""
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing() or self._process.returncode is not None:
            raise ChildGone
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            await stdin.drain()
        except ConnectionError:
            raise ChildGone from None

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Its messages, in order, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):  # a line cut short by the child's death is no message
                yield json.loads(line)

    def kill(self) -> None:
        """Kill it and what it has started, whatever they are doing."""
        kill(self)

    async def end(self) -> bool:
        """Kill it and reap it; whether it has ended, which one that waits in the kernel for a file system has not."""
        return await end(self)

    async def wait(self) -> int:
        """Its exit code, once it has ended and its last words are logged."""
        code = await self._process.wait()
        await self._errors
        return code

    async def _follow_errors(self, log: Callable[[str], None]) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            log(line.decode(errors="replace").rstrip())
