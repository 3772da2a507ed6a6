"""The levels of a column: the same wherever it is grouped, plain to read, and dates as dates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sklearn.linear_model import LogisticRegression

from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.evaluation.scan import cut_levels
from toolkit.explanation.explain import explain
from toolkit.explanation.explorers import column_explorer
from toolkit.fairness.audit import audit_fairness
from toolkit.models.preprocessing import make_model
from toolkit.statistics.binning import cut, find_edges


def people(n=1500):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(17, 90, n), "born": pd.Timestamp("1990-01-01")})
    frame["born"] += pd.to_timedelta(rng.integers(0, 9000, n), unit="D")
    frame["children"], frame["sex"] = rng.integers(0, 5, n), rng.choice(["f", "m"], n)
    frame["y"] = np.where(rng.random(n) < 0.2 + 0.3 * (frame["age"] < 40) + 0.3 * (frame["sex"] == "f"), "yes", "no")
    return split_dataset(load_dataset(frame, target="y", positive="yes", sensitive=["age", "sex"]))


def test_a_column_has_the_same_levels_in_every_step():
    split = people()
    model = make_model(LogisticRegression(), split.train.features).fit(split.train.features, split.train.target)
    groups = audit_fairness(model, split, depth=1, replicates=200).groups
    explained = explain(model, split, by=["age", "born", "children", "sex"], most_rows=100)
    by_value = column_explorer(explained).table
    searched = cut_levels(split.test.features, 1, split.test.dates).levels
    for name in ("age", "born", "children", "sex"):
        labels = list(cut(split.test.features[name], dates=name == "born").labels)
        assert list(explained.groups.loc[explained.groups["by"] == name, "group"].unique()) == labels
        assert by_value.loc[by_value["column"] == name, "value"].tolist() == labels
        sign = "" if name in ("age", "born") else "= "
        assert [text for text in searched if text.startswith(f"{name} ")] == [f"{name} {sign}{one}" for one in labels]
        if name in ("age", "sex"):
            assert groups.loc[groups["feature"] == name, "group"].unique().tolist() == labels
    assert cut(split.test.features["born"], dates=True).labels[0] == "before 1996-01-01"


def test_dates_read_as_dates():
    labels = cut(pd.Series(np.arange(16000.0, 18000.0)), dates=True).labels
    assert labels[:2] == ("before 2015-03-01", "2015-03-01 to before 2016-07-01")
    few = cut(pd.Series([16436.0, 16436.0, 16500.5, np.nan] * 9), dates=True)
    assert few.labels == ("2015-01-01", "2015-03-06 12:00:00", "missing")
    assert few.codes[:4].tolist() == [0, 0, 1, 2]


@given(st.lists(st.floats(-1e300, 1e300) | st.integers(-5, 5).map(float) | st.just(float("nan")), max_size=60))
def test_any_numbers_are_cut_into_levels_that_tell_them_apart(values):
    column = pd.Series(values, dtype=float)
    found, edges = cut(column), find_edges(column)[0]
    codes = found.codes
    assert len(set(found.labels)) == len(found.labels) <= 11
    assert (np.diff(edges) > 0).all()
    assert found.missing == column.isna().any()
    assert not found.missing or ((codes == len(found.labels) - 1) == column.isna()).all()
    for code, edge in enumerate(edges, 1):
        assert not (column[codes == code] < edge).any()
        assert not (column[codes < code] >= edge).any()
    assert len(set(column.dropna())) < 2 or len(set(codes[column.notna()])) > 1


@pytest.mark.parametrize("unit", [0.001, 0.01, 0.1, 0.2, 0.5, 1.0, 1000.0])
def test_a_number_that_is_an_edge_is_in_the_band_that_begins_there(unit):
    # As a file or a person writes them: 0.7, not seven times 0.1.
    whole = np.repeat(np.arange(1, 14), 20)
    column = pd.Series([float(f"{number * unit:.12g}") for number in whole])
    assert cut(column).codes.tolist() == cut(pd.Series(whole * 10.0)).codes.tolist()
    assert {float(f"{edge:.12g}") for edge in find_edges(column)[0]} == set(find_edges(column)[0])


def test_rare_texts_are_joined_and_a_text_that_is_called_like_a_level_is_told_apart():
    column = pd.Series(["other"] * 3 + ["missing"] * 3 + list("abc") + [None])
    found = cut(column, most=2)
    assert found.labels == ("missing", "other", "other (2)", "missing value")
    assert found.codes.tolist() == [1] * 3 + [0] * 3 + [2] * 3 + [3]
    assert cut(column, most=None).labels == ("a", "b", "c", "missing", "other", "missing value")
    assert [label for label, _ in found.take(np.array([0, 9])).groups()] == ["other", "missing value"]


@pytest.mark.parametrize(
    ("bins", "labels"),
    [(2, ("under 53", "53 and over")), ([30, 64.5], ("under 30", "30 to under 64.5", "64.5 and over"))],
)
def test_bands_can_be_asked_for(bins, labels):
    assert cut(pd.Series(range(17, 90)), bins).labels == labels
