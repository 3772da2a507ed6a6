"""Weights from the table to the report: fitting, scoring, choosing a threshold, measuring."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import NotApplicableError
from toolkit.evaluation.evaluate import evaluate
from toolkit.evaluation.explorer import threshold_explorer
from toolkit.models.train import train


def people(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, town = rng.normal(size=n), rng.choice(["a", "b"], n)
    ill = rng.random(n) < 1 / (1 + np.exp(-1.5 * age - (town == "a")))
    return pd.DataFrame({"age": age, "town": town, "ill": np.where(ill, "yes", "no"), "w": rng.integers(1, 5, n)})


@pytest.fixture(scope="module")
def split():
    table = people()
    return split_dataset(load_dataset(table, target="ill", positive="yes", weight="w"), validation_size=0.2)


@pytest.fixture(scope="module")
def evaluation(split):
    model = train(split, candidates={"ours": LogisticRegression()}, cv=3).model
    return evaluate(model, split, baseline="guess", threshold="max_f1", latency=False)


def test_a_model_is_fitted_as_if_rows_were_there_as_often_as_they_weigh(split):
    trained = train(split, candidates={"ours": LogisticRegression()}, cv=3)
    known = split.train
    rows = np.repeat(np.arange(known.rows), known.weight.astype(int))
    again = trained.model.estimator.named_steps["encode"].transform(known.features)[rows]
    # The penalty is that of as many rows as there are, not of as many as they weigh: the unit of weights says nothing.
    alone = LogisticRegression(C=1 / known.weight.mean()).fit(again, known.target.iloc[rows])
    np.testing.assert_allclose(trained.model.estimator.named_steps["model"].coef_, alone.coef_, rtol=1e-3)


def test_what_takes_no_weights_is_named(split):
    codes = {one.code: one for one in train(split, candidates={"near": KNeighborsClassifier()}, cv=3).findings()}
    assert "near" in codes["TRAIN-UNWEIGHTED"].message
    plain = train(split, candidates={"ours": LogisticRegression()}, cv=3)
    assert "TRAIN-UNWEIGHTED" not in {one.code for one in plain.findings()}


def test_every_number_of_the_report_counts_rows_by_their_weights(split, evaluation):
    test, weight = split.test, split.test.weight
    score, at = evaluation.model.estimator.predict_proba(test.features)[:, 1], evaluation.threshold.value
    y, called = test.y_binary(), score >= at
    numbers = evaluation.scalars()
    assert numbers["test.roc_auc"].value == pytest.approx(metrics.roc_auc_score(y, score, sample_weight=weight))
    assert numbers["test.f1"].value == pytest.approx(metrics.f1_score(y, called, sample_weight=weight))
    shares = np.average(split.train.y_binary(), weights=split.train.weight)
    guess = metrics.log_loss(y, np.full(len(y), shares), sample_weight=weight)
    assert numbers["baseline.log_loss"].value == pytest.approx(guess, rel=1e-9)
    expected = metrics.confusion_matrix(y, called, sample_weight=weight / weight.mean())
    np.testing.assert_allclose(evaluation.confusion, expected)
    false, true, _ = metrics.roc_curve(y, score, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(evaluation.curves["roc"][["false_positive_rate", "recall"]], np.transpose([false, true]))
    assert "(weighted by 'w'; worth" in evaluation.face().lead


def test_a_rule_chooses_as_if_rows_were_there_as_often_as_they_weigh(split, evaluation):
    part = split.validation
    score, y = evaluation.model.estimator.predict_proba(part.features)[:, 1], part.y_binary()
    found = [metrics.f1_score(y, score >= at, sample_weight=part.weight) for at in score]
    best = metrics.f1_score(y, score >= evaluation.threshold.value, sample_weight=part.weight)
    assert best == pytest.approx(max(found))


def test_the_explorer_counts_rows_and_says_so(evaluation):
    with pytest.raises(NotApplicableError, match="weights"):
        threshold_explorer(evaluation)
