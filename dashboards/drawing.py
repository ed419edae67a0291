"""Draws a dashboard as a page of its own from what a real Prometheus answers, for where there is no Grafana."""

import html
import json
import math
import re
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

_COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#c0d8ff")
_NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "text": "#d8d9da", "transparent": "none"}
_STYLE = """
body { margin: 0; background: #111217; color: #d8d9da; font: 13px Inter, "DejaVu Sans", sans-serif; padding: 12px; }
h1 { font-size: 18px; font-weight: 500; margin: 4px 4px 14px; }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 34px; gap: 8px; }
section { background: #181b1f; border: 1px solid #25282d; border-radius: 3px; padding: 6px 10px; overflow: hidden; }
h2 { font-size: 13px; font-weight: 500; margin: 0 0 4px; }
.number { font-size: 34px; line-height: 64px; }
svg { display: block; width: 100%; height: calc(100% - 44px); }
.legend { color: #9fa7b3; font-size: 11px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
table { border-collapse: collapse; font-size: 12px; } td { padding: 2px 12px 2px 0; border-bottom: 1px solid #25282d; }
.bar { background: #5794f2; height: 14px; } img { width: 16%; margin-right: .5%; }
"""


class Prometheus:
    """Answers for a range of time, with the variables of a dashboard filled in."""

    def __init__(self, url: str, begin: float, end: float, variables: dict[str, str]) -> None:
        self._url = url
        self._begin = begin
        self._end = end
        self._variables = variables | {"__range": f"{math.ceil(end - begin)}s", "__rate_interval": "30s"}

    def now(self, expr: str) -> list[dict[str, Any]]:
        """The last values."""
        return self._ask("query", query=self.filled(expr), time=self._end)

    def over_time(self, expr: str) -> list[dict[str, Any]]:
        """A hundred values of each series, at most."""
        step = max(1.0, (self._end - self._begin) / 100)
        return self._ask("query_range", query=self.filled(expr), start=self._begin, end=self._end, step=step)

    def filled(self, text: str) -> str:
        """`text` with the variables' values."""
        for name, value in self._variables.items():
            for form in (f"${{{name}:csv}}", f"${{{name}}}", f"${name}"):
                text = text.replace(form, value)
        return text

    def _ask(self, kind: str, **parameters: Any) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self._url}/api/v1/{kind}?{urllib.parse.urlencode(parameters)}") as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


def page(board: dict[str, Any], prometheus: Prometheus) -> str:
    """The dashboard as HTML, its panels where Grafana puts them."""
    panels = "".join(_panel(panel, prometheus) for panel in board["panels"])
    title = html.escape(board["title"])
    head = f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    return f"{head}<h1>{title}</h1><main>{panels}</main>"


def _panel(panel: dict[str, Any], prometheus: Prometheus) -> str:
    place = panel["gridPos"]
    style = f"grid-column: {place['x'] + 1} / span {place['w']}; grid-row: {place['y'] + 1} / span {place['h']}"
    draw = {"stat": _number, "timeseries": _series, "bargauge": _bars, "table": _table, "text": _text}[panel["type"]]
    return f'<section style="{style}"><h2>{html.escape(panel["title"])}</h2>{draw(panel, prometheus)}</section>'


def _number(panel: dict[str, Any], prometheus: Prometheus) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    found = prometheus.now(panel["targets"][0]["expr"])
    if not found:
        return '<div class="number">–</div>'
    value = float(found[0]["value"][1])
    words = {key: word for mapping in defaults.get("mappings", []) for key, word in mapping["options"].items()}
    word = words.get(f"{value:g}")
    text, colour = (word["text"], word["color"]) if word else (_said(value, defaults["unit"]), _limit(defaults, value))
    return f'<div class="number" style="color: {_NAMED.get(colour, colour)}">{html.escape(text)}</div>'


def _series(panel: dict[str, Any], prometheus: Prometheus) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    lines: list[tuple[str, dict[float, float]]] = []
    for target in panel["targets"]:
        for found in prometheus.over_time(target["expr"]):
            points = {float(t): float(v) for t, v in found["values"] if math.isfinite(float(v))}
            lines.append((_legend(target["legendFormat"], found["metric"]), points))
    times = sorted({t for _, points in lines for t in points})
    if not times:
        return "<div class=legend>nothing to show</div>"
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    tops = {t: sum(points.get(t, 0.0) for _, points in lines) for t in times}
    highest = max(tops.values()) if stacked else max(max(points.values(), default=0.0) for _, points in lines)
    highest = highest * 1.1 or 1.0
    left, right = times[0], max(times[-1], times[0] + 1)

    def x(t: float) -> float:
        return 60 + 735 * (t - left) / (right - left)

    def y(value: float) -> float:
        return 170 - 160 * value / highest

    parts = []
    for tick in (0.0, 0.5, 1.0):
        at, said = y(tick * highest / 1.1), html.escape(_said(tick * highest / 1.1, defaults["unit"]))
        parts.append(f'<path d="M60 {at:.1f} H795" stroke="#2c3036"/><text x="54" y="{at + 4:.1f}">{said}</text>')
    for t in (left, (left + right) / 2, right):
        clock = datetime.fromtimestamp(t, UTC).strftime("%H:%M:%S")
        parts.append(f'<text x="{min(x(t) + 24, 795):.0f}" y="186">{clock}</text>')
    for step in defaults.get("thresholds", {}).get("steps", [])[1:] if _has_limits(defaults) else []:
        if step["value"] < highest:
            colour = _NAMED.get(step["color"], step["color"])
            parts.append(f'<path d="M60 {y(step["value"]):.1f} H795" stroke="{colour}" stroke-dasharray="6 4"/>')
    floor = dict.fromkeys(times, 0.0)
    colours = [_paint(panel).get(name, _COLOURS[number % len(_COLOURS)]) for number, (name, _) in enumerate(lines)]
    for colour, (_, points) in zip(colours, lines, strict=True):
        if stacked:
            width = max(1.0, 735 / len(times) - 1)
            for t, value in points.items():
                top = y(floor[t] + value)
                height = y(floor[t]) - top
                floor[t] += value
                box = f'x="{x(t) - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
                parts.append(f'<rect {box} fill="{colour}"/>')
        else:
            path = " L".join(f"{x(t):.1f} {y(value):.1f}" for t, value in sorted(points.items()))
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    legend = " &nbsp; ".join(
        f'<span style="color: {colour}">■</span> {html.escape(name)}'
        for colour, (name, _) in zip(colours, lines, strict=True)
    )
    style = 'viewBox="0 0 800 190" preserveAspectRatio="none" font-size="11" fill="#9fa7b3" text-anchor="end"'
    return f"<svg {style}>{''.join(parts)}</svg><div class=legend>{legend}</div>"


def _bars(panel: dict[str, Any], prometheus: Prometheus) -> str:
    target, unit = panel["targets"][0], panel["fieldConfig"]["defaults"]["unit"]
    found = [
        (_legend(target["legendFormat"], each["metric"]), float(each["value"][1]))
        for each in prometheus.now(target["expr"])
    ]
    most = max((value for _, value in found), default=1.0) or 1.0
    rows = "".join(
        f'<tr><td>{html.escape(name)}<td style="width: 70%">'
        f'<div class=bar style="width: {100 * value / most:.0f}%"></div>'
        f"<td>{html.escape(_said(value, unit))}"
        for name, value in found
    )
    return f'<table style="width: 100%">{rows}</table>'


def _table(panel: dict[str, Any], prometheus: Prometheus) -> str:
    found = [each["metric"] for each in prometheus.now(panel["targets"][0]["expr"])]
    hidden = ("__name__", "job")
    rows = ("".join(f"<td>{html.escape(v)}" for k, v in metric.items() if k not in hidden) for metric in found)
    return f"<table>{''.join(f'<tr>{row}' for row in rows)}</table>"


def _text(panel: dict[str, Any], prometheus: Prometheus) -> str:
    return prometheus.filled(panel["options"]["content"])


def _paint(panel: dict[str, Any]) -> dict[str, str]:
    """Colours by the name of a line, where the panel fixes some."""
    return {
        override["matcher"]["options"]: _NAMED[override["properties"][0]["value"]["fixedColor"]]
        for override in panel["fieldConfig"].get("overrides", [])
    }


def _legend(form: str, metric: dict[str, str]) -> str:
    if form == "__auto":
        return metric.get("__name__", "value")
    for name, value in metric.items():
        form = form.replace(f"{{{{{name}}}}}", value)
    return re.sub(r"\{\{\w+\}\}", "", form).strip(" ,")


def _limit(defaults: dict[str, Any], value: float) -> str:
    steps: Sequence[dict[str, Any]] = defaults.get("thresholds", {}).get("steps", [])
    return next((step["color"] for step in reversed(steps) if step["value"] is None or value >= step["value"]), "text")


def _has_limits(defaults: dict[str, Any]) -> bool:
    mode: str = defaults["custom"].get("thresholdsStyle", {}).get("mode", "off")
    return mode != "off"


def _said(value: float, unit: str) -> str:
    """A value as Grafana would write it in that unit."""
    if unit == "dateTimeFromNow":
        seconds = datetime.now(UTC).timestamp() - value / 1000
        return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"
    if unit == "percentunit":
        return f"{100 * value:.3g} %" if value >= 1e-5 or value == 0 else "< 0.001 %"
    if unit == "s":
        return f"{value:.3g} s" if value < 120 else f"{value / 60:.3g} min"
    scales = {"bytes": ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")), "lengthm": ((1e-6, "µm"), (1e-9, "nm"))}
    for size, name in scales.get(unit, ()):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value:.3g}"
