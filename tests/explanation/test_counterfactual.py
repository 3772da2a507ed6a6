import json
import re
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from toolkit.core.figures import figure
from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError, NotApplicableError
from toolkit.explanation.counterfactual import find_counterfactual
from toolkit.models.preprocessing import make_model
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.threshold import choose_threshold, read_threshold


def frame(n=600, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.lognormal(3, 1, n).round(2),
            "gap": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n).round(2)),
            "town": rng.choice(["Oslo", "<b>Tromsø</b>\n", "Bergen"], n, p=[0.6, 0.1, 0.3]),
            "sex": rng.choice(["Female", "Male"], n),
        }
    )
    score = (
        (table["age"] - 50) / 10 + np.log(table["income"]) - 3 + (table["town"] == "Bergen") + (table["sex"] == "Male")
    )
    table["buys"] = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
    return table


DATA = load_dataset(frame(), target="buys", positive="yes", sensitive=["sex"])
MODEL = make_model(LogisticRegression(), DATA.features).fit(DATA.features, DATA.target)


def brute(model, data, row, column, threshold=0.5):
    """Try every observed value of one column; return the least distance that turns the decision, and its values."""
    one = data.features.loc[[row]]
    now = one[column].iloc[0]
    place = list(model.classes_).index("yes")
    before = model.predict_proba(one)[0, place] >= threshold
    observed = data.features[column].dropna()
    values = [value for value in observed.unique() if value != now]
    changed = pd.concat([one] * len(values), ignore_index=True)
    changed[column] = pd.Series(values).astype(one[column].dtype)
    after = model.predict_proba(changed)[:, place] >= threshold
    found = {}
    for value in np.array(values, dtype=object)[after != before]:
        if column == "town":
            found[value] = 1 - (observed == value).mean()
        elif pd.isna(now):
            found[value] = 1.0
        else:
            low, high = sorted([value, now])
            between = ((observed > low) & (observed < high)).sum()
            found[value] = (between + ((observed == low).sum() + (observed == high).sum()) / 2) / len(observed)
    return found


@pytest.mark.parametrize("row", [0, 1, 2, 3, 4, 5, 6, 7])
def test_it_is_the_nearest_of_all_observed_values(row):
    found = find_counterfactual(MODEL, DATA, row)
    assert isinstance(found, Result)
    rows = found.table.set_index("column")
    for column in ("age", "income", "gap", "town"):
        options = brute(MODEL, DATA, row, column)
        assert (column in rows.index) == bool(options)
        if options:
            assert rows.loc[column, "distance"] == pytest.approx(min(options.values()))
    assert found.table["distance"].is_monotonic_increasing
    assert "sex" not in rows.index
    decided = MODEL.predict(DATA.features.loc[[row]])[0]
    assert found.decision == decided
    assert (found.table["decision"] != decided).all()
    assert ((found.table["score"] >= 0.5) == (decided == "no")).all()


def test_columns_can_be_declared_immutable():
    rows = [row for row in range(6) if len(find_counterfactual(MODEL, DATA, row, immutable=[]).table) > 2]
    free = find_counterfactual(MODEL, DATA, rows[0], immutable=[])
    fixed = find_counterfactual(MODEL, DATA, rows[0], immutable=f"sex, {free.table['column'].iloc[0]}")
    assert fixed.table["column"].tolist() == [
        name for name in free.table["column"] if name not in ("sex", free.table["column"].iloc[0])
    ]
    with pytest.raises(InputError, match="'agee' is not in the features of"):
        find_counterfactual(MODEL, DATA, 0, immutable=["agee"])
    with pytest.raises(InputError, match="no row with the id 9999"):
        find_counterfactual(MODEL, DATA, 9999)
    with pytest.raises(InputError, match="of one row, and 2 were given"):
        find_counterfactual(MODEL, DATA, [3, 5])


def test_a_split_takes_the_row_from_test_and_the_values_from_training():
    split = split_dataset(DATA, validation_size=0.2)
    model = make_model(HistGradientBoostingClassifier(max_iter=10), split.train.features)
    model.fit(split.train.features, split.train.target)
    row = split.test.features.index[0]
    found = find_counterfactual(model, split, row, threshold="recall>=0.9")
    scores = model.predict_proba(split.validation.features)[:, list(model.classes_).index("yes")]
    rule = choose_threshold(read_threshold("recall>=0.9"), split.validation.y_binary(), scores, "validation")
    assert found.threshold == rule.value
    ages = found.table[found.table["column"] == "age"]["change_to"]
    assert all(float(value) in set(split.train.features["age"]) for value in ages)
    with pytest.raises(InputError, match="no row with the id"):
        find_counterfactual(model, split, split.train.features.index[0])


def test_several_classes_and_functions():
    wine = load_dataset("wine")
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(wine.features, wine.target)
    found = find_counterfactual(tree, wine, 100)
    assert found.decision == tree.predict(wine.features.loc[[100]])[0]
    changed = wine.features.loc[[100]].copy()
    first = found.table.iloc[0]
    observed = wine.features[first["column"]]
    changed[first["column"]] = observed.iloc[(observed - float(first["change_to"].replace("−", "-"))).abs().argmin()]
    assert tree.predict(changed)[0] == first["decision"] != found.decision
    called = find_counterfactual(lambda features: features["age"] / 100, DATA, 3)
    assert called.table["column"].tolist() == ["age"]
    numbers = load_dataset("diabetes")
    with pytest.raises(NotApplicableError, match="no decision"):
        find_counterfactual(tree, numbers, 0)
    with pytest.raises(NotApplicableError, match="Recorded predictions"):
        find_counterfactual(RecordedPredictions(DATA.target), DATA, 0)


def test_what_is_said_and_drawn():
    found = find_counterfactual(MODEL, DATA, 2)
    numbers = found.scalars()
    json.dumps({name: asdict(number) for name, number in numbers.items()})
    assert numbers["counterfactual.distance"].value == found.table["distance"].iloc[0]
    note = found.findings()[0]
    assert note.code == "COUNTERFACTUAL-SMALLEST"
    assert found.table["column"].iloc[0] in note.message
    assert re.search(r"\d", found.pictures()["changes"].alt)
    assert figure(found, "changes").image
    assert "<b>Troms" not in found._repr_html_()
    assert len(found.frame()) == len(found.table)
    assert found.record().parameters == {}
    never = find_counterfactual(lambda features: np.zeros(len(features)), DATA, 2)
    assert never.table.empty
    assert never.findings()[0].code == "COUNTERFACTUAL-NONE"
    assert never.pictures() == {}
    assert never.scalars()["counterfactual.columns"].value == 0
    assert "No change of one column" in never._repr_html_()


def test_many_values_are_thinned_evenly():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=5000), "y": rng.choice(["a", "b"], 5000)})
    data = load_dataset(table, target="y", positive="b")
    found = find_counterfactual(lambda features: (features["x"] > 1.0).astype(float), data, int(table["x"].idxmin()))
    share = (table["x"] <= 1.0).mean()
    assert found.table["distance"].iloc[0] == pytest.approx(share, abs=2e-3)
