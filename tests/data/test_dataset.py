import datetime
import decimal
import re
import uuid
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from toolkit.core.result import Result
from toolkit.data.columns import readable
from toolkit.data.dataset import Dataset, Roles
from toolkit.data.datasets import BUILT_IN, FOLDER
from toolkit.data.fingerprint import fingerprint
from toolkit.data.load import load_dataset
from toolkit.data.recognition import decide_format
from toolkit.data.roles import not_named
from toolkit.data.split import split_dataset
from toolkit.errors import InputError

DTYPES = {"int64", "float64", "category"}


def codes(data):
    return {finding.code for finding in data.notes}


def with_column(values, **roles):
    """Load a table of one awkward column beside a good one."""
    rows = len(values)
    frame = pd.DataFrame({"good": np.tile([0.5, 1.5, 2.5], rows)[:rows], "y": np.arange(rows) % 2})
    frame.insert(0, "odd", pd.Series(values))
    return load_dataset(frame, target="y", **roles)


# Built-in tables


def test_census_is_complete_by_name(census):
    assert (census.name, census.rows, census.columns, census.task, census.positive) == (
        "census_income 1994",
        107_679,
        41,
        "binary",
        1,
    )
    assert census.target.name == "income_over_50k"
    assert list(census.sensitive) == ["sex", "race"]
    assert census.time.unique().tolist() == [1994]
    assert not {"year", "income_over_50k"} & set(census.features)
    assert {str(dtype) for dtype in census.features.dtypes} == {"int64", "category"}
    assert census.y_binary().sum() == census.target.sum()


def test_both_waves_of_the_census_keep_the_columns_that_end_in_1994():
    data = load_dataset("census_income")
    assert data.rows == 215_574
    assert data.features["migration_msa"].isna().mean() == pytest.approx(107_895 / 215_574)
    assert data.scalars()["data.target_rate"].value == pytest.approx(0.086, abs=0.001)


def test_the_other_built_in_tables():
    employment, diabetes, wine = (load_dataset(name) for name in ("acs_employment", "diabetes", "wine"))
    assert (employment.rows, employment.task, list(employment.sensitive)) == (233_408, "binary", ["sex", "race"])
    assert employment.features["education"].cat.ordered
    assert (diabetes.task, diabetes.target.name, diabetes.classes) == ("regression", "disease_progression", ())
    assert diabetes.features["age"].max() == 79
    assert diabetes.sensitive["sex"].cat.categories.tolist() == ["1", "2"]
    assert (wine.task, wine.classes) == ("multiclass", ("class_0", "class_1", "class_2"))


def test_given_roles_override_the_built_in_ones():
    data = load_dataset("wine", target="alcohol", sensitive="cultivar", drop="ash", name="mine")
    assert (data.task, data.target.name, data.name) == ("regression", "alcohol", "mine")
    assert list(data.sensitive) == ["cultivar"]
    assert "ash" not in data.features
    assert "cultivar" in data.features


# Roles


def test_time_and_group_are_never_features_and_sensitive_may_be_kept_out(people):
    data = load_dataset(people, target="buys", sensitive="sex, town", time="year", group="household", drop=["Größe"])
    assert list(data.features) == ["age in years", "<script>alert(1)</script>", "town", "sex"]
    without = load_dataset(people, target="buys", sensitive=["sex"], sensitive_as_features=False)
    assert "sex" not in without.features
    assert without.sensitive["sex"].tolist() == people["sex"].tolist()


def test_empty_texts_and_lists_count_as_not_given(people):
    data = load_dataset(
        people, target="buys", sensitive="", time="", group="", positive="", task="", drop=[], periods=[], name=""
    )
    assert (data.time, data.group, data.name, data.sensitive.shape) == (None, None, "table", (400, 0))


def test_a_column_whose_name_has_a_comma_can_be_named(people):
    frame = people.rename(columns={"sex": "sex, as registered"})
    assert list(load_dataset(frame, target="buys", sensitive="sex, as registered").sensitive) == ["sex, as registered"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Which column is the target"),
        ({"target": "buy"}, r"Target column 'buy' is not in the table\. Did you mean 'buys'\? Columns: age in years"),
        ({"target": "buys", "sensitive": ["sexx"]}, "Sensitive column 'sexx'.*Did you mean 'sex'"),
        ({"target": "buys", "time": "years"}, "Time column 'years'.*Did you mean 'year'"),
        ({"target": "buys", "group": "house"}, "Group column 'house'.*Did you mean 'household'"),
        ({"target": "buys", "drop": "twn"}, "Dropped column 'twn'.*Did you mean 'town'"),
        ({"target": "buys", "drop": "buys"}, "target and dropped at once"),
        ({"target": "buys", "sensitive": ["buys"]}, "target and sensitive at once"),
        ({"target": "year", "time": "year"}, "target and time at once"),
        ({"target": "household", "group": "household"}, "target and group at once"),
        ({"target": "buys", "positive": "Yes"}, "Class 'Yes' is not in the target 'buys'. Did you mean 'yes'"),
        ({"target": "town", "positive": "Oslo"}, "needs a target with two classes"),
        ({"target": "Größe", "positive": 1}, "a number to predict"),
        ({"target": "buys", "task": "regresion"}, "no task 'regresion'. Did you mean 'regression'"),
        ({"target": "buys", "task": "regression"}, "holds labels: .*no"),
        ({"target": "buys", "task": "multiclass"}, "it has 2 classes"),
        ({"target": "town", "task": "binary"}, "it has 3 classes"),
        ({"target": "Größe", "task": "classification"}, "Use task='regression'"),
        (
            {"target": "buys", "time": "year", "periods": [2030]},
            "'year' equal to '2030'. It holds: 2019, 2020, 2021, 2022",
        ),
        ({"target": "buys", "periods": [2019]}, "'periods' needs a time column"),
    ],
)
def test_wrong_roles_are_refused(people, arguments, message):
    with pytest.raises(InputError, match=message):
        load_dataset(people, **arguments)


def test_hopeless_tables_are_refused():
    frame = pd.DataFrame(
        {"a": np.arange(40) % 7, "one": "x", "id": [f"u{i}" for i in range(40)], "y": np.arange(40) % 2}
    )
    for change, message in [
        (frame.assign(y=1), "Target 'y' is constant: it is 1 in every row"),
        (frame.assign(y=None), "Target 'y' is missing in every row"),
        (frame.assign(y=" "), "Target 'y' is missing in every row"),
        (frame.assign(y=pd.Timestamp("2020-01-01")), "Target 'y' holds dates"),
        (frame.assign(y=[[1]] * 40), "Target 'y' holds lists"),
        (frame.assign(y=[f"text {i}" for i in range(40)]), "identifier, free text"),
        (frame.head(2), "The table has 2 rows with a target: too few"),
        (frame.head(1), "The table has 1 row with a target: too few"),
        (frame.assign(t=np.nan), "Time column 't' has no value"),
    ]:
        with pytest.raises(InputError, match=message):
            load_dataset(change, target="y", time="t" if "t" in change else None)


# Task and positive class


@pytest.mark.parametrize(
    ("values", "task", "positive", "classes"),
    [
        (["no"] * 30 + ["yes"] * 10, "binary", "yes", ("no", "yes")),
        (["no"] * 10 + ["yes"] * 30, "binary", "yes", ("no", "yes")),
        (["False"] * 10 + ["True"] * 30, "binary", "True", ("False", "True")),
        (["churned"] * 10 + ["stayed"] * 30, "binary", "churned", ("churned", "stayed")),
        (["a"] * 20 + ["b"] * 20, "binary", "b", ("a", "b")),
        ([0] * 10 + [1] * 30, "binary", 1, (0, 1)),
        ([1.0] * 10 + [2.0] * 30, "binary", 2, (1, 2)),
        ([0.5] * 10 + [1.5] * 30, "binary", "1.5", ("0.5", "1.5")),
        ([1e30] * 10 + [1.0] * 30, "binary", "1e+30", ("1.0", "1e+30")),
        ([True] * 30 + [False] * 10, "binary", True, (False, True)),
        (pd.array([1] * 30 + [0] * 10, dtype="Int64"), "binary", 1, (0, 1)),
        (pd.array([True] * 30 + [False] * 10, dtype="boolean"), "binary", True, (False, True)),
        (pd.Categorical(["x"] * 30 + ["y"] * 10, categories=["y", "x", "z"]), "binary", "y", ("x", "y")),
        (pd.Categorical([3] * 30 + [7] * 10), "binary", 7, (3, 7)),
        (["0"] * 10 + ["1"] * 30, "binary", "1", ("0", "1")),
        (["a", "b", "c", "d"] * 10, "multiclass", None, ("a", "b", "c", "d")),
        ([1, 2, 3, 4] * 10, "multiclass", None, (1, 2, 3, 4)),
        (list(range(40)), "regression", None, ()),
        (list(range(8)) * 5, "regression", None, ()),
        ([0.1, 0.2, 0.3, 0.4] * 10, "regression", None, ()),
        ([f"{i / 8}" for i in range(40)], "regression", None, ()),
        ([1, "1", "b", 2.5] * 10, "multiclass", None, ("1", "2.5", "b")),
    ],
)
def test_the_task_is_inferred(values, task, positive, classes):
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=40), "y": values})
    data = load_dataset(frame, target="y")
    assert (data.task, data.positive, data.classes) == (task, positive, classes)
    assert type(data.positive) is type(positive)
    assert ("DATA-POSITIVE-CLASS" in codes(data)) == (positive in ("churned", "b", "y"))
    assert set(data.target.unique()) == set(data.classes) or task == "regression"


def test_inference_can_be_overridden():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "y": [1, 2, 3] * 20})
    assert load_dataset(frame, target="y", task="regression").task == "regression"
    assert load_dataset(frame, target="y", task="classification").task == "multiclass"
    assert "DATA-TASK" in codes(load_dataset(frame, target="y"))
    flags = frame.assign(y=frame["y"] > 1)
    assert load_dataset(flags, target="y", task="regression").target.unique().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("labels", "positive", "found"),
    [([0, 1], "0", 0), ([0, 1], 0, 0), ([False, True], "False", False), (["a", "b"], "a", "a"), ([0.0, 1.0], "0", 0)],
)
def test_the_positive_class_is_matched_by_label_or_text(labels, positive, found):
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=40), "y": labels * 20})
    data = load_dataset(frame, target="y", positive=positive)
    assert data.positive == found
    assert data.y_binary().tolist() == [int(value == found) for value in labels * 20]


def test_rows_without_a_usable_target_are_dropped_and_said():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "y": np.linspace(0, 1, 60)})
    frame.loc[[3, 4], "y"] = np.nan
    frame.loc[5, "y"] = np.inf
    data = load_dataset(frame, target="y")
    assert data.rows == 57
    assert data.features.index.tolist() == [row for row in range(60) if row not in (3, 4, 5)]
    assert data.features["a"].tolist() == frame["a"].drop([3, 4, 5]).tolist()
    message = next(note.message for note in data.notes if note.code == "DATA-TARGET-MISSING")
    assert "3 of 60 rows" in message
    labels = frame.assign(y=["a", "b", " "] * 20)
    assert load_dataset(labels, target="y").classes == ("a", "b")


def test_y_binary_needs_a_binary_task():
    with pytest.raises(InputError, match="multiclass"):
        load_dataset("wine").y_binary()


# Awkward columns


DAYS = pd.date_range("2020-01-05", periods=160, freq="4D")
GERMAN = ["Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."]
FRENCH = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ([f"{day.day}. {GERMAN[day.month - 1]} {day.year}" for day in DAYS], "'9. Apr. 2021'"),
        ([f"{day.day} {FRENCH[day.month - 1]} {day.year}" for day in DAYS], "'9 avr. 2021'"),
        ([f"{GERMAN[day.month - 1]} {day.year - row % 4}" for row, day in enumerate(DAYS)], "'Aug. 2021'"),
        ([f"{row}k" for row in range(1, 161)], "'9k'"),
        ([f"{row / 10}{'kM'[row % 2]}" for row in range(1, 161)] + ["varies"], "'9.9M'"),
        ([f"{row % 24:02d}:{row % 60:02d}" for row in range(160)], "'23:59'"),
        ([f"{row}-{row + 9}" for row in range(160)], "'99-108'"),
        ([f"{row:03d}" for row in range(160)], ""),
        ([f"{row}{'ABCDEFGHIJ'[row % 10]}" for row in range(19)] * 9, ""),
        ([f"A{row}" for row in range(160)], ""),
        ([f"{row} {chr(97 + row % 26)}{chr(97 + row // 9)} street" for row in range(160)], ""),
        ([f"{day.day} {day:%b %Y}" for day in DAYS], ""),
    ],
)
def test_labels_that_are_dates_or_numbers_in_an_unknown_form_are_said(written, form):
    frame = pd.DataFrame({"a": written * 2, "y": range(2 * len(written))})
    data = load_dataset(frame, target="y", task="regression")
    found = [note for note in data.notes if note.code == "DATA-NOT-READ"]
    assert [(note.severity, note.where, form in note.message) for note in found] == [("low", "a", True)] * bool(form)


@pytest.mark.parametrize(
    ("values", "code", "expected"),
    [
        ([1.0, np.inf, -np.inf] * 10, "DATA-INFINITE", [1.0, np.nan, np.nan]),
        (["1", "2.5", " 3 "] * 10, "DATA-TEXT-NUMBERS", [1.0, 2.5, 3.0]),
        (["1,200,000", "7", None] * 10, "DATA-TEXT-NUMBERS", [1.2e6, 7.0, np.nan]),
        (["4", "?", "5"] * 10, "DATA-MISSING-MARKS DATA-TEXT-NUMBERS", [4.0, np.nan, 5.0]),
        (pd.to_datetime(["1970-01-02 00:00", None, "1970-01-03 12:00"] * 10), "DATA-DATES", [1.0, np.nan, 2.5]),
        (pd.to_datetime(["1970-01-02", None, "1970-01-03"] * 10).tz_localize("UTC"), "DATA-DATES", [1.0, np.nan, 2.0]),
        (["1970-01-02", None, "1970-01-03"] * 10, "DATA-DATES", [1.0, np.nan, 2.0]),
        (["24.12.1970", "25.12.1970", None] * 10, "DATA-DATES", [357.0, 358.0, np.nan]),
        (["9999-12-31", "0001-01-01", None] * 10, "DATA-DATES", [2_932_896.0, -719_162.0, np.nan]),
        (pd.PeriodIndex(["1970-01", "1970-02", "1970-03"] * 10, freq="M"), "DATA-DATES", [0.0, 31.0, 59.0]),
        (pd.to_timedelta([1, 2, 3] * 10, unit="D"), "DATA-DATES", [1.0, 2.0, 3.0]),
        ([1, "a", 2.5] * 10, "DATA-MIXED-TYPES", ["1", "a", "2.5"]),
        (["x", " ", "y"] * 10, "DATA-BLANK-TEXT", ["x", np.nan, "y"]),
        ([decimal.Decimal("1.5"), None, decimal.Decimal(2)] * 10, None, [1.5, np.nan, 2.0]),
        (pd.array([1, None, 3] * 10, dtype="Int64"), None, [1.0, np.nan, 3.0]),
        (pd.array([1, 2, 3] * 10, dtype="Int8"), None, [1, 2, 3]),
        ([2**70, 1, 2] * 10, None, [2.0**70, 1.0, 2.0]),
        (np.array([2**64 - 1, 1, 2] * 10, dtype="uint64"), None, [2.0**64, 1.0, 2.0]),
        ([True, False, True] * 10, None, [1, 0, 1]),
        (pd.array([True, None, False] * 10, dtype="boolean"), None, [1.0, np.nan, 0.0]),
        ([True, None, False] * 10, None, [1.0, np.nan, 0.0]),
        (pd.array(["x", None, "y"] * 10, dtype="string"), None, ["x", np.nan, "y"]),
        (pd.Categorical([2, 1, None] * 10), None, ["2", "1", np.nan]),
        (pd.Categorical([2.0, 1.0, None] * 10), None, ["2", "1", np.nan]),
        (pd.Categorical([2.5, 1.0, None] * 10), None, ["2.5", "1.0", np.nan]),
        (pd.Categorical(["1", "2", "3"] * 10), None, ["1", "2", "3"]),
        (pd.arrays.SparseArray([1.0, 0.0, 0.0] * 10), None, [1, 0, 0]),
        (pd.arrays.SparseArray([1, 0, 0] * 10), None, [1, 0, 0]),
        (pd.arrays.SparseArray([True, False, False] * 10), None, [1, 0, 0]),
        (pd.cut(pd.Series([1, 2, 3] * 10), 2), None, ["(0.998, 2.0]", "(0.998, 2.0]", "(2.0, 3.0]"]),
        (pd.arrays.IntervalArray.from_tuples([(0, 1), (1, 2)] * 15), None, ["(0, 1]", "(1, 2]", "(0, 1]"]),
        (
            pd.Series([datetime.time(7), None, datetime.time(8)] * 10, dtype="time64[us][pyarrow]"),
            None,
            ["07:00:00", np.nan, "08:00:00"],
        ),
        (pd.Series([1, 2, None] * 10, dtype="int64[pyarrow]"), None, [1.0, 2.0, np.nan]),
        (
            pd.Series([datetime.date(1970, 1, 2), None, datetime.date(1970, 1, 3)] * 10, dtype="date32[day][pyarrow]"),
            "DATA-DATES",
            [1.0, np.nan, 2.0],
        ),
        (pd.Series(["x", "y", None] * 10, dtype="string[pyarrow]"), None, ["x", "y", np.nan]),
        (["007", "010", "x"] * 10, None, ["007", "010", "x"]),
        ([uuid.UUID(int=1), uuid.UUID(int=2), None] * 10, None, [str(uuid.UUID(int=1)), str(uuid.UUID(int=2)), np.nan]),
    ],
)
def test_awkward_columns_become_plain_ones_and_it_is_said(values, code, expected):
    data = with_column(values)
    column = data.features["odd"]
    assert {str(dtype) for dtype in data.features.dtypes} <= DTYPES
    got = [np.nan if pd.isna(cell) else cell for cell in column.astype(object)[:3]]
    assert all(a == b or (a is np.nan and b is np.nan) for a, b in zip(got, expected, strict=True)), got
    assert codes(data) - {"DATA-TARGET-MISSING"} == set((code or "").split())


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([None] * 30, "DATA-ALL-MISSING"),
        ([np.inf] * 30, "DATA-ALL-MISSING"),
        (["", " "] * 15, "DATA-ALL-MISSING"),
        (["x"] * 30, "DATA-CONSTANT"),
        ([3] * 30, "DATA-CONSTANT"),
        (pd.Categorical(["x"] * 30, categories=["x", "y"]), "DATA-CONSTANT"),
        ([f"name {i}" for i in range(30)], "DATA-IDENTIFIER"),
        (list(range(100, 130)), "DATA-IDENTIFIER"),
        (np.random.default_rng(0).permutation(30), "DATA-IDENTIFIER"),
        ([str(i) for i in range(1000, 1030)], "DATA-IDENTIFIER"),
        ([[1, 2]] * 30, "DATA-NESTED"),
        ([{"a": 1}] * 30, "DATA-NESTED"),
        ([b"\xff\x00"] * 30, "DATA-NESTED"),
        ([1 + 2j, 2] * 15, "DATA-NESTED"),
    ],
)
def test_columns_that_cannot_help_are_left_out_and_it_is_said(values, code):
    data = with_column(values)
    assert list(data.features) == ["good"]
    assert code in codes(data)
    assert any("'odd'" in note.message for note in data.notes if note.code == code)


def test_a_constant_with_gaps_and_a_measurement_are_kept():
    assert "odd" in with_column([1.0, None] * 15).features
    assert "odd" in with_column(np.linspace(0, 1, 30)).features
    assert "odd" in with_column(np.random.default_rng(0).permutation(60)[:30]).features


def test_csv_and_category_give_the_same_features(people, tmp_path):
    people.to_csv(tmp_path / "people.csv", index=False)
    kinds = people.astype({"town": pd.CategoricalDtype(["zzz", "Oslo", "<b>Tromsø</b>", "Bergen"]), "sex": "category"})
    kinds.to_parquet(tmp_path / "people.parquet")
    first, second = (load_dataset(tmp_path / f"people.{end}", target="buys") for end in ("csv", "parquet"))
    pd.testing.assert_frame_equal(first.features, second.features)
    pd.testing.assert_series_equal(first.target, second.target)
    assert first.fingerprint == second.fingerprint


def test_a_text_that_python_can_hold_but_not_encode_is_loaded():
    data = with_column(pd.Series(["\ud800", "x", "é"] * 10, dtype=object))
    assert data.features["odd"].nunique() == 3
    assert data.fingerprint.startswith("sha256:")


@given(
    st.lists(
        st.one_of(st.none(), st.floats(width=32), st.text(max_size=4), st.booleans(), st.integers()),
        min_size=20,
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_column_of_any_cells_can_be_loaded(values):
    data = with_column(pd.Series(values, dtype=object))
    assert {str(dtype) for dtype in data.features.dtypes} <= DTYPES
    numbers = data.features.select_dtypes("number").to_numpy(dtype=float)
    assert not np.isinf(numbers).any()
    assert all(note.where == "odd" for note in data.notes)
    assert "<" in data._repr_html_()


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1), np.random.default_rng(0).permutation(30)])
@pytest.mark.parametrize("name", ["income", "customer_id", "Unnamed: 0"])
def test_whole_numbers_that_differ_are_an_identifier_by_their_name_not_their_order(order, name):
    values = (np.arange(30) * 7 + 5)[order]
    data = load_dataset(pd.DataFrame({name: values, "x": np.sin(values), "y": ["a", "b"] * 15}), target="y")
    assert list(data.features) == (["income", "x"] if name == "income" else ["x"])


def test_a_time_that_cannot_be_read_is_refused():
    table = pd.DataFrame({"t": ["wave b", "wave a"] * 10, "x": range(0, 60, 3), "y": ["a", "b"] * 10})
    with pytest.raises(InputError, match=r"'t' holds neither numbers nor dates that can be read: 'wave a', 'wave b'\."):
        load_dataset(table, target="y", time="t")


@pytest.mark.parametrize("text", ["1_000", "0x1A", "١", "12a", "?", "1-2-3", "9999-99-99"])
def test_texts_that_are_neither_numbers_nor_dates(text):
    assert decide_format(pa.array([text])).format.kind == "text"


# Sensitive, time, periods


def test_sensitive_columns_are_categories_except_measurements(people):
    frame = people.assign(flag=people["town"] == "Oslo", score=people["household"] % 4, part=[None, 1.0] * 200)
    data = load_dataset(frame, target="buys", sensitive=["sex", "flag", "score", "part", "age in years"])
    assert [str(dtype) for dtype in data.sensitive.dtypes] == ["category"] * 4 + ["int64"]
    assert data.sensitive["flag"].cat.categories.tolist() == ["False", "True"]
    assert data.sensitive["score"].cat.categories.tolist() == ["0", "1", "2", "3"]
    assert data.sensitive["part"].dropna().unique().tolist() == ["1"]
    with pytest.raises(InputError, match="no usable value"):
        load_dataset(people.assign(none=None), target="buys", sensitive="none")


@pytest.mark.parametrize(
    ("times", "dtype", "periods", "kept"),
    [
        ([2019, 2020, 2021], "int64", [2020], [2020]),
        (["2019", "2020", "2021"], "int64", ["2020", 2021], [2020, 2021]),
        (["2019-05-01", "2020-05-01", "2020-06-01"], "datetime64", ["2020"], ["2020-05-01", "2020-06-01"]),
        (["2019-05-01", "2020-05-01", "2020-06-01"], "datetime64", "2020-06", ["2020-06-01"]),
        (["Q2 2020", "Q1 2020", "2021-Q1"], "datetime64", "2021", ["2021-Q1"]),
    ],
)
def test_times_are_ordered_and_periods_kept(times, dtype, periods, kept):
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=90), "t": times * 30, "y": [0, 1] * 45})
    data = load_dataset(frame, target="y", time="t", periods=periods)
    assert str(data.time.dtype).startswith(dtype)
    wanted = {pd.Timestamp(value) for value in kept} if dtype == "datetime64" else set(kept)
    assert set(data.time.unique()) == wanted
    assert ("DATA-TIME-TEXT" in codes(data)) == (dtype == "category")
    assert data.rows == 30 * len(kept)


def test_an_ordered_time_keeps_its_order():
    waves = pd.CategoricalDtype(["second", "first"], ordered=True)
    frame = pd.DataFrame(
        {"a": np.random.default_rng(0).normal(size=40), "t": ["first", "second"] * 20, "y": [0, 1, 1, 0] * 10}
    )
    data = load_dataset(frame.astype({"t": waves}), target="y", time="t")
    assert data.time.min() == "second"
    assert "DATA-TIME-TEXT" not in codes(data)


def test_rows_without_a_time_are_dropped_and_groups_without_a_name_are_one():
    frame = pd.DataFrame(
        {
            "a": np.random.default_rng(0).normal(size=60),
            "t": [2020, None, 2021] * 20,
            "g": [1, None, 2] * 20,
            "y": [0, 1] * 30,
        }
    )
    data = load_dataset(frame, target="y", time="t", group="g")
    assert data.rows == 40
    assert {"DATA-TIME-MISSING", "DATA-GROUP-MISSING"} <= codes(data)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("gap", [None, "?", "unknown", np.inf])
def test_rows_whose_time_cannot_be_read_are_dropped_as_those_without_one(tmp_path, gap, whole):
    times = list(range(1960, 2020)) if whole else pd.date_range("2020-01-31", periods=60).strftime("%Y-%m-%d").tolist()
    if gap == np.inf and not whole:
        pytest.skip("a date is not infinite")
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "t": times, "y": [0, 1] * 30})
    frame["t"] = [gap, *times[1:59], gap] if gap == np.inf or not whole else [gap, *map(str, times[1:59]), gap]
    frame.to_csv(tmp_path / "t.csv", index=False)
    for source in (frame, tmp_path / "t.csv"):
        data = load_dataset(source, target="y", time="t")
        assert data.rows == 58
        assert data.time.notna().all()
        assert data.time.dtype == ("int64" if whole else "datetime64[us]")
        assert "DATA-TIME-MISSING" in codes(data)
        assert [part.rows for part in split_dataset(data).parts().values()] == [46, 12]


# The result


def test_a_dataset_is_a_result_and_can_be_cut(people):
    data = load_dataset(people, target="buys", sensitive="sex", time="year", group="household")
    assert isinstance(data, Result)
    part = data.take(np.array([5, 2, 9]))
    assert part.features.index.tolist() == [5, 2, 9]
    assert part.target.tolist() == people["buys"].iloc[[5, 2, 9]].tolist()
    assert [part.sensitive.index.tolist(), part.time.index.tolist(), part.group.index.tolist()] == [[5, 2, 9]] * 3
    assert part.fingerprint == data.fingerprint
    assert isinstance(part, Dataset)


def test_scalars_carry_intervals(people):
    numbers = load_dataset(people, target="buys").scalars()
    hits = int((people["buys"] == load_dataset(people, target="buys").positive).sum())
    interval = stats.binomtest(hits, 400).proportion_ci(method="wilson")
    rate = numbers["data.target_rate"]
    assert (rate.value, rate.low, rate.high, rate.n) == pytest.approx((hits / 400, interval.low, interval.high, 400))
    assert numbers["data.rows"].value == 400
    assert numbers["data.columns"].value == 8
    assert numbers["data.missing_share"].value == pytest.approx(people.drop(columns="buys").isna().to_numpy().mean())
    mean = load_dataset("diabetes").scalars()["data.target_mean"]
    target = load_dataset("diabetes").target
    low, high = stats.t.interval(0.95, len(target) - 1, loc=target.mean(), scale=stats.sem(target))
    assert (mean.value, mean.low, mean.high) == pytest.approx((target.mean(), low, high))


def test_the_profile_has_one_row_a_feature(people):
    profile = load_dataset(people, target="buys").profile().set_index("column")
    assert list(profile.index) == [name for name in people if name != "buys"]
    assert profile.loc["Größe", "missing"] == pytest.approx(people["Größe"].isna().mean())
    assert profile.loc["Größe", "mean"] == pytest.approx(people["Größe"].mean())
    top = people["town"].value_counts(normalize=True)
    assert (profile.loc["town", "top"], profile.loc["town", "top_share"]) == (top.index[0], pytest.approx(top.iloc[0]))
    assert profile.loc["town", "distinct"] == 3


def test_the_html_face_escapes_what_comes_from_the_data(people):
    html = load_dataset(people, target="buys", name="<i>people</i>")._repr_html_()
    assert "<script>alert" not in html
    assert "<b>Tromsø" not in html
    assert "<i>people" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@pytest.mark.parametrize(("source", "bars"), [("wine", 3), ("diabetes", 21)])
def test_the_target_can_be_drawn(source, bars):
    data = load_dataset(source)
    axes = data.plot()
    assert len(axes.patches) == bars
    assert "rows" in data.pictures()["target"].alt
    axes.figure.clear()
    with pytest.raises(InputError, match="no figure 'roc'"):
        data.plot("roc")


def test_many_classes_are_drawn_as_the_largest_and_the_rest():
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=900), "y": [f"c{i % 30}" for i in range(900)]})
    data = load_dataset(frame, target="y")
    assert "21 other classes" in data.pictures()["target"].alt
    assert len(data.plot().patches) == 10


def test_the_record_holds_the_table(people):
    record = load_dataset(people, target="buys").record()
    assert (record.data.name, record.data.rows, record.data.columns, record.data.target) == ("table", 400, 8, "buys")
    assert record.data.frame.shape == (400, 8)
    assert repr(load_dataset(people, target="buys")).startswith("table (binary)\n400 rows and 7 features; the target")


# The fingerprint

CELLS = {
    "int": st.integers(-(2**62), 2**62),
    "float": st.floats(allow_nan=True, allow_infinity=True),
    "text": st.text(st.characters(codec="utf-8"), max_size=5),
    "bool": st.booleans(),
    "gaps": st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=3)),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 6))
    names = draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=4), min_size=1, max_size=4, unique=True))
    kinds = [draw(st.sampled_from(sorted(CELLS))) for _ in names]
    cells = {
        name: draw(st.lists(CELLS[kind], min_size=rows, max_size=rows)) for name, kind in zip(names, kinds, strict=True)
    }
    return pd.DataFrame(cells)


def equal(a, b):
    return (pd.isna(a) and pd.isna(b)) or (type(a) is type(b) and a == b)


@given(tables(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_changed_cell_name_or_order_changes_the_fingerprint(frame, data):
    before = fingerprint(frame)
    assert before == fingerprint(frame.copy())
    row = data.draw(st.integers(0, len(frame) - 1))
    column = data.draw(st.integers(0, frame.shape[1] - 1))
    old = frame.iloc[row, column]
    kind = (
        "text"
        if isinstance(old, str)
        else "bool"
        if isinstance(old, bool | np.bool_)
        else "float"
        if isinstance(old, float)
        else "int"
    )
    new = data.draw(CELLS[kind])
    if kind != "int" or abs(int(old or 0)) < 2**62:
        changed = frame.astype({frame.columns[column]: object})
        changed.iloc[row, column] = new
        changed = changed.infer_objects()
        same = pd.isna(old) and pd.isna(new) if pd.isna(old) or pd.isna(new) else old == new
        assert (fingerprint(changed) == before) == bool(same)
    renamed = frame.set_axis([*frame.columns[:-1], frame.columns[-1] + "x"], axis=1)
    assert fingerprint(renamed) != before
    turned = frame.iloc[::-1]
    alike = all(
        equal(a, b) for a, b in zip(frame.to_numpy(object).ravel(), turned.to_numpy(object).ravel(), strict=True)
    )
    assert (fingerprint(turned) == before) == alike


@given(tables())
@settings(max_examples=60, deadline=None)
def test_parquet_keeps_the_fingerprint(tmp_path_factory, frame):
    path = tmp_path_factory.mktemp("p") / "t.parquet"
    frame.to_parquet(path)
    assert fingerprint(pd.read_parquet(path)) == fingerprint(frame)


def test_how_values_are_stored_does_not_matter():
    plain = pd.DataFrame({"n": [1, 2, 3], "x": [1.0, np.nan, 0.25], "t": ["b", None, "a"], "f": [True, False, True]})
    stored = [
        plain.astype({"n": "int8"}),
        plain.astype({"n": "Int64", "x": "Float64", "f": "boolean"}),
        plain.astype({"n": "float64"}),
        plain.astype({"x": "float32"}),
        plain.astype({"t": "category"}),
        plain.astype({"t": pd.CategoricalDtype(["z", "a", "b"], ordered=True)}),
        plain.astype({"t": "string", "f": object}),
        plain.astype({"n": "int64[pyarrow]", "t": "string[pyarrow]"}),
        plain.astype({"n": "category", "f": "category"}),
        plain.set_axis([5, 6, 7]),
    ]
    assert {fingerprint(frame) for frame in stored} == {fingerprint(plain)}


def test_what_differs_differs():
    frames = [
        pd.DataFrame({"a": [1, 2]}),
        pd.DataFrame({"a": ["1", "2"]}),
        pd.DataFrame({"a": [True, False]}),
        pd.DataFrame({"a": [1, 2], "b": [None, None]}),
        pd.DataFrame({"a": [1, 2, None]}),
        pd.DataFrame({"a": [[1], [2]]}),
        pd.DataFrame({"a": [{"k": 1}, 2]}),
        pd.DataFrame({"a": [2**53, 2**53]}),
        pd.DataFrame({"a": [2**53, 2**53 + 1]}),
        pd.DataFrame({"a": ["", None]}),
        pd.DataFrame({"a": [None, ""]}),
        pd.DataFrame({"a": ["ab", "c"]}),
        pd.DataFrame({"a": ["a", "bc"]}),
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2020-01-02"])}),
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2020-01-02"]).tz_localize("UTC")}),
        pd.DataFrame({"a": ["2020-01-01", "2020-01-02"]}),
        pd.DataFrame({"a": []}),
        pd.DataFrame(),
    ]
    assert len({fingerprint(frame) for frame in frames}) == len(frames)


def test_lists_and_arrays_of_the_same_items_agree():
    lists = pd.DataFrame({"a": [[1, 2], list(range(5000))]})
    arrays = pd.DataFrame({"a": [np.array([1, 2]), np.arange(5000)]})
    assert fingerprint(lists) == fingerprint(arrays)
    arrays.loc[1, "a"][2500] = -1
    assert fingerprint(lists) != fingerprint(arrays)


def test_dates_of_any_unit_agree():
    days = pd.DataFrame({"a": pd.to_datetime(["2020-01-01 00:00", None, "1960-05-05 10:00"])})
    assert (
        fingerprint(days)
        == fingerprint(days.astype({"a": "datetime64[ns]"}))
        == fingerprint(days.astype({"a": "datetime64[s]"}))
    )


def test_the_census_has_the_same_fingerprint_from_csv(tmp_path):
    frame = pd.read_parquet(FOLDER / BUILT_IN["census_income"].file).head(3000)
    frame.to_csv(tmp_path / "t.csv", index=False)
    kinds = dict.fromkeys(frame.columns[frame.dtypes == "category"], str)
    again = pd.read_csv(tmp_path / "t.csv", dtype=kinds)
    assert fingerprint(again) == fingerprint(frame)
    changed = frame.assign(age=frame["age"].where(frame.index != 2999, 0))
    assert fingerprint(changed) != fingerprint(frame)


def test_columns_may_be_called_anything():
    values = np.random.default_rng(0).normal(size=40)
    frame = pd.DataFrame({"": values, 0: [1, 2] * 20, None: values, ("a", 1): values})
    data = load_dataset(frame, target=0)
    assert (data.target.name, list(data.features)) == ("0", ["", "None", "('a', 1)"])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("roles", [{"weight": "w"}, {"group": "who"}, {"group": "who", "weight": "w"}])
def test_the_level_of_the_target_counts_weights_and_groups(kind, roles):
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(200), 10)
    own = np.repeat(rng.normal(size=200), 10) + 0.3 * rng.normal(size=2000)
    y = {"binary": (own > 0) * 1, "multiclass": np.digitize(own, [0, 1.5]), "regression": own}[kind]
    frame = pd.DataFrame({"x": rng.normal(size=2000), "who": who, "y": y})
    frame["w"] = np.where(rng.random(2000) < 0.2 + 0.6 * (own > 0), 9.0, 1.0)
    data = load_dataset(frame, target="y", drop=[one for one in ("who", "w") if one not in roles.values()], **roles)
    each = frame["w"].to_numpy() if "weight" in roles else np.ones(2000)
    largest = int(np.bincount(y, each).argmax()) if kind == "multiclass" else 1
    values = y if kind == "regression" else (y == largest) * 1.0
    wanted = np.average(values, weights=each)
    # The linearized error of a mean of weighted rows, summed within groups.
    moved = pd.Series(each * (values - wanted)).groupby(who if "group" in roles else np.arange(2000)).sum()
    error = np.sqrt((moved**2).sum()) / each.sum()
    found = data.target_level()
    assert (found.value, found.n) == (pytest.approx(wanted), 2000)
    assert found.high - found.low == pytest.approx(2 * stats.norm.ppf(0.975) * error, rel=0.06)
    if kind != "multiclass":
        assert data.scalars()[f"data.target_{'rate' if kind == 'binary' else 'mean'}"] == found


def test_very_large_numbers_do_not_overflow():
    values = np.random.default_rng(0).normal(size=40)
    data = load_dataset(pd.DataFrame({"a": values, "y": values[::-1] * 1e300}), target="y")
    mean, small = (
        data.target_level(),
        load_dataset(pd.DataFrame({"a": values, "y": values[::-1]}), target="y").target_level(),
    )
    assert (mean.value / 1e300, mean.low / 1e300, mean.high / 1e300) == pytest.approx(
        (small.value, small.low, small.high)
    )
    assert data.plot().figure.get_suptitle() == "Distribution of y"


def test_text_numbers_and_mixed_labels_as_targets_are_said():
    values = np.random.default_rng(0).normal(size=40)
    texts = load_dataset(pd.DataFrame({"a": values, "y": [str(i / 8) for i in range(40)]}, dtype=object), target="y")
    assert (texts.task, "DATA-TARGET-TEXT-NUMBERS" in codes(texts)) == ("regression", True)
    assert texts.target.tolist() == [i / 8 for i in range(40)]
    mixed = load_dataset(pd.DataFrame({"a": values, "y": [1, "b"] * 20}), target="y")
    assert (mixed.classes, "DATA-TARGET-MIXED" in codes(mixed)) == (("1", "b"), True)


def test_numbers_too_large_to_square_are_missing(people):
    people["far"] = np.where(np.arange(len(people)) < 3, 1e300, 1.0 * np.arange(len(people)))
    data = load_dataset(people, target="buys")
    assert data.features["far"].isna().sum() == 3
    (finding,) = [finding for finding in data.findings() if finding.code == "DATA-INFINITE"]
    assert "3 infinite or astronomically large values" in finding.message


def test_the_profile_reads_well_in_a_mixed_table():
    table = pd.DataFrame({"n": [1.5, 2.5] * 20, "w": range(40), "t": ["a", "a", "b", None] * 10, "y": ["u", "v"] * 20})
    rows = readable(load_dataset(table.assign(w=[3, 1, 2, 2] * 10), target="y").profile()).set_index("column")
    assert rows["values"].to_dict() == {"n": "1.500 to 2.500, mean 2", "w": "1 to 3, mean 2", "t": "most often a (67%)"}
    assert rows["missing"].to_dict() == {"n": "none", "w": "none", "t": "25.0%"}


def test_the_profile_shows_dates_as_dates():
    days = pd.date_range("2024-01-01", periods=40)
    table = pd.DataFrame({"day": days.strftime("%d.%m.%Y"), "at": days + pd.Timedelta("12h"), "y": ["u", "v"] * 20})
    rows = readable(load_dataset(table, target="y").profile()).set_index("column")
    assert rows["kind"].to_dict() == {"day": "date", "at": "date"}
    assert rows.loc["day", "values"] == "2024-01-01 to 2024-02-09"
    assert rows.loc["at", "values"] == "2024-01-01 12:00:00 to 2024-02-09 12:00:00"


class TestGroupsThatWereNotNamed:
    @staticmethod
    def found(**options):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(
            {
                "Gender": rng.choice(["f", "m"], 300),
                "age": rng.integers(20, 60, 300),
                "account_age": rng.integers(0, 9, 300),
                "Essex": rng.choice([0, 1], 300),
                "y": rng.choice(["no", "yes"], 300),
            }
        )
        found = load_dataset(frame, target="y", **options).findings()
        return [one for one in found if one.code == "DATA-SENSITIVE-NOT-NAMED"]

    def test_they_are_a_finding(self):
        (one,) = self.found()
        assert (one.severity, one.where) == ("medium", "Gender")
        assert "columns seem to name some: Gender, age. Name them" in one.message

    def test_where_one_was_named_or_they_were_left_out_there_is_nothing_to_say(self):
        assert self.found(sensitive=["Gender"]) == []
        assert self.found(drop=["Gender", "age"]) == []

    @pytest.mark.parametrize("name", ["sex", "patient_sex", "Geschlecht", "NATIONALITY", "âge", "race2", "is disabled"])
    def test_a_word_of_the_name_is_enough(self, name):
        assert [one.where for one in not_named([name, "y"], Roles("y"))] == [name]

    @pytest.mark.parametrize("name", ["age of the account", "trace", "average", "racetrack", "sexy", "page", "altered"])
    def test_a_part_of_a_word_is_not(self, name):
        assert not_named([name, "y"], Roles("y")) == []


def test_a_group_that_is_a_number_here_and_its_text_there_is_one_group():
    who = np.repeat(np.arange(60), 20)
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=1200), "y": np.arange(1200) % 2, "who": who})
    mixed = frame.assign(who=pd.Series([str(one) if place % 2 else int(one) for place, one in enumerate(who)]))
    data = load_dataset(mixed, target="y", group="who")
    assert data.units.count == 60
    split = split_dataset(data, strategy="group")
    assert not set(split.train.group) & set(split.test.group)
    assert load_dataset(frame.astype({"who": "int64[pyarrow]"}), target="y", group="who").units.count == 60
    assert load_dataset(frame, target="y", group="who").units.count == 60


@pytest.mark.parametrize(
    "written", [str, float, lambda one: f"{one}.0", lambda one: str(one) if one % 2 else one, lambda one: one]
)
@pytest.mark.parametrize("gap", [True, False])
def test_a_group_of_the_training_table_is_found_in_a_test_table_that_writes_it_otherwise(written, gap):
    who = np.arange(120) % 12 + 1
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=120), "y": np.arange(120) // 12 % 2, "who": who})
    train = load_dataset(frame, target="y", group="who")
    other = frame.assign(x=frame["x"] + 9, who=frame["who"].map(written).astype(object))
    other = other.assign(who=other["who"].where(other.index != 5)) if gap else other
    test = load_dataset(other, like=train)
    assert {*test.group.dropna()} == {*train.group}
    for one, two in ((train, test), (test, train)):
        assert "SPLIT-SHARED-GROUPS" in [found.code for found in split_dataset(train=one, test=two).findings()]
    large = frame.assign(who=pd.Series([2**60 + one for one in who], dtype="Int64").where(frame.index != 5))
    assert load_dataset(large, target="y", group="who").units.count == 13


def test_a_group_that_is_a_date_or_a_category_here_is_found_as_text_there(tmp_path):
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(120) % 12, unit="D")
    for who in (pd.Series(days), pd.Series(np.arange(120) % 12).map("p{}".format).astype("category")):
        train = pd.DataFrame({"x": np.arange(120.0), "y": np.arange(120) // 12 % 2, "who": who})
        test = train.assign(x=train["x"] + 0.5, who=train["who"].map(str))
        test.to_json(tmp_path / "test.jsonl", orient="records", lines=True)
        first = load_dataset(train, target="y", group="who")
        split = split_dataset(train=first, test=load_dataset(tmp_path / "test.jsonl", like=first))
        assert "SPLIT-SHARED-GROUPS" in [found.code for found in split.findings()]


@pytest.mark.parametrize(("kinds", "labels"), [({}, 3), ({"s": "text"}, 30)])
def test_groups_are_read_as_the_column_is_decided_whatever_holds_it(tmp_path, kinds, labels):
    values = pd.Series(np.arange(60) % labels == 1 if labels == 3 else np.arange(60) % labels).map(str)
    table = pd.DataFrame({"x": np.arange(60.0), "s": values, "y": np.arange(60) % 2})
    table.to_csv(tmp_path / "table.csv", index=False)
    for source in (table, tmp_path / "table.csv"):
        data = load_dataset(source, target="y", sensitive="s", kinds=kinds)
        assert data.sensitive["s"].tolist() == values.tolist()


@pytest.mark.parametrize("values", [np.arange(60) % 3 + 1, np.arange(60) % 30, np.arange(60) % 3 == 1])
def test_numbers_of_a_sensitive_column_that_is_no_feature_are_kept_as_such_from_text_too(tmp_path, values):
    table = pd.DataFrame({"x": np.arange(60.0), "s": values, "y": np.arange(60) % 2})
    table.to_csv(tmp_path / "table.csv", index=False)
    schemas = [
        load_dataset(one, target="y", sensitive="s", sensitive_as_features=False).schema
        for one in (table, tmp_path / "table.csv")
    ]
    read, typed = (replace(one.columns["s"], why="", example="") for one in schemas)
    assert read == typed
    assert (typed.kind, typed.high) == ("bool" if values.dtype == bool else "number", float(values.max()))


def test_years_of_two_digits_that_lie_ahead_are_said():
    born = pd.date_range("1930-01-01", "1999-12-31", periods=400).strftime("%d.%m.%y")
    frame = pd.DataFrame({"born": born, "y": np.arange(400) % 2, "x": np.arange(400) % 7})
    (note,) = (one for one in load_dataset(frame, target="y").notes if one.code == "DATA-SHORT-YEARS")
    assert note.severity == "medium"
    ahead = sum(int(one[-2:]) > 26 and int(one[-2:]) < 69 for one in born)
    assert abs(int(re.search(r"and (\d+) of", note.message)[1]) - ahead) < 10
    past = frame.assign(born=pd.date_range("2001-01-01", "2020-12-31", periods=400).strftime("%d.%m.%y"))
    assert "DATA-SHORT-YEARS" not in [one.code for one in load_dataset(past, target="y").notes]


@pytest.mark.parametrize("labels", [("no", "yes"), ("TRUE", "FALSE")])
def test_it_is_said_how_a_missing_label_is_written(tmp_path, labels):
    table = pd.DataFrame({"a": np.arange(90.0) % 7, "y": [*labels, "NA"] * 30})
    table.to_csv(path := tmp_path / "table.csv", index=False)
    message = next(one.message for one in load_dataset(path, target="y").notes if one.code == "DATA-TARGET-MISSING")
    assert message == "Target 'y' is missing in 30 of 90 rows (written 'NA'), which were dropped."


def test_one_feature_is_not_several():
    table = pd.DataFrame({"a": np.arange(60.0) % 7, "y": [0, 1] * 30})
    data = load_dataset(table, target="y")
    later = load_dataset(table.head(1), like=data)
    assert "60 rows and 1 feature;" in str(data)
    assert "60 rows and 1 feature;" in data._repr_html_()
    assert "1 row and 1 feature;" in str(later)


def test_groups_that_differ_in_zeros_at_the_end_stay_apart_or_are_said(tmp_path):
    versions = [f"{first}.{last}" for first in range(1, 9) for last in (1, 10, 2, 20, 3, 30)]
    frame = pd.DataFrame({"x": range(480), "version": versions * 10, "y": ["a", "b"] * 240})
    assert load_dataset(frame, target="y", group="version").group.tolist() == versions * 10
    frame.to_csv(path := tmp_path / "versions.csv", index=False)
    read = load_dataset(path, target="y", group="version")
    assert [one.where for one in read.notes if one.code == "DATA-WRITTEN-TWICE"] == ["version"]
    apart = load_dataset(path, target="y", group="version", kinds={"version": "text"})
    assert apart.group.tolist() == versions * 10
