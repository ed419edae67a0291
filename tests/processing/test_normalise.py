"""Whatever program wrote a volume, matter comes out positive and its spread as one."""

import pytest
import torch

from livetomo.processing.normalise import clip_, normalise_, replace_non_finite_, typical


def noise(seed=0):
    return torch.randn(20, 30, 40, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e-6, 3), (20_000, -5)])
def test_scale_and_offset_do_not_matter(scale, shift):
    torch.testing.assert_close(
        normalise_(noise() * scale + shift, "bright"), normalise_(noise(), "bright"), atol=0.3, rtol=1e-2
    )


def test_dark_and_bright_are_opposite():
    torch.testing.assert_close(normalise_(noise(), "dark"), -normalise_(noise(), "bright"))


def test_gold_does_not_swell_the_scale():
    volume = noise()
    volume[:2, :10] = 1000
    assert typical(volume)[1] == pytest.approx(typical(noise())[1], rel=0.1)


def test_a_volume_that_is_mostly_padding_still_has_a_scale():
    volume = torch.zeros(20, 30, 40)
    volume[:3] = noise()[:3]
    assert typical(volume)[1] > 0


def test_what_is_not_a_number_becomes_the_median_and_is_counted():
    volume = noise() + 100
    volume[0, 0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    assert replace_non_finite_(volume) == 3
    assert volume.isfinite().all()
    assert abs(float(volume[0, 0, 0]) - 100) < 0.1


def test_outliers_are_clipped_at_six_deviations():
    volume = noise()
    volume[0, 0, 0] = 1e6
    assert float(clip_(normalise_(volume, "bright")).max()) == 6
