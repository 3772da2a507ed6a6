import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.metrics import accuracy_score, fbeta_score, log_loss, make_scorer, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from xgboost import XGBClassifier

import toolkit as tk
from toolkit.core.result import Result
from toolkit.data.schema import Schema
from toolkit.errors import InputError
from toolkit.models import candidates
from toolkit.models.folds import make_folds, score_fold
from toolkit.models.model import Model
from toolkit.models.preprocessing import make_model
from toolkit.models.train import SECONDS, Training


def table(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "score": score,
            "noise": rng.normal(size=rows),
            "town": rng.choice(["Oslo", "Bergen"], rows),
            "year": 2000 + np.arange(rows) * 6 // rows,
            "customer": rng.integers(0, 40, rows),
            "bought": np.where(score + rng.normal(size=rows) > 0.5, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def split():
    return tk.split_dataset(tk.load_dataset(table(), target="bought", drop=["year", "customer"]))


@pytest.fixture(scope="module")
def training(split):
    return tk.train(split, candidates=["logistic", "forest"])


def test_is_a_result(training):
    assert isinstance(training, Result)
    assert "logistic" in training._repr_html_()
    assert set(training.pictures()) == {"leaderboard"}


def test_the_baseline_is_always_there_and_knows_only_the_shares(training, split):
    shares = training.baseline.predict_proba(split.test.features)[:, 1]
    assert np.allclose(shares, (split.train.target == "yes").mean())
    assert training.scalars()["cv.baseline.roc_auc"].value == 0.5


def test_scores_are_those_of_scikit_learn_on_the_same_folds(training, split):
    data = split.train
    model = make_model(LogisticRegression(tol=1e-3, max_iter=500, random_state=0), data.features)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    reference = cross_val_score(model, data.features, data.y_binary(), cv=folds, scoring="roc_auc")
    ours = training.scores.query("candidate == 'logistic' and metric == 'roc_auc'")["value"]
    assert ours.to_numpy() == pytest.approx(reference, abs=1e-12)


def test_the_chosen_model_is_refitted_on_all_of_training(training, split):
    data = split.train
    again = make_model(LogisticRegression(tol=1e-3, max_iter=500, random_state=0), data.features).fit(
        data.features, data.target
    )
    assert training.name == "logistic"
    assert np.array_equal(training.model.predict_proba(data.features), again.predict_proba(data.features))
    assert training.model.classes == ("no", "yes")


def folds_of(metric, chosen="m", **values):
    """Make a training of nothing but scores over folds, of which four train and one is scored."""
    rows = [(name, metric, fold, value) for name, ones in values.items() for fold, value in enumerate(ones)]
    rows += [(name, kind, 0, 0.1) for name in values for kind in SECONDS]
    scores = pd.DataFrame(rows, columns=["candidate", "metric", "fold", "value"])
    return Training(chosen, dict.fromkeys(values), metric, scores, 0.25, "", "5-fold", None, ())


def test_corrected_interval_by_hand():
    estimate = folds_of("roc_auc", m=[0.70, 0.72, 0.74, 0.76, 0.78]).estimate("m", "roc_auc")
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 0.25) * 0.001)
    assert (estimate.value, estimate.high - estimate.value) == pytest.approx((0.74, half))


def test_the_same_seed_gives_the_same_numbers(split):
    first, second = (tk.train(split, candidates=["boosting"], cv=3, seed=7) for _ in range(2))
    timed = first.scores["metric"].str.endswith("_seconds")
    pd.testing.assert_frame_equal(first.scores[~timed], second.scores[~timed])


def test_one_standard_error_prefers_the_simple():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=400), "z": rng.normal(size=400)})
    frame["y"] = np.where(frame["x"] + rng.normal(size=400) > 0, "a", "b")
    split = tk.split_dataset(tk.load_dataset(frame, target="y"))
    candidates = {"plain": LogisticRegression(), "same": LogisticRegression(C=0.9)}
    best = tk.train(split, candidates=candidates)
    simple = tk.train(split, candidates=candidates, one_standard_error=True)
    assert simple.name == "plain"
    assert best.scalars()["cv.roc_auc"].value >= simple.scalars()["cv.roc_auc"].value
    assert "one standard error" in simple.rule


def test_a_useless_table_does_not_beat_the_baseline():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=300), "y": rng.normal(size=300)})
    training = tk.train(tk.split_dataset(tk.load_dataset(frame, target="y")), candidates=["boosting"])
    assert "TRAIN-NOT-BETTER-THAN-BASELINE" in {finding.code for finding in training.findings()}


def test_tuning_helps_or_leaves_as_is_and_is_repeatable(split):
    plain = tk.train(split, candidates=["logistic"], cv=3)
    tuned, again = (tk.train(split, candidates=["logistic"], cv=3, tune=5) for _ in range(2))
    assert tuned.scalars()["cv.roc_auc"].value >= plain.scalars()["cv.roc_auc"].value
    assert tuned.model.estimator[-1].C == again.model.estimator[-1].C
    assert "TRAIN-TUNED-ON-FOLDS" in {finding.code for finding in tuned.findings()}


@pytest.mark.parametrize(
    ("cv", "trials", "fits"),
    [(5, 12, 5 + (10 + 3 * 2 + 1 * 2) + (2 + 1 * 2 + 1 * 2)), (3, 4, 3 + (4 + 1 * 2)), (2, 1, 2 + 1 * 2)],
)
def test_of_the_trials_a_third_goes_on_after_the_first_fold_and_after_the_third(split, monkeypatch, cv, trials, fits):
    tuned = []
    scored = candidates.score_fold
    monkeypatch.setattr(candidates, "score_fold", lambda *given: tuned.append(given) or scored(*given))
    tk.train(split, candidates=["logistic"], cv=cv, tune=trials)
    assert len(tuned) == fits


@pytest.mark.parametrize("cv", [2, 3, 5])
def test_where_no_trial_has_a_score_the_settings_stay(split, monkeypatch, cv):
    monkeypatch.setattr(candidates, "score_fold", lambda *given: {"metric": math.nan})
    folds, _, _ = make_folds(split.train, strategy="random", folds=cv, seed=0)
    untuned = LogisticRegression(C=3)
    tuned = candidates.tune_candidate(untuned, "logistic", split.train, folds, "roc_auc", 12, seed=0)
    assert tuned.C == 3


def test_tuning_says_what_it_cannot_tune(split):
    training = tk.train(split, candidates=["lightgbm.LGBMClassifier"], cv=2, tune=2)
    assert any(
        finding.code == "TRAIN-NOT-TUNED" and "LGBMClassifier" in finding.message for finding in training.findings()
    )


def test_stopping_early_is_said(split):
    training = tk.train(split, candidates={"short": LogisticRegression(max_iter=1)}, cv=2)
    assert [finding.where for finding in training.findings() if finding.code == "TRAIN-NOT-CONVERGED"] == ["short"]


@pytest.mark.parametrize("task_target", [("wine", "logistic"), ("diabetes", "ridge")])
def test_the_other_tasks(task_target):
    name, simple = task_target
    split = tk.split_dataset(tk.load_dataset(name))
    training = tk.train(split, cv=3)
    assert simple in training.models
    assert (
        training.scalars()[f"cv.{training.metric}"].value > training.scalars()[f"cv.baseline.{training.metric}"].value
    )


def test_any_scorer_may_decide(split):
    training = tk.train(split, candidates=["logistic"], metric="f1", cv=3)
    data = split.train
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    model = make_model(LogisticRegression(tol=1e-3, max_iter=500, random_state=0), data.features)
    reference = cross_val_score(model, data.features, data.y_binary(), cv=folds, scoring="f1").mean()
    assert training.scalars()["cv.f1"].value == pytest.approx(reference, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "roc_ac"}, "Unknown metric 'roc_ac'. Did you mean 'roc_auc'?"),
        ({"cv": 1}, "cv must be a whole number of at least 2"),
        ({"tune": -1}, "tune must be a whole number of at least 0"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4,294,967,295; found -1"),
        ({"seed": 2**32}, "found 4294967296"),
    ],
)
def test_wrong_arguments(split, arguments, message):
    with pytest.raises(InputError) as caught:
        tk.train(split, **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["one", "id", "y"], "No feature is left beside 'y'.*'one' has the same value.*'id' looks like an identifier"),
        (["y"], "No feature is left beside 'y'"),
    ],
)
def test_a_table_without_features_trains_nothing(columns, message):
    frame = pd.DataFrame({"one": "x", "id": [f"u{row}" for row in range(40)], "y": np.arange(40) % 2})
    with pytest.raises(InputError, match=message):
        tk.train(tk.split_dataset(tk.load_dataset(frame[columns], target="y")))


def test_a_metric_for_another_task_is_refused():
    split = tk.split_dataset(tk.load_dataset("wine"))
    said = r"'roc_auc' cannot be computed for the baseline on a multiclass target.* Usual here: accuracy, balanced"
    with pytest.raises(InputError, match=said):
        tk.train(split, metric="roc_auc")


def test_folds_by_group_keep_groups_whole():
    data = tk.split_dataset(tk.load_dataset(table(), target="bought", group="customer")).train
    folds, kind, _ = make_folds(data, strategy="group", folds=4, seed=0)
    groups = data.group.astype(str).to_numpy()
    assert kind == "4-fold by group"
    assert all(not set(groups[fit]) & set(groups[check]) for fit, check in folds)
    reference = list(GroupKFold(4).split(data.features, groups=groups))
    assert all(np.array_equal(ours[1], theirs[1]) for ours, theirs in zip(folds, reference, strict=True))


@pytest.mark.parametrize("strategy", ["group", "time_group"])
def test_folds_take_rows_without_a_group_as_one_group(strategy):
    frame = table(900)
    frame["customer"] = frame["customer"].astype(float).where(frame.index % 5 > 0)
    data = tk.load_dataset(frame, target="bought", time="year", group="customer")
    folds, _, _ = make_folds(data, strategy=strategy, folds=3, seed=0)
    lone = data.group.isna().to_numpy()
    assert len(folds) > 1
    assert all(not (lone[fit].any() and lone[check].any()) for fit, check in folds)


def test_folds_in_time_train_strictly_before():
    data = tk.split_dataset(tk.load_dataset(table(), target="bought", time="year"), test_size=0.2).train
    folds, kind, findings = make_folds(data, strategy="time", folds=5, seed=0)
    time = data.time.to_numpy()
    assert "expanding windows" in kind
    assert findings == []
    assert all(time[fit].max() < time[check].min() for fit, check in folds)


def test_folds_of_a_table_with_time_and_group_follow_both():
    frame = table(900)
    frame["customer"] = (frame["year"] - 2000) * 40 + frame["customer"] * 2  # most customers come in two years
    split = tk.split_dataset(tk.load_dataset(frame, target="bought", time="year", group="customer"))
    data = split.train
    folds, kind, _ = make_folds(data, strategy=split.strategy, folds=5, seed=0)
    time, groups = data.time.to_numpy(), data.group.astype(str).to_numpy()
    assert kind.endswith("expanding windows in time, without earlier rows of the same groups")
    assert len(folds) > 1
    assert all(time[fit].max() < time[check].min() for fit, check in folds)
    assert all(not set(groups[fit]) & set(groups[check]) for fit, check in folds)


def test_one_period_of_training_is_said():
    data = tk.split_dataset(tk.load_dataset(table(), target="bought", time="year"), strategy="time", cut=2001).train
    _, kind, findings = make_folds(data, strategy="time", folds=5, seed=0)
    assert kind == "stratified 5-fold"
    assert [finding.code for finding in findings] == ["CV-NOT-BY-TIME"]


def test_a_rare_class_makes_fewer_folds():
    frame = pd.DataFrame({"x": np.arange(60.0), "y": ["rare"] * 4 + ["often"] * 56})
    data = tk.load_dataset(frame, target="y")
    folds, _, findings = make_folds(data, strategy="stratified", folds=5, seed=0)
    assert len(folds) == 4
    assert [finding.code for finding in findings] == ["CV-FEWER-FOLDS"]


def test_a_column_that_is_empty_in_one_fold_does_no_harm():
    frame = table()
    frame["late"] = np.where(frame["year"] == 2005, frame["score"], np.nan)
    split = tk.split_dataset(tk.load_dataset(frame, target="bought", time="year"), test_size=0.1)
    training = tk.train(split, candidates=["boosting", "logistic"])
    assert roc_auc_score(split.test.y_binary(), training.model.predict_proba(split.test.features)[:, 1]) > 0.6


def test_a_class_with_one_row_is_one_clear_error():
    frame = pd.DataFrame({"x": np.arange(60.0), "y": ["rare"] * 2 + ["often"] * 58})
    with pytest.raises(InputError, match="Class 'rare' has 1 of the 47 training rows: too few to cross-validate"):
        tk.train(tk.split_dataset(tk.load_dataset(frame, target="y")))


def test_a_class_that_fills_a_group_is_not_called_rare():
    rng, group = np.random.default_rng(0), np.repeat(["a", "b", "c", "d", "e"], 60)
    frame = pd.DataFrame({"x": rng.normal(size=300), "group": group, "y": np.where(group < "c", "no", "yes")})
    parts = tk.split_dataset(tk.load_dataset(frame, target="y", group="group"))
    with pytest.raises(InputError, match="or all in few groups or times"):
        tk.train(parts, candidates=["logistic"])


def test_many_classes_may_be_rare():
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"] * 66 + ["d", "e"])
    frame = pd.DataFrame({"x": rng.normal(size=200) + (labels == "a") * 3, "y": labels})
    training = tk.train(tk.split_dataset(tk.load_dataset(frame, target="y")), candidates=["logistic"], cv=3)
    scalars = training.scalars()
    assert scalars["cv.logistic.accuracy"].value > scalars["cv.baseline.accuracy"].value
    assert math.isfinite(scalars["cv.neg_log_loss"].value)


def test_log_loss_of_many_classes_is_that_of_scikit_learn():
    split = tk.split_dataset(tk.load_dataset("wine"))
    training = tk.train(split, candidates=["logistic"], cv=3)
    data = split.train
    model = make_model(LogisticRegression(tol=1e-3, max_iter=500, random_state=0), data.features)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    reference = cross_val_score(model, data.features, data.target.astype(str), cv=folds, scoring="neg_log_loss").mean()
    assert training.scalars()["cv.neg_log_loss"].value == pytest.approx(reference, abs=1e-12)


def test_a_fold_with_one_class_is_left_out_and_said():
    frame = pd.DataFrame({"x": np.arange(120.0), "when": np.arange(120) // 20, "y": ["a"] * 40 + ["a", "b"] * 40})
    data = tk.split_dataset(tk.load_dataset(frame, target="y", time="when")).train
    folds, _, findings = make_folds(data, strategy="time", folds=4, seed=0)
    assert len(folds) < 4
    assert [finding.code for finding in findings] == ["CV-ONE-CLASS-FOLD"]


class Anxious(LogisticRegression):
    def fit(self, features, target):
        warnings.warn("the sky may fall", UserWarning, stacklevel=1)
        return super().fit(features, target)


def test_what_a_candidate_warns_of_is_a_finding(split):
    warnings.simplefilter("always", UserWarning)
    training = tk.train(split, candidates={"anxious": Anxious(max_iter=500)}, cv=2)
    (finding,) = training.findings()
    assert (finding.code, finding.where) == ("TRAIN-WARNED", "anxious")
    assert finding.message == "anxious warned in training: the sky may fall"


def test_one_group_of_training_is_said():
    frame = table().assign(customer=lambda frame: np.where(frame["score"] > 0.8, "a", "b"))
    data = tk.split_dataset(tk.load_dataset(frame, target="bought", group="customer")).train
    _, kind, findings = make_folds(data, strategy="group", folds=5, seed=0)
    assert kind == "stratified 5-fold"
    assert [finding.code for finding in findings] == ["CV-NOT-BY-GROUP"]


@pytest.mark.parametrize(
    ("metric", "values", "low", "high"),
    [
        ("neg_log_loss", [-0.5, -0.01], -math.inf, 0.0),
        ("roc_auc", [0.8, 0.99], 0.0, 1.0),
        ("average_precision", [0.05, 0.4, 0.02], 0.0, 1.0),
        ("neg_brier_score", [-0.9, -0.1], -2.0, 0.0),
        ("matthews_corrcoef", [0.9, -0.9], -1.0, 1.0),
        ("r2", [0.2, 0.9], -math.inf, 1.0),
    ],
)
def test_an_interval_ends_where_the_metric_does(metric, values, low, high):
    estimate = folds_of(metric, m=values).estimate("m", metric)
    assert low <= estimate.low < estimate.value < estimate.high <= high
    assert estimate.low == low or estimate.high == high


def test_a_difference_to_the_chosen_is_of_the_same_folds():
    hard = np.array([0.9, 0.6, 0.8, 0.5, 0.7])
    training = folds_of(
        "roc_auc", m=hard, other=hard - [0.04, 0.05, 0.06, 0.05, 0.05], nearly=hard - [1e-3, -9e-3, 1e-3, 9e-3, 0]
    )
    found = training.estimate("other", "roc_auc", minus="m")
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 0.25) * 5e-5)
    assert (found.value, found.high - found.value) == pytest.approx((-0.05, half))
    alone = training.estimate("other", "roc_auc")
    assert found.high < 0
    assert alone.high > training.estimate("m", "roc_auc").value
    nearly = training.scalars()["cv.nearly.minus_chosen"]
    assert nearly.low < 0 < nearly.high
    assert "cv.m.minus_chosen" not in training.scalars()
    assert list(training.table["minus_chosen"].isna()) == list(training.table["chosen"])
    wide = folds_of("roc_auc", m=[1.0, 0.0], other=[0.0, 1.0]).estimate("other", "roc_auc", minus="m")
    assert (wide.low, wide.high) == (-1.0, 1.0)


class Refusing(LogisticRegression):
    def fit(self, features, target):
        raise RuntimeError("no weights\nwere found")


class Numbered(LogisticRegression):
    """Refuses labels that are not codes, as XGBoost and networks do."""

    def fit(self, features, target):
        if not set(np.unique(target)) <= set(range(9)):
            raise ValueError("Invalid classes inferred from unique values of `y`.")
        return super().fit(features, target)


def test_a_candidate_that_fails_costs_that_candidate_alone(split):
    training = tk.train(split, candidates={"plain": LogisticRegression(max_iter=500), "bad": Refusing()}, cv=2)
    assert list(training.models) == ["baseline", "plain"]
    (finding,) = training.findings()
    assert (finding.code, finding.severity, finding.where) == ("TRAIN-FAILED", "high", "bad")
    assert "'bad' could not be trained and scored (roc_auc, binary): no weights were found" in finding.message
    assert "bad" in training._repr_html_()


def test_where_every_candidate_fails_it_is_one_clear_error(split):
    with pytest.raises(InputError, match=r"'a' could not .*: no weights were found\. .* Candidate 'b' could not"):
        tk.train(split, candidates={"a": Refusing(), "b": Refusing()}, cv=2)


@pytest.mark.parametrize("labels", [("no", "yes"), ("yes", "no"), (2, 1), (True, False), (1, 0)])
@pytest.mark.parametrize(
    "estimator", [Numbered(max_iter=500), XGBClassifier(n_estimators=10)], ids=["numbered", "xgboost"]
)
def test_labels_of_any_kind_are_encoded_inside(labels, estimator):
    negative, positive = labels
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400), "town": rng.choice(["a", "b"], 400)})
    frame["y"] = np.where(frame["x"] + rng.normal(size=400) > 0, positive, negative)
    split = tk.split_dataset(tk.load_dataset(frame, target="y", positive=positive), validation_size=0.2)
    training = tk.train(split, candidates={"it": estimator}, cv=2)
    model = training.model
    assert set(model.classes) == set(labels)
    assert set(model.predict(split.test.features)) == set(labels)
    score = model.predict_proba(split.test.features)[:, model.classes.index(positive)]
    wanted = roc_auc_score(split.test.target == positive, score)
    found = tk.evaluate(model, split, baseline=training.baseline, threshold="recall>=0.9", latency=False)
    assert found.scalars()["test.roc_auc"].value == pytest.approx(wanted, abs=1e-12)
    assert wanted > 0.7
    assert not [note.code for note in found.findings() if note.code.startswith("MODEL-")]
    called = found.model.predict(split.test.features) == positive
    assert np.mean(called == (split.test.target == positive)) == pytest.approx(found.scalars()["test.accuracy"].value)


def test_several_classes_are_encoded_inside():
    split = tk.split_dataset(tk.load_dataset("wine"))
    training = tk.train(split, candidates={"it": XGBClassifier(n_estimators=10)}, cv=2)
    assert training.model.classes == ("class_0", "class_1", "class_2")
    right = np.mean(training.model.predict(split.test.features) == split.test.target)
    found = tk.evaluate(training.model, split, latency=False).scalars()
    assert found["test.accuracy"].value == pytest.approx(right)
    assert right > 0.9


def test_a_scorer_of_ones_own_may_decide(split):
    scorer = make_scorer(fbeta_score, beta=2)
    training = tk.train(split, candidates=["logistic"], metric=scorer, cv=3)
    data = split.train
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    model = make_model(LogisticRegression(tol=1e-3, max_iter=500, random_state=0), data.features)
    reference = cross_val_score(model, data.features, data.y_binary(), cv=folds, scoring=scorer).mean()
    assert training.metric == "fbeta_score"
    assert training.scalars()["cv.fbeta_score"].value == pytest.approx(reference, abs=1e-12)
    assert "roc_auc" in training.frame().columns
    turned = tk.train(split, candidates=["logistic"], metric=make_scorer(log_loss, greater_is_better=False), cv=2)
    assert turned.metric == "neg_log_loss"
    with pytest.raises(InputError, match="must be the name of a scikit-learn scorer, or a scorer; found 5"):
        tk.train(split, metric=5)


def test_a_model_that_was_logged_keeps_its_labels(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "z": rng.normal(size=300)})
    frame["y"] = np.where(frame["x"] > 0, "no", "yes")
    split = tk.split_dataset(tk.load_dataset(frame, target="y", positive="no"))
    training = tk.train(split, candidates={"it": XGBClassifier(n_estimators=5)}, cv=2)
    assert Schema.read(json.loads(training.record().kept["schema.json"])) == training.model.schema
    assert (training.model.classes, training.model.schema.positive) == (("yes", "no"), "no")


class OneColumn(ClassifierMixin, BaseEstimator):
    """Tells two classes apart by the means of one column."""

    def __init__(self, column="a"):
        self.column = column

    def fit(self, features, target):
        column, self.classes_ = features[self.column].to_numpy(), np.unique(target)
        low, high = (column[target == label].mean() for label in self.classes_)
        self.middle_, self.slope_ = (low + high) / 2, (high - low) / column.var()
        return self

    def predict(self, features):
        return self.classes_[(self.predict_proba(features)[:, 1] >= 0.5).astype(int)]

    def predict_proba(self, features):
        score = 1 / (1 + np.exp(-self.slope_ * (features[self.column].to_numpy() - self.middle_)))
        return np.column_stack([1 - score, score])


@pytest.mark.slow
@pytest.mark.parametrize(("size", "strategy"), [(1, "stratified"), (20, "group")])
def test_paired_differences_of_candidates_that_are_alike_hold_zero(size, strategy):
    """Both columns tell as much, so the true difference is 0; of rows that belong together, folds keep groups apart."""
    rng = np.random.default_rng(0)
    runs, rows, held, apart = 1000, 400, 0, 0
    frame = pd.DataFrame({"a": 0.0, "b": 0.0, "who": np.arange(rows) // size, "y": np.arange(rows) % 2})
    data = tk.load_dataset(frame, target="y", group="who" if size > 1 else None, drop="who" if size == 1 else None)
    candidates = {name: Pipeline([("model", OneColumn(name))]) for name in ("a", "b")}
    for _ in range(runs):
        shared = rng.normal(size=(3, rows // size)).repeat(size, axis=1) * (size > 1)
        y = (rng.normal(size=rows) + shared[0] > 0).astype(int)
        features = pd.DataFrame({name: y + rng.normal(size=rows) + shared[i + 1] for i, name in enumerate("ab")})
        table = replace(data, features=features, target=pd.Series(y, name="y"))
        folds, *_ = make_folds(table, strategy=strategy, folds=5, seed=0)
        scorers = {"roc_auc": "roc_auc"}
        values = {
            name: [score_fold(one, table, fold, scorers)["roc_auc"] for fold in folds]
            for name, one in candidates.items()
        }
        training = folds_of("roc_auc", chosen="b", **values)
        found = training.estimate("a", "roc_auc", minus="b")
        held += found.low <= 0 <= found.high
        apart += training.estimate("a", "roc_auc").high < training.estimate("b", "roc_auc").low
    print(f"{strategy}: 0 held in {held / runs:.1%}; intervals of the two apart in {apart / runs:.1%}")
    assert 0.93 <= held / runs <= 0.99


@pytest.mark.slow
def test_paired_differences_tell_candidates_apart_whose_own_intervals_overlap():
    rng = np.random.default_rng(1)
    runs, rows, told, apart = 100, 400, 0, 0
    for _ in range(runs):
        y = (rng.normal(size=rows) > 0).astype(int)
        a = y + rng.normal(size=rows)
        table = tk.load_dataset(pd.DataFrame({"a": a, "b": a + rng.normal(size=rows), "y": y}), target="y")
        folds, *_ = make_folds(table, strategy="stratified", folds=5, seed=0)
        values = {
            name: [
                score_fold(Pipeline([("model", OneColumn(name))]), table, fold, {"it": "roc_auc"})["it"]
                for fold in folds
            ]
            for name in "ab"
        }
        training = folds_of("roc_auc", chosen="a", **values)
        told += training.estimate("b", "roc_auc", minus="a").high < 0
        apart += training.estimate("b", "roc_auc").high < training.estimate("a", "roc_auc").low
    print(f"told apart in {told / runs:.0%}, by intervals of their own in {apart / runs:.0%}")
    assert told / runs > apart / runs + 0.2


def test_a_scorer_may_name_the_label_that_is_positive():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    table = tk.load_dataset(
        pd.DataFrame({"x": x, "y": np.where(x + rng.normal(size=300) > 0.5, "yes", "no")}), target="y"
    )
    split = tk.split_dataset(table)
    scorers = {label: make_scorer(fbeta_score, beta=2, pos_label=label) for label in ("yes", "no", 1)}
    found = {label: tk.train(split, candidates=["logistic"], metric=one, cv=3) for label, one in scorers.items()}
    yes, no, code = (one.estimate("logistic", "fbeta_score").value for one in found.values())
    assert yes == code != no


def test_weighted_rows_of_three_classes_are_scored_as_scikit_learn_does():
    frame = table(600).assign(w=np.random.default_rng(1).uniform(0.2, 3, 600))
    frame["bought"] = np.digitize(frame["score"], [-0.5, 0.5]).astype(str)
    data = tk.load_dataset(frame, target="bought", weight="w", drop=["year", "customer"])
    split = tk.split_dataset(data)
    trained = tk.train(split, candidates=["logistic"], cv=3)
    assert not [one for one in trained.findings() if one.code in ("TRAIN-FAILED", "TRAIN-UNWEIGHTED")]
    scores = trained.scores.query("candidate == 'logistic' and metric == 'neg_log_loss'").set_index("fold")["value"]
    part, weight = split.train, split.train.weight.to_numpy()
    folds, _, _ = make_folds(part, strategy="stratified", folds=3, seed=0)
    estimator = LogisticRegression(tol=1e-3, max_iter=500, random_state=0)
    for fold, (fit, check) in enumerate(folds):
        model = make_model(estimator, part.features.iloc[fit])
        model.fit(part.features.iloc[fit], part.target.iloc[fit], model__sample_weight=weight[fit] / weight[fit].mean())
        probabilities = model.predict_proba(part.features.iloc[check])
        wanted = -log_loss(part.target.iloc[check], probabilities, sample_weight=weight[check])
        assert scores[fold] == pytest.approx(wanted, abs=1e-9)


def test_a_fold_that_lacks_a_class_gives_it_no_probability():
    frame = table(60)
    frame["bought"] = np.where(np.arange(60) < 3, "c", np.where(frame["score"] > 0, "b", "a"))
    data = tk.load_dataset(frame, target="bought", drop=["year", "customer"])
    fit, check = np.arange(20, 60), np.arange(20)
    found = score_fold(LogisticRegression(), data, (fit, check), {"neg_log_loss": "neg_log_loss"})["neg_log_loss"]
    model = make_model(LogisticRegression(), data.features.iloc[fit])
    scores = model.fit(data.features.iloc[fit], data.target.iloc[fit]).predict_proba(data.features.iloc[check])
    wanted = log_loss(data.target.iloc[check], np.column_stack([scores, np.zeros(20)]), labels=["a", "b", "c"])
    assert found == pytest.approx(-wanted, abs=1e-9)


def test_a_function_as_the_metric_is_given_the_weights_where_it_takes_them():
    def weighted(model, features, target, sample_weight=None):
        return accuracy_score(target, model.predict(features), sample_weight=sample_weight)

    def plain(model, features, target):
        return accuracy_score(target, model.predict(features))

    frame = table().assign(w=np.random.default_rng(1).uniform(0.2, 3, 300))
    split = tk.split_dataset(tk.load_dataset(frame, target="bought", weight="w", drop=["year", "customer"]))
    found = {one: tk.train(split, candidates=["logistic"], metric=one, cv=3) for one in (weighted, plain, "accuracy")}
    values = {
        one: trained.scores.set_index(["candidate", "metric", "fold"])["value"].sort_index()
        for one, trained in found.items()
    }
    chosen = [values[one]["logistic", name] for one, name in ((weighted, "weighted"), ("accuracy", "accuracy"))]
    assert chosen[0].to_numpy() == pytest.approx(chosen[1].to_numpy(), abs=1e-12)
    assert values[plain]["logistic", "accuracy"].to_numpy() == pytest.approx(chosen[1].to_numpy(), abs=1e-12)
    assert (values[plain]["logistic", "plain"] - chosen[1]).abs().max() > 1e-4
    unweighted = {
        one: "TRAIN-UNWEIGHTED" in {finding.code for finding in trained.findings()} for one, trained in found.items()
    }
    assert unweighted == {weighted: False, plain: True, "accuracy": False}


@pytest.mark.parametrize("candidate", ["sklearn.svm.LinearSVC", "sklearn.linear_model.RidgeClassifier"])
def test_a_candidate_without_probabilities_is_compared_by_what_it_has(candidate):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=900), "z": rng.normal(size=900)})
    frame["y"] = np.where(frame["x"] + rng.normal(size=900) > 0, "a", "b")
    parts = tk.split_dataset(tk.load_dataset(frame, target="y"))
    trained = tk.train(parts, candidates=[candidate, "logistic"])
    assert trained.findings() == []
    table = trained.frame().set_index("candidate")
    name = candidate.rpartition(".")[2]
    assert abs(table.loc[name, "roc_auc"] - table.loc["logistic", "roc_auc"]) < 0.02
    assert table.loc[[name, "logistic"], "neg_log_loss"].isna().tolist() == [True, False]
    alone = tk.train(parts, candidates=[candidate])
    assert "EVAL-NO-PROBABILITIES" in {one.code for one in tk.evaluate(alone.model, parts).findings()}
    with pytest.raises(InputError, match="predict_proba"):
        tk.train(parts, candidates=[candidate], metric="neg_log_loss")


@pytest.mark.parametrize(
    ("candidate", "target", "task", "message"),
    [
        (SVC(), "k", None, r"SVC has no predict_proba, which .* metric='accuracy' or 'balanced_accuracy' or"),
        (VotingClassifier([("a", SVC()), ("b", LogisticRegression())]), "y", None, "metric='balanced_accuracy' or"),
        (PoissonRegressor(), "x", "regression", r"PoissonLoss'\. The target holds -3\.\d+ to 3\.\d+\. Where it cannot"),
    ],
)
def test_a_candidate_that_the_metric_or_the_target_does_not_suit_says_what_to_change(candidate, target, task, message):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "z": rng.normal(size=300)})
    frame = frame.assign(y=frame["x"] + rng.normal(size=300) > 0, k=np.digitize(frame["x"], [-1, 1]))
    parts = tk.split_dataset(tk.load_dataset(frame, target=target, task=task))
    with pytest.raises(InputError, match=message):
        tk.train(parts, candidates={"one": candidate}, cv=2)


def test_a_stack_of_models_is_a_candidate():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300)}).assign(y=lambda table: table["x"] + rng.normal(size=300) > 0)
    stack = StackingClassifier([("a", LogisticRegression()), ("b", SVC())], cv=2)
    parts = tk.split_dataset(tk.load_dataset(frame, target="y"))
    model = tk.train(parts, candidates={"stack": stack}, cv=2).model
    judged = tk.evaluate(model, parts, latency=False).scalars()["test.accuracy"].value
    assert judged == np.mean(model.predict(parts.test.features) == parts.test.target)


def test_a_model_of_true_and_false_says_true_and_false():
    """XGBoost learns 0 and 1 from them, which are equal to them and are not the target's labels."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400)}).assign(y=lambda table: table["x"] + rng.normal(size=400) > 0)
    parts = tk.split_dataset(tk.load_dataset(frame, target="y"))
    model = tk.train(parts, candidates=["xgboost.XGBClassifier"], cv=2).model
    judged = tk.evaluate(model, parts, latency=False).model
    given = XGBClassifier(n_estimators=5).fit(parts.train.features, parts.train.target)
    for one in (model, judged, Model.of(given, parts.train)):
        assert list(map(str, one.classes)) == ["False", "True"]
        assert set(map(str, one.predict(parts.test.features))) == {"False", "True"}
        assert set(map(str, one.decide(parts.test.features)[0])) == {"False", "True"}


@pytest.mark.parametrize("scale", [1e-9, 1e6])
def test_the_unit_of_the_weights_changes_no_model(scale):
    """Penalties count against the sum of the weights: shares of a sum of 1 left a model that says the same of all."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=400), "w": rng.uniform(1, 3, 400)})
    frame["y"] = (frame["a"] + rng.normal(size=400) > 0).astype(int)
    said = []
    for table in (frame, frame.assign(w=frame["w"] * scale)):
        parts = tk.split_dataset(tk.load_dataset(table, target="y", weight="w"))
        model = tk.train(parts, candidates=["logistic", "boosting"], metric="neg_log_loss").model
        said.append(model.predict_proba(parts.test.features)[:, 1])
    np.testing.assert_allclose(said[1], said[0], atol=1e-3)
