"""A picture by which a person recognises a particle, and sees what a tomogram will show of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import affine_transform, gaussian_filter

from livetomo.core.particle_map import ParticleMap
from livetomo.processing.particle_map.outline import Floats

PANEL = 220
_GAP, _LEFT, _HEAD, _CAPTION = 8, 14, 62, 22
_MARGIN = 1.12
_LOW_PASS_ANGSTROM = (0.0, 25.0)
_INK, _FAINT, _ACCENT, _GROUND = "#1c1c1c", "#6a6a6a", "#ffb000", "#ffffff"
_AXES = "zyx"


def draw_particles(particles: Sequence[ParticleMap]) -> Image.Image:
    """One block for each: its figures, then in two rows projections along z, y and x, and slices through the centre.

    The upper row is the map as it is; the lower one after a low-pass of 25 Å, about what a tomogram resolves. The line
    in the slices is where the particle ends. One scale for each block; lengths in nm, as Pillow's font has no Å.
    """
    blocks = [_block(particle) for particle in particles]
    width, height = max(block.width for block in blocks), sum(block.height for block in blocks)
    sheet = Image.new("RGB", (width, height), _GROUND)
    top = 0
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def _block(particle: ParticleMap) -> Image.Image:
    columns, rows = 2 * len(_AXES), len(_LOW_PASS_ANGSTROM)
    width = 2 * _LEFT + columns * (PANEL + _GAP)
    height = _HEAD + rows * (PANEL + _CAPTION + _GAP) + _LEFT
    block = Image.new("RGB", (width, height), _GROUND)
    pen = ImageDraw.Draw(block)
    pen.text((_LEFT, _LEFT), particle.name, _INK, _font(20))
    pen.text((_LEFT, _LEFT + 26), _sentence(particle), _FAINT, _font(14))
    span = 2 * particle.reach_angstrom * _MARGIN
    inside = _cube(particle.density > 0, particle, span) > 0.5
    for row, resolution in enumerate(_LOW_PASS_ANGSTROM):
        cube = _cube(_low_passed(particle, resolution), particle, span)
        top = _HEAD + row * (PANEL + _CAPTION + _GAP)
        for axis, letter in enumerate(_AXES):
            cut = np.take(cube, PANEL // 2, axis)
            line = np.take(inside, PANEL // 2, axis) if resolution == 0 else None
            for place, panel, caption in (
                (axis, _panel(cube.sum(axis=axis)), f"projection along {letter}"),
                (axis + len(_AXES), _panel(cut, line), f"slice across {letter}"),
            ):
                if place == 0:
                    _scale_bar(panel, span)
                left = _LEFT + place * (PANEL + _GAP)
                block.paste(panel, (left, top))
                shown = caption if resolution == 0 else f"{caption}, at {resolution / 10:g} nm"
                pen.text((left, top + PANEL + 3), shown, _FAINT, _font(13))
    return block


def _sentence(particle: ParticleMap) -> str:
    return (
        f"{particle.mass_dalton / 1e3:,.0f} kDa, diameter {particle.diameter_angstrom / 10:,.1f} nm, "
        f"radius of gyration {particle.radius_of_gyration_angstrom / 10:,.1f} nm, contour {particle.contour:.4g}, "
        f"symmetry {particle.symmetry}"
    )


def _low_passed(particle: ParticleMap, resolution_angstrom: float) -> Floats:
    """By a Gaussian that leaves a tenth of the amplitude at the resolution; as it is where that is 0."""
    if resolution_angstrom == 0:
        return particle.density
    sigma = resolution_angstrom / particle.voxel_size_angstrom * float(np.sqrt(2 * np.log(10))) / (2 * np.pi)
    smooth: Floats = gaussian_filter(np.pad(particle.density, int(np.ceil(3 * sigma))), sigma, mode="constant")
    return smooth


def _cube(density: npt.NDArray[np.generic], particle: ParticleMap, span_angstrom: float) -> Floats:
    """The particle in the middle of a cube of `PANEL` voxels, `span_angstrom` wide; `density` may have margins."""
    margin = (density.shape[0] - particle.density.shape[0]) // 2
    step = span_angstrom / PANEL / particle.voxel_size_angstrom
    start = particle.centre + margin - step * (PANEL - 1) / 2
    cube: Floats = affine_transform(density.astype(np.float32), np.full(3, step), start, (PANEL,) * 3, order=1)
    return cube


def _panel(image: Floats, inside: npt.NDArray[np.bool_] | None = None) -> Image.Image:
    """Bright on dark, upwards as axes run; a line around what is `inside`."""
    high = float(np.percentile(image[image > 0], 99.8)) if (image > 0).any() else 1.0
    grey = (255 * np.clip(image[::-1] / high, 0, 1) ** 0.8).astype(np.uint8)
    panel = Image.fromarray(grey).convert("RGB")
    if inside is not None:
        panel.paste(Image.new("RGB", panel.size, _ACCENT), mask=Image.fromarray(_edge(inside[::-1])))
    return panel


def _edge(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Where inside and outside meet."""
    padded = np.pad(inside, 1)
    around = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.where(inside & ~around, 255, 0).astype(np.uint8)


def _scale_bar(panel: Image.Image, span_angstrom: float) -> None:
    """A bar of a round length, at most 40 % of the width, with its length above it."""
    longest = 0.4 * span_angstrom
    power = 10.0 ** np.floor(np.log10(longest))
    length = next(factor * power for factor in (5, 2, 1) if factor * power <= longest)
    pixels = round(length / span_angstrom * panel.width)
    pen, edge = ImageDraw.Draw(panel), 10
    right, bottom = panel.width - edge, panel.height - edge
    pen.rectangle((right - pixels, bottom - 3, right, bottom), fill="white")
    pen.text((right - pixels / 2, bottom - 6), f"{length / 10:g} nm", "white", _font(14), "mb")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
