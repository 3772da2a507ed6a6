"""Rows that follow each other in time: what is estimated, realized and tested of a series in which nothing changes."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from toolkit import estimate_performance, load_dataset
from toolkit.models.held_out import HeldOutErrors, count_held_out
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.monitoring.calibrator import fit_calibrator, shift_test
from toolkit.monitoring.confidence import BINARY, ByScore, Scored, measure_scored
from toolkit.monitoring.findings import change_from
from toolkit.monitoring.losses import REGRESSION, expect_by_bins
from toolkit.statistics import share
from toolkit.statistics.design_effects import dispersion, likeness
from toolkit.statistics.metrics import binary_metrics
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.units import Units

BEFORE, NOW, WINDOW = 2000, 700, 30


def series(n):
    return Units.of(None, pd.Series(np.arange(n), name="day"))


def following(rng, n, alike):
    """Draw normal values whose neighbours are so much alike."""
    steps, values = rng.standard_normal(n), np.empty(n)
    values[0] = steps[0]
    for place in range(1, n):
        values[place] = alike * values[place - 1] + math.sqrt(1 - alike**2) * steps[place]
    return values


def classified(rng, n, alike):
    """Scores and labels that follow them; what a label owes to chance stays from row to row with this probability."""
    score, places = expit(1.5 * following(rng, n, alike) - 0.5), np.arange(n)
    last = np.maximum.accumulate(np.where((rng.random(n) < alike) & (places > 0), 0, places))
    return score, (rng.random(n)[last] < score).astype(float)


def expected_of_scores(rng, alike):
    score, y_true = classified(rng, BEFORE, alike)
    later, truth = classified(rng, NOW, alike)
    before = Scored(y_true, score, (score >= 0.5) * 1.0, series(BEFORE))
    known = {name: one.units.design_effect(one.influence) for name, one in before.measures().items()}
    found = fit_calibrator(y_true, score, units=before.units)
    now = Scored(truth, later, (later >= 0.5) * 1.0, replace(series(NOW), known=known))
    return ByScore(found, found, now, np.ones(NOW, dtype=bool)), measure_scored(before)


def expected_of_errors(rng, alike):
    predicted = following(rng, BEFORE, alike)
    truth = predicted + following(rng, BEFORE, alike)
    guess = following(rng, NOW, alike)
    target = guess + following(rng, NOW, alike)
    measured = regression_metrics(truth, predicted, units=series(BEFORE))
    text = count_held_out(Predictions(truth, predicted, None, False, ()), None, measured)
    kept = TypeAdapter(HeldOutErrors).validate_json(text)
    units = replace(series(NOW), known=dict.fromkeys(REGRESSION, kept.effect))
    return expect_by_bins(kept, Predictions(target, guess, None, False, ()), units), kept.level


def simulated(reps, alike, expected, names, truth, nothing):
    """Return how often a shift is said, and how often intervals hold, of all rows and of windows."""
    found = {key: [] for key in ("alarm", "window alarm", "realized", "estimated", "change", "window", "window's own")}
    for rep in range(reps):
        one, level = expected(np.random.default_rng(rep), alike)
        for label, rows in {"": np.arange(NOW), "window ": np.arange(300, 300 + WINDOW)}.items():
            found[f"{label}alarm"].append(one.surprise(rows)[0] < 0.05)
            estimated, realized = one.estimate(rows, rep), one.realize(rows)
            seen = [name for name in names if realized[name].has_interval]
            inside = [realized[name].low <= truth[name] <= realized[name].high for name in seen]
            found["window's own" if label else "realized"].append(inside)
            held = [estimated[name].low <= realized[name].value <= estimated[name].high for name in seen]
            found["window" if label else "estimated"].append(held)
            moved = [change_from(name, realized[name], level[name])[1] for name in names]
            if not label:
                found["change"].append([each.low <= nothing <= each.high for each in moved])
    return {key: float(np.mean(np.concatenate([np.atleast_1d(one) for one in kept]))) for key, kept in found.items()}


def of_scores(reps, alike):
    score, y_true = classified(np.random.default_rng(99), 500_000, 0.0)
    truth = {name: one.value for name, one in measure_scored(Scored(y_true, score, (score >= 0.5) * 1.0)).items()}
    return simulated(reps, alike, expected_of_scores, BINARY, truth, 0)


def of_errors(reps, alike):
    truth = dict(zip(REGRESSION, (math.sqrt(2 / math.pi), 1.0), strict=True))
    return simulated(reps, alike, expected_of_errors, REGRESSION, truth, 1)


@pytest.mark.parametrize("shares", [of_scores, of_errors])
def test_nothing_changes_in_a_series_in_brief(shares):
    """Taken for independent rows 53 and 35 % are false alarms, and 62 to 78 % of the intervals hold."""
    found = shares(50, 0.8)
    assert found["alarm"] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 50)
    assert found["window alarm"] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 50)
    for name in ("realized", "estimated", "change", "window", "window's own"):
        assert found[name] >= 0.87, name


@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.5, 0.8])
@pytest.mark.parametrize("shares", [of_scores, of_errors])
def test_nothing_changes_in_a_series(shares, alike):
    found = shares(400, alike)
    print(shares.__name__, alike, found)
    for name in ("alarm", "window alarm"):
        assert found[name] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400), name
    for name in ("realized", "estimated", "change", "window", "window's own"):
        assert found[name] >= 0.91, name


def test_a_shift_in_a_series_is_found():
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        score, y_true = classified(rng, BEFORE, 0.5)
        later, truth = classified(rng, NOW, 0.5)
        truth = np.where(rng.random(NOW) < 0.3, 1.0, truth)
        found += shift_test(truth, later, fit_calibrator(y_true, score, units=series(BEFORE)), series(NOW)) < 0.05
    assert found >= 27


def test_rows_of_a_series_that_tell_nothing_of_each_other_count_as_independent_ones():
    left, units = np.random.default_rng(3).standard_normal(2000), series(2000)
    assert dispersion(likeness(left, units), units, units.size) == pytest.approx(1.0, abs=0.3)


def test_a_short_part_of_a_series_is_as_wide_as_the_reference_says():
    rng = np.random.default_rng(4)
    score, y_true = classified(rng, WINDOW, 0.0)
    called = (score >= 0.5) * 1.0
    units = replace(series(NOW), known={"accuracy": 9.0}).take(np.arange(WINDOW))
    assert units.design_effect(None, "accuracy") == 9.0
    found = Scored(y_true, score, called, units).measures()["accuracy"].estimate
    plain = binary_metrics(y_true, score, decisions=called, probabilities=False)["accuracy"].estimate
    assert found.value == plain.value
    assert found.high - found.low > 1.6 * (plain.high - plain.low)


def dated(seed, n, start):
    rng = np.random.default_rng(seed)
    feature = following(rng, n, 0.8)
    stays = np.maximum.accumulate(np.where(rng.random(n) < 0.8, 0, np.arange(n)))
    y = rng.random(n)[stays] < expit(1.5 * feature)
    return pd.DataFrame({"x": feature, "y": y.astype(int), "day": pd.date_range(start, periods=n)})


def test_a_table_with_dates_is_estimated_and_measured_as_a_series():
    before, now = dated(1, 1500, "2020-01-01"), dated(2, 400, "2024-03-01")
    width, p_values = {}, {}
    for time in ("day", None):
        frames = [frame if time else frame.drop(columns="day") for frame in (before, now)]
        data = load_dataset(frames[0], target="y", time=time)
        model = LogisticRegression().fit(data.features[["x"]], data.target)
        found = estimate_performance(model, data, frames[1], window="month" if time else 30)
        table = found.table[found.table["metric"] == "accuracy"]
        width[time] = [
            np.median([one.high - one.low for one in table[name][1:]]) for name in ("estimated", "realized")
        ] + [one.high - one.low for one in (data.scalars()["data.target_rate"], table["realized"].iloc[0])]
        p_values[time] = float(found.shift["p_value"].min())
    assert all(wide > 1.3 * narrow for wide, narrow in zip(width["day"], width[None], strict=True))
    assert p_values["day"] > p_values[None]


def test_a_short_table_is_as_dependent_as_its_reference():
    """Of 60 days there is no telling how alike they are; the reference says it."""
    before, now = dated(1, 1500, "2020-01-01"), dated(2, 60, "2024-03-01")
    data = load_dataset(before, target="y", time="day")
    model = LogisticRegression().fit(data.features[["x"]], data.target)
    long, short = (
        estimate_performance(model, known, now).table["realized"].iloc[1] for known in (data, data.take(range(90)))
    )
    assert long.high - long.low > 1.3 * (short.high - short.low)


def test_the_rate_of_a_series_has_the_interval_of_a_series():
    held = []
    for seed in range(60):
        _, y_true = classified(np.random.default_rng(seed), NOW, 0.8)
        frame = pd.DataFrame({"x": 0.0, "y": y_true, "day": np.arange(NOW)})
        frame["x"] = np.random.default_rng(seed).normal(size=NOW)
        rate = load_dataset(frame, target="y", time="day", positive=1).scalars()["data.target_rate"]
        held.append(rate.low <= 0.4083 <= rate.high)
    assert np.mean(held) >= 0.87


def test_held_out_rows_of_a_series_are_kept_by_stretches():
    score, y_true = classified(np.random.default_rng(5), 1000, 0.8)
    units = series(1000)
    measured = {"accuracy": share((score >= 0.5) * 1.0 == y_true, np.ones(1000)).over(units)}
    found = Predictions(y_true, score, None, True, ("no", "yes"))
    kept = json.loads(count_held_out(found, Threshold(0.5, "0.5"), measured))
    assert sum(kept["rows"]) == 1000
    assert len(set(kept["group"])) == units.independent[1]
