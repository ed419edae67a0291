"""Alerts stand at the broker while they hold, and not a moment longer."""

import json
from dataclasses import replace
from datetime import timedelta

import jsonschema

from livetomo.catalog.views import SessionTotals
from livetomo.publish.alerts import Alerts
from livetomo.publish.retained import Retained
from livetomo.publish.schemas import schemas
from livetomo.publish.topics import Topics
from livetomo.quality import Verdict
from livetomo.status import DiskState, WorkerState
from tests.publish.test_metrics import NOON, status

PLACE = "livetomo/facility/main/alerts"


async def sent(retained: Retained) -> dict[str, str]:
    """What the broker is given: by name, the message, or "" where it is cleared."""
    told = {}
    while retained.is_pending:
        message = await retained.next()
        if message.payload:
            jsonschema.validate(json.loads(message.payload), json.loads(schemas()["alert.json"]))
        body = json.loads(message.payload or b'{"message": ""}')
        told[message.topic.removeprefix(f"{PLACE}/")] = body["message"]
        retained.sent(message)
    return told


async def test_what_an_earlier_run_may_have_left_is_cleared_at_first() -> None:
    retained = Retained()
    Alerts(retained, Topics("facility", "main")).show(status())
    assert await sent(retained) == {"watch-krios1": "", "quality-krios1": "", "disk-output": "", "device-cpu": ""}


async def test_an_alert_is_told_once_and_cleared_when_it_no_longer_holds() -> None:
    retained, well = Retained(), status()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(well)
    await sent(retained)
    (watch,) = well.watches
    sick = replace(
        well,
        watches=(replace(watch, scanning=False, message="/data/krios1 does not answer"),),
        disks=(DiskState("output", 5 * 10**8, enough=False),),
        workers=(WorkerState("cpu", "benched", message="it failed three times"),),
    )
    alerts.show(sick)
    assert await sent(retained) == {
        "watch-krios1": "krios1 is not being watched: /data/krios1 does not answer",
        "disk-output": "only 0.5 GB are left for output; no jobs are started",
        "device-cpu": "cpu gets no more jobs for now: it failed three times",
    }
    alerts.show(replace(sick, time=NOON + timedelta(hours=1)))
    assert await sent(retained) == {}, "it has held since noon, and that was told"
    alerts.show(replace(sick, workers=well.workers))
    assert await sent(retained) == {"device-cpu": ""}


def session(name: str, verdict: Verdict, *reasons: str) -> SessionTotals:
    return SessionTotals("krios1", name, 10, {}, {}, {}, NOON, verdict, reasons)


async def test_sessions_that_go_badly_are_an_alert_of_their_microscope_until_they_go_well_again() -> None:
    retained = Retained()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(status())
    await sent(retained)
    alerts.show(status(), [session("monday", "bad", "thickness in 6 of 10: too thick"), session("tuesday", "good")])
    told = await sent(retained)
    assert told == {"quality-krios1": "monday is bad; thickness in 6 of 10: too thick"}
    alerts.show(status(), [session("monday", "bad", "thickness in 6 of 10: too thick"), session("tuesday", "warn")])
    told = await sent(retained)
    assert told == {"quality-krios1": "monday is bad; thickness in 6 of 10: too thick. tuesday is warn"}
    alerts.show(status(), [session("monday", "good"), session("tuesday", "good")])
    assert await sent(retained) == {"quality-krios1": ""}


async def test_a_session_that_is_over_is_no_alert_any_more() -> None:
    retained = Retained()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(status(), [session("monday", "bad")])
    await sent(retained)
    alerts.show(status(), [])
    assert await sent(retained) == {"quality-krios1": ""}
