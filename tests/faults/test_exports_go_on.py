"""One tomogram never costs another one's export: neither by its name nor by a damaged result, and that is said."""

import asyncio
import json
import urllib.request

import starfile

from livetomo.results.session_files import read_names

NAMES = ("Position_1", "Position 2", "it's #3")


async def shown(daemon, path: str) -> str:
    """What the daemon that was started last shows at `path`; nothing where it is not there yet."""
    urls = [record["url"] for record in daemon.records() if record.get("message") == "started"]
    try:
        return await asyncio.to_thread(lambda: urllib.request.urlopen(urls[-1] + path, timeout=5).read().decode())
    except (OSError, IndexError):
        return ""


async def until(what, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await what():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_hostile_name_and_a_damaged_result_leave_the_others_exported_and_are_an_alert(daemon, listener):
    particles = daemon.output / "krios1" / "monday" / "particles"

    def names() -> set[str]:
        known = read_names(particles)
        return {known.get(name, name) for name in starfile.read(particles / "tomograms.star")["rlnTomoName"]}

    for number, name in enumerate(NAMES):
        daemon.land(name, seed=number)
    await daemon.start()
    await listener.until(lambda heard: len(heard.results()) == len(NAMES))
    await daemon.stop()
    await daemon.start()  # what was missed is written at once

    async def all_are_written() -> bool:
        return (particles / "tomograms.star").exists() and names() == set(NAMES)

    await until(all_are_written)
    assert "exports" not in await shown(daemon, "metrics")
    await daemon.stop()
    (star,) = daemon.output.glob("krios1/monday/tomograms/Position_1/r*/candidates/ribosome.relion5.star")
    star.write_bytes(bytes(star.stat().st_size))
    await daemon.start()

    async def is_said() -> bool:
        return 'livetomo_problem{kind="exports",severity="critical",subject="krios1"} 1.0' in await shown(
            daemon, "metrics"
        )

    await until(is_said)
    status = json.loads(await shown(daemon, "api/v1/status"))["status"]
    (problem,) = [each for each in status["problems"] if each["kind"] == "exports"]
    assert "lack Position_1" in problem["message"]
    assert names() == set(NAMES[1:])
    assert "lack Position_1" in daemon.log.read_text()
