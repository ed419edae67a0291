"""What a result's manifest says reaches messages, the API and a consumer: no key is lost or renamed on the way."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import starfile

from livetomo.client.api import ApiClient
from livetomo.client.pick_stream import PickStream
from livetomo.client.pickset import PickSet, RemoteFile
from livetomo.client.query import Query
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.false_share import FalseShare
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_series import TiltSeries
from livetomo.processing.pipeline import run as pipeline
from livetomo.publish.payloads.events import KINDS, message_of
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from tests.volumes import balls, order_for, write_tomogram
from tests.web.site import FakeDaemon, site

ROOT = "livetomo/facility/main"
FEATURE = "ribosome"
Manifest = Mapping[str, Any]

OF_A_VOLUME = ("shape_zyx", "voxel_size_angstrom", "origin_angstrom", "centre_angstrom")
# 24.6 voxels deep: RELION cuts that down to the 24 of the volume, whose middle is not the series' then.
SIZE_XYZ = (200, 200, 123)
SERIES = TiltSeries("Position_1", 5.0, SIZE_XYZ, -1, is_relions=True)
OF_ALL = {
    "watch": lambda m: m["tomogram"]["watch"],
    "session": lambda m: m["tomogram"]["session"],
    "tomogram": lambda m: m["tomogram"]["name"],
    "revision": lambda m: m["revision"],
    "recipe_hash": lambda m: m["recipe"]["hash"],
    "result_id": lambda m: m["result_id"],
    "recipe": lambda m: m["recipe"]["name"],
    "volume": lambda m: {key: m["volume"][key] for key in OF_A_VOLUME},
}
OF_KIND: dict[str, dict[str, Callable[[Manifest], Any]]] = {
    "picks": OF_ALL
    | {
        "feature": lambda m: FEATURE,
        "series": lambda m: m["metadata"]["tilt_series_name"],
        "tilt_series": lambda m: {
            "name": m["metadata"]["tilt_series_name"],
            "pixel_size_angstrom": m["metadata"]["pixel_size_angstrom"],
            "binning": m["volume"]["voxel_size_angstrom"] / m["metadata"]["pixel_size_angstrom"],
            "size_xyz": m["metadata"]["unbinned_size_xyz"],
            "hand": m["metadata"]["defocus_handedness"],
            "is_relions": True,
        },
        "picks": lambda m: m["picks"][FEATURE]["strongest"],
        "truncated": lambda m: False,
        "verdict": lambda m: m["verdict"],
        "excluded": lambda m: [],
        "missing": lambda m: m["picks"][FEATURE].get("missing", ""),
        "false_share": lambda m: m["picks"][FEATURE].get("false_share"),
        "false_share_missing": lambda m: m["picks"][FEATURE].get("false_share_missing", ""),
    }
    | {
        key: lambda m, key=key: m["picks"][FEATURE][key]
        for key in ("count", "candidates", "threshold", "diameter_angstrom", "columns")
    },
    "result": OF_ALL
    | {"counts": lambda m: {name: body["count"] for name, body in m["picks"].items()}}
    | {key: lambda m, key=key: m[key] for key in ("verdict", "warnings", "seconds", "finished")},
}
OF_THE_EVENT = {"schema", "event_id", "seq", "epoch", "time", "shortened"}
CHECKED_APART = {"picks": {"files", "folder"}, "result": {"quality", "folder", "url"}}
IDENTITY = ("watch", "session", "tomogram", "revision", "recipe_hash", "result_id", "series")
OF_A_SET: dict[str, Callable[[Manifest], Any]] = {
    **{key: OF_KIND["picks"][key] for key in IDENTITY},
    "feature": lambda m: FEATURE,
    "retracted": lambda m: False,
    "voxel_size_angstrom": lambda m: m["volume"]["voxel_size_angstrom"],
    "shape_zyx": lambda m: tuple(m["volume"]["shape_zyx"]),
    "tilt_series": lambda m: SERIES,
    "centre_angstrom": lambda m: (500.0, 500.0, 307.5),
    "columns": lambda m: tuple(m["picks"][FEATURE]["columns"]),
    "false_share": lambda m: FalseShare(**m["picks"][FEATURE]["false_share"]),
    "false_share_missing": lambda m: "",
    "verdict": lambda m: m["verdict"],
    "excluded": lambda m: (),
    "left_out": lambda m: "",
    "curated": lambda m: (),
    "beside": lambda m: {},
}


class Laboratory:
    """A daemon with one result that the pipeline has made."""

    def __init__(self, daemon: FakeDaemon, folder: Path, manifest: Manifest) -> None:
        self.daemon = daemon
        self.folder = folder
        self.manifest = manifest


@pytest.fixture
async def laboratory(tmp_path: Path) -> Laboratory:
    daemon = FakeDaemon(tmp_path)
    await daemon.arrive("TS_01")
    claim = await daemon.begin()
    settings = load_recipe("untrained").to_json()
    settings["pick"][0] |= {"candidate_threshold": 0.001, "min_spacing_angstrom": 30, "decoys": True}
    volume = balls((24, 40, 40), places=((12, 12, 12), (12, 28, 26)))
    order = order_for(
        write_tomogram(tmp_path / "TS_01.mrc", volume),
        Recipe.model_validate(settings),
        tomogram=claim.tomogram,
        revision=claim.revision,
        facts=SidecarFacts(
            tilt_series_name=SERIES.name,
            pixel_size_angstrom=SERIES.pixel_size_angstrom,
            unbinned_size_xyz=SERIES.size_xyz,
            defocus_handedness=SERIES.hand,
            notes=("A word of warning.",),
        ),
    )
    folder = tmp_path / "result"
    manifest = pipeline.run(order, folder)
    assert daemon.catalog.jobs.commit(claim.token, manifest, str(folder))
    return Laboratory(daemon, folder, json.loads((folder / "result.json").read_text()))


@asynccontextmanager
async def served(laboratory: Laboratory, inline: int = 1000) -> AsyncIterator[httpx.AsyncClient]:
    shown = site(laboratory.daemon)
    app = create_app(replace(shown, settings=replace(shown.settings, inline_picks=inline)), AccessRules())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8787") as client:
        yield client


async def event(client: httpx.AsyncClient, kind: str) -> dict[str, Any]:
    events = (await client.get("/api/v1/events?after=0")).json()["events"]
    (found,) = (each for each in events if each["schema"].startswith(f"livetomo/{kind}/"))
    return dict(found)


@pytest.mark.parametrize("kind", OF_KIND)
async def test_every_key_of_a_message_has_what_the_manifest_says(laboratory: Laboratory, kind: str) -> None:
    schema = {field.alias or name for name, field in KINDS[kind].model_fields.items()}
    assert schema == set(OF_KIND[kind]) | OF_THE_EVENT | CHECKED_APART[kind], "a key that nobody follows"
    async with served(laboratory) as client:
        body = await event(client, kind)
    assert laboratory.manifest["picks"][FEATURE]["count"] == 2
    for key, value in OF_KIND[kind].items():
        assert body[key] == json.loads(json.dumps(value(laboratory.manifest))), key
    assert body["folder"] == str(laboratory.folder)


async def test_files_and_figures_are_the_manifest_s(laboratory: Laboratory) -> None:
    manifest = laboratory.manifest
    async with served(laboratory) as client:
        reported = {each["name"]: each for each in (await event(client, "picks"))["files"]}
        assert set(reported) == {name for name in manifest["files"] if name.startswith(f"picks/{FEATURE}.")}
        for name, each in reported.items():
            assert {key: each[key] for key in ("bytes", "sha256")} == manifest["files"][name]
            assert (await client.get(each["url"])).content == (laboratory.folder / name).read_bytes()
        result = await event(client, "result")
        whole = (await client.get(result["url"])).json()
    assert {name: {"reason": ""} | body for name, body in manifest["quality"].items()} == result["quality"]
    for key in set(manifest) - {"picks", "files"}:
        assert whole[key] == manifest[key], key
    for name, body in manifest["picks"].items():
        assert whole["picks"][name] == {key: value for key, value in body.items() if key in whole["picks"][name]}
        assert set(body) - set(whole["picks"][name]) <= {"strongest", "columns"}


async def test_the_broker_is_given_what_the_api_answers(laboratory: Laboratory) -> None:
    async with served(laboratory) as client:
        answers = (await client.get("/api/v1/events?after=0")).json()["events"]
    messages = [
        message_of(each, site(laboratory.daemon).settings) for each in await laboratory.daemon.events_after(0, 100)
    ]
    assert [{"topic": each.topic} | json.loads(each.payload) for each in messages] == answers


class HttpApi(ApiClient):
    """The client's own, with requests that reach the application without a network."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__(str(client.base_url))
        self._client = client

    async def _json(self, path: str) -> Mapping[str, Any]:
        return dict((await self._client.get(urljoin(self.url, path))).json())

    async def fetch(self, file: RemoteFile) -> bytes:
        content = (await self._client.get(file.url)).content
        assert hashlib.sha256(content).hexdigest() == file.sha256
        return content


class Quiet:
    """A broker that knows where the daemon is, and brings nothing."""

    @asynccontextmanager
    async def open(self, topics: Sequence[str]) -> AsyncIterator[AsyncIterator[tuple[str, Mapping[str, Any]]]]:
        yield self._heard(topics[0].endswith("/status"))

    async def _heard(self, of_status: bool) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        if of_status:
            yield f"{ROOT}/status", {"url": "http://daemon"}
            yield f"{ROOT}/availability", {"availability": "online"}
        await asyncio.Event().wait()


@pytest.mark.parametrize("inline", [1000, 1])
async def test_a_consumer_has_every_key_of_the_manifest_that_a_set_names(laboratory: Laboratory, inline: int) -> None:
    """The rows too, whether they stand in the message or have to be fetched."""
    manifest = laboratory.manifest
    async with served(laboratory, inline) as client, asyncio.timeout(10):
        body = await event(client, "picks")
        stream = aiter(PickStream(Query(FEATURE), Quiet(), lambda url: HttpApi(client), after=0))
        got = await anext(stream)
        await stream.aclose()
    names = {field.name for field in fields(PickSet)}
    assert names == set(OF_A_SET) | {"event_id", "seq", "time", "epoch", "rows", "files"}, "a field that nobody follows"
    for key, value in OF_A_SET.items():
        assert getattr(got, key) == value(manifest), key
    for key in ("event_id", "seq", "time", "epoch"):
        assert getattr(got, key) == body[key], key
    star = starfile.read(laboratory.folder / "picks" / f"{FEATURE}.relion5.star")
    assert set(star["rlnTomoName"]) == {got.series}
    digits = 0.051 if inline == 1 else 1e-9  # a message has tenths of an Å, a file has more
    assert [row[:3] for row in got.rows] == [
        pytest.approx(row[:3], abs=digits) for row in manifest["picks"][FEATURE]["strongest"]
    ]
    assert got.scores() == pytest.approx([row[3] for row in manifest["picks"][FEATURE]["strongest"]], abs=1e-4)
    assert got.false_shares() == pytest.approx([row[4] for row in manifest["picks"][FEATURE]["strongest"]], abs=1e-6)
    assert got.expected_false() == pytest.approx(got.false_share.expected, abs=0.05)
    assert {name: (file.bytes, file.sha256) for name, file in got.files.items()} == {
        "relion5": tuple(manifest["files"][f"picks/{FEATURE}.relion5.star"].values())
    }


@pytest.mark.parametrize("inline", [1000, 1])
async def test_a_part_that_was_taken_out_is_in_no_row_of_the_message_or_the_file(
    laboratory: Laboratory, inline: int
) -> None:
    """The particles lie at (12, 12, 12) and (12, 28, 26), z, y, x."""
    exclusions = laboratory.daemon.catalog.exclusions
    (tomogram,) = {each.event.tomogram for each in await laboratory.daemon.events_after(0, 100)}
    left = []
    async with served(laboratory, inline) as client, asyncio.timeout(10):
        stream = aiter(
            PickStream(Query(FEATURE), Quiet(), lambda url: HttpApi(client), after=0, reconcile_seconds=0.05)
        )
        for box in ({}, {"z": (0, 11)}, {"y": (0, 20)}, {"x": (20, 39), "y": (20, 39)}):
            if box:
                exclusions.exclude(tomogram, who="ada", why="ice", box=box)
            got = await anext(stream)
            left.append([round(row[0] / got.voxel_size_angstrom) for row in got.rows])
        await stream.aclose()
    assert left == [[12, 26], [12, 26], [26], []] or left == [[26, 12], [26, 12], [26], []]


async def test_a_consumer_is_given_no_picks_of_a_bad_tomogram_unless_it_asks(tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path)
    await daemon.arrive("TS_01")
    await daemon.finish(verdict="bad", picks=3)
    got = {}
    async with served(Laboratory(daemon, tmp_path, {})) as client, asyncio.timeout(10):
        for worst in ("warn", "bad"):
            query = Query(FEATURE, verdict=worst)
            stream = aiter(PickStream(query, Quiet(), lambda url: HttpApi(client), after=0))
            got[worst] = await anext(stream)
            await stream.aclose()
    assert {worst: (len(each.rows), each.left_out) for worst, each in got.items()} == {
        "warn": (0, "its verdict is bad"),
        "bad": (3, ""),
    }
