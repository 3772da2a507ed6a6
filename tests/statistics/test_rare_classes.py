"""Intervals where a class has few rows or none: how often they hold the truth, beside how often they did by one formula
for all rows, and what they are in single samples."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit, softmax

from toolkit.statistics.intervals import Z, area_interval
from toolkit.statistics.measure import mean, smooth
from toolkit.statistics.metrics import binary_metrics, class_mean, multiclass_metrics
from toolkit.statistics.ranking import roc_auc

SHIFT = math.sqrt(2) * stats.norm.ppf(0.75)
SHARES, CENTRES = (0.6, 0.37, 0.03), np.array([[0, 0], [1.5, 0], [0.5, 1.8]])


def draw_rare(rng, n, rate, slope=1.0, shift=0.0):
    """Draw truth and probabilities with an area of 0.75 under the ROC curve; calibrated unless bent."""
    y = (rng.random(n) < rate).astype(float)
    odds = logit(rate) + SHIFT * (rng.standard_normal(n) + SHIFT * y) - SHIFT * SHIFT / 2
    return y, expit(slope * odds + shift)


def losses(y, p):
    return {"log_loss": -np.where(y == 1, np.log(p), np.log1p(-p)), "brier_score_loss": (y - p) ** 2}


def holds(estimate, true):
    return estimate.low <= true <= estimate.high


def test_a_cost_of_rare_misses_is_covered():
    """Of ten positives in 1,000 rows one in five is missed, at 100 times the cost of a false alarm."""
    rng, held, before = np.random.default_rng(0), [], []
    for _ in range(300):
        y = (rng.random(1000) < 0.01).astype(float)
        called = np.where(y == 1, rng.random(1000) < 0.8, rng.random(1000) < 0.02)
        missed, alarm = 100.0 * ~called, 1.0 * called
        found = class_mean(y, y, (missed, alarm), np.ones(1000), unit=100.0, bounds=(-math.inf, math.inf)).estimate
        each = np.where(y == 1, missed, alarm)
        assert found.value == pytest.approx(each.mean())
        true = 0.01 * 0.2 * 100 + 0.99 * 0.02
        held.append(holds(found, true))
        before.append(holds(mean(each, bounds=(-math.inf, math.inf), unit=100.0).estimate, true))
    assert np.mean(held) >= 0.93 > 0.9 > np.mean(before)


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "shift"), [(1, 0), (1.3, 0.5), (1, -1)])
@pytest.mark.parametrize(("n", "rate", "before"), [(60, 0.01, 0.5), (200, 0.01, 0.9), (60, 0.03, 0.85), (1000, 0.5, 1)])
def test_losses_of_rare_positives_cover(n, rate, before, slope, shift):
    y, p = draw_rare(np.random.default_rng(9), 1_000_000, rate, slope, shift)
    truth = {name: float(loss.mean()) for name, loss in losses(y, p).items()}
    rng, held = np.random.default_rng(5), {name: np.zeros(2) for name in truth}
    for _ in range(1000):
        y, p = draw_rare(rng, n, rate, slope, shift)
        found = binary_metrics(y, p)
        for name, loss in losses(y, p).items():
            held[name] += holds(found[name].estimate, truth[name]), holds(mean(loss).estimate, truth[name])
    for now, was in held.values():
        assert 0.93 <= now / 1000 <= 0.98
        assert was / 1000 <= before


def draw_three(rng, n):
    y = rng.choice(3, size=n, p=SHARES)
    x = rng.standard_normal((n, 2)) + CENTRES[y]
    chance = softmax(-np.square(x[:, None] - CENTRES).sum(axis=2) / 2 + np.log(SHARES), axis=1)
    return y, chance.argmax(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "before"), [(60, 0.7), (200, 0.75), (1000, 0.97)])
def test_macro_f1_with_a_rare_class_covers(n, before):
    true = multiclass_metrics(*draw_three(np.random.default_rng(9), 1_000_000), None, 3)["f1_macro"].estimate.value
    rng, held = np.random.default_rng(3), np.zeros(2)
    for _ in range(1000):
        y, called = draw_three(rng, n)
        found = multiclass_metrics(y, called, None, 3)["f1_macro"]
        plain = smooth(
            found.estimate.value, found.influence, effective=np.bincount(y)[np.bincount(y) > 0].min(), method=""
        )
        held += holds(found.estimate, true), holds(plain.estimate, true)
    assert 0.93 <= held[0] / 1000 <= 0.985
    assert held[1] / 1000 <= before


AREAS = [(10, 990, 0.95, 0.92), (5, 200, 0.95, 0.9), (10, 990, 0.99, 0.88)]


@pytest.mark.slow
@pytest.mark.parametrize("spread", [1.0, 2.0])
@pytest.mark.parametrize(("ones", "zeros", "area", "before"), AREAS)
def test_areas_near_one_of_few_positives_cover(ones, zeros, area, before, spread):
    y, rng = np.r_[np.ones(ones), np.zeros(zeros)], np.random.default_rng(4)
    apart, held = stats.norm.ppf(area) * math.hypot(1, spread), np.zeros(2)
    for _ in range(1000):
        score = rng.standard_normal(len(y))
        score[:ones] = spread * score[:ones] + apart
        plain = smooth(*roc_auc(y, score), effective=ones, method="").estimate
        held += holds(binary_metrics(y, score, probabilities=False)["roc_auc"].estimate, area), holds(plain, area)
    assert held[0] / 1000 >= 0.95
    assert held[1] / 1000 <= before


@pytest.mark.parametrize(("area", "ones", "zeros"), [(0.5, 10, 10), (0.97, 10, 990), (1.0, 5, 8), (0.0, 3, 40)])
def test_the_ends_of_an_area_are_where_the_score_test_just_rejects(area, ones, zeros):
    low, high = area_interval(area, ones, zeros)
    assert 0 <= low <= area <= high <= 1
    for end in {low, high} - {0.0, 1.0}:
        half = (ones + zeros) / 2 - 1
        variance = end * (1 - end) * (1 + half * (1 - end) / (2 - end) + half * end / (1 + end)) / (ones * zeros)
        assert abs(area - end) == pytest.approx(Z * math.sqrt(variance), rel=1e-6)
    assert area_interval(1 - area, zeros, ones) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_losses_of_many_rows_of_both_classes_are_as_by_one_formula():
    y, p = draw_rare(np.random.default_rng(0), 20_000, 0.4)
    found = binary_metrics(y, p)
    for name, loss in losses(y, p).items():
        plain = mean(loss).estimate
        assert found[name].estimate.value == pytest.approx(plain.value, rel=1e-12)
        assert (found[name].estimate.low, found[name].estimate.high) == pytest.approx((plain.low, plain.high), rel=2e-3)


def test_a_class_that_is_absent_is_reckoned_with():
    p = np.random.default_rng(0).beta(1, 30, 60)
    for y in (np.zeros(60), np.ones(60)):
        for name, loss in losses(y, p).items():
            found = binary_metrics(y, p)[name].estimate
            assert found.value == pytest.approx(loss.mean())
            assert found.low < found.value < found.high
    nobody = binary_metrics(np.zeros(60), p)["log_loss"].estimate
    assert nobody.high > 2 * mean(-np.log1p(-p)).estimate.high
    y = np.tile([0, 1], 30)
    two, three = (multiclass_metrics(y, y, None, classes)["f1_macro"].estimate for classes in (2, 3))
    assert (two.value, three.value) == (1, 1)
    assert two.low > 0.88
    assert three.low < 0.67 + 0.01
