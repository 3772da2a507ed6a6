import json
import re
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from toolkit.core.estimate import Estimate
from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError, NotApplicableError
from toolkit.explanation.explain import CHECKED, explain
from toolkit.explanation.explanation import Explanation
from toolkit.explanation.local import probability_path, telling_rows
from toolkit.models.answers import CHECKED_ROWS
from toolkit.models.model import Model
from toolkit.models.prediction import Predictions, predict
from toolkit.models.preprocessing import make_model
from toolkit.models.recorded import RecordedPredictions

HOSTILE = "<script>alert(1)</script> {x}\n\u200f" + "long " * 30


def frame(n=900, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "twin": 0.0,
            HOSTILE: rng.normal(size=n),
            "gap": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            "town": rng.choice(["Oslo", "<b>Tromsø</b>", "Bergen"], n),
            "sex": rng.choice(["Female", "Male", None], n, p=[0.5, 0.45, 0.05]),
            "noise": rng.normal(size=n),
        }
    )
    table["twin"] = table["age"] * 3.0 + rng.normal(size=n)
    score = (table["age"] - 50) / 8 + 2 * table[HOSTILE] * (table["sex"] == "Female")
    table["buys"] = np.where(rng.random(n) < special.expit(score), "yes", "no")
    table["level"] = np.where(score > 1.5, "high", np.where(score > -1.5, "mid", "low"))
    return table


def load(target, **options):
    table = frame()
    other = [name for name in ("buys", "level") if name != target]
    return load_dataset(table.drop(columns=other), target=target, sensitive=["sex"], **options)


@pytest.fixture(scope="module")
def split():
    return split_dataset(load("buys", positive="yes"), validation_size=0.2, seed=1)


def fit(estimator, data):
    return make_model(estimator, data.features).fit(data.features, data.target)


@pytest.fixture(scope="module")
def model(split):
    return fit(HistGradientBoostingClassifier(max_iter=40), split.train)


@pytest.fixture(scope="module")
def explained(model, split):
    return explain(model, split)


def test_it_is_a_result(explained, split):
    assert isinstance(explained, Result)
    assert (explained.attributor.method, explained.attributor.scale) == ("tree", "log-odds")
    assert explained.attributor.outputs.names == ("yes",)
    assert explained.shap_values.shape == (split.test.rows, 7, 1)
    assert set(explained.features.index) <= set(split.test.features.index)
    numbers = explained.scalars()
    json.dumps({name: asdict(number) for name, number in numbers.items()})
    assert numbers["explanation.additivity_gap"].value < 1e-9
    assert numbers["explanation.rows"].value == explained.rows
    age = numbers["explanation.age.mean_abs_shap"]
    assert age.value == pytest.approx(np.abs(explained.shap_values[:, 0, 0]).mean())
    assert age.low < age.value < age.high
    assert {"explanation.sex.Female.age.mean_abs_shap", "explanation.sex.missing.age.mean_abs_shap"} <= set(numbers)
    assert numbers["explanation.permutation_agreement"].has_interval
    assert explained.frame()["column"].iloc[0] in ("age", "twin", HOSTILE)
    assert len(explained.frame()) == 7
    assert explained.record().parameters == {"explainer": "tree", "explanation_scale": "log-odds"}


def test_findings_say_what_to_beware_of(explained):
    found = {note.code: note for note in explained.findings()}
    assert "age and twin" in found["EXPLAIN-REDUNDANT"].message
    assert "sex (rank" in found["EXPLAIN-SENSITIVE"].message
    assert found["EXPLAIN-GROUPS"].message.count("gap where sex is") == 1  # said from one side
    assert "sex missing (" in found["EXPLAIN-GROUP-SMALL"].message
    assert "Female" not in found["EXPLAIN-GROUP-SMALL"].message
    assert "EXPLAIN-ADDITIVITY" not in found
    assert "EXPLAIN-CONSTANT" not in found


def test_a_group_that_is_all_rows_is_not_called_small(model, split):
    women = split.test.take(np.flatnonzero((split.test.sensitive["sex"] == "Female").to_numpy()))
    codes = {note.code for note in explain(model, women).findings()}
    assert not codes & {"EXPLAIN-GROUP-SMALL", "EXPLAIN-GROUPS"}


def test_the_same_seed_gives_the_same_numbers(model, split, explained):
    again = explain(model, split)
    pd.testing.assert_frame_equal(again.frame(), explained.frame())
    assert again.scalars() == explained.scalars()
    assert explain(model, split, seed=3).features.index[0] != explained.features.index[0]


def test_every_figure_is_drawn_with_its_words(explained):
    kinds = explained.pictures()
    names = ["importance", "beeswarm", "dependence_1", "dependence_2", "dependence_3", "interactions", "groups"]
    assert list(kinds) == [*names, "waterfall_right", "waterfall_wrong", "waterfall_threshold"]
    for kind, picture in kinds.items():
        drawn = figure(explained, kind)
        assert len(drawn.image) < 150_000, kind
        assert picture.title
        assert picture.caption
        assert re.search(r"\d", picture.alt), kind
        assert "<script>" not in drawn._repr_html_()
        assert "<b>Troms" not in drawn._repr_html_()
    assert "&lt;b&gt;Troms" in figure(explained, "waterfall_right")._repr_html_()
    with pytest.raises(InputError, match="no figure 'nonsense'"):
        explained.plot("nonsense")
    assert "<script>" not in explained._repr_html_()


def test_figures_show_the_numbers(explained):
    ax = explained.plot("importance")
    sizes = explained.overall["mean_abs_shap"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [one.value for one in sizes])
    (intervals,) = ax.collections
    ends = [segment[:, 0] for segment in intervals.get_segments()]
    np.testing.assert_allclose(ends, [[one.low, one.high] for one in sizes])
    row = explained.local[0]
    steps = explained.plot("waterfall_right").patches
    ends = [end for bar in steps for end in (bar.get_x(), bar.get_x() + bar.get_width())]
    assert min(np.abs(np.array(ends) - row.base)) < 1e-9
    assert min(np.abs(np.array(ends) - row.score)) < 1e-9
    assert sum(bar.get_width() for bar in steps) == pytest.approx(row.score - row.base)
    shown = explained.plot("beeswarm").collections
    assert sum(len(points.get_offsets()) for points in shown[:2]) == explained.rows


def test_single_rows_are_the_telling_ones(explained, model, split):
    said, threshold = predict(model, split.test), 0.5
    right = (said.y_pred >= threshold) == said.y_true
    by_key = {row.key: split.test.features.index.get_loc(row.index) for row in explained.local}
    sure = np.abs(said.y_pred - threshold)
    assert sure[by_key["right"]] == sure[right].max()
    assert sure[by_key["wrong"]] == sure[~right].max()
    assert sure[by_key["threshold"]] == sure.min()
    row = explained.local[1]
    place = by_key["wrong"]
    assert row.truth == split.test.target.iloc[place]
    assert row.said.startswith("yes" if said.y_pred[place] >= 0.5 else "no")
    assert row.base + row.parts["attribution"].sum() == pytest.approx(row.score)
    values = dict(zip(row.parts["column"], row.parts["value"], strict=True))
    assert values["age"] == str(split.test.features["age"].iloc[place])
    assert values["town"] == split.test.features["town"].iloc[place]
    assert row.parts["attribution"].abs().is_monotonic_decreasing


def test_rows_asked_for_are_explained(model, split):
    ids = list(split.test.features.index[[5, 2]])
    found = explain(model, split, rows=ids)
    assert [(row.key, row.index, row.reason) for row in found.local] == [
        ("1", ids[0], "asked for"),
        ("2", ids[1], "asked for"),
    ]
    assert {"waterfall_1", "waterfall_2"} <= set(found.pictures())
    assert explain(model, split, rows=ids[0], most_rows=50).local[0].index == ids[0]
    assert explain(model, split, rows=[], most_rows=50).local == ()
    elsewhere = split.train.features.index[0]
    with pytest.raises(InputError, match=f"no row with the id {elsewhere}"):
        explain(model, split, rows=[elsewhere])


def test_the_probability_scale_starts_and_ends_where_the_model_does(explained, model, split):
    row = explained.local[2]
    path = explained.probabilities(row.index)
    assert path["probability_before"].iloc[0] == pytest.approx(special.expit(row.base))
    score = model.predict_proba(split.test.features.loc[[row.index]])[0, list(model.classes_).index("yes")]
    assert path["probability_after"].iloc[-1] == pytest.approx(score)
    np.testing.assert_allclose(path["probability_before"].iloc[1:], path["probability_after"].iloc[:-1])
    with pytest.raises(InputError, match="was not explained by itself"):
        explained.probabilities(-1)
    scored = explain(fit(LinearSVC(), split.train), split)
    with pytest.raises(InputError, match="leads to no probability"):
        scored.probabilities(scored.local[0].index)
    base, values = np.array([0.1, -0.2, 0.4]), np.random.default_rng(0).normal(size=(5, 3))
    ends = probability_path("softmax score", base, values, 2)[[0, -1]]
    np.testing.assert_allclose(ends, [special.softmax(base)[2], special.softmax(base + values.sum(axis=0))[2]])
    assert probability_path("y", base, values) is None


def test_several_classes_are_explained_each_and_overall():
    data = load("level")
    model = fit(LogisticRegression(max_iter=500), data)
    found = explain(model, data)
    assert found.attributor.outputs.names == ("high", "low", "mid")
    assert found.attributor.scale == "softmax score"
    assert found.shap_values.shape[1:] == (7, 3)
    assert set(found.table["output"]) == {"overall", "high", "low", "mid"}
    overall = found.scalars()["explanation.age.mean_abs_shap"].value
    assert overall == pytest.approx(np.abs(found.shap_values[:, 0]).mean())
    assert [row.key for row in found.local] == ["right", "wrong", "tie"]
    for row in found.local:
        chance = model.predict_proba(data.features.loc[[row.index]])[0]
        assert row.output == model.classes_[chance.argmax()]
        assert row.parts["probability_after"].iloc[-1] == pytest.approx(chance.max())
    for kind in found.pictures():
        found.plot(kind)


def test_numbers_are_explained_in_their_own_unit():
    data = load_dataset("diabetes")
    found = explain(LinearRegression().fit(data.features, data.target), data)
    assert found.attributor.scale == str(data.target.name)
    assert [row.key for row in found.local] == ["best", "over", "under"]
    assert {"EXPLAIN-GROUPS", "EXPLAIN-SENSITIVE"} & {note.code for note in found.findings()}
    assert found.interactions.empty
    assert "interactions" not in found.pictures()


def test_interactions_of_trees_are_what_was_planted():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(3000, 4)), columns=list("abcd"))
    data = load_dataset(table.assign(y=table["a"] * table["c"] + 0.3 * table["b"]), target="y")
    found = explain(fit(HistGradientBoostingRegressor(), data), data)
    strongest = found.interactions.iloc[0]
    assert (strongest["first"], strongest["second"]) == ("a", "c")
    assert strongest["mean_abs_interaction"].low > found.interactions.iloc[1]["mean_abs_interaction"].high
    assert (found.overall["rank_low"].iloc[0], found.overall["column"].iloc[-1]) == (1, "d")


def test_attributions_that_do_not_add_up_are_a_finding():
    data = load_dataset("diabetes")
    model = fit(RandomForestRegressor(10, random_state=0), data)
    plain = model[-1].predict
    model[-1].predict = lambda matrix: 2 * plain(matrix)
    found = explain(model, data, method="tree", most_rows=60)
    note = found.findings()[0]
    assert (note.code, note.severity) == ("EXPLAIN-ADDITIVITY", "high")
    assert found.scalars()["explanation.additivity_gap"].value > 50


def test_a_model_that_says_the_same_of_every_row(split):
    for estimator in (DummyClassifier(), DecisionTreeClassifier(max_depth=1, min_samples_leaf=10**6)):
        found = explain(fit(estimator, split.train), split)
        assert not found.shap_values.any()
        assert "EXPLAIN-CONSTANT" in {note.code for note in found.findings()}
        assert found.overall["rank_high"].unique().tolist() == [7]
        assert not found.overall["mean_abs_shap"].iloc[0].has_interval
        assert np.isnan(found.agreement.value)
        for kind in found.pictures():
            found.plot(kind)
    numbers = load_dataset("diabetes")
    assert not explain(DummyRegressor().fit(numbers.features, numbers.target), numbers).shap_values.any()


def test_one_row_and_one_column(split, model):
    single = explain(model, split.test.take([3]), background=None)
    assert single.rows == 1
    assert not single.scalars()["explanation.age.mean_abs_shap"].has_interval
    assert "1 row is explained" in " ".join(note.message for note in single.findings())
    for kind in single.pictures():
        single.plot(kind)
    narrow = load_dataset(frame()[["age", "buys"]], target="buys", positive="no")
    for estimator in (HistGradientBoostingClassifier(max_iter=5), LogisticRegression()):
        found = explain(fit(estimator, narrow), narrow)
        assert found.overall["column"].tolist() == ["age"]
        for kind in found.pictures():
            found.plot(kind)
    called = explain(lambda features: features["age"] / 100, narrow, most_rows=20)
    assert (called.attributor.method, called.attributor.scale, called.rows) == ("permutation", "probability", 20)
    expected = (narrow.features["age"].loc[called.features.index] / 100).to_numpy() - called.attributor.base
    np.testing.assert_allclose(called.shap_values[:, 0, 0], expected)


def test_what_training_never_saw():
    data = load("level")
    seen = data.take(np.flatnonzero((data.target != "mid").to_numpy() & (data.features["town"] != "Oslo").to_numpy()))
    unseen = data.take(np.flatnonzero((data.target == "mid").to_numpy()))
    for estimator in (HistGradientBoostingClassifier(max_iter=5), LogisticRegression()):
        found = explain(fit(estimator, seen), unseen, background=seen)
        assert found.attributor.outputs.names == ("high", "low")
        assert found.additivity_gap < 1e-6
        assert [row.key for row in found.local] == ["wrong", "tie"]
    only = data.take(np.flatnonzero((data.target == "low").to_numpy()))
    whole = explain(fit(LogisticRegression(), data), only)
    assert whole.attributor.outputs.names == ("high", "low", "mid")


def test_models_without_scores():
    class Says:
        classes_ = np.array(["no", "yes"])

        def predict(self, features):
            return np.where(features["age"] > 50, "yes", "no")

    data = load("buys", positive="yes")
    found = explain(Says(), data, most_rows=30)
    assert (found.attributor.method, found.attributor.scale, found.local) == ("permutation", "decision (0 or 1)", ())
    assert found.overall["column"].iloc[0] == "age"
    assert found.check.loss == "error rate"
    others = found.overall.iloc[1:]["mean_abs_shap"]
    assert all(one.value == 0 and one.high > 0 for one in others)


def test_models_fitted_on_arrays():
    data = load_dataset(frame()[["age", "gap", "noise", "buys"]], target="buys", positive="yes")
    for estimator in (HistGradientBoostingClassifier(max_iter=5), make_pipeline(SimpleImputer(), LogisticRegression())):
        model = estimator.fit(data.features.to_numpy(), data.target.to_numpy())
        found = explain(model, data)
        assert found.attributor.method in ("tree", "linear")
        assert found.overall["column"].iloc[0] == "age"
        assert explain(model, data, method="permutation", most_rows=10).additivity_gap < 1e-9


def test_decisions_of_the_models_own_are_kept():
    class Decides:
        classes_ = np.array(["no", "yes"])

        def predict(self, features):
            return np.where(features["age"] > 60, "yes", "no")

        def predict_proba(self, features):
            chance = features["age"].to_numpy() / 100
            return np.column_stack([1 - chance, chance])

    data = load("buys", positive="yes")
    found = explain(replace(Model.of(Decides()), decides=True), data, most_rows=10)
    assert [row.key for row in found.local] == ["right", "wrong", "threshold"]
    assert all("threshold" not in row.said for row in found.local)
    assert [row.said.partition(" ")[0] for row in found.local] == list(
        Decides().predict(data.features.loc[[row.index for row in found.local]])
    )


def test_very_large_numbers():
    table = frame(300)[["age", "noise"]]
    # A tree squares the target to choose its splits, and knows nothing where that is infinite.
    for estimator, size in ((Ridge(), 1e298), (DecisionTreeRegressor(max_depth=3, random_state=0), 1e150)):
        data = load_dataset(table.assign(y=size * (table["age"] + table["noise"])), target="y")
        found = explain(fit(estimator, data), data)
        assert np.isfinite([one.high for one in found.overall["mean_abs_shap"]]).all()
        assert found.overall["column"].iloc[0] == "age"
        assert "EXPLAIN-ADDITIVITY" not in {note.code for note in found.findings()}
        for kind in found.pictures():
            found.plot(kind)


def test_telling_rows_need_scores():
    labels = Predictions(np.array([0.0, 1.0]), np.array([-1.0, 1.0]), None, False, ("a", "b"), scored=False)
    assert telling_rows(labels, "binary", 0.0) == {}
    level = Predictions(np.array([0.0, 1.0, 1.0]), np.array([0.3, 0.3, 0.3]), None, True, ("a", "b"))
    assert telling_rows(level, "binary", 0.5) == {}
    skewed = Predictions(np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.01, 0.99, 0.04, 0.3]), None, True, ("a", "b"))
    assert telling_rows(skewed, "binary", 0.05) == {"right": 1, "wrong": 3, "threshold": 2}


def test_groups_can_be_chosen(model, split):
    found = explain(model, split, by="town, age", most_rows=150)
    assert found.groups["by"].unique().tolist() == ["town", "age"]
    assert {"groups", "groups_2"} <= set(found.pictures())
    assert explain(model, split, by=[], most_rows=50).groups.empty
    with pytest.raises(InputError, match="Did you mean 'noise'"):
        explain(model, split, by="nois")


def test_a_threshold_by_rule_is_chosen_on_validation(model, split):
    found = explain(model, split, threshold="recall>=0.95", most_rows=50)
    said = predict(model, split.validation)
    chosen = float(re.search(r"threshold ([\d.]+)", found.local[0].said).group(1))
    called = said.y_pred[said.y_true == 1] >= chosen - 5e-4
    assert called.mean() >= 0.95
    assert chosen < 0.4


def test_wrong_options_are_refused(model, split):
    for wrong in ({"precision": 0}, {"precision": True}, {"seconds": -1}, {"most_rows": 0}, {"most_rows": 2.5}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            explain(model, split, **wrong)
    with pytest.raises(InputError, match="fitted model"):
        explain(HistGradientBoostingClassifier, split)
    with pytest.raises(InputError, match="no method 'kernel'"):
        explain(model, split, method="kernel")
    with pytest.raises(NotApplicableError, match="no model to explain"):
        explain(RecordedPredictions(split.test.target), split)


def test_shap_is_loaded_only_where_it_is_used():
    code = (
        "import sys, toolkit.explanation.explain\n"
        "from toolkit.explanation import counterfactual\n"
        "assert not {'shap', 'numba', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "from toolkit.data.load import load_dataset\n"
        "from sklearn.linear_model import LinearRegression\n"
        "data = load_dataset('diabetes')\n"
        "found = toolkit.explanation.explain.explain(LinearRegression().fit(data.features, data.target), data)\n"
        "assert 'shap' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_explanation_is_plain_data(explained):
    assert isinstance(explained, Explanation)
    assert isinstance(explained.table["mean_abs_shap"].iloc[0], Estimate)
    with pytest.raises(AttributeError):
        explained.rows = 3


def test_the_model_is_asked_about_no_more_rows_than_the_budget(model, split, monkeypatch):
    asked = []
    for name in ("predict_proba", "decision_function", "predict"):
        method = getattr(HistGradientBoostingClassifier, name)

        def counted(self, rows, method=method):
            asked.append(len(rows))
            return method(self, rows)

        monkeypatch.setattr(HistGradientBoostingClassifier, name, counted)
    found = explain(model, split, precision=1e-9, most_rows=100)
    columns, probed, single = found.features.shape[1], 2 * 2 * 50, len(found.local)
    assert (found.rows, found.check.rows) == (100, split.test.rows)
    shuffled = found.check.rows * columns * found.check.repeats
    assert shuffled <= CHECKED * 1000
    seen = split.test.rows + min(2 * CHECKED_ROWS, split.test.rows)  # those nearest the boundary are asked about twice
    assert sum(asked) <= seen + found.rows + found.check.rows + shuffled + probed + single


def test_rows_of_a_person_count_as_one_where_the_group_is_declared():
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(12), 40)
    frame = pd.DataFrame({"a": rng.normal(size=12)[person], "b": rng.normal(size=480), "person": person})
    frame["y"] = 3 * frame["a"] + frame["b"] + rng.normal(size=480)
    alone = load_dataset(frame.drop(columns="person"), target="y")
    grouped = load_dataset(frame, target="y", group="person")
    fitted = LinearRegression().fit(alone.features, alone.target)
    plain, found = explain(fitted, alone, precision=0.2), explain(fitted, grouped, precision=0.2)
    assert plain.drawn.units is None
    assert str(found.drawn.units) == "12 groups of 'person'"
    assert "intervals are over 12 groups of 'person'" in repr(found)
    assert [one.code for one in found.findings()].count("EXPLAIN-FEW-GROUPS") == 1
    width = {}
    for result in (plain, found):
        size = result.scalars()["explanation.a.mean_abs_shap"]
        width[result.drawn.units is None] = size.high - size.low, result.increases["a"].high - result.increases["a"].low
    assert all(ours > 2 * theirs for ours, theirs in zip(width[False], width[True], strict=True))
    assert found.overall["rank_high"].max() >= plain.overall["rank_high"].max()
