"""What a person should look at, retained at the broker while it holds, and cleared by itself when it no longer does."""

from livetomo.core.problems import possible_names
from livetomo.core.status import Status
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.payloads.retained import AlertPayload
from livetomo.publish.payloads.topics import Topics

# A start is nothing to look at, and a broker that is away cannot be sent that it is.
_NOT_FOR_THE_BROKER = ("start", "broker-connection")


class Alerts:
    """The alerts of one daemon: its problems. There are never more of them than the configuration has names."""

    def __init__(self, retained: Retained, topics: Topics) -> None:
        self._retained = retained
        self._topics = topics
        self._before: set[str] | None = None

    def show(self, status: Status) -> None:
        """Publish the problems that hold now, and take back what held before.

        At first, whatever an earlier run may have left is taken back.
        """
        holding = {
            problem.name: problem
            for problem in status.problems
            if problem.kind not in _NOT_FOR_THE_BROKER and problem.name not in _NOT_FOR_THE_BROKER
        }
        before = _possible(status) if self._before is None else self._before
        self._before = set(holding)
        for name in sorted(before - holding.keys()):
            self._retained.clear(self._topics.alert(name))
        for name, problem in holding.items():
            body = {"name": name, "severity": problem.severity, "message": problem.message}
            payload = AlertPayload.model_validate(body | {"since": problem.since or status.time})
            self._retained.put(self._topics.alert(name), payload.payload())


def _possible(status: Status) -> set[str]:
    return possible_names(
        [watch.name for watch in status.watches],
        [disk.name for disk in status.disks],
        [worker.device for worker in status.workers],
    )
