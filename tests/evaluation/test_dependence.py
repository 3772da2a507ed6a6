"""What an evaluation says of rows that belong together, declared or not."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from toolkit.data.load import load_dataset
from toolkit.evaluation.evaluate import evaluate
from toolkit.models.recorded import RecordedPredictions


def visits(seed, groups, rows, luck=1.0, name="customer"):
    """Rows of customers who share a customer's luck, with a model that does not know it."""
    rng = np.random.default_rng(seed)
    shared = luck * np.repeat(rng.normal(size=groups), rows)
    odds = rng.normal(size=groups * rows)
    bought = np.where(rng.random(groups * rows) < expit(odds + shared), "yes", "no")
    order = rng.permutation(groups * rows)
    who = np.repeat([f"c{place}" for place in range(groups)], rows)
    return pd.DataFrame({name: who, "x": odds, "bought": bought}).iloc[order].reset_index(drop=True), expit(odds)[order]


def judged(table, score, **roles):
    data = load_dataset(table, target="bought", positive="yes", **roles)
    model = RecordedPredictions(y_score=score, classes=("no", "yes"))
    return evaluate(model, data, baseline="guess", latency=False)


def codes(evaluation):
    return {finding.code for finding in evaluation.findings()}


def test_declared_groups_are_counted_and_named_and_widen_every_interval():
    table, score = visits(0, 100, 20)
    apart, grouped = judged(table, score), judged(table, score, group="customer")
    numbers = grouped.scalars()
    assert (numbers["test.groups"].value, numbers["test.groups"].n) == (100, 2000)
    for name in ("test.calibration_intercept", "test.log_loss", "difference.log_loss"):
        assert numbers[name].value == apart.scalars()[name].value
        wide, narrow = (one.high - one.low for one in (numbers[name], apart.scalars()[name]))
        assert wide > 1.05 * narrow, (name, wide / narrow)
    assert "100 groups of 'customer'" in numbers["test.accuracy"].method
    assert "2,000 test rows of table (100 groups of 'customer', on which intervals rest)" in str(grouped)
    assert grouped.record().numbers[0].on == "test part (100 groups)"
    assert "EVAL-DEPENDENT-ROWS" not in codes(grouped)


@pytest.mark.parametrize("name", ["customer", "who"])
def test_undeclared_groups_are_found_with_how_much_wider_intervals_would_be(name):
    evaluation = judged(*visits(1, 100, 20, name=name))
    found = next(one for one in evaluation.findings() if one.code == "EVAL-DEPENDENT-ROWS")
    assert found.where == name
    assert f"give group='{name}'" in found.message
    assert found.severity == "high"


def test_copies_of_rows_are_found():
    table, score = visits(2, 400, 1)
    table = table.drop(columns="customer")
    evaluation = judged(pd.concat([table] * 3, ignore_index=True), np.tile(score, 3))
    found = next(one for one in evaluation.findings() if one.code == "EVAL-DEPENDENT-ROWS")
    assert "1.7 times as wide" in found.message


def test_independent_rows_raise_no_alarm():
    alarms = sum("EVAL-DEPENDENT-ROWS" in codes(judged(*visits(seed, 100, 20, luck=0.0))) for seed in range(30))
    assert alarms <= 1


def test_few_groups_are_said():
    assert "EVAL-FEW-GROUPS" in codes(judged(*visits(3, 9, 50), group="customer"))


def test_a_long_series_is_judged_as_one():
    rng = np.random.default_rng(4)
    day = pd.date_range("2024-01-01", periods=400)
    table = pd.DataFrame({"day": day, "x": rng.normal(size=400)})
    table["y"] = table.x + np.convolve(rng.normal(size=419), np.ones(20) / np.sqrt(20), "valid")
    numbers = {}
    for time in (None, "day"):
        data = load_dataset(table, target="y", time=time) if time else load_dataset(table[["x", "y"]], target="y")
        model = RecordedPredictions(y_pred=table.x.to_numpy())
        numbers[time] = evaluate(model, data, latency=False).scalars()
    assert numbers["day"]["test.times"].value == 400
    wide, narrow = (numbers[one]["test.bias"] for one in ("day", None))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_rows_of_few_values_that_are_equal_by_chance_are_no_copies():
    table, _ = visits(5, 300, 1)
    table["x"] = table.x.round()
    fitted = LogisticRegression().fit(table[["x"]], table.bought)
    evaluation = evaluate(fitted, load_dataset(table[["x", "bought"]], target="bought", positive="yes"))
    assert "EVAL-DEPENDENT-ROWS" not in codes(evaluation)


def test_a_column_of_lists_or_records_is_no_unit():
    table, score = visits(0, 100, 20)
    for cell in ([1, 2], {"a": 1}, np.zeros(2)):
        nested = table.assign(basket=pd.Series([cell] * len(table)))
        found = next(one for one in judged(nested, score).findings() if one.code == "EVAL-DEPENDENT-ROWS")
        assert found.where == "customer"


def test_gaps_of_a_column_that_is_no_group_are_no_unit():
    alarms = 0
    for seed in range(10):
        table, score = visits(seed, 300, 2, luck=0.0)
        gaps = np.random.default_rng(seed).random(600) < np.where(table.bought == "yes", 0.6, 0.2)
        alarms += "EVAL-DEPENDENT-ROWS" in codes(judged(table.assign(customer=table.customer.where(~gaps)), score))
    assert alarms <= 1
