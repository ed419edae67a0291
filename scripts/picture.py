#!/usr/bin/env python3
"""Take the README's picture: run the demo, wait until its page shows every tomogram done, and photograph the page.

Needs chromium. Usage, from the project's folder: .venv/bin/python scripts/picture.py [docs/pictures/page.png]
"""

import asyncio
import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser.chromium import browse

TOMOGRAMS = 6
WIDTH, HEIGHT = 1280, 800
ALL_SHOWN = f"""
    document.querySelectorAll('main img').length >= {TOMOGRAMS}
    && [...document.querySelectorAll('main img')].every(image => image.complete && image.naturalWidth > 0)
"""


async def main(picture: Path) -> None:
    """Run, wait, photograph, stop."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("chromium is not installed (Debian: apt-get install chromium)")
    command = ("-m", "livetomo", "demo", "--port", "0", "--tomograms", str(TOMOGRAMS))
    demo = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    try:
        address = await published(demo)
        with tempfile.TemporaryDirectory() as profile:
            async with browse(browser, Path(profile)) as page:
                await page.look(WIDTH, HEIGHT)
                await page.open(address)
                await page.until(ALL_SHOWN)
                keep(await page.picture(), picture)
    finally:
        demo.terminate()
        await demo.communicate()


def keep(png: bytes, picture: Path) -> None:
    """Write what was photographed, in 256 colours: a quarter of the bytes, and nobody sees the difference."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(picture, optimize=True)


async def published(demo: asyncio.subprocess.Process) -> str:
    """The page's address, as soon as every tomogram has been published."""
    assert demo.stdout is not None
    address, done = "", 0
    async for line in demo.stdout:
        said = line.decode()
        print(said, end="")
        if found := re.match(r"page +(http\S+)", said):
            address = found[1]
        done += ": published" in said
        if done == TOMOGRAMS:
            return address
    sys.exit("the demo ended before every tomogram was published")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures/page.png")))
