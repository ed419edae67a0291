"""The page of all metrics, made from the metrics: `python -m tools.docs.metrics_page docs/metrics.md`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from livetomo.publish.prometheus.families import FAMILIES
from livetomo.publish.prometheus.quality_buckets import UNITS

_HEAD = """\
# Metrics

This page lists the metrics that `/metrics` gives to Prometheus. It is made from the code by
`python -m tools.docs.metrics_page`.

Labels are bounded: watches, devices, stages and features come from the configuration. A tomogram is never a label; a
session only in `livetomo_session_info`, while it is live. Metrics of moments are times, not ages; 0 stands for none.
Counters of a configured watch begin at 0. [runbook.md](runbook.md) says what their alerts mean.

| metric | type | labels | meaning |
|---|---|---|---|
"""

_FIGURES = """
## Quality

Each quality figure that has a value is in two metrics, as soon as the result is recorded:

| metric | type | labels | meaning |
|---|---|---|---|
| `livetomo_quality_<figure>_<unit>` | histogram | watch | value in each finished tomogram; not for details |
| `livetomo_latest_<figure>_<unit>` | gauge | watch | value in the last finished tomogram |

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
    for name, kind, labels, documentation in sorted(FAMILIES):
        yield f"| `{name}` | {kind} | {', '.join(labels)} | {documentation} |\n"


def _units() -> Iterator[str]:
    for unit, base in UNITS.items():
        times = "" if base.factor == 1 else f"{base.factor:g}"
        yield f"| {unit or 'none: a ratio'} | `{base.name}` | {times} |\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/metrics.md").write_text(page(), encoding="utf-8")
