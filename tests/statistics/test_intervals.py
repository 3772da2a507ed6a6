import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.statistics.intervals import mover_difference, mover_mean, share_estimate, standard_error, wald, wilson
from toolkit.statistics.measure import mean_of
from toolkit.statistics.regression import median_interval


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys_and_never_certain(case):
    successes, n = case
    low, high = wilson(successes, n)
    reference = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(reference.low, abs=1e-9)
    assert high == pytest.approx(reference.high, abs=1e-9)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high


def test_one_person_is_no_certainty():
    assert wilson(1, 1) == (pytest.approx(0.2065, abs=1e-4), 1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    assert math.isnan(share_estimate(0, 0).value)
    assert not mean_of(np.array([3.0])).has_interval
    assert math.isnan(mean_of(np.array([])).value)
    assert not mean_of(np.ones(5)).has_interval


def test_mean_of_is_students():
    values = np.random.default_rng(0).standard_normal(40)
    found, reference = mean_of(values), stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(reference.low), pytest.approx(reference.high))


def test_mover_of_one_is_itself_and_narrows_with_more():
    one = wilson(15, 20)
    assert mover_mean([0.75], [one]) == pytest.approx(one)
    low, high = mover_mean([0.75, 0.75], [one, one])
    assert one[0] < low < 0.75 < high < one[1]
    assert mover_difference(Estimate(0.75, *one), Estimate(0.75, *one)) == pytest.approx(
        (-math.hypot(0.75 - one[0], one[1] - 0.75), math.hypot(0.75 - one[0], one[1] - 0.75))
    )


@given(st.floats(0.001, 0.999), st.floats(1e-6, 5))
def test_wald_on_a_scale_stays_within_it(value, error):
    for scale, least, most in (("logit", 0, 1), ("log", 0, math.inf)):
        low, high = wald(value, error, scale)
        assert least <= low <= value <= high <= most


def test_wald_agrees_on_all_scales_for_small_errors():
    for scale in ("identity", "log", "logit"):
        assert wald(0.4, 1e-4, scale) == pytest.approx((0.4 - 1.96e-4, 0.4 + 1.96e-4), abs=1e-7)


def test_standard_error_of_a_mean():
    values = np.random.default_rng(0).standard_normal(10_000)
    influence = (values - values.mean()) * math.sqrt(10_000 / 9_999)
    assert standard_error(influence) == pytest.approx(stats.sem(values), rel=2e-3)
    assert standard_error(influence) > stats.sem(values)


def test_median_interval_holds_the_median_as_often_as_it_should():
    rng = np.random.default_rng(0)
    for n in (7, 50, 201):
        sample = rng.exponential(size=(4000, n))
        held = np.mean([low <= math.log(2) <= high for low, high in map(median_interval, sample)])
        assert 0.94 <= held <= 0.99
