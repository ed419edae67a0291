"""Pictures of a tomogram that an operator reads at a glance: central slabs, picks as circles, a scale bar."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks

PALETTE = ("#ffb000", "#22c7e8", "#ff5d8f", "#7ddf64", "#b78bff", "#ff8a3c")
_AVOIDED_COLOUR = "#ff3c3c"
_REGION_COLOURS = ("#35b8ff", "#6fe36b", "#c79bff", "#f4e04d", "#ff9d5c", "#ff8ad8")
_SHADE = 110
_WIDTH = 768
_TILE = 256
_SLAB_ANGSTROM = 120.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What the pictures show.

    volume:  float32 (z, y, x), in the file's own polarity.
    picks:   by feature, each with the diameter (Å) that its circles have.
    labels:  int8 (z, y, x), which region each voxel belongs to; over the whole volume, as fine as it may be.
    regions: by feature, its label; those in `avoided`, what is kept away from, are red.
    """

    volume: npt.NDArray[np.float32]
    geometry: TomogramGeometry
    picks: Mapping[str, tuple[Picks, float]] = field(default_factory=dict)
    labels: npt.NDArray[np.int8] | None = None
    regions: Mapping[str, int] = field(default_factory=dict)
    avoided: Collection[str] = ()

    def region_colours(self) -> dict[str, str]:
        """By feature."""
        others = iter(_REGION_COLOURS * (1 + len(self.regions)))
        return {name: _AVOIDED_COLOUR if name in self.avoided else next(others) for name in self.regions}


def write_previews(folder: Path, scene: Scene) -> None:
    """Write `xy.png`, `xz.png`, `overlay.png` and the gallery's `tile.png` into `folder`."""
    plane = _Plane.through(scene, axis=0)
    plain = plane.picture(_WIDTH)
    _save(_with_scale_bar(plain, plane.angstrom_per_pixel(plain)).convert("L"), folder / "xy.png")
    overlay = plane.overlay(_WIDTH)
    overlay = _with_scale_bar(overlay, plane.angstrom_per_pixel(overlay))
    _save(_with_legend(overlay, scene, plane.seen()), folder / "overlay.png")
    _save(plane.overlay(_TILE), folder / "tile.png")
    side = _Plane.through(scene, axis=1)
    picture = side.picture(_WIDTH)
    _save(_with_scale_bar(picture, side.angstrom_per_pixel(picture)).convert("L"), folder / "xz.png")


def _save(picture: Image.Image, path: Path) -> None:
    """In full colours: a palette leaves few greys for the tomogram itself, and fewer below a tint.

    They are three times the bytes, which more effort does not make fewer.
    """
    picture.save(path, compress_level=3 if picture.mode == "RGB" else 7)


@dataclass(frozen=True, slots=True)
class _Plane:
    """A slab through the middle, averaged along `axis` (0 z, 1 y), as grey levels; x runs right, rows down."""

    scene: Scene
    grey: npt.NDArray[np.uint8]
    axis: int
    middle: float

    @classmethod
    def through(cls, scene: Scene, axis: int) -> "_Plane":
        extent = scene.volume.shape[axis]
        half = max(1, round(scene.geometry.voxels(_SLAB_ANGSTROM) / 2))
        first, last = max(0, extent // 2 - half), min(extent, extent // 2 + half + 1)
        slab = scene.volume[first:last] if axis == 0 else scene.volume[:, first:last]
        return cls(scene, _grey(slab.mean(axis=axis)), axis, (first + last - 1) / 2)

    def picture(self, width: int) -> Image.Image:
        rows, columns = self.grey.shape
        scale = min(width / columns, width / rows, 4.0)
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        return Image.fromarray(self.grey).resize(size, Image.Resampling.LANCZOS).convert("RGB")

    def angstrom_per_pixel(self, picture: Image.Image) -> float:
        columns: int = self.grey.shape[1]
        return self.scene.geometry.voxel_size_angstrom * columns / picture.width

    def overlay(self, width: int) -> Image.Image:
        """The picture with regions tinted and, where a particle's sphere is cut by the slab's middle, its circle."""
        scene, picture = self.scene, self.picture(width)
        if scene.labels is not None:
            cut = self._cut(scene.labels)
            for name, colour in scene.region_colours().items():
                picture = _tinted(picture, cut == scene.regions[name], colour)
        enlarged = 2  # drawn twice as large and shrunk: Pillow's lines are not smooth by themselves
        size = (picture.width * enlarged, picture.height * enlarged)
        scale = size[0] / self.grey.shape[1]
        line = max(3, round(size[0] / 420))
        for (picks, diameter), colour in zip(scene.picks.values(), _colours(len(scene.picks)), strict=True):
            rings = Image.new("L", size)
            pen = ImageDraw.Draw(rings)
            for x, y, radius in self._circles(picks, scene.geometry.voxels(diameter / 2)):
                centre_x, centre_y, reach = (x + 0.5) * scale, (y + 0.5) * scale, radius * scale
                box = (centre_x - reach, centre_y - reach, centre_x + reach, centre_y + reach)
                pen.ellipse(box, outline=255, width=line)
            shade = rings.resize(picture.size, Image.Resampling.BOX)
            picture = Image.composite(Image.new("RGB", picture.size, colour), picture, shade)
        return picture

    def _circles(self, picks: Picks, radius: float) -> Sequence[tuple[float, float, float]]:
        off = np.abs(picks.position[:, self.axis] - self.middle)
        cut = off < radius * 0.9
        across = np.sqrt(radius**2 - off[cut] ** 2)
        rows = picks.position[cut, 1 - self.axis]
        return list(zip(picks.position[cut, 2].tolist(), rows.tolist(), across.tolist(), strict=True))

    def seen(self) -> list[str]:
        """The regions that the slab's middle cuts."""
        if self.scene.labels is None:
            return []
        there = set(np.unique(self._cut(self.scene.labels)).tolist())
        return [name for name, label in self.scene.regions.items() if label in there]

    def _cut(self, labels: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """The labels in the slab's middle; their grid begins where the volume's does, with voxels of its own size."""
        n = labels.shape[self.axis]
        extent = self.scene.volume.shape[self.axis]
        cut: npt.NDArray[np.int8] = labels.take(min(round(self.middle * n / extent), n - 1), axis=self.axis)
        return cut


def _tinted(picture: Image.Image, region: npt.NDArray[np.bool_], colour: str) -> Image.Image:
    shade = Image.fromarray((region * _SHADE).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", picture.size, colour), picture, shade)


def _grey(image: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Stretched between the 0.5th and the 99.5th percentile."""
    low, high = np.percentile(image, (0.5, 99.5))
    levels: npt.NDArray[np.float32] = (image - low) * (255 / max(high - low, 1e-12))
    return levels.clip(0, 255).astype(np.uint8)


def _colours(count: int) -> list[str]:
    return [PALETTE[number % len(PALETTE)] for number in range(count)]


def _with_scale_bar(picture: Image.Image, angstrom_per_pixel: float) -> Image.Image:
    """A bar of a round length, at most a quarter of the width, with its length below right."""
    longest = picture.width / 4 * angstrom_per_pixel / 10
    power = 10 ** np.floor(np.log10(longest))
    length = next(factor * power for factor in (5, 2, 1) if factor * power <= longest)
    text = f"{length / 1000:g} µm" if length >= 1000 else f"{length:g} nm"
    pixels = round(length * 10 / angstrom_per_pixel)
    edge = max(8, picture.width // 48)
    pen = ImageDraw.Draw(picture)
    bottom, right, height = picture.height - edge, picture.width - edge, max(3, picture.width // 160)
    pen.rectangle((right - pixels - 1, bottom - height - 1, right + 1, bottom + 1), fill="black")
    pen.rectangle((right - pixels, bottom - height, right, bottom), fill="white")
    _write(pen, (right - pixels / 2, bottom - height - 4), text, "mb", picture.width)
    return picture


def _with_legend(picture: Image.Image, scene: Scene, regions: Collection[str]) -> Image.Image:
    pen = ImageDraw.Draw(picture)
    edge = max(8, picture.width // 48)
    lines = [
        (f"{feature}: {len(picks):,} in the volume", colour)
        for (feature, (picks, _)), colour in zip(scene.picks.items(), _colours(len(scene.picks)), strict=True)
    ]
    lines += [(name, colour) for name, colour in scene.region_colours().items() if name in regions]
    for number, (text, colour) in enumerate(lines):
        _write(pen, (edge, edge + number * picture.width // 34), text, "lt", picture.width, colour)
    return picture


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, anchor: str, width: int, colour: str = "white"
) -> None:
    font = ImageFont.load_default(max(11, width // 44))
    pen.text(place, text, fill=colour, anchor=anchor, font=font, stroke_width=2, stroke_fill="black")
