"""A picture of an average: slices through it, and how far its halves agree."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livetomo.core.particle_sums import DIAMETERS, SIDE, Array
from livetomo.results.average.agreement import THRESHOLD, HalfCorrelation
from livetomo.results.average.session_average import SessionAverage

_TILE = 224
_GAP = 16
_PLOT_WIDTH = 380
_LETTERS = 13
_INK, _FAINT, _CURVE, _CHANCE = "#303030", "#c8c8c8", "#1f5fa8", "#b0763a"
_PLANES = (("xy", 0), ("xz", 1), ("yz", 2))


def write_picture(path: Path, average: SessionAverage) -> None:
    """Write a PNG: three slices through the middle, matter bright, with a scale bar, and the curve beside its null."""
    one = average.average
    picture = Image.new("RGB", (3 * (_TILE + _GAP) + _GAP + _PLOT_WIDTH, _TILE + 3 * _GAP + 4), "white")
    draw = ImageDraw.Draw(picture)
    draw.font = ImageFont.load_default(_LETTERS)
    volume = one.particles.average()
    for number, (name, axis) in enumerate(_PLANES):
        left = _GAP + number * (_TILE + _GAP)
        picture.paste(_slice(volume, axis), (left, _GAP))
        draw.text((left, _TILE + _GAP + 6), name, _INK)
    bar = _TILE / DIAMETERS / 2
    draw.rectangle((_GAP + 6, _TILE + _GAP - 12, _GAP + 6 + bar, _TILE + _GAP - 8), "white")
    draw.text((_GAP + 6 + bar + 6, _TILE + _GAP - 19), f"{one.diameter_angstrom / 20:.3g} nm", "white")
    look = average.agreement()
    _plot(draw, 3 * (_TILE + _GAP) + 3 * _GAP, look.curve, look.chance)
    picture.save(path, "PNG")


def _slice(volume: Array, axis: int) -> Image.Image:
    """The mean of the two voxels about the middle; the darkest and brightest of the whole give the greys."""
    low, high = np.percentile(volume, (1, 99.8))
    plane = volume.take([SIDE // 2 - 1, SIDE // 2], axis).mean(axis)
    grey = np.clip((plane - low) / max(high - low, 1e-9), 0, 1) * 255
    return Image.fromarray(grey.astype(np.uint8)).resize((_TILE, _TILE), Image.Resampling.BICUBIC).convert("RGB")


def _plot(draw: ImageDraw.ImageDraw, left: int, curve: HalfCorrelation, chance: HalfCorrelation) -> None:
    right, top, bottom = left + _PLOT_WIDTH - 6 * _GAP, _GAP, _GAP + _TILE - 20
    last = float(curve.frequency[-1])

    def at(frequency: float, correlation: float) -> tuple[float, float]:
        along, up = frequency / last, (min(max(correlation, -0.2), 1) + 0.2) / 1.2
        return left + along * (right - left), bottom - up * (bottom - top)

    for level, shade in ((0.0, _FAINT), (THRESHOLD, _FAINT), (1.0, _FAINT)):
        draw.line([at(0, level), at(last, level)], shade)
        draw.text((left - 6, at(0, level)[1]), f"{level:g}", _INK, anchor="rm")
    draw.line([at(0, -0.2), at(0, 1)], _INK)
    draw.line([at(0, -0.2), at(last, -0.2)], _INK)
    for tick in (0.25, 0.5, 0.75, 1.0):
        draw.text((at(tick * last, -0.2)[0], bottom + 4), f"{0.1 / (tick * last):.2g} nm", _INK, anchor="ma")
    for each, colour in ((chance, _CHANCE), (curve, _CURVE)):
        draw.line([at(f, c) for f, c in zip(each.frequency, each.correlation, strict=True)], colour, 2)
    draw.text((right + 8, at(0, 0.95)[1]), "picks", _CURVE, anchor="lm")
    draw.text((right + 8, at(0, 0.82)[1]), "chance", _CHANCE, anchor="lm")
