"""Alerts stand at the broker while they hold, and not a moment longer."""

import json
from dataclasses import replace
from datetime import timedelta

import jsonschema

from livetomo.core.state_problems import PoorSession, of_sessions
from livetomo.core.status import BrokerState, DiskState, WatchState, WorkerState
from livetomo.daemon.status_publisher import Alerts
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.payloads.topics import Topics
from tests.publish.test_metrics import NOON, status, with_problems
from tools.docs.schemas import schemas

PLACE = "livetomo/facility/main/alerts"


async def sent(retained: Retained) -> dict[str, str]:
    """What the broker is given: by name, the message, or "" where it is cleared."""
    reported = {}
    while retained._pending:
        message = await retained.next()
        if message.payload:
            jsonschema.validate(json.loads(message.payload), json.loads(schemas()["alert.json"]))
        body = json.loads(message.payload or b'{"message": ""}')
        reported[message.topic.removeprefix(f"{PLACE}/")] = body["message"]
        retained.sent(message)
    return reported


async def test_what_an_earlier_run_may_have_left_is_cleared_at_first() -> None:
    retained = Retained()
    Alerts(retained, Topics("facility", "main")).show(status())
    cleared = await sent(retained)
    assert {"watch-krios1", "quality-krios1", "disk-output", "device-cpu"} <= set(cleared)
    assert set(cleared.values()) == {""}


async def test_an_alert_is_reported_once_and_cleared_when_it_no_longer_holds() -> None:
    retained, well = Retained(), status()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(well)
    await sent(retained)
    (watch,) = well.watches
    workers = (WorkerState("cpu", "benched", message="it failed three times"), WorkerState("cuda:0", "idle"))
    sick = with_problems(
        replace(
            well,
            watches=(replace(watch, scanning=False, message="/data/krios1 does not answer"),),
            disks=(DiskState("output", 5 * 10**8, enough=False),),
            workers=workers,
        )
    )
    alerts.show(sick)
    assert await sent(retained) == {
        "watch-krios1": "krios1 is not being watched: /data/krios1 does not answer",
        "disk-output": "Only 0.5 GB of disk are left for output; no jobs are started. Make room.",
        "device-cpu": "cpu gets no more jobs for now: it failed three times",
    }
    alerts.show(replace(sick, time=NOON + timedelta(hours=1)))
    assert await sent(retained) == {}, "it has held since noon, and that was published"
    alerts.show(with_problems(replace(sick, workers=well.workers)))
    assert await sent(retained) == {"device-cpu": ""}


MONDAY = "The verdict of session monday is bad: thickness in 6 of 10: too thick."


async def test_sessions_that_go_badly_are_an_alert_of_their_microscope_until_they_go_well_again() -> None:
    retained = Retained()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(status())
    await sent(retained)
    monday = PoorSession("krios1", "monday", "bad", ("thickness in 6 of 10: too thick",))
    alerts.show(replace(status(), problems=tuple(of_sessions([monday]))))
    reported = await sent(retained)
    assert reported == {"quality-krios1": MONDAY}
    alerts.show(replace(status(), problems=tuple(of_sessions([monday, PoorSession("krios1", "tuesday", "warn")]))))
    reported = await sent(retained)
    assert reported == {"quality-krios1": f"{MONDAY} The verdict of session tuesday is warn."}
    alerts.show(status())
    assert await sent(retained) == {"quality-krios1": ""}


async def test_a_start_and_the_broker_itself_are_no_alerts() -> None:
    """The first is over by itself, and the broker could only hear of the second when it is not true any more."""
    retained, well = Retained(), status()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(well)
    await sent(retained)
    away = BrokerState(configured=True, error="broker:1883 cannot be reached")
    starting = with_problems(replace(well, watches=(WatchState("krios1", False, "", starting=True),), broker=away))
    assert not starting.ready
    assert {problem.name for problem in starting.problems} == {"start-krios1", "broker-connection"}
    alerts.show(starting)
    assert await sent(retained) == {}
