"""A model is asked once about the same rows, and anew as soon as it or they may be others."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import toolkit as tk
from toolkit.models.model import Model

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"a": RNG.normal(size=5000), "b": RNG.normal(size=5000), "sex": RNG.choice(["f", "m"], 5000)})
ROWS["y"] = ROWS["a"] + RNG.normal(size=5000) > 0


class Counting(LogisticRegression):
    asked: list = []  # noqa: RUF012  # of all of them

    def predict_proba(self, X):  # noqa: N803  # as scikit-learn calls it
        self.asked.append(len(X))
        return super().predict_proba(X)


@pytest.fixture
def data():
    return tk.load_dataset(ROWS, target="y", positive="True", sensitive=["sex"])


@pytest.fixture
def model(data):
    Counting.asked.clear()
    return Model.of(Counting().fit(data.features[["a", "b"]], data.target), data)


def test_steps_that_judge_the_same_rows_ask_once(model, data):
    judged = tk.evaluate(model, data).model
    assert judged.threshold is not None
    tk.find_slices(judged, data)
    tk.audit_fairness(judged, data)
    tk.evaluate(judged, data)
    assert sum(rows == len(ROWS) for rows in Counting.asked) == 1


def test_tables_that_are_gone_leave_room_for_others(model, data):
    model.predict_proba(data.features)
    for shift in range(5):
        model.predict_proba(data.features.assign(a=data.features["a"] + shift))
    Counting.asked.clear()
    model.predict_proba(data.features)
    assert sum(rows == len(ROWS) for rows in Counting.asked) == 0


def test_another_estimator_in_its_place_is_asked(model, data):
    before = model.predict_proba(data.features)
    contrary = Counting().fit(data.features[["a", "b"]], ~data.target.astype(bool))
    assert np.abs(replace(model, estimator=contrary).predict_proba(data.features) - before).max() > 0.5
    np.testing.assert_array_equal(model.predict_proba(data.features), before)


def test_each_answer_is_that_of_the_estimator(model, data):
    first = model.predict_proba(data.features)
    first[:] = 0  # whoever is told may do with it as he likes
    fresh = model.estimator.predict_proba(data.features[["a", "b"]])
    np.testing.assert_array_equal(model.predict_proba(data.features), fresh)
    np.testing.assert_array_equal(model.decision_function(data.features), fresh_scores(model, data))
    assert set(model.predict(data.features)) == set(model.classes)


def fresh_scores(model, data):
    return model.estimator.decision_function(data.features[["a", "b"]])


def test_an_estimator_fitted_again_is_asked_again(model, data):
    before = model.predict_proba(data.features)
    model.estimator.fit(data.features[["a", "b"]], ~data.target.astype(bool))
    assert np.abs(model.predict_proba(data.features) - before).max() > 0.5


def test_cells_that_were_changed_are_read_again(model, data):
    before = model.predict_proba(data.features)
    data.features.loc[:, "a"] = -data.features["a"]
    assert np.abs(model.predict_proba(data.features) - before).max() > 0.5


def test_a_single_cell_that_was_changed_is_read_again(model, data):
    before = model.predict_proba(data.features)
    data.features.loc[7, "a"] *= -1000
    after = model.predict_proba(data.features)
    assert abs(after[7] - before[7]).max() > 0.1
    np.testing.assert_array_equal(after, model.estimator.predict_proba(data.features[["a", "b"]]))


def test_the_next_table_at_the_same_place_is_another(model, data):
    for shift in range(5):
        rows = data.features.assign(a=data.features["a"] + shift)
        fresh = model.estimator.predict_proba(rows[["a", "b"]])
        np.testing.assert_array_equal(model.predict_proba(rows), fresh)
        del rows


def test_numbers_too_and_small_tables_as_they_come(data):
    table = tk.load_dataset(ROWS.drop(columns="y"), target="b")
    model = Model.of(LinearRegression().fit(table.features[["a"]], table.target), table)
    np.testing.assert_array_equal(model.predict(table.features), model.predict(table.features))
    np.testing.assert_allclose(model.predict(table.features.head(3)), model.predict(table.features)[:3], atol=1e-12)


def test_a_copy_carries_no_rows(model, data):
    small = len(pickle.dumps(model))
    model.predict_proba(data.features)
    copied = pickle.loads(pickle.dumps(model))
    assert abs(len(pickle.dumps(model)) - small) < 100
    np.testing.assert_array_equal(copied.predict_proba(data.features), model.predict_proba(data.features))


@pytest.mark.parametrize("change", [lambda rows: rows.assign(a=-rows["a"]), lambda rows: rows[::-1]])
def test_no_cell_that_was_changed_is_overlooked(model, data, change):
    before, table = model.predict_proba(data.features), data.features
    looked_at = np.linspace(0, len(table) - 1, 100).astype(int)
    others = np.setdiff1d(np.arange(len(table)), looked_at)
    table.iloc[others, 0] = change(table.iloc[others])["a"].to_numpy()
    after = model.predict_proba(table)
    np.testing.assert_array_equal(after, model.estimator.predict_proba(table[["a", "b"]]))
    assert np.abs(after - before).max() > 0.5


def test_columns_that_were_renamed_are_read_again(model, data):
    before = model.predict_proba(data.features)
    data.features.columns = ["b", "a", "sex"]
    assert np.abs(model.predict_proba(data.features) - before).max() > 0.5
