"""A real browser, driven over its DevTools protocol."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

_FLAGS = """
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-port=0 --hide-scrollbars
"""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command; what the page complains about meanwhile is kept."""
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        async for text in self._socket:
            payload = json.loads(text)
            if payload.get("id") == number:
                assert "error" not in payload, payload
                return payload["result"]
            self._listen(payload)
        raise AssertionError("the browser went away")

    async def open(self, url: str) -> None:
        """Go there; return when all of it is loaded."""
        await self.ask("Runtime.enable")
        await self.ask("Log.enable")
        await self.ask("Page.enable")
        await self.ask("Page.navigate", url=url)
        await self._loaded()

    async def follow(self, script: str) -> None:
        """Run a JavaScript expression that leads to another page; return when that is loaded."""
        await self.run(script)
        await self._loaded()

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited where it is a promise."""
        payload = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in payload, payload["exceptionDetails"]
        return payload["result"].get("value")

    async def until(self, condition: str) -> None:
        """Return as soon as a JavaScript expression is true: the page itself reports it, at its next change."""
        await self.run(
            f"""new Promise(resolve => {{
                const look = () => ({condition}) && (watcher.disconnect(), clearInterval(clock), resolve());
                const watcher = new MutationObserver(look);
                const clock = setInterval(look, 250);
                watcher.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});
                look();
            }})"""
        )

    async def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """The window's size and colours."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """What is seen, as PNG."""
        payload = await self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(payload["data"])

    async def _loaded(self) -> None:
        async for text in self._socket:
            payload = json.loads(text)
            self._listen(payload)
            if payload["method"] == "Page.loadEventFired":
                return

    def _listen(self, payload: dict[str, Any]) -> None:
        if payload["method"] == "Log.entryAdded" and payload["params"]["entry"]["level"] == "error":
            self.complaints.append(payload["params"]["entry"]["text"])
        if payload["method"] == "Runtime.exceptionThrown":
            self.complaints.append(str(payload["params"]["exceptionDetails"]))


@asynccontextmanager
async def browse(program: str, profile: Path, *flags: str) -> AsyncIterator[Page]:
    """A fresh browser with one empty tab; ended when left."""
    process = await asyncio.create_subprocess_exec(
        program,
        *_FLAGS.split(),
        *flags,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(120):  # the first start of a machine reads all of it from the disk
            while b"DevTools listening on" not in (line := await process.stderr.readline()):
                assert line, "the browser ended before it listened"
            address = line.decode().split()[-1]
        drain = asyncio.create_task(process.stderr.read())
        async with connect(address, max_size=None) as browser:
            targets = await Page(browser).ask("Target.getTargets")
            (target,) = [each["targetId"] for each in targets["targetInfos"] if each["type"] == "page"]
            tab = f"ws://{address.split('/')[2]}/devtools/page/{target}"
            async with connect(tab, max_size=None) as socket:
                yield Page(socket)
            await Page(browser).ask("Browser.close")
        await asyncio.wait_for(process.wait(), 30)
        await drain
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
