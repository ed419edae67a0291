"""A person's browser sees tomograms appear, without asking again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from livetomo.core.average_summary import AverageSummary
from livetomo.core.quality.metric import Quality
from livetomo.core.status import WatchState
from livetomo.core.tomogram import Fault
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.server import Server, bind_tcp
from tests.browser.chromium import Page, browse
from tests.web.site import SESSION, FakeDaemon, site

TILES = "[...document.querySelectorAll('.tile')]"


@asynccontextmanager
async def looking_at(
    daemon: FakeDaemon, program: str, profile: Path, rules: AccessRules | None = None
) -> AsyncIterator[Page]:
    server = Server(create_app(site(daemon), rules or AccessRules()), bind_tcp("127.0.0.1", 0))
    serving = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(180), browse(program, profile) as page:
            await page.open(f"http://127.0.0.1:{server.port}/")
            yield page
    finally:
        serving.cancel()
        await asyncio.wait([serving])


def tile(name: str, what: str) -> str:
    return f"{TILES}.find(tile => tile.querySelector('.name')?.title == '{name}')?.{what}"


async def test_tomograms_appear_and_change_while_the_page_is_open(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until("document.body.innerText.includes('No tomogram has landed yet')")
        await daemon.arrive("TS_01")
        await page.until(f"{tile('TS_01', 'innerText')}?.includes('waiting')")
        claim = await daemon.begin()
        await page.until(f"{tile('TS_01', 'innerText')}?.includes('running')")
        await daemon.finish(claim, picks=1234)
        await page.until(f"{tile('TS_01', 'innerText')}?.includes('1,234 ribosome picks')")
        await page.until(f"{tile('TS_01', 'querySelector')}('img')?.naturalWidth == 256")
        assert "thicker than 2,500 Å" in await page.run(tile("TS_01", "innerText"))
        await daemon.arrive("TS_02", fault=Fault("permanent", "truncated volume", "TS_02.mrc ends early."))
        await page.until(f"{tile('TS_02', 'innerText')}?.includes('TS_02.mrc ends early.')")
        assert await page.run(f"{TILES}.map(tile => tile.querySelector('.name').textContent)") == ["TS_02", "TS_01"]
        daemon.state = replace(daemon.state, watches=(WatchState("krios1", False, "/data/krios1 does not answer"),))
        await page.until("document.getElementById('problems').innerText.includes('/data/krios1 does not answer')")
        assert page.complaints == []


async def test_what_happens_while_the_page_is_only_just_opening_is_seen(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    daemon.late = 2.0  # until the stream of events is open
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until("document.body.innerText.includes('No tomogram has landed yet')")
        await daemon.arrive("TS_01")
        await page.until(f"{tile('TS_01', 'innerText')}?.includes('waiting')")


async def test_the_page_says_how_the_session_goes_and_how_far_it_is(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    daemon.catalog.sessions.aim("krios1", SESSION, {"ribosome": 1500})
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        for number in range(3):
            await daemon.arrive(f"TS_{number}")
            await daemon.finish(picks=400)
        verdict = "document.getElementById('verdict')"
        await page.until(f"{verdict}.innerText.includes('1,200 of 1,500 ribosome')")
        await page.until(f"{verdict}.innerText.includes('The last tomograms are warn: thickness in 3 of 3: thicker')")
        await page.until("document.querySelector('nav .first .light')?.classList.contains('warn')")
        await daemon.arrive("TS_4")
        await daemon.finish(picks=400)
        await page.until(f"{verdict}.innerText.includes('1,600 of 1,500 ribosome, reached')")
        assert page.complaints == []


async def test_a_tile_opens_the_figures_the_pictures_and_the_files(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01")
    await daemon.finish()
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(f"{TILES}.length == 1")
        await page.run(f"{TILES}[0].click()")
        await page.until("document.querySelector('dialog').open")
        text = await page.run("document.querySelector('dialog').innerText")
        for words in ("thickness", "2,900 Å", "ribosome.relion5.star", "128 × 128 × 64 voxels of 13.5 Å"):
            assert words in text
        await page.until("document.querySelector('dialog img').naturalWidth == 900")
        link = await page.run("document.querySelector('dialog a').href")
        assert await page.run(f"fetch('{link}').then(answer => answer.text())") == "data_particles\n"
        assert page.complaints == []


async def test_names_are_text_and_never_markup(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    evil = "<img src=x onerror=alert(1)>"
    await daemon.arrive(evil, session="<b>session</b>")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(f"{TILES}.length == 1")
        assert await page.run(f"{TILES}[0].querySelector('.name').textContent") == evil
        assert await page.run("document.querySelectorAll('.tile img, #sessions b').length") == 0


async def test_five_hundred_tomograms_are_shown_and_filtered_at_once(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    for number in range(500):
        fault = Fault("permanent", "not an MRC file", "It is text.") if number % 10 == 0 else None
        await daemon.arrive(f"Position_{number}", fault=fault)
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(f"{TILES}.length == 500")
        took = await page.run(
            "(() => { const begun = performance.now();"
            "[...document.querySelectorAll('#filters button')].find(b => b.innerText.includes('failed')).click();"
            "document.body.offsetHeight; return performance.now() - begun; })()"
        )
        assert await page.run(f"{TILES}.filter(tile => !tile.hidden).length") == 50
        assert took < 500


@pytest.mark.parametrize("session", ["another session"])
async def test_the_newest_session_is_followed_until_a_person_chooses(
    chromium: str, tmp_path: Path, session: str
) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(f"document.getElementById('title').innerText == '{SESSION}'")
        await daemon.arrive("TS_01", session=session)
        await page.until(f"document.getElementById('title').innerText == '{session}'")
        await page.run(f"document.querySelector('[title=\"{SESSION}\"]').closest('button').click()")
        await page.until(f"document.getElementById('title').innerText == '{SESSION}'")
        await daemon.arrive("TS_02", session=session)
        await page.until("document.querySelectorAll('#sessions button')[0].innerText.includes('of 2')")
        assert await page.run("document.getElementById('title').innerText") == SESSION


async def test_a_dashboard_on_another_site_shows_the_latest_picture(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01")
    await daemon.finish()
    grafana = await asyncio.start_server(serve_blank_page, "127.0.0.1", 0)
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        address = await page.run("location.origin")
        await page.open(f"http://127.0.0.1:{grafana.sockets[0].getsockname()[1]}/")
        await page.run(f"document.body.append(Object.assign(new Image, {{src: '{address}/api/v1/latest/tile.png'}}))")
        await page.until("document.querySelector('img').naturalWidth == 256")
        assert "Failed to fetch" in await page.run(f"fetch('{address}/api/v1/status').catch(fault => fault.message)")
    grafana.close()


async def serve_blank_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<body>")
    await writer.drain()
    writer.close()


async def test_a_reader_from_elsewhere_gives_the_token_once(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01")
    rules = AccessRules(open_reading=False, token=lambda: "key")
    async with looking_at(daemon, chromium, tmp_path / "profile", rules) as page:
        await page.until("document.querySelector('input[name=token]')")
        await page.run("document.querySelector('input[name=token]').value = 'key'")
        await page.follow("document.querySelector('form').submit()")
        await page.until(f"{TILES}.length == 1")


HEADER = "document.querySelector('header')"
PROBLEMS = "document.getElementById('problems').innerText"


async def test_a_microscope_of_which_all_fails_is_red_within_one_event(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    fault = Fault("permanent", "truncated volume", "It ends early.")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        for number in range(4):
            await daemon.arrive(f"TS_{number}", fault=fault)
        await page.until(f"{tile('TS_3', 'innerText')}?.includes('It ends early.')")
        assert not await page.run(f"{HEADER}.classList.contains('critical')")
        await daemon.arrive("TS_4", fault=fault)
        async with asyncio.timeout(5):
            await page.until(f"{HEADER}.classList.contains('critical')")
        assert "The last 5 tomograms of krios1 all failed (truncated volume)." in await page.run(PROBLEMS)
        assert await page.run("document.querySelector('#problems code').innerText") == "livetomo failed list"
        assert "`" not in await page.run(PROBLEMS)
        assert "krios1, 5 failed in a row" in await page.run("document.getElementById('state').innerText")
        assert await page.run("document.querySelector('nav .light').getAttribute('aria-label')") == "bad"


async def test_a_daemon_that_is_dead_is_seen_within_seconds_and_one_that_is_back_is_too(
    chromium: str, tmp_path: Path
) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(f"{tile('TS_01', 'innerText')}?.includes('waiting')")
        daemon.hangs = True  # as one that is stopped, or behind a network that is cut: the connection stays open
        async with asyncio.timeout(9):
            await page.until("document.body.classList.contains('silent')")
        assert "livetomo has given no answer since" in await page.run(PROBLEMS)
        assert await page.run(f"getComputedStyle({HEADER}).opacity") == "0.5"
        daemon.answer_again()
        async with asyncio.timeout(15):
            await page.until("!document.body.classList.contains('silent')")
        assert await page.run("document.getElementById('problems').hidden")


async def test_a_session_that_is_left_while_its_events_arrive_is_no_error(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01", session="monday")
    await daemon.arrive("TS_01", session="tuesday")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until("document.getElementById('title').innerText == 'tuesday'")
        await page.run("[...document.querySelectorAll('nav button')].find(b => b.innerText.includes('monday')).click()")
        await page.until("document.getElementById('title').innerText == 'monday'")
        for number in range(2, 6):
            await daemon.arrive(f"TS_0{number}", session="monday")
            # Between an event and the look at what it concerns, which comes shortly after.
            await page.run(
                """new Promise(done => setTimeout(() => {
                    const wanted = document.getElementById('title').innerText == 'monday' ? 'tuesday' : 'monday';
                    [...document.querySelectorAll('nav button')].find(b => b.innerText.includes(wanted)).click();
                    setTimeout(done, 700);
                }, 150))"""
            )
            assert await page.run("document.getElementById('problems').hidden"), await page.run(PROBLEMS)
        assert page.complaints == []


async def test_totals_are_the_daemon_s_and_older_tomograms_can_be_had(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    fault = Fault("permanent", "truncated volume", "It ends early.")
    for number in range(1050):
        await daemon.arrive(f"Position_{number}", fault=fault)
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until("document.getElementById('totals').innerText.startsWith('1,050 tomograms')")
        assert "failed 1,050" in await page.run("document.getElementById('filters').innerText")
        assert await page.run(f"{TILES}.length") == 1000
        assert "1,000 of 1,050" in await page.run("document.getElementById('older').innerText")
        await page.run("document.getElementById('older').click()")
        await page.until(f"{TILES}.length == 1050")
        assert await page.run("document.getElementById('older').hidden")


@pytest.mark.parametrize(
    "names", [[f"Position_{n}_{n + 1}" for n in (1, 12, 123)], ["20261119_yeast_lamella_12_ts_003"]]
)
async def test_each_tile_shows_the_end_of_its_name(chromium: str, tmp_path: Path, names: list[str]) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    for name in names:
        await daemon.arrive(name)
        await daemon.finish()
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        for width in (420, 1280):
            await page.look(width, 800)
            await page.until(f"{TILES}.length == {len(names)}")
            cut = await page.run(
                f"""{TILES}.filter(tile => {{
                    const tail = tile.querySelector('.name .tail').getBoundingClientRect();
                    const all = tile.getBoundingClientRect();
                    return tail.width < 20 || tail.right > all.right;
                }}).length"""
            )
            assert cut == 0


async def test_what_nobody_judged_is_neutral(chromium: str, tmp_path: Path) -> None:
    """Grey, like a figure that is missing, and never the green of what has met a limit."""
    daemon = FakeDaemon(tmp_path / "out")
    quality = {"band_snr": Quality("band_snr", 2.0, "")}
    for number in range(3):
        await daemon.arrive(f"TS_{number}")
        await daemon.finish(quality=quality, verdict="unjudged")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until("document.getElementById('filters').innerText.includes('unjudged 3')")
        colours = await page.run(
            "[...document.querySelectorAll('.light.unjudged')].map(one => getComputedStyle(one).backgroundColor)"
        )
        assert len(colours) >= 5, "three tiles, the session and the filter"
        assert set(colours) == {"rgb(139, 148, 156)"}
        assert "The last tomograms are unjudged" in await page.run("document.getElementById('verdict').innerText")


async def test_picks_are_shown_with_how_many_of_them_are_expected_to_be_false(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    for name, false in (("TS_1", 0.1), ("TS_2", None)):
        await daemon.arrive(name)
        await daemon.finish(picks=120, false=false)
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(
            "document.getElementById('totals').innerText.includes('240 ribosome picks (about 12 of 120 false)')"
        )
        tiles = await page.run(f"{TILES}.map(tile => tile.querySelector('.picks').textContent)")
        assert tiles == ["120 ribosome picks", "120 ribosome picks (about 12 false)"]
        await page.run(f"{TILES}[1].click()")
        await page.until("document.getElementById('detail').innerText.includes('about 12 of them false (6 to 24)')")


async def test_what_could_not_be_looked_for_has_its_reason_and_no_number(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_1")
    await daemon.finish(picks=0, missing="voxels of 100 Å are outside the range")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await page.until(f"{TILES}.length == 1")
        await page.run(f"{TILES}[0].click()")
        said = "missing: voxels of 100 Å are outside the range"
        await page.until(f"document.getElementById('detail').innerText.includes('{said}')")
        assert "0 candidates" not in await page.run("document.getElementById('detail').innerText")


async def test_the_page_shows_an_average_and_says_whether_it_is_the_particle(chromium: str, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    (daemon.folder / "average").mkdir(parents=True)
    Image.new("RGB", (1116, 276), "white").save(daemon.folder / "average" / "ribosome.png")
    async with looking_at(daemon, chromium, tmp_path / "profile") as page:
        await daemon.arrive("TS_0")
        await page.until(f"{tile('TS_0', 'innerText')}?.includes('waiting')")
        assert await page.run("document.getElementById('averages').innerText") == ""
        made = AverageSummary(1150, 6, 0.28, 0.02, 40.4, "2026-11-20T12:00:00Z")
        daemon.averages = {"ribosome": made}
        await daemon.finish()
        await page.until("document.querySelector('#averages img')?.naturalWidth == 1116")
        said = "document.getElementById('averages').innerText"
        assert await page.run(said) == (
            "1,150 picks of ribosome in 6 tomograms: signal 14 times chance, halves agree to 40 Å. "
            "A look, not a refinement."
        )
        daemon.averages = {"ribosome": replace(made, signal=0.03, tomograms=1)}
        await daemon.arrive("TS_1")
        await page.until(f"{said}.includes('in 1 tomogram: no more than chance so far.')")
        daemon.averages = {"ribosome": replace(made, by_chance=-0.01, resolution_angstrom=None)}
        await daemon.arrive("TS_2")
        await page.until(f"{said}.includes('signal where chance gives none. A look')")
        daemon.averages = {}
        await daemon.arrive("TS_3")
        await page.until(f"{said} == ''")
        assert page.complaints == []
