"""Files of a result come whole and as they were published, also those that are too large for memory."""

import errno
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from livetomo.client.api import ApiClient
from livetomo.client.pickset import RemoteFile
from livetomo.client.published_result import remote_result
from livetomo.core.errors import ApiAway, NotAsPublished

CONTENT = bytes(range(256)) * 20_000  # several pieces


class Handler(BaseHTTPRequestHandler):
    """`/whole` is the file; other paths are what may become of it."""

    def do_GET(self) -> None:
        if self.path in ("/404", "/410", "/503"):
            self.send_error(int(self.path[1:]))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        match self.path:
            case "/whole":
                self.wfile.write(CONTENT)
            case "/changed":
                self.wfile.write(CONTENT[:-1] + b"!")
            case "/short":
                self.wfile.write(CONTENT[:-1000])

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[ApiClient]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield ApiClient(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


def file(url: str) -> RemoteFile:
    return RemoteFile("labels.mrc", url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_a_file_is_saved_as_it_was_published(api: ApiClient, tmp_path: Path) -> None:
    assert api.save(file("whole"), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT == api.content(file("whole"))


@pytest.mark.parametrize("url", ["404", "410"])
def test_a_file_that_is_gone_is_no_error(api: ApiClient, tmp_path: Path, url: str) -> None:
    assert not api.save(file(url), tmp_path / "a")
    with pytest.raises(NotAsPublished, match="is gone"):
        api.content(file(url))


@pytest.mark.parametrize("url", ["short", "503"])
def test_what_may_be_whole_later_is_asked_for_again(api: ApiClient, tmp_path: Path, url: str) -> None:
    for fetch in (lambda: api.save(file(url), tmp_path / "a"), lambda: api.content(file(url))):
        with pytest.raises(ApiAway, match=url):
            fetch()


def test_a_file_that_was_changed_is_refused(api: ApiClient, tmp_path: Path) -> None:
    for fetch in (lambda: api.save(file("changed"), tmp_path / "a"), lambda: api.content(file("changed"))):
        with pytest.raises(NotAsPublished, match="its checksum differs"):
            fetch()


def test_a_disk_without_room_for_a_copy_is_waited_for_and_said(
    api: ApiClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, mode: str) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ApiAway, match=r"No room is left for a copy of .*TMPDIR"):
        api.save(file("whole"), tmp_path / "a")


def test_each_file_of_a_result_is_fetched_once_and_nothing_stays_on_disk(api: ApiClient) -> None:
    asked: list[str] = []

    class Counting(ApiClient):
        def result(self, result_id: str) -> dict[str, object]:
            asked.append(result_id)
            facts = {"bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest(), "url": "whole"}
            return {"files": {"labels.mrc": facts}, "excluded": {}}

        def save(self, file: RemoteFile, path: Path) -> bool:
            asked.append(file.name)
            return super().save(file, path)

    with remote_result(Counting(api.url), "r") as result:
        path = result.path("labels.mrc")
        assert path is not None
        assert path == result.path("labels.mrc")
        assert path.stat().st_size == len(CONTENT)
        assert result.path("another.mrc") is None
    assert asked == ["r", "labels.mrc"]
    assert not path.exists()
