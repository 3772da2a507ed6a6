"""Which models a row with other values is offered for, and that what it adds up is what they say."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from toolkit.core.face import EXPLORER_MIME
from toolkit.core.result import NotApplicable
from toolkit.data.load import load_dataset
from toolkit.errors import NotApplicableError
from toolkit.explanation.explain import explain
from toolkit.explanation.explorers import MOST_LEVELS, what_if
from toolkit.models.preprocessing import make_model

LINKS = {"log-odds": special.expit, "softmax score": special.softmax}


def table(outcome="yes or no", rows=400):
    rng = np.random.default_rng(1)
    size, town = rng.normal(5, 2, rows), rng.choice(["Oslo", "Bergen", "Bodø"], rows, p=[0.6, 0.38, 0.02])
    sums = size + 2 * (town == "Oslo") + rng.logistic(size=rows)
    target = {
        "number": np.exp(sums / 4),
        "three": pd.cut(sums, 3, labels=[*"abc"]),
        "yes or no": np.where(sums > 6, "yes", "no"),
    }
    frame = pd.DataFrame({"size": np.where(rng.random(rows) < 0.1, np.nan, size), "town": town})
    frame.loc[rng.random(rows) < 0.1, "town"] = None
    return load_dataset(frame.assign(y=target[outcome]), target="y", positive="yes" if outcome == "yes or no" else "")


def fitted(estimator, data):
    return make_model(estimator, data.features).fit(data.features, data.target)


def summed(carried, row, changed):
    """Add up what the page carries: a row as it is, but for the values given by the place of their level."""
    total = np.array(carried["base"]) + carried["rows"][row]["rest"]
    for column in carried["columns"]:
        own, adds = column["own"][row], np.array(column["adds"])
        if column["name"] in changed:
            total = total + adds[changed[column["name"]]]
        elif "ends" not in column:
            total = total + adds[own]
        elif own is None:
            total = total + adds[2]
        else:
            total = total + adds[0] + (own - column["ends"][0]) / np.ptp(column["ends"]) * (adds[1] - adds[0])
    link = LINKS.get(carried["scale"]) if carried["labels"] else None
    return link(total) if link else total


CARRIED = {
    "yes or no": [LogisticRegression(), SGDClassifier(loss="log_loss", random_state=0), LinearSVC()],
    "three": [LogisticRegression(max_iter=500), LinearSVC()],
    "number": [Lasso(alpha=0.01)],
}


@pytest.mark.parametrize(
    ("outcome", "estimator"),
    [(outcome, one) for outcome, ones in CARRIED.items() for one in ones],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_what_is_carried_adds_up_to_what_the_model_says(outcome, estimator):
    data = table(outcome)
    explained = explain(fitted(estimator, data), data, rows=[3, 4, 5])
    carried = json.loads(json.dumps(what_if(explained).plain(), allow_nan=False))
    (town,) = (column for column in carried["columns"] if column["name"] == "town")
    assert town["levels"] == ["Bergen", "Bodø", "Oslo", "missing", "not seen in training"]
    for row in range(3):
        frame = data.features.iloc[[3 + row] * 5].reset_index(drop=True)
        labels = ["Bergen", "Bodø", "Oslo", None, "Paris"]
        frame["town"] = pd.Series(labels, dtype=pd.CategoricalDtype([*data.features["town"].cat.categories, "Paris"]))
        said = explained.model.outputs(frame).reshape(5, -1)
        found = np.array([summed(carried, row, {"town": place}) for place in range(5)])
        np.testing.assert_allclose(found, said, rtol=1e-9)
        frame = data.features.iloc[[3 + row]].assign(size=np.nan)
        np.testing.assert_allclose(summed(carried, row, {"size": 2}), explained.model.outputs(frame).ravel(), rtol=1e-9)


def logs(features):
    """Numbers on a scale that is not linear, in a pipeline built like the toolkit's."""
    number = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        FunctionTransformer(np.cbrt, feature_names_out="one-to-one"),
        StandardScaler(),
    )
    parts = [("number", number, ["size"]), ("text", OneHotEncoder(handle_unknown="ignore"), ["town"])]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression())


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda data: fitted(RandomForestClassifier(20, random_state=0), data), "RandomForestClassifier"),
        (
            lambda data: CalibratedClassifierCV(
                make_model(LogisticRegression(), data.features), cv=2, ensemble=False
            ).fit(data.features, data.target),
            "CalibratedClassifierCV",
        ),
        (lambda data: logs(data.features).fit(data.features, data.target), "LogisticRegression"),
    ],
    ids=["a forest", "calibrated", "another encoding"],
)
def test_any_other_model_has_a_sentence_and_carries_nothing(make, name):
    data = table(rows=120)
    shown = what_if(explain(make(data), data, most_rows=5, seconds=1, rows=[3]))
    assert shown.face().lead.endswith(
        f"logistic or linear one of the toolkit's, with its own encoding; this one is {name}."
    )
    assert shown.frame().columns.tolist() == ["column", "value", "output", "attribution"]
    assert shown.frame().empty
    assert shown._repr_mimebundle_()[EXPLORER_MIME] == {}


def test_a_link_that_the_page_does_not_know_is_not_guessed():
    data = table("number")
    assert what_if(explain(fitted(PoissonRegressor(), data), data)).plain() == {}


def test_of_a_text_with_many_values_the_most_frequent_are_offered_and_those_of_the_rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"code": rng.choice([f"c{place}" for place in range(150)], 2000), "x": rng.normal(size=2000)})
    data = load_dataset(frame.assign(y=np.where(frame["x"] > 0, "yes", "no")), target="y", positive="yes")
    rare = data.features["code"].value_counts().index[-1]
    row = data.features.index[data.features["code"] == rare][0]
    carried = what_if(explain(fitted(LogisticRegression(), data), data, rows=row)).plain()
    (code,) = (column for column in carried["columns"] if column["name"] == "code")
    assert code["unit"] == "the 100 most frequent values"
    assert len(code["levels"]) == MOST_LEVELS + 3
    assert code["levels"][code["own"][0]] == rare


def test_columns_that_matter_little_stay_as_they_are_unless_they_are_sensitive():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(500, 40)), columns=[f"x{place:02}" for place in range(40)])
    frame["y"] = np.where(frame @ np.arange(40.0) > 0, "yes", "no")
    data = load_dataset(frame.round(1), target="y", positive="yes", sensitive=["x00"])
    explained = explain(fitted(LogisticRegression(), data), data)
    carried = what_if(explained).plain()
    names = [column["name"] for column in carried["columns"]]
    assert names[:15] == explained.overall["column"].head(15).tolist()
    assert "x00" in names
    assert carried["fixed"] == 40 - len(names) > 5
    scores = [summed(carried, row, {})[0] for row in range(len(explained.local))]
    rows = data.features.loc[[one.index for one in explained.local]]
    np.testing.assert_allclose(scores, explained.model.outputs(rows), rtol=1e-9)


def test_without_a_row_there_is_none_to_change():
    for nothing in (NotApplicable("explain", "There is no model."), None):
        with pytest.raises(NotApplicableError, match="No single row is explained"):
            what_if(nothing)
