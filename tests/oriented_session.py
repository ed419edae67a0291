"""Results of simulated tomograms whose picks have orientations, in the folders of a session."""

from pathlib import Path

import numpy as np

from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.tomogram import TomogramId, result_name, session_folder, tomogram_folder
from livetomo.processing.pipeline import run as pipeline
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from tests.volumes import order_for, write_tomogram

VOXEL = 13.0
RECIPE = """
[[feature]]
name = "ribosome"
model = "blob"
diameter_angstrom = 250

[[pick]]
feature = "ribosome"
min_spacing_angstrom = 180
threshold = 0.4
candidate_threshold = 0.2
"""
MATCH = 'refine = "match"\nmap = "ribosome.mrc"\nmap_mass_kda = 2750\n'


def oriented_session(top: Path, seeds: tuple[int, ...]) -> Path:
    """The folder of session `s` below `top`: a result of one tomogram with 25 particles for each seed, `TS_<seed>`."""
    write_tomogram(top / "ribosome.mrc", ribosome_like().draw(np.eye(3), 8.0, np.zeros(3)), 8.0)
    (top / "r.toml").write_text(RECIPE + MATCH)
    recipe = load_recipe("r.toml", top)
    for seed in seeds:
        geometry = TomogramGeometry((56, 144, 144), VOXEL)
        specimen = Specimen(IceSlab(620.0), (Population(ribosome_like(), 25, "ribosome", overlap=0.0),))
        density, _ = draw(specimen, geometry, seed)
        write_tomogram(top / f"TS_{seed}.mrc", image(density, VOXEL, Microscope(snr=0.3), seed).volume, VOXEL)
        who = TomogramId("krios1", "s", f"TS_{seed}")
        order = order_for(top / f"TS_{seed}.mrc", recipe, tomogram=who)
        place = tomogram_folder(str(top / "results"), who)
        place.mkdir(parents=True)
        pipeline.run(order, place / result_name(1, recipe.hash))
    return session_folder(str(top / "results"), "krios1", "s")
