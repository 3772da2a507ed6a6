"""The threshold explorer against counts taken from the rows themselves."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from toolkit.core.face import EXPLORER_MIME
from toolkit.core.result import if_applicable
from toolkit.data.load import load_dataset
from toolkit.errors import InputError, NotApplicableError
from toolkit.evaluation.evaluate import evaluate
from toolkit.evaluation.explorer import MOST_GROUPS, threshold_explorer
from toolkit.fairness.audit import audit_fairness
from toolkit.models.recorded import RecordedPredictions
from toolkit.statistics.intervals import wilson

ROWS = 500


def table(groups=2, rows=ROWS, seed=0):
    random = np.random.default_rng(seed)
    score = random.uniform(size=rows).round(2)
    frame = pd.DataFrame(
        {"group": [f"g{code}" for code in random.integers(0, groups, rows)], "noise": random.normal(size=rows)}
    )
    frame["y"] = np.where(random.uniform(size=rows) < score, "yes", "no")
    data = load_dataset(frame, target="y", positive="yes", sensitive="group")
    return data, RecordedPredictions(y_score=score, classes=("no", "yes")), score


def audited(data, model, threshold=0.5):
    return audit_fairness(model, data, replicates=200, threshold=threshold)


@pytest.mark.parametrize("with_groups", [False, True])
@pytest.mark.parametrize("threshold", [0.5, 0.305, "youden"])
def test_counts_are_those_of_the_rows_at_every_threshold(with_groups, threshold):
    data, model, score = table()
    evaluation = evaluate(model, data, threshold=threshold)
    shown = threshold_explorer(evaluation, audited(data, model, threshold) if with_groups else None)
    positive = data.y_binary() == 1
    for level, tp, fp in shown.counts.itertuples(index=False, name=None):
        assert (tp, fp) == ((score[positive] >= level).sum(), (score[~positive] >= level).sum())
    assert (shown.positives, shown.negatives) == (positive.sum(), (~positive).sum())
    assert shown.counts["threshold"].is_monotonic_increasing
    assert shown.counts["threshold"][shown.chosen] == evaluation.threshold.value
    assert evaluation.confusion.to_numpy()[1, 1] == shown.counts["tp"][shown.chosen]


def test_the_numbers_at_the_chosen_threshold_are_the_evaluation_s():
    data, model, _ = table()
    evaluation = evaluate(model, data, threshold={"cost": {"fp": 1, "fn": 4}})
    shown = threshold_explorer(evaluation)
    row, numbers = shown.frame().iloc[shown.chosen], evaluation.scalars()
    for metric in ("recall", "precision"):
        assert row[metric] == pytest.approx(numbers[f"test.{metric}"].value, abs=1e-12)
    assert row["cost_a_row"] == pytest.approx(numbers["test.expected_cost"].value, abs=1e-12)


def test_groups_add_up_to_all_rows_at_every_threshold():
    data, model, _ = table(groups=3)
    shown = threshold_explorer(evaluate(model, data), audited(data, model))
    summed = shown.groups.groupby("threshold")[["tp", "fp", "positives", "negatives"]].sum()
    assert summed["tp"].tolist() == shown.counts["tp"].tolist()
    assert summed["fp"].tolist() == shown.counts["fp"].tolist()
    assert set(summed["positives"]) == {shown.positives}


def test_of_many_groups_the_largest_are_followed():
    data, model, _ = table(groups=45)
    shown = threshold_explorer(evaluate(model, data), audited(data, model))
    followed = shown._repr_mimebundle_()[EXPLORER_MIME]["groups"]
    sizes = data.sensitive["group"].value_counts()
    assert len(followed) == MOST_GROUPS
    assert min(one["positives"] + one["negatives"] for one in followed) >= sizes.iloc[MOST_GROUPS]


def test_what_it_shows_is_json_and_a_table():
    data, model, _ = table()
    bundle = threshold_explorer(evaluate(model, data), audited(data, model))._repr_mimebundle_()
    given_back = json.loads(json.dumps(bundle[EXPLORER_MIME], allow_nan=False))
    assert len(given_back["labels"]) == len(given_back["tp"]) == len(given_back["groups"][0]["fp"])
    assert given_back["labels"][given_back["chosen"]] == "0.5"
    assert "0.5 (chosen)" in bundle["text/html"]
    assert "0.5" in bundle["text/plain"]


def test_an_audit_at_another_threshold_or_of_other_rows_is_refused():
    data, model, _ = table()
    evaluation = evaluate(model, data)
    with pytest.raises(InputError, match=r"at a threshold of 0\.3, the evaluation of 500 at 0\.5"):
        threshold_explorer(evaluation, audited(data, model, 0.3))
    other, others_model, _ = table(rows=400)
    with pytest.raises(InputError, match="The audit is of 400 rows"):
        threshold_explorer(evaluation, audited(other, others_model))


def test_an_audit_that_did_not_apply_counts_as_none():
    data, model, _ = table()
    skipped = if_applicable(audit_fairness, model, replace(data, sensitive=data.sensitive.iloc[:, :0]))
    assert threshold_explorer(evaluate(model, data), skipped).groups.empty


def test_decisions_and_other_tasks_have_no_threshold_to_move():
    data, _, score = table()
    decided = RecordedPredictions(y_pred=np.where(score > 0.4, "yes", "no"), classes=("no", "yes"))
    numbers = load_dataset("diabetes")
    for evaluation in (evaluate(decided, data), evaluate(RecordedPredictions(y_pred=np.zeros(numbers.rows)), numbers)):
        with pytest.raises(NotApplicableError, match="no threshold to move"):
            threshold_explorer(evaluation)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=40, max_size=60), st.randoms(use_true_random=False))
def test_any_scores_give_counts_that_never_rise(scores, random):
    labels = ["yes", "no", *(random.choice(["yes", "no"]) for _ in scores[2:])]
    data = load_dataset(pd.DataFrame({"x": np.linspace(0, 1.5, len(scores)), "y": labels}), target="y", positive="yes")
    model = RecordedPredictions(y_score=np.array(scores), classes=("no", "yes"))
    shown = threshold_explorer(evaluate(model, data))
    for name, most in (("tp", shown.positives), ("fp", shown.negatives)):
        assert shown.counts[name].is_monotonic_decreasing
        assert shown.counts[name].between(0, most).all()
    assert shown._repr_mimebundle_()["text/html"].count("<tr>") > 1


def people(persons=40, rows=50):
    """Rows of persons who have one label and nearly one score."""
    random = np.random.default_rng(0)
    who, label = np.repeat(np.arange(persons), rows), np.repeat(random.integers(0, 2, persons), rows)
    own = np.repeat(random.normal(size=persons), rows)
    score = np.clip(0.4 + 0.25 * own + 0.2 * label + 0.02 * random.normal(size=len(who)), 0, 1)
    frame = pd.DataFrame({"who": who, "y": np.where(label == 1, "yes", "no")})
    return frame, score


def test_intervals_rest_on_groups_as_the_evaluation_s_do():
    frame, score = people()
    data = load_dataset(frame, target="y", positive="yes", group="who")
    model = RecordedPredictions(y_score=score, classes=("no", "yes"))
    table = threshold_explorer(evaluate(model, data, latency=False)).frame()
    for place in (len(table) // 4, len(table) // 2, 3 * len(table) // 4):
        row = table.iloc[place]
        numbers = evaluate(model, data, threshold=float(row["threshold"]), latency=False).scalars()
        for metric, among in (("recall", frame["y"] == "yes"), ("precision", score >= row["threshold"])):
            same = numbers[f"test.{metric}"]
            found = row[[metric, f"{metric}_low", f"{metric}_high"]].astype(float)
            assert found.tolist() == pytest.approx([same.value, same.low, same.high])
            assert row[f"{metric}_n"] == among.sum()
            assert same.high - same.low > 3 * np.diff(wilson(same.value * among.sum(), among.sum()))[0]


def test_the_calibration_curve_rests_on_groups():
    frame, score = people()
    model = RecordedPredictions(y_score=score, classes=("no", "yes"))
    roles = {"target": "y", "positive": "yes"}
    alone, grouped = (
        evaluate(model, load_dataset(frame, **roles, **more), latency=False).curves["calibration"]
        for more in ({"drop": "who"}, {"group": "who"})
    )
    for name in ("predicted", "observed", "n"):
        assert alone[name].tolist() == pytest.approx(grouped[name].tolist())
    widths = [curve["high"] - curve["low"] for curve in (alone, grouped)]
    assert (widths[1] > 2 * widths[0]).mean() > 0.5
    # Of the middle bin, by the ratio estimator over persons.
    order = np.argsort(score, kind="stable")
    rows = order[np.cumsum(alone["n"])[4] : np.cumsum(alone["n"])[5]]
    positive = pd.Series(frame["y"].to_numpy()[rows] == "yes")
    left = (positive - positive.mean()).groupby(frame["who"].to_numpy()[rows]).sum()
    error = np.sqrt((left**2).sum()) / len(rows)
    assert widths[1][5] == pytest.approx(2 * 1.96 * error, rel=0.4)
    assert widths[0][5] < 0.5 * 2 * 1.96 * error
