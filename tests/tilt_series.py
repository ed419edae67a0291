"""Folders as AreTomo3 leaves them, with the alignment model of the program itself, written out plainly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import mrcfile
import numpy as np


@dataclass(frozen=True)
class Aligned:
    """A tilt series as AreTomo3 has aligned it. Its images are in the order of their tilts, as in the stack.

    size_xy: of an image, unbinned. dark: indices of images that were left out. alpha: tilt offset, degrees.
    """

    size_xy: tuple[int, int] = (40, 36)
    nominal: Sequence[float] = (-40.0, -20.0, 0.0, 20.0, 40.0)
    axis: float = 84.5
    shifts: Sequence[tuple[float, float]] = ((3.5, -2.25), (1.0, 0.5), (0.0, 0.0), (-2.0, 4.125), (7.75, -6.5))
    order: Sequence[int] = (4, 2, 1, 3, 5)
    dose: float = 3.0
    alpha: float = 0.0
    dark: Sequence[int] = ()
    pixel: float = 2.0
    binning: int = 2
    depth_voxels: int = 10
    defocus: Sequence[float] = field(default=(31000.0, 30500.0, 30000.0, 29500.0, 29000.0))

    @property
    def used(self) -> list[int]:
        return [index for index in range(len(self.nominal)) if index not in self.dark]

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """AreTomo3 turns images by a right angle where the axis is steep (CCorrectUtil::CalcAlignedSize)."""
        x, y = self.size_xy if abs(np.sin(np.radians(self.axis))) <= 0.707 else self.size_xy[::-1]
        return self.depth_voxels, y // self.binning, x // self.binning

    def where(self, voxel_xyz: Sequence[float], index: int) -> np.ndarray:
        """The pixel (index x, y) of raw image `index` in which AreTomo3 has the voxel (index x, y, z) of -FlipVol 1.

        Each step is one of the program's, backwards: slices are reversed when z is made of them (FlipVol) and when they
        are stored (CDoWbpRecon); slice k has its part of the aligned image at x cos + k sin (GBackProj); that is the
        raw image, turned and shifted (GCorrPatchShift). Middles are n / 2, where pixel i is from i to i + 1.
        """
        depth, height, width = self.shape_zyx
        stored = depth - 1 - voxel_xyz[2]
        place = (*voxel_xyz[:2], depth - 1 - stored)
        x, y, k = (
            (one + 0.5 - size / 2) * self.binning for one, size in zip(place, (width, height, depth), strict=True)
        )
        tilt, axis = np.radians(self.nominal[index] + self.alpha), np.radians(self.axis)
        u = x * np.cos(tilt) + k * np.sin(tilt)
        raw = (u * np.cos(axis) - y * np.sin(axis), u * np.sin(axis) + y * np.cos(axis))
        return np.array(raw) + self.shifts[index] + np.array(self.size_xy) / 2 - 0.5


def aln(series: Aligned) -> str:
    """The .aln, as CSaveAlignFile writes it."""
    lines = ["# AreTomo Alignment / Priims bprmMn", f"# RawSize = {series.size_xy[0]} {series.size_xy[1]} "]
    lines[-1] += str(len(series.nominal))
    lines.append("# NumPatches = 0")
    for index in series.dark:
        lines.append(f"# DarkFrame =  {index:4d} {index:4d} {series.nominal[index]:8.2f}")
    lines += [f"# AlphaOffset = {series.alpha:8.2f}", "# BetaOffset =     0.00", "# Thickness = 15"]
    lines.append("# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE     TILT")
    for index in series.used:
        x, y = series.shifts[index]
        tilt = series.nominal[index] + series.alpha
        lines.append(
            f"{index:5d}  {series.axis:9.4f}  {1:9.5f}  {x:9.3f}  {y:9.3f}  {1:7.2f}  {1:7.2f}  {1:7.2f}  {0:7.2f}  "
            f"{tilt:8.2f}"
        )
    return "\n".join(lines) + "\n"


def tlt(series: Aligned) -> str:
    """The _TLT.txt, as CTsPackage writes it: all images, dark ones too."""
    rows = zip(series.nominal, series.order, strict=True)
    return "".join(f"{tilt:8.2f}  {order:4d}  {series.dose:8.2f}\n" for tilt, order in rows)


def ctf(series: Aligned, hand: int = -1) -> str:
    """The _CTF.txt of the images that were not dark."""
    rows = [
        f"{number:4d}   {series.defocus[index]:8.2f}  {series.defocus[index] - 400:8.2f}  {35.5:8.2f}  {0:9.4f}  "
        f"{0.1:8.4f}  {9.5:8.4f}  {hand:3d}"
        for number, index in enumerate(series.used, start=1)
    ]
    return "# Columns: #1 micrograph number; ...\n" + "\n".join(rows) + "\n"


def session(series: Aligned, **changed: object) -> str:
    """AreTomo3_Session.json, of which the settings of this kind are read."""
    settings = {"PixSize": series.pixel, "kV": 300.0, "Cs": 2.7, "AmpContrast": 0.07, "AtBin": [series.binning, 0, 0]}
    parameters = settings | {"FlipVol": 1} | changed
    software = {"name": "AreTomo3", "version": parameters.pop("version", "2.1.5_04-09-2025")}
    return json.dumps({"software": software, "parameters": parameters})


METRICS = "Tilt_Series,Thickness(Pix),Tilt_Axis,Pix_Size(A),Cs(nm),Kv\n{name}.mrc, 15, {axis}, {pixel}, 2.70, 300\n"


def aretomo3(folder: Path, name: str = "P_1", series: Aligned | None = None) -> Path:
    """A folder of AreTomo3's, but for the volume; returns where that would lie."""
    series = series or Aligned()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.aln").write_text(aln(series))
    (folder / f"{name}_TLT.txt").write_text(tlt(series))
    (folder / f"{name}_CTF.txt").write_text(ctf(series))
    (folder / "AreTomo3_Session.json").write_text(session(series))
    (folder / "TiltSeries_Metrics.csv").write_text(METRICS.format(name=name, axis=series.axis, pixel=series.pixel))
    stack(folder / f"{name}.mrc", series)
    return folder / f"{name}_Vol.mrc"


def stack(path: Path, series: Aligned) -> None:
    """The images, which are empty."""
    x, y = series.size_xy
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.zeros((len(series.nominal), y, x), np.float32))
        file.voxel_size = series.pixel


def without_images(series: Aligned, *dark: int) -> Aligned:
    """With these images dark."""
    return replace(series, dark=dark)


@dataclass(frozen=True)
class ImodAligned(Aligned):
    """As IMOD has aligned it: `shifts` are those of the .xf, in the aligned image. dark: views in EXCLUDELIST."""

    offset: float = 0.0

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Of R_full_rec turned upright; newstack does not turn the frame of images."""
        return self.depth_voxels, self.size_xy[1] // self.binning, self.size_xy[0] // self.binning

    @property
    def matrix(self) -> np.ndarray:
        """A of the .xf: it turns the tilt axis onto y."""
        axis = np.radians(self.axis)
        return np.array([[np.cos(axis), np.sin(axis)], [-np.sin(axis), np.cos(axis)]])

    def where(self, voxel_xyz: Sequence[float], index: int) -> np.ndarray:
        """The pixel (index x, y) of raw image `index` in which IMOD has a voxel (index x, y, z) of R_full_rec, upright.

        trimvol -rx has made z of rows, reversed; `tilt` has row t of the volume at x cos - t sin; `newstack` has made
        the aligned image of the raw one by A p + d. Middles are n / 2, where pixel i is from i to i + 1.
        """
        depth, height, width = self.shape_zyx
        place = (*voxel_xyz[:2], depth - 1 - voxel_xyz[2])
        x, y, t = (
            (one + 0.5 - size / 2) * self.binning for one, size in zip(place, (width, height, depth), strict=True)
        )
        tilt = np.radians(self.nominal[index] + self.alpha + self.offset)
        aligned = np.array([x * np.cos(tilt) - t * np.sin(tilt), y])
        return np.linalg.inv(self.matrix) @ (aligned - self.shifts[index]) + np.array(self.size_xy) / 2 - 0.5


def imod(folder: Path, name: str = "R", series: ImodAligned | None = None) -> Path:
    """A data set of IMOD's, but for the volume; returns where R_full_rec would lie."""
    series = series or ImodAligned()
    folder.mkdir(parents=True, exist_ok=True)
    numbers = " ".join(f"{value:12.7f}" for value in series.matrix.ravel())
    (folder / f"{name}.xf").write_text("".join(f"{numbers} {x:11.3f} {y:11.3f}\n" for x, y in series.shifts))
    (folder / f"{name}.tlt").write_text("".join(f"{tilt + series.alpha:8.2f}\n" for tilt in series.nominal))
    (folder / f"{name}.rawtlt").write_text("".join(f"{tilt:8.2f}\n" for tilt in series.nominal))
    (folder / "newst.com").write_text(
        f"$newstack -StandardInput\nInputFile\t{name}.st\nOutputFile\t{name}_ali.mrc\nTransformFile\t{name}.xf\n"
        f"OffsetsInXandY\t0.0,0.0\nImagesAreBinned\t1.0\nBinByFactor\t{series.binning}\n"
    )
    excluded = f"EXCLUDELIST {','.join(str(view + 1) for view in series.dark)}\n" if series.dark else ""
    (folder / "tilt.com").write_text(
        f"$tilt -StandardInput\nInputProjections {name}_ali.mrc\nOutputFile {name}_full_rec.mrc\n"
        f"IMAGEBINNED {series.binning}\nTILTFILE {name}.tlt\nTHICKNESS {series.depth_voxels * series.binning}\n"
        f"XAXISTILT 0.0\nFULLIMAGE {series.size_xy[0]} {series.size_xy[1]}\nSUBSETSTART 0 0\nSHIFT 0.0 0.0\n"
        f"OFFSET {series.offset}\n{excluded}"
    )
    (folder / f"{name}_ctffind4.txt").write_text(
        "".join(f"{number} {u} {u - 400} 35.5 0.0 0.1 9.5\n" for number, u in enumerate(series.defocus, start=1))
    )
    (folder / f"{name}.mdoc").write_text(mdoc(series))
    stack(folder / f"{name}.st", series)
    return folder / f"{name}_full_rec.mrc"


def mdoc(series: Aligned) -> str:
    """SerialEM's, in the order in which the images were taken."""
    head = f"PixelSpacing = {series.pixel}\nVoltage = 300\nImageSize = {series.size_xy[0]} {series.size_xy[1]}\n\n"
    taken = sorted(zip(series.order, series.nominal, strict=True))
    return head + "\n".join(
        f"[ZValue = {number}]\nTiltAngle = {tilt + 0.003}\nExposureDose = {series.dose}\n"
        f"DateTime = 28-Apr-18  11:{number + 10}:54\n"
        for number, (_, tilt) in enumerate(taken)
    )
