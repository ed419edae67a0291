"""The batched correlation is what loops over rotations, shifts and voxels give."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from livetomo.processing.match import correlate
from livetomo.processing.match.band import FilledWedge, band, filtered
from livetomo.processing.match.correlate import (
    correlations,
    crop_spectra,
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


def plain_score(source, template, rotation, place):
    """Crop, mask and template voxel by voxel and frequency by frequency, as the formula has it."""
    spacing, volume = source.spacing_angstrom, source.volume.numpy().astype(np.float64)
    radius, edge = MASK_ANGSTROM / 2, sum(spacing) / 3
    half = int(np.ceil((radius + edge) / min(spacing)))
    side = 2 * half + 1
    crop, mask = np.zeros((side,) * 3), np.zeros((side,) * 3)
    for index in np.ndindex(crop.shape):
        away = np.linalg.norm((np.array(index) - half) * spacing)
        mask[index] = np.clip((radius + edge - away) / (2 * edge), 0, 1)
        where = tuple(np.array(index) - half + place)
        if all(0 <= w < n for w, n in zip(where, volume.shape, strict=True)):
            crop[index] = volume[where]
    crop = (crop - (crop * mask).sum() / mask.sum()) * mask
    real, imaginary = template.transform.numpy().astype(np.float64)
    middle = real.shape[0] // 2
    spectrum = np.zeros((side,) * 3, complex)
    for index in np.ndindex(spectrum.shape):
        k_zyx = np.array([i - side if i > half else i for i in index]) / (side * np.array(spacing))
        length = np.linalg.norm(k_zyx)
        sign = -1 if k_zyx[2] < 0 else 1
        angle = np.degrees(np.arctan2(sign * k_zyx[0], sign * k_zyx[2]))
        if not 0 < length <= 1 / LOW_PASS or not WEDGE.low_degrees <= angle <= WEDGE.high_degrees:
            continue
        k_reference = rotation.T @ k_zyx[::-1]
        where = (k_reference[::-1] / template.step + middle)[:, None]
        value = map_coordinates(real, where, order=1) + 1j * map_coordinates(imaginary, where, order=1)
        shell = length * LOW_PASS * (len(source.whitening) - 1)
        spectrum[index] = value[0] * np.interp(shell, np.arange(len(source.whitening)), source.whitening.numpy())
    turned = np.fft.fftshift(np.fft.ifftn(spectrum))
    # An edge of the wedge that passes between k and -k would leave an imaginary part.
    assert np.abs(turned.imag).max() < 1e-9 * np.abs(turned.real).max()
    return (crop * turned.real).sum() / np.linalg.norm(crop) / np.linalg.norm(turned.real)


def batched(source, template, rotations, places, shifts):
    compared = band(source, diameter_angstrom=MASK_ANGSTROM, wedge=WEDGE)
    bank = template_bank(template, compared, torch.from_numpy(rotations).float())
    crops = crop_spectra(source, compared, (places[:, None] + shifts).flatten(0, 1))
    return correlations(crops, bank, len(shifts))


def test_batches_give_what_loops_give(scene):
    template = template_of()
    rotations = Rotation.random(3, rng=np.random.default_rng(1)).as_matrix()
    places = torch.tensor([[19, 24, 23], [3, 40, 2]])  # the second near three faces
    shifts = torch.tensor([[0, 0, 0], [1, 0, -1]])
    scores, which = batched(scene, template, rotations, places, shifts)
    for row, place in enumerate(places.numpy()):
        for column, rotation in enumerate(rotations):
            plain = [plain_score(scene, template, rotation, place + shift) for shift in shifts.numpy()]
            assert float(scores[row, column]) == pytest.approx(max(plain), abs=2e-5)
            assert int(which[row, column]) == int(np.argmax(plain))


def test_a_crop_without_any_contrast_scores_nothing(scene):
    flat = volume_with([])
    source = filtered(flat, voxel_size_angstrom=VOXEL, low_pass_angstrom=LOW_PASS, whiten=1.0)
    scores, _ = batched(source, template_of(), np.eye(3)[None], torch.tensor([[20, 20, 20]]), torch.zeros(1, 3).long())
    assert scores.tolist() == [[0.0]]
    half_flat = scene.volume.clone()
    half_flat[:, :, :30] = 0.25
    beside = type(source)(half_flat, scene.spacing_angstrom, scene.scale, LOW_PASS, scene.whitening)
    scores, _ = batched(beside, template_of(), np.eye(3)[None], torch.tensor([[15, 18, 15]]), torch.zeros(1, 3).long())
    assert scores.tolist() == [[0.0]]


def test_brightness_and_contrast_of_the_volume_do_not_count(scene):
    rotations, place, none = np.eye(3)[None], torch.tensor([[20, 24, 23]]), torch.zeros(1, 3).long()
    expected, _ = batched(scene, template_of(), rotations, place, none)
    other = type(scene)(3 * scene.volume + 7, scene.spacing_angstrom, scene.scale, LOW_PASS, scene.whitening)
    found, _ = batched(other, template_of(), rotations, place, none)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_shifts_are_those_within_an_ellipsoid_none_first():
    shifts = shifts_within((1.0, 2.5, 0.0), torch.device("cpu")).tolist()
    assert shifts[0] == [0, 0, 0]
    assert sorted(shifts) == [[-1, 0, 0], [0, -2, 0], [0, -1, 0], [0, 0, 0], [0, 1, 0], [0, 2, 0], [1, 0, 0]]


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
