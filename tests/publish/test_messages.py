"""What a consumer's script holds on to: topics, keys, and the JSON Schemas that are handed out."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetomo.core.events import Event, Recorded, result_events
from livetomo.core.tomogram import TomogramId
from livetomo.publish.payloads.events import MessageSettings, message_of
from livetomo.publish.payloads.retained import SummaryPayload
from livetomo.publish.payloads.topics import Topics
from tests.publish.event_logs import RECIPE_HASH, RESULT_ID, event_log, manifest
from tools.docs.schemas import schemas

SETTINGS = MessageSettings(Topics("facility", "main"))
DOCS = Path(__file__).parents[2] / "docs" / "schemas"


def recorded(event: Event, seq: int = 7) -> Recorded:
    return Recorded(seq, event.id("facility", "main"), "2026-11-20T10:00:00Z", event)


def picks_event(count: int) -> Event:
    return next(iter(result_events(manifest(picks=count), "/data/out/r1-abababab")))


def test_every_payload_is_one_line_of_json_with_an_identity() -> None:
    for event in event_log("TS_01"):
        message = message_of(recorded(event), SETTINGS)
        assert b"\n" not in message.payload
        body = json.loads(message.payload)
        assert body["schema"] == f"livetomo/{event.kind}/1"
        assert (body["watch"], body["session"], body["tomogram"]) == ("krios1", "20261120_yeast", "TS_01")
        assert (body["revision"], body["recipe_hash"], body["seq"]) == (1, RECIPE_HASH, 7)
        assert body["event_id"] == event.id("facility", "main")


def test_topics_are_those_of_the_contract() -> None:
    topics = [message_of(recorded(event), SETTINGS).topic for event in event_log("TS_01")]
    place = "livetomo/facility/main/krios1/20261120_yeast/TS_01"
    assert topics == [f"{place}/{kind}" for kind in ("state", "state", "picks/ribosome", "result", "state")]


@given(watch=st.text(min_size=1), session=st.text(), name=st.text(), feature=st.text(min_size=1))
def test_no_name_can_break_a_topic(watch: str, session: str, name: str, feature: str) -> None:
    event = Event("picks", TomogramId(watch, session, name), 1, RECIPE_HASH, feature, {"feature": feature})
    topic = SETTINGS.topics.event(event)
    assert topic.startswith("livetomo/facility/main/")
    assert topic.count("/") == 7
    assert all(topic.split("/"))
    assert not set(topic) & set("+#$ \0")


def test_picks_up_to_the_limit_are_inline_and_all_of_them_are_in_the_files() -> None:
    body = json.loads(message_of(recorded(picks_event(3)), SETTINGS).payload)
    assert body["columns"] == ["x_angstrom", "y_angstrom", "z_angstrom", "score"]
    assert body["picks"] == [[0.0, 0.0, 30.0, 0.9], [10.0, 20.0, 30.0, 0.9], [20.0, 40.0, 30.0, 0.9]]
    assert (body["count"], body["candidates"], body["truncated"]) == (3, 12, False)
    assert body["folder"] == "/data/out/r1-abababab"
    assert body["files"] == [
        {
            "name": "picks/ribosome.relion5.star",
            "bytes": 812,
            "sha256": "cd" * 32,
            "url": f"/api/v1/results/{RESULT_ID}/files/picks/ribosome.relion5.star",
        }
    ]


@pytest.mark.parametrize(("count", "limit", "rows"), [(5, 2, 2), (5, 0, 0), (1500, 5000, 1000), (0, 1000, 0)])
def test_picks_beyond_the_limit_are_said_to_be_truncated(count: int, limit: int, rows: int) -> None:
    settings = MessageSettings(Topics("facility", "main"), inline_picks=limit)
    body = json.loads(message_of(recorded(picks_event(count)), settings).payload)
    assert (len(body["picks"]), body["count"], body["truncated"]) == (rows, count, rows < count)


def test_links_begin_with_the_public_address_where_one_is_configured() -> None:
    settings = MessageSettings(Topics("facility", "main"), public_url="https://livetomo.example")
    body = json.loads(message_of(recorded(picks_event(1)), settings).payload)
    assert body["files"][0]["url"].startswith("https://livetomo.example/api/v1/results/")


def test_a_failure_says_why() -> None:
    fault = {"kind": "permanent", "reason": "truncated volume", "message": "TS_01.mrc ends after 3 of 9 bytes."}
    who = (TomogramId("krios1", "s", "TS_01"), 1, RECIPE_HASH)
    body = json.loads(
        message_of(recorded(Event("state", *who, "failed/1", {"state": "failed", "fault": fault})), SETTINGS).payload
    )
    assert body["fault"] == fault


def test_the_committed_schemas_are_those_of_the_code() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.json")}
    assert committed == dict(schemas()), "run: python -m tools.docs.schemas docs/schemas"


def test_every_payload_validates_against_its_schema() -> None:
    retracted = Event(
        "retracted",
        TomogramId("krios1", "s", "TS_01"),
        1,
        RECIPE_HASH,
        "",
        {"result_id": RESULT_ID, "reason": "superseded by a newer revision"},
    )
    verdict = {"verdict": "bad", "before": "good", "last": {"bad": 5, "good": 5}, "reasons": ["thickness in 5 of 10"]}
    changed = Event("verdict", TomogramId("krios1", "s", "TS_01"), 1, RECIPE_HASH, "bad", verdict)
    assert message_of(recorded(changed), SETTINGS).topic == "livetomo/facility/main/krios1/s/verdict"
    for event in [*event_log("TS_01"), retracted, changed]:
        payload = message_of(recorded(event), SETTINGS).payload
        jsonschema.validate(json.loads(payload), json.loads(schemas()[f"{event.kind}.json"]))
    summary = SummaryPayload.model_validate(
        {
            "watch": "krios1",
            "session": "s",
            "time": "2026-11-20T10:00:00Z",
            "tomograms": 2,
            "jobs": {"done": 2},
            "verdicts": {"good": 2},
            "picks": {"ribosome": 812},
            "verdict": "bad",
            "reasons": ["thickness in 6 of 10: too thick"],
            "targets": [{"feature": "ribosome", "wanted": 9000, "found": 812, "per_hour": None, "expected": None}],
        }
    )
    jsonschema.validate(json.loads(summary.payload()), json.loads(schemas()["summary.json"]))
