import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError
from toolkit.evaluation.evaluate import MOST_POINTS, binary_curves, evaluate, measure
from toolkit.evaluation.slices import find_slices
from toolkit.explanation.counterfactual import find_counterfactual
from toolkit.explanation.explain import explain
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.individual import check_individual
from toolkit.models.prediction import Predictions
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.threshold import AS_DECIDED, Costs, Rule, Threshold, choose_threshold, read_kept, read_threshold


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        (0.3, "0.3"),
        ("youden", " youden "),
        ("max_f1", "max_f1"),
        ({"precision": 0.8}, "precision>=0.8"),
        ({"recall": 0.9}, "recall >= 0.9"),
        ({"cost": {"fp": 1.0, "fn": 5.0, "tp": 0, "tn": 0, "currency": "EUR"}}, "cost:fp=1,fn=5,currency=EUR"),
    ],
)
def test_a_rule_and_its_text_are_the_same(given_, text):
    assert read_threshold(given_) == read_threshold(text)
    assert str(read_threshold(given_))


@pytest.mark.parametrize("nothing", [None, "", 0.5, "0.5"])
def test_where_none_is_given_it_is_one_half(nothing):
    assert read_threshold(nothing) == Rule("fixed", 0.5)
    assert read_threshold(nothing).default
    assert not read_threshold("recall>=0.5").default


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (1.5, r"must lie in \[0, 1\]; found 1.5"),
        ("1.5", r"must lie in \[0, 1\]"),
        ("best", "found 'best'"),
        (True, "found True"),
        ([0.5], "found"),
        (float("nan"), "finite"),
        ({"recal": 0.9}, "recal"),
        ({"precision": 80}, r"precision must lie in \[0, 1\]; found 80"),
        ({"precision": "high"}, "must be a number; found 'high'"),
        ({"precision": 0.8, "recall": 0.8}, "found"),
        ({"cost": 5}, "found"),
        ({"cost": {"fp": 1}}, "missing: fn"),
        ({"cost": {"fp": 1, "fn": 5, "eur": 1}}, "unknown: eur"),
        ({"cost": {"fp": 0, "fn": 0}}, "as cheap as being right"),
        ({"cost": {"fp": 1, "fn": math.inf}}, "finite"),
        ("cost:fp=1", "missing: fn"),
        ("cost:fp=a,fn=2", "number; found 'a'"),
        ("precision>=a", "number"),
    ],
)
def test_a_wrong_rule_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        read_threshold(wrong)


UNREACHED = -99.0


def brute(rule, y, score):
    """The best value of the rule's aim over every possible threshold."""
    best = -math.inf
    for threshold in [*np.unique(score), score.max() + 1]:
        called = score >= threshold
        tp, fp = (called & (y == 1)).sum(), (called & (y == 0)).sum()
        fn, tn = (y == 1).sum() - tp, (y == 0).sum() - fp
        best = max(best, aim(rule, tp, fp, fn, tn))
    return best


def aim(rule, tp, fp, fn, tn):
    recall, precision = tp / (tp + fn), tp / (tp + fp) if tp + fp else 0.0
    if rule.kind == "youden":
        return recall - fp / (fp + tn)
    if rule.kind == "max_f1":
        return 2 * tp / (2 * tp + fp + fn)
    if rule.kind == "cost":
        return -(fp * rule.costs.fp + fn * rule.costs.fn)
    kept, other = (precision, recall) if rule.kind == "precision" else (recall, precision)
    return other if kept >= rule.level - 1e-12 and tp + fp else UNREACHED


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 100_000),
    st.integers(1, 40),
    st.integers(0, 3),
    st.sampled_from(["youden", "max_f1", "recall>=0.7", "precision>=0.6", "cost:fp=1,fn=3"]),
    st.sampled_from([1.0, 5.0]),
)
def test_the_choice_is_the_best_of_all(seed, n, digits, text, spread):
    rng, rule = np.random.default_rng(seed), read_threshold(text)
    y = np.append([0.0, 1.0], (rng.random(n) < 0.4).astype(float))
    score = np.round(rng.random(n + 2) * spread - (spread - 1), digits)
    chosen = choose_threshold(rule, y, score, "validation", probabilities=spread == 1)
    called = score >= chosen.value
    tp, fp = (called & (y == 1)).sum(), (called & (y == 0)).sum()
    found = aim(rule, tp, fp, (y == 1).sum() - tp, (y == 0).sum() - fp)
    best = brute(rule, y, score)
    assert found == pytest.approx(best)
    assert (best == UNREACHED) == bool(chosen.notes)
    assert math.isfinite(chosen.value)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 100_000),
    st.sampled_from(["youden", "max_f1", "recall>=0.7", "precision>=0.6", "precision>=1", "cost:fp=1,fn=3"]),
)
def test_equally_good_thresholds_stay_so_whatever_the_order_of_the_rows_and_however_often_each_counts(seed, text):
    rng, rule = np.random.default_rng(seed), read_threshold(text)
    y = np.append([0.0, 1.0], (rng.random(30) < 0.4).astype(float))
    score, weight = np.round(rng.random(32), 1), rng.integers(1, 4, 32)
    share = weight / weight.mean()
    weighted = choose_threshold(rule, y, score, "validation", share).value
    assert weighted == choose_threshold(rule, y[::-1], score[::-1], "validation", share[::-1]).value
    assert weighted == choose_threshold(rule, y.repeat(weight), score.repeat(weight), "validation").value


def test_the_threshold_is_the_shortest_decimal():
    y, score = np.array([0.0, 1.0]), np.array([0.123456, 0.387654])
    assert choose_threshold(read_threshold("youden"), y, score, "train").value == 0.3
    assert choose_threshold(read_threshold("recall>=1"), y, np.array([0.38111, 0.38222]), "train").value == 0.382


def test_what_no_threshold_reaches_is_said():
    y, score = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.2, 0.8, 0.9, 0.1])
    chosen = choose_threshold(read_threshold("precision>=0.9"), y, score, "validation")
    (note,) = chosen.notes
    assert (note.code, note.severity) == ("THRESHOLD-UNREACHABLE", "high")
    assert "No threshold gives a precision of 0.9 on the validation part" in note.message
    assert (y[score >= chosen.value]).mean() == 0.5


@pytest.mark.parametrize("y", [np.zeros(5), np.ones(5), np.array([])])
def test_one_class_leaves_the_default(y):
    chosen = choose_threshold(read_threshold("youden"), y, np.linspace(0, 1, len(y)), "validation")
    assert chosen.value == 0.5
    assert chosen.notes[0].code == "THRESHOLD-NOT-CHOSEN"


def test_a_fixed_threshold_without_probabilities():
    y, score = np.array([0.0, 1.0]), np.array([-2.0, 2.0])
    assert choose_threshold(Rule("fixed", 0.5), y, score, "", probabilities=False).value == 0
    with pytest.raises(InputError, match="gives no probabilities"):
        choose_threshold(Rule("fixed", 0.4), y, score, "", probabilities=False)


def test_curves_are_thin_and_keep_their_ends():
    rng = np.random.default_rng(0)
    y = (rng.random(20_000) < 0.1).astype(float)
    score = np.clip(rng.normal(0.3 + 0.2 * y, 0.1), 0, 1)
    curves = binary_curves(Predictions(y, score, None, True, ("no", "yes")), None, Costs(1, 5))
    assert set(curves) == {"roc", "precision_recall", "gain", "scores", "cost", "calibration"}
    assert all(len(curve) <= MOST_POINTS for curve in curves.values())
    roc = curves["roc"]
    assert roc.iloc[0, 1:].tolist() == [0, 0]
    assert roc.iloc[-1, 1:].tolist() == [1, 1]
    area = np.trapezoid(roc["recall"], roc["false_positive_rate"])
    ones, zeros = score[y == 1], score[y == 0]
    assert area == pytest.approx((ones[:, None] > zeros[None, :]).mean(), abs=1e-3)
    assert curves["cost"]["expected_cost"].iloc[0] == pytest.approx(5 * y.mean())
    assert curves["cost"]["expected_cost"].iloc[-1] == pytest.approx(1 - y.mean())
    assert curves["scores"][["positive", "negative"]].sum().tolist() == pytest.approx([1, 1])
    assert curves["calibration"]["n"].sum() == 20_000


def test_costs_of_each_row():
    at = Threshold(0.5, Rule("cost", costs=Costs(1, 5, -2, 0.5)))
    rows = Predictions(np.array([1.0, 1, 0, 0]), np.array([0.9, 0.2, 0.8, 0.1]), None, True, ("no", "yes"))
    for row, cost in enumerate([-2, 5, 1, 0.5]):
        assert measure(rows.take(np.array([row, row])), at, None, 0)["expected_cost"].estimate.value == cost
    assert measure(rows, at, None, 0)["expected_cost"].estimate.value == (-2 + 5 + 1 + 0.5) / 4


@pytest.mark.parametrize("text", ["recall>=0.9", "recall ≥ 0.9", "recall>0.9", " recall >= .9 "])
def test_at_least_may_be_written_in_several_ways(text):
    assert read_threshold(text) == read_threshold({"recall": 0.9})


class Watched:
    """A model that remembers which rows it was asked about."""

    classes_ = np.array(["no", "yes"])

    def __init__(self):
        self.asked = set()

    def predict(self, features):
        return self.classes_[(self.predict_proba(features)[:, 1] >= 0.5).astype(int)]

    def predict_proba(self, features):
        self.asked |= set(features["id"])
        return np.column_stack([1 - features["chance"], features["chance"]])


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.arange(2000.0), "chance": rng.random(2000), "sex": rng.choice(["f", "m"], 2000)})
    frame["y"] = np.where(rng.random(2000) < frame["chance"], "yes", "no")
    features = load_dataset(frame.drop(columns="id"), target="y", sensitive=["sex"], positive="yes")
    data = load_dataset(frame, target="y", sensitive=["sex"], positive="yes", like=features)
    numbered = data.features.assign(id=frame["id"])
    return split_dataset(type(data)(**{**vars(data), "features": numbered}), validation_size=0.3)


@pytest.mark.parametrize(
    "step",
    [
        lambda model, split, at: find_slices(model, split, threshold=at),
        lambda model, split, at: audit_fairness(model, split, threshold=at, replicates=200),
        lambda model, split, at: check_individual(model, split, threshold=at),
        lambda model, split, at: explain(model, split, background=split.test, threshold=at, most_rows=5),
        lambda model, split, at: find_counterfactual(model, split, split.test.target.index[0], threshold=at),
    ],
    ids=["slices", "fairness", "individual", "explanation", "counterfactual"],
)
def test_a_threshold_is_chosen_once(people, step):
    model = Watched()
    chosen = evaluate(model, people, threshold="recall>=0.9", latency=False).threshold
    held_out = set(people.validation.features["id"])
    assert chosen.part == "validation"
    assert held_out <= model.asked
    model.asked = set()
    found = step(model, people, chosen)
    assert model.asked
    assert not held_out & model.asked
    assert getattr(found, "threshold", chosen) in (chosen, chosen.value)


def test_slices_are_judged_at_the_threshold_that_was_chosen(people):
    everybody = Threshold(0.0, Rule("recall", 1.0), "validation")
    worst = find_slices(Watched(), people, threshold=everybody, depth=1).table.iloc[0]
    assert worst["accuracy"].value == pytest.approx(worst["truth"])
    assert find_slices(Watched(), people, depth=1).table.iloc[0]["accuracy"].value != pytest.approx(worst["truth"])


def test_decisions_of_one_model_are_no_threshold_for_another(people):
    recorded = RecordedPredictions(y_pred=people.test.target, classes=("no", "yes"))
    decided = evaluate(recorded, people.test).threshold
    assert decided is AS_DECIDED
    assert audit_fairness(Watched(), people.test, threshold=decided, replicates=200).threshold.value == 0.5
    chosen = evaluate(Watched(), people.test, threshold="youden", latency=False).threshold
    with pytest.raises(InputError, match="decisions are the model's own"):
        audit_fairness(recorded, people.test, threshold=chosen)


@pytest.mark.parametrize("text", ["0.3", "{}", "[", '{"value": 0.3, "rule": {"kind": "fixed"}, "part": "given"}'])
def test_a_threshold_kept_in_another_form_is_refused(text):
    with pytest.raises(InputError, match="logged by another version of the toolkit: run its experiment again"):
        read_kept(text)
