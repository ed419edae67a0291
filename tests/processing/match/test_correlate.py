"""The batched correlation is what loops over rotations, shifts and voxels give."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from livetomo.processing.match import correlate
from livetomo.processing.match.band import FilledWedge, band, filtered
from livetomo.processing.match.correlate import (
    as_columns,
    correlations,
    crop_spectra,
    local_norms,
    phases_of,
    shifted_spectra,
    shifts_within,
    strongest_apart,
    template_bank,
)
from tests.processing.match.posed import LOW_PASS, VOXEL, template_of, volume_with

WEDGE = FilledWedge(-48.0, 60.0)
MASK_ANGSTROM = 290.0


@pytest.fixture(scope="module")
def scene():
    rotation = Rotation.from_euler("ZYZ", [30, 70, -20], degrees=True)
    volume = volume_with([((20, 24, 23), rotation), ((15, 6, 40), rotation.inv())], noise=0.5, seed=3)
    return filtered(volume, voxel_size_angstrom=VOXEL, low_pass_angstrom=LOW_PASS, whiten=0.7)


def plain_mask(source, diameter):
    """A sphere with a soft edge, in the smallest cube that holds it."""
    spacing = source.spacing_angstrom
    radius, edge = diameter / 2, sum(spacing) / 3
    half = int(np.ceil((radius + edge) / min(spacing)))
    mask = np.zeros((2 * half + 1,) * 3)
    for index in np.ndindex(mask.shape):
        away = np.linalg.norm((np.array(index) - half) * spacing)
        mask[index] = np.clip((radius + edge - away) / (2 * edge), 0, 1)
    return mask


def plain_crop(source, mask, place):
    """Voxel by voxel, 0 beyond the faces; with mean 0 in the mask."""
    volume, half = source.volume.numpy().astype(np.float64), mask.shape[0] // 2
    crop = np.zeros(mask.shape)
    for index in np.ndindex(crop.shape):
        where = tuple(np.array(index) - half + place)
        if all(0 <= w < n for w, n in zip(where, volume.shape, strict=True)):
            crop[index] = volume[where]
    return (crop - (crop * mask).sum() / mask.sum()) * mask


def plain_template(source, template, rotation, side):
    """Frequency by frequency, in a cube of this side; of norm 1."""
    real, imaginary = template.transform.numpy().astype(np.float64)
    middle, half = real.shape[0] // 2, side // 2
    spectrum = np.zeros((side,) * 3, complex)
    for index in np.ndindex(spectrum.shape):
        k_zyx = np.array([i - side if i > half else i for i in index]) / (side * np.array(source.spacing_angstrom))
        length = np.linalg.norm(k_zyx)
        sign = -1 if k_zyx[2] < 0 else 1
        angle = np.degrees(np.arctan2(sign * k_zyx[0], sign * k_zyx[2]))
        if not 0 < length <= 1 / LOW_PASS or not WEDGE.low_degrees <= angle <= WEDGE.high_degrees:
            continue
        where = ((rotation.T @ k_zyx[::-1])[::-1] / template.step + middle)[:, None]
        value = map_coordinates(real, where, order=1) + 1j * map_coordinates(imaginary, where, order=1)
        shell = length * LOW_PASS * (len(source.whitening) - 1)
        spectrum[index] = value[0] * np.interp(shell, np.arange(len(source.whitening)), source.whitening.numpy())
    turned = np.fft.fftshift(np.fft.ifftn(spectrum))
    # An edge of the wedge that passes between k and -k would leave an imaginary part.
    assert np.abs(turned.imag).max() < 1e-9 * np.abs(turned.real).max()
    return turned.real / np.linalg.norm(turned.real)


ROTATIONS = Rotation.random(3, rng=np.random.default_rng(1)).as_matrix()
PLACES = torch.tensor([[19, 24, 23], [3, 30, 2]])
"""In voxels of the filtered volume; the second near three faces."""


def exact_scores(source, template, rotations, places):
    compared = band(source, diameter_angstrom=MASK_ANGSTROM, wedge=WEDGE)
    bank = template_bank(template, compared, torch.from_numpy(rotations).float())
    return as_columns(crop_spectra(source, compared, places)) @ bank.T


def test_batches_give_what_loops_give(scene):
    template = template_of()
    scores = exact_scores(scene, template, ROTATIONS, PLACES)
    mask = plain_mask(scene, MASK_ANGSTROM)
    for row, place in enumerate(PLACES.numpy()):
        crop = plain_crop(scene, mask, place)
        for column, rotation in enumerate(ROTATIONS):
            plain = (crop * plain_template(scene, template, rotation, len(mask))).sum() / np.linalg.norm(crop)
            assert float(scores[row, column]) == pytest.approx(plain, abs=2e-5)


def test_shifts_by_phases_give_what_loops_over_shifts_give(scene):
    template, reach = template_of(), 40.0
    shifts = torch.tensor([[0, 0, 0], [1, 0, -1], [-2, 0, 0]])
    compared = band(scene, diameter_angstrom=MASK_ANGSTROM, wedge=WEDGE)
    wide = band(scene, diameter_angstrom=MASK_ANGSTROM + 2 * reach, wedge=WEDGE)
    bank = template_bank(template, wide, torch.from_numpy(ROTATIONS).float())
    norms = local_norms(scene, compared.mask)
    spectra = shifted_spectra(scene, wide, PLACES, shifts, phases_of(shifts, scene, wide), norms)
    scores, which = correlations(spectra, bank)
    mask, wide_mask = plain_mask(scene, MASK_ANGSTROM), plain_mask(scene, MASK_ANGSTROM + 2 * reach)
    templates = [plain_template(scene, template, rotation, len(wide_mask)) for rotation in ROTATIONS]
    for row, place in enumerate(PLACES.numpy()):
        around = plain_crop(scene, wide_mask, place)
        norm = [np.linalg.norm(plain_crop(scene, mask, place + shift)) for shift in shifts.numpy()]
        for column, turned in enumerate(templates):
            moved = [np.roll(turned, tuple(shift), (0, 1, 2)) for shift in shifts.numpy()]
            plain = [(around * one).sum() / each for one, each in zip(moved, norm, strict=True)]
            assert float(scores[row, column]) == pytest.approx(max(plain), abs=1e-4)
            assert int(which[row, column]) == int(np.argmax(plain))


def test_a_crop_without_any_contrast_scores_nothing(scene):
    source = filtered(volume_with([]), voxel_size_angstrom=VOXEL, low_pass_angstrom=LOW_PASS, whiten=1.0)
    assert exact_scores(source, template_of(), ROTATIONS, torch.tensor([[20, 20, 20]])).tolist() == [[0.0] * 3]
    half_flat = scene.volume.clone()
    half_flat[:, :, :30] = 0.3  # whose mean rounding does not give exactly
    beside = type(scene)(half_flat, scene.spacing_angstrom, scene.scale, LOW_PASS, scene.whitening)
    assert exact_scores(beside, template_of(), ROTATIONS, torch.tensor([[15, 18, 15]])).tolist() == [[0.0] * 3]
    compared = band(beside, diameter_angstrom=MASK_ANGSTROM, wedge=WEDGE)
    assert local_norms(beside, compared.mask)[15, 18, 15] == torch.inf


def test_brightness_and_contrast_of_the_volume_do_not_count(scene):
    place = torch.tensor([[15, 18, 17]])
    other = type(scene)(3 * scene.volume + 7, scene.spacing_angstrom, scene.scale, LOW_PASS, scene.whitening)
    expected, found = (exact_scores(one, template_of(), ROTATIONS, place) for one in (scene, other))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_shifts_are_every_other_one_within_an_ellipsoid_none_first():
    shifts = shifts_within((1.5, 2.5, 0.0), torch.device("cpu")).tolist()
    assert shifts[0] == [0, 0, 0]
    assert sorted(shifts) == [[-1, -1, 0], [-1, 1, 0], [0, -2, 0], [0, 0, 0], [0, 2, 0], [1, -1, 0], [1, 1, 0]]


def test_of_neighbouring_rotations_one_is_followed():
    scores = torch.tensor([[0.5, 0.9, 0.8, 0.1]])
    overlaps = torch.eye(4, dtype=torch.bool)
    overlaps[1, 2] = overlaps[2, 1] = True
    assert strongest_apart(scores, overlaps, 2).tolist() == [[1, 0]]
    assert strongest_apart(scores, torch.ones(4, 4, dtype=torch.bool), 2).tolist() == [[1, 1]]


def test_blocks_cover_everything_once(monkeypatch):
    monkeypatch.setattr(correlate, "BLOCK_BYTES", 100)
    assert [(part.start, part.stop) for part in correlate.in_blocks(7, 40)] == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert [(part.start, part.stop) for part in correlate.in_blocks(2, 1000)] == [(0, 1), (1, 2)]
    assert list(correlate.in_blocks(0, 10)) == []
