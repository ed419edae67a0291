"""A volume with random phases has the spectrum of the one that it was made from, and nothing of what was in it."""

from dataclasses import replace

import numpy as np
import pytest

from livetomo.simulate.truth import FEATURES
from livetomo.train.scrambled import scrambled
from livetomo.train.simulated import SimulatedExamples

SOURCE = SimulatedExamples(1, shape_zyx=(24, 32, 32), fine=0, coarse=0, looks=2)


def test_amplitudes_stay_and_what_was_seen_goes():
    rng = np.random.default_rng(1)
    volume = rng.standard_normal((16, 24, 25)).astype(np.float32)
    volume[4:12, 8:16, 8:16] += 5
    without = scrambled(volume, rng)
    assert np.allclose(np.abs(np.fft.rfftn(without)), np.abs(np.fft.rfftn(volume)), atol=0.05)
    assert without.mean() == pytest.approx(volume.mean(), abs=1e-4)
    assert abs(np.corrcoef(without.ravel(), volume.ravel())[0, 1]) < 0.1


def test_a_scrambled_image_teaches_that_there_is_nothing():
    plain, without = (replace(SOURCE, scrambled=share).examples(0) for share in (0.0, 1.0))
    assert any(example.targets.any() for example in plain)
    for example in without:
        assert not example.targets.any()
        assert len(example.centres["ribosome"]) == 0
        assert example.known == frozenset(FEATURES)


def test_null_specimens_teach_no_membrane_and_no_ribosome_and_negatives_do_not_take_them_away():
    sought = sum(1 << FEATURES.index(name) for name in ("membrane", "ribosome"))
    nulls = [replace(SOURCE, nulls=1.0, looks=1).examples(number)[0] for number in range(4)]
    assert not any((example.targets & sought).any() for example in nulls)
    cells = [replace(SOURCE, negatives=1.0, finished=1.0, looks=1).examples(number)[0] for number in range(4)]
    assert any((example.targets & sought).any() for example in cells)
    assert all(np.isfinite(example.volume).all() for example in cells)
