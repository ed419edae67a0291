"""A result as the daemon's HTTP API serves it, file by file, for what is asked beyond its messages."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livetomo.client.api import ApiClient
from livetomo.client.pickset import RemoteFile
from livetomo.core.errors import NotAsPublished


class RemoteResult:
    """One result; each method waits for the daemon, and each file is fetched once.

    Every method raises ApiAway where the daemon does not answer at the moment.
    """

    def __init__(self, api: ApiClient, result_id: str, folder: Path) -> None:
        self._api = api
        self._result_id = result_id
        self._folder = folder
        self._body: Mapping[str, Any] | None = None
        self._contents: dict[str, bytes] = {}
        self._paths: dict[str, Path | None] = {}

    def body(self) -> Mapping[str, Any]:
        """The manifest, as JSON, and where picks do not count by now: `excluded`, boxes by feature.

        Raises:
            NotAsPublished: there is no such result any more.
        """
        if self._body is None:
            body = self._api.result(self._result_id)
            if not all(isinstance(body.get(key, {}), Mapping) for key in ("files", "excluded")):
                raise NotAsPublished(f"the manifest of its result {self._result_id} is none")
            self._body = body
        return self._body

    @property
    def excluded(self) -> Mapping[str, Any]:
        """Where picks did not count, by feature, when this was asked; nothing where nothing has asked."""
        excluded: Mapping[str, Any] = {} if self._body is None else self._body.get("excluded", {})
        return excluded

    def content(self, name: str) -> bytes:
        """A file of the result.

        Raises:
            NotAsPublished: it is gone, or is not what was published.
        """
        if name not in self._contents:
            file = self._file(name)
            if file is None:
                raise NotAsPublished(f"its result has no {name}")
            self._contents[name] = self._api.content(file)
        return self._contents[name]

    def path(self, name: str) -> Path | None:
        """The same on disk, for a file that is large; None where it was not published, or is gone.

        Raises:
            NotAsPublished: it is not what was published.
        """
        if name not in self._paths:
            file, path = self._file(name), self._folder / str(len(self._paths))
            self._paths[name] = path if file is not None and self._api.save(file, path) else None
        return self._paths[name]

    def _file(self, name: str) -> RemoteFile | None:
        facts = self.body().get("files", {}).get(name)
        try:
            return None if facts is None else RemoteFile(name, facts["url"], facts["sha256"], facts["bytes"])
        except (LookupError, TypeError):
            raise NotAsPublished(f"the manifest of its result {self._result_id} does not say where {name} is") from None


@contextmanager
def remote_result(api: ApiClient, result_id: str) -> Iterator[RemoteResult]:
    """A result whose files on disk are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="livetomo-") as folder:
        yield RemoteResult(api, result_id, Path(folder))
