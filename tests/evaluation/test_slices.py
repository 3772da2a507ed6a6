import json
import time
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.errors import InputError
from toolkit.evaluation.evaluate import evaluate
from toolkit.evaluation.scan import cut_levels, scan
from toolkit.evaluation.slices import find_slices
from toolkit.models.recorded import RecordedPredictions
from toolkit.statistics.units import Units


class Known:
    """A model that predicts what a column says."""

    classes_ = np.array(["no", "yes"])

    def predict(self, features):
        return np.where(features["chance"] >= 0.5, "yes", "no")

    def predict_proba(self, features):
        chance = features["chance"].to_numpy()
        return np.column_stack([1 - chance, chance])


class Flat(Known):
    """A model that says 0.3 of every row."""

    def predict(self, features):
        return np.full(len(features), "no")

    def predict_proba(self, features):
        return np.tile([0.7, 0.3], (len(features), 1))


def table(seed=0, n=3000, hurt=None):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "sex": rng.choice(["Female", "Male"], n),
            "place <i>": rng.choice(["Ä", "$b$", "c", None], n),
            "x": rng.standard_normal(n),
            "chance": rng.choice([0.2, 0.8], n),
        }
    )
    truth = frame["chance"].to_numpy().copy()
    if hurt is not None:
        mask = hurt(frame).to_numpy()
        truth[mask] = 1 - truth[mask]
    frame["y"] = np.where(rng.random(n) < truth, "yes", "no")
    return load_dataset(frame, target="y", positive="yes", sensitive=["sex"])


def test_a_planted_pair_is_found_and_said():
    data = table(hurt=lambda frame: (frame["age"] < 36) & (frame["sex"] == "Female"))
    found = find_slices(Known(), data)
    assert isinstance(found, Result)
    worst = found.table.iloc[0]
    assert worst["slice"].startswith("age under 35 ")
    assert worst["slice"].endswith("and sex = Female")
    assert worst["difference"].low > 0
    assert worst["p_adjusted"] < 1e-6
    note = found.findings()[0]
    assert note.code == "SLICE-WORSE"
    assert f"{found.examined:,} slices examined" in note.message
    numbers = found.scalars()
    assert numbers["slices.worst.difference"] == worst["difference"]
    json.dumps({name: asdict(number) for name, number in numbers.items()})
    assert "age under 35" in found._repr_html_()
    assert figure(found, "slices").image
    assert found.plot().has_data()
    assert {"loss_low", "difference_high", "accuracy_low"} <= set(found.frame().columns)
    again = find_slices(Known(), data)
    pd.testing.assert_frame_equal(found.frame(), again.frame())


def test_the_difference_is_welchs_and_its_interval_holds_for_all_slices():
    data = table(hurt=lambda frame: frame["sex"] == "Female")
    found = find_slices(Known(), data, depth=1)
    row = found.table.iloc[0]
    chance, y = data.features["chance"].to_numpy(), data.y_binary()
    loss = -np.log(np.where(y == 1, chance, 1 - chance))
    inside = (data.features["sex"] == "Female").to_numpy()
    alone = stats.ttest_ind(loss[inside], loss[~inside], equal_var=False).confidence_interval(0.95)
    corrected = stats.ttest_ind(loss[inside], loss[~inside], equal_var=False).confidence_interval(
        1 - 2 * 0.05 / found.examined
    )
    assert row["slice"] == "sex = Female"
    assert row["rows"] == inside.sum()
    assert row["difference"].value == pytest.approx(loss[inside].mean() - loss[~inside].mean(), rel=1e-9)
    width, one, all_of_them = (end.high - end.low for end in (row["difference"], alone, corrected))
    assert one < width < 1.1 * all_of_them
    assert row["loss"].value == pytest.approx(loss[inside].mean(), rel=1e-9)
    own = stats.sem(loss[inside])
    assert (row["loss"].high - row["loss"].low) / (2 * own) == pytest.approx(
        (row["difference"].high - row["difference"].low) / (2 * np.hypot(own, stats.sem(loss[~inside]))), rel=0.1
    )


def search(loss, columns, units=None, seed=0):
    cut = cut_levels(columns, 30)
    return scan(cut, loss, 30, pairs=True, units=units, seed=seed), cut.levels


def test_a_slice_with_an_error_a_fifth_higher_is_found_in_a_quarter_of_searches():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        columns = pd.DataFrame(rng.integers(0, 5, size=(1000, 4)).astype(str), columns=list("abcd"))
        columns = columns.assign(**{name: rng.normal(size=1000) for name in "uvwx"})
        scanned, _ = search(np.abs(rng.normal(size=1000)) * np.where(columns["a"] == "0", 1.2, 1.0), columns, seed=seed)
        found.append(scanned.p_adjusted[0] <= 0.05)
    assert np.mean(found) >= 0.25


def found_in(seed, wild, times):
    """Search 1,000 rows of a regression, the errors of a fifth of which are so many times larger, one of them wild."""
    rng = np.random.default_rng(seed)
    columns = pd.DataFrame(rng.integers(0, 5, size=(1000, 4)).astype(str), columns=list("abcd"))
    error = rng.normal(size=1000) * np.where(columns["a"] == "0", times, 1.0)
    error[rng.integers(1000)] += wild
    data = load_dataset(columns.assign(y=error), target="y", task="regression")
    return find_slices(RecordedPredictions(y_pred=np.zeros(1000)), data, depth=1), np.abs(error)


def test_one_wild_error_does_not_hide_a_slice():
    for wild in (0, 1e3, 1e6):
        runs = [found_in(seed, wild, 1.5)[0].table["slice"].tolist() for seed in range(15)]
        assert np.mean(["a = 0" in one for one in runs]) >= 0.8


def test_the_numbers_of_a_slice_are_those_of_the_errors_as_they_are():
    found, loss = found_in(0, 1e3, 2.0)
    assert found.overall.value == pytest.approx(loss.mean())
    row = found.table.iloc[0]
    assert row["slice"] == "a = 0"
    inside = row["rows"]
    rest = (loss.sum() - row["loss"].value * inside) / (1000 - inside)
    assert row["difference"].value == pytest.approx(row["loss"].value - rest)


@pytest.mark.slow
@pytest.mark.parametrize("wild", [0, 1e6])
def test_wild_errors_where_no_slice_is_worse_are_no_finding(wild):
    """In no more than 5 % and three standard errors of the simulation: 7.9 % of 500."""
    assert np.mean([len(found_in(seed, wild, 1.0)[0].table) > 0 for seed in range(500)]) <= 0.079


def test_groups_whose_rows_are_alike_are_no_evidence():
    wolves, alone = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        code = np.repeat(np.arange(50), 20)
        columns = pd.DataFrame(rng.integers(0, 3, size=(50, 4)).astype(str), columns=list("abcd")).iloc[code]
        loss = np.exp(0.7 * rng.normal(size=50)[code] + 0.5 * rng.normal(size=1000))
        units = Units.of(pd.Series(code, name="person"), None)
        wolves.append(bool(search(loss, columns, units, seed)[0].worse()))
        alone.append(bool(search(loss, columns, None, seed)[0].worse()))
    assert np.mean(wolves) <= 0.05
    assert np.mean(alone) > 0.5


def test_a_group_with_most_of_the_rows_makes_no_slice():
    """It draws the means to itself: by plain sums over groups 55 % of 300 searches found a slice where none is."""
    found, code = [], np.repeat(np.arange(80), [1500] + [9] * 79)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        columns = pd.DataFrame(rng.normal(size=(80, 2))[code], columns=list("ab"))
        loss = np.exp(0.7 * rng.normal(size=80)[code] + 0.7 * rng.normal(size=len(code)))
        found.append(bool(search(loss, columns, Units(code, 80, "person"), seed)[0].worse()))
    assert np.mean(found) <= 0.1


def test_weights_count_rows_as_often_as_they_weigh():
    rng = np.random.default_rng(0)
    columns = pd.DataFrame(rng.integers(0, 3, size=(400, 3)).astype(str), columns=list("abc"))
    loss, counts = rng.exponential(size=400) + (columns["a"] == "1"), rng.integers(1, 4, 400)
    units = Units.of(None, None, pd.Series(counts, name="w"))
    once, levels = search(loss.to_numpy(), columns, units)
    often, again = search(np.repeat(loss.to_numpy(), counts), columns.loc[columns.index.repeat(counts)])
    places = {(levels[a], levels[b]): one for a, b, one in zip(once.first, once.second, once.difference, strict=True)}
    for a, b, one in zip(often.first, often.second, often.difference, strict=True):
        names = (again[a], again[b])
        assert places.get(names, one) == pytest.approx(one, rel=1e-5)
    assert once.half_width.mean() > often.half_width.mean()


def test_a_pair_that_adds_nothing_is_left_out_and_one_slice_is_called_the_only_one():
    data = table(hurt=lambda frame: frame["sex"] == "Female")
    found = find_slices(Known(), data)
    assert found.table["slice"].tolist() == ["sex = Female"]
    assert f"the only one that stands out among {found.examined} slices examined." in found.findings()[0].message


@pytest.mark.slow
def test_it_does_not_cry_wolf():
    found = [len(find_slices(Flat(), flat(seed)).table) > 0 for seed in range(150)]
    assert np.mean(found) <= 0.05


def flat(seed, n=600):
    """A table where the loss has nothing to do with any column."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(0, 4, size=(n, 6)).astype(str), columns=list("abcdef"))
    frame["y"] = np.where(rng.random(n) < 0.3, "yes", "no")
    return load_dataset(frame.assign(g=rng.standard_normal(n)), target="y", positive="yes")


@pytest.mark.slow
def test_it_does_not_cry_wolf_in_a_thousand_runs():
    found = [len(find_slices(Flat(), flat(seed)).table) > 0 for seed in range(1000)]
    assert np.mean(found) <= 0.05


def test_nothing_found_is_said():
    found = find_slices(Flat(), flat(1))
    assert found.table.empty
    assert found.findings() == []
    assert found.pictures() == {}
    assert found.frame().empty
    assert found.scalars()["slices.found"].value == 0
    assert "No slice was found" in found._repr_html_()
    with pytest.raises(InputError, match="nothing to draw: No slice was found to be worse"):
        found.plot()


def test_regression_and_multiclass():
    diabetes = load_dataset("diabetes")
    found = find_slices(LinearRegression().fit(diabetes.features, diabetes.target), diabetes)
    assert found.loss == "absolute error"
    assert "accuracy" not in found.table.columns
    wine = load_dataset("wine")
    found = find_slices(DecisionTreeClassifier(max_depth=2).fit(wine.features, wine.target), wine)
    assert found.loss == "log loss"
    assert found.overall.n == 178


def test_wrong_settings_are_refused():
    for wrong in ({"depth": 3}, {"depth": 0}, {"min_rows": 2}, {"min_rows": 0.5}, {"min_rows": True}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            find_slices(Flat(), flat(0), **wrong)
    with pytest.raises(InputError, match="found 'best'"):
        find_slices(Flat(), flat(0), threshold="best")


def test_a_slice_where_every_row_is_wrong():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"part": np.repeat(["a", "b", "c"], [40, 300, 300]), "z": rng.standard_normal(640)})
    frame["y"] = np.where(frame["part"] == "a", "yes", "no")
    data = load_dataset(frame, target="y", positive="yes")

    class Never:
        def predict(self, features):
            return np.full(len(features), "no")

    found = find_slices(Never(), data, depth=1)
    assert found.loss == "error rate"
    assert found.table["slice"].tolist() == ["part = a"]
    assert found.table["difference"][0].value == 1
    assert found.table["accuracy"][0].high < 0.2


def test_a_loss_that_is_the_same_everywhere_is_no_finding():
    data = flat(0)

    class Half(Flat):
        def predict_proba(self, features):
            return np.full((len(features), 2), 0.5)

    assert find_slices(Half(), data).table.empty


def test_a_table_too_small_for_slices():
    small = load_dataset("wine").take(np.arange(0, 178, 6))
    found = find_slices(DecisionTreeClassifier(max_depth=2).fit(small.features, small.target), small)
    assert found.examined == 0
    assert found.table.empty


def test_it_is_fast():
    rng = np.random.default_rng(0)
    n = 21_536
    frame = pd.DataFrame(rng.standard_normal((n, 20)), columns=[f"n{i}" for i in range(20)])
    for i in range(20):
        frame[f"c{i}"] = rng.choice(list("abcdefgh"), n)
    frame["y"] = np.where(rng.random(n) < 0.3, "yes", "no")
    data = load_dataset(frame, target="y", positive="yes")
    started = time.process_time()
    find_slices(Flat(), data)
    assert time.process_time() - started < 6


def test_levels_of_hostile_columns():
    frame = pd.DataFrame(
        {
            "gain": np.r_[np.zeros(80), np.arange(1, 21)],
            "flag": pd.array([True, False, None, True] * 25, dtype="boolean"),
            "whole": pd.array([1, 2, 3, None] * 25, dtype="Int64"),
            "empty": np.full(100, np.nan),
            "id": [f"{i}" for i in range(100)],
            "kind": pd.Categorical(["a", "b"] * 50, categories=["a", "b", "never"]),
        }
    )
    levels, _, members = cut_levels(frame, 10)
    assert {
        "gain under 1",
        "gain 1 and over",
        "flag = True",
        "whole is missing",
        "empty is missing",
        "kind = a",
    } <= set(levels)
    assert [text for text in levels if text.startswith("id")] == ["id = other"]
    assert members.shape == (100, len(levels))
    assert (members.sum(axis=0) >= 10).all()


def test_where_all_rows_are_right_the_loss_is_not_known_to_be_0():
    y = np.arange(1000) % 2
    data = load_dataset(pd.DataFrame({"a": np.arange(1000) % 7, "y": y}), target="y")
    right = find_slices(RecordedPredictions(y_pred=y, classes=(0, 1)), data).overall
    accuracy = evaluate(RecordedPredictions(y_pred=y, classes=(0, 1)), data, latency=False).scalars()["test.accuracy"]
    assert (right.value, right.low) == (0, 0)
    assert right.high == pytest.approx(3 / 1000)
    assert right.high < 1 - accuracy.low  # Wilson is a little wider than the rule of three
    even = RecordedPredictions(y_score=np.full(1000, 0.5), classes=(0, 1))
    found, loss = find_slices(even, data).overall, evaluate(even, data, latency=False).scalars()["test.log_loss"]
    assert found.low < loss.low < np.log(2) < loss.high < found.high < np.log(2) + 0.004
    numbers = load_dataset(pd.DataFrame({"a": np.arange(1000) % 7, "y": np.arange(1000) / 10}), target="y")
    exact = RecordedPredictions(y_pred=np.arange(1000) / 10)
    error = evaluate(exact, numbers, latency=False).scalars()["test.mean_absolute_error"]
    assert find_slices(exact, numbers).overall.high == error.high == pytest.approx(99.9 * 3 / 1000)
