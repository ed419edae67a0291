"""What crosses between processes as JSON is on the other side what it was on this one, in every field."""

import json
from collections.abc import Callable
from dataclasses import asdict
from importlib import resources
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.json_object import JsonObject
from livetomo.core.quality.metric import Quality
from livetomo.core.tomogram import Arrival, Fault, KnownFile
from livetomo.intake.messages import (
    Report,
    arrival_from_json,
    arrival_to_json,
    known_from_json,
    known_messages,
    known_to_json,
)
from livetomo.intake.settings import WatchSettings
from livetomo.processing.pipeline.job_spec import JobSpec
from tests.joins.whole import whole

RECIPES = [
    load_recipe(entry.name.removesuffix(".toml"))
    for entry in (resources.files("livetomo.config.recipe") / "builtin").iterdir()
    if entry.name.endswith(".toml")
]


def _figure(body: dict[str, Any]) -> Quality:
    ((name, figure),) = body.items()
    return Quality.from_json(name, JsonObject(figure))


FIGURES = whole(Quality, verdict=st.sampled_from(["missing"])) | whole(
    Quality, value=st.floats(allow_nan=False, allow_infinity=False)
)
CROSSINGS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "watcher to supervisor: an arrival": (whole(Arrival), arrival_to_json, arrival_from_json),
    "watcher to supervisor: its report": (whole(Report), Report.to_json, Report.from_json),
    "both ways: known files": (st.lists(whole(KnownFile), max_size=3), known_to_json, known_from_json),
    "supervisor to watcher: what it knows": (
        st.lists(whole(KnownFile), max_size=3),
        lambda files: list(known_messages(files)),
        lambda messages: [file for message in messages for file in known_from_json(message["files"])],
    ),
    "supervisor to watcher: its settings": (whole(WatchSettings), WatchSettings.to_json, WatchSettings.from_json),
    "supervisor to worker: an order": (
        whole(JobSpec, recipe=st.sampled_from(RECIPES)),
        JobSpec.to_json,
        JobSpec.from_json,
    ),
    "worker to supervisor: a fault": (whole(Fault), asdict, lambda body: Fault(**body)),
    "result to catalog: a figure": (FIGURES, lambda one: {one.name: one.to_json()}, _figure),
}


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_what_crosses_is_what_it_was(crossing: str) -> None:
    values, to_json, from_json = CROSSINGS[crossing]

    @given(value=values)
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def crosses(value: Any) -> None:
        assert from_json(json.loads(json.dumps(to_json(value)))) == value

    crosses()
