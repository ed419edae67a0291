"""Files of a result folder: only what its manifest lists, found through the catalog, never by a path from outside."""

from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from livetomo.catalog.queries import ResultView
from livetomo.results.average.names import ENDINGS
from livetomo.web.read_model import View
from livetomo.web.responses import number, required

_TYPES = {".png": "image/png", ".star": "text/plain; charset=utf-8", ".json": "application/json", ".csv": "text/csv"}
_HEADERS = {
    "cache-control": "private, max-age=31536000, immutable",  # a result folder never changes
    "content-security-policy": "default-src 'none'; sandbox",
}
# Grafana is another site, and shows pictures; to read them, a page needs more than to show them.
_EMBEDDED = {"cross-origin-resource-policy": "cross-origin"}


class Files:
    """Serves what results hold."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def file(self, request: Request) -> Response:
        """A file by its name inside the result folder."""
        return await self._serve(request.path_params["result_id"], request.path_params["name"])

    async def preview(self, request: Request) -> Response:
        """A picture by its bare name."""
        return await self._serve(request.path_params["result_id"], f"preview/{request.path_params['name']}")

    async def latest(self, request: Request) -> Response:
        """A picture of the last result, or of the n-th before it; for dashboards, which know no result's id."""
        watches = [name for name in request.query_params.get("watch", "").split(",") if name not in ("", ".*")]
        result_id = await self._view.latest_result(watches, number(request, "n", 0, most=1000))
        if result_id is None:
            raise HTTPException(404, "there are fewer results")
        where = f"../results/{result_id}/preview/{quote(request.path_params['name'])}"
        return RedirectResponse(where, 307, _EMBEDDED)

    async def average(self, request: Request) -> Response:
        """A file of a session's averages: a picture, a volume, the numbers. It is made anew after each result."""
        name = request.path_params["name"]
        folder = self._view.average_folder(required(request, "watch"), required(request, "session"))
        content = None
        if folder is not None and name.endswith(ENDINGS):
            content = await run_in_threadpool(_content, folder / name)
        if content is None:
            raise HTTPException(404, "the session has no such average")
        kind = _TYPES.get(Path(name).suffix, "application/octet-stream")
        headers = _HEADERS | {"cache-control": "no-cache"} | (_EMBEDDED if kind == "image/png" else {})
        return Response(content, media_type=kind, headers=headers)

    async def _serve(self, result_id: str, name: str) -> Response:
        result = await self._view.result(result_id)
        if result is None:
            raise HTTPException(404, f"there is no result {result_id}")
        if name != "result.json" and name not in result.manifest.files:
            raise HTTPException(404, "the result holds no such file")
        path = await run_in_threadpool(_inside, result, name)
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        headers = _HEADERS | (_EMBEDDED if kind == "image/png" else {})
        return FileResponse(
            path, media_type=kind, filename=path.name, headers=headers, content_disposition_type="inline"
        )


def _content(path: Path) -> bytes | None:
    """Read at once: another file may take its place at any time."""
    try:
        return None if path.is_symlink() else path.read_bytes()
    except (OSError, ValueError):  # it is not there, or no file can have such a name
        return None


def _inside(result: ResultView, name: str) -> Path:
    """The path of a listed file, where it really lies in the folder."""
    folder = Path(result.folder)
    path = folder / name
    try:
        if path.resolve(strict=True).is_relative_to(folder.resolve(strict=True)) and path.is_file():
            return path
    except OSError as fault:
        raise HTTPException(410, f"the file cannot be read any more ({fault.strerror})") from None
    raise HTTPException(410, "the file is no longer where it was committed")
