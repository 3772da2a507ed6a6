import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from toolkit.core.estimate import Estimate
from toolkit.errors import InputError
from toolkit.statistics.intervals import (
    bootstrap,
    bootstrap_counts,
    mean_estimate,
    median_interval,
    mover_difference,
    mover_mean,
    share_estimate,
    standard_error,
    wald,
    wilson,
)


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
    assert not mean_estimate(np.array([3.0])).has_interval
    assert math.isnan(mean_estimate(np.array([])).value)
    assert not mean_estimate(np.ones(5)).has_interval


def test_mean_estimate_is_students():
    values = np.random.default_rng(0).standard_normal(40)
    found, reference = mean_estimate(values), stats.ttest_1samp(values, 0).confidence_interval(0.95)
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
    for scale, least, most in (("logit", 0, 1), ("log", 0, math.inf), ("fisher", -1, 1)):
        low, high = wald(value, error, scale)
        assert least <= low <= value <= high <= most


def test_wald_agrees_on_all_scales_for_small_errors():
    for scale in ("identity", "log", "logit", "fisher"):
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


def test_bootstrap_of_a_mean_and_of_a_users_metric():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(300)
    found = bootstrap(lambda w: w @ values / w.sum(axis=1), 300, replicates=4000)
    reference = mean_estimate(values)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == (pytest.approx(reference.low, abs=0.01), pytest.approx(reference.high, abs=0.01))
    y = (rng.random(300) < 0.5).astype(float)
    score = y + values
    area = bootstrap(lambda w: [roc_auc_score(y, score, sample_weight=row) for row in w], 300, replicates=200)
    assert area.low < roc_auc_score(y, score) < area.high
    assert area == bootstrap(lambda w: [roc_auc_score(y, score, sample_weight=row) for row in w], 300, replicates=200)


def test_bootstrap_claims_nothing_without_variation():
    found = bootstrap(lambda w: w @ np.ones(20) / w.sum(axis=1), 20)
    assert found.value == 1
    assert not found.has_interval
    assert math.isnan(bootstrap(lambda w: w.sum(axis=1), 0).value)


def accuracy(cells):
    return np.trace(cells, axis1=1, axis2=2) / cells.sum(axis=(1, 2))


def test_bootstrap_counts_is_wilson_like_and_admits_the_unseen():
    found = bootstrap_counts(accuracy, np.array([[400, 100], [100, 400]]))
    assert (found.low, found.high) == pytest.approx(wilson(800, 1000), abs=0.003)
    certain = bootstrap_counts(accuracy, np.array([[50, 0], [0, 50]]))
    assert certain.value == certain.high == 1
    assert 0.94 < certain.low < 0.98
    one = bootstrap_counts(accuracy, np.array([[1, 0], [0, 0]]))
    assert one.low < 0.6
    assert math.isnan(bootstrap_counts(accuracy, np.zeros((2, 2))).value)
    with pytest.raises(InputError, match="whole numbers"):
        bootstrap_counts(accuracy, np.array([[0.5, 1], [1, 1]]))


@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_bootstraps_cover(n, rate):
    rng, held, counted = np.random.default_rng(2), [], []
    for seed in range(400):
        y = (rng.random(n) < rate).astype(float)
        found = bootstrap(lambda w, y=y: w @ y / w.sum(axis=1), n, replicates=400, seed=seed)
        held.append(found.low <= rate <= found.high)
        cells = np.array([y.sum(), n - y.sum()])
        found = bootstrap_counts(lambda c: c[:, 0] / c.sum(axis=1), cells, replicates=2000, seed=seed)
        counted.append(found.low <= rate <= found.high)
    assert 0.92 <= np.mean(held) <= 0.985
    assert 0.92 <= np.mean(counted) <= 0.985
