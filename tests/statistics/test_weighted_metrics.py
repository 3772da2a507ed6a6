"""Weighted metrics: values as scikit-learn's, errors as those of a survey's design."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import special, stats
from sklearn import metrics

from toolkit.statistics.calibration import calibration_bins
from toolkit.statistics.decisions import matthews
from toolkit.statistics.intervals import standard_error, wilson
from toolkit.statistics.measure import difference, mean
from toolkit.statistics.metrics import binary_metrics, class_table, multiclass_metrics
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.replicates import paired_difference, replicate
from toolkit.statistics.units import Units, kish

RNG = np.random.default_rng(0)
N = 501
WEIGHTS = RNG.exponential(size=N) * np.append(np.zeros(3), np.ones(N - 3))
SCORE = np.round(RNG.random(N), 2)
Y = (RNG.random(N) < SCORE).astype(float)
PROBABILITIES = RNG.dirichlet([1, 1, 0.5], N)
CLASSES = np.array([RNG.choice(3, p=row) for row in PROBABILITIES])
NUMBERS = RNG.normal(20, 3, N)
PREDICTED = NUMBERS + RNG.normal(size=N)


def weighted(weights=WEIGHTS, group=None) -> Units:
    return Units.of(group, None, pd.Series(weights, name="w"))


def test_binary_metrics_are_scikit_learns():
    found, called = binary_metrics(Y, SCORE, units=weighted()), SCORE >= 0.5
    for name in ("roc_auc_score", "average_precision_score", "log_loss", "brier_score_loss"):
        ours = found[name.removesuffix("_score")].estimate.value
        assert ours == pytest.approx(getattr(metrics, name)(Y, SCORE, sample_weight=WEIGHTS), rel=1e-9)
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        expected = getattr(metrics, f"{name}_score")(Y, called, sample_weight=WEIGHTS)
        assert found[name].estimate.value == pytest.approx(expected, rel=1e-9)
    expected = metrics.matthews_corrcoef(Y, called, sample_weight=WEIGHTS)
    assert found["matthews_corrcoef"].estimate.value == pytest.approx(expected, rel=1e-9)


def test_a_correlation_changes_by_a_rows_weight_as_its_influence_says():
    """Also where the only row that is called positive weighs next to nothing: cells less a step were negative there."""
    y, called, step = np.repeat([1.0, 0.0], [8, 92]), np.zeros(100), 1e-3
    called[0] = 1
    weights = np.append(5e-5, RNG.exponential(size=99) + 0.5)
    found = matthews(y, called, weights)
    for row in (1, 50):
        more = weights + step * (np.arange(100) == row)
        value = metrics.matthews_corrcoef(y, called, sample_weight=more)
        change = (value - metrics.matthews_corrcoef(y, called, sample_weight=weights)) / step
        assert found.influence[row] == pytest.approx(100 * change * weights[row], rel=2e-3)


def test_multiclass_metrics_are_scikit_learns():
    guess, options = PROBABILITIES.argmax(axis=1), {"sample_weight": WEIGHTS}
    found = multiclass_metrics(CLASSES, guess, PROBABILITIES, 3, units=weighted())
    expected = {
        "accuracy": metrics.accuracy_score(CLASSES, guess, **options),
        "balanced_accuracy": metrics.balanced_accuracy_score(CLASSES, guess, **options),
        "f1_macro": metrics.f1_score(CLASSES, guess, average="macro", **options),
        "f1_weighted": metrics.f1_score(CLASSES, guess, average="weighted", **options),
        "log_loss": metrics.log_loss(CLASSES, PROBABILITIES, **options),
        "roc_auc_ovr": metrics.roc_auc_score(CLASSES, PROBABILITIES, multi_class="ovr", **options),
    }
    assert {name: one.estimate.value for name, one in found.items()} == pytest.approx(expected, rel=1e-9)
    table = class_table(CLASSES, guess, PROBABILITIES, ["a", "b", "c"], units=weighted())
    recalls = metrics.recall_score(CLASSES, guess, average=None, **options)
    assert [one.value for one in table["recall"]] == pytest.approx(list(recalls), rel=1e-9)


def test_regression_metrics_are_scikit_learns():
    found = regression_metrics(NUMBERS, PREDICTED, units=weighted())
    for name in ("mean_absolute_error", "root_mean_squared_error", "median_absolute_error", "r2_score"):
        expected = getattr(metrics, name)(NUMBERS, PREDICTED, sample_weight=WEIGHTS)
        assert found[name.removesuffix("_score")].estimate.value == pytest.approx(expected, rel=1e-9)
    expected = metrics.mean_absolute_percentage_error(NUMBERS, PREDICTED, sample_weight=WEIGHTS)
    assert found["mean_absolute_percentage_error"].estimate.value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_median_of_ties_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    errors, weights = rng.integers(0, 4, 12).astype(float), rng.integers(1, 3, 12)
    ours = regression_metrics(np.ones(12), 1 + errors, units=weighted(weights))["median_absolute_error"]
    assert ours.estimate.value == metrics.median_absolute_error(np.zeros(12), errors, sample_weight=weights)


def test_equal_weights_change_nothing():
    alike = weighted(np.full(N, 2.5))
    for plain, found in (
        (binary_metrics(Y, SCORE), binary_metrics(Y, SCORE, units=alike)),
        (regression_metrics(NUMBERS, PREDICTED), regression_metrics(NUMBERS, PREDICTED, units=alike)),
    ):
        for name, one in plain.items():
            ends = (found[name].estimate.value, found[name].estimate.low, found[name].estimate.high)
            assert ends == pytest.approx((one.estimate.value, one.estimate.low, one.estimate.high), rel=1e-9), name


def test_calibration_is_that_of_rows_seen_as_often_as_they_weigh():
    counts = np.random.default_rng(1).integers(1, 4, N)
    once, often = (
        binary_metrics(Y, SCORE, units=weighted(counts)),
        binary_metrics(*np.repeat([Y, SCORE], counts, axis=1)),
    )
    for name in ("calibration_slope", "calibration_intercept"):
        assert once[name].estimate.value == pytest.approx(often[name].estimate.value, rel=1e-9)


@pytest.mark.parametrize("grouped", [False, True])
def test_standard_errors_are_those_of_a_survey(grouped):
    group = np.arange(N) // 5
    fitted = sm.WLS(NUMBERS, np.ones(N), weights=WEIGHTS)
    result = fitted.fit(cov_type="cluster", cov_kwds={"groups": group}) if grouped else fitted.fit(cov_type="HC1")
    found = mean(NUMBERS, WEIGHTS / WEIGHTS.mean())
    assert found.estimate.value == pytest.approx(result.params[0], rel=1e-9)
    if not grouped:
        assert np.sqrt(found.influence @ found.influence) / N == pytest.approx(result.bse[0], rel=1e-9)
        return
    units, count = weighted(group=pd.Series(group, name="g")), group[-1] + 1
    sums = units.sums(found.influence)
    ours = np.sqrt(sums @ sums / N**2 * count / (count - 1) * (N - 1) / N)
    assert ours == pytest.approx(result.bse[0], rel=1e-9)


def test_a_share_rests_on_the_rows_that_its_weights_are_worth():
    hits = np.tile([1.0, 0.0, 1.0, 1.0], 250)
    uneven = np.repeat([1.0, 3.0], 500)
    units = weighted(uneven)
    assert [kish(uneven * unit) for unit in (1.0, 1e-200, 1e200)] == pytest.approx([1.25] * 3)
    found = mean(hits, units.weights, bounds=(0, 1)).over(units)
    alone = mean(hits[:800], bounds=(0, 1))
    assert standard_error(found.influence) == pytest.approx(standard_error(alone.influence), rel=2e-3)
    assert found.estimate.high - found.estimate.low == pytest.approx(alone.estimate.high - alone.estimate.low, rel=5e-3)


def test_rows_that_do_not_vary_get_the_interval_of_fewer():
    units = weighted(np.repeat([1.0, 3.0], 50))
    found = binary_metrics(np.tile([0.0, 1.0], 50), np.tile([0.1, 0.9], 50), units=units)["accuracy"]
    assert found.estimate.low == pytest.approx(wilson(80, 80)[0], rel=1e-9)
    assert found.estimate.method == "Wilson; rows weighted by 'w'"


def test_paired_differences_carry_the_weights():
    other = SCORE + RNG.normal(0, 0.05, N)
    units = weighted()
    first, second = (binary_metrics(Y, one, units=units, probabilities=False)["roc_auc"] for one in (SCORE, other))
    apart = difference(first, second)
    error = standard_error(first.influence - second.influence)
    assert (apart.high - apart.low) / 2 == pytest.approx(units.quantile(first.influence - second.influence) * error)
    again = paired_difference(replicate({"auc": first})["auc"], replicate({"auc": second})["auc"])
    assert (again.high - again.low) / (apart.high - apart.low) == pytest.approx(1, abs=0.12)


def drawn(kind: str, n: int, rng: np.random.Generator) -> dict[str, object]:
    """Measure rows whose weights vary more than their mean, and more where the outcome does."""
    shown, hidden = rng.normal(size=(2, n))
    units = weighted(rng.exponential(size=n) * (0.5 + (hidden > 0)))
    latent = 0.7 * shown + 0.714 * hidden
    if kind == "regression":
        return regression_metrics(40 + 2 * shown + hidden, 40 + 2.1 * shown + 0.05, units=units)
    if kind == "multiclass":
        cuts = stats.norm.ppf([0.6, 0.97])
        upto = stats.norm.cdf((cuts - 0.7 * shown[:, None]) / 0.714)
        chances = np.clip(np.diff(upto, prepend=0.0, append=1.0, axis=1), 1e-12, 1)
        return multiclass_metrics(
            np.searchsorted(cuts, latent), (chances * [1, 1, 4]).argmax(1), chances, 3, units=units
        )
    rate = float(kind)
    cut = stats.norm.ppf(1 - rate)
    chance = special.expit(1.2 * special.logit(np.clip(stats.norm.sf((cut - 0.7 * shown) / 0.714), 1e-9, 1 - 1e-9)))
    return binary_metrics((latent > cut).astype(float), chance, threshold=min(2 * rate, 0.5), units=units)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["0.1", "0.5", "multiclass", "regression"])
def test_coverage_with_uneven_weights(kind):
    truth = {name: one.estimate.value for name, one in drawn(kind, 500_000, np.random.default_rng(999)).items()}
    held = {name: [] for name in truth}
    for seed in range(300):
        for name, one in drawn(kind, 1000, np.random.default_rng(seed)).items():
            if one.estimate.has_interval:
                held[name].append(one.estimate.low <= truth[name] <= one.estimate.high)
    shares = {name: float(np.mean(found)) for name, found in held.items()}
    print(kind, shares)
    assert min(shares.values()) >= 0.905, shares


def test_bins_of_calibration_are_of_equal_weight():
    """Weights alike change nothing; rows of weight 2 make bins as if they stood there twice."""
    rng = np.random.default_rng(0)
    prob = np.sort(rng.random(1000))
    true = (rng.random(1000) < prob).astype(float)
    plain = calibration_bins(true, prob)[:3]
    for one, other in zip(plain, calibration_bins(true, prob, weights=np.full(1000, 0.1))[:3], strict=True):
        np.testing.assert_allclose(one, other * (10 if one is plain[0] else 1), rtol=1e-12)
    weights = np.where(prob > 0.7, 9.0, 1.0)
    twice = np.repeat(np.arange(1000), weights.astype(int))
    sizes, _, observed, _ = calibration_bins(true, prob, weights=weights)
    repeated, _, rates, _ = calibration_bins(true[twice], prob[twice])
    np.testing.assert_allclose(sizes, repeated, atol=9)
    np.testing.assert_allclose(observed, rates, atol=0.02)
    assert sizes.max() < 1.1 * sizes.min()
