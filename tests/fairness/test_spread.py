import math

import numpy as np
import pandas as pd
import pytest
from fairness_cases import disparity_coverage, draw_cells
from hypothesis import given, settings, strategies as st
from scipy.stats import studentized_range

from toolkit.core.estimate import Estimate
from toolkit.fairness.clusters import HALF, Counts, Resampling, count_cells
from toolkit.fairness.measures import compared
from toolkit.fairness.rates import CELLS, RATES, measure_rates
from toolkit.fairness.spread import from_scale, measure_disparity, to_scale
from toolkit.statistics.intervals import standard_error, wald, wilson
from toolkit.statistics.measure import mean_of
from toolkit.statistics.metrics import area_of
from toolkit.statistics.ranking import roc_auc

ALL = [*RATES, "balanced_accuracy"]
#: Recall, false positive rate and size of groups whose disparities are far from none; half of each is positive.
TWO = ([0.5, 0.7], [0.4, 0.42], [600, 600])
#: Here it is nearly a toss-up which of the two rates decides the equalized odds.
TOSS_UP = ([0.5, 0.7], [0.2, 0.35], [300, 300])
FIVE = ([0.55, 0.62, 0.7, 0.78, 0.85], [0.15, 0.2, 0.25, 0.3, 0.35], [500] * 5)
TWENTY = (np.linspace(0.4, 0.85, 20), np.linspace(0.1, 0.45, 20), [400] * 20)
HIDDEN = ([0.5, 0.7, *[0.6] * 8], [0.2, 0.4, *[0.3] * 8], [2000] * 2 + [50] * 8)
UNEQUAL = (
    [0.5, 0.55, 0.6, 0.62, 0.65, 0.68, 0.7, 0.75, 0.8],
    [0.1, 0.12, 0.15, 0.2, 0.22, 0.25, 0.3, 0.2, 0.15],
    [8000, 1200, 900, 400, 400, 300, 300, 300, 2000],
)


def rates(cells, names=ALL, *, least=30, replicates=2000, seed=0):
    how = Resampling(least, replicates, np.random.default_rng(seed))
    return measure_rates(Counts(np.asarray(cells, dtype=float)), names, how)


def test_rates_of_a_small_table_by_hand():
    found = rates([[40, 10, 20, 30], [50, 0, 0, 50]])
    values = {name: [estimate.value for estimate in metric.estimates] for name, metric in found.items()}
    assert values == {
        "selection_rate": [0.4, 0.5],
        "base_rate": [0.5, 0.5],
        "accuracy": [0.7, 1.0],
        "recall": [0.6, 1.0],
        "false_positive_rate": [0.2, 0.0],
        "false_negative_rate": [0.4, 0.0],
        "precision": [0.75, 1.0],
        "balanced_accuracy": [0.7, 1.0],
    }
    assert (found["recall"].estimates[0].low, found["recall"].estimates[0].high) == wilson(30, 50)
    assert found["recall"].estimates[0].n == 50
    assert 0.9 < found["balanced_accuracy"].estimates[1].low < 1.0


def test_too_few_of_a_kind_are_not_judged():
    found = rates([[90, 1, 5, 4], [100, 20, 30, 50], [10, 5, 5, 5]])
    assert found["selection_rate"].judged.tolist() == [True, True, False]
    assert found["recall"].judged.tolist() == [False, True, False]
    assert found["precision"].judged.tolist() == [False, True, False]
    assert measure_disparity([found["recall"]]) is None
    assert found["recall"].estimates[0].value == 4 / 9


def test_cells_are_counted_as_in_a_cross_table():
    rng = np.random.default_rng(0)
    codes, y, called = rng.integers(-1, 3, 500), rng.integers(0, 2, 500), rng.integers(0, 2, 500)
    cells = count_cells(codes, 3, y.astype(float), called.astype(float))
    for group in range(3):
        for place, (truth, call) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
            assert cells[group, place] == ((codes == group) & (y == truth) & (called == call)).sum()


def test_resampled_cells_spread_as_resampled_rows_do():
    cells = np.array([[300, 80, 60, 260], [150, 60, 50, 140], [500, 40, 160, 300.0]])
    found = rates(cells, ["recall", "selection_rate", "precision"], replicates=20_000)
    rows = np.repeat(np.arange(12), cells.ravel().astype(int))
    rng, drawn = np.random.default_rng(1), {name: [] for name in found}
    for _ in range(4000):
        again = np.bincount(rows[rng.integers(len(rows), size=len(rows))], minlength=12).reshape(3, 4)
        for name in found:
            (counted,), (among,) = CELLS[name]
            drawn[name].append(again[:, counted].sum(axis=1) / again[:, among].sum(axis=1))
    for name, metric in found.items():
        ours = from_scale(to_scale(metric.centres, True)[:, None] + metric.errors, True)
        theirs = np.transpose(drawn[name])
        shift = metric.centres - np.array([estimate.value for estimate in metric.estimates])
        assert np.abs(shift).max() < 2 * HALF / 300
        for share in (0.025, 0.25, 0.5, 0.75, 0.975):
            apart = np.quantile(ours, share, axis=1) - shift - np.quantile(theirs, share, axis=1)
            noise = metric.deviations * np.sqrt(share * (1 - share) * (1 / 4000 + 1 / 20_000)) / 0.058
            # 0.058 is the normal density at the outermost of these quantiles, where the noise is largest.
            assert np.abs(apart).max() < 4 * noise.max() + 1 / cells.sum(axis=1).min() / 2


def test_chance_agrees_with_permuted_rows():
    rng = np.random.default_rng(2)
    group, called = rng.choice(4, 1500, p=[0.6, 0.2, 0.1, 0.1]), rng.random(1500) < 0.4
    size = np.bincount(group)

    def spread(labels):
        shares = np.bincount(labels, weights=called, minlength=4) / size
        contrasts = np.abs(shares[:, None] - shares) / np.sqrt(1 / size[:, None] + 1 / size)
        return np.ptp(shares), shares.min() / shares.max(), contrasts.max()

    permuted = np.array([spread(rng.permutation(group)) for _ in range(4000)])
    cells = count_cells(group, 4, np.zeros(1500), called.astype(float))
    part = rates(cells, ["selection_rate"], replicates=10_000)["selection_rate"]
    for ratio in (False, True):
        found = measure_disparity([part], ratio=ratio)
        value = spread(group)
        assert found.estimate.value == pytest.approx(value[int(ratio)], abs=1e-12)
        assert found.expected == pytest.approx(permuted[:, int(ratio)].mean(), rel=0.03)
        assert found.p_value == pytest.approx((permuted[:, 2] >= value[2] - 1e-12).mean(), abs=0.03)


def test_several_groups_agree_with_tukeys_studentized_range():
    values, error = np.array([0.0, 0.4, 1.0, 1.3]), 0.35
    groups = [Estimate(value, *wald(value, error), n=100) for value in values]
    part = compared("x", groups, np.ones(4, dtype=bool), Resampling(30, 50_000, np.random.default_rng(0)), None)
    found = measure_disparity([part])
    assert found.p_value == pytest.approx(studentized_range.sf(1.3 / error, 4, np.inf), abs=0.004)
    # Kramer's half-width is q / sqrt(2) times the standard error of the difference, here sqrt(2) times that of a group.
    assert found.estimate.low == pytest.approx(1.3 - studentized_range.ppf(0.95, 4, np.inf) * error, abs=0.01)


def test_small_groups_do_not_hide_what_large_ones_show():
    large = [[2400, 600, 500, 500], [2400, 600, 300, 700]]
    small = [[24, 6, hits, 20 - hits] for hits in (5, 6, 7, 8, 9, 10, 11, 12)]
    alone, among = (rates(cells, replicates=10_000) for cells in (large, large + small))
    for names in (["recall"], ["recall", "false_positive_rate"]):
        for ratio in (False, True):
            first, all_of_them = (
                measure_disparity([one[name] for name in names], ratio=ratio) for one in (alone, among)
            )
            assert max(first.p_value, all_of_them.p_value) < 0.001
            assert all_of_them.clearest == ("recall", 1, 0)
            assert (all_of_them.lowest, all_of_them.highest) != (0, 1)
    assert measure_disparity([alone["recall"]]).estimate.low == pytest.approx(0.16, abs=0.01)
    assert 0.12 < measure_disparity([among["recall"]]).estimate.low < 0.16


def test_two_groups_agree_with_the_textbook():
    cells = np.array([[300, 200, 0, 0], [260, 240, 0, 0.0]])
    found = measure_disparity([rates(cells, ["selection_rate"], replicates=50_000)["selection_rate"]])
    error = math.sqrt(0.4 * 0.6 / 500 + 0.48 * 0.52 / 500)
    assert (found.estimate.low, found.estimate.high) == pytest.approx(wald(0.08, error), abs=0.004)
    pooled = math.sqrt(0.44 * 0.56 * 2 / 500)
    assert found.expected == pytest.approx(pooled * math.sqrt(2 / math.pi), rel=0.03)
    assert found.p_value == pytest.approx(math.erfc(0.08 / pooled / math.sqrt(2)), abs=0.004)
    assert (found.lowest, found.highest) == (0, 1)


def test_equalized_odds_takes_the_worse_of_two():
    found = rates([[400, 100, 100, 400], [300, 200, 110, 390]])
    odds = [found["recall"], found["false_positive_rate"]]
    assert measure_disparity(odds).metric == "false_positive_rate"
    assert measure_disparity(odds).estimate.value == pytest.approx(0.2)
    assert measure_disparity(odds, ratio=True).estimate.value == pytest.approx(0.5)


@pytest.mark.parametrize(
    "cells",
    [
        [[50, 0, 0, 50], [500, 0, 0, 500]],
        [[100, 0, 0, 0], [100, 0, 0, 0]],
        [[0, 100, 0, 100], [0, 40, 0, 40], [0, 50, 0, 50]],
        [[30, 0, 10, 0], [0, 30, 0, 10]],
        [[10**7, 1, 1, 10**7], [10**7, 0, 0, 10**7]],
        [[300, 200, 100, 150], [300, 200, 100, 150]],
    ],
)
def test_nothing_is_certain(cells):
    found = rates(cells)
    for metric in found.values():
        for ratio in (False, True):
            disparity = measure_disparity([metric], ratio=ratio)
            if disparity is not None:
                low, value, high = disparity.estimate.low, disparity.estimate.value, disparity.estimate.high
                assert 0 <= low <= value <= high <= 1
                assert low < high
                assert 0 < disparity.p_value <= 1
        for estimate in metric.estimates:
            assert math.isnan(estimate.value) or estimate.low < estimate.high


def shares(hits, size, *, seed=0, replicates=2000):
    cells = [[n - x, x, 0, 0] for x, n in zip(hits, size, strict=True)]
    return rates(cells, ["selection_rate"], seed=seed, replicates=replicates)["selection_rate"]


@pytest.mark.parametrize(("hits", "size"), [((0, 0), (57, 54)), ((57, 54), (57, 54)), ((0, 10), (30, 100_000))])
def test_a_share_of_nought_or_one_leaves_what_its_own_interval_leaves(hits, size):
    found = measure_disparity([shares(hits, size)]).estimate
    ends = [wilson(x, n) for x, n in zip(hits, size, strict=True)]
    assert found.low == 0
    assert found.high == pytest.approx(max(high - low for low, high in ends), rel=0.01)


def test_a_balanced_accuracy_of_constant_decisions_is_not_nearly_certain():
    found = rates([[0, 388, 0, 355], [0, 374, 0, 383]], ["recall", "false_positive_rate", "balanced_accuracy"])
    balanced = measure_disparity([found["balanced_accuracy"]]).estimate
    assert (balanced.value, balanced.low) == (0, 0)
    # Half of what each side leaves, joined as the sides are independent.
    sides = [measure_disparity([found[name]]).estimate.high for name in ("recall", "false_positive_rate")]
    assert balanced.high == pytest.approx(math.hypot(*sides) / 2, rel=0.1)


def test_the_ratio_of_a_share_of_nought_is_not_more_certain_than_the_difference():
    part = shares((0, 5), (57, 100))
    apart, ratio = measure_disparity([part]), measure_disparity([part], ratio=True)
    assert apart.p_value > 0.05
    assert (apart.estimate.low, ratio.estimate.low, ratio.estimate.high) == (0, 0, 1)
    clear = measure_disparity([shares((0, 60), (57, 100), replicates=50_000)], ratio=True).estimate
    # Donner & Zou: the upper end for a share of 0 beside another, from Wilson's intervals of both.
    low, value = wilson(60, 100)[0], 0.6
    assert clear.high == pytest.approx(wilson(0, 57)[1] / math.sqrt(low * (2 * value - low)), rel=0.01)


@pytest.mark.parametrize(
    ("truth", "size"), [((0.98, 1.0), (57, 200)), ((0.03, 0.0), (40, 400)), ((0.05,) * 4, (40, 60, 100, 500))]
)
def test_intervals_hold_at_the_edge_of_the_range(truth, size):
    rng, held = np.random.default_rng(1), {False: [], True: []}
    for number in range(120):
        part = shares(rng.binomial(size, truth), size, seed=number, replicates=300)
        for ratio, kept in held.items():
            found = measure_disparity([part], ratio=ratio)
            true = min(truth) / max(truth) if ratio else max(truth) - min(truth)
            kept.append(found is None or found.estimate.low - 1e-12 <= true <= found.estimate.high + 1e-12)
    assert min(np.mean(kept) for kept in held.values()) >= 0.93


def test_groups_more_alike_than_chance_do_not_shrink_the_interval():
    alike = measure_disparity([rates([[120, 80, 0, 0], [121, 79, 0, 0]], ["selection_rate"])["selection_rate"]])
    same = measure_disparity([rates([[120, 80, 0, 0], [120, 80, 0, 0]], ["selection_rate"])["selection_rate"]])
    ordinary = 1.96 * math.sqrt(2 * 0.24 / 200)
    for found in (alike, same):
        assert found.estimate.low == 0
        assert found.estimate.high == pytest.approx(ordinary, rel=0.25)


cell_tables = st.lists(
    st.lists(st.integers(0, 200), min_size=4, max_size=4).filter(lambda row: sum(row) >= 30), min_size=2, max_size=6
)


@settings(deadline=None, max_examples=15)
@given(cell_tables, st.sampled_from(ALL), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(table, name, ratio, random):
    order = list(range(len(table)))
    random.shuffle(order)
    first, second = (rates(rows, [name], replicates=300)[name] for rows in (table, np.array(table)[order]))
    a, b = (measure_disparity([metric], ratio=ratio) for metric in (first, second))
    assert (a is None) == (b is None)
    if a is not None and b is not None:
        assert a.estimate.value == pytest.approx(b.estimate.value, abs=1e-12)
        assert 0 <= a.estimate.low <= a.estimate.value <= a.estimate.high <= 1
        assert a.estimate.low < a.estimate.high
        values = [estimate.value for estimate in first.estimates]
        judged = [value for value, wanted in zip(values, first.judged, strict=True) if wanted]
        assert (values[a.lowest], values[a.highest]) == (min(judged), max(judged))
        assert a.estimate.high == pytest.approx(b.estimate.high, abs=0.1)


@pytest.mark.parametrize("ties", [False, True])
def test_areas_agree_with_delong_over_rows(ties):
    rng = np.random.default_rng(3)
    y = (rng.random(400) < 0.3).astype(float)
    score = y + rng.standard_normal(400)
    score = np.sort(np.round(score, 1) if ties else score)
    y = y[np.argsort(rng.random(400))] if ties else y
    area = area_of(y, score)
    found, (value, influence) = area.estimate, roc_auc(y, score)
    np.testing.assert_allclose(area.influence, influence, atol=1e-9)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert (found.low, found.high) == pytest.approx(wald(value, standard_error(influence), "logit"), abs=1e-9)


@pytest.mark.parametrize(("y", "value"), [([0, 0, 1, 1], 1.0), ([1, 1, 0, 0], 0.0), ([1, 0], 0.0)])
def test_perfect_areas_are_not_certain(y, value):
    found = area_of(np.array(y, dtype=float), np.arange(float(len(y)))).estimate
    assert found.value == value
    assert found.low < found.high
    assert math.isnan(area_of(np.ones(3), np.arange(3.0)).estimate.value)
    flat = area_of(np.array([0.0, 1, 0, 1]), np.full(4, 0.3)).estimate
    assert flat.value == 0.5
    assert flat.low < 0.5 < flat.high


def test_means_are_compared_by_their_own_intervals():
    rng = np.random.default_rng(4)
    groups = [rng.normal(level, 1, 400) for level in (0.0, 0.2, 1.0)]
    judged = np.array([True, True, True])
    part = compared("x", [mean_of(group) for group in groups], judged, Resampling(30, 20_000, rng), None)
    found = measure_disparity([part])
    assert (found.lowest, found.highest) == (0, 2)
    apart, error = found.estimate.value, math.sqrt(2 / 400)
    assert found.estimate.high == pytest.approx(wald(apart, error)[1], abs=0.02)
    assert found.estimate.low == pytest.approx(
        apart - studentized_range.ppf(0.95, 3, np.inf) / math.sqrt(2) * error, abs=0.02
    )
    one = compared("x", [Estimate(1.0, n=1), *part.estimates[1:]], judged, Resampling(30, 200, rng), None)
    assert one.judged.tolist() == [False, True, True]


def test_intervals_of_disparities_cover():
    held = disparity_coverage(*FIVE, simulations=150, replicates=500)
    assert all(0.9 <= share <= 0.995 for share in held.values()), held


@pytest.mark.slow
@pytest.mark.parametrize("world", [TWO, FIVE], ids=["two groups", "five groups"])
def test_intervals_of_disparities_cover_93_to_98_percent(world):
    held = disparity_coverage(*world, simulations=1500)
    assert all(0.93 <= share <= 0.98 for share in held.values()), held


@pytest.mark.slow
@pytest.mark.parametrize("world", [TOSS_UP, TWENTY, UNEQUAL, HIDDEN], ids=["toss-up", "twenty", "unequal", "hidden"])
def test_intervals_of_harder_worlds_are_wide_rather_than_narrow(world):
    held = disparity_coverage(*world, simulations=600)
    assert all(share >= 0.93 for share in held.values()), held


@pytest.mark.slow
def test_intervals_of_groups_cover():
    recall, fpr, size = (np.asarray(part) for part in FIVE)
    rng, truth = np.random.default_rng(0), {}
    truth["recall"], truth["false_positive_rate"] = recall, fpr
    truth["selection_rate"], truth["balanced_accuracy"] = (recall + fpr) / 2, (recall + 1 - fpr) / 2
    truth["precision"] = recall / (recall + fpr)
    held = {name: [] for name in truth}
    for _ in range(3000):
        found = measure_rates(Counts(draw_cells(rng, recall, fpr, 0.5, size)), list(truth), Resampling(30, 2, rng))
        for name, true in truth.items():
            held[name].append(
                [one.low <= value <= one.high for one, value in zip(found[name].estimates, true, strict=True)]
            )
    shares = pd.DataFrame({name: np.mean(values, axis=0) for name, values in held.items()})
    assert ((shares >= 0.93) & (shares <= 0.97)).all(axis=None), shares
