"""Half maps say how much of a tomogram is signal, and name what cannot be a half."""

import numpy as np
import pytest
import torch

from livetomo.processing.measure.halves import ShellCorrelation, half_figures, shell_correlation

VOXEL = 10.0


def noise(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def halves(snr=1.0, shape=(64, 96, 96), band_angstrom=None):
    """White signal of which nothing is finer than `band_angstrom`, in white noise; `snr` is of each half."""
    signal = noise(shape, 0)
    if band_angstrom is not None:
        k = [torch.fft.fftfreq(n, VOXEL) for n in shape]
        k2 = k[0][:, None, None] ** 2 + k[1][:, None] ** 2 + k[2] ** 2
        signal = torch.fft.ifftn(torch.fft.fftn(signal) * (k2 < band_angstrom**-2)).real
    return tuple(snr**0.5 * signal + noise(shape, seed) for seed in (1, 2))


def figures(even, odd, **more):
    return {quality.name: quality for quality in half_figures(even, odd, voxel_size_angstrom=VOXEL, **more)}


@pytest.mark.parametrize("snr", [0.05, 0.2, 1.0, 5.0])
def test_the_snr_of_the_whole_is_measured(snr):
    found = figures(*halves(snr))["band_snr"]
    assert found.value == pytest.approx(2 * snr, rel=0.15, abs=0.04)
    assert (found.unit, found.verdict) == ("", "unjudged")


def test_the_coarse_is_distinguished_from_the_whole_band():
    found = figures(*halves(1.0, band_angstrom=95.0))
    assert found["coarse_snr"].value == pytest.approx(2.0, rel=0.3)
    assert found["band_snr"].value < 0.2


@pytest.mark.parametrize("band", [30.0, 45.0, 80.0])
def test_the_resolution_at_which_the_signal_ends_is_measured(band):
    found = figures(*halves(5.0, band_angstrom=band))
    for name in ("fsc_0143_resolution", "fsc_05_resolution"):
        assert found[name].value == pytest.approx(band, rel=0.15)
        assert found[name].unit == "Å"


def test_the_correlation_is_the_plain_formula_s():
    even, odd = (half.double() for half in halves(0.5, (24, 32, 32)))
    curve = shell_correlation(even, odd, voxel_size_angstrom=VOXEL, most_tilt_degrees=60)
    at = [(np.arange(n) + 0.5) / n for n in even.shape]
    windows = [0.5 - 0.5 * np.cos(2 * np.pi * at[0])]
    windows += [0.5 - 0.5 * np.cos(np.pi * np.clip(np.minimum(a, 1 - a) * 8, None, 1)) for a in at[1:]]
    window = windows[0][:, None, None] * windows[1][:, None] * windows[2]
    one, other = (np.fft.fftn((half.numpy() - half.numpy().mean()) * window) for half in (even, odd))
    kz, ky, kx = np.meshgrid(*(np.fft.fftfreq(n, VOXEL) for n in even.shape), indexing="ij")
    seen = (np.abs(kz) <= np.tan(np.deg2rad(60)) * np.abs(kx)) & (kx >= 0)  # as rfftn holds it
    shells = np.rint(np.sqrt(kz**2 + ky**2 + kx**2) * VOXEL * 32).astype(int)
    for k, correlation in zip(curve.frequency, curve.correlation, strict=True):
        here = seen & (shells == round(float(k) * VOXEL * 32))
        here[:, :, 16] = False
        a, b = one[here], other[here]
        plain = (a * b.conj()).real.sum() / np.sqrt((abs(a) ** 2).sum() * (abs(b) ** 2).sum())
        assert float(correlation) == pytest.approx(plain, abs=0.08 if float(k) > 0.045 else 1e-4)


def test_what_no_view_has_seen_does_not_count():
    shape = (64, 96, 96)
    k = [torch.fft.fftfreq(n, VOXEL) for n in shape]
    wedge = k[0].abs()[:, None, None] > 1.732 * k[2].abs()
    even, odd = halves(1.0, shape)
    artefact = torch.fft.ifftn(torch.fft.fftn(noise(shape, 9)) * wedge).real * 2
    clean, spoilt = figures(even, odd), figures(even + artefact, odd + artefact)
    assert spoilt["band_snr"].value == pytest.approx(clean["band_snr"].value, rel=0.2)
    blind = figures(even + artefact, odd + artefact, most_tilt_degrees=89.9)
    assert blind["band_snr"].value > 1.5 * spoilt["band_snr"].value


def test_a_dip_of_one_shell_is_not_the_end_of_the_resolution():
    curve = ShellCorrelation(
        torch.arange(1, 7) / 100, torch.tensor([1, 0.9, 0.1, 0.8, 0.0, 0.0]).double(), torch.ones(6)
    )
    assert curve.resolution(0.5) == pytest.approx(1 / (0.04 + 0.01 * 0.3 / 0.8))


def test_a_curve_that_never_falls_ends_with_its_last_shell_and_one_that_is_never_up_has_no_end():
    k = torch.arange(1, 4) / 100
    assert ShellCorrelation(k, torch.ones(3).double(), torch.ones(3)).resolution(0.5) == pytest.approx(100 / 3)
    assert ShellCorrelation(k, torch.zeros(3).double(), torch.ones(3)).resolution(0.5) is None


def _black(even, odd, whole):
    return torch.full_like(even, 3.0), odd, whole


def _same(even, odd, whole):
    return even, even.clone(), whole


def _other_shape(even, odd, whole):
    return even, odd[:-1], whole


def _of_two_tomograms(even, odd, whole):
    return even, noise(odd.shape, 7), None


def _of_another(even, odd, whole):
    return *halves(1.0), noise(even.shape, 8)


def _the_whole(even, odd, whole):
    return even, whole.clone(), whole


def _no_number(even, odd, whole):
    odd = odd.clone()
    odd[3, 4, 5] = float("nan")
    return even, odd, whole


def _scaled(even, odd, whole):
    return even, 3 * even + 1, whole


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_black, "the even half is dead: the same value, 3, everywhere"),
        (_same, "the halves are identical"),
        (_scaled, "the halves are identical"),
        (_other_shape, "the halves do not match: 96 x 96 x 64 and 96 x 96 x 63 voxels"),
        (_of_two_tomograms, "the halves have nothing in common"),
        (_of_another, "the even half does not belong to this tomogram"),
        (_the_whole, "the odd half is the full volume"),
        (_no_number, "the odd half holds voxels that are not numbers"),
    ],
)
def test_what_cannot_be_a_half_is_named(spoil, words):
    even, odd = halves(1.0)
    even, odd, whole = spoil(even, odd, (even + odd) / 2)
    found = figures(even, odd, whole=whole)
    assert found["halves_agreement"].verdict == "bad"
    assert words in found["halves_agreement"].reason
    for name in ("band_snr", "coarse_snr", "fsc_0143_resolution", "fsc_05_resolution"):
        assert (found[name].verdict, found[name].value) == ("missing", None)


def test_sound_halves_are_good_with_their_whole():
    even, odd = halves(3.0)
    found = figures(even, odd, whole=(even + odd) / 2)
    assert found.pop("halves_agreement").verdict == "good"
    assert {each.verdict for each in found.values()} == {"unjudged"}, "of these nobody knows a limit"


@pytest.mark.parametrize(
    ("band", "snr", "verdict", "words"),
    [
        (30.0, 5.0, "good", ""),
        (60.0, 1.0, "good", ""),
        (160.0, 5.0, "warn", "only in structures larger than 100 Å"),
        (250.0, 20.0, "warn", "only in structures larger than 100 Å"),
        (450.0, 200.0, "warn", "only in structures larger than 300 Å"),
    ],
)
def test_the_verdict_is_that_of_the_band_that_is_shown(band, snr, verdict, words):
    """Good with an agreement of 0.0 is no verdict, and nothing in common is wrong where the lowest shells agree."""
    found = figures(*halves(snr, (96, 96, 96), band_angstrom=band))["halves_agreement"]
    assert (found.verdict, words in found.reason) == (verdict, True)
    assert (found.value > 0.02) == (verdict == "good")


def test_a_volume_too_coarse_for_the_band_has_no_figures():
    found = half_figures(*halves(1.0), voxel_size_angstrom=80.0)
    assert {quality.verdict for quality in found} == {"missing"}
