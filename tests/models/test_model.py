"""Whatever comes in at the door is called in one way, and speaks the target's own labels."""

import pickle
from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import precision_score, recall_score, roc_auc_score
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.drift.detect import detect_drift
from toolkit.drift.model import importances
from toolkit.errors import InputError, NotApplicableError
from toolkit.evaluation.evaluate import evaluate
from toolkit.explanation.explain import explain
from toolkit.fairness.alike import change_column
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.mitigate import mitigate
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.models.preprocessing import MANY_ROWS
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.threshold import Rule, Threshold
from toolkit.models.train import train

NAMES = ["noise", "age in years"]


def people(n=400, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age in years": rng.integers(18, 80, n), "noise": rng.normal(size=n)})
    return frame.assign(buys=np.where(frame["age in years"] / 15 + rng.logistic(size=n) > 3.3, "yes", "no"))


ROWS = people()
DATA = load_dataset(ROWS, target="buys", positive="yes")
CODES = (ROWS["buys"] == "yes").astype(int)


def pyfunc(tmp_path):
    import mlflow

    class Ages(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return np.where(model_input["age in years"] > 50, "yes", "no")

    inputs = mlflow.types.Schema([mlflow.types.ColSpec("long", "age in years")])
    signature = mlflow.models.ModelSignature(inputs=inputs)
    mlflow.pyfunc.save_model(tmp_path / "ages", python_model=Ages(), signature=signature, pip_requirements=["mlflow"])
    return mlflow.pyfunc.load_model(str(tmp_path / "ages"))


def skorch_network(_):
    skorch, torch = pytest.importorskip("skorch"), pytest.importorskip("torch")
    layers = torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2), torch.nn.Softmax(1)
    net = skorch.NeuralNetClassifier(torch.nn.Sequential(*layers), max_epochs=5, verbose=0)
    rows = ROWS[["age in years", "noise"]].to_numpy(dtype=np.float32)
    return net.fit(rows / np.array([50, 1], dtype=np.float32), CODES.to_numpy(dtype=np.int64))


KINDS = {
    "the toolkit's own": lambda _: train(split_dataset(DATA), candidates=["logistic"], cv=2).model,
    "scikit-learn": lambda _: LogisticRegression(max_iter=1000).fit(ROWS[NAMES], ROWS["buys"]),
    "a pipeline": lambda _: make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS[NAMES], ROWS["buys"]),
    "a search": lambda _: GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(ROWS[NAMES], ROWS["buys"]),
    "no probabilities": lambda _: LinearSVC().fit(ROWS[NAMES], ROWS["buys"]),
    "an array": lambda _: LogisticRegression(max_iter=1000).fit(DATA.features.to_numpy(), ROWS["buys"]),
    "codes": lambda _: LogisticRegression(max_iter=1000).fit(ROWS[NAMES], CODES),
    "LightGBM": lambda _: LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS[NAMES], ROWS["buys"]),
    "XGBoost": lambda _: XGBClassifier(n_estimators=5).fit(ROWS[NAMES], CODES),
    "skorch": skorch_network,
    "a pyfunc": pyfunc,
    "recorded": lambda _: RecordedPredictions(y_score=np.linspace(0, 1, 400), classes=("no", "yes")),
    "a function": lambda _: lambda frame: frame["age in years"] / 100,
    "a function of margins": lambda _: lambda frame: frame["age in years"] - 50.0,
}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_taken_at_the_door(kind, tmp_path):
    given = KINDS[kind](tmp_path)
    model = Model.of(given, DATA)
    assert Model.of(model, DATA) is model
    labels = model.predict(DATA.features)
    assert set(labels) <= {"no", "yes"}
    assert set(model.classes) == {"no", "yes"}
    found, again = evaluate(given, DATA, latency=False), evaluate(model, DATA, latency=False)
    assert found.scalars() == again.scalars()
    assert found.scalars()["test.accuracy"].value == pytest.approx(np.mean(labels == ROWS["buys"]))
    if model.scores:
        place = model.classes.index("yes")
        score = getattr(model, model.scores)(DATA.features)
        score = score[:, place] if score.ndim == 2 else score * (1 if place else -1)
        assert predict(given, DATA).y_pred == pytest.approx(score)
    assert hasattr(model, "predict_proba") == (model.scores == "predict_proba")
    if not model.recorded:
        assert detect_drift(DATA, DATA, model=model).frame()["column"].tolist()[-1] == "model prediction"


@pytest.mark.parametrize("kind", ["the toolkit's own", "an array", "XGBoost", "recorded"])
def test_a_model_can_be_kept(kind, tmp_path):
    model = Model.of(KINDS[kind](tmp_path), DATA)
    model = replace(model, threshold=Threshold(0.3, Rule("recall", 0.9), "validation"))
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(DATA.features) == model.predict(DATA.features)).all()
    assert (again.classes, again.threshold, again.columns) == (model.classes, model.threshold, model.columns)


def test_it_decides_at_its_own_threshold():
    model = Model.of(KINDS["XGBoost"](None), DATA)
    chance = model.predict_proba(DATA.features)[:, 1]
    low = replace(model, threshold=Threshold(0.2, Rule("recall", 0.9)))
    assert (low.predict(DATA.features) == np.where(chance >= 0.2, "yes", "no")).all()
    assert (low.labels(DATA.features) == model.predict(DATA.features)).all()
    found = evaluate(low, DATA, latency=False)
    assert found.threshold.value == 0.2
    assert found.scalars()["test.recall"].value == pytest.approx(np.mean(chance[ROWS["buys"] == "yes"] >= 0.2))
    assert evaluate(low, DATA, threshold=0.7, latency=False).model.threshold.value == 0.7


NUMBERS = load_dataset(ROWS.assign(height=ROWS["noise"] * 3).drop(columns="buys"), target="height")
THREE = load_dataset(ROWS.assign(buys=np.arange(400) % 3 + 1), target="buys")


@pytest.mark.parametrize(
    ("given", "data", "message"),
    [
        (lambda: IsolationForest().fit(ROWS[NAMES]), DATA, r"IsolationForest \(outlier detector\) does not fit 'buys'"),
        (lambda: LinearRegression().fit(ROWS[NAMES], CODES), DATA, "Give a fitted classifier, or a function"),
        (lambda: LogisticRegression().fit(ROWS[["noise"]], CODES), NUMBERS, r"\(classifier\) does not fit 'height'"),
        (
            lambda: OneVsRestClassifier(LogisticRegression()).fit(ROWS[NAMES], np.column_stack([CODES, 1 - CODES])),
            load_dataset(ROWS.assign(buys=CODES), target="buys"),
            "OneVsRestClassifier predicts 2 targets at once",
        ),
        (
            lambda: LogisticRegression(max_iter=1000).fit(ROWS[NAMES], np.arange(400) % 3),
            THREE,
            "The model predicts 0, 1, 2, but target 'buys' holds 1, 2, 3",
        ),
        (
            lambda: lambda rows: np.where(rows["noise"] > 0, "yes", "no"),
            DATA,
            "no numbers, but (yes|no), .* not labels",
        ),
        (lambda: lambda rows: ["much"] * len(rows), NUMBERS, "no numbers, but much"),
        (
            lambda: lambda rows: rows["height"],
            DATA,
            "<lambda> failed on the 2 columns of the table: KeyError: 'height'",
        ),
    ],
)
def test_a_model_of_something_else_than_the_target_is_refused(given, data, message):
    with pytest.raises(InputError, match=message):
        evaluate(given(), data, latency=False)


def test_scores_of_a_function_are_found_by_the_names_of_the_classes():
    def said(rows):
        return pd.DataFrame({"yes": rows["age in years"] / 100, "no": 1 - rows["age in years"] / 100})

    assert predict(said, DATA).y_pred == pytest.approx(ROWS["age in years"] / 100)


class Tables(LogisticRegression):
    """Answers in tables, as ``how`` makes them of the classes and the probabilities."""

    def __init__(self, how=lambda table: table):
        super().__init__(max_iter=1000)
        self.how = how

    def predict_proba(self, rows):
        return self.how(pd.DataFrame(super().predict_proba(rows), index=rows.index, columns=self.classes_))


def backwards(table):
    return table[table.columns[::-1]]


@pytest.mark.parametrize("target", ["buys", "thirds"])
@pytest.mark.parametrize(
    "how",
    [
        backwards,
        lambda table: table.sort_values(table.columns[0]),
        lambda table: backwards(table).reset_index(drop=True),
    ],
    ids=["columns", "rows", "no index"],
)
def test_what_a_model_says_in_a_table_is_found_by_its_columns_and_rows(how, target):
    rows = ROWS.assign(thirds=pd.cut(ROWS["age in years"], 3, labels=["a", "b", "c"]).astype(str)).sample(
        frac=1, random_state=1
    )
    data = load_dataset(rows[[*NAMES, target]], target=target, positive="yes" if target == "buys" else None)
    plain = LogisticRegression(max_iter=1000).fit(rows[NAMES], rows[target])
    wanted = evaluate(plain, data, latency=False).scalars()["test.log_loss"].value
    told = Tables(how).fit(rows[NAMES], rows[target])
    assert evaluate(told, data, latency=False).scalars()["test.log_loss"].value == pytest.approx(wanted)


def test_numbers_that_a_model_says_in_another_order_of_rows_are_found():
    class Sorted(LinearRegression):
        def predict(self, rows):
            return pd.Series(super().predict(rows), index=rows.index).sort_values()

    data = load_dataset(ROWS[NAMES], target="age in years")
    line = LinearRegression().fit(ROWS[["noise"]], ROWS["age in years"])
    told = predict(Sorted().fit(ROWS[["noise"]], ROWS["age in years"]), data)
    assert told.y_pred == pytest.approx(line.predict(ROWS[["noise"]]))


@pytest.mark.parametrize("target", ["buys", "thirds"])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda table: table * 100, r"Tables.predict_proba must hold probabilities in \[0, 1\]"),
        (
            lambda table: table / 2,
            "Tables.predict_proba must hold probabilities of the classes that add up to 1; in 400 of 400",
        ),
    ],
)
def test_what_is_called_a_probability_and_is_none_is_refused(how, message, target):
    rows = ROWS.assign(thirds=pd.cut(ROWS["age in years"], 3, labels=["a", "b", "c"]).astype(str))
    data = load_dataset(rows[[*NAMES, target]], target=target)
    with pytest.raises(InputError, match=message):
        evaluate(Tables(how).fit(rows[NAMES], rows[target]), data, latency=False)


@pytest.mark.parametrize("probabilities", [True, False])
def test_a_model_that_does_not_cut_its_scores_in_the_middle_is_judged_as_it_decides(probabilities):
    inner, cut = (LogisticRegression(max_iter=1000), 0.8) if probabilities else (LinearSVC(), 0.4)
    fitted = FixedThresholdClassifier(inner, threshold=cut, pos_label="yes").fit(ROWS[NAMES], ROWS["buys"])
    said = fitted.predict(ROWS[NAMES])
    found = evaluate(fitted, DATA, latency=False, baseline=fitted)
    assert found.scalars()["test.accuracy"].value == pytest.approx(np.mean(said == ROWS["buys"]))
    assert found.scalars()["test.recall"].value == pytest.approx(np.mean(said[ROWS["buys"] == "yes"] == "yes"))
    assert found.scalars()["difference.accuracy"].value == 0
    assert str(found.threshold) == "as the model itself decided"
    assert (found.model.predict(DATA.features) == said).all()
    halves = load_dataset(ROWS.assign(half=["a", "b"] * 200), target="buys", positive="yes", sensitive=["half"])
    audited = audit_fairness(fitted, halves, replicates=200).scalars()
    rates = [audited[f"fairness.half.{half}.selection_rate"].value for half in "ab"]
    assert np.mean(rates) == pytest.approx(np.mean(said == "yes"))
    chosen = evaluate(fitted, DATA, threshold="recall>=0.9", latency=False)
    assert chosen.scalars()["test.recall"].value >= 0.9


@pytest.mark.parametrize(("shares", "cut"), [([0.05, 0.3, 0.53, 0.9], 0.2), ([0.05, 0.47, 0.7, 0.9], 0.8)])
def test_so_is_one_of_a_few_scores_whose_many_rows_next_to_the_middle_are_decided_as_usual(shares, cut):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.choice(4, 4000, p=[0.3, 0.2, 0.4, 0.1])})
    rows["buys"] = np.where(rng.random(4000) < np.array(shares)[rows["x"]], "yes", "no")
    tree = FixedThresholdClassifier(DecisionTreeClassifier(), threshold=cut, pos_label="yes")
    said = tree.fit(rows[["x"]], rows["buys"]).predict(rows[["x"]])
    found = evaluate(tree, load_dataset(rows, target="buys", positive="yes"), latency=False)
    assert found.scalars()["test.accuracy"].value == pytest.approx(np.mean(said == rows["buys"]), abs=1e-12)
    assert found.scalars()["test.recall"].value == pytest.approx(np.mean(said[rows["buys"] == "yes"] == "yes"))


@pytest.mark.parametrize("positive", ["yes", "no"])
@pytest.mark.parametrize("neighbours", [4, 5])
def test_rows_halfway_are_decided_as_the_model_decides_them(neighbours, positive):
    """Of four neighbours two are often of either class: scikit-learn then takes the first class."""
    fitted = KNeighborsClassifier(neighbours).fit(ROWS[NAMES], ROWS["buys"])
    said, true = fitted.predict(ROWS[NAMES]) == positive, ROWS["buys"] == positive
    scores = fitted.predict_proba(ROWS[NAMES])[:, 0]
    assert (np.sum(scores == 0.5) > 20) == (neighbours == 4)
    found = evaluate(fitted, load_dataset(ROWS, target="buys", positive=positive), latency=False).scalars()
    assert found["test.recall"].value == pytest.approx(recall_score(true, said), abs=1e-12)
    assert found["test.precision"].value == pytest.approx(precision_score(true, said), abs=1e-12)


def test_a_single_row_halfway_and_scores_that_are_all_alike_leave_the_usual_threshold():
    class Halves(LogisticRegression):
        def predict_proba(self, rows):
            score = np.where(rows.index < self.halfway, 0.5, 0.7)
            return np.column_stack([1 - score, score])

        def predict(self, rows):
            return self.classes_[(self.predict_proba(rows)[:, 1] > 0.5).astype(int)]

    for halfway, default in ((1, True), (2, False), (400, True)):
        model = Halves().fit(ROWS[NAMES], ROWS["buys"])
        model.halfway = halfway
        assert (evaluate(model, DATA, latency=False).threshold.value == 0.5) == default


def test_a_threshold_for_the_other_class_is_not_used_and_said():
    model = replace(Model.of(KINDS["scikit-learn"](None), DATA), threshold=Threshold(0.2, Rule("recall", 0.9)))
    other = load_dataset(ROWS, target="buys", positive="no")
    found = evaluate(model, other, latency=False)
    assert found.threshold.value == 0.5
    (note,) = [note for note in found.findings() if note.code == "MODEL-THRESHOLD-UNUSED"]
    assert "is for yes, not for no" in note.message


def test_it_takes_its_columns_out_of_any_table():
    model = Model.of(KINDS["scikit-learn"](None))
    assert model.columns == dict.fromkeys(NAMES, "")
    more = DATA.features.assign(other="x")
    assert (model.predict(more) == model.predict(DATA.features[NAMES])).all()
    with pytest.raises(NotApplicableError, match=r"needs features that the table does not have: noise\."):
        model.predict(DATA.features[["age in years"]])


def test_a_column_that_was_left_out_of_the_features_is_named_with_the_way_to_keep_it():
    table = people().assign(constant=1.0)
    model = LogisticRegression().fit(table[[*NAMES, "constant"]].fillna(0), table["buys"])
    with pytest.raises(NotApplicableError, match=r"constant\. Where they are columns of it, read it with .*like=model"):
        evaluate(model, load_dataset(table, target="buys"), latency=False)
    later = load_dataset(table, target="buys", like=model)
    right = (model.predict(table[[*NAMES, "constant"]]) == table["buys"]).mean()
    assert evaluate(model, later, latency=False).scalars()["test.accuracy"].value == pytest.approx(right, abs=1e-12)


def test_a_library_that_fails_is_quoted_without_its_stack():
    city = np.repeat(["rome", "oslo", "bern"], 100)
    rows = pd.DataFrame({"city": pd.Categorical(city), "y": np.where(city == "bern", "a", "b")})
    model = XGBClassifier(n_estimators=9, enable_categorical=True).fit(rows[["city"]], rows["y"] == "b")
    with pytest.raises(InputError, match=r"Found a category not in the training set .* `zagreb`$"):
        evaluate(model, load_dataset(rows.assign(city=np.where(city == "rome", "zagreb", city)), target="y"))


def test_it_predicts_a_dataset_as_its_features():
    data = load_dataset("wine")
    model = train(split_dataset(data, seed=0), candidates=["logistic"], cv=2).model
    assert (model.predict(data) == model.predict(data.features)).all()
    assert (model.predict_proba(data) == model.predict_proba(data.features)).all()


def test_a_column_whose_name_is_empty_is_one_like_others():
    table = people().rename(columns={"noise": ""})
    parts = split_dataset(load_dataset(table, target=table.columns[-1]))
    assert evaluate(train(parts, candidates=["logistic"]).model, parts, latency=False).scalars()["test.roc_auc"].n


def test_a_column_that_is_there_itself_stands_for_no_other():
    """Names are matched without blanks, as LightGBM writes them, but each column is given to the model once."""
    rows = pd.DataFrame({"a b": [0.0, 1.0, 2.0, 3.0], "a_b": [3.0, 1.0, 0.0, 2.0]})
    model = Model.of(LogisticRegression().fit(rows, [0, 1, 0, 1]))
    with pytest.raises(NotApplicableError, match="needs features that the table does not have: a_b"):
        model.predict(rows[["a b"]])


def test_what_had_to_be_assumed_is_said():
    found = {kind: evaluate(KINDS[kind](None), DATA, latency=False).findings() for kind in ("an array", "codes")}
    assert "MODEL-COLUMNS-BY-PLACE" in [note.code for note in found["an array"]]
    (note,) = [note for note in found["codes"] if note.code == "MODEL-LABELS-CODED"]
    assert "0 for 'no', 1 for 'yes'" in note.message
    assert not [note for note in evaluate(KINDS["scikit-learn"](None), DATA).findings() if note.code[:6] == "MODEL-"]


FLOORS = np.random.default_rng(1).integers(0, 6, 400)
RATED = (np.random.default_rng(2).random(400) < np.array([0.9, 0.1, 0.8, 0.2, 0.9, 0.1])[FLOORS]).astype(int)


def before(last, *encoding):
    """Put an encoder of the column 'floor' before a model."""
    return make_pipeline(make_column_transformer((make_pipeline(*encoding), ["floor"]), remainder="passthrough"), last)


ONE_HOT = before(LogisticRegression(), OneHotEncoder(handle_unknown="ignore"))


@pytest.mark.parametrize("written", ["int64", "reordered"])
@pytest.mark.parametrize(
    "model",
    [
        ONE_HOT,
        before(LogisticRegression(), SimpleImputer(strategy="most_frequent"), TargetEncoder()),
        HistGradientBoostingClassifier(max_iter=10),
        LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1),
        XGBClassifier(n_estimators=10, n_jobs=1, enable_categorical=True),
        GridSearchCV(LGBMClassifier(n_jobs=1, verbose=-1), {"n_estimators": [10]}, cv=2),
        CalibratedClassifierCV(GridSearchCV(ONE_HOT, {"logisticregression__C": [1.0]}, cv=2), cv=2),
        StackingClassifier([("rest", DummyClassifier()), ("one", ONE_HOT)], cv=2),
        FixedThresholdClassifier(
            make_pipeline(FeatureUnion([("one", ONE_HOT[:1])]), LogisticRegression()), threshold=0.4
        ),
    ],
    ids=["onehot", "target", "histogram", "lightgbm", "xgboost", "search", "calibrated", "stacked", "union"],
)
def test_a_model_fitted_on_categories_that_are_numbers_meets_them_again(model, written):
    rows = ROWS[["noise"]].assign(floor=pd.Categorical(FLOORS, categories=[5, 3, 1, 0, 2, 4]))
    fitted = clone(model).fit(rows, RATED)
    wanted = fitted.predict_proba(rows)[:, 1]
    again = rows.assign(floor=pd.Categorical(FLOORS) if written == "reordered" else rows["floor"].astype(written))
    assert roc_auc_score(RATED, wanted) > 0.8
    for like in (None, fitted):
        data = load_dataset(again.assign(rated=RATED), target="rated", like=like)
        assert Model.of(fitted, data).predict_proba(data.features)[:, 1] == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [object, "string", "category"])
@pytest.mark.parametrize(
    "model",
    [
        ONE_HOT,
        CalibratedClassifierCV(ONE_HOT, cv=2),
        before(LogisticRegression(), TargetEncoder()),
        LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1),
    ],
    ids=["onehot", "calibrated", "target", "lightgbm"],
)
@pytest.mark.parametrize("spelled", [str, lambda floor: str(floor > 2)], ids=["numbers", "true and false"])
def test_a_model_fitted_on_texts_that_look_like_something_else_meets_them_again(model, kind, spelled):
    texts = ROWS[["noise"]].assign(floor=pd.Series(FLOORS).map(spelled).astype("category"))
    trees = isinstance(model, LGBMClassifier)
    fitted = clone(model).fit(texts if trees else texts.astype({"floor": object}), RATED)
    wanted = fitted.predict_proba(texts)[:, 1]
    data = load_dataset(texts.astype({"floor": kind}).assign(rated=RATED), target="rated")
    assert Model.of(fitted, data).predict_proba(data.features)[:, 1] == pytest.approx(wanted)


@pytest.mark.parametrize("gap", ["", " ", "NA"])
@pytest.mark.parametrize(
    "model", [ONE_HOT, LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1)], ids=["onehot", "lightgbm"]
)
def test_a_gap_is_the_label_by_which_an_encoder_knows_it(model, gap):
    rows = ROWS[["noise"]].assign(floor=np.array([gap, "low", "high"], dtype=object)[FLOORS // 2])
    fitted = clone(model).fit(rows if model is ONE_HOT else rows.astype({"floor": "category"}), FLOORS < 2)
    wanted = fitted.predict_proba(rows if model is ONE_HOT else rows.astype({"floor": "category"}))
    data = load_dataset(rows.assign(rated=FLOORS < 2), target="rated")
    assert data.features["floor"].isna().any()
    assert Model.of(fitted, data).predict_proba(data.features) == pytest.approx(wanted)


KINDS_OF_LABELS = {
    "intervals": pd.cut(pd.Series([1, 2, 3]), 3),
    "days": pd.Series(pd.date_range("2020-01-31", periods=3)),
    "dates": pd.Series([date(2020, 1, 31), date(2020, 2, 1), date(2020, 2, 2)]),
    "months": pd.Series(pd.period_range("2020-01", periods=3, freq="M")),
    "times": pd.Series([time(7), time(8, 30), time(9)]),
    "durations": pd.Series(pd.to_timedelta([1, 2, 36], unit="h")),
    "decimals": pd.Series([Decimal("1.5"), Decimal("2.5"), Decimal("3")]),
    "yes and no": pd.Series([True, False, True], dtype=object),
}


@pytest.mark.parametrize("like", [True, False])
@pytest.mark.parametrize("kind", KINDS_OF_LABELS)
def test_an_encoder_meets_labels_again_that_are_neither_texts_nor_numbers(kind, like):
    rows = ROWS[["noise"]].assign(floor=KINDS_OF_LABELS[kind].iloc[FLOORS // 2].set_axis(ROWS.index))
    fitted = clone(ONE_HOT).fit(rows, FLOORS < 2)
    data = load_dataset(rows.assign(rated=FLOORS < 2), target="rated", like=fitted if like else None)
    assert Model.of(fitted, data).predict_proba(data.features) == pytest.approx(fitted.predict_proba(rows))


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"), LinearSVC()),
        OneVsRestClassifier(make_pipeline(TargetEncoder(), LogisticRegression())),
    ],
    ids=["first step", "after an imputer", "one for each class"],
)
def test_an_encoder_meets_texts_again_that_are_numbers_wherever_it_stands(tmp_path, model):
    rows = pd.DataFrame({"floor": np.array(["1", "2", "3"])[FLOORS // 2], "wing": np.array(["7", "9"])[FLOORS % 2]})
    fitted = clone(model).fit(rows, FLOORS < 2)
    rows.assign(rated=FLOORS < 2).to_csv(tmp_path / "rows.csv", index=False)
    data = load_dataset(tmp_path / "rows.csv", target="rated")
    assert data.features["floor"].dtype == "int64"
    assert (Model.of(fitted, data).labels(data.features) == fitted.predict(rows)).all()
    assert len({*fitted.predict(rows)}) == 2


@pytest.mark.parametrize("like", [True, False])
@pytest.mark.parametrize("model", [LGBMClassifier, HistGradientBoostingClassifier])
def test_trees_meet_categories_of_yes_and_no_again(model, like):
    rows = ROWS[["noise"]].assign(floor=pd.Categorical(FLOORS < 2))
    given = {"n_estimators": 9, "verbose": -1} if model is LGBMClassifier else {"categorical_features": "from_dtype"}
    fitted = model(**given).fit(rows, (FLOORS < 2) ^ (ROWS["noise"] > 1))
    data = load_dataset(rows.assign(rated=RATED), target="rated", like=fitted if like else None)
    assert Model.of(fitted, data).predict_proba(data.features) == pytest.approx(fitted.predict_proba(rows))


@pytest.mark.parametrize(("labels", "like"), [(["NA", "u", "v"], False), (["2020-01-31", "2020-02-01", "x"], True)])
def test_xgboost_meets_texts_again_that_a_table_reads_as_something_else(tmp_path, labels, like):
    rows = ROWS[["noise"]].assign(floor=pd.Categorical(np.array(labels)[FLOORS // 2]))
    fitted = XGBClassifier(n_estimators=5, enable_categorical=True).fit(rows, FLOORS < 2)
    rows.assign(rated=FLOORS < 2).to_csv(tmp_path / "rows.csv", index=False)
    data = load_dataset(tmp_path / "rows.csv", target="rated", like=fitted if like else None)
    assert Model.of(fitted, data).predict_proba(data.features) == pytest.approx(fitted.predict_proba(rows))


@pytest.mark.parametrize("labels", [("low", "high"), (1, 2)])
@pytest.mark.parametrize("rows", [400, MANY_ROWS + 1])
def test_a_gap_is_none_where_an_encoder_knows_it_as_none(labels, rows):
    """scikit-learn's encoders tell None, of which columns of objects are full, from NaN."""
    floors = np.resize(FLOORS, rows)
    table = pd.DataFrame({"noise": np.resize(ROWS["noise"], rows)})
    table["floor"] = pd.Series(np.array([None, *labels], dtype=object)[floors // 2], dtype=object)
    fitted = clone(ONE_HOT).fit(table, floors < 2)
    data = load_dataset(table.assign(rated=floors < 2), target="rated")
    assert Model.of(fitted, data).predict_proba(data.features) == pytest.approx(fitted.predict_proba(table))


def test_texts_that_a_table_reads_as_something_else_are_refused_with_a_way_out():
    rows = ROWS[["noise"]].assign(floor=pd.Series(FLOORS).map("{}%".format))
    fitted = clone(ONE_HOT).fit(rows, RATED)
    data = load_dataset(rows.assign(rated=RATED), target="rated")
    with pytest.raises(
        InputError, match=r"'floor' as labels such as '0%', .* as numbers or dates. Read the table with"
    ):
        predict(fitted, data)
    found = load_dataset(rows.assign(rated=RATED), target="rated", like=fitted)
    assert Model.of(fitted, found).predict_proba(found.features) == pytest.approx(fitted.predict_proba(rows))


@pytest.mark.parametrize("own", [(1, 2), (0, 2), ("0", "2")])
def test_a_model_that_shares_one_of_two_labels_with_the_table_is_refused(own):
    model = LogisticRegression().fit(ROWS[["noise"]], np.array(own)[CODES])
    data = load_dataset(ROWS[["noise"]].assign(buys=CODES), target="buys")
    with pytest.raises(InputError, match=rf"predicts {own[0]}, {own[1]}, but target 'buys' holds 0, 1\. Fit the model"):
        predict(model, data)


@pytest.mark.parametrize(
    ("column", "cells", "said"),
    [
        ("since", "{:%d/%m/%Y}", "Column 'since' must hold dates as ISO8601; found '01/01/2020'"),
        ("noise", "{} apples", "Column 'noise' must hold numbers; found '0 apples'"),
    ],
)
def test_a_column_of_which_no_cell_can_be_read_is_refused(column, cells, said):
    days = pd.date_range("2020-01-01", periods=len(ROWS))
    rows = ROWS.assign(since=days)
    model = train(split_dataset(load_dataset(rows, target="buys")), candidates=["logistic"]).model
    made = days if column == "since" else range(len(rows))
    odd = rows.assign(**{column: [cells.format(cell) for cell in made]})
    with pytest.raises(InputError, match=said):
        model.predict_proba(odd)
    one_cell = rows.assign(**{column: [*odd[column][:1], *rows[column][1:].astype(str)]})
    assert model.predict_proba(one_cell)[1:] == pytest.approx(model.predict_proba(rows)[1:])


@pytest.mark.parametrize("kind", [int, float, str])
def test_yes_and_no_may_come_as_numbers_in_text(kind):
    rows = ROWS[["noise"]].assign(old=ROWS["age in years"] > 50, buys=ROWS["buys"])
    model = train(split_dataset(load_dataset(rows, target="buys")), candidates=["logistic"]).model
    written = rows.assign(old=rows["old"].astype(kind).astype(str))
    assert model.predict_proba(written).tolist() == model.predict_proba(rows).tolist()


@pytest.mark.parametrize("written", ["category", "gap"])
def test_our_own_model_reads_categories_that_are_numbers_as_it_was_trained(written):
    rows = ROWS[["noise"]].assign(floor=pd.Categorical(FLOORS), rated=RATED)
    parts = split_dataset(load_dataset(rows, target="rated"))
    model = train(parts, candidates=["logistic"]).model
    wanted = model.predict_proba(load_dataset(rows, target="rated").features)[1:]
    assert roc_auc_score(RATED[1:], wanted[:, 1]) > 0.8
    gap = rows.assign(floor=pd.Series(FLOORS).where(rows.index > 0).astype("category"))
    given = rows if written == "category" else gap
    assert model.predict_proba(given)[1:].tolist() == wanted.tolist()


def test_labels_are_not_needed():
    model = Model.of(KINDS["a pipeline"](None))
    assert model.predict_proba(DATA.features).shape == (400, 2)
    assert model.outputs(DATA.features).shape == (400,)
    line = LinearRegression().fit(ROWS[["noise"]], ROWS["age in years"])
    assert Model.of(line).predict(DATA.features) == pytest.approx(line.predict(ROWS[["noise"]]))
    numbers = Model.of(lambda frame: frame["noise"] * 2)
    assert numbers.predict(DATA.features) == pytest.approx(ROWS["noise"] * 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (LogisticRegression, "A fitted model with a 'predict' method is needed; found type"),
        ({}, "found dict"),
        (None, "found NoneType"),
        (lambda frame: np.zeros((3, 7)), "one score for each row"),
        (LogisticRegression().fit(np.zeros((4, 3)), [0, 1, 0, 1]), "was fitted on 3 columns without names"),
        (
            MultiOutputClassifier(LogisticRegression()).fit(ROWS[NAMES], np.column_stack([CODES, 1 - CODES])),
            "MultiOutputClassifier predicts 2 targets at once. Give a model of one target",
        ),
    ],
)
def test_what_cannot_predict_is_one_clear_error(given, message):
    with pytest.raises(InputError, match=message):
        Model.of(given, DATA)


def test_columns_that_a_model_calls_by_names_without_blanks_count_as_under_their_own():
    plain = ROWS.rename(columns=lambda name: name.replace(" ", "_"))
    found = []
    for rows in (ROWS, plain):
        data = load_dataset(rows, target="buys", positive="yes")
        model = Model.of(LGBMClassifier(n_estimators=20, verbose=-1).fit(data.features, rows["buys"]), data)
        shown = (
            explain(model, data).frame().set_index("column")["mean_abs_shap"].rename(lambda one: one.replace("_", " "))
        )
        weights = [round(one, 12) for one in importances(model, data).values()]
        change = change_column(model, data, data.features.columns[0], "age")[0]
        found.append((shown.to_dict(), weights, change["flip_rate"].value, [*importances(model, data)]))
    assert found[0][:3] == found[1][:3]
    assert found[0][3] == ["age in years", "noise"]
    assert min(found[0][0]["age in years"], found[0][1][0], found[0][2]) > 0.5


def test_a_later_table_may_write_its_names_without_blanks():
    model = train(split_dataset(DATA), candidates=["boosting"], cv=2).model
    later = load_dataset(ROWS.rename(columns=lambda name: name.replace(" ", "_")), like=model, target="buys")
    assert list(later.features) == ["age_in_years", "noise"]
    np.testing.assert_array_equal(model.predict_proba(later), model.predict_proba(DATA))
    shown = explain(model, later).frame().set_index("column")["mean_abs_shap"]
    assert shown["age_in_years"] == explain(model, DATA).frame().set_index("column")["mean_abs_shap"]["age in years"]


def test_a_model_that_calls_its_columns_by_names_without_blanks_is_mitigated():
    rows = ROWS.assign(**{"first group": np.arange(len(ROWS)) % 2})
    data = load_dataset(rows, target="buys", positive="yes", sensitive=["first group"])
    split = split_dataset(data, validation_size=0.3)
    model = LGBMClassifier(n_estimators=5, verbose=-1).fit(split.train.features, split.train.target)
    found = mitigate(model, split, methods=["threshold_optimizer", "reweighing"])
    assert {"threshold_optimizer", "reweighing"} <= set(found.models)
    assert not [one for one in found.findings() if one.code == "MITIGATE-LEFT-OUT"]
