"""A calibration that is fitted is that of the tomograms, and the deciles say what is claimed and what is true."""

import numpy as np
import pytest

from livetomo.core.false_share import DecoyCalibration
from livetomo.evaluate.decoy_calibration import Measured, deciles, fit
from livetomo.processing.pick.false_share import FalseShares, false_shares


def tomogram(seed: int, false_for_each_decoy: float) -> tuple[Measured, np.ndarray]:
    """True candidates that score high, false ones like the decoys but more of them; and the decoys' scores."""
    chance = np.random.default_rng(seed)
    true, decoys = chance.integers(0, 300), chance.integers(5, 200)
    false = chance.poisson(decoys * false_for_each_decoy)
    score = np.concatenate([chance.beta(5, 2, true), chance.beta(2, 5, false)]).astype(np.float32)
    order = np.argsort(-score)
    decoy = chance.beta(2, 5, decoys).astype(np.float32)
    above = np.array([(decoy >= each).sum() for each in score[order]])
    return Measured(score[order], (np.arange(true + false) < true)[order], above), decoy


def claimed(one: Measured, decoy: np.ndarray, calibration: DecoyCalibration) -> np.ndarray:
    shares = false_shares(one.score, decoy, calibration)
    assert isinstance(shares, FalseShares)
    return shares.value


@pytest.mark.parametrize("false_for_each_decoy", [0.5, 1.0, 3.0])
def test_what_is_fitted_on_some_holds_on_others(false_for_each_decoy):
    some = [tomogram(seed, false_for_each_decoy) for seed in range(80)]
    others = [each for seed in range(1000, 1160) if len((each := tomogram(seed, false_for_each_decoy))[0].score) >= 20]
    calibration = fit([one for one, _ in some])
    shown = deciles((one, claimed(one, decoy, calibration)) for one, decoy in others)
    assert len(shown) >= 8
    # Decoys that are as many as the false ones, twice or a third: the fit has to make up for it.
    assert max(abs(each.claimed - each.true) for each in shown if each.tomograms >= 20) < 0.13
    believed = deciles((one, claimed(one, decoy, DecoyCalibration())) for one, decoy in others)
    worst = max(abs(each.claimed - each.true) for each in believed if each.tomograms >= 20)
    assert (worst < 0.13) == (false_for_each_decoy == 1.0)


def test_tomograms_that_differ_leave_a_spread():
    alike = [tomogram(seed, 1.0)[0] for seed in range(60)]
    unlike = [tomogram(seed, 0.3 if seed % 2 else 3.0)[0] for seed in range(60)]
    assert fit(unlike).spread > 2 * fit(alike).spread


def test_short_lists_are_not_looked_at():
    few = Measured(np.ones(5, np.float32), np.ones(5, bool), np.zeros(5, np.intp))
    whole = tomogram(1, 1.0)[0]
    assert fit([whole, few]) == fit([whole])
