"""The page of all metrics, made from the metrics: `python -m livetomo.publish.metrics_page docs/metrics.md`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry

from livetomo.publish.figures import UNITS
from livetomo.publish.metrics import Metrics

_HEAD = """\
# Metrics

What `/metrics` tells Prometheus. This page is made from the code by `python -m livetomo.publish.metrics_page`.

Labels are bounded: watches, devices, stages and features come from the configuration. A tomogram is never a label; a
session only in `livetomo_session_info`, while it is live. Moments are told as times, not as ages; 0 stands for none.
Counters of a configured watch begin at 0. What these metrics mean for a person is in [runbook.md](runbook.md).

| metric | type | labels | what it tells |
|---|---|---|---|
"""

_FIGURES = """
## Quality

Each figure of a tomogram's quality that has a value is told twice, as soon as its result is there:

| metric | type | labels | what it tells |
|---|---|---|---|
| `livetomo_quality_<figure>_<unit>` | histogram | watch | of each finished tomogram; not of details |
| `livetomo_latest_<figure>_<unit>` | gauge | watch | of the last finished tomogram |

Metrics are in base units, as Prometheus wants it: lengths in metres. So a thickness of 1,500 Å is
`livetomo_quality_thickness_meters` 1.5e-07, which Grafana shows as 150 nm with its unit "length, meter". The units:

| in a result | in a metric's name | times |
|---|---|---|
"""

_LAST = """
The usual metrics of a process (`process_resident_memory_bytes`, `process_cpu_seconds_total`, `process_open_fds`, …) are
those of the supervisor, not of its workers.
"""


def page() -> str:
    """The page."""
    return _HEAD + "".join(_rows()) + _FIGURES + "".join(_units()) + _LAST


def _rows() -> Iterator[str]:
    for name, kind, labels, documentation in sorted(Metrics(CollectorRegistry()).families):
        yield f"| `{name}` | {kind} | {', '.join(labels)} | {documentation} |\n"


def _units() -> Iterator[str]:
    for unit, base in UNITS.items():
        times = "" if base.factor == 1 else f"{base.factor:g}"
        yield f"| {unit or 'none: a ratio'} | `{base.name}` | {times} |\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/metrics.md").write_text(page(), encoding="utf-8")
