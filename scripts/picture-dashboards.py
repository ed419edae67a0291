#!/usr/bin/env python3
"""Take the pictures of the dashboards: a demo, a real Prometheus beside it with the project's rules, and chromium.

Usage, from the project's folder: .venv/bin/python scripts/picture-dashboards.py [docs/pictures]
"""

import asyncio
import io
import json
import re
import shutil
import sys
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from dashboards.drawing import Prometheus, page
from tests.browser.chromium import browse
from tests.servers import Prometheus as Server

ROOT = Path(__file__).parents[1]
TOMOGRAMS = 10


async def main(pictures: Path) -> None:
    """Run, wait, draw, photograph, stop."""
    with tempfile.TemporaryDirectory() as folder:
        demo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "livetomo", "demo", "--port", "0", "--tomograms", str(TOMOGRAMS)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert demo.stdout is not None
        address, server, begun, done = "", None, time.time(), 0
        try:
            while done < TOMOGRAMS:
                line = (await demo.stdout.readline()).decode()
                assert line, "the demo ended"
                done += " published " in line
                if server is None and (found := re.search(r"http://([\d.:]+)", line)):
                    address = found[0]
                    server = await watched(Path(folder), found[1])
            assert server is not None
            await asyncio.sleep(5)
            variables = {"watch": ".*", "instance": ".*", "livetomo": address, "__to": "0"}
            prometheus = Prometheus(server.url, begun, time.time(), variables)
            await photograph(prometheus, Path(folder), pictures)
        finally:
            demo.terminate()
            await demo.communicate()
            if server is not None:
                await server.stop()


async def watched(folder: Path, target: str) -> Server:
    """A Prometheus with the project's own files, which looks every second."""
    files = folder / "prometheus"
    shutil.copytree(ROOT / "deploy" / "prometheus", files)
    for path in files.rglob("*.yml"):
        path.write_text(re.sub(r"(interval: )\d+s", r"\g<1>1s", path.read_text()))
    (files / "secrets").mkdir()
    (files / "secrets" / "livetomo-token").touch()
    (files / "targets" / "livetomo" / "livetomo.yml").write_text(json.dumps([{"targets": [target]}]))
    server = Server(shutil.which("prometheus") or "prometheus", files / "prometheus.yml", folder / "data")
    await server.start()
    return server


async def photograph(prometheus: Prometheus, folder: Path, pictures: Path) -> None:
    """Each dashboard as it is now."""
    # A page that is only opened, not served, may show no pictures of livetomo's.
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    async with browse(shutil.which("chromium") or "chromium", folder / "profile") as tab:
        for path in sorted((ROOT / "dashboards").glob("*.json")):
            board = json.loads(path.read_text())
            (folder / f"{path.stem}.html").write_text(page(board, prometheus))
            bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
            await tab.look(1500, bottom * 42 + 70)
            await tab.open(f"http://127.0.0.1:{serving.server_port}/{path.stem}.html")
            picture = Image.open(io.BytesIO(await tab.picture()))
            picture.convert("RGB").quantize(128).save(pictures / f"{path.stem}.png", optimize=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")))
