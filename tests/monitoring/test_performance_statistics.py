"""The statistics behind an estimate without labels, against brute force, other packages and simulation."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st
from pydantic import TypeAdapter
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score, roc_auc_score

from toolkit.core.estimate import Estimate
from toolkit.models.held_out import HeldOutErrors, count_held_out
from toolkit.models.prediction import Predictions
from toolkit.monitoring.calibrator import Calibrator, fit_calibrator, shift_test
from toolkit.monitoring.confidence import BINARY, BINS, CELLS, Scored, estimate_binary, gather, measure_scored
from toolkit.monitoring.findings import change_from
from toolkit.monitoring.losses import REGRESSION, expect_by_bins, expect_errors
from toolkit.statistics.design_effects import dispersion, likeness
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.units import Units

MAPS = {"identity": lambda odds: odds, "steep": lambda odds: 2 * odds + 0.5, "flat": lambda odds: 0.5 * odds - 1}


def trusted():
    """Return a calibrator that takes probabilities at their word."""
    return Calibrator(np.array([0.0, 1.0]), 0.0, 1.0, True, np.array([0.0, 1.0]), 1e-24 * np.eye(2), 1e6)


def draw(rng, n, mapped, mean=-0.5, spread=1.5):
    odds = rng.normal(mean, spread, n)
    return expit(odds), (rng.random(n) < expit(mapped(odds))).astype(float)


def test_the_calibrator_agrees_with_statsmodels():
    score, y_true = draw(np.random.default_rng(0), 3000, MAPS["steep"])
    found = fit_calibrator(y_true, score)
    assert len(found.knots) == 6
    terms = found.terms(logit(score))
    chance = expit(terms @ found.beta)
    weight = chance * (1 - chance)
    # Each row stands for either class too, by half of its leverage (Firth 1993).
    leverage = weight * ((terms @ np.linalg.inv(terms.T @ (terms * weight[:, None]))) * terms).sum(axis=1)
    target, rows = (y_true + leverage / 2) / (1 + leverage), 1 + leverage
    fitted = sm.GLM(target, terms, family=sm.families.Binomial(), var_weights=rows).fit(tol=1e-12)
    np.testing.assert_allclose(found.beta, fitted.params, rtol=1e-5)
    np.testing.assert_allclose(found.covariance, fitted.cov_params(), rtol=0.01)


def test_the_curve_is_smooth_and_straight_beyond_its_outer_knots():
    score, y_true = draw(np.random.default_rng(1), 3000, MAPS["steep"])
    found = fit_calibrator(y_true, score)
    for edge, way in ((found.knots[0], -1), (found.knots[-1], 1)):
        beyond = found.terms(edge + way * np.arange(5.0)) @ found.beta
        np.testing.assert_allclose(np.diff(beyond, 2), 0, atol=1e-8)
    fine = found.terms(np.linspace(-4, 4, 4001)) @ found.beta
    assert np.abs(np.diff(fine, 3)).max() < 1e-6


@pytest.mark.parametrize("name", MAPS)
def test_the_calibrator_finds_the_map(name):
    score, y_true = draw(np.random.default_rng(2), 40_000, MAPS[name])
    asked = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
    assert np.abs(fit_calibrator(y_true, score).chance(asked) - expit(MAPS[name](logit(asked)))).max() < 0.02


def test_the_calibrator_stays_off_certainty_where_scores_separate_the_classes():
    score = np.concatenate([np.linspace(0.0, 0.3, 60), np.linspace(0.7, 1.0, 60)])
    found = fit_calibrator(np.repeat([0.0, 1.0], 60), score)
    chance = found.chance(score)
    assert np.all((chance > 0) & (chance < 1))
    assert np.all(np.isfinite(found.covariance))
    estimate = estimate_binary(gather(score, (score > 0.5) * 1.0, found), found, seed=0)["accuracy"]
    assert estimate.low < estimate.value <= estimate.high
    assert estimate.low < 0.995


def held(steep, reference, samples, seed=0):
    """Return how often what is estimated holds what is realized on 5,000 rows, and by how much it is off on average."""
    rng, inside, off = np.random.default_rng(seed), [], []
    for _ in range(samples):
        (score, y_true), (now, truth) = (draw(rng, n, lambda odds: odds, 0, steep) for n in (reference, 5000))
        learnt = fit_calibrator(y_true, score)
        found = estimate_binary(gather(now, (now > 0.5) * 1.0, learnt), learnt, seed=0)
        realized = {"roc_auc": roc_auc_score(truth, now), "accuracy": float(np.mean((now > 0.5) == truth))}
        inside.append([found[name].low <= one <= found[name].high for name, one in realized.items()])
        off.append([found[name].value - one for name, one in realized.items()])
    return np.mean(inside, axis=0), np.mean(off, axis=0)


def test_a_small_reference_that_scores_nearly_separate_does_not_make_a_model_look_worse():
    inside, off = held(6.0, 150, 40)
    assert (inside > 0.75).all()
    assert (np.abs(off) < [0.01, 0.012]).all()


#: How steep the log-odds are, how many rows the reference has, and how often the truth is held at least.
NEARLY = [(3, 60, 0.9), (6, 60, 0.8), (6, 400, 0.88), (12, 150, 0.7), (12, 400, 0.84)]


@pytest.mark.slow
@pytest.mark.parametrize(("steep", "reference", "least"), NEARLY)
def test_coverage_where_scores_nearly_separate_the_classes(steep, reference, least):
    inside, off = held(float(steep), reference, 200)
    assert (inside > least).all(), inside
    assert (np.abs(off) < 0.025).all(), off


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300])
def test_scores_that_are_no_probabilities_may_be_on_any_scale(scale):
    rng = np.random.default_rng(3)
    score = rng.normal(5, 2, 800)
    y_true = (rng.random(800) < expit(score - 5)).astype(float)
    plain = fit_calibrator(y_true, score, probabilities=False).chance(score)
    np.testing.assert_allclose(
        fit_calibrator(y_true, score * scale, probabilities=False).chance(score * scale), plain, rtol=1e-6
    )


@pytest.mark.parametrize("score", [np.full(100, 0.3), np.tile([0.2, 0.7], 50), np.tile([0.0, 1.0], 50)])
def test_few_distinct_scores_get_their_own_rates(score):
    y_true = (np.arange(100) % 5 < 2).astype(float)
    found = fit_calibrator(y_true, score)
    for value in np.unique(score):
        assert found.chance(np.array([value]))[0] == pytest.approx(y_true[score == value].mean(), abs=0.03)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.35, 0.6, 0.9]), st.booleans()), min_size=2, max_size=7))
def test_expected_values_are_those_of_all_possible_labels(rows):
    score, called = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    sums = dict.fromkeys(["wins", "pairs", *CELLS], 0.0)
    for labels in itertools.product([0, 1], repeat=len(score)):
        y = np.array(labels)
        chance = float(np.prod(np.where(y == 1, score, 1 - score)))
        tn, fp, fn, tp = confusion_matrix(y, called, labels=[0, 1]).ravel()
        pairs = y.sum() * (1 - y).sum()
        wins = roc_auc_score(y, score) * pairs if pairs else 0.0
        for name, value in zip(("wins", "pairs", *CELLS), (wins, pairs, tp, fp, fn, tn), strict=True):
            sums[name] += chance * value
    found = estimate_binary(gather(score, called, trusted()), trusted(), seed=0)
    tp, fp, fn, tn = (sums[name] for name in CELLS)
    wanted = {
        "roc_auc": sums["wins"] / sums["pairs"],
        "accuracy": (tp + tn) / len(score),
        "precision": tp / (tp + fp) if called.any() else math.nan,
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
    } | {name: sums[name] for name in CELLS}
    for name, value in wanted.items():
        assert found[name].value == pytest.approx(value, nan_ok=True), name
        assert math.isnan(value) or 0 <= found[name].low < found[name].high <= (len(score) if name in CELLS else 1), (
            name
        )


def test_long_tables_lose_nothing_by_being_gathered():
    score, _ = draw(np.random.default_rng(4), 20_000, MAPS["identity"])
    called = (score >= 0.5).astype(float)
    cells = gather(score, called, trusted())
    assert len(cells.starts) <= BINS < len(score)
    assert cells.rows.sum() == len(score)
    found = estimate_binary(cells, trusted(), seed=0)
    order = np.argsort(score)
    p = score[order]
    won = float((p * (np.cumsum(1 - p) - (1 - p))).sum())
    own = float((p * (1 - p)).sum())
    assert found["roc_auc"].value == pytest.approx(won / (p.sum() * (1 - p).sum() - own), abs=2e-5)
    assert found["accuracy"].value == pytest.approx(np.maximum(score, 1 - score).mean())


def test_the_interval_holds_the_labels_that_chance_can_give():
    score = np.tile([0.2, 0.8], 300)
    found = estimate_binary(gather(score, (score > 0.5) * 1.0, trusted()), trusted(), seed=0)["accuracy"]
    exact = np.array([1.0])
    for chance in np.full(600, 0.8):
        exact = np.convolve(exact, [1 - chance, chance])
    low, high = np.searchsorted(np.cumsum(exact), [0.025, 0.975]) / 600
    assert found.low == pytest.approx(low, abs=2.5 / 600)
    assert found.high == pytest.approx(high, abs=2.5 / 600)


def test_where_rows_belong_together_no_end_leaves_the_range_of_a_share():
    score = np.concatenate([np.full(20, 0.05), np.full(280, 0.6)])
    cells = gather(score, (score > 0.5) * 1.0, trusted())
    found = estimate_binary(cells, trusted(), seed=0, effects=(6.0, 6.0))
    for name in BINARY:
        assert 0 <= found[name].low <= found[name].value <= found[name].high <= 1
    for name in CELLS:
        assert 0 <= found[name].low <= found[name].value <= found[name].high <= 300


def test_a_smaller_reference_makes_a_wider_interval():
    rng = np.random.default_rng(5)
    later, _ = draw(rng, 5000, MAPS["identity"])
    widths = []
    for rows in (200, 2000, 20_000):
        score, y_true = draw(rng, rows, MAPS["identity"])
        found = fit_calibrator(y_true, score)
        estimate = estimate_binary(gather(later, (later > 0.5) * 1.0, found), found, seed=0)["roc_auc"]
        widths.append(estimate.high - estimate.low)
    assert widths[0] > 2 * widths[1] > 3 * widths[2]


def covered(reps, m, n, mapped, seed):
    """Return how often the interval holds the realized value, for each metric; the score's mean and spread shift."""
    rng = np.random.default_rng(seed)
    hits = {name: [] for name in BINARY}
    for rep in range(reps):
        score, y_true = draw(rng, m, mapped)
        later, truth = draw(rng, n, mapped, -0.2, 1.2)
        found, called = fit_calibrator(y_true, score), (later >= 0.5).astype(float)
        estimated = estimate_binary(gather(later, called, found), found, seed=rep)
        realized = measure_scored(Scored(truth, later, called))
        for name in BINARY:
            hits[name].append(estimated[name].low <= realized[name].value <= estimated[name].high)
    return {name: float(np.mean(kept)) for name, kept in hits.items()}


def test_coverage_in_brief():
    for name, share in covered(120, 400, 600, MAPS["identity"], 6).items():
        assert 0.87 <= share <= 1.0, name


@pytest.mark.slow
@pytest.mark.parametrize("name", MAPS)
def test_coverage(name):
    """Of 1,000 simulations the standard error of a coverage of 95 % is 0.7 %."""
    small, large = covered(500, 300, 500, MAPS[name], 7), covered(500, 1500, 1500, MAPS[name], 8)
    shares = {metric: (small[metric] + large[metric]) / 2 for metric in BINARY}
    print(name, shares)
    for metric, share in shares.items():
        assert 0.93 <= share <= 0.98, metric


def alarms(reps, m, n, mapped, changed, seed, mean=-0.5):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(reps):
        score, y_true = draw(rng, m, mapped, mean)
        later, truth = draw(rng, n, changed, mean + 0.3, 1.2)
        found.append(shift_test(truth, later, fit_calibrator(y_true, score)) < 0.05)
    return float(np.mean(found))


def persons(rng, count, rows, mean=0.0):
    """Scores and labels of persons who differ beyond their scores, and who is who."""
    person = np.repeat(np.arange(count), rows)
    odds = mean + rng.normal(size=count * rows) + 0.7 * rng.normal(size=count)[person]
    truth = (rng.random(len(odds)) < expit(odds + rng.normal(size=count)[person])).astype(float)
    return expit(odds), truth, Units(person, count, "person")


@pytest.mark.slow
def test_labels_of_persons_are_tested_and_estimated_as_persons():
    rng, alarm, hits = np.random.default_rng(9), np.zeros(2), np.zeros(2)
    for rep in range(150):
        score, y_true, units = persons(rng, 60, 20)
        later, truth, others = persons(rng, 50, 20, 0.3)
        called = (later >= 0.5).astype(float)
        for place, (known, own) in enumerate([(units, others), (None, None)]):
            found = fit_calibrator(y_true, score, units=known)
            alarm[place] += shift_test(truth, later, found, own) < 0.05
            effects = dispersion(found.alike, own), 1.0
            one = estimate_binary(gather(later, called, found), found, seed=rep, effects=effects)["accuracy"]
            hits[place] += one.low <= float((called == truth).mean()) <= one.high
    assert alarm[0] / 150 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150) < 0.3 < alarm[1] / 150
    assert hits[0] / 150 >= 0.91 > 0.89 > hits[1] / 150


def test_a_person_with_most_of_the_reference_is_no_shift():
    """By plain sums over groups 71 % of 300 tests said one."""
    p_values = []
    for seed in range(40):
        rng, found = np.random.default_rng(seed), []
        for sizes in ([1500] + [9] * 79, [10] * 200):
            code = np.repeat(np.arange(len(sizes)), sizes)
            odds, noise = (rng.normal(size=len(sizes))[code] + rng.normal(size=len(code)) for _ in range(2))
            labels = (stats.norm.cdf(noise / np.sqrt(2)) < expit(odds)).astype(float)
            found.append((labels, expit(odds), Units(code, len(sizes), "person")))
        (y_true, score, units), current = found
        p_values.append(shift_test(*current[:2], fit_calibrator(y_true, score, units=units), current[2]))
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1


def test_a_shift_of_persons_is_found():
    rng, found = np.random.default_rng(10), 0
    for _ in range(40):
        score, y_true, units = persons(rng, 100, 20)
        later, truth, others = persons(rng, 100, 20)
        turned = np.where(rng.random(len(truth)) < 0.25, 1.0, truth)
        found += shift_test(turned, later, fit_calibrator(y_true, score, units=units), others) < 0.05
    assert found >= 36


def test_labels_that_are_alike_within_groups_say_so():
    codes = np.repeat(np.arange(200), 10)
    units, rng = Units(codes, 200, "g"), np.random.default_rng(0)
    mixed = 0.6 * rng.normal(size=200)[codes] + 0.8 * rng.normal(size=2000)
    assert likeness(mixed, units) == pytest.approx(0.36, abs=0.06)
    assert likeness(rng.normal(size=2000), units) < 0.02
    assert (likeness(mixed, None), dispersion(0.5, None)) == (0.0, 1.0)
    assert dispersion(0.36, units) == pytest.approx(1 + 0.36 * 9)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(("m", "n", "mean"), [(100, 100, -0.5), (1000, 300, -2.5), (1000, 1500, -0.5)])
def test_shift_gives_few_false_alarms(name, m, n, mean):
    """Three standard errors of 300 simulations above the nominal 5 %."""
    assert alarms(300, m, n, MAPS[name], MAPS[name], 8, mean) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize(
    ("changed", "least"),
    [
        (lambda odds: odds + 0.3, 0.9),
        (lambda odds: 0.7 * odds, 0.9),
        (lambda odds: -odds, 1.0),
        (lambda odds: 0 * odds, 1),
    ],
)
def test_shift_is_found(changed, least):
    assert alarms(40, 2000, 2000, MAPS["identity"], changed, 9) >= least


def test_realized_metrics_are_those_of_scikit_learn():
    score, y_true = draw(np.random.default_rng(10), 300, MAPS["identity"])
    called = (score >= 0.4).astype(float)
    found = measure_scored(Scored(y_true, score, called))
    for name, metric in {"precision": precision_score, "recall": recall_score, "f1": f1_score}.items():
        assert found[name].value == pytest.approx(metric(y_true, called))
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(y_true, score))
    tn, fp, fn, tp = confusion_matrix(y_true, called).ravel()
    assert [found[name].value for name in CELLS] == [tp, fp, fn, tn]


def noisy(rng, n, mean=0.0):
    """Return features, truth and prediction of a regression whose errors grow with a feature."""
    x = pd.DataFrame({"x": rng.normal(mean, 1, n), "z": rng.normal(size=n)})
    predicted = 2 * x["x"].to_numpy()
    return x, predicted + np.exp(0.4 * x["x"].to_numpy()) * rng.normal(size=n), predicted


def by_bins(reference, current, _):
    """Expect errors by what is kept with a model: no feature, and no row."""
    (_, truth, predicted), (_, target, guess) = reference, current
    old, new = (Predictions(*pair, None, False, ()) for pair in ((truth, predicted), (target, guess)))
    kept = count_held_out(old, None, regression_metrics(truth, predicted))
    return expect_by_bins(TypeAdapter(HeldOutErrors).validate_json(kept), new, None)


def test_by_bins_of_rows_that_weigh_as_the_held_out_ones_expects_their_level():
    """Where nothing moved, the level is the held-out one: it was compared with the level without weights."""
    rng = np.random.default_rng(0)
    guess = rng.normal(0, 5, 2000)
    truth = guess + rng.normal(0, np.where(guess > 0, 3, 0.5))
    units = Units.of(None, None, pd.Series(np.where(guess > 0, 40.0, 1.0), name="w"))
    measured = regression_metrics(truth, guess, units=units)
    known = Predictions(truth, guess, None, False, (), weights=units.weights)
    kept = TypeAdapter(HeldOutErrors).validate_json(count_held_out(known, None, measured))
    losses = expect_by_bins(kept, known, units)
    found = losses.estimate(np.arange(2000), 0)
    for name, width in (("mean_absolute_error", 0.5), ("root_mean_squared_error", 0.6)):
        assert found[name].value == pytest.approx(measured[name].estimate.value, rel=1e-9)
        assert found[name].high - found[name].low < width  # 1.3 and 1.0 where the change of level was thought real


def loss_coverage(reps, m, n, mean, seed, expect=expect_errors):
    rng = np.random.default_rng(seed)
    hits, alarm = {name: [] for name in REGRESSION}, []
    for rep in range(reps):
        found = expect(noisy(rng, m), noisy(rng, n, mean), rep)
        rows = np.arange(n)
        estimated, realized = found.estimate(rows, 0), found.realize(rows)
        alarm.append(found.surprise(rows)[0] < 0.05)
        for name in REGRESSION:
            hits[name].append(estimated[name].low <= realized[name].value <= estimated[name].high)
    return [float(np.mean(kept)) for kept in hits.values()], float(np.mean(alarm))


@pytest.mark.slow
def test_errors_of_persons_are_estimated_as_persons():
    rng, hits, alarm, width = np.random.default_rng(12), np.zeros(2), np.zeros(2), np.zeros(2)
    person = np.repeat(np.arange(40), 15)
    units, rows = Units(person, 40, "person"), np.arange(600)
    for rep in range(12):
        parts = []
        for _ in range(2):
            x, truth, predicted = noisy(rng, 600)
            parts.append((x, predicted + (truth - predicted) * np.exp(0.5 * rng.normal(size=40))[person], predicted))
        for place, known in enumerate((units, None)):
            found = expect_errors(*parts, rep, (known, known))
            estimate, realized = found.estimate(rows, 0)[REGRESSION[0]], found.realize(rows)[REGRESSION[0]]
            hits[place] += estimate.low <= realized.value <= estimate.high
            alarm[place] += found.surprise(rows)[0] < 0.05
            width[place] += estimate.high - estimate.low
    assert hits[0] >= 10
    assert alarm[0] <= 2
    assert width[0] > 1.2 * width[1]


def test_the_error_of_a_regression_follows_where_rows_moved():
    rng = np.random.default_rng(11)
    found = expect_errors(noisy(rng, 3000), noisy(rng, 3000, 1.0), 0)
    rows = np.arange(3000)
    estimated, realized = found.estimate(rows, 0), found.realize(rows)
    assert realized[REGRESSION[0]].value == pytest.approx(np.abs(found.y_pred - found.y_true).mean())
    for name in REGRESSION:
        assert estimated[name].low <= realized[name].value <= estimated[name].high
        assert estimated[name].value == pytest.approx(realized[name].value, rel=0.1)


@pytest.mark.slow
def test_coverage_of_the_error_of_a_regression():
    shares, alarm = loss_coverage(100, 1000, 1000, 0.0, 12)
    print(shares, alarm)
    assert min(shares) >= 0.93
    assert alarm <= 0.05
    shares, _ = loss_coverage(80, 1000, 1000, 0.5, 13)
    print(shares)
    assert min(shares) >= 0.9


def test_errors_are_estimated_where_those_of_rows_with_more_weight_are_larger():
    """As if weights and errors had nothing to do with each other, 17 and 15 of 25 were held, and 11 called a shift."""
    rng, hits, alarms = np.random.default_rng(16), np.zeros(2), 0
    for rep in range(25):
        parts = [noisy(rng, 600) for _ in range(2)]
        weights = [np.exp(0.8 * x["x"].to_numpy()) for x, _, _ in parts]
        units = [Units(np.arange(600), 600, "", "row", each / each.mean(), "w") for each in weights]
        found, rows = expect_errors(*parts, rep, units), np.arange(600)
        estimated, realized = found.estimate(rows, 0), found.realize(rows)
        hits += [estimated[name].low <= realized[name].value <= estimated[name].high for name in REGRESSION]
        alarms += found.surprise(rows)[0] < 0.05
    print(hits, alarms)
    assert hits.min() >= 22
    assert alarms <= 3


def test_what_the_predictions_do_not_follow_is_seen_by_labels_alone():
    rng, parts = np.random.default_rng(15), []
    for mean in (0.0, 0.5):
        predicted, hidden = rng.normal(size=2000), rng.normal(mean, 1, 2000)
        parts.append((None, predicted + np.exp(0.4 * hidden) * rng.normal(size=2000), predicted))
    found, rows = by_bins(*parts, 0), np.arange(2000)
    name = REGRESSION[0]
    assert found.estimate(rows, 0)[name].high < found.realize(rows)[name].value
    assert found.surprise(rows)[0] < 0.001


@pytest.mark.slow
@pytest.mark.parametrize(("m", "least"), [(300, (0.93, 0.87)), (1000, (0.93, 0.91))])
def test_coverage_of_errors_by_the_predicted_value(m, least):
    for mean in (0.0, 0.5):
        shares, alarm = loss_coverage(400, m, 1000, mean, 14, by_bins)
        print(m, mean, shares, alarm)
        assert all(share >= wanted for share, wanted in zip(shares, least, strict=True))
        assert alarm <= 0.07


def test_the_change_from_the_reference_is_a_difference_or_for_errors_a_ratio():
    now, level = Estimate(0.80, 0.77, 0.83, 100), Estimate(0.90, 0.86, 0.94, 400)
    name, change = change_from("roc_auc", now, level)
    assert name == "change"
    assert (change.value, change.low, change.high, change.n) == pytest.approx((-0.1, -0.15, -0.05, 100))
    name, ratio = change_from("root_mean_squared_error", Estimate(12, 10, 14.4, 50), Estimate(10, 10, 10, 50))
    assert name == "ratio"
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((1.2, 1.0, 1.44))
    assert math.isnan(change_from("mean_absolute_error", Estimate(0.0, 0.0, 1.0, 5), level)[1].value)
    assert math.isnan(change_from("accuracy", Estimate(math.nan), level)[1].value)
