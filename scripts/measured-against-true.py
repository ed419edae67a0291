"""Measure simulated tomograms whose truth is known: `python scripts/measured-against-true.py docs`, a few minutes."""

import sys
from pathlib import Path

import numpy as np
import torch

from livetomo.simulate.microscope import Microscope, Reconstruction, image
from livetomo.simulate.slab import Slab
from livetomo.stages.denoise.lowpass import lowpass, sigma_of_resolution
from livetomo.stages.measure.halves import RESOLUTIONS, half_figures, shell_correlation
from livetomo.stages.measure.thickness import structured_thickness

SHAPE = (128, 128, 128)
LOWPASS_ANGSTROM = 60.0
HEAD = """\
# Quality figures against the truth

Made by `python scripts/measured-against-true.py docs`. The specimens are slabs of structure of all sizes right up to
their faces, imaged by `livetomo simulate`'s microscope (tilts of ±60° in steps of 3°, halves of independent noise),
128 voxels along each axis, of 30 Å for the thickness (low-passed to 60 Å) and 10 Å for the halves. A thick slab at
little signal shows no face, and its thickness is missing rather than wrong. A figure reads low where particles lie
inside the faces (`structured_thickness` tells 15 % for those). A resolution is missing where the truth, too, is below
the threshold in the coarsest shells, which hold few coefficients. Real halves share more than signal, and real
specimens are emptier towards their faces.

![measured against true](pictures/measured-against-true.svg)
"""


def tomogram(slab: Slab, voxel: float, microscope: Microscope, seed: int) -> Reconstruction:
    """A slab full of structure, through the microscope."""
    rng = np.random.default_rng(seed)
    inside = np.abs(slab.height(SHAPE, voxel)) <= slab.thickness_angstrom / 2
    structure = lowpass(torch.from_numpy(rng.standard_normal(SHAPE, dtype=np.float32)), sigma_voxels=0.7).numpy()
    return image(structure * inside, voxel, microscope, seed)


def thickness_rows() -> list[tuple[float, float, float, float | None]]:
    """(SNR, slope in degrees, true, measured) in Å."""
    voxel, rows = 30.0, []
    for snr, degrees in ((0.5, 0), (0.05, 0), (0.05, 8), (0.05, 15)):
        for true in (600.0, 1200.0, 2000.0, 3000.0):
            slab = Slab(true, slope=(0.0, float(np.tan(np.deg2rad(degrees)))))
            volume = torch.from_numpy(tomogram(slab, voxel, Microscope(snr=snr), 1).volume)
            smooth = lowpass(volume, sigma_voxels=sigma_of_resolution(LOWPASS_ANGSTROM / voxel))
            rows.append((snr, degrees, true, structured_thickness(smooth, voxel_size_angstrom=voxel).value))
    return rows


def half_rows() -> list[tuple[float, str, float | None, float | None]]:
    """(SNR, figure, true, measured): the truth is how far one half agrees with what would be seen without noise."""
    voxel, rows = 10.0, []
    slab = Slab(900.0)
    clean = torch.from_numpy(tomogram(slab, voxel, Microscope(snr=1e8, phase_flipped=True), 2).volume)
    for snr in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0):
        made = tomogram(slab, voxel, Microscope(snr=snr, phase_flipped=True), 2)
        even, odd = torch.from_numpy(made.even), torch.from_numpy(made.odd)
        truth = shell_correlation(even, clean, voxel_size_angstrom=voxel)
        truth = type(truth)(truth.frequency, truth.correlation.clamp(min=0) ** 2, truth.coefficients)
        mean, _ = truth.band(100, 30)
        true = {"band_snr": 2 * mean / (1 - mean)}
        true |= {name: truth.resolution(threshold) for name, threshold in RESOLUTIONS.items()}
        measured = {figure.name: figure.value for figure in half_figures(even, odd, voxel_size_angstrom=voxel)}
        rows += [(snr, name, value, measured[name]) for name, value in true.items()]
    return rows


def said(value: float | None) -> str:
    """A number with three digits."""
    return "missing" if value is None else f"{value:.3g}"


def error(true: float | None, measured: float | None) -> str:
    """How far off, in percent."""
    return "" if true is None or measured is None else f"{(measured / true - 1) * 100:+.0f} %"


def plot(panels: dict[str, list[tuple[float, float, str]]]) -> str:
    """Measured over true, both logarithmic, with the diagonal; one panel for each title."""
    side, gap, parts = 260, 60, []
    for number, (title, points) in enumerate(panels.items()):
        low, high = (f(value for x, y, _ in points for value in (x, y)) for f in (min, max))
        low, high = np.log(low) - 0.1, np.log(high) + 0.1
        left = gap + number * (side + gap)

        def at(value: float, low: float = low, high: float = high) -> float:
            return side * (np.log(value) - low) / (high - low)

        parts.append(f'<rect x="{left}" y="40" width="{side}" height="{side}" fill="none" stroke="#888"/>')
        parts.append(f'<line x1="{left}" y1="{40 + side}" x2="{left + side}" y2="40" stroke="#bbb"/>')
        parts.append(f'<text x="{left}" y="28">{title}: measured over true</text>')
        for value in (np.exp(low + 0.1), np.exp(high - 0.1)):
            parts.append(f'<text x="{left + at(value) - 10:.0f}" y="{side + 58}">{value:.3g}</text>')
            parts.append(f'<text x="{left - 40}" y="{44 + side - at(value):.0f}">{value:.3g}</text>')
        for x, y, colour in points:
            parts.append(f'<circle cx="{left + at(x):.1f}" cy="{40 + side - at(y):.1f}" r="4" fill="{colour}"/>')
    width = gap + len(panels) * (side + gap)
    style = 'font-family="sans-serif" font-size="12"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{side + 80}" {style}>\n{body}\n</svg>\n'


def main(docs: Path) -> None:
    """Write the page and its picture."""
    thickness, halves = thickness_rows(), half_rows()
    text = HEAD + "\n## Thickness (Å)\n\n| SNR | slope | true | measured | error |\n|---|---|---|---|---|\n"
    for snr, degrees, true, found in thickness:
        number = "missing" if found is None else f"{found:.0f}"
        text += f"| {snr:g} | {degrees}° | {true:.0f} | {number} | {error(true, found)} |\n"
    text += "\n## Halves\n\nThe truth is the square of one half's correlation with the same tomogram without noise.\n\n"
    text += "| SNR of a view | figure | true | measured | error |\n|---|---|---|---|---|\n"
    for snr, name, value, found in halves:
        text += f"| {snr:g} | `{name}` | {said(value)} | {said(found)} | {error(value, found)} |\n"
    (docs / "quality-truth.md").write_text(text, encoding="utf-8")
    known = [(true, found, "#c33" if tilt else "#27a") for _, tilt, true, found in thickness if found]
    panels = {"thickness (Å; red: sloping)": known}
    for name in ("band_snr", "fsc_0143_resolution"):
        panels[name] = [(a, b, "#27a") for _, figure, a, b in halves if figure == name and a and b]
    (docs / "pictures" / "measured-against-true.svg").write_text(plot(panels), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
