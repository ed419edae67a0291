"""Measure simulated tomograms whose truth is known: `python scripts/measured-against-true.py docs`, a few minutes."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.quality.definitions import judged
from livetomo.core.quality.metric import Quality
from livetomo.processing.denoise.lowpass import lowpass
from livetomo.processing.measure.halves import RESOLUTIONS, focus, half_figures, shell_correlation
from livetomo.processing.measure.volume import volume_figures
from livetomo.processing.normalise import clip_, normalise_
from livetomo.simulate.easy import Easy, easy_specimen
from livetomo.simulate.microscope import Microscope, SimulatedReconstruction, image
from livetomo.simulate.random_cell import Library, random_microscope, random_specimen
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import draw
from livetomo.simulate.tomogram import simulate_cell

SHAPE = (128, 128, 128)
HEAD = """\
# Quality figures against the truth

This page compares quality figures with the truth of simulated tomograms. `python scripts/measured-against-true.py docs`
makes it, in a few minutes. The simulated microscope of `livetomo simulate` images each specimen; the two half-maps have
independent noise. The thickness is that across the slab. A negative error means that the measured value is too low.

![measured against true](pictures/measured-against-true.svg)
"""
SLABS = """
## Thickness and tilt

These slabs are full of structure of all sizes, right up to their faces. The tilt range is ±60° in steps of 3°; the
volumes have 128 voxels of 30 Å along each axis. A face is measured where half of the structure begins, however blurred
it is.

| SNR of a view | true tilt | true thickness (Å) | measured | error | measured tilt | confidence |
|---|---|---|---|---|---|---|
"""
CELLS = """
The next table is of random pieces of cells (`livetomo simulate`, 112 x 160 x 160 voxels of 22 Å, SNR of a view 0.05 to
0.5). Their particles and membranes lie wholly within the faces. If the slab almost fills the volume, which is 2464 Å
deep, or holds much more in one place than in others, a tilt of a few degrees is not seen.

| seed | true tilt | true thickness (Å) | measured | error | measured tilt | confidence |
|---|---|---|---|---|---|---|
"""
BANDS = """
## Resolution of half-maps with a known limit

The slabs of 900 Å, with voxels of 10 Å, hold white structure that ends at a known resolution, the true limit; each
half-map has its own white noise. At an SNR of 1 the true correlation is 0.5 at every resolution up to the limit:
`fsc_05_resolution` is left to chance and is not in the table.

| SNR of a half | figure | true limit (Å) | measured | error |
|---|---|---|---|---|
"""
HALVES = """
## Half-maps of the simulated microscope

Here the microscope images slabs of 900 Å, with voxels of 10 Å. The truth is the squared correlation of one half-map
with the same tomogram without noise. A resolution is missing if the correlation is below the threshold in the coarsest
shells, which hold few coefficients. Half-maps of a real microscope share more than the signal, such as their
alignment.

| SNR of a view | figure | true | measured | error |
|---|---|---|---|---|
"""
FOCUS = """
## Alignment

In these specimens, pieces of cells and an easy one, each view is misplaced at random. The misalignment is the standard
deviation along each direction of the image. Both half-maps share it, so that they still agree, but the slab loses
contrast. `focus` is warn below 0.3 and bad below 0.12; it is missing if misalignment has smeared the slab so much that
no face is seen, and the volume is not empty.

| specimen | misalignment (Å) | halves_agreement | contrast | sharpness (Å) | focus | verdict |
|---|---|---|---|---|---|---|
"""


def tomogram(slab: IceSlab, voxel: float, microscope: Microscope, seed: int) -> SimulatedReconstruction:
    """A slab full of structure, through the microscope."""
    rng = np.random.default_rng(seed)
    inside = np.abs(slab.height(TomogramGeometry(SHAPE, voxel))) <= slab.thickness_angstrom / 2
    structure = lowpass(torch.from_numpy(rng.standard_normal(SHAPE, dtype=np.float32)), sigma_voxels=0.7).numpy()
    return image(structure * inside, voxel, microscope, seed)


def figures(volume: np.ndarray, voxel: float) -> dict[str, Quality]:
    """The figures of a volume by itself."""
    prepared = clip_(normalise_(torch.from_numpy(np.array(volume, np.float32)), "dark"))
    return {quality.name: quality for quality in volume_figures(prepared, voxel_size_angstrom=voxel).figures}


def slab_row(first: object, slab: IceSlab, found: dict[str, Quality]) -> tuple[str, float, float | None]:
    """A line of the table, and what is true and measured, in Å."""
    slope = np.hypot(*slab.slope)
    true, tilt = slab.thickness_angstrom / np.hypot(1, slope), np.rad2deg(np.arctan(slope))
    value = {name: found[name].value for name in ("thickness", "slab_tilt", "thickness_confidence")}
    cells = [
        str(first),
        f"{tilt:.1f}°",
        f"{true:.0f}",
        said(value["thickness"], ".0f"),
        error(true, value["thickness"]),
    ]
    cells += [said(value["slab_tilt"], ".1f") + ("°" if value["slab_tilt"] is not None else "")]
    cells += [said(value["thickness_confidence"], ".2f")]
    return "| " + " | ".join(cells) + " |\n", true, value["thickness"]


def slab_rows() -> Iterator[tuple[str, float, float | None]]:
    """Slabs of any thickness and tilt."""
    for snr, degrees, true in product((0.05, 0.3), (0, 7, 15), (600.0, 1000.0, 1500.0, 2000.0, 3000.0)):
        slope = float(np.tan(np.deg2rad(degrees)))
        slab = IceSlab(true * float(np.hypot(1, slope)), slope=(0.0, slope))
        yield slab_row(snr, slab, figures(tomogram(slab, 30.0, Microscope(snr=snr), 1).volume, 30.0))


def cell_rows() -> Iterator[tuple[str, float, float | None]]:
    """Pieces of cells."""
    for seed in range(8):
        cell = simulate_cell(seed, TomogramGeometry((112, 160, 160), 22.0), snr=(0.05, 0.5))
        yield slab_row(seed, cell.slab, figures(cell.reconstruction.volume, 22.0))


def band_rows() -> Iterator[tuple[float, str, float, float | None]]:
    """(SNR, figure, true, measured) in Å."""
    k2 = sum(np.meshgrid(*(np.fft.fftfreq(n, 10.0) ** 2 for n in SHAPE), indexing="ij"))
    rng = np.random.default_rng(3)
    white = np.fft.fftn(rng.standard_normal(SHAPE))
    noise = rng.standard_normal((2, *SHAPE))
    slab = np.abs(np.arange(SHAPE[0]) - (SHAPE[0] - 1) / 2)[:, None, None] <= 45
    for snr, limit in product((1.0, 5.0), (25.0, 35.0, 50.0, 80.0)):
        signal = np.sqrt(snr) * np.fft.ifftn(white * (k2 < limit**-2)).real * slab
        even, odd = (torch.from_numpy((signal + one).astype(np.float32)) for one in noise)
        found = {quality.name: quality.value for quality in half_figures(even, odd, voxel_size_angstrom=10.0)}
        names = RESOLUTIONS if snr > 1 else ["fsc_0143_resolution"]
        yield from ((snr, name, limit, found[name]) for name in names)


def focus_rows() -> Iterator[str]:
    """Well and badly aligned views of the same specimens."""
    grid, specimens = TomogramGeometry((96, 128, 128), 22.0), {}
    for seed in (0, 1, 2, 6):
        rng = np.random.default_rng([seed, 0])
        density, _ = draw(random_specimen(rng, grid, Library()), grid, seed)
        specimens[f"cell {seed}"] = density, random_microscope(rng, (0.05, 0.5)), 22.0
    easy = Easy(TomogramGeometry(grid.shape_zyx, 20.0), ribosomes=40)
    density, _ = draw(easy_specimen(3, easy), easy.geometry, 3)
    specimens["easy"] = density, easy.microscope, 20.0
    for (name, (density, microscope, voxel)), jitter in product(specimens.items(), (0.0, 10.0, 30.0, 100.0, 300.0)):
        made = image(density, voxel, replace(microscope, jitter_angstrom=jitter), 5)
        even, odd = torch.from_numpy(made.even), torch.from_numpy(made.odd)
        found = figures(made.volume, voxel)
        found |= {quality.name: quality for quality in half_figures(even, odd, voxel_size_angstrom=voxel)}
        contrast, coarse = found["contrast"].value, found["coarse_snr"].value
        focused = None if contrast is None or coarse is None else focus(contrast, coarse)
        cells = [f"{name}, SNR {microscope.snr:.2f}", f"{jitter:.0f}"]
        cells += [said(found[one].value) for one in ("halves_agreement", "contrast", "sharpness")]
        cells += [said(focused.value), judged(focused).verdict] if focused else ["missing", ""]
        yield "| " + " | ".join(cells) + " |\n"


def half_rows() -> list[tuple[float, str, float | None, float | None]]:
    """(SNR, figure, true, measured): the truth is how far one half agrees with what would be seen without noise."""
    voxel, rows = 10.0, []
    slab = IceSlab(900.0)
    clean = torch.from_numpy(tomogram(slab, voxel, Microscope(snr=1e8, phase_flipped=True), 2).volume)
    for snr in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0):
        made = tomogram(slab, voxel, Microscope(snr=snr, phase_flipped=True), 2)
        even, odd = torch.from_numpy(made.even), torch.from_numpy(made.odd)
        truth = shell_correlation(even, clean, voxel_size_angstrom=voxel)
        truth = type(truth)(truth.frequency, truth.correlation.clamp(min=0) ** 2, truth.coefficients)
        mean, _ = truth.band(100, 30)
        true: dict[str, float | None] = {"band_snr": 2 * mean / (1 - mean)}
        true |= {name: truth.resolution(threshold) for name, threshold in RESOLUTIONS.items()}
        measured = {figure.name: figure.value for figure in half_figures(even, odd, voxel_size_angstrom=voxel)}
        rows += [(snr, name, value, measured[name]) for name, value in true.items()]
    return rows


def said(value: float | None, shape: str = ".3g") -> str:
    """A number with three digits, or as `shape` says."""
    return "missing" if value is None else format(value, shape)


def error(true: float | None, measured: float | None) -> str:
    """How far off, in percent."""
    return "" if true is None or measured is None else f"{(measured / true - 1) * 100:+.0f} %"


def plot(panels: dict[str, list[tuple[float, float, str]]]) -> str:
    """Measured over true, both logarithmic, with the diagonal; one panel for each title."""
    side, gap, parts = 260, 60, []
    for number, (title, points) in enumerate(panels.items()):
        low, high = (f(value for x, y, _ in points for value in (x, y)) for f in (min, max))
        low, high = math.log(low) - 0.1, math.log(high) + 0.1
        left = gap + number * (side + gap)

        def at(value: float, low: float = low, high: float = high) -> float:
            return side * (math.log(value) - low) / (high - low)

        parts.append(f'<rect x="{left}" y="40" width="{side}" height="{side}" fill="none" stroke="#888"/>')
        parts.append(f'<line x1="{left}" y1="{40 + side}" x2="{left + side}" y2="40" stroke="#bbb"/>')
        parts.append(f'<text x="{left}" y="28">{title}: measured over true</text>')
        for value in (np.exp(low + 0.1), np.exp(high - 0.1)):
            parts.append(f'<text x="{left + at(value) - 10:.0f}" y="{side + 58}">{value:.4g}</text>')
            parts.append(f'<text x="{left - 40}" y="{44 + side - at(value):.0f}">{value:.4g}</text>')
        for x, y, colour in points:
            parts.append(f'<circle cx="{left + at(x):.1f}" cy="{40 + side - at(y):.1f}" r="4" fill="{colour}"/>')
    width = gap + len(panels) * (side + gap)
    style = 'font-family="sans-serif" font-size="12"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{side + 80}" {style}>\n{body}\n</svg>\n'


def main(docs: Path) -> None:
    """Write the page and its picture."""
    slabs, cells, halves, bands = list(slab_rows()), list(cell_rows()), half_rows(), list(band_rows())
    text = HEAD + SLABS + "".join(row for row, _, _ in slabs) + CELLS + "".join(row for row, _, _ in cells)
    for title, rows in ((BANDS, bands), (HALVES, halves)):
        text += title
        for snr, name, value, found in rows:
            text += f"| {snr:g} | `{name}` | {said(value)} | {said(found)} | {error(value, found)} |\n"
    text += FOCUS + "".join(focus_rows())
    (docs / "quality-truth.md").write_text(text, encoding="utf-8")
    panels = {
        "thickness, Å (red: cells)": [
            (true, found, colour)
            for rows, colour in ((slabs, "#27a"), (cells, "#c33"))
            for _, true, found in rows
            if found
        ],
        "band limit, Å": [(true, found, "#27a") for _, _, true, found in bands if found],
    }
    for name in ("band_snr", "fsc_0143_resolution"):
        panels[name] = [(a, b, "#27a") for _, figure, a, b in halves if figure == name and a and b]
    (docs / "pictures" / "measured-against-true.svg").write_text(plot(panels), encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the same sums on every machine
    main(Path(sys.argv[1]))
