"""Draw precision over recall."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Points = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

_SIDE, _MARGIN = 640, 70
_COLOURS = ("#1f5fa8", "#c8501e", "#2f8f4e", "#8a3fa0", "#6b6b6b", "#b08a00")


def plot_precision_recall(path: Path, curves: Mapping[str, Points]) -> None:
    """Write a PNG with one line for each curve: recall to the right, precision up."""
    picture = Image.new("RGB", (_SIDE, _SIDE), "white")
    draw = ImageDraw.Draw(picture)
    for tick in range(11):
        low, high = _at(tick / 10, 0), _at(tick / 10, 1)
        left, right = _at(0, tick / 10), _at(1, tick / 10)
        shade = "#d8d8d8" if 0 < tick < 10 else "#404040"
        draw.line([low, high], shade)
        draw.line([left, right], shade)
        if tick % 2 == 0:
            draw.text((low[0], low[1] + 8), f"{tick / 10:.1f}", "#404040", anchor="ma")
            draw.text((left[0] - 8, left[1]), f"{tick / 10:.1f}", "#404040", anchor="rm")
    draw.text((_SIDE / 2, _SIDE - 24), "recall", "#404040", anchor="mm")
    draw.text((12, _MARGIN - 24), "precision", "#404040", anchor="lm")
    for number, (name, (recall, precision)) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = [_at(float(r), float(p)) for r, p in zip(recall, precision, strict=True)]
        if len(line) > 1:
            draw.line(line, colour, 2)
        draw.text((_SIDE - _MARGIN - 8, _MARGIN + 10 + 18 * number), name, colour, anchor="rm")
    picture.save(path)


def _at(recall: float, precision: float) -> tuple[float, float]:
    span = _SIDE - 2 * _MARGIN
    return _MARGIN + recall * span, _SIDE - _MARGIN - precision * span
