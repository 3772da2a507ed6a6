import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, precision_score, roc_auc_score
from sklearn.svm import LinearSVC

from toolkit.core.figures import figure
from toolkit.data.load import load_dataset
from toolkit.errors import InputError
from toolkit.evaluation.evaluate import evaluate
from toolkit.evaluation.slices import find_slices
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.models.prediction_file import join_predictions, load_predictions
from toolkit.models.recorded import RecordedPredictions
from toolkit.statistics.metrics import SCORE_METRICS


def scored(n=500, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    score = 1 / (1 + np.exp(-rng.normal(2 * y - 1, 1.2)))
    return pd.DataFrame({"y_true": y, "y_score": score, "sex": rng.choice(["Female", "Male"], n)})


def codes(evaluation):
    return {finding.code for finding in evaluation.findings()}


class TestRecordedPredictions:
    def test_rows_are_found_by_index_whatever_their_order(self):
        frame = scored()
        recorded, data = load_predictions(frame)
        order = np.random.default_rng(1).permutation(data.rows)[:60]
        part = data.take(order)
        assert recorded.predict_proba(part.features)[:, 1] == pytest.approx(frame["y_score"].to_numpy()[order])
        assert (predict(recorded, part).y_true == frame["y_true"].to_numpy()[order]).all()

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.randoms(use_true_random=False))
    def test_without_labels_a_probability_of_a_half_is_called_positive(self, scores, random):
        recorded = RecordedPredictions(y_score=scores, classes=("no", "yes"))
        asked = pd.DataFrame(index=random.sample(range(len(scores)), len(scores)))
        wanted = ["yes" if scores[row] >= 0.5 else "no" for row in asked.index]
        assert recorded.predict(asked).tolist() == wanted

    def test_only_recorded_probabilities_can_be_asked_for(self):
        assert not hasattr(RecordedPredictions(y_pred=["a", "b"]), "predict_proba")
        assert hasattr(RecordedPredictions(y_score=[0.5], classes=(0, 1)), "predict_proba")

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "need y_pred"),
            ({"y_score": [0.5]}, "2 classes are needed, not 0"),
            ({"y_score": [0.5, 1.5, -1], "classes": (0, 1)}, r"2 of 3 rows lie outside \(range -1 to 1.5\)"),
            ({"y_score": [0.5, np.nan, np.inf], "classes": (0, 1)}, "missing in 1 of 3 rows"),
            ({"y_score": [0.5, np.inf], "classes": (0, 1)}, "1 of 2 rows lie outside"),
            ({"y_score": [[0.5, 0.2, 0.2]], "classes": "abc"}, "add up to 1; in 1 of 1"),
            ({"y_score": [[0.5, 0.5]], "classes": "abc"}, "2 classes are needed, not 3"),
            ({"y_pred": [0, 1, 1], "y_score": [0.5, 0.5], "classes": (0, 1)}, "3 values of y_pred and 2 rows"),
        ],
    )
    def test_what_cannot_be_predictions_is_refused(self, given, message):
        with pytest.raises(InputError, match=message):
            RecordedPredictions(**given)

    def test_probabilities_rounded_to_two_decimals_are_taken(self):
        recorded = RecordedPredictions(y_score=[[0.33, 0.33, 0.33]], classes="abc")
        assert recorded.predict_proba(pd.DataFrame(index=[0])).sum() == pytest.approx(0.99)

    def test_too_few_predictions_are_one_clear_error(self):
        data = load_dataset(scored(100), target="y_true")
        with pytest.raises(InputError, match="90 predictions are recorded, but 10 of the 100 rows"):
            evaluate(RecordedPredictions(y_pred=np.zeros(90, dtype=int)), data)

    def test_predictions_with_a_row_twice_are_refused_in_plain_words(self):
        data, rows = load_dataset(scored(100), target="y_true"), [*range(99), 7]
        recorded = RecordedPredictions(y_pred=pd.Series(np.zeros(100, dtype=int), index=rows))
        with pytest.raises(InputError, match="have the label 7 of a row more than once in their index"):
            evaluate(recorded, data)
        assert recorded.predict(pd.DataFrame(index=rows)).shape == (100,)

    def test_arrays_stay_with_their_rows_where_rows_are_dropped(self):
        frame = scored(100)
        frame["truth"] = np.where(np.arange(100) < 10, None, np.where(frame["y_true"] == 1, "yes", "no"))
        data = load_dataset(frame[["truth", "sex"]], target="truth", positive="yes")
        found = evaluate(RecordedPredictions(y_score=frame["y_score"].to_numpy(), classes=("no", "yes")), data)
        wanted = roc_auc_score(frame["y_true"][10:], frame["y_score"][10:])
        assert found.numbers["test.roc_auc"].value == pytest.approx(wanted, abs=1e-12)


class TestEvaluate:
    def test_scores_rank_and_labels_decide(self):
        frame = scored()
        frame["y_pred"] = (frame["y_score"] > 0.7).astype(int)
        recorded, data = load_predictions(frame)
        found = evaluate(recorded, data, baseline="guess")
        y, called, score = frame["y_true"], frame["y_pred"], frame["y_score"]
        assert found.numbers["test.roc_auc"].value == pytest.approx(roc_auc_score(y, score), abs=1e-12)
        assert found.numbers["test.log_loss"].value == pytest.approx(log_loss(y, score), abs=1e-12)
        assert found.numbers["test.precision"].value == pytest.approx(precision_score(y, called), abs=1e-12)
        assert found.confusion.to_numpy().tolist() == confusion_matrix(y, called).tolist()
        assert found.numbers["difference.roc_auc"].low > 0
        assert "threshold.value" not in found.numbers
        assert str(found.threshold) == "as the model itself decided"
        assert "predicted as the model itself decided" in found._repr_html_()
        assert not any(name.startswith(("latency", "throughput", "model")) for name in found.numbers)
        assert codes(found) == {"BASELINE-IN-HINDSIGHT"}

    def test_the_decisions_are_marked_on_the_curves(self):
        frame = scored()
        frame["y_pred"] = (frame["y_score"] > 0.7).astype(int)
        found = evaluate(*load_predictions(frame))
        (tn, fp), (fn, tp) = confusion_matrix(frame["y_true"], frame["y_pred"])
        (dot,) = [line for line in found.plot("roc").lines if line.get_marker() == "o"]
        assert dot.get_xydata().tolist() == [[fp / (fp + tn), tp / (fn + tp)]]
        for kind, words in found.pictures().items():
            assert figure(found, kind)
            assert "nan" not in words.alt

    def test_labels_alone_give_what_labels_define(self):
        frame = scored()
        called = (frame["y_score"] > 0.7).astype(int)
        recorded, data = load_predictions(frame.assign(y_pred=called).drop(columns="y_score"))
        found = evaluate(recorded, data, baseline="guess")
        assert all(math.isnan(found.numbers[f"test.{name}"].value) for name in SCORE_METRICS)
        defined = {name for name in found.measured if found.numbers[f"test.{name}"].has_interval}
        assert defined == set(found.measured) - set(SCORE_METRICS)
        wanted = balanced_accuracy_score(frame["y_true"], called)
        assert found.numbers["test.balanced_accuracy"].value == pytest.approx(wanted, abs=1e-12)
        assert codes(found) == {"BASELINE-IN-HINDSIGHT", "EVAL-NO-SCORES"}
        assert set(found.pictures()) == {"confusion"}

    def test_labels_alone_are_still_held_against_the_baseline(self):
        frame = scored()
        guesses = np.random.default_rng(3).integers(0, 2, len(frame))
        recorded, data = load_predictions(frame.assign(y_pred=guesses).drop(columns="y_score"))
        assert "EVAL-NOT-BETTER-THAN-BASELINE" in codes(evaluate(recorded, data, baseline="guess"))

    def test_a_threshold_rule_chooses_by_scores_but_not_over_decisions(self):
        frame = scored()
        recorded, data = load_predictions(frame)
        assert evaluate(recorded, data, threshold="recall>=0.9").numbers["test.recall"].value >= 0.9
        for extra in ({"y_pred": frame["y_true"]}, {"y_pred": frame["y_true"], "y_score": None}):
            recorded, data = load_predictions(frame.assign(**extra).dropna(axis=1))
            with pytest.raises(InputError, match="decisions are the model's own, so the threshold"):
                evaluate(recorded, data, threshold="recall>=0.9")

    def test_the_baseline_of_a_model_without_probabilities_is_judged_at_its_own_boundary(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(400, 2))
        frame = pd.DataFrame(x, columns=["a", "b"]).assign(y=(x[:, 0] + rng.normal(size=400) > 1).astype(int))
        data = load_dataset(frame, target="y")
        found = evaluate(LinearSVC().fit(data.features, data.target), data, baseline="guess", latency=False)
        assert found.numbers["baseline.accuracy"].value == pytest.approx(1 - frame["y"].mean(), abs=1e-12)
        assert {"EVAL-NO-PROBABILITIES"} <= codes(found)
        assert math.isnan(found.numbers["test.log_loss"].value)
        assert found.numbers["test.roc_auc"].has_interval

    def test_scores_of_the_other_class_are_noticed_and_left_as_they_are(self):
        frame = scored()
        found = evaluate(*load_predictions(frame.assign(y_score=1 - frame["y_score"])), baseline="guess")
        assert found.numbers["test.roc_auc"].value < 0.5
        assert "EVAL-RANKS-BACKWARDS" in codes(found)

    @pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
    def test_scores_that_are_all_equal_are_measured_without_certainty(self, score):
        found = evaluate(*load_predictions(scored(200).assign(y_score=score)), baseline="guess")
        assert found.numbers["test.roc_auc"].value == 0.5
        for name in ("roc_auc", "accuracy", "log_loss", "brier_score_loss"):
            number = found.numbers[f"test.{name}"]
            assert number.low < number.high

    def test_probabilities_of_exactly_zero_and_one_may_be_wrong(self):
        frame = scored(300)
        found = evaluate(*load_predictions(frame.assign(y_score=(frame["y_score"] > 0.5).astype(float))))
        assert math.isfinite(found.numbers["test.log_loss"].value)
        assert found.numbers["test.accuracy"].value == pytest.approx(
            ((frame["y_score"] > 0.5) == frame["y_true"]).mean()
        )

    def test_slices_are_found_by_the_recorded_decisions(self):
        frame = scored(2000)
        frame["y_pred"] = np.where(frame["sex"] == "Female", 1 - frame["y_true"], frame["y_true"])
        recorded, data = load_predictions(frame.drop(columns="y_score"))
        worst = find_slices(recorded, data).table.iloc[0]
        assert worst["slice"] == "sex = Female"
        assert worst["accuracy"].value == 0

    def test_a_guess_beside_a_split_is_made_in_training(self):
        from toolkit.data.split import split_dataset

        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=300), "y": rng.integers(0, 2, 300)})
        split = split_dataset(load_dataset(frame, target="y"))
        model = LogisticRegression().fit(split.train.features, split.train.target)
        found = evaluate(model, split, baseline="guess", latency=False)
        share = split.train.target.mean()
        y = split.test.target.to_numpy()
        assert found.numbers["baseline.log_loss"].value == pytest.approx(log_loss(y, np.full(len(y), share)), abs=1e-9)
        assert "BASELINE-IN-HINDSIGHT" not in codes(found)
        with pytest.raises(InputError, match="baseline must be a fitted model or 'guess'"):
            evaluate(model, split, baseline="gues", latency=False)


MULTI = pd.DataFrame(
    {
        "y_true": ["cat", "dog", "hen"] * 20,
        "y_score_cat": [0.7, 0.2, 0.1] * 20,
        "y_score[dog]": [0.2, 0.7, 0.3] * 20,
        "y_score.hen": [0.1, 0.1, 0.6] * 20,
        "farm": ["north", "south"] * 30,
    }
)


class TestLoadPredictions:
    @pytest.mark.parametrize(
        ("truth", "labels"),
        [
            ((0, 1), (0, 1)),
            ((0, 1), (0.0, 1.0)),
            ((0, 1), ("0", "1")),
            ((False, True), (0, 1)),
            ((False, True), ("False", "True")),
            ((False, True), ("FALSE", "TRUE")),
            ((False, True), ("false", "true")),
            ((False, True), ("0", "1")),
            ((0, 1), ("FALSE", "TRUE")),
            (("FALSE", "TRUE"), (False, True)),
            (("FALSE", "TRUE"), (0, 1)),
            (("no", "yes"), ("no", "yes ")),
            ((-1, 1), ("-1", "1")),
        ],
    )
    def test_labels_are_read_as_the_truth_writes_them(self, truth, labels):
        frame = scored(60)
        y = frame["y_true"].to_numpy()
        called = (frame["y_score"] > 0.5).to_numpy().astype(int)
        table = {"y_true": np.array(truth)[y], "y_pred": np.array(labels)[called]}
        found = evaluate(*load_predictions(table, positive=truth[1]))
        assert found.numbers["test.accuracy"].value == pytest.approx((y == called).mean(), abs=1e-12)
        assert found.numbers["test.recall"].value == pytest.approx(called[y == 1].mean(), abs=1e-12)

    def test_a_column_a_class_is_found_by_its_label(self):
        recorded, data = load_predictions(MULTI)
        assert list(recorded.classes_) == ["cat", "dog", "hen"]
        assert (recorded.predict(data.features) == data.target).all()
        assert list(data.features) == ["farm"]
        found = evaluate(recorded, data, baseline="guess")
        assert found.numbers["test.log_loss"].value == pytest.approx(-np.log([0.7, 0.7, 0.6]).mean())
        listed = load_predictions(MULTI, y_score=["y_score.hen", "y_score[dog]", "y_score_cat"])[0]
        assert (listed.predict(data.features) == data.target).all()

    def test_a_class_that_the_truth_lacks_may_have_a_score(self):
        frame = MULTI.assign(y_score_cow=0.0)
        recorded, data = load_predictions(frame)
        assert set(recorded.classes_) == {"cat", "dog", "hen", "cow"}
        assert evaluate(recorded, data).numbers["test.accuracy"].value == 1

    def test_two_columns_of_a_binary_target_name_their_classes(self):
        frame = scored(80).rename(columns={"y_score": "p_1"})
        frame["p_0"] = 1 - frame["p_1"]
        for names in ("p", ["p_0", "p_1"], "p_1"):
            recorded, data = load_predictions(frame, y_score=names)
            assert predict(recorded, data).y_pred == pytest.approx(frame["p_1"].to_numpy())

    def test_numbers_are_a_regression(self):
        rng = np.random.default_rng(0)
        y = rng.normal(size=100)
        frame = pd.DataFrame({"y_true": y, "y_pred": y + 0.1})
        found = evaluate(*load_predictions(frame), baseline="guess")
        assert found.data.task == "regression"
        assert found.numbers["test.bias"].value == pytest.approx(0.1)
        counts = pd.DataFrame({"y_true": rng.integers(0, 9, 200), "y_pred": rng.uniform(0, 9, 200)})
        assert load_predictions(counts)[1].task == "regression"

    def test_rows_without_a_truth_are_dropped_and_said(self):
        frame = scored(100).astype({"y_true": object})
        frame.loc[[2, 50], "y_true"] = None
        frame.loc[[2, 50], "y_score"] = np.nan
        recorded, data = load_predictions(frame)
        assert data.rows == 98
        assert "DATA-TARGET-MISSING" in {finding.code for finding in data.findings()}
        assert predict(recorded, data).y_pred == pytest.approx(frame["y_score"].dropna().to_numpy())

    def test_columns_that_are_no_features_raise_no_alarm(self):
        _, data = load_predictions(scored(300)[["y_true", "y_score"]])
        assert data.features.shape == (300, 0)
        assert data.findings() == []
        _, data = load_predictions(scored(300).assign(copy=lambda frame: frame["y_true"]), sensitive="sex")
        assert data.findings() == []

    def test_any_table_is_read_by_its_own_names(self, tmp_path):
        frame = scored(50).rename(columns={"y_true": "défaut", "y_score": "p<b>"})
        frame.to_csv(tmp_path / "scores 2024.csv", sep=";", index=False)
        recorded, data = load_predictions(
            tmp_path / "scores 2024.csv", y_true="défaut", y_score="p<b>", sensitive="sex"
        )
        assert data.name == "scores 2024"
        assert list(data.sensitive) == ["sex"]
        assert recorded.y_pred is None

    def test_a_column_left_out_is_not_used(self):
        frame = scored(50).assign(y_pred=1)
        recorded, data = load_predictions(frame, drop=["y_pred"])
        assert not Model.of(recorded).decides
        assert list(data.features) == ["sex"]

    def test_another_column_with_a_part_of_its_own_is_not_suggested(self):
        with pytest.raises(InputError, match=r"no column 'y_true' \(the true values\). Give y_true="):
            load_predictions(scored(60).drop(columns="y_true"))

    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            ({}, {"y_true": "y_tru"}, r"no column 'y_tru' \(the true values\). Did you mean 'y_true'"),
            ({}, {"y_score": "score"}, r"no column 'score' \(the scores\). Did you mean 'y_score'"),
            ({}, {"y_pred": "sexx"}, "no column 'sexx' .*Did you mean 'sex'"),
            ({}, {"y_score": ["y_score", "other"]}, "no column 'other'"),
            ({}, {"drop": "y_score"}, "holds no predictions: there is neither a column y_pred"),
            ({"y_score": 1.2}, {}, r"\[0, 1\]; 60 of 60 rows lie outside"),
            (
                {"y_score": lambda frame: frame["y_score"].mask(frame.index < 3)},
                {},
                "y_score is missing in 3 of 60 rows",
            ),
            ({"y_score": "high"}, {}, "'y_score' must hold numbers; found 'high'"),
            ({"y_pred": lambda frame: frame["y_score"]}, {"drop": "y_score"}, "Probabilities are given as y_score"),
            ({"y_pred": "maybe"}, {}, "labels that 'y_true' does not: 'maybe'. Known: 0, 1"),
            ({"y_pred": lambda frame: frame["y_true"].mask(frame.index < 2)}, {}, "'y_pred' is missing in 2 of 60"),
            ({"y_true": lambda frame: frame.index / 7}, {}, r"predict \(regression\)"),
            ({"y_true": lambda frame: list("abc") * 20}, {}, "Give a column for each class"),
            ({"y_true": lambda frame: list("abc") * 20}, {"y_score": ["y_score", "sex"]}, "must hold numbers"),
            ({}, {"sensitive": "gender"}, "Sensitive column 'gender' is not in the table"),
        ],
    )
    def test_wrong_input_is_one_clear_error(self, change, options, message):
        with pytest.raises(InputError, match=message):
            load_predictions(scored(60).assign(**change), **options)

    @pytest.mark.parametrize(
        ("frame", "options", "message"),
        [
            (MULTI.drop(columns="y_score_cat"), {}, "one for each class; there is none for cat"),
            (MULTI.assign(y_score_x_cat=0.0), {}, "two for one class"),
            (MULTI.rename(columns={"y_score_cat": "p1"}), {"y_score": ["p1", "y_score.hen"]}, "'p1' ends with none"),
        ],
    )
    def test_columns_of_scores_must_fit_the_classes(self, frame, options, message):
        with pytest.raises(InputError, match=message):
            load_predictions(frame, **options)

    def test_arrays_of_different_lengths_are_one_clear_error(self):
        with pytest.raises(InputError, match="y_true has 10, y_score has 9"):
            load_predictions({"y_true": [0, 1] * 5, "y_score": [0.5] * 9})

    def test_the_truth_is_not_sensitive_too(self):
        with pytest.raises(InputError, match="'y_true' cannot be the target and sensitive at once"):
            load_predictions(scored(60), sensitive="y_true")

    def test_hostile_names_and_labels_stay_text(self):
        label = "<script>alert(1)</script>\n{{7*7}}\u202e" + "x" * 10_000
        frame = scored(80)
        frame["y_true"] = np.where(frame["y_true"] == 1, label, "no")
        found = evaluate(*load_predictions(frame.rename(columns={"sex": label}), positive=label), baseline="guess")
        assert "<script>" not in found._repr_html_()
        assert figure(found, "confusion")


def test_scores_named_after_labels_that_are_floats_are_those_of_their_class():
    truth = [0.0, 1.0] * 20
    scores = [0.2, 0.9] * 20
    one, data = load_predictions({"y_true": truth, "y_score_1.0": scores})
    two, _ = load_predictions({"y_true": truth, "y_score_0.0": [1 - s for s in scores], "y_score_1.0": scores})
    assert one.predict_proba(data.features)[:, 1].tolist() == scores
    assert two.predict_proba(data.features)[:, 1].tolist() == scores


@pytest.mark.parametrize("form", [str, str.upper, str.lower])
def test_scores_named_after_true_and_false_are_those_of_their_class_in_any_form(tmp_path, form):
    scores, path = [0.2, 0.9] * 20, tmp_path / "scores.csv"
    names = [f"y_score_{form(label)}" for label in ("False", "True")]
    rows = {"y_true": [form("False"), form("True")] * 20, names[0]: [1 - s for s in scores], names[1]: scores}
    pd.DataFrame(rows).to_csv(path, index=False)
    recorded, data = load_predictions(path)
    assert data.classes == (False, True)
    assert recorded.predict_proba(data.features)[:, 1] == pytest.approx(scores)


def test_scores_named_after_whole_numbers_are_those_of_labels_written_with_a_point():
    truth, scores = pd.Series(["0.0", "1.0"] * 20, dtype="category"), [0.2, 0.9] * 20
    recorded, data = load_predictions({"y_true": truth, "y_score_1": scores})
    assert data.classes == ("0.0", "1.0")
    assert recorded.predict_proba(data.features)[:, 1].tolist() == scores
    with pytest.raises(InputError, match="The name of the score column 'y_score_2' ends with none of the classes"):
        load_predictions({"y_true": truth, "y_score_2": scores})


@pytest.mark.parametrize(("truth", "guess"), [("B3", "1E2"), ("012", "007"), ("low", "None"), ("x", "2021-02")])
def test_predicted_labels_are_read_as_the_truth_is_though_they_look_like_something_else(tmp_path, truth, guess):
    labels = [truth, guess, "zz"] * 20
    file = tmp_path / "scored.csv"
    file.write_text("y_true,y_pred\n" + "".join(f"{label},{guess}\n" for label in labels), encoding="utf-8")
    recorded, data = load_predictions(file)
    assert data.classes == tuple(sorted([truth, guess, "zz"]))
    assert recorded.predict(data.features).tolist() == [guess] * 60
    frame = pd.DataFrame({"left": labels, "x": range(60)})
    (tmp_path / "calls.csv").write_text("y_pred\n" + f"{guess}\n" * 60, encoding="utf-8")
    beside = join_predictions(tmp_path / "calls.csv", load_dataset(frame, target="left"), 60)[0]
    assert beside.predict(data.features).tolist() == [guess] * 60


@pytest.mark.parametrize("cells", [["0,125", "0,75"], ["0.125", "0.75"], ["1,25E-1", "7,5E-1"]])
def test_scores_are_read_as_they_are_written(tmp_path, cells):
    truth = ["nein", "ja"] * 20
    (tmp_path / "scored.csv").write_text(
        "y_true;y_score\n" + "".join(f"{label};{cell}\n" for label, cell in zip(truth, cells * 20, strict=True)),
        encoding="utf-8",
    )
    for source in (tmp_path / "scored.csv", {"y_true": truth, "y_score": cells * 20}):
        recorded, data = load_predictions(source)
        assert recorded.predict_proba(data.features)[:2, 1].tolist() == [0.125, 0.75]


def test_predicted_numbers_are_read_as_they_are_written(tmp_path):
    numbers = np.linspace(1.5, 2000.25, 40)
    written = [f"{number:,.4f}".translate(str.maketrans(",.", ".,")) for number in numbers]
    table = {"y_true": numbers, "y_pred": written}
    recorded, data = load_predictions(table)
    assert data.task == "regression"
    assert recorded.predict(data.features) == pytest.approx(numbers, abs=1e-4)


def test_a_truth_of_two_labels_may_have_one_that_usually_marks_a_missing_value(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"y_true": ["NA", "EU"] * 50, "y_score": rng.random(100).round(3)})
    rows.assign(y_pred=["NA", "NA", "EU", "EU"] * 25).to_csv(tmp_path / "scored.csv", index=False)
    recorded, data = load_predictions(tmp_path / "scored.csv", positive="NA")
    assert (data.classes, data.rows) == (("EU", "NA"), 100)
    assert recorded.predict(data.features.head(4)).tolist() == ["NA", "NA", "EU", "EU"]


@pytest.mark.parametrize("called", ["{}", "p_{}", "P({})", "proba.{}", "score {}"])
def test_columns_that_are_called_as_the_classes_are_found_by_their_names(called):
    scores = pd.DataFrame({called.format("yes"): [0.9, 0.2], called.format("no"): [0.1, 0.8]})
    assert RecordedPredictions(y_score=scores, classes=("no", "yes")).predict(scores).tolist() == ["yes", "no"]
    numbers = scores.set_axis([1, 0], axis=1)
    assert RecordedPredictions(y_score=numbers, classes=(0, 1)).predict(scores).tolist() == [1, 0]
    signed = scores.set_axis([called.format("1"), called.format("-1")], axis=1)
    assert RecordedPredictions(y_score=signed, classes=("-1", "1")).predict(scores).tolist() == ["1", "-1"]


def test_scores_in_percent_are_shares():
    y, score = [0, 1] * 50, [0.00265, 0.451] * 50
    table = {"y_true": y, "y_score": [f"{100 * one}%" for one in score]}
    recorded, data = load_predictions(pd.DataFrame(table))
    np.testing.assert_allclose(recorded.predict_proba(data.features)[:, 1], score)


def test_scores_that_contradict_the_predicted_labels_are_said():
    rng = np.random.default_rng(0)
    score = np.round(rng.random(400), 3)
    group = rng.choice(["a", "b"], 400)
    rows = {"y_true": np.where(rng.random(400) < score, "yes", "no"), "y_score": score, "group": group}
    right = np.where(score > np.where(group == "a", 0.3, 0.7), "yes", "no")
    told = {
        "by_group": right,
        "one": np.full(400, "no"),
        "of_the_other": np.where(score < 0.5, "yes", "no"),
        "in_another_order": rng.permutation(np.where(score > 0.5, "yes", "no")),
    }
    table = load_dataset(pd.DataFrame(rows), target="y_true", positive="yes")
    for name, called in told.items():
        both = load_predictions({**rows, "y_pred": called}, positive="yes")
        for _, data in (both, join_predictions({"y_pred": called, "y_score": score}, table, 400)):
            notes = [note for note in data.findings() if note.code == "MODEL-SCORES-CONTRADICT"]
            assert len(notes) == (name in ("of_the_other", "in_another_order"))
            assert all(note.severity == "high" for note in notes)
            assert name != "of_the_other" or "in 0% of pairs" in notes[0].message


def test_of_equal_scores_the_first_class_is_predicted_whatever_order_the_file_has():
    """As scikit-learn does; the order of the columns of a file decided, by 6 points of accuracy."""
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(3), 600).round(1)
    table = pd.DataFrame(share / share.sum(axis=1, keepdims=True), columns=["y_score_a", "y_score_b", "y_score_c"])
    wanted = np.array(["a", "b", "c"])[table.to_numpy().argmax(axis=1)]
    table["y_true"] = rng.choice(["a", "b", "c"], 600)
    for columns in (list(table), list(table)[::-1], ["y_score_b", "y_true", "y_score_c", "y_score_a"]):
        recorded, data = load_predictions(table[columns])
        assert (recorded.predict(data.features) == wanted).all()
