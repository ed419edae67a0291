"""Small plots as SVG: one figure over the tomograms of a session; shape and colour show its verdict."""

from collections.abc import Sequence
from statistics import median

from markupsafe import Markup

from livetomo.core.quality.metric import Verdict

WIDTH, HEIGHT = 330, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 6, 8, 16
# Drawn about the point: a dot, a triangle, a square. One path for all of a kind keeps 500 points under 10 kB.
_MARKS: dict[Verdict, str] = {
    "unjudged": "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    "good": "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    "warn": "m0-4l4 7h-8z",
    "bad": "m-3-3h6v6h-6z",
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def said(value: float | None) -> str:
    """A figure with as many digits as it deserves."""
    if value is None:
        return "–"
    size = abs(value)
    if value == int(value) or size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.001:
        return f"{value:.3g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def measured(value: float | None, unit: str) -> str:
    """A figure with its unit."""
    return said(value) if value is None or not unit else f"{said(value)}{'' if unit == '°' else ' '}{unit}"


def plot(values: Sequence[float | None], verdicts: Sequence[Verdict]) -> Markup:
    """The values from left to right, with their range and their median; what has no value leaves a gap.

    It is trusted markup because it is made of numbers alone.
    """
    known = [value for value in values if value is not None]
    low, high, middle = min(known), max(known), median(known)
    span = (high - low) or 1.0
    inner_width, inner_height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x_of(number: int) -> float:
        return _LEFT + inner_width * (number + 0.5) / len(values)

    def y_of(value: float) -> float:
        return _TOP + inner_height * (1 - (value - low) / span)

    marks = dict.fromkeys(_MARKS, "")
    for number, (value, verdict) in enumerate(zip(values, verdicts, strict=True)):
        if value is not None and verdict in marks:
            marks[verdict] += f"M{x_of(number):.0f} {y_of(value):.0f}{_MARKS[verdict]}"
    labels = {round(y_of(value)): value for value in (low, high)}
    if all(abs(y_of(middle) - place) > 12 for place in labels):
        labels[round(y_of(middle))] = middle
    texts = "".join(f'<text x="{_LEFT - 6}" y="{place + 4}">{said(value)}</text>' for place, value in labels.items())
    right = WIDTH - _RIGHT
    lines = f'<path class="median" d="M{_LEFT} {y_of(middle):.1f}H{right}"/>'
    lines += f'<path class="axis" d="M{_LEFT} {_TOP - 4}V{HEIGHT - _BOTTOM + 4}H{right}"/>'
    paths = "".join(f'<path class="{verdict}" d="{path}"/>' for verdict, path in marks.items() if path)
    return Markup(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{lines}{paths}{texts}</svg>')
