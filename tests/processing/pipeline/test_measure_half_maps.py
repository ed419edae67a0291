"""What goes along with a tomogram is measured where it is there, and costs no job where it is spoilt."""

import numpy as np
import pytest
import torch

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import WITHOUT_HALVES
from livetomo.processing.pipeline.measure_half_maps import measure_half_maps
from tests.volumes import balls, order_for, write_tomogram

CPU = torch.device("cpu")
FIGURES = {"halves_agreement", "band_snr", "coarse_snr", "fsc_0143_resolution", "fsc_05_resolution"}


@pytest.fixture
def there(tmp_path):
    """An order with both halves, whose files may be spoilt before it is measured."""
    signal = balls(noise=0.0)
    paths = {}
    volumes = {role: signal + np.random.default_rng(seed).normal(0, 1, signal.shape) for seed, role in enumerate("eo")}
    for role, name in (("e", "even"), ("o", "odd")):
        paths[name] = str(write_tomogram(tmp_path / f"TS_01_{name}.mrc", volumes[role].astype(np.float32)))
    whole = write_tomogram(tmp_path / "TS_01.mrc", ((volumes["e"] + volumes["o"]) / 2).astype(np.float32))
    return order_for(whole, halves=paths)


def measured(order, voxel_size=25.0):
    found = measure_half_maps(order, voxel_size, CPU)
    return {quality.name: quality for quality in found.figures}, found.warnings


def test_halves_are_measured(there):
    figures, warnings = measured(there)
    assert figures.keys() == FIGURES
    assert "agree only in structures larger than 100 Å" in figures["halves_agreement"].reason  # balls have no detail
    assert 50 < figures["fsc_0143_resolution"].value < 250
    assert warnings == ()


def test_halves_that_stand_for_the_whole_are_not_taken_for_it(there):
    figures, _ = measured(order_for(there.path.with_name("TS_01_even.mrc"), halves=there.halves))
    assert "agree only in structures larger than 100 Å" in figures["halves_agreement"].reason  # balls have no detail


def test_without_halves_there_are_no_figures_of_them(there):
    assert measured(order_for(there.path)) == ({}, ())


def test_halves_that_were_to_be_expected_are_missing_with_the_reason(there):
    note = f"{WITHOUT_HALVES}: its odd half is not there"
    figures, _ = measured(order_for(there.path, facts=SidecarFacts(notes=("something else", note))))
    assert {(quality.verdict, quality.reason) for quality in figures.values()} == {("missing", note)}
    assert figures.keys() == FIGURES


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "ends after"),
        (lambda path: path.write_bytes(b"x" * 5000), "not an MRC"),
    ],
    ids=["gone", "cut short", "no MRC"],
)
def test_a_half_that_cannot_be_read_costs_a_warning(there, spoil, words):
    spoil(there.path.with_name("TS_01_odd.mrc"))
    figures, warnings = measured(there)
    assert {quality.verdict for quality in figures.values()} == {"missing"}
    assert words.lower() in warnings[0].lower()


def test_a_half_of_another_voxel_size_is_named(there):
    odd = there.path.with_name("TS_01_odd.mrc")
    write_tomogram(odd, balls(), voxel_size=12.5)
    assert "voxels are of 25 Å, the odd one's of 12.5 Å" in measured(there)[0]["halves_agreement"].reason


def test_a_half_of_another_shape_is_named(there):
    write_tomogram(there.path.with_name("TS_01_odd.mrc"), balls(shape=(48, 80, 78)))
    reason = measured(there)[0]["halves_agreement"].reason
    assert "the even one has 80 x 80 x 48 voxels, the odd one 78 x 80 x 48" in reason


def test_swapped_and_turned_halves_are_measured_alike(there):
    swapped = {"even": there.halves["odd"], "odd": there.halves["even"]}
    plain, _ = measured(there)
    assert measured(order_for(there.path, halves=swapped))[0]["band_snr"].value == pytest.approx(
        plain["band_snr"].value, rel=1e-3
    )


def padded(folder, signal, value, rows=24):
    """An order with halves of `signal` and independent noise around 5, all padded along y with `value`."""
    paths = {}
    for seed, name in enumerate(("even", "odd")):
        noise = np.random.default_rng(seed).normal(5, 1, signal.shape)
        volume = np.pad((signal + noise).astype(np.float32), ((0, 0), (rows, rows), (0, 0)), constant_values=value)
        paths[name] = volume
    files = {name: str(write_tomogram(folder / f"a_{name}.mrc", volume)) for name, volume in paths.items()}
    whole = write_tomogram(folder / "a.mrc", (paths["even"] + paths["odd"]) / 2)
    return order_for(whole, halves=files)


@pytest.mark.parametrize("value", [0.0, np.nan, 100.0])
def test_padding_that_both_halves_have_is_nothing_in_common(tmp_path, value):
    figures, _ = measured(padded(tmp_path, np.zeros((48, 80, 80)), value))
    assert figures["halves_agreement"].verdict == "bad"
    assert "nothing in common" in figures["halves_agreement"].reason


@pytest.mark.parametrize("value", [0.0, np.nan, 100.0])
def test_what_the_halves_share_is_the_same_beside_padding(tmp_path, value):
    signal = balls(noise=0.0, diameter=120.0, places=((24, 20, 20), (20, 60, 25), (30, 40, 60), (22, 40, 30)))
    (tmp_path / "padded").mkdir()
    figures, _ = measured(padded(tmp_path / "padded", signal, value))
    whole, _ = measured(padded(tmp_path, signal, value, rows=0))
    for name in ("halves_agreement", "fsc_0143_resolution"):
        assert figures[name].value == pytest.approx(whole[name].value, rel=0.01)


def test_a_dead_half_is_still_a_dead_half(tmp_path):
    order = padded(tmp_path, balls(noise=0.0), 0.0)
    write_tomogram(tmp_path / "a_odd.mrc", np.full((48, 128, 80), 3, np.float32))
    figures, _ = measured(order)
    assert "dead" in figures["halves_agreement"].reason
