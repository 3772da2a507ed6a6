import numpy as np
import pandas as pd
import pytest
from fairness_cases import dataset, people

from toolkit.errors import InputError, NotApplicableError
from toolkit.fairness.groups import group_rows, sensitive_columns


def counts(grouping):
    return dict(zip(grouping.labels, grouping.counts.tolist(), strict=True))


def test_columns_and_their_intersections():
    table = pd.DataFrame({"a": ["x", "y", "x", None], "b": ["u", "u", "v", "v"], "c": [1, 2, 2, 1]})
    found = {grouping.feature: counts(grouping) for grouping in group_rows(table, 3)}
    assert list(found) == ["a", "b", "c", "a+b", "a+c", "b+c", "a+b+c"]
    assert found["a"] == {"x": 2, "y": 1, "missing": 1}
    assert found["a+b"] == {"x+u": 1, "x+v": 1, "y+u": 1, "missing+v": 1}
    assert found["a+b+c"] == {"x+u+1": 1, "x+v+2": 1, "y+u+2": 1, "missing+v+1": 1}


def test_rows_of_a_group_are_those_with_its_code():
    grouping = group_rows(people()[["sex", "race"]], 2)[-1]
    for code, (label, rows) in enumerate(zip(grouping.labels, grouping.rows, strict=True)):
        assert rows.tolist() == np.flatnonzero(grouping.codes == code).tolist()
        assert label == "+".join(people().loc[rows, ["sex", "race"]].drop_duplicates().to_numpy().ravel())


def test_a_category_called_missing_stays_apart_from_missing_values():
    (grouping,) = group_rows(pd.DataFrame({"a": ["missing", None, None]}), 1)
    assert counts(grouping) == {"missing": 1, "missing value": 2}


def test_labels_are_short_printable_and_told_apart():
    texts = ["z" * 10_000, "z" * 9_999, "a\nb", "a b", "\u202eabc", "", "<script>"]
    (grouping,) = group_rows(pd.DataFrame({"a": texts}), 1)
    assert len(set(grouping.labels)) == len(texts)
    assert all(label.isprintable() and len(label) <= 44 for label in grouping.labels)
    assert {"a b", "a b (2)", "abc", "(empty)", "<script>"} <= set(grouping.labels)
    named = group_rows(pd.DataFrame([["x", "y", "z"]], columns=["a", "b", "a+b"]), 2)
    assert len({grouping.feature for grouping in named}) == 6


def test_labels_that_collide_when_joined_are_told_apart():
    table = pd.DataFrame({"a": ["x+y", "x"], "b": ["z", "y+z"]})
    assert group_rows(table, 2)[-1].labels == ("x+y+z", "x+y+z (2)")


def test_numbers_are_cut_at_rounded_quartiles_or_as_told():
    age = pd.DataFrame({"age": np.arange(16, 95)})
    (grouping,) = group_rows(age, 1)
    assert grouping.labels == ("under 35", "35 to under 55", "55 to under 75", "75 and over")
    assert counts(grouping)["35 to under 55"] == 20
    (grouping,) = group_rows(age, 1, {"age": [30, 64.5]})
    assert counts(grouping) == {"under 30": 14, "30 to under 64.5": 35, "64.5 and over": 30}
    (grouping,) = group_rows(age, 1, {"age": 2})
    assert len(grouping.labels) == 2
    (grouping,) = group_rows(age, 1, {"age": [200]})
    assert grouping.labels == ("under 200",)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 1, 1, 0], ("0", "1")),
        ([0.5, np.nan, 0.5], ("0.500", "missing")),
        (np.r_[np.zeros(90), np.arange(1, 31)], ("under 1", "1 and over")),
        (np.linspace(-1e300, 1e300, 40), None),
        (np.linspace(0, 1e-300, 40), None),
        ([np.nan, np.nan], ("missing",)),
    ],
)
def test_odd_numbers(values, labels):
    (grouping,) = group_rows(pd.DataFrame({"x": values}), 1)
    assert labels is None or grouping.labels == labels
    assert 1 <= len(grouping.labels) <= 5
    assert grouping.counts.sum() == len(values)


def test_the_largest_groups_are_kept_of_very_many():
    names = np.repeat([f"g{number:03d}" for number in range(80)], np.arange(80) + 1)
    (grouping,) = group_rows(pd.DataFrame({"g": names}), 1)
    assert (len(grouping.labels), grouping.beyond) == (50, 30)
    assert grouping.labels[0] == "g030"
    assert (grouping.codes < 0).sum() == sum(range(1, 31))
    assert sum(len(rows) for rows in grouping.rows) == grouping.counts.sum() == sum(range(31, 81))


def test_intersections_of_many_levels_are_counted_by_sorting():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.integers(0, 3000, 5000).astype(str), "b": rng.integers(0, 3000, 5000).astype(str)})
    grouping = group_rows(table, 2)[-1]
    assert len(grouping.labels) == 50
    largest = (table["a"] + "+" + table["b"]).value_counts()
    assert grouping.counts.sum() == largest.head(50).sum()


def test_sensitive_columns_may_be_features_or_the_target():
    data = dataset(people(), sensitive=["sex"])
    assert list(sensitive_columns(data, None)) == ["sex"]
    assert list(sensitive_columns(data, "race, age")) == ["race", "age"]
    assert list(sensitive_columns(data, ["y"])) == ["y"]
    with pytest.raises(InputError, match=r"'rase' is not in table\. Did you mean 'race'\?"):
        sensitive_columns(data, "rase")
    with pytest.raises(NotApplicableError, match="has no sensitive column"):
        sensitive_columns(dataset(people(), sensitive=[]), None)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ({"age": 1}, "a number of bins from 2 to 50"),
        ({"age": [50, 30]}, "rising edges"),
        ({"age": []}, "rising edges"),
        ({"age": "quartiles"}, "rising edges"),
        ({"age": [np.nan]}, "rising edges"),
        ({"aeg": 3}, "Did you mean 'age'"),
        ({"sex": 3}, "holds categories"),
    ],
)
def test_bins_that_cannot_be_used(bins, message):
    with pytest.raises(InputError, match=message):
        group_rows(people()[["sex", "age"]], 1, bins)
