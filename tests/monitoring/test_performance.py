"""Performance without labels, from the public verb: what it must hold, what it says, and what it refuses."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.drift.detect import detect_drift
from toolkit.drift.model import density_ratio
from toolkit.drift.profile import summarize
from toolkit.errors import InputError, NotApplicableError
from toolkit.models.preprocessing import make_model
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.threshold import Rule, Threshold
from toolkit.monitoring.performance import estimate_performance
from toolkit.statistics.units import Units

HOSTILE = "<script>{x}\n\u200f" + "n" * 300


def people(seed=0, n=3000, turned=None, mean=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({HOSTILE: rng.normal(mean, 1, n), "town": rng.choice(["Oslo", "<b>Tromsø</b>"], n)})
    odds = 1.5 * frame[HOSTILE].to_numpy() * (1 if turned is None else turned)
    frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n) * 120 // n, unit="D")
    frame["bought"] = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return frame


def loaded(frame, **options):
    return load_dataset(frame, target="bought", positive="yes", time="when", **options)


@pytest.fixture(scope="module")
def fitted():
    data = loaded(people(1))
    return make_model(LogisticRegression(), data.features).fit(data.features, data.target)


@pytest.fixture(scope="module")
def reference():
    return loaded(people(2), name="reference")


@pytest.fixture(scope="module")
def employment():
    """Give a model of 2015, the part of 2015 it has not seen, and the three years after."""
    split = split_dataset(load_dataset("acs_employment", periods=[2015]), seed=0)
    model = make_model(HistGradientBoostingClassifier(max_iter=60, random_state=0), split.train.features)
    model.fit(split.train.features, split.train.target)
    return model, split.test, load_dataset("acs_employment", periods=[2016, 2017, 2018])


def test_employment_is_estimated_within_a_hundredth(employment):
    model, reference, later = employment
    found = estimate_performance(model, reference, later, window="year", metrics=["roc_auc", "accuracy"])
    frame = found.frame()
    assert frame["window"].tolist() == [name for name in ("all", "2016", "2017", "2018") for _ in range(2)]
    assert (frame["estimated"] - frame["realized"]).abs().max() < 0.01
    assert frame["inside"].mean() > 0.5
    assert all(note.severity in ("low", "info") for note in found.findings())


def test_a_planted_concept_shift_is_called_out(employment):
    model, reference, later = employment
    part = later.take(np.flatnonzero(later.time.to_numpy() == 2018))
    middle = part.features["age"].between(30, 50).to_numpy()
    labels = list(part.classes)
    turned = part.target.map({labels[0]: labels[1], labels[1]: labels[0]})
    shifted = replace(part, target=part.target.where(~middle, turned))
    found = estimate_performance(model, reference, shifted)
    note = found.findings()[0]
    assert (note.code, note.severity) == ("ESTIMATE-CONCEPT-SHIFT", "high")
    assert "cannot see such a shift" in note.message
    assert "roc_auc" not in note.message
    assert found.scalars()["drift.concept_shift.p_value"].value < 1e-6
    honest = estimate_performance(model, reference, part)
    assert found.scalars()["drift.estimated.roc_auc"] == honest.scalars()["drift.estimated.roc_auc"]


def test_only_the_window_that_shifted_is_named(fitted, reference):
    frame = people(3, turned=np.where(np.arange(3000) >= 2250, -1, 1))
    found = estimate_performance(fitted, reference, loaded(frame), window="month")
    moved = found.shift[found.shift["p_adjusted"] < 0.05]
    assert moved["window"].tolist() == ["2020-04"]
    note = found.findings()[0]
    assert (note.code, note.where) == ("ESTIMATE-CONCEPT-SHIFT", "2020-04")
    assert "in 1 of 4 windows" in note.message


def test_without_labels_the_estimate_is_the_same(fitted, reference):
    frame = people(4)
    whole = estimate_performance(fitted, reference, loaded(frame), window="month")
    bare = estimate_performance(fitted, reference, frame.drop(columns=["bought"]), window="month")
    columns = ["window", "metric", "rows", "estimated", "estimated_low", "estimated_high", "reference"]
    pd.testing.assert_frame_equal(whole.frame()[columns], bare.frame()[columns])
    assert bare.frame()["realized"].isna().all()
    assert bare.frame()["inside"].isna().all()
    assert not bare.frame()["labelled"].any()
    assert not [name for name in bare.scalars() if "realized" in name or "concept" in name]
    assert [note.code for note in bare.findings()] == ["ESTIMATE-UNTESTED"]
    assert [note.code for note in whole.findings()] == ["ESTIMATE-NO-SHIFT-SEEN"]


def test_labels_that_came_for_some_rows_are_used(fitted, reference):
    frame = people(5)
    frame["bought"] = frame["bought"].astype(object)
    frame.loc[frame.index[1000:], "bought"] = None
    found = estimate_performance(fitted, reference, frame, window=1000)
    assert found.frame().groupby("window", sort=False)["labelled"].first().tolist() == [1000, 1000, 0, 0]
    assert found.shift["window"].tolist() == ["rows 1 to 1,000"]
    codes = [note.code for note in found.findings()]
    assert codes == ["ESTIMATE-PARTLY-LABELLED", "ESTIMATE-NO-SHIFT-SEEN"]
    first = estimate_performance(fitted, reference, loaded(people(5)).take(range(1000)))
    assert first.scalars()["drift.realized.f1"] == found.scalars()["drift.realized.f1"]


def test_it_is_a_result_that_reads_well(fitted, reference):
    found = estimate_performance(fitted, reference, loaded(people(6), name="<i>new</i>"), window="month")
    assert isinstance(found, Result)
    numbers = found.scalars()
    metrics = ("roc_auc", "accuracy", "precision", "recall", "f1")
    assert {f"drift.{kind}.{metric}" for kind in ("estimated", "realized") for metric in metrics} < set(numbers)
    json.dumps({name: asdict(number) for name, number in numbers.items()})
    for name, number in numbers.items():
        if "_change." in name:
            assert -1 <= number.low < number.value < number.high <= 1
        elif not name.endswith("p_value"):
            assert 0 <= number.low < number.value < number.high <= 1
    confusion = found.confusion[found.confusion["window"] == "all"]
    assert sum(cell.value for cell in confusion["expected"]) == pytest.approx(3000)
    assert sum(cell.value for cell in confusion["realized"]) == 3000
    html = found._repr_html_()
    assert "<i>" not in html
    assert "&lt;i&gt;new" in html
    assert found.record().parameters == {"window": "month", "seed": 0, "threshold": "0.5 (fixed)"}
    again = estimate_performance(fitted, reference, loaded(people(6)), window="month")
    pd.testing.assert_frame_equal(found.frame(), again.frame())


@pytest.mark.parametrize("window", [None, "month", 50])
@pytest.mark.parametrize("labelled", [True, False])
def test_the_figure(fitted, reference, window, labelled):
    frame = people(7)
    current = loaded(frame) if labelled else frame.drop(columns=["bought"])
    found = estimate_performance(fitted, reference, current, window=window)
    ax = found.plot()
    series = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(series) == (["estimated", "realized"] if labelled else ["estimated"])
    windows = {None: 1, "month": 4, 50: 60}[window]
    assert len(series["estimated"].get_xdata()) == windows
    words = found.pictures()["estimated"]
    assert ("realized" in words.alt) == labelled
    assert str(found.table["reference"].iloc[0]) in words.alt
    assert len(words.alt) < 1500
    drawn = found.figure_data("estimated")
    assert set(drawn["metric"]) == {found.metrics[0]}
    assert drawn["estimated"].tolist()[-windows:] == pytest.approx(series["estimated"].get_ydata())
    assert figure(found, "estimated").image
    with pytest.raises(InputError, match="no figure 'other'"):
        found.plot("other")


def test_recorded_scores_need_no_model(reference, fitted):
    whole = load_dataset(people(8), target="bought", positive="yes", time="when")
    scores = pd.Series(fitted.predict_proba(whole.features)[:, 1], index=whole.target.index)
    recorded = RecordedPredictions(y_score=scores, classes=("no", "yes"))
    first, second = whole.take(range(1500)), whole.take(range(1500, 3000))
    found = estimate_performance(recorded, first, second).frame()
    pd.testing.assert_frame_equal(found, estimate_performance(fitted, first, second).frame())


def test_of_a_profile_nothing_is_estimated(reference, fitted):
    with pytest.raises(NotApplicableError, match="it has no rows that could be judged"):
        estimate_performance(fitted, reference, summarize(loaded(people(8))))


def test_recorded_decisions_are_taken_at_their_word(fitted):
    whole = loaded(people(9))
    scores = pd.Series(fitted.predict_proba(whole.features)[:, 1], index=whole.target.index)
    decided = pd.Series(np.where(scores > 0.8, "yes", "no"), index=scores.index)
    recorded = RecordedPredictions(y_pred=decided, y_score=scores, classes=("no", "yes"))
    parts = whole.take(range(1500)), whole.take(range(1500, 3000))
    found = estimate_performance(recorded, *parts)
    assert found.threshold.rule.kind == "decided"
    same = estimate_performance(fitted, *parts, threshold=float(np.nextafter(0.8, 1)))
    pd.testing.assert_frame_equal(found.frame(), same.frame())


def test_labels_alone_tell_nothing():
    whole = loaded(people(10))
    recorded = RecordedPredictions(y_pred=whole.target, classes=("no", "yes"))
    with pytest.raises(NotApplicableError, match="labels but no scores"):
        estimate_performance(recorded, whole.take(range(1500)), whole.take(range(1500, 3000)))


def test_scores_that_are_no_probabilities(reference):
    data = loaded(people(1))
    model = make_model(LinearSVC(), data.features).fit(data.features, data.target)
    found = estimate_performance(model, reference, loaded(people(11))).frame()
    assert found["inside"].all()
    assert (found["estimated"] - found["realized"]).abs().max() < 0.03


def test_a_forest_that_is_sure_of_itself_is_seen_through(reference):
    data = loaded(people(1))
    model = make_model(RandomForestClassifier(20, random_state=0), data.features).fit(data.features, data.target)
    found = estimate_performance(model, reference, loaded(people(12)), metrics=["accuracy"]).frame()
    said = np.abs(model.predict_proba(loaded(people(12)).features)[:, 1] - 0.5).mean() + 0.5
    assert said - found["realized"].item() > 0.05
    assert found["inside"].all()


def test_what_had_to_be_assumed_to_call_the_model_is_said():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(900, 2)), columns=["a", "b"])
    rows["y"] = np.where(rows["a"] + rng.normal(size=900) > 0, "yes", "no")
    model = LogisticRegression().fit(rows[["a", "b"]].to_numpy()[:300], rows["y"][:300])
    old, new = load_dataset(rows[300:600], target="y", positive="yes"), rows[600:]
    for found in (estimate_performance(model, old, new), detect_drift(old, new, model=model)):
        assert [one.code for one in found.findings()].count("MODEL-COLUMNS-BY-PLACE") == 1


def test_thresholds(fitted, reference):
    later = loaded(people(13))
    by_rule = estimate_performance(fitted, reference, later, threshold="recall>=0.9")
    assert by_rule.threshold.part == "reference"
    assert by_rule.scalars()["drift.estimated.recall"].value == pytest.approx(0.9, abs=0.02)
    given = Threshold(by_rule.threshold.value, Rule("fixed", by_rule.threshold.value))
    same = estimate_performance(fitted, reference, later, threshold=given)
    pd.testing.assert_frame_equal(same.frame(), by_rule.frame())


def test_a_harder_table_is_said_to_be_worse(fitted, reference):
    frame = people(14, mean=0.0)
    frame[HOSTILE] = frame[HOSTILE] / 5
    found = estimate_performance(fitted, reference, frame.drop(columns=["bought"]))
    note = next(note for note in found.findings() if note.code == "ESTIMATE-DEGRADED")
    assert note.severity == "medium"
    assert note.message.startswith("The model probably does worse than on the reference: ROC AUC")
    assert found.scalars()["drift.estimated.roc_auc"].high < 0.75


def test_what_lies_outside_the_reference_is_said(fitted, reference):
    frame = people(15, mean=6.0)
    notes = estimate_performance(fitted, reference, frame.drop(columns=["bought"])).findings()
    note = next(note for note in notes if note.code == "ESTIMATE-OUT-OF-RANGE")
    assert note.severity == "medium"


def test_small_tables_give_wide_intervals_and_say_so(fitted, reference):
    found = estimate_performance(fitted, reference.take(range(40)), loaded(people(16)).take(range(3)))
    assert {"ESTIMATE-SMALL-REFERENCE", "ESTIMATE-SMALL-WINDOW"} <= {note.code for note in found.findings()}
    numbers = found.scalars()
    assert numbers["drift.estimated.accuracy"].high - numbers["drift.estimated.accuracy"].low > 0.3


class Constant:
    """A model that says the same of every row."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, chance):
        self.chance = chance

    def predict(self, features):
        return np.full(len(features), "yes" if self.chance >= 0.5 else "no")

    def predict_proba(self, features):
        return np.tile([1 - self.chance, self.chance], (len(features), 1))


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_equal_scores_claim_nothing(reference, chance):
    found = estimate_performance(Constant(chance), reference, loaded(people(17)))
    numbers = found.scalars()
    assert numbers["drift.estimated.roc_auc"].value == pytest.approx(0.5)
    for name, number in numbers.items():
        assert name.endswith("p_value") or math.isnan(number.value) or number.low < number.high, name
    assert math.isnan(numbers["drift.estimated.precision"].value) == (chance < 0.5)
    assert found.plot().has_data()


def test_one_class_in_current_rows(fitted, reference):
    data = loaded(people(18))
    found = estimate_performance(fitted, reference, data.take(np.flatnonzero(data.target == "yes")))
    assert math.isnan(found.scalars()["drift.realized.roc_auc"].value)
    assert found.findings()[0].code == "ESTIMATE-CONCEPT-SHIFT"
    assert found.plot().has_data()


def test_three_classes():
    data = load_dataset("wine")
    order = np.random.default_rng(0).permutation(data.rows)
    columns = ["alcohol", "ash", "magnesium"]
    data = replace(data, features=data.features[columns])
    train, reference, later = (data.take(order[part::3]) for part in range(3))
    model = make_model(LogisticRegression(max_iter=2000), train.features).fit(train.features, train.target)
    found = estimate_performance(model, reference, later)
    assert found.metrics == ("accuracy",)
    assert found.frame()["inside"].all()
    codes = {note.code for note in found.findings()}
    assert {"ESTIMATE-ACCURACY-ONLY", "ESTIMATE-SMALL-REFERENCE"} <= codes
    assert found.parameters["threshold"] == ""
    hits = model.predict(reference.features) == reference.target.to_numpy()
    one_wrong = reference.take([*np.flatnonzero(hits), np.flatnonzero(~hits)[0]])
    said = [note.message for note in estimate_performance(model, one_wrong, later).findings()]
    assert any(text.startswith("The reference has only 1 row of its rarer outcome") for text in said)
    with pytest.raises(NotApplicableError, match="only accuracy can be estimated, not roc_auc_ovr"):
        estimate_performance(model, reference, later, metrics=["roc_auc_ovr"])
    with pytest.raises(InputError, match="binary targets only"):
        estimate_performance(model, reference, later, threshold=0.3)
    recorded = RecordedPredictions(y_pred=data.target, classes=data.classes)
    with pytest.raises(NotApplicableError, match="no probabilities"):
        estimate_performance(recorded, reference, later)


def prices(seed, n=1200, turned=1.0, scale=1.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"size": rng.normal(size=n), "town": rng.choice(["Oslo", "Bergen"], n)})
    noise = np.exp(0.4 * frame["size"].to_numpy()) * rng.normal(size=n)
    frame["price"] = scale * (2 * turned * frame["size"] + noise)
    return frame


@pytest.mark.parametrize("scale", [1.0, 1e150])
def test_a_regression(scale):
    data = load_dataset(prices(0, scale=scale), target="price", task="regression")
    model = make_model(LinearRegression(), data.features).fit(data.features, data.target)
    reference = load_dataset(prices(1, scale=scale), target="price", task="regression")
    found = estimate_performance(model, reference, prices(2, scale=scale), window=600)
    assert found.metrics == ("mean_absolute_error", "root_mean_squared_error")
    assert found.frame()["inside"].mean() >= 0.5
    assert [note.code for note in found.findings()] == ["ESTIMATE-NO-SHIFT-SEEN"]
    assert found.confusion is None
    shifted = estimate_performance(model, reference, prices(2, turned=-1.0, scale=scale))
    assert shifted.findings()[0].code == "ESTIMATE-CONCEPT-SHIFT"
    assert shifted.findings()[0].severity == "high"
    bare = estimate_performance(model, reference, prices(2, scale=scale).drop(columns=["price"]))
    assert (
        bare.scalars()["drift.estimated.mean_absolute_error"] == found.scalars()["drift.estimated.mean_absolute_error"]
    )
    assert bare.findings()[0].code == "ESTIMATE-UNTESTED"


def test_a_regression_without_errors_claims_no_certainty():
    frame = prices(3)
    frame["price"] = 2 * frame["size"]
    data = load_dataset(frame, target="price", task="regression")

    class Twice:
        def predict(self, features):
            return 2 * features["size"].to_numpy()

    found = estimate_performance(Twice(), data.take(range(600)), data.take(range(600, 1200)))
    for number in found.scalars().values():
        assert math.isnan(number.low) or number.low < number.high


def test_wrong_input(fitted, reference):
    later = people(19)
    cases = [
        (later.drop(columns=[HOSTILE]), {}, "lacks|does not have"),
        (later.rename(columns={"town": "towm"}), {}, "towm"),
        (later.iloc[:0], {}, "no rows"),
        (reference.take([]), {}, "no rows"),
        ([1, 2], {}, "must be a Dataset or a DataFrame; found list"),
        (later.assign(**{HOSTILE: "tall"}), {}, "must hold numbers"),
        (later.drop(columns=["when"]), {"window": "month"}, "needs a time column"),
        (later, {"window": "fortnight"}, "found 'fortnight'"),
        (pd.concat([later] * 4, ignore_index=True), {"window": 10}, "1,200 windows; at most 1,000"),
        (later, {"metrics": ["roc_auk"]}, "Did you mean 'roc_auc'"),
        (later, {"metrics": []}, "Name a metric"),
        (later, {"threshold": 2}, r"\[0, 1\]"),
        (pd.concat([later, later[["town"]]], axis=1), {}, "more than once: 'town'"),
    ]
    for current, options, message in cases:
        with pytest.raises(InputError, match=message):
            estimate_performance(fitted, reference, current, **options)


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [({"bought": "maybe"}, "DATA-UNSEEN-LABELS", "bought"), ({"town": "Rome"}, "DATA-UNSEEN-LABELS", "town")],
)
def test_what_the_reference_has_never_seen_is_said(fitted, reference, change, code, where):
    found = estimate_performance(fitted, reference, people(19).assign(**change)).findings()
    said = {(one.code, one.where): one.severity for one in found}
    assert said[code, where] in ("high", "critical")


def test_a_reference_that_will_not_do(fitted, reference):
    later = people(20)
    with pytest.raises(InputError, match="must be a Dataset with labels; found DataFrame"):
        estimate_performance(fitted, later, later)
    with pytest.raises(InputError, match="has 10 rows; at least 20"):
        estimate_performance(fitted, reference.take(range(10)), later)
    with pytest.raises(InputError, match="one class only"):
        estimate_performance(fitted, reference.take(np.flatnonzero(reference.target == "yes")), later)


def moved(rng, rows, by, flip=0.0, each=1):
    """Rows of which one feature moved, and what it means did not, but for ``flip``; so many of each person."""
    x, person = rng.normal(size=(rows, 3)), np.arange(rows) // each
    x[:, 0] += by
    own = rng.normal(size=(rows, 2))[person] if each > 1 else np.zeros((rows, 2))
    x[:, 1] = x[:, 1] * (0.6 if each > 1 else 1.0) + 0.8 * own[:, 0]
    odds = -0.8 + 1.2 * x[:, 0] - 0.8 * x[:, 1] + 0.5 * x[:, 0] * x[:, 1] + flip + own[:, 1]
    bought = np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(bought=bought, **({"person": person} if each > 1 else {}))


def estimated(rng, by, flip=0.0, each=1, rows=3000):
    past, old, new = moved(rng, 2000, 0, 0, each), moved(rng, 3000, 0, 0, each), moved(rng, rows, by, flip, each)
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(past[["a", "b", "c"]], past.bought)
    role = {"group": "person"} if each > 1 else {}
    found = estimate_performance(model, load_dataset(old, target="bought", positive="yes", **role), new)
    return found.frame(), {one.code for one in found.findings()}


def test_a_feature_that_moved_is_no_concept_shift():
    rng, inside, alarms, calibration = np.random.default_rng(3), [], 0, 0
    for _ in range(4):
        frame, codes = estimated(rng, 1.0)
        inside += list(frame["inside"])
        alarms += "ESTIMATE-CONCEPT-SHIFT" in codes
        calibration += "ESTIMATE-CALIBRATION-SHIFT" in codes
    # Of 20 values 19 are expected; by scores alone it was 8, with an alarm every time.
    assert sum(inside) >= 16
    assert alarms <= 1
    assert calibration >= 3


def test_a_feature_that_moved_does_not_hide_a_concept_shift():
    assert "ESTIMATE-CONCEPT-SHIFT" in estimated(np.random.default_rng(4), 0.5, flip=0.8)[1]


def test_people_of_many_rows_make_wider_intervals_and_no_shift():
    frame, codes = estimated(np.random.default_rng(5), 0.0, each=20)
    assert not codes & {"ESTIMATE-CONCEPT-SHIFT", "ESTIMATE-CALIBRATION-SHIFT"}
    assert frame["inside"].all()
    width = frame["estimated_high"] - frame["estimated_low"]
    alone = estimated(np.random.default_rng(5), 0.0)[0]
    assert (width > 1.2 * (alone["estimated_high"] - alone["estimated_low"])).all()


@pytest.mark.slow
@pytest.mark.parametrize("each", [1, 20])
def test_what_moved_is_told_in_many_runs(each):
    for by, flip, rows in ((0, 0, 3000), (0.5, 0, 3000), (1.0, 0, 5000), (0.5, 0.6, 3000), (8.0, 0, 3000)):
        rng, inside, said = np.random.default_rng(7), [], {"CONCEPT-SHIFT": 0, "CALIBRATION-SHIFT": 0, "NO-SUPPORT": 0}
        for _ in range(60):
            frame, codes = estimated(rng, by, flip, each, rows)
            inside.append(frame["inside"].fillna(False).astype(float).to_numpy())
            for code in said:
                said[code] += f"ESTIMATE-{code}" in codes
        print(each, by, flip, np.mean(inside, axis=0), said)
        if by == 8.0:
            assert said["NO-SUPPORT"] >= 57
        elif flip:
            assert said["CONCEPT-SHIFT"] >= 48
        else:
            assert said["CONCEPT-SHIFT"] <= 5
            assert np.min(np.mean(inside, axis=0)) >= 0.9


def weighty(rng, rows):
    """Make rows of which those that are hard to tell weigh the most."""
    x = rng.normal(size=rows)
    bought = np.where(rng.random(rows) < 1 / (1 + np.exp(-3 * x)), "yes", "no")
    return pd.DataFrame(
        {"x": x, "other": rng.normal(size=rows), "bought": bought, "w": np.exp(-np.abs(x)) * rng.random(rows)}
    )


def test_what_rows_weigh_enters_estimates_of_classes():
    rng = np.random.default_rng(8)
    old, new = weighty(rng, 2000), weighty(rng, 3000)
    data = load_dataset(old, target="bought", positive="yes", weight="w")
    model = LogisticRegression().fit(data.features[:500], data.target[:500])
    found = estimate_performance(model, data.take(range(500, 2000)), new)
    assert "WEIGHTS-NOT-USED" not in [one.code for one in found.findings()]
    right = model.predict(new[["x", "other"]]) == new["bought"]
    numbers = found.scalars()
    realized, estimated = numbers["drift.realized.accuracy"], numbers["drift.estimated.accuracy"]
    assert realized.value == pytest.approx(np.average(right, weights=new["w"]), rel=1e-12)
    assert estimated.low <= realized.value <= estimated.high
    assert not estimated.low <= right.mean() <= estimated.high
    assert "ESTIMATE-CONCEPT-SHIFT" not in [one.code for one in found.findings()]


def test_what_rows_weigh_enters_estimates_of_numbers():
    rng = np.random.default_rng(9)
    tables = [
        weighty(rng, rows).assign(bought=lambda frame: frame["x"] * rng.normal(size=len(frame)))
        for rows in (2000, 3000)
    ]
    data = load_dataset(tables[0], target="bought", weight="w")
    model = LinearRegression().fit(data.features[:500], data.target[:500])
    numbers = estimate_performance(model, data.take(range(500, 2000)), tables[1]).scalars()
    error = np.abs(model.predict(tables[1][["x", "other"]]) - tables[1]["bought"])
    realized, estimated = (numbers[f"drift.{kind}.mean_absolute_error"] for kind in ("realized", "estimated"))
    assert realized.value == pytest.approx(np.average(error, weights=tables[1]["w"]), rel=1e-12)
    assert estimated.low <= realized.value <= estimated.high < error.mean()


def test_without_rows_like_the_current_ones_nothing_is_known():
    frame, codes = estimated(np.random.default_rng(5), 8.0)
    assert "ESTIMATE-NO-SUPPORT" in codes
    assert frame["estimated_low"].isna().all()
    assert frame["estimated"].notna().all()
    assert "ESTIMATE-CONCEPT-SHIFT" not in codes


def test_a_column_that_is_empty_in_part_of_the_rows_is_weighed_too():
    rng = np.random.default_rng(6)
    old, new = moved(rng, 60, 0), moved(rng, 3000, 0)
    old["rare"], new["rare"] = np.nan, np.nan
    new.loc[0, "rare"] = 1.0
    weights, supported = density_ratio(old.drop(columns="bought"), new.drop(columns="bought"))
    assert np.isfinite(weights).all()
    assert weights.mean() == pytest.approx(1)
    assert supported.mean() > 0.9
    two = Units(np.arange(3000) // 1500, 2, "person")
    assert density_ratio(old.drop(columns="bought"), new.drop(columns="bought"), 0, (None, two))[1].mean() > 0.9


def test_a_column_that_is_recorded_in_another_way_does_not_decide_how_alike_rows_are():
    rng = np.random.default_rng(7)
    old, new = (moved(rng, 1500, 0).drop(columns="bought") for _ in range(2))
    labels = {
        "old": pd.Categorical(rng.choice(["yes", "no"], 1500)),
        "new": pd.Categorical(rng.choice(["1", "0"], 1500)),
    }
    plain = density_ratio(old, new)
    for column in ("coded", "gone"):
        first = old.assign(**{column: labels["old"] if column == "coded" else 1.0})
        second = new.assign(**{column: labels["new"] if column == "coded" else np.nan})
        weights, supported = density_ratio(first, second)
        np.testing.assert_array_equal(weights, plain[0])
        assert supported.mean() > 0.99


def test_without_labels_of_rows_like_the_reference_no_shift_is_denied():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"x": rng.normal(size=2000)})
    rows["y"] = np.where(rows["x"] + rng.logistic(size=2000) > 0, "yes", "no")
    fitted = LogisticRegression().fit(rows[["x"]][:500], rows["y"][:500])
    far = pd.DataFrame({"x": np.full(500, 40.0), "y": ["no", "yes"] * 250})
    found = estimate_performance(fitted, load_dataset(rows[500:], target="y"), far)
    assert {note.code for note in found.findings()} >= {"ESTIMATE-NO-SUPPORT", "ESTIMATE-UNTESTED"}
    assert "ESTIMATE-NO-SHIFT-SEEN" not in {note.code for note in found.findings()}
    assert not [name for name in found.scalars() if name.endswith("shift.p_value")]
    assert found.scalars()["drift.realized.accuracy"].value == 0.5
