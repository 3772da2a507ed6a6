"""What an experiment keeps with its model is enough to say how the model does on later rows."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import toolkit as tk
from toolkit.drift.profile import Profile
from toolkit.errors import NotApplicableError
from toolkit.models.held_out import KEPT_AS, count_held_out, held_out_rows
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.registry import tracking

ROWS = 3000


def customers(seed, shift=0.0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "tenure": rng.integers(0, 60, ROWS),
            "spend": (rng.gamma(2, 30, ROWS)).round(2),
            "plan": rng.choice(["basic", "plus"], ROWS),
            "sex": rng.choice(["F", "M"], ROWS),
        }
    )
    odds = -1.5 - rows["tenure"] / 30 + rows["spend"] / 50 + (rows["plan"] == "basic") + shift
    rows["churned"] = np.where(rng.random(ROWS) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return rows


@pytest.fixture(scope="module", params=["binary", "multiclass"])
def experiment(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("held") / "reports"
    folder.mkdir()
    rows = customers(0)
    if request.param == "multiclass":
        rows["churned"] = np.where(rows["spend"] > 90, "late", rows["churned"])
    rows.to_csv(folder / "first.csv", index=False)
    options = {"target": "churned", "sensitive": "sex"} | ({"positive": "yes"} if request.param == "binary" else {})
    data = tk.load_dataset(folder / "first.csv", **options)
    split = tk.split_dataset(data)
    training = tk.train(split, candidates=["logistic"], cv=3)
    threshold = "cost:fp=1,fn=5" if request.param == "binary" else None
    found = tk.evaluate(training.model, split, threshold=threshold, latency=False)
    records = [training.record(), found.record(), tk.summarize(split.train, model=training.model).record()]
    run = tracking.log_run(records, {}, experiment="e", name="n", parameters={}, tags={}, out=folder)
    assert not run.failure
    return folder, split, found, run.model_uri


def drift(experiment, rows):
    folder, _, _, uri = experiment
    rows.to_csv(folder / "later.csv", index=False)
    return tk.load_drift(current=folder / "later.csv", model=tk.load_model(uri, out=folder))


def test_no_row_is_kept(experiment):
    folder, split, _, uri = experiment
    kept = json.loads(tk.load_model(uri, out=folder).kept[KEPT_AS])
    assert set(kept) == {"probabilities", "at", "truth", "said", "score", "rows"}
    assert sum(kept["rows"]) == split.test.rows


def test_the_level_is_that_of_the_report(experiment):
    folder, split, found, uri = experiment
    data, known = held_out_rows(tk.load_model(uri, out=folder))
    assert (data.rows, data.task, data.positive) == (split.test.rows, split.test.task, split.test.positive)
    assert data.target.value_counts().to_dict() == split.test.target.value_counts().to_dict()
    if data.task == "binary":
        right = (known.decide(found.threshold.value) == known.y_true).mean()
        assert known.decide(found.threshold.value).mean() > known.decide(0.5).mean()
    else:
        right = (known.y_pred == known.y_true).mean()
    assert right == pytest.approx(found.scalars()["test.accuracy"].value, abs=1e-12)


@pytest.mark.parametrize("labels", ["all", "some", "none"])
def test_performance_is_estimated_and_realized_by_what_is_kept(experiment, labels):
    _, split, found, _ = experiment
    rows = customers(1)
    if split.test.task == "multiclass":
        rows["churned"] = np.where(rows["spend"] > 90, "late", rows["churned"])
    whole = rows.copy()
    if labels == "none":
        rows = rows.drop(columns="churned")
    elif labels == "some":
        rows.loc[::3, "churned"] = None
    reference, current, model = drift(experiment, rows)
    assert isinstance(reference, Profile)
    performance = tk.estimate_performance(model, reference, current)
    numbers = performance.scalars()
    whole_current = tk.load_dataset(whole, like=model)
    real = tk.evaluate(model, whole_current, latency=False).scalars()["test.accuracy"].value
    estimated = numbers["drift.estimated.accuracy"]
    assert estimated.low < real < estimated.high
    level = performance.table.set_index(["window", "metric"]).loc[("all", "accuracy"), "reference"]
    assert level.value == pytest.approx(found.scalars()["test.accuracy"].value, abs=1e-12)
    assert ("drift.realized.accuracy" in numbers) == (labels != "none")
    if labels == "all":
        assert numbers["drift.realized.accuracy"].value == pytest.approx(real, abs=1e-12)
        fairness = tk.audit_fairness(model, current).scalars()
        assert any(name.startswith("fairness.sex.") for name in fairness)
    assert "ESTIMATE-FROM-SCORES" in {one.code for one in performance.findings()}


@pytest.mark.parametrize("experiment", ["binary"], indirect=True)
def test_a_change_of_what_rows_mean_is_seen_once_labels_come(experiment):
    same, other = (
        tk.estimate_performance(model, reference, current).scalars()["drift.concept_shift.p_value"].value
        for reference, current, model in (drift(experiment, customers(2, shift)) for shift in (0.0, 1.5))
    )
    assert other < 1e-6 < 0.01 < same


def test_without_them_the_reference_is_asked_for(experiment):
    reference, current, model = drift(experiment, customers(1))
    with pytest.raises(NotApplicableError, match="No scores of held-out rows were kept"):
        tk.estimate_performance(model.estimator, reference, current)


def test_scores_of_any_size_keep_their_order():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 2000).astype(float)
    for size in (1e-4, 1.0, 1e4):
        score = size * (truth + rng.normal(size=2000))
        found = Predictions(truth, score, None, False, ("no", "yes"))
        content = json.loads(count_held_out(found, Threshold(0.5, "0.5")))
        assert content.pop("probabilities") is False
        kept = pd.DataFrame(content)
        assert 200 < len(kept) < 1900
        area = roc_auc_score(kept["truth"], kept["score"], sample_weight=kept["rows"])
        assert area == pytest.approx(roc_auc_score(truth, score), abs=0.002)
