import math
import warnings

import numpy as np
import pytest
from coverage_cases import coverage, draw_binary, draw_multiclass, draw_regression
from hypothesis import given, settings, strategies as st
from sklearn import metrics as sk

from toolkit.errors import InputError
from toolkit.statistics.calibration import calibration_bins, calibration_error
from toolkit.statistics.measure import difference, rival
from toolkit.statistics.metrics import binary_metrics, class_table, multiclass_metrics
from toolkit.statistics.ranking import average_precision, roc_auc
from toolkit.statistics.regression import SCALE_FREE, has_heavy_tails, regression_metrics
from toolkit.statistics.units import Units

BINARY = {
    "roc_auc": lambda y, p, c: sk.roc_auc_score(y, p),
    "average_precision": lambda y, p, c: sk.average_precision_score(y, p),
    "log_loss": lambda y, p, c: sk.log_loss(y, p, labels=[0, 1]),
    "brier_score_loss": lambda y, p, c: sk.brier_score_loss(y, p),
    "accuracy": lambda y, p, c: sk.accuracy_score(y, c),
    "balanced_accuracy": lambda y, p, c: sk.balanced_accuracy_score(y, c),
    "precision": lambda y, p, c: sk.precision_score(y, c, zero_division=np.nan),
    "recall": lambda y, p, c: sk.recall_score(y, c),
    "f1": lambda y, p, c: sk.f1_score(y, c),
    "matthews_corrcoef": lambda y, p, c: sk.matthews_corrcoef(y, c),
}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 80), st.integers(0, 3), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
def test_binary_values_are_scikit_learns(seed, n, digits, threshold):
    rng = np.random.default_rng(seed)
    y = np.append([0.0, 1.0], (rng.random(n) < 0.4).astype(float))
    score = np.round(np.clip(rng.normal(0.3 + 0.3 * y, 0.3), 0, 1), digits)
    found = binary_metrics(y, score, threshold=threshold)
    called = (score >= threshold).astype(float)
    for name, reference in BINARY.items():
        expected = reference(y, score, called)
        assert found[name].estimate.value == pytest.approx(expected, abs=1e-12, rel=1e-12, nan_ok=True), name


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0]))
def test_no_binary_interval_claims_certainty(seed, n, digits, skill):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(float)
    score = np.round(np.clip(skill * y + (1 - skill) * rng.random(n), 0, 1), digits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = binary_metrics(y, score)
    for name, measured in found.items():
        for estimate in (measured.estimate, difference(measured, measured)):
            if estimate.has_interval:
                assert estimate.low <= estimate.value <= estimate.high, name
                assert estimate.high - estimate.low > 1e-4, name
        assert not measured.estimate.low < measured.bounds[0]
        assert not measured.estimate.high > measured.bounds[1]


def test_influences_are_the_derivatives_with_respect_to_weights():
    rng = np.random.default_rng(3)
    y = (rng.random(60) < 0.4).astype(float)
    score = np.round(y + rng.standard_normal(60), 1)
    ones = y.sum()
    _, found = average_precision(y, score)
    slopes = []
    for row in range(60):
        weights = np.ones(60)
        weights[row] += 1e-6
        change = sk.average_precision_score(y, score, sample_weight=weights) - sk.average_precision_score(y, score)
        slopes.append(change * 60 / 1e-6 * math.sqrt(ones / (ones - 1)))
    assert found == pytest.approx(np.array(slopes), abs=1e-4)


def test_roc_auc_influences_give_delongs_variance():
    rng = np.random.default_rng(4)
    y = (rng.random(150) < 0.3).astype(float)
    score = np.round(y + rng.standard_normal(150), 1)
    area, influence = roc_auc(y, score)
    positive, negative = score[y == 1], score[y == 0]
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    delong = kernel.mean(axis=1).var(ddof=1) / len(positive) + kernel.mean(axis=0).var(ddof=1) / len(negative)
    assert area == pytest.approx(kernel.mean(), abs=1e-12)
    assert (influence @ influence) / 150**2 == pytest.approx(delong, rel=1e-12)


def test_calibration_is_that_of_a_logistic_regression():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(5)
    y, first, second = draw_binary(rng, 2000, 0.3)
    for prob in (first, second):
        found = binary_metrics(y, prob)
        x = np.log(prob / (1 - prob))
        slope = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial()).fit(cov_type="HC0")
        shift = sm.GLM(y, np.ones(len(y)), family=sm.families.Binomial(), offset=x).fit(cov_type="HC0")
        assert found["calibration_slope"].estimate.value == pytest.approx(slope.params[1], abs=1e-7)
        assert found["calibration_intercept"].estimate.value == pytest.approx(shift.params[0], abs=1e-7)
        for name, low, high in (
            ("calibration_slope", *slope.conf_int()[1]),
            ("calibration_intercept", *shift.conf_int()[0]),
        ):
            estimate = found[name].estimate
            assert estimate.high - estimate.low == pytest.approx(high - low, rel=0.02)


def test_calibration_of_separated_and_constant_predictions():
    y = np.tile([0.0, 1.0], 20)
    perfect = binary_metrics(y, np.where(y == 1, 0.9, 0.1))
    assert math.isnan(perfect["calibration_slope"].estimate.value)
    constant = binary_metrics(y, np.full(40, 0.4))
    assert math.isnan(constant["calibration_slope"].estimate.value)
    assert constant["calibration_intercept"].estimate.value == pytest.approx(math.log(0.5 / 0.5) - math.log(0.4 / 0.6))
    extreme = binary_metrics(y, np.tile([0.0, 1.0, 1.0, 0.0], 10))
    assert math.isfinite(extreme["calibration_intercept"].estimate.value)


def test_calibration_bins_have_equal_mass_and_keep_ties_together():
    rng = np.random.default_rng(0)
    sizes, predicted, observed, _ = calibration_bins((rng.random(1000) < 0.5).astype(float), rng.random(1000))
    assert sizes.tolist() == [100.0] * 10
    assert np.all(np.diff(predicted) > 0)
    sizes, predicted, observed, _ = calibration_bins(np.tile([0.0, 1.0], 50), np.full(100, 0.4))
    assert (sizes.tolist(), predicted.tolist(), observed.tolist()) == ([100.0], [pytest.approx(0.4)], [0.5])


@pytest.mark.parametrize("digits", [0, 1, 2, 12])
@pytest.mark.parametrize("n", [1, 2, 3, 9, 10, 11, 500])
def test_bins_are_cut_at_numpys_quantiles(n, digits):
    rng = np.random.default_rng(n)
    y_prob = np.round(rng.beta(0.3, 0.4, n), digits)
    y_true = (rng.random(n) < 0.5).astype(float)
    edges = np.unique(np.quantile(y_prob, np.arange(1, 10) / 10))
    parts = [np.searchsorted(edges, y_prob, side="left") == place for place in range(len(edges) + 1)]
    parts = [part for part in parts if part.any()]
    expected = (
        [part.sum() for part in parts],
        [y_prob[part].mean() for part in parts],
        [y_true[part].mean() for part in parts],
    )
    for found, right in zip(calibration_bins(y_true, y_prob)[:3], expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12)


def test_calibrated_predictions_may_have_no_calibration_error():
    rng = np.random.default_rng(6)
    held = []
    for _ in range(200):
        prob = rng.random(500)
        found, _ = calibration_error(*calibration_bins((rng.random(500) < prob).astype(float), prob)[:3])
        held.append(found.low == 0)
        assert found.value > 0
    assert np.mean(held) >= 0.94


def test_one_class_is_not_defined_and_no_crash():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = binary_metrics(np.zeros(20), np.linspace(0, 1, 20))
    for name in ("roc_auc", "average_precision", "recall", "f1", "balanced_accuracy", "matthews_corrcoef"):
        assert math.isnan(found[name].estimate.value), name
        assert math.isnan(difference(found[name], found[name]).value)
    assert found["log_loss"].estimate.value > 0
    assert math.isnan(binary_metrics(np.array([0.0, 1]), np.array([0.1, 0.2]))["precision"].estimate.value)


def test_scores_that_are_no_probabilities():
    y, score = np.tile([0.0, 1.0], 20), np.tile([-3.0, 2.0, 1.0, 4.0], 10)
    found = binary_metrics(y, score, threshold=0.0, probabilities=False)
    assert math.isnan(found["log_loss"].estimate.value)
    assert found["recall"].estimate.value == 1
    with pytest.raises(InputError, match="between 0 and 1; found -3 to 4"):
        binary_metrics(y, score)
    with pytest.raises(InputError, match="1 of 40 are missing"):
        binary_metrics(y, np.append(score[:-1], np.nan))


def test_the_perfect_and_the_lonely():
    y = np.tile([0.0, 1.0], 25)
    perfect = binary_metrics(y, y)
    assert perfect["roc_auc"].estimate.value == perfect["roc_auc"].estimate.high == 1
    assert perfect["roc_auc"].estimate.low < 0.9
    lonely = binary_metrics(np.array([1.0] + [0.0] * 50), np.linspace(1, 0, 51))
    assert lonely["roc_auc"].estimate.low < 0.3
    alone = binary_metrics(np.array([1.0]), np.array([0.9]))
    assert alone["accuracy"].estimate.low < 0.3
    assert math.isnan(alone["roc_auc"].estimate.value)


def test_identical_models_differ_by_nothing_with_some_doubt():
    y, first, _ = draw_binary(np.random.default_rng(0), 300, 0.3)
    found = binary_metrics(y, first)
    for name, measured in found.items():
        apart = difference(measured, measured)
        assert apart.value == 0
        assert apart.low < 0 < apart.high, name
        assert apart.high - apart.low < 2.5 * (measured.estimate.high - measured.estimate.low), name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 5), st.integers(30, 90))
def test_multiclass_values_are_scikit_learns(seed, classes, n):
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(classes), rng.integers(classes, size=n))
    prob = rng.dirichlet(np.ones(classes), size=len(y))
    pred = prob.argmax(axis=1)
    found = multiclass_metrics(y, pred, prob, classes)
    expected = {
        "accuracy": sk.accuracy_score(y, pred),
        "balanced_accuracy": sk.balanced_accuracy_score(y, pred),
        "f1_macro": sk.f1_score(y, pred, average="macro"),
        "f1_weighted": sk.f1_score(y, pred, average="weighted"),
        "log_loss": sk.log_loss(y, prob, labels=list(range(classes))),
        "roc_auc_ovr": sk.roc_auc_score(y, prob, multi_class="ovr"),
    }
    assert {name: measured.estimate.value for name, measured in found.items()} == pytest.approx(expected, abs=1e-12)
    table = class_table(y, pred, prob, list(range(classes)))
    assert [cell.value for cell in table["recall"]] == pytest.approx(sk.recall_score(y, pred, average=None), abs=1e-12)
    assert table["support"].tolist() == np.bincount(y).tolist()


def test_multiclass_that_is_perfect_or_lacks_a_class():
    y = np.repeat([0, 1, 2], [40, 10, 5])
    prob = np.eye(3)[y]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = multiclass_metrics(y, y, prob, 3)
        lacking = multiclass_metrics(y[:50], y[:50], prob[:50], 3)
    for measured in found.values():
        assert measured.estimate.high - measured.estimate.low > 0.01
        assert measured.estimate.low <= measured.estimate.value <= measured.estimate.high
    assert math.isnan(lacking["roc_auc_ovr"].estimate.value)
    assert lacking["balanced_accuracy"].estimate.value == 1
    assert math.isnan(class_table(y[:50], y[:50], prob[:50], "abc")["recall"][2].value)


def test_regression_values_are_scikit_learns():
    y, first, _ = draw_regression(np.random.default_rng(0), 501, heavy=True)
    found = {name: measured.estimate.value for name, measured in regression_metrics(y, first).items()}
    assert found == pytest.approx(
        {
            "mean_absolute_error": sk.mean_absolute_error(y, first),
            "root_mean_squared_error": sk.root_mean_squared_error(y, first),
            "r2": sk.r2_score(y, first),
            "median_absolute_error": sk.median_absolute_error(y, first),
            "mean_absolute_percentage_error": sk.mean_absolute_percentage_error(y, first),
            "bias": (first - y).mean(),
        },
        abs=1e-12,
    )


def test_regression_at_its_edges():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        constant = regression_metrics(np.full(30, 5.0), np.linspace(4, 6, 30))
        perfect = regression_metrics(np.arange(30.0), np.arange(30.0))
        single = regression_metrics(np.array([2.0]), np.array([3.0]))
    assert math.isnan(constant["r2"].estimate.value)
    assert math.isnan(perfect["mean_absolute_percentage_error"].estimate.value)
    for name, measured in perfect.items():
        if name != "mean_absolute_percentage_error":
            assert measured.estimate.low < measured.estimate.high, name
            assert difference(measured, measured).low < 0 < difference(measured, measured).high
    assert single["mean_absolute_error"].estimate.value == 1
    assert not single["mean_absolute_error"].estimate.has_interval
    assert math.isnan(single["r2"].estimate.value)
    with pytest.raises(InputError, match="1 of 2 are missing or infinite"):
        regression_metrics(np.array([1.0, np.inf]), np.array([1.0, 2.0]))


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_regression_in_huge_or_tiny_units_is_measured_alike(unit):
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 60))
    for name, plain in regression_metrics(y, predicted).items():
        scaled = regression_metrics(unit * y, unit * predicted)[name].estimate
        factor = 1.0 if name in SCALE_FREE else unit
        ends = (scaled.value / factor, scaled.low / factor, scaled.high / factor)
        assert ends == pytest.approx((plain.estimate.value, plain.estimate.low, plain.estimate.high), rel=1e-9), name


# Where the intervals are wider than they should be, on purpose: the calibration error of a calibrated model is 0, the
# end of its scale, so that only one side can miss; and the difference of two such errors does not use the pairing.
WIDE = {"expected_calibration_error"}


def assert_covers(found, slack):
    for (name, which), share in found.items():
        most = 1.0 if name in WIDE else 0.97 + slack
        assert 0.93 - slack <= share <= most, (name, which, share)


def measure_binary(threshold):
    return lambda y, prob: binary_metrics(y, prob, threshold=threshold)


KNOWN = {"calibration_slope": 1.0, "calibration_intercept": 0.0, "expected_calibration_error": 0.0}
BINARY_CASES = [(200, 0.5, 0.5), (200, 0.1, 0.3), (1000, 0.5, 0.5), (1000, 0.1, 0.3)]


@pytest.mark.parametrize(("n", "rate", "threshold"), BINARY_CASES[1:2])
def test_binary_intervals_cover_quickly(n, rate, threshold):
    found = coverage(
        lambda rng, n: draw_binary(rng, n, rate), measure_binary(threshold), n=n, replicates=250, known=KNOWN
    )
    assert len(found) == 39
    assert_covers(found, slack=0.035)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "rate", "threshold"), BINARY_CASES)
def test_binary_intervals_cover(n, rate, threshold):
    found = coverage(
        lambda rng, n: draw_binary(rng, n, rate), measure_binary(threshold), n=n, replicates=2500, known=KNOWN
    )
    assert_covers(found, slack=0.01)


def measure_three(y, prob):
    return multiclass_metrics(y, prob.argmax(axis=1), prob, 3)


@pytest.mark.parametrize(("n", "rates"), [(200, (0.1, 0.3, 0.6)), (1000, (1 / 3, 1 / 3, 1 / 3))])
def test_multiclass_intervals_cover_quickly(n, rates):
    found = coverage(lambda rng, n: draw_multiclass(rng, n, rates), measure_three, n=n, replicates=400)
    assert_covers(found, slack=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("rates", [(0.1, 0.3, 0.6), (1 / 3, 1 / 3, 1 / 3)])
def test_multiclass_intervals_cover(n, rates):
    found = coverage(lambda rng, n: draw_multiclass(rng, n, rates), measure_three, n=n, replicates=2500)
    assert_covers(found, slack=0.01)


@pytest.mark.parametrize(("n", "heavy"), [(200, False), (1000, True)])
def test_regression_intervals_cover_quickly(n, heavy):
    found = coverage(lambda rng, n: draw_regression(rng, n, heavy), regression_metrics, n=n, replicates=500)
    assert_covers(found, slack=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("heavy", [False, True])
def test_regression_intervals_cover(n, heavy):
    found = coverage(lambda rng, n: draw_regression(rng, n, heavy), regression_metrics, n=n, replicates=2500)
    assert_covers(found, slack=0.01)


@pytest.mark.parametrize(("ones", "has"), [(1, False), (9, False), (10, True)])
def test_a_calibration_slope_from_few_rows_of_a_class_has_no_interval(ones, has):
    scores = np.random.default_rng(0).beta(1, 20, 2000)
    y = np.zeros(2000)
    y[np.random.default_rng(1).choice(2000, ones, replace=False, p=scores / scores.sum())] = 1
    found = binary_metrics(y, scores)["calibration_slope"]
    assert math.isfinite(found.estimate.value)
    assert found.estimate.has_interval == has
    assert difference(found, found).has_interval == has
    assert binary_metrics(1 - y, 1 - scores)["calibration_slope"].estimate.has_interval == has


def test_scores_of_pure_noise_are_seldom_better_than_a_baseline_that_never_says_positive():
    rng, better = np.random.default_rng(0), dict.fromkeys(("f1", "recall", "precision"), 0)
    for _ in range(400):
        y = (rng.random(60) < 0.4).astype(float)
        model, baseline = binary_metrics(y, rng.random(60)), binary_metrics(y, np.full(60, 0.4))
        for name in better:
            better[name] += difference(model[name], baseline[name]).low > 0
    # 2.5% of 400 are 10; without chance in place of the baseline it was 250 to 370.
    assert all(count <= 22 for count in better.values()), better


def test_heavy_tails_are_told_from_light_ones():
    rng, draws = np.random.default_rng(0), 100
    heavy = {
        "normal": sum(has_heavy_tails(rng.normal(size=1000)) for _ in range(draws)),
        "uniform": sum(has_heavy_tails(rng.random(1000)) for _ in range(draws)),
        "t3": sum(has_heavy_tails(rng.standard_t(3, 1000)) for _ in range(draws)),
    }
    assert heavy["normal"] == heavy["uniform"] == 0
    assert heavy["t3"] >= 75
    assert not has_heavy_tails(np.zeros(1000))
    assert not has_heavy_tails(np.ones(1000))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 400), st.booleans())
def test_a_model_that_always_says_positive_gives_way_to_chance_and_no_other_does(seed, n, weighted):
    rng = np.random.default_rng(seed)
    y = np.append([0.0, 1.0], (rng.random(n) < 0.6).astype(float))
    units = Units(np.arange(n + 2), n + 2, "", "row", (each := rng.random(n + 2) + 0.5) / each.mean(), "w")
    own, always, right = (
        binary_metrics(y, None, decisions=called, units=units if weighted else None)
        for called in ((rng.random(n + 2) < 0.5).astype(float), np.ones(n + 2), y)
    )
    for name in ("precision", "recall", "f1"):
        assert rival(own[name], always[name]) is own[name].chance
        assert rival(own[name], right[name]) is right[name]
        assert 0 < always[name].estimate.value <= always[name].estimate.high <= right[name].estimate.value == 1


def test_a_model_no_better_than_chance_stays_what_another_is_compared_with():
    # Its recall is, by the way, just the share of rows that it says positive of.
    y, second = np.tile([1.0, 0.0], 20), np.tile([1.0, 1.0, 0.0, 0.0], 10)
    found, other = (binary_metrics(y, None, decisions=called) for called in (np.tile([1.0, 0.0, 1.0, 1.0], 10), second))
    assert difference(found["recall"], other["recall"]).value == pytest.approx(1 - 0.5)
