import json
import math
import warnings
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix, recall_score, roc_auc_score
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError
from toolkit.evaluation.evaluate import evaluate
from toolkit.models.recorded import RecordedPredictions


def binary_table(n=1500, seed=0, labels=("no <b>", "yes & $x$")):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    y = rng.random(n) < 1 / (1 + np.exp(1 - 1.5 * x[:, 0]))
    frame = pd.DataFrame(x, columns=["größe", "<script>", "a b"]).assign(target=np.where(y, labels[1], labels[0]))
    return load_dataset(frame, target="target", positive=labels[1])


@pytest.fixture(scope="module")
def split():
    return split_dataset(binary_table(), strategy="stratified", test_size=0.3, validation_size=0.2)


@pytest.fixture(scope="module")
def model(split):
    return LogisticRegression().fit(split.train.features, split.train.target)


@pytest.fixture(scope="module")
def baseline(split):
    return DummyClassifier().fit(split.train.features, split.train.target)


def test_binary_numbers_by_part_beside_the_baseline(split, model, baseline):
    found = evaluate(model, split, baseline=baseline)
    assert isinstance(found, Result)
    numbers = found.scalars()
    positive = list(model.classes_).index(split.data.positive)
    for part, data in split.parts().items():
        score = model.predict_proba(data.features)[:, positive]
        assert numbers[f"{part}.roc_auc"].value == pytest.approx(roc_auc_score(data.y_binary(), score), abs=1e-12)
        assert numbers[f"{part}.roc_auc"].n == data.rows
    assert numbers["baseline.roc_auc"].value == 0.5
    assert numbers["difference.roc_auc"].value == pytest.approx(numbers["test.roc_auc"].value - 0.5)
    assert numbers["difference.roc_auc"].low > 0
    table = found.frame()
    assert set(table["part"]) == {"train", "validation", "test"}
    assert table.set_index(["metric", "part"]).loc[("roc_auc", "test"), "method"] == "DeLong, logit scale"
    assert table.loc[table["part"] != "test", "difference"].isna().all()
    truth = np.where(split.test.target == split.data.positive, 1, 0)
    guess = (model.predict_proba(split.test.features)[:, positive] >= 0.5).astype(int)
    assert found.confusion.to_numpy().tolist() == confusion_matrix(truth, guess).tolist()


def test_it_is_the_same_twice_and_goes_into_json(split, model, baseline):
    first, second = (evaluate(model, split, baseline=baseline, latency=False) for _ in range(2))
    assert repr(first.scalars()) == repr(second.scalars())
    json.dumps({name: asdict(found) for name, found in first.scalars().items()})
    pd.testing.assert_frame_equal(first.frame(), second.frame())
    for name, found in first.scalars().items():
        assert not math.isinf(found.value), name
        assert not math.isinf(found.low), name
        assert not math.isinf(found.high), name


def test_every_picture_draws_and_says_its_numbers(split, model):
    found = evaluate(model, split, threshold={"cost": {"fp": 1, "fn": 5, "currency": "€ <i>"}}, latency=False)
    kinds = {"roc", "precision_recall", "calibration", "gain", "cost", "scores", "confusion"}
    assert set(found.pictures()) == kinds
    for kind, words in found.pictures().items():
        assert any(letter.isdigit() for letter in words.alt), kind
        drawn = figure(found, kind)
        assert len(drawn.image) < 100_000
        assert found.plot(kind).has_data()
    with pytest.raises(InputError, match="no figure 'rocc'"):
        found.plot("rocc")


def test_the_cell_shows_numbers_and_escapes_text(split, model, baseline):
    html = evaluate(model, split, baseline=baseline)._repr_html_()
    assert "roc_auc" in html
    assert "yes &amp; $x$" in html
    assert "<script>" not in html
    assert "no <b>" not in html
    assert "0.5 or more (fixed)" in html


def test_the_threshold_comes_from_the_validation_part(split, model):
    found = evaluate(model, split, threshold={"recall": 0.9}, latency=False)
    positive = list(model.classes_).index(split.data.positive)
    score = model.predict_proba(split.validation.features)[:, positive]
    assert recall_score(split.validation.y_binary(), score >= found.threshold.value) >= 0.9
    assert found.threshold.part == "validation"
    assert found.scalars()["threshold.value"].value == found.threshold.value
    assert "chosen on the validation part" in str(found.record().parameters["threshold"])
    assert not [note for note in found.findings() if note.code.startswith("THRESHOLD")]


def test_a_threshold_chosen_elsewhere_is_said(split, model):
    without = split_dataset(split.data, strategy="stratified", test_size=0.3)
    codes = [note.code for note in evaluate(model, without, threshold="youden", latency=False).findings()]
    assert "THRESHOLD-ON-TRAINING" in codes
    codes = [note.code for note in evaluate(model, split.test, threshold="youden", latency=False).findings()]
    assert "THRESHOLD-ON-TEST" in codes
    codes = [note.code for note in evaluate(model, split, threshold={"precision": 1.0}, latency=False).findings()]
    assert "THRESHOLD-NOT-CHOSEN" not in codes


def test_cost_is_a_metric_in_the_users_currency(split, model, baseline):
    found = evaluate(model, split, baseline=baseline, threshold="cost:fp=1,fn=5,currency=EUR", latency=False)
    numbers, cells = found.scalars(), found.confusion.to_numpy()
    assert numbers["test.expected_cost"].value == pytest.approx((cells[0, 1] + 5 * cells[1, 0]) / cells.sum())
    assert "5 EUR" in str(found.threshold)
    assert "EUR" in found.pictures()["cost"].alt
    assert numbers["difference.expected_cost"].high < 0


def test_operational_numbers(split, model):
    numbers = evaluate(model, split.test).scalars()
    assert 0 < numbers["latency.p50_ms"].value <= numbers["latency.p95_ms"].value
    assert 0 < numbers["latency.batch_p50_ms"].value <= numbers["latency.batch_p95_ms"].value
    assert numbers["throughput.rows_per_second"].value > 0
    assert numbers["model.size_bytes"].value > 100
    assert not any(name.startswith("latency") for name in evaluate(model, split.test, latency=False).scalars())


def test_a_model_that_cannot_be_pickled_has_no_size(split):
    class Local(LogisticRegression):
        pass

    numbers = evaluate(Local().fit(split.train.features, split.train.target), split.test).scalars()
    assert "model.size_bytes" not in numbers


def test_models_without_probabilities(split):
    found = evaluate(LinearSVC().fit(split.train.features, split.train.target), split, latency=False)
    numbers = found.scalars()
    assert numbers["test.roc_auc"].value > 0.6
    assert math.isnan(numbers["test.log_loss"].value)
    assert found.threshold.value == 0
    assert "EVAL-NO-PROBABILITIES" in [note.code for note in found.findings()]
    assert "calibration" not in found.pictures()

    class Labels:
        def predict(self, features):
            return np.where(features.iloc[:, 0] > 0.5, "yes & $x$", "no <b>")

    numbers = evaluate(Labels(), split.test, latency=False).scalars()
    guess = split.test.features.iloc[:, 0] > 0.5
    assert numbers["test.recall"].value == pytest.approx(recall_score(split.test.y_binary(), guess))


def test_multiclass(split):
    wine = split_dataset(load_dataset("wine"), strategy="stratified", test_size=0.4)
    model = DecisionTreeClassifier(max_depth=3).fit(wine.train.features, wine.train.target)
    baseline = DummyClassifier().fit(wine.train.features, wine.train.target)
    found = evaluate(model, wine, baseline=baseline, latency=False)
    numbers = found.scalars()
    assert numbers["difference.balanced_accuracy"].low > 0
    assert list(found.by_class["class"]) == ["class_0", "class_1", "class_2"]
    assert found.confusion.to_numpy().sum() == wine.test.rows
    assert set(found.pictures()) == {"confusion", "per_class"}
    assert numbers["test.class_0.recall"] == found.by_class["recall"][0]
    for kind in found.pictures():
        figure(found, kind)
    assert "class_1" in found._repr_html_()
    with pytest.raises(InputError, match="binary targets only"):
        evaluate(model, wine, threshold=0.3)


def test_regression():
    diabetes = split_dataset(load_dataset("diabetes"), test_size=0.3)
    model = LinearRegression().fit(diabetes.train.features, diabetes.train.target)
    baseline = DummyRegressor().fit(diabetes.train.features, diabetes.train.target)
    found = evaluate(model, diabetes, baseline=baseline, latency=False)
    numbers = found.scalars()
    assert numbers["difference.root_mean_squared_error"].high < 0
    assert numbers["baseline.r2"].value <= 0
    assert set(found.pictures()) == {"predicted_vs_actual", "residuals"}
    for kind in found.pictures():
        figure(found, kind)
    assert found.threshold is None
    with pytest.raises(InputError, match="binary targets only"):
        evaluate(model, diabetes, threshold="youden")


def codes(found):
    return {note.code: note for note in found.findings()}


@pytest.mark.parametrize("name", ["wine", "binary"])
def test_rows_whose_true_class_has_no_probability_are_counted(name):
    table = load_dataset("wine") if name == "wine" else binary_table(seed=2)
    parts = split_dataset(table, strategy="stratified", test_size=0.5)
    tree = DecisionTreeClassifier(random_state=0).fit(parts.train.features, parts.train.target)
    wrong = int((tree.predict(parts.test.features) != parts.test.target).sum())
    told = codes(evaluate(tree, parts, latency=False))["EVAL-CERTAIN-AND-WRONG"]
    assert wrong > 1
    assert f"of {wrong} of {parts.test.rows} test rows" in told.message
    pruned = DecisionTreeClassifier(min_samples_leaf=15, max_depth=1).fit(parts.train.features, parts.train.target)
    unsure = pruned.predict_proba(parts.test.features)
    truth = np.searchsorted(pruned.classes_, parts.test.target)
    none = bool((unsure[np.arange(len(truth)), truth] > 0).all())
    assert ("EVAL-CERTAIN-AND-WRONG" not in codes(evaluate(pruned, parts, latency=False))) == none


def test_findings_on_a_model_that_is_no_better_overfitted_and_miscalibrated(split, model):
    rng = np.random.default_rng(0)
    noise = binary_table(seed=1)
    shuffled = load_dataset(
        noise.features.assign(target=rng.permutation(noise.target.to_numpy())), target="target", positive="yes & $x$"
    )
    parts = split_dataset(shuffled, strategy="stratified", test_size=0.3)
    eager = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.3).fit(
        parts.train.features, parts.train.target
    )
    baseline = DummyClassifier().fit(parts.train.features, parts.train.target)
    found = codes(evaluate(eager, parts, baseline=baseline, latency=False))
    assert {"EVAL-NOT-BETTER-THAN-BASELINE", "EVAL-OVERFIT", "EVAL-MISCALIBRATED"} <= set(found)
    assert "includes 0" in found["EVAL-NOT-BETTER-THAN-BASELINE"].message
    assert "too extreme" in found["EVAL-MISCALIBRATED"].message

    worse = codes(evaluate(baseline_of(split, flip=True), split, baseline=model, latency=False))
    assert worse["EVAL-WORSE-THAN-BASELINE"].severity == "critical"


def test_a_baseline_decides_at_the_threshold_that_was_chosen_for_it(split, model):
    champion = evaluate(model, split, threshold="recall>=0.9", latency=False)
    alone = champion.scalars()
    for threshold in (None, "recall>=0.5"):
        beside = evaluate(baseline_of(split, flip=False), split, baseline=champion, threshold=threshold, latency=False)
        for name in ("recall", "accuracy", "f1"):
            assert beside.scalars()[f"baseline.{name}"] == alone[f"test.{name}"]
    undecided = evaluate(model, split, latency=False)
    beside = evaluate(champion, split, baseline=undecided, latency=False).scalars()
    assert beside["baseline.recall"].value == beside["test.recall"].value


def baseline_of(split, *, flip):
    target = split.train.target.to_numpy()
    target = np.where(target == target[0], np.unique(target[target != target[0]])[0], target[0]) if flip else target
    return LogisticRegression().fit(split.train.features, target)


def test_a_good_model_gets_no_finding(split, model, baseline):
    assert evaluate(model, split, baseline=baseline, latency=False).findings() == []


def test_one_class_in_the_test_part(model):
    data = binary_table()
    only = data.take(np.flatnonzero(data.y_binary() == 0)[:50])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(model, only, latency=False)
    assert codes(found)["EVAL-ONE-CLASS"].severity == "critical"
    assert math.isnan(found.scalars()["test.roc_auc"].value)
    assert set(found.pictures()) == {"confusion"}
    figure(found, "confusion")
    assert "not defined" in found._repr_html_()
    few = data.take(np.r_[np.flatnonzero(data.y_binary() == 0)[:50], np.flatnonzero(data.y_binary() == 1)[:1]])
    found = evaluate(model, few, latency=False)
    assert "only 1 row of class" in codes(found)["EVAL-FEW-ROWS"].message
    for kind in found.pictures():
        figure(found, kind)


class Broken(LogisticRegression):
    def predict_proba(self, features):
        return np.full((len(features), 2), np.nan)


def test_models_that_do_not_fit_are_refused(split, model):
    with pytest.raises(InputError, match="A fitted model with a 'predict' method is needed; found type"):
        evaluate(LogisticRegression, split)
    with pytest.raises(InputError, match="found dict"):
        evaluate({}, split)
    other = LogisticRegression().fit(split.train.features, np.where(split.train.y_binary(), "left", "right"))
    with pytest.raises(InputError, match=r"predicts left, right, but target 'target' holds"):
        evaluate(other, split)
    renamed = split.train.features.rename(columns={"größe": "groesse"})
    with pytest.raises(InputError, match="does not have: groesse"):
        evaluate(LogisticRegression().fit(renamed, split.train.target), split)
    with pytest.raises(InputError, match="missing or infinite in 750 of 750 rows"):
        evaluate(Broken().fit(split.train.features, split.train.target), split)


def test_a_model_fitted_on_codes_speaks_the_labels_of_the_target(split, model):
    coded = LogisticRegression().fit(split.train.features, split.train.y_binary())
    found, plain = (evaluate(one, split, latency=False) for one in (coded, model))
    assert found.scalars()["test.roc_auc"].value == pytest.approx(plain.scalars()["test.roc_auc"].value, abs=1e-9)
    assert set(found.model.predict(split.test.features)) == set(split.test.classes)
    (note,) = [note for note in found.findings() if note.code == "MODEL-LABELS-CODED"]
    assert f"1 for {split.data.positive!r}" in note.message


@pytest.mark.parametrize("labels", [(0, 1), (False, True), ("b", "a"), (2, 1)])
def test_labels_of_any_kind_and_order(labels):
    data = binary_table(labels=labels)
    model = LogisticRegression().fit(data.features, data.target)
    found = evaluate(model, data, latency=False).scalars()
    assert found["test.roc_auc"].value > 0.75
    assert found["test.recall"].value > 0.3


class TestOneSided:
    @pytest.mark.parametrize(("score", "who"), [(0.004, "Nobody"), (0.7, "Everybody")])
    def test_a_threshold_that_calls_nobody_or_everybody_positive_is_a_high_finding(self, score, who):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"x": rng.normal(size=2000), "y": np.where(rng.random(2000) < 0.01, "yes", "no")})
        data = load_dataset(table, target="y", positive="yes")
        model = RecordedPredictions(y_score=score + 0.1 * rng.random(2000), classes=("no", "yes"))
        found = next(one for one in evaluate(model, data).findings() if one.code == "THRESHOLD-ONE-SIDED")
        assert found.severity == "high"
        assert found.message.startswith(f"{who} in the test part")
        assert "threshold='max_f1'" in found.message
        chosen = evaluate(model, data, threshold="max_f1")
        assert "THRESHOLD-ONE-SIDED" not in {one.code for one in chosen.findings()}

    @pytest.mark.parametrize(("score", "few", "who"), [(0.2, 0.9, "Hardly anybody"), (0.7, 0.1, "Nearly everybody")])
    def test_a_default_threshold_that_calls_hardly_a_row_otherwise_is_said(self, score, few, who):
        """One row of 2,000 is decided otherwise than all others, though one in ten is of the other class."""
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"x": rng.normal(size=2000), "y": np.where(np.arange(2000) % 10 == 0, "yes", "no")})
        data = load_dataset(table, target="y", positive="yes")
        scores = score + 0.1 * rng.random(2000)
        scores[0] = few
        model = RecordedPredictions(y_score=scores, classes=("no", "yes"))
        found = next(one for one in evaluate(model, data).findings() if one.code == "THRESHOLD-ONE-SIDED")
        assert found.severity == "medium"
        assert found.message.startswith(f"{who} in the test part")
        assert ("1 of 2,000 rows" if score < 0.5 else "1,999 of 2,000 rows") in found.message
        assert "10.0%" in found.message
        # Somebody who chose it wants few: the best at a limit of precision, say.
        for own in (0.6, "precision>=0.9"):
            assert "THRESHOLD-ONE-SIDED" not in {one.code for one in evaluate(model, data, threshold=own).findings()}


def test_a_baseline_that_never_says_positive_is_chance_at_the_models_own_rate():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"x": rng.normal(size=600), "y": np.where(rng.random(600) < 0.3, "yes", "no")})
    data = load_dataset(table, target="y", positive="yes")
    model = RecordedPredictions(y_score=rng.random(600), classes=("no", "yes"))
    numbers = evaluate(model, data, baseline="guess", latency=False, threshold=0.8).scalars()
    rate, said = (table.y == "yes").mean(), numbers["baseline.recall"].value
    assert 0.1 < said < 0.3
    assert numbers["baseline.precision"].value == pytest.approx(rate)
    assert numbers["baseline.f1"].value == pytest.approx(2 * rate * said / (rate + said))
    assert numbers["baseline.f1"].method == "chance at the same rate of positives"
    assert numbers["difference.f1"].value == pytest.approx(numbers["test.f1"].value - numbers["baseline.f1"].value)
    assert numbers["difference.f1"].low < 0 < numbers["difference.f1"].high


def test_errors_with_heavy_tails_give_no_interval_of_their_squares_and_are_said():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"x": rng.normal(size=2000)})
    quiet, wild = table.x + rng.normal(size=2000), table.x + rng.standard_t(2.5, 2000)
    found = {}
    for name, target in (("quiet", quiet), ("wild", wild)):
        data = load_dataset(table.assign(y=target), target="y")
        found[name] = evaluate(RecordedPredictions(y_pred=table.x.to_numpy()), data, baseline="guess", latency=False)
    said = {name: {one.code: one for one in one.findings()} for name, one in found.items()}
    assert "EVAL-HEAVY-TAILS" not in said["quiet"]
    assert said["wild"]["EVAL-HEAVY-TAILS"].severity == "high"
    numbers = found["wild"].scalars()
    for name in ("test.root_mean_squared_error", "test.r2", "difference.root_mean_squared_error"):
        assert math.isfinite(numbers[name].value)
        assert not numbers[name].has_interval
        assert numbers[name].method == "no interval: heavy tails"
    assert numbers["test.mean_absolute_error"].has_interval
    assert "EVAL-NOT-BETTER-THAN-BASELINE" not in said["wild"]
    assert found["quiet"].scalars()["test.root_mean_squared_error"].has_interval


@pytest.mark.parametrize(("moved", "end"), [(-50.0, "The highest score is −4"), (50.0, "The lowest score is 4")])
def test_the_end_of_the_scores_keeps_its_sign(moved, end):
    table = pd.DataFrame({"x": np.linspace(0, 1, 200), "y": np.tile(["yes", "no"], 100)})
    data = load_dataset(table, target="y", positive="yes")
    model = LinearSVC().fit(data.features, data.target)
    model.intercept_ = model.intercept_ + moved
    found = next(one for one in evaluate(model, data).findings() if one.code == "THRESHOLD-ONE-SIDED")
    assert end in found.message
