"""Intervals of rows that belong together: against statsmodels and a formula written out, and by simulation."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter
from scipy.special import expit

from toolkit.evaluation.evaluate import evaluate
from toolkit.models.prediction_file import load_predictions
from toolkit.statistics.design_effects import design_effect
from toolkit.statistics.measure import difference, mean, share
from toolkit.statistics.metrics import binary_metrics, class_table, multiclass_metrics
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.replicates import paired_difference, read_replicates, replicate, write_replicates
from toolkit.statistics.units import Units

TRUE_ABSOLUTE_ERROR = math.sqrt(2 / math.pi)


def people(rng, groups, rows, base=0.0):
    """Rows of people who share a person's luck: truth, score and person."""
    shared, known = np.repeat(rng.normal(size=(2, groups)), rows, axis=1)
    odds = base + 0.8 * known + 0.8 * rng.normal(size=groups * rows)
    truth = (rng.random(groups * rows) < expit(odds + shared)).astype(float)
    return truth, expit(0.9 * odds - 0.1), Units(np.repeat(np.arange(groups), rows), groups, "person")


def series(rng, length, memory):
    """Truth, predictions and days, with errors that remember those before."""
    noise = rng.normal(size=length + 200)
    errors = lfilter([math.sqrt(1 - memory**2)], [1, -memory], noise)[200:]
    return np.full(length, 5.0), 5 + errors, Units(np.arange(length), length, "day", kind="time")


class TestOf:
    def test_groups_come_before_times_and_rows_without_a_group_are_one(self):
        group, time = pd.Series(["b", None, "a", "b", None], name="g"), pd.Series(range(5), name="t")
        units = Units.of(group, time)
        assert units.count == 3
        assert units.kind == "group"
        assert units.codes[0] == units.codes[3]
        assert units.codes[1] == units.codes[4]
        assert len(set(units.codes)) == 3

    def test_rows_without_a_group_count_as_those_that_one_name_is_given_to(self):
        rng = np.random.default_rng(0)
        person = rng.integers(0, 100, 2000).astype(float)
        person[rng.random(2000) < 0.5] = np.nan
        moved = rng.normal(size=101)[np.where(np.isnan(person), 100, person).astype(int)]
        truth = rng.normal(size=2000)
        table = pd.DataFrame({"y_true": truth, "y_pred": truth + moved + 0.1 * rng.normal(size=2000)})
        found = [
            evaluate(*load_predictions(table.assign(who=who), group="who", task="regression"), latency=False)
            for who in (person, np.nan_to_num(person, nan=100))
        ]
        gaps, named = (one.scalars()["test.bias"] for one in found)
        assert (gaps.low, gaps.high) == (named.low, named.high)
        assert gaps.high - gaps.low > 10 * 1.96 * moved.std() / math.sqrt(2000)
        assert [one.scalars()["test.groups"].value for one in found] == [101, 101]

    def test_groups_of_one_row_each_and_short_series_are_independent_rows(self):
        assert Units.of(pd.Series([3, 1, 2], name="g"), None) is None
        assert Units.of(None, pd.Series(range(99), name="t")) is None
        assert Units.of(None, None) is None

    def test_a_series_is_in_the_order_of_its_times(self):
        time = pd.Series(np.random.default_rng(0).permutation(150), name="t")
        units = Units.of(None, time)
        assert units.kind == "time"
        np.testing.assert_array_equal(units.codes, time)


class TestVariance:
    def test_it_is_statsmodels_of_clusters_of_one_size_with_one_cluster_more(self):
        rng = np.random.default_rng(1)
        codes = rng.permutation(np.repeat(np.arange(30), 13))
        values = rng.normal(size=390) + rng.normal(size=30)[codes]
        fitted = sm.OLS(values, np.ones(390)).fit(cov_type="cluster", cov_kwds={"groups": codes})
        units = Units(codes, 30, "g")
        influence = values - values.mean()
        furthest = np.abs(units.sums(influence)).max()
        squares = (units.standard_error(influence) * 390) ** 2 - 30 / 29 * furthest**2
        assert math.sqrt(squares) / 390 == pytest.approx(fitted.bse[0], rel=1e-9)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_of_clusters_of_any_size_it_is_the_jackknife_that_leaves_out_each(self, weighted):
        rng = np.random.default_rng(1)
        codes = np.repeat(np.arange(21), [300, *rng.integers(1, 30, 20)])
        values = rng.normal(size=len(codes)) + rng.normal(size=21)[codes]
        weights = rng.gamma(1, size=len(codes)) if weighted else np.ones(len(codes))
        weights = weights / weights.mean()
        left_out = [np.average(values[codes != one], weights=weights[codes != one]) for one in range(21)]
        apart = np.array(left_out) - np.average(values, weights=weights)
        units = Units(codes, 21, "g", weights=weights if weighted else None)
        found = units.standard_error(weights * (values - np.average(values, weights=weights)))
        assert found == pytest.approx(math.sqrt(20 / 21 * (apart @ apart + (apart**2).max())), rel=1e-9)

    @pytest.mark.slow
    @pytest.mark.parametrize("metric", ["accuracy", "log_loss", "recall", "f1"])
    def test_one_group_with_most_rows_is_covered_at_least_93_percent(self, metric):
        rng, codes = np.random.default_rng(7), np.repeat(np.arange(80), [1500, *[9] * 79])
        truth = binary_metrics(*people(np.random.default_rng(8), 100_000, 5)[:2])[metric].estimate.value
        held = []
        for _ in range(400):
            shared, known = rng.normal(size=(2, 80))[:, codes]
            odds = 0.8 * known + 0.8 * rng.normal(size=len(codes))
            y = (rng.random(len(codes)) < expit(odds + shared)).astype(float)
            found = binary_metrics(y, expit(0.9 * odds - 0.1), units=Units(codes, 80, "person"))[metric].estimate
            held.append(found.low <= truth <= found.high)
        assert np.mean(held) >= 0.93

    def test_that_of_the_auc_is_obuchowskis(self):
        rng = np.random.default_rng(2)
        y, score, units = people(rng, 40, 6)
        influence = binary_metrics(y, score)["roc_auc"].influence
        positive, negative = score[y == 1], score[y == 0]
        wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
        area = wins.mean()
        ones = np.bincount(units.codes[y == 1], wins.mean(axis=1) - area, 40) / len(positive)
        zeros = np.bincount(units.codes[y == 0], wins.mean(axis=0) - area, 40) / len(negative)
        written = float(((ones + zeros) ** 2).sum())
        # The influences carry the small-sample factor of each class.
        assert float((units.sums(influence) ** 2).sum()) / len(y) ** 2 == pytest.approx(written, rel=0.03)

    def test_a_few_groups_that_hold_what_matters_give_few_degrees_of_freedom(self):
        units = Units(np.repeat(np.arange(100), 2), 100, "g")
        concentrated = np.where(units.codes < 3, 1.0, 0.0) * np.tile([1.0, 2.0], 100)
        assert units.quantile(concentrated) > 4
        spread_out = np.random.default_rng(0).normal(size=200)
        assert units.quantile(spread_out) < 2.1
        assert units.quantile(np.where(units.codes == 0, 1.0, 0.0)) == math.inf


class TestIntervals:
    def test_copies_of_rows_give_the_intervals_of_the_rows_almost(self):
        y, score, _ = people(np.random.default_rng(3), 500, 1)
        once = binary_metrics(y, score)
        units = Units(np.tile(np.arange(500), 3), 500, "copy")
        thrice = binary_metrics(np.tile(y, 3), np.tile(score, 3), units=units)
        for name in ("roc_auc", "log_loss", "accuracy", "recall", "precision", "f1", "calibration_intercept"):
            one, three = once[name].estimate, thrice[name].estimate
            assert three.value == pytest.approx(one.value, rel=1e-6)
            assert three.high - three.low == pytest.approx(one.high - one.low, rel=0.03), name
            assert three.method.endswith("; 500 groups of 'copy'")

    def test_a_share_that_does_not_vary_counts_groups(self):
        units = Units(np.repeat(np.arange(10), 5), 10, "g")
        found = share(np.ones(50), np.ones(50)).over(units)
        alone = share(np.ones(10), np.ones(10)).estimate
        assert (found.estimate.low, found.estimate.high) == pytest.approx((alone.low, alone.high))

    def test_a_single_group_gives_no_interval(self):
        units = Units(np.zeros(50, dtype=int), 1, "g")
        y, score, _ = people(np.random.default_rng(0), 50, 1)
        found = binary_metrics(y, score, units=units)["accuracy"].estimate
        assert not found.has_interval
        assert "one group" in found.method

    def test_every_metric_says_what_it_rests_on_and_holds_its_value(self):
        rng = np.random.default_rng(4)
        y, score, units = people(rng, 60, 5)
        codes, prob = rng.integers(0, 3, 300), rng.dirichlet(np.ones(3), 300)
        tables = [
            binary_metrics(y, score, units=units),
            multiclass_metrics(codes, prob.argmax(axis=1), prob, 3, units=units),
            regression_metrics(y + 1, score + 1, units=units),
        ]
        for table in tables:
            for name, found in table.items():
                assert "60 groups of 'person'" in found.estimate.method, name
                assert found.estimate.low <= found.estimate.value <= found.estimate.high, name
        by_class = class_table(codes, prob.argmax(axis=1), prob, ["a", "b", "c"], units=units)
        assert "60 groups" in by_class.loc[0, "recall"].method

    def test_a_difference_is_that_of_groups(self):
        y, score, units = people(np.random.default_rng(5), 80, 10)
        worse = np.clip(score + np.repeat(np.random.default_rng(6).normal(0, 0.2, 80), 10), 0.01, 0.99)
        apart = difference(binary_metrics(y, score)["log_loss"], binary_metrics(y, worse)["log_loss"])
        grouped = difference(
            binary_metrics(y, score, units=units)["log_loss"], binary_metrics(y, worse, units=units)["log_loss"]
        )
        assert grouped.value == apart.value
        assert grouped.high - grouped.low > 1.5 * (apart.high - apart.low)
        assert "80 groups" in grouped.method

    def test_replicates_draw_groups(self):
        y, score, units = people(np.random.default_rng(5), 80, 10)
        other = np.clip(score + np.repeat(np.random.default_rng(6).normal(0, 0.2, 80), 10), 0.01, 0.99)
        first, second = (binary_metrics(y, one, units=units) for one in (score, other))
        kept = [read_replicates(write_replicates(replicate(one), "rows"))[0]["log_loss"] for one in (first, second)]
        sums = units.sums(first["log_loss"].influence - second["log_loss"].influence)
        apart = kept[0].draws - kept[1].draws
        assert math.sqrt(apart @ apart / len(apart)) == pytest.approx(
            math.sqrt(80 / 79 * float(sums @ sums)) / 800, rel=0.1
        )
        assert kept[0].units == 80
        drawn, exact = paired_difference(*kept), difference(first["log_loss"], second["log_loss"])
        assert drawn.value == pytest.approx(exact.value)
        assert drawn.high - drawn.low == pytest.approx(exact.high - exact.low, rel=0.25)


class TestCoverage:
    def test_groups(self):
        rng, hits = np.random.default_rng(7), dict.fromkeys(("accuracy", "recall", "roc_auc", "log_loss"), 0)
        true = {name: found.estimate.value for name, found in binary_metrics(*people(rng, 400_000, 1)[:2]).items()}
        for _ in range(150):
            y, score, units = people(rng, 100, 20)
            found = binary_metrics(y, score, units=units)
            for name in hits:
                hits[name] += found[name].estimate.low <= true[name] <= found[name].estimate.high
        # 95% of 150, four standard deviations either way; rows taken as independent give 60 to 80%.
        assert all(132 <= count <= 150 for count in hits.values()), hits

    def test_a_series(self):
        rng, hits = np.random.default_rng(8), 0
        for _ in range(200):
            y, predicted, units = series(rng, 1000, 0.8)
            found = regression_metrics(y, predicted, units=units)["mean_absolute_error"].estimate
            hits += found.low <= TRUE_ABSOLUTE_ERROR <= found.high
        assert 178 <= hits <= 200

    def test_a_series_without_memory_costs_little(self):
        y, predicted, units = series(np.random.default_rng(9), 2000, 0.0)
        apart, joined = (
            regression_metrics(y, predicted, units=one)["mean_absolute_error"].estimate for one in (None, units)
        )
        assert joined.high - joined.low < 1.3 * (apart.high - apart.low)


def test_means_of_rows_and_of_groups_of_one_agree():
    values = np.random.default_rng(10).normal(3, 1, 200)
    found = mean(values)
    effect = Units(np.arange(200), 200, "row").design_effect(found.influence)
    assert effect == pytest.approx(1.0, rel=0.03)


def clustered(seed, levels=2):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(60), rng.integers(1, 12, 60)))
    own = rng.integers(0, levels, 60)[groups]
    return np.where(rng.random(len(groups)) < 0.6, own, rng.integers(0, levels, len(groups))), groups


def ratio_effect(hits, groups):
    """Return the variance of a share by the jackknife over groups, over that of as many independent rows."""
    n, share, names = len(hits), hits.mean(), np.unique(groups)
    moved = np.array([hits[groups != one].mean() - share for one in names])
    return (len(names) - 1) / len(names) * float(moved @ moved) / (share * (1 - share) / n)


@pytest.mark.parametrize("seed", range(3))
def test_the_design_effect_of_a_share_is_that_of_the_ratio_estimator(seed):
    codes, groups = clustered(seed)
    assert design_effect(codes, groups) == pytest.approx(ratio_effect(codes, groups), rel=1e-9)


def test_the_design_effect_of_labels_is_the_average_over_them():
    codes, groups = clustered(0, levels=4)
    shares = np.bincount(codes) / len(codes)
    expected = sum((1 - shares[k]) * ratio_effect((codes == k) * 1, groups) for k in range(4)) / 3
    assert design_effect(codes, groups) == pytest.approx(expected, rel=1e-9)
    far = codes.astype("int64") * 1_000_003
    assert design_effect(far, groups) == pytest.approx(expected, rel=1e-9)


def test_values_that_alternate_within_groups_count_for_no_more_rows_than_there_are():
    groups = np.repeat(np.arange(50), 2)
    assert design_effect(np.tile([0, 1], 50), groups) == 1.0
    assert design_effect(np.arange(100) % 2, np.arange(100)) == pytest.approx(100 / 99)
    assert design_effect(np.zeros(100, dtype=int), groups) == 2.0


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "rows"), [(100, 5), (100, 20), (50, 100)])
@pytest.mark.parametrize("base", [0.0, -2.9, -5.5])
def test_coverage_of_every_metric_in_groups(groups, rows, base):
    rng = np.random.default_rng(11)
    true = {name: found.estimate.value for name, found in binary_metrics(*people(rng, 1_000_000, 1, base)[:2]).items()}
    hits, asked = dict.fromkeys(true, 0), dict.fromkeys(true, 0)
    for _ in range(400):
        y, score, units = people(rng, groups, rows, base)
        for name, found in binary_metrics(y, score, units=units).items():
            if found.estimate.has_interval and not math.isnan(true[name]):
                asked[name] += 1
                hits[name] += found.estimate.low <= true[name] <= found.estimate.high
    share = {name: hits[name] / asked[name] for name in true if asked[name] >= 200}
    print(groups, rows, base, {name: round(100 * value, 1) for name, value in share.items()})
    # Named in docs/methods.md: with few rows predicted positive, or few positives, some intervals are too narrow.
    rare = {"matthews_corrcoef": 0.8, "roc_auc": 0.88} if rows == 5 and base < 0 else {}
    assert all(value >= rare.get(name, 0.9) for name, value in share.items()), share


def test_what_intervals_rest_on_is_said_in_brackets():
    codes, weights = np.repeat(np.arange(20), 5), np.resize([0.5, 1.5], 100)
    assert Units(codes, 20, "person").text == "(20 groups of 'person', on which intervals rest)"
    assert (
        Units(np.arange(100), 100, "", "row", weights, "w").text == "(weighted by 'w'; worth 80 rows of equal weight)"
    )
    assert Units(codes, 20, "person", weights=weights, weight="w").text == (
        "(20 groups of 'person' weighted by 'w', on which intervals rest; worth 80 rows of equal weight)"
    )
