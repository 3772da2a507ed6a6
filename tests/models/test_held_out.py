"""What an experiment keeps with its model is enough to say how the model does on later rows."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, mean_absolute_error, recall_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import FixedThresholdClassifier

import toolkit as tk
from toolkit.drift.profile import Profile
from toolkit.errors import NotApplicableError
from toolkit.models.held_out import HELD_OUT_FILE, LEAST_OF_A_BIN, HeldOutErrors, count_held_out, held_out_rows
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.registry import tracking
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.units import Units

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
    kept = json.loads(tk.load_model(uri, out=folder).kept[HELD_OUT_FILE])
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


def test_a_model_that_decides_elsewhere_than_at_its_usual_boundary_does_so_on_what_is_kept(tmp_path):
    split = tk.split_dataset(tk.load_dataset(customers(0), target="churned", positive="yes"))
    training = tk.train(split, candidates=[FixedThresholdClassifier(LogisticRegression(), threshold=0.2)], cv=3)
    found = tk.evaluate(training.model, split, latency=False)
    records = [training.record(), found.record(), tk.summarize(split.train, model=training.model).record()]
    run = tracking.log_run(records, {}, experiment="e", name="n", parameters={}, tags={}, out=tmp_path / "reports")
    model = tk.load_model(run.model_uri, out=tmp_path / "reports")
    later = customers(1)
    reference, current, model = tk.load_drift(current=later, model=model)
    said = model.predict(later)
    performance = tk.estimate_performance(model, reference, current).table.set_index(["window", "metric"]).loc["all"]
    for name, measure in {"accuracy": accuracy_score, "recall": recall_score}.items():
        one, real = performance.loc[name], measure(later["churned"] == "yes", said == "yes")
        assert one["realized"].value == pytest.approx(real, abs=1e-12)
        assert one["reference"].value == pytest.approx(found.scalars()[f"test.{name}"].value, abs=1e-12)
        assert one["estimated"].low < real < one["estimated"].high


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
        content = json.loads(count_held_out(found, Threshold(0.5, "0.5"), {}))
        assert content.pop("probabilities") is False
        kept = pd.DataFrame(content)
        assert 200 < len(kept) < 1900
        area = roc_auc_score(kept["truth"], kept["score"], sample_weight=kept["rows"])
        assert area == pytest.approx(roc_auc_score(truth, score), abs=0.002)


ERRORS = {"mean_absolute_error": (mean_absolute_error, 1), "root_mean_squared_error": (root_mean_squared_error, 2)}


def houses(seed, moved=0.0):
    """Make rows whose errors grow with what is predicted; the feature may move, what it means stays."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"size": rng.normal(moved, 1, ROWS), "sex": rng.choice(["F", "M"], ROWS)})
    return rows.assign(price=20 + 2 * rows["size"] + np.exp(0.4 * rows["size"]) * rng.normal(size=ROWS))


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    folder = tmp_path_factory.mktemp("errors") / "reports"
    folder.mkdir()
    split = tk.split_dataset(tk.load_dataset(houses(0), target="price"))
    training = tk.train(split, candidates=["ridge"], cv=3)
    found = tk.evaluate(training.model, split, latency=False)
    records = [training.record(), found.record(), tk.summarize(split.train, model=training.model).record()]
    run = tracking.log_run(records, {}, experiment="e", name="n", parameters={}, tags={}, out=folder)
    assert not run.failure
    return folder, split, found, run.model_uri


def binned(kept, predicted, errors):
    """Return the loss of held-out rows by hand: of each bin of the predicted value, from the rows themselves."""
    place = np.digitize(predicted, kept.ends[1:-1])
    return place, pd.Series(errors).groupby(place)


def errors_of(y_true, y_pred, weights=None, units=None):
    found = Predictions(np.asarray(y_true), np.asarray(y_pred), None, False, (), weights=weights)
    content = count_held_out(found, None, regression_metrics(found.y_true, found.y_pred, units=units))
    return TypeAdapter(HeldOutErrors).validate_json(content)


def test_of_a_regression_the_errors_are_summed_by_bins_of_the_predicted_value(regression):
    folder, split, found, uri = regression
    model = tk.load_model(uri, out=folder)
    data, kept = held_out_rows(model)
    assert (data.rows, data.task, int(data.target.count())) == (split.test.rows, "regression", 0)
    predicted, truth = model.predict(split.test.features), split.test.target.to_numpy()
    assert (kept.ends[0], kept.ends[-1]) == (pytest.approx(predicted.min()), pytest.approx(predicted.max()))
    _, groups = binned(kept, predicted, np.abs(predicted - truth) / kept.unit)
    assert kept.rows == groups.size().tolist()
    assert min(kept.rows) >= LEAST_OF_A_BIN
    assert 15 <= len(kept.rows) <= 20
    for power in (0, 1, 2, 4):
        wanted = groups.apply(lambda sizes, power=power: (sizes**power).sum())
        assert kept.sums[str(power)] == pytest.approx(wanted.tolist(), rel=1e-9)
    numbers = found.scalars()
    for name in ERRORS:
        level, reported = kept.level[name], numbers[f"test.{name}"]
        assert (level.value, level.low, level.high) == (reported.value, reported.low, reported.high)


@pytest.mark.parametrize("labels", ["all", "some", "none"])
@pytest.mark.parametrize("moved", [0.0, 0.5])
def test_errors_are_estimated_and_realized_by_what_is_kept(regression, labels, moved):
    folder, split, found, uri = regression
    model, rows = tk.load_model(uri, out=folder), houses(1, moved)
    later = rows.drop(columns="price") if labels == "none" else rows.copy()
    if labels == "some":
        later.loc[::3, "price"] = None
    reference, current, model = tk.load_drift(current=later, model=model)
    performance = tk.estimate_performance(model, reference, current)
    numbers, (_, kept) = performance.scalars(), held_out_rows(model)
    before, now = model.predict(split.test.features), model.predict(rows[["size", "sex"]])
    share = pd.Series(np.digitize(now, kept.ends[1:-1])).value_counts(normalize=True).sort_index()
    known = later["price"].notna() if "price" in later else pd.Series(data=False, index=later.index)
    for name, (metric, power) in ERRORS.items():
        _, groups = binned(kept, before, np.abs(before - split.test.target.to_numpy()) ** power)
        estimated = numbers[f"drift.estimated.{name}"]
        assert estimated.value == pytest.approx(float((share * groups.mean()).sum()) ** (1 / power), rel=1e-9)
        assert "predicted value alone" in estimated.method
        assert estimated.low < metric(rows["price"], now) < estimated.high
        level = found.scalars()[f"test.{name}"].value
        assert numbers[f"drift.estimated_ratio.{name}"].value == pytest.approx(estimated.value / level)
        assert (f"drift.realized.{name}" in numbers) == (labels != "none")
        if labels != "none":
            real = metric(rows["price"][known], now[known])
            assert numbers[f"drift.realized.{name}"].value == pytest.approx(real, abs=1e-12)
            ratio = numbers[f"drift.realized_ratio.{name}"]
            assert ratio.value == pytest.approx(real / level)
            assert ratio.low < real / level < ratio.high
    said = {one.code: one.message for one in performance.findings()}
    assert "rests on the predictions alone: on the errors of 600 held-out rows" in said["ESTIMATE-FROM-SCORES"]
    assert "ESTIMATE-CONCEPT-SHIFT" not in said


def test_errors_of_predictions_beyond_all_that_were_kept_test_nothing(regression):
    folder, _, _, uri = regression
    far = houses(2).assign(size=lambda rows: rows["size"] + 1e4, price=0.0)
    reference, current, model = tk.load_drift(current=far, model=tk.load_model(uri, out=folder))
    found = tk.estimate_performance(model, reference, current)
    codes = {note.code for note in found.findings()}
    assert codes >= {"ESTIMATE-NO-SUPPORT", "ESTIMATE-UNTESTED"}
    assert "ESTIMATE-CONCEPT-SHIFT" not in codes
    assert "drift.concept_shift.p_value" not in found.scalars()


def test_errors_that_have_grown_are_seen_once_labels_come(regression):
    folder, _, _, uri = regression
    rows = houses(2)
    found = []
    for factor in (1.0, 1.5):
        later = rows.assign(price=20 + 2 * rows["size"] + factor * (rows["price"] - 20 - 2 * rows["size"]))
        reference, current, model = tk.load_drift(current=later, model=tk.load_model(uri, out=folder))
        found.append(tk.estimate_performance(model, reference, current).scalars()["drift.concept_shift.p_value"].value)
    assert found[1] < 1e-6 < 0.01 < found[0]


def test_nothing_is_known_of_errors_beyond_the_predictions_that_were_held_out(regression):
    folder, _, _, uri = regression
    reference, current, model = tk.load_drift(current=houses(3, moved=4.0), model=tk.load_model(uri, out=folder))
    performance = tk.estimate_performance(model, reference, current)
    assert not performance.scalars()["drift.estimated.mean_absolute_error"].has_interval
    assert performance.scalars()["drift.realized.mean_absolute_error"].has_interval
    said = {one.code: one.message for one in performance.findings()}
    assert "cannot be estimated from these data" in said["ESTIMATE-NO-SUPPORT"]
    assert "ESTIMATE-OUT-OF-RANGE" in said


def test_bins_of_errors_hold_ten_rows_or_more_whatever_is_predicted():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=1000)
    few = np.round(rng.normal(size=1000))
    heavy = np.where(rng.random(1000) < 0.5, 0.3, rng.normal(size=1000))
    for predicted, bins in ((np.zeros(1000), [1]), (few, range(3, 8)), (heavy, range(10, 34)), (truth, [33])):
        kept = errors_of(truth, predicted)
        assert len(kept.rows) in bins
        assert (min(kept.rows) >= LEAST_OF_A_BIN, sum(kept.rows)) == (True, 1000)
        assert len(kept.ends) == len(kept.rows) + 1
    assert errors_of(truth[:25], few[:25]).rows == [25]
    assert errors_of(truth * 1e100, few * 1e100).sums["4"] == pytest.approx(errors_of(truth, few).sums["4"])


def test_weights_and_groups_of_held_out_rows_count():
    rng = np.random.default_rng(1)
    truth, predicted = rng.normal(size=900), np.sort(rng.normal(size=900))
    weights = rng.choice([0.5, 1.5], 900)
    plain, weighed = (
        errors_of(truth, predicted, each, None if each is None else Units.of(None, None, pd.Series(each)))
        for each in (None, weights / weights.mean())
    )
    _, groups = binned(weighed, predicted, weights / weights.mean() * np.abs(predicted - truth) / weighed.unit)
    assert weighed.sums["1"] == pytest.approx(groups.sum().tolist())
    assert (plain.rows, plain.effect) == (weighed.rows, 1.0)
    assert 1.05 < weighed.effect < 1.6
    person = np.repeat(np.arange(90), 10)
    noisy = truth * np.exp(rng.normal(size=90))[person]
    assert errors_of(noisy, predicted, units=Units(person, 90, "person")).effect > 1.5
    assert errors_of(noisy, predicted, units=Units(0 * person, 1, "person")).effect == 900


def noisy_where_heavy(seed, persons=600, rows=10, classes=2):
    """Make rows of persons; of half of them the label is chance alone, and these weigh nine times as much."""
    rng = np.random.default_rng(seed)
    person, heavy = np.repeat(np.arange(persons), rows), np.repeat(rng.random(persons) < 0.5, rows)
    table = pd.DataFrame({"a": rng.normal(size=len(person)), "w": np.where(heavy, 9.0, 1.0), "person": person})
    clear = table["a"] + np.repeat(rng.normal(size=persons), rows) > 0
    label = np.where(heavy, rng.integers(0, classes, len(person)), clear)
    return table.assign(y=[("no", "yes", "perhaps")[code] for code in label])


def judged_by_what_is_kept(roles, classes=2):
    first = noisy_where_heavy(1, classes=classes)
    model = LogisticRegression().fit(first[["a"]], first["y"])
    positive = {"positive": "yes"} if classes == 2 else {}
    both = noisy_where_heavy(2, classes=classes), noisy_where_heavy(3, classes=classes)
    unused = [name for name in ("w", "person") if name not in roles.values()]
    known = tk.load_dataset(both[0], target="y", drop=unused, **positive, **roles)
    found = tk.evaluate(model, known, latency=False)
    kept = replace(found.model, kept=dict(found.record().kept), schema=known.schema)
    later = tk.load_dataset(both[1], like=known)
    return kept, found, tk.estimate_performance(kept, tk.summarize(known), later), both, model


@pytest.mark.parametrize("classes", [2, 3])
def test_held_out_rows_that_weigh_more_count_more(classes):
    kept, found, performance, (before, now), model = judged_by_what_is_kept({"weight": "w"}, classes)
    right = [np.average(model.predict(rows[["a"]]) == rows["y"], weights=rows["w"]) for rows in (before, now)]
    data, known = held_out_rows(kept)
    assert np.average(known.y_true, weights=data.weight) == pytest.approx(
        np.average(before["y"].map({label: code for code, label in enumerate(known.classes)}), weights=before["w"])
    )
    level = performance.table.set_index(["window", "metric"]).loc[("all", "accuracy"), "reference"]
    assert level.value == pytest.approx(right[0])
    reported = found.scalars()["test.accuracy"]
    assert (level.low, level.high) == pytest.approx((reported.low, reported.high))
    numbers = performance.scalars()
    assert numbers["drift.estimated.accuracy"].value == pytest.approx(right[0], abs=0.01)
    assert numbers["drift.realized.accuracy"].value == pytest.approx(right[1])
    assert "ESTIMATE-CONCEPT-SHIFT" not in {one.code for one in performance.findings()}


@pytest.mark.parametrize("roles", [{"group": "person"}, {"group": "person", "weight": "w"}])
def test_held_out_rows_of_a_group_count_as_one_group(roles):
    kept, found, performance, (before, now), model = judged_by_what_is_kept(roles)
    data, known = held_out_rows(kept)
    right = pd.Series((known.decide(0.5) == known.y_true).astype(float)).groupby(data.group.to_numpy()).sum()
    wanted = pd.Series(model.predict(before[["a"]]) == before["y"]).groupby(before["person"]).sum()
    assert sorted(right) == sorted(wanted)
    levels, reported = performance.table.set_index("metric")["reference"], found.scalars()
    for name in ("accuracy", "recall", "precision", "f1"):
        one, other = levels[name], reported[f"test.{name}"]
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-6)
    estimated = performance.scalars()["drift.estimated.accuracy"]
    # The same rows as a table that holds their scores and nothing else.
    rows = [table.assign(score=model.predict_proba(table[["a"]])[:, 1]) for table in (before, now)]
    tables = [one.rename(columns={"y": "y_true", "score": "y_score"}).drop(columns="a") for one in rows]
    unused = ["w"] if "weight" not in roles else []
    recorded, reference = tk.load_predictions(tables[0].drop(columns=unused), positive="yes", **roles)
    current = tk.load_predictions(tables[1].drop(columns=unused), positive="yes", **roles)[1]
    by_table = tk.estimate_performance(recorded, reference, current).scalars()["drift.estimated.accuracy"]
    ends = [(one.value, one.low, one.high) for one in (estimated, by_table)]
    assert ends[0] == pytest.approx(ends[1], abs=0.005)


def test_what_was_kept_before_weights_and_groups_were_is_read():
    kept, *_ = judged_by_what_is_kept({"group": "person", "weight": "w"})
    content = json.loads(kept.kept[HELD_OUT_FILE])
    assert set(content) == {"probabilities", "at", "truth", "said", "score", "rows", "group", "weight"}
    older = json.dumps({name: one for name, one in content.items() if name not in ("group", "weight")})
    data, known = held_out_rows(replace(kept, kept={HELD_OUT_FILE: older}))
    assert (data.group, data.weight, data.rows) == (None, None, 6000)
    assert known.weights.tolist() == [1.0] * 6000
