"""A session's report: one file that says what happened, wherever it is opened, and that asks nobody."""

import asyncio
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.cli import livetomo_command
from livetomo.config.model_card import Canonical, Card, Layout, package_digest
from livetomo.core.errors import ConfigurationError
from livetomo.core.manifest import NetworkUsed, PluginUsed
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import Fault
from livetomo.processing.networks.package import save_model
from livetomo.processing.networks.unet import Network
from livetomo.results.manifest import write_manifest
from livetomo.web.report import provenance
from livetomo.web.report.page import page
from livetomo.web.report.pictures import chosen
from livetomo.web.report.plots import measured, plot, said
from livetomo.web.report.session import Row, of_catalog, of_folder
from tests.browser.chromium import browse
from tests.publish.event_logs import manifest, named
from tests.web.site import SESSION, FakeDaemon

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.fixture
async def daemon(tmp_path: Path):
    """Two tomograms done, one failed, one waiting; the catalog is open, as a running daemon has it."""
    daemon = FakeDaemon(tmp_path / "out" / "krios1")
    (tmp_path / "state").mkdir()
    daemon.catalog = Catalog(open_database(tmp_path / "state" / "catalog.sqlite"), site="facility", instance="main")
    for name in ("TS_2", "TS_10"):
        await daemon.arrive(name)
        await daemon.finish()
    await daemon.arrive("TS_3", fault=Fault("permanent", "truncated volume", "TS_3.mrc ends early."))
    await daemon.arrive("TS_4")
    (tmp_path / "data").mkdir()
    (tmp_path / "livetomo.toml").write_text(
        f'site = "facility"\nstate = "{tmp_path}/state"\noutput = "{tmp_path}/out"\n'
        f'[[watch]]\nname = "krios1"\npath = "{tmp_path}/data"\nsession = "{{session}}"\n'
    )
    yield daemon
    daemon.catalog.db.close()


def report(tmp_path: Path, *words: str) -> tuple[str, str]:
    """What the command prints, and the file that it writes."""
    output = tmp_path / "report.html"
    arguments = ["sessions", "report", *words, "--output", str(output), "--config", str(tmp_path / "livetomo.toml")]
    done = CliRunner().invoke(livetomo_command, arguments, catch_exceptions=False)
    return done.output, output.read_text()


async def test_a_report_is_made_from_the_catalog_of_a_running_daemon(daemon, tmp_path):
    printed, text = await asyncio.to_thread(report, tmp_path, SESSION)
    assert "4 tomograms" in printed
    assert "TS_3.mrc ends early." in text
    assert "thicker than 2,500 Å" in text
    assert text.count("data:image/jpeg") == 2
    assert re.findall(r"</i>(TS_\d+)", text)[:2] == ["TS_2", "TS_10"]


async def test_without_a_daemon_and_its_catalog_the_result_folders_are_enough(daemon, tmp_path):
    session = tmp_path / "kept" / SESSION
    for name in ("TS_2", "TS_10"):
        shutil.copytree(tmp_path / "out" / "krios1" / SESSION / name, session / "tomograms" / name)
        (session / "tomograms" / name / "r1").rename(session / "tomograms" / name / "r1-abababab")
    _, text = await asyncio.to_thread(report, tmp_path, str(session))
    assert "TS_10" in text
    assert "are not known here" in text
    assert "ends early" not in text


@pytest.mark.parametrize("words", [["tuesday"], [SESSION, "--watch", "krios2"]], ids=" ".join)
async def test_an_unknown_session_is_said_to_be_one(daemon, tmp_path, words):
    with pytest.raises(ConfigurationError, match="is neither a folder nor a session"):
        await asyncio.to_thread(report, tmp_path, *words)


async def test_the_catalog_is_only_read(daemon, tmp_path):
    from livetomo.catalog.database import read_database

    with pytest.raises(Exception, match="readonly"):
        read_database(tmp_path / "state" / "catalog.sqlite").execute("DELETE FROM events")
    with pytest.raises(ConfigurationError, match="there is no catalog"):
        read_database(tmp_path / "elsewhere.sqlite")


async def test_a_browser_shows_it_without_asking_anybody(daemon, chromium, tmp_path):
    name = "<img src=http://example.org/x onerror=alert(1)>"
    await daemon.arrive(name)
    await daemon.finish(await daemon.begin())  # TS_4
    await daemon.finish(quality=named(Quality("thickness", 900.0, "Å", "good")), verdict="good")
    path = tmp_path / "report.html"
    path.write_text(page(of_catalog(daemon.catalog, "krios1", SESSION), now=NOW))
    async with asyncio.timeout(180), browse(chromium, tmp_path / "profile") as tab:
        await tab.open(path.as_uri())
        assert await tab.run("[...document.images].map(image => image.naturalWidth > 0)") == [True] * 4
        assert await tab.run("document.querySelectorAll('svg path.warn').length") == 1
        assert name in await tab.run("document.body.innerText")
        asking = "[...document.querySelectorAll('[src], [href], script')].filter(one => !one.src?.startsWith('data:'))"
        assert await tab.run(f"{asking}.length + performance.getEntriesByType('resource').length") == 0
        for width in (1440, 390):  # a desk's screen, and a phone's
            await tab.look(width, 844)
            assert await tab.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert tab.complaints == []


def rows(count: int, poor: dict[int, str]) -> list[Row]:
    return [
        Row(f"TS_{number}", 1, "done", manifest=manifest(f"TS_{number}", verdict=poor.get(number, "good")))
        for number in range(count)
    ]


def test_of_many_pictures_the_bad_ones_are_there_and_the_others_are_spread():
    picked = [row.name for row in chosen(rows(500, {333: "bad", 334: "warn"}), 100)]
    assert len(picked) == len(set(picked)) == 100
    assert {"TS_333", "TS_334", "TS_0"} <= set(picked)
    assert [int(name[3:]) for name in picked] == sorted(int(name[3:]) for name in picked)
    assert sum(int(name[3:]) >= 250 for name in picked) > 40
    assert len(chosen(rows(500, dict.fromkeys(range(300), "bad")), 100)) == 100


def test_what_the_last_tomograms_of_a_folder_were_unlike_the_session_in_is_reported(tmp_path):
    for number in range(12):
        value = 1800.0 + 10 * (number % 3) if number < 11 else 2600.0
        written = manifest(
            f"TS_{number}",
            session="monday",
            quality=named(Quality("thickness", value, "Å", "good")),
            verdict="good",
            finished=f"2026-11-20T10:{number:02}:00Z",
            result_id=str(number),
        )
        folder = tmp_path / "tomograms" / f"TS_{number}" / "r1-abababab"
        folder.mkdir(parents=True)
        write_manifest(folder, written)
    session = of_folder(tmp_path)
    assert session.verdicts() == {"good": 11, "warn": 1}
    assert session.rows[-1].reasons[0].startswith("unusual for this session: thickness")
    assert [row.name for row in session.rows] == [f"TS_{number}" for number in range(12)]


def test_a_plot_of_five_hundred_tomograms_is_small_and_shows_all_that_have_a_value():
    drawn = plot([None, *map(float, range(499))], ["missing", *["good"] * 498, "bad"])
    assert len(drawn) < 25_000
    (good,) = re.findall(r'class="good" d="([^"]*)"', drawn)
    assert good.count("M") == 498
    assert drawn.count('class="bad"') == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (2900.0, "2,900"),
        (204.98, "205"),
        (31.0, "31"),
        (31.25, "31.2"),
        (0.1234, "0.123"),
        (1e-5, "1.0 × 10⁻⁵"),
    ],
)
def test_figures_are_said_with_as_many_digits_as_they_deserve(value, words):
    assert said(value) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"), [(205.0, "Å", "205 Å"), (23.04, "°", "23.0°"), (0.5, "", "0.5"), (None, "Å", "–")]
)
def test_a_unit_follows_its_figure(value, unit, words):
    assert measured(value, unit) == words


def test_programs_are_reported_with_the_plug_ins_that_were_used():
    used = replace(manifest().provenance, plugins=(PluginUsed("exporter", "lines", "facility-x", "1.2"),))
    (plain, plugged) = provenance.programs([manifest(), manifest(), manifest(provenance=used)])
    assert (plain.tomograms, plugged.tomograms) == (2, 1)
    assert plugged.facts == plain.facts | {"exporter lines": "facility-x 1.2"}


def test_the_card_of_a_shipped_model_is_reported_only_of_results_that_were_made_with_its_weights(tmp_path, monkeypatch):
    layout, path = Layout(("membrane",), base=2, levels=2), tmp_path / "cells.safetensors"
    save_model(path, Network(layout), Card.of("cells", layout, Canonical(16.0), limits="Not for worms."))
    monkeypatch.setattr(provenance, "shipped", lambda: {"cells": path})
    digests = (package_digest(path), "ab" * 32)
    ran = [replace(manifest().provenance, models={"network": NetworkUsed("cells", digest, 10)}) for digest in digests]
    made = provenance.models([manifest(provenance=each) for each in ran])
    assert [("Not for worms." in one.more, one.facts["sha256"]) for one in made] == [
        (True, digests[0]),
        (False, digests[1]),
    ]


def test_a_feature_that_could_not_be_looked_for_has_no_number(tmp_path):
    for name, missing in (("TS_1", ""), ("TS_2", "voxels of 100 Å are outside the range")):
        whole = manifest(name, picks=0)
        picks = {"ribosome": replace(whole.picks["ribosome"], missing=missing)}
        folder = tmp_path / "tomograms" / name / "r1-abababab"
        folder.mkdir(parents=True)
        write_manifest(folder, replace(whole, picks=picks, files={}))
    text = page(of_folder(tmp_path), now=NOW)
    rows = {name: text.split(f"</i>{name}</td>")[1].split("</tr>")[0] for name in ("TS_1", "TS_2")}
    assert '<td class="number">0</td>' in rows["TS_1"]
    assert '<td class="number">0</td>' not in rows["TS_2"]
    assert '<span class="quiet">missing</span>' in rows["TS_2"]


def test_expected_false_picks_are_reported_of_those_of_which_it_is_known(tmp_path):
    for name, false in (("TS_1", 0.1), ("TS_2", 0.3), ("TS_3", None)):
        folder = tmp_path / "tomograms" / name / "r1-abababab"
        folder.mkdir(parents=True)
        write_manifest(folder, replace(manifest(name, picks=20, false=false), files={}))
    text = page(of_folder(tmp_path), now=NOW)
    assert "<div><dt>of 40 expected to be false</dt><dd>about 8</dd></div>" in text
    rows = {name: text.split(f"</i>{name}</td>")[1].split("</tr>")[0] for name in ("TS_1", "TS_2", "TS_3")}
    assert '<td class="number">20</td><td class="number">6</td>' in rows["TS_2"]
    assert '<td class="number">20</td><td class="number"></td>' in rows["TS_3"], "not known is not 0"
