"""Draw precision over recall, and true over claimed shares of false picks."""

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
    picture, draw = _axes("recall", "precision")
    for number, (name, (recall, precision)) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = [_at(float(r), float(p)) for r, p in zip(recall, precision, strict=True)]
        if len(line) > 1:
            draw.line(line, colour, 2)
        draw.text((_SIDE - _MARGIN - 8, _MARGIN + 10 + 18 * number), name, colour, anchor="rm")
    picture.save(path)


def plot_claimed_against_true(path: Path, curves: Mapping[str, Points]) -> None:
    """Write a PNG with one line for each curve: the claimed share of false picks to the right, the true share up."""
    picture, draw = _axes("claimed share of false picks", "true share")
    draw.line([_at(0, 0), _at(1, 1)], "#404040")
    for tenth in (-0.1, 0.1):
        draw.line([_at(max(0.0, -tenth), max(0.0, tenth)), _at(min(1.0, 1 - tenth), min(1.0, 1 + tenth))], "#b0b0b0")
    for number, (name, (claimed, true)) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [_at(float(c), float(t)) for c, t in zip(claimed, true, strict=True)]
        draw.line(places, colour, 2)
        for right, up in places:
            draw.ellipse((right - 4, up - 4, right + 4, up + 4), fill=colour)
        draw.text((_MARGIN + 10, _MARGIN + 10 + 18 * number), name, colour, anchor="lm")
    picture.save(path)


def _axes(along: str, upwards: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty square from 0 to 1."""
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
    draw.text((_SIDE / 2, _SIDE - 24), along, "#404040", anchor="mm")
    draw.text((12, _MARGIN - 24), upwards, "#404040", anchor="lm")
    return picture, draw


def _at(recall: float, precision: float) -> tuple[float, float]:
    span = _SIDE - 2 * _MARGIN
    return _MARGIN + recall * span, _SIDE - _MARGIN - precision * span
