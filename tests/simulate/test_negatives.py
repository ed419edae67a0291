"""What a network should take for nothing is drawn as it looks, and a specimen of it holds nothing that is sought."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from livetomo.cli import simulate as command_line
from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.canvas import Canvas
from livetomo.simulate.contaminants import Gold
from livetomo.simulate.curtains import Curtains
from livetomo.simulate.doublets import Doublet
from livetomo.simulate.filaments import Filaments, microtubule
from livetomo.simulate.inclusions import DenseGranules, LipidDroplets
from livetomo.simulate.lookalikes import VOLUME_ANGSTROM3, random_lookalike
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.negatives import NULLS, cell_with_negatives, null_specimen
from livetomo.simulate.particles import Population
from livetomo.simulate.protein_shells import ProteinShells
from livetomo.simulate.random_cell import Library
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import draw
from livetomo.simulate.tomogram import simulate_null
from livetomo.simulate.truth import label_of

GEOMETRY = TomogramGeometry((64, 96, 96), 10.0)
SOUGHT = [label_of("membrane"), label_of("ribosome")]


def drawn(part, geometry=GEOMETRY, seed=1):
    made = Canvas(geometry, IceSlab(thickness_angstrom=2000.0))
    part.draw(made, np.random.default_rng(seed))
    return made


def profile(made, where):
    """Mean density over the distance (voxels) from the middle of mass of the voxels `where`."""
    middle = np.argwhere(where).mean(axis=0)
    away = np.sqrt(sum((i - c) ** 2 for i, c in zip(np.indices(made.shape), middle, strict=True)))
    shell = np.rint(away).astype(int)
    return np.bincount(shell.ravel(), made.density.ravel()) / np.bincount(shell.ravel())


def one(part, geometry=GEOMETRY):
    """A drawing that lies whole in the volume."""
    for seed in range(200):
        made = drawn(part, geometry, seed)
        faces = [made.taken.take(index, axis).any() for axis in range(3) for index in (0, -1)]
        if made.taken.any() and not any(faces):
            return made
    raise AssertionError("no seed gives a whole one")


def test_a_virus_like_particle_is_two_shells_with_a_gap_and_has_no_name():
    made = one(ProteinShells(1, 200.0, gap_angstrom=80.0, roughness=0.0))
    density = profile(made, made.taken)
    assert density[19:23].max() > 0.6
    assert density[11:15].max() > 0.6
    assert density[16] < 0.3 * density[19:23].max()  # more empty between them than between a bilayer's leaflets
    assert density[:8].max() < 0.1
    assert not made.labels.any()


def test_a_droplet_has_one_leaflet_and_a_granule_is_dense_throughout():
    droplet = one(LipidDroplets(1, 200.0, density=0.1, edge=0.8))
    across = profile(droplet, droplet.taken)
    assert across[2:6].mean() == pytest.approx(0.1, abs=0.03)
    assert np.count_nonzero((across[1:-1] > across[:-2]) & (across[1:-1] > across[2:]) & (across[1:-1] > 0.3)) == 1
    assert not droplet.labels.any()
    granule = one(DenseGranules(1, 250.0, density=2.0, grain=0.0))
    assert profile(granule, granule.labels == label_of("contamination"))[:4].min() > 1.3


def test_gold_has_fringes_which_the_microscope_makes():
    bead = one(Gold(1, 100.0, 12.0))
    z, y, x = np.rint(np.argwhere(bead.taken).mean(axis=0)).astype(int)
    seen = -image(bead.density, 10.0, Microscope(snr=1e9, defocus_angstrom=25000.0, dose=0.0), 1).volume[z]
    rows, columns = np.indices(seen.shape)
    ring = np.rint(np.hypot(rows - y, columns - x)).astype(int).ravel()
    across = np.bincount(ring, seen.ravel()) / np.bincount(ring)
    assert across[4] > 0.9 * across.max()  # its rim
    assert across[6] < -0.3 * across.max()  # the first fringe is bright, just outside
    assert np.abs(across[10:15]).max() < 0.1 * across.max()


@pytest.mark.parametrize("polymer", [microtubule(13), microtubule(14), Doublet()])
def test_a_tubules_wall_is_250_angstrom_wide_and_hollow(polymer):
    path = np.stack([np.full(60, 320.0), np.full(60, 480.0), np.linspace(0, 2400, 60)], axis=1)
    subunits = polymer.subunits(path, 0.0)
    away = np.linalg.norm(subunits[:, :2] - (320.0, 480.0), axis=1)
    assert away.min() > 75
    tubule = away < 120
    assert 2 * (away[tubule].mean() + 1.3 * polymer.sigma_angstrom) == pytest.approx(250, abs=20)
    assert tubule.sum() / 2400 * 40.8 == pytest.approx(14 if away[tubule].mean() > 107 else 13, abs=0.6)


def test_a_doublet_shares_a_wall_and_is_labelled_along_both_tubules():
    path = np.stack([np.full(60, 320.0), np.full(60, 480.0), np.linspace(0, 2400, 60)], axis=1)
    subunits = Doublet().subunits(path, 0.0)
    assert len(subunits) / 2400 * 40.8 == pytest.approx(23, abs=0.6)
    made = drawn(Filaments(Doublet(), 4))
    body = made.labels == label_of("microtubule")
    assert body.any()
    assert made.density[body].sum() > 0.9 * made.density.sum()


def test_lookalikes_weigh_about_what_a_ribosome_does():
    for seed in range(12):
        shape = random_lookalike(np.random.default_rng(seed))
        assert 120 < shape.diameter_angstrom < 480
        mass = shape.draw(np.eye(3), 10.0, np.zeros(3)).sum() * 1e3
        assert 0.8 * VOLUME_ANGSTROM3[0] < mass < 1.1 * VOLUME_ANGSTROM3[1]


def test_curtains_are_stripes_along_the_milling():
    made = drawn(Curtains(0.2, 40.0))
    slab = made.density[10:-10]
    assert np.ptp(slab, axis=0).max() < 1e-6
    spread = sorted(slab[0].std(axis=axis).mean() for axis in (0, 1))
    assert spread[1] > 1.4 * spread[0] > 0


@pytest.mark.parametrize("name", NULLS)
def test_a_null_specimen_holds_no_membrane_and_no_ribosome_and_repeats_with_its_seed(name):
    geometry = TomogramGeometry((32, 64, 64), 20.0)
    first, again = (simulate_null(3, geometry, name) for _ in range(2))
    assert np.array_equal(first.reconstruction.volume, again.reconstruction.volume)
    assert first.reconstruction.volume.std() == pytest.approx(1, rel=1e-3)
    assert not np.isin(first.truth.labels, SOUGHT).any()
    assert "ribosome" not in first.truth.picks
    density, _ = draw(null_specimen(np.random.default_rng(3), geometry, name), geometry, 3)
    assert (density.std() == 0) == (name == "noise")


def test_a_cell_with_negatives_keeps_what_a_cell_has_and_some_have_no_ribosomes():
    with_ribosomes = 0
    for seed in range(12):
        geometry = TomogramGeometry((32, 64, 64), 24.0)
        specimen = cell_with_negatives(np.random.default_rng(seed), geometry, Library())
        with_ribosomes += any(isinstance(part, Population) and part.name == "ribosome" for part in specimen.parts)
        density, truth = draw(specimen, geometry, seed)
        assert np.isfinite(density).all()
        assert truth.labels.max() <= 6
    assert 4 <= with_ribosomes <= 11


def test_the_command_writes_null_specimens_with_their_truth(tmp_path):
    assert (command_line.CELL, *command_line.NULLS) == ("cell", *NULLS)
    words = ["tomograms", str(tmp_path), "--specimen", "shells", "--shape", "24x32x32", "--voxel-size", "20"]
    made = CliRunner().invoke(command_line.command, words, catch_exceptions=False)
    assert made.exit_code == 0
    facts = json.loads((tmp_path / "sim_0001_truth.json").read_text(encoding="utf-8"))
    assert facts["specimen"] == "shells"
    assert facts["particles"] == {}
    assert not list(tmp_path.glob("*_ribosome.*"))
