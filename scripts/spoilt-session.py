"""How much of what is spoilt reaches a session's star: make a session of which 30 % is spoilt, run it, and score it.

    python scripts/spoilt-session.py make FOLDER --first-seed 710001 --templates maps
    python scripts/spoilt-session.py run FOLDER
    python scripts/spoilt-session.py score FOLDER [FOLDER …]

`make` simulates tomograms as AreTomo3 names them, with halves. Three in ten are spoilt, of four kinds in turn:
misaligned (60 to 300 Å), too thick (4,000 to 5,800 Å), with a dead half-map, of the wrong polarity. It goes on where it
was stopped. `run` lets `livetomo run` process them, and ends when the star is there. `score` counts the star's picks of
spoilt tomograms, and the picks of good tomograms that the star lacks.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Never

import numpy as np
from tqdm import tqdm

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.tomogram import session_folder
from livetomo.formats.star import read_loops
from livetomo.results.session_picks import newest_results
from livetomo.simulate.microscope import Microscope, SimulatedReconstruction, image
from livetomo.simulate.random_cell import Library, random_microscope, random_slab, random_specimen
from livetomo.simulate.session import AreTomo3Naming, Exposure, expose
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import draw
from livetomo.simulate.templates import load_templates
from livetomo.simulate.tomogram import SNR

FEATURE = "ribosome"
VOXEL_ANGSTROM = 10.0
SHAPE = (128, 256, 256)
DEEP = (640, 256, 256)
# Whether a thick specimen lets electrons through: what is left of the signal falls with the thickness.
FADES_ANGSTROM = 3500.0
SPOILT = ("misaligned", "thick", "dead half", "polarity")
CONFIGURATION = """\
site = "spoilt"
state = "state"
output = "out"

[[watch]]
name = "simulated"
path = "microscope"
producers = ["aretomo3"]
since = "all"
recipe = "{recipe}"
settle = "1s"
rescan = "2s"

[http]
listen = "127.0.0.1:0"
"""


def main() -> None:
    """Make, run or score."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = words.add_subparsers(dest="part", required=True)
    making = parts.add_parser("make")
    making.add_argument("folder", type=Path)
    making.add_argument("--first-seed", type=int, required=True)
    making.add_argument("--templates", type=Path, required=True)
    making.add_argument("--map-tables", type=Path, help="masses of the templates; default: maps.toml among them")
    making.add_argument("--ribosome", default="4v4r")
    making.add_argument("--tomograms", type=int, default=40)
    running = parts.add_parser("run")
    running.add_argument("folder", type=Path)
    running.add_argument("--recipe", default="cellular")
    scoring = parts.add_parser("score")
    scoring.add_argument("folders", type=Path, nargs="+")
    wanted = words.parse_args()
    match wanted.part:
        case "make":
            library = Library.of(load_templates(wanted.templates, wanted.map_tables), wanted.ribosome)
            make(wanted.folder, wanted.first_seed, wanted.tomograms, library)
        case "run":
            run(wanted.folder, wanted.recipe)
        case "score":
            score(wanted.folders)


def make(folder: Path, first_seed: int, tomograms: int, library: Library) -> None:
    """`microscope/session/Position_N_Vol.mrc` with halves and sidecars, and `truth/Position_N.json`."""
    session, truth = folder / "microscope" / "session", folder / "truth"
    session.mkdir(parents=True, exist_ok=True)
    truth.mkdir(exist_ok=True)
    naming = AreTomo3Naming()
    for number, kind in enumerate(tqdm(_kinds(first_seed, tomograms), unit="tomogram"), start=1):
        told = truth / f"Position_{number}.json"
        if told.exists():
            continue
        reconstruction, microscope, ribosomes = _taken(first_seed + number - 1, kind, library)
        exposure = Exposure(f"Position_{number}", VOXEL_ANGSTROM, microscope, reconstruction, halves=True)
        expose(session, exposure, naming, seconds=0)
        told.write_text(json.dumps({"kind": kind, "ribosomes": ribosomes, "snr": microscope.snr}), encoding="utf-8")


def _kinds(seed: int, tomograms: int) -> list[str]:
    """Seven in ten are good, the others of the four kinds in turn; in an order by chance."""
    bad = [SPOILT[number % 4] for number in range(round(0.3 * tomograms))]
    kinds = np.array(["good"] * (tomograms - len(bad)) + bad)
    return [str(kind) for kind in np.random.default_rng([seed, 5]).permutation(kinds)]


def _taken(seed: int, kind: str, library: Library) -> tuple[SimulatedReconstruction, Microscope, int]:
    """The reconstruction, how it was taken, and how many ribosomes are in it."""
    rng = np.random.default_rng([seed, 0])
    geometry = TomogramGeometry(DEEP if kind == "thick" else SHAPE, VOXEL_ANGSTROM)
    specimen = random_specimen(rng, TomogramGeometry(SHAPE, VOXEL_ANGSTROM), library)
    microscope = random_microscope(rng, SNR)
    if kind == "thick":
        thickness = rng.uniform(4000, 5800)
        specimen = replace(specimen, slab=IceSlab(thickness, 0.0, random_slab(rng, geometry).slope))
        microscope = replace(microscope, snr=microscope.snr * math.exp(-(thickness - 1500) / FADES_ANGSTROM))
    if kind == "misaligned":
        microscope = replace(microscope, jitter_angstrom=rng.uniform(60, 300))
    density, truth = draw(specimen, geometry, seed)
    made = image(density, VOXEL_ANGSTROM, microscope, seed)
    if kind in _AFTERWARDS:
        made = _AFTERWARDS[kind](made, rng)
    return made, microscope, len(truth.picks.get(FEATURE, ()))


def _inverted(made: SimulatedReconstruction, rng: np.random.Generator) -> SimulatedReconstruction:
    return SimulatedReconstruction(-made.volume, -made.even, -made.odd)


def _dead_half(made: SimulatedReconstruction, rng: np.random.Generator) -> SimulatedReconstruction:
    """The odd half is empty, in the whole too or not, or holds nothing but noise."""
    match rng.integers(3):
        case 0:
            return replace(made, odd=np.zeros_like(made.odd))
        case 1:
            return replace(made, volume=made.even.copy(), odd=np.zeros_like(made.odd))
    noise = rng.normal(0, made.odd.std(), made.odd.shape).astype(np.float32)
    return replace(made, volume=(made.even + noise) * np.float32(0.5), odd=noise)


_AFTERWARDS: dict[str, Callable[[SimulatedReconstruction, np.random.Generator], SimulatedReconstruction]] = {
    "polarity": _inverted,
    "dead half": _dead_half,
}


def run(folder: Path, recipe: str) -> None:
    """Until each tomogram has a result or is put aside, and the session's star has been written after that."""
    (folder / "livetomo.toml").write_text(CONFIGURATION.format(recipe=recipe), encoding="utf-8")
    tomograms = len(list((folder / "truth").glob("*.json")))
    command = [sys.executable, "-m", "livetomo"]
    with (folder / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen([*command, "run", "livetomo.toml"], cwd=folder, stdout=log, stderr=log)
    try:
        with tqdm(total=tomograms, unit="tomogram") as bar:
            while not _is_finished(folder, tomograms, bar):
                if daemon.poll() is not None:
                    sys.exit(f"livetomo run ended; see {folder / 'daemon.log'}")
                time.sleep(2)
    finally:
        daemon.terminate()
        daemon.wait()


def _is_finished(folder: Path, tomograms: int, bar: "tqdm[Never]") -> bool:
    session = session_folder(str(folder / "out"), "simulated", "session")
    made = list(session.glob("tomograms/*/*/result.json"))
    bar.update(len(made) - bar.n)
    star = _star(session)
    return len(made) >= tomograms and star.exists() and star.stat().st_mtime > max(p.stat().st_mtime for p in made)


def _star(session: Path) -> Path:
    return session / "particles" / f"{FEATURE}.star"


def score(folders: Sequence[Path]) -> None:
    """A table of the kinds, and the two shares."""
    kept: dict[str, int] = {}
    made: dict[str, int] = {}
    tomograms: dict[str, int] = {}
    for folder in folders:
        session = session_folder(str(folder / "out"), "simulated", "session")
        names = [str(name) for name in read_loops(_star(session))["particles"]["rlnTomoName"]]
        for result in newest_results(session):
            name = result.manifest.tomogram.name
            kind = json.loads((folder / "truth" / f"{name}.json").read_text())["kind"]
            found, in_star = result.manifest.picks[FEATURE].count, names.count(name)
            tomograms[kind] = tomograms.get(kind, 0) + 1
            made[kind] = made.get(kind, 0) + found
            kept[kind] = kept.get(kind, 0) + in_star
            if (kind == "good") == (in_star < found):
                figures = [name for name, figure in result.manifest.quality.items() if figure.verdict == "bad"]
                print(
                    f"{folder.name} {name}: {kind}, {in_star} of {found} picks in the star; bad: {', '.join(figures)}"
                )
    print("\n| kind | tomograms | picks | in the star |\n|---|---|---|---|")
    for kind in ("good", *SPOILT):
        print(f"| {kind} | {tomograms[kind]} | {made[kind]} | {kept[kind]} |")
    spoilt, every = sum(kept.values()) - kept["good"], sum(kept.values())
    lost = made["good"] - kept["good"]
    print(f"\nspoilt: {spoilt} of {every} picks in the star ({spoilt / every:.2%})")
    print(f"good picks lost: {lost} of {made['good']} ({lost / made['good']:.2%})")


if __name__ == "__main__":
    main()
