"""The token of the HTTP API, as its file has it at the moment: it may come late, and be replaced while we run."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from livetomo.core.errors import SecretUnreadable
from livetomo.core.problems import Problem
from livetomo.system.secret_files import read_token

_LOOK_SECONDS = 1.0


class TokenFile:
    """Reads the file again when it has changed. While it cannot be read, the last token stays in force."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = -_LOOK_SECONDS
        self._version: tuple[int, int, int] | None = None
        self._token: str | None = None
        self._trouble = ""

    def __call__(self) -> str | None:
        """The token; None while there has been none."""
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            self._look()
        return self._token

    def problems(self) -> Iterator[Problem]:
        """Why there is no token, or none that is newer."""
        self()
        if self._trouble:
            what = "The last token stays in force" if self._token else "Without it nothing can be changed over HTTP"
            yield Problem("http", "token", "warning", f'http: "token_file": {self._trouble}. {what}.')

    def _look(self) -> None:
        try:
            facts = self._path.stat()
            version = facts.st_mtime_ns, facts.st_ino, facts.st_size
            if version != self._version or self._trouble:
                self._token, self._version = read_token(self._path), version
            self._trouble = ""
        except OSError as fault:
            self._trouble = f"{self._path} cannot be read ({fault.strerror})"
        except SecretUnreadable as fault:
            self._trouble = str(fault)
