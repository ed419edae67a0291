"""Every metric but those of quality figures, as `families.toml` has them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


class Family(NamedTuple):
    """One metric: its full name, its type, what its labels are, and what it means."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    documentation: str

    def empty(self) -> CounterMetricFamily | GaugeMetricFamily:
        """Without samples; a counter's name is given without `_total`, which the exposition adds."""
        made = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return made(self.name, self.documentation, labels=self.labels)


def _read() -> dict[str, dict[str, Family]]:
    groups = tomllib.loads(Path(__file__).with_name("families.toml").read_text(encoding="utf-8"))
    return {
        group: {
            name: Family(f"livetomo_{name}", kind, tuple(labels), documentation)
            for name, (kind, documentation, *labels) in rows.items()
        }
        for group, rows in groups.items()
    }


_GROUPS = _read()
STATUS: Mapping[str, Family] = _GROUPS["status"]
COUNTED: Mapping[str, Family] = _GROUPS["counted"]
FAMILIES = (*STATUS.values(), *COUNTED.values())
