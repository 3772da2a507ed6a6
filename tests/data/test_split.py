import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from toolkit.core.result import Result
from toolkit.data.load import load_dataset
from toolkit.data.split import split_dataset
from toolkit.errors import InputError
from toolkit.models.folds import make_folds


def table(rows=300, classes=2, seed=0, times=4, groups=40):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": random.normal(size=rows),
            "b": random.choice(["x", "y"], rows),
            "t": random.integers(2010, 2010 + times, rows),
            "g": random.integers(0, groups, rows),
            "y": [f"c{i % classes}" for i in range(rows)],
        }
    )
    return frame.sample(frac=1, random_state=seed, ignore_index=True)


def rows_of(part):
    return set(part.target.index)


def is_partition(split):
    parts = [rows_of(part) for part in split.parts().values()]
    return sum(map(len, parts)) == len(set().union(*parts)) == split.data.rows and all(parts)


# Properties


@given(
    rows=st.integers(40, 200),
    classes=st.integers(2, 4),
    test=st.floats(0.1, 0.5),
    validation=st.sampled_from([0.0, 0.1, 0.3]),
    strategy=st.sampled_from(["stratified", "random", "group", "time"]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=120, deadline=None)
def test_parts_cover_all_rows_once_and_the_seed_decides(rows, classes, test, validation, strategy, seed):
    data = load_dataset(table(rows, classes, seed), target="y", time="t", group="g")
    arguments = {"strategy": strategy, "test_size": test, "validation_size": validation, "seed": seed}
    split = split_dataset(data, **arguments)
    assert is_partition(split)
    assert (split.validation is not None) == (validation > 0)
    again = split_dataset(data, **arguments)
    for name, part in split.parts().items():
        assert part.target.index.tolist() == sorted(rows_of(part)) == again.parts()[name].target.index.tolist()
        pd.testing.assert_frame_equal(part.features, data.features.loc[part.target.index])
    if strategy == "time":
        assert split.train.time.max() < split.test.time.min()
        assert split.test.rows >= test * rows or len(set(split.train.time)) == 1
    if strategy == "group":
        groups = [set(part.group) for part in split.parts().values()]
        assert sum(map(len, groups)) == len(set().union(*groups))


@given(
    st.lists(st.integers(0, 3), min_size=12, max_size=80).filter(lambda labels: len(set(labels)) > 1),
    st.sampled_from([0.0, 0.2]),
)
@settings(max_examples=80, deadline=None)
def test_stratified_parts_have_their_share_of_each_class(labels, validation):
    frame = pd.DataFrame(
        {"a": np.random.default_rng(0).normal(size=len(labels)), "y": [f"c{label}" for label in labels]}
    )
    split = split_dataset(load_dataset(frame, target="y"), strategy="stratified", validation_size=validation)
    counts = frame["y"].value_counts()
    for label, count in counts.items():
        in_test = int((split.test.target == label).sum())
        assert abs(in_test - 0.2 * count) <= 1.0 + 1e-9
        assert (split.train.target == label).sum() >= 1
        assert in_test >= min(1, count - 1)


@given(
    rows=st.integers(10, 20),
    times=st.integers(1, 4),
    strategy=st.sampled_from(["auto", "time", "group"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_tiny_tables_are_cut_or_refused(rows, times, strategy, seed):
    data = load_dataset(table(rows, 3, seed, times, groups=4), target="y", time="t", group="g")
    split, refusal = None, ""
    try:
        split = split_dataset(data, strategy=strategy, validation_size=0.2, seed=seed)
    except InputError as error:
        refusal = str(error)
    if split is None:
        assert re.search("would be empty|in every row|groups or more|left to train on|times", refusal), refusal
    elif split.strategy == "time_group":
        assert not set(split.train.group) & set(split.test.group)
        assert split.train.time.max() < split.test.time.min()
    else:
        assert is_partition(split)


def test_other_seeds_give_other_parts():
    data = load_dataset(table(), target="y")
    assert rows_of(split_dataset(data, seed=1).test) != rows_of(split_dataset(data, seed=2).test)


# Strategies


def test_auto_takes_what_the_columns_allow_then_the_task():
    frame = table()
    for roles, expected in [
        ({"target": "y", "group": "g"}, "group"),
        ({"target": "y", "time": "t"}, "time"),
        ({"target": "y"}, "stratified"),
        ({"target": "a"}, "random"),
        ({"target": "y", "time": "t", "periods": [2010]}, "stratified"),
    ]:
        assert split_dataset(load_dataset(frame, **roles)).strategy == expected


def test_the_census_is_cut_between_its_waves():
    split = split_dataset(load_dataset("census_income"))
    assert (split.strategy, split.train.rows, split.test.rows) == ("time", 107_679, 107_895)
    assert split.train.features["migration_msa"].notna().all()
    assert split.test.features["migration_msa"].isna().all()


def test_sizes_of_a_stratified_split(census):
    split = split_dataset(census, validation_size=0.1)
    sizes = {name: part.rows for name, part in split.parts().items()}
    assert sizes == {"train": 75_375, "validation": 10_768, "test": 21_536}
    rates = split.frame()["target_rate"]
    assert np.ptp(rates) < 1e-4


@pytest.mark.parametrize(
    ("arguments", "train", "validation", "test"),
    [
        ({}, {2010, 2011, 2012}, None, {2013}),
        ({"test_size": 0.4}, {2010, 2011}, None, {2012, 2013}),
        ({"validation_size": 0.2}, {2010, 2011}, {2012}, {2013}),
        ({"cut": 2012}, {2010, 2011}, None, {2012, 2013}),
        ({"cut": "2011.5"}, {2010, 2011}, None, {2012, 2013}),
        ({"test_periods": [2012]}, {2010, 2011}, None, {2012}),
        ({"test_periods": ["2013"], "validation_periods": [2011]}, {2010}, {2011}, {2013}),
        ({"test_periods": ["2013"], "validation_periods": [2012]}, {2010, 2011}, {2012}, {2013}),
    ],
)
def test_time_splits(arguments, train, validation, test):
    split = split_dataset(load_dataset(table(), target="y", time="t"), **arguments)
    assert set(split.train.time) == train
    assert (split.validation and set(split.validation.time)) == validation
    assert set(split.test.time) == test
    used = train | test | (validation or set())
    assert ("SPLIT-LEFT-OUT" in {finding.code for finding in split.findings()}) == (used != {2010, 2011, 2012, 2013})


def test_time_splits_on_dates_and_on_ordered_labels():
    frame = table()
    frame["day"] = pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(300) % 60, unit="D")
    by_day = split_dataset(load_dataset(frame, target="y", time="day"), cut="2020-02-01")
    assert by_day.test.time.min() == pd.Timestamp("2020-02-01")
    assert by_day.frame()["last_time"].tolist() == ["2020-01-31", "2020-02-29"]
    by_month = split_dataset(load_dataset(frame, target="y", time="day"), test_periods=["2020-02"])
    assert rows_of(by_month.test) == rows_of(by_day.test)
    frame["wave"] = frame["t"].map({2010: "one", 2011: "two", 2012: "three", 2013: "four"})
    order = pd.CategoricalDtype(["one", "two", "three", "four"], ordered=True)
    by_wave = split_dataset(load_dataset(frame.astype({"wave": order}), target="y", time="wave"), cut="three")
    assert set(by_wave.train.time) == {"one", "two"}


def test_a_cut_is_written_as_its_column_is_or_as_the_standard_has_it():
    days = pd.date_range("2021-01-01", periods=600)
    written = table(rows=600).assign(day=days.strftime("%d/%m/%Y"))
    data = load_dataset(written, target="y", time="day")
    for cut in ("01/02/2022", "2022-02-01", "2022-02", pd.Timestamp("2022-02-01"), days[396].date()):
        assert split_dataset(data, cut=cut).test.time.min() == pd.Timestamp("2022-02-01")
    typed = load_dataset(written.assign(day=days), target="y", time="day")
    with pytest.raises(InputError, match="The cut '01/02/2022' cannot be compared with 'day', which holds: 2021-01-01"):
        split_dataset(typed, cut="01/02/2022")


def test_a_time_that_is_the_same_in_every_row_is_said_to_order_nothing():
    frame = pd.DataFrame({"x": range(100), "t": "2024-03-01", "y": [0, 1] * 50})
    data = load_dataset(frame, target="y", time="t")
    assert "SPLIT-ONE-TIME" in {note.code for note in split_dataset(data).findings()}
    assert "SPLIT-ONE-TIME" not in {note.code for note in split_dataset(data, strategy="random").findings()}


def test_validation_is_drawn_by_chance_where_one_time_is_left():
    split = split_dataset(load_dataset(table(times=2), target="y", time="t"), validation_size=0.1)
    assert set(split.validation.time) == set(split.train.time) == {2010}
    assert split.validation.rows == 30
    assert "SPLIT-VALIDATION-BY-CHANCE" in {finding.code for finding in split.findings()}


def test_group_sizes_are_near_what_was_asked():
    split = split_dataset(load_dataset(table(3000, groups=200), target="y", group="g"), validation_size=0.1)
    shares = split.frame()["share"].tolist()
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.01)


def test_a_class_with_one_row_goes_to_train():
    frame = table(60).assign(y=["rare"] + ["a"] * 30 + ["b"] * 29)
    split = split_dataset(load_dataset(frame, target="y"))
    assert "rare" in set(split.train.target)
    missing = next(finding for finding in split.findings() if finding.code == "SPLIT-CLASS-MISSING")
    assert missing.message == "The test part has no row of class 'rare' of 'y'."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "tme"}, "no strategy 'tme'. Did you mean 'time'"),
        ({"test_size": 0}, "test_size must be a share between 0 and 1"),
        ({"test_size": 20}, "found 20"),
        ({"test_size": "a fifth"}, "found 'a fifth'"),
        ({"test_size": True}, "found True"),
        ({"test_size": float("nan")}, "found nan"),
        ({"validation_size": -0.1}, "validation_size must be a share"),
        ({"test_size": 0.6, "validation_size": 0.5}, "leave no rows to train on"),
        ({"cut": "soon"}, "The cut 'soon' cannot be compared with 't', which holds: 2010, 2011"),
        ({"cut": 2010}, "No row comes before the cut 2010. 't' runs from 2010 to 2013"),
        ({"cut": 2099}, "No row comes at or after the cut 2099"),
        ({"cut": 2012, "test_periods": [2012]}, "either 'cut' or 'test_periods'"),
        ({"test_periods": [2010]}, "Nothing comes before the test part"),
        ({"test_periods": [1999]}, "'t' equal to '1999'. It holds: 2010"),
        ({"test_periods": [2012], "validation_periods": [2013]}, "2013 does not come before the test part"),
        ({"test_periods": [2012], "validation_periods": [2010]}, "no training part"),
        ({"strategy": "group"}, "needs a group column"),
        ({"strategy": "random", "cut": 2012}, "'cut' and periods are for strategy='time'"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4,294,967,295; found -1"),
        ({"seed": 0.5}, "found 0.5"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        split_dataset(load_dataset(table(), target="y", time="t"), **arguments)


def test_what_cannot_be_cut_is_refused():
    frame = table()
    with pytest.raises(InputError, match="needs classes"):
        split_dataset(load_dataset(frame, target="a"), strategy="stratified")
    with pytest.raises(InputError, match="needs a time column"):
        split_dataset(load_dataset(frame, target="y"), strategy="time")
    with pytest.raises(InputError, match="'t' is 2010 in every row"):
        split_dataset(load_dataset(frame.assign(t=2010), target="y", time="t"), strategy="time")
    with pytest.raises(InputError, match="needs 3 groups or more, but 'g' has 2 groups"):
        split_dataset(load_dataset(frame.assign(g=frame["g"] % 2), target="y", group="g"), validation_size=0.1)
    with pytest.raises(InputError, match="needs 2 groups or more, but 'g' has 1 group"):
        split_dataset(load_dataset(frame.assign(g=1), target="y", group="g"))
    with pytest.raises(InputError, match="The train part would be empty: 12 rows"):
        split_dataset(load_dataset(frame.head(12), target="a"), test_size=0.98)


@pytest.mark.parametrize(("written", "found"), [("%m%Y", "32020"), ("%m.%Y", "3.202"), ("%d%m%Y", "1032020")])
def test_numbers_that_end_in_a_year_are_no_times_as_their_order_is_another(written, found):
    months = pd.date_range("2020-03-01", periods=20, freq="MS")
    numbers = [float(month.strftime(written)) for month in months]
    frame = pd.DataFrame({"when": numbers * 10, "x": range(200), "y": ["a", "b"] * 100})
    with pytest.raises(InputError, match=f"end in a year, such as {found}"):
        load_dataset(frame, target="y", time="when")
    for sortable in (months.year * 100 + months.month, months.year + months.month / 100, range(11_990, 12_010)):
        assert load_dataset(frame.assign(when=[*sortable] * 10), target="y", time="when").time.nunique() == 20


# Findings and the result


def test_shared_rows_are_counted_as_a_merge_would():
    split = split_dataset(load_dataset("acs_employment"), strategy="stratified")
    known = set(map(tuple, split.train.frame().to_numpy()))
    shared = sum(tuple(row) in known for row in split.test.frame().to_numpy())
    share = split.scalars()["split.shared_rows_share"]
    interval = stats.binomtest(shared, split.test.rows).proportion_ci(method="wilson")
    assert (share.value, share.low, share.high) == pytest.approx(
        (shared / split.test.rows, interval.low, interval.high)
    )
    finding = split.findings()[0]
    assert (finding.code, finding.severity) == ("SPLIT-SHARED-ROWS", "high")
    assert finding.message.startswith(f"{shared:,} test rows are duplicates")


def test_findings_of_clean_and_of_small_splits():
    assert split_dataset(load_dataset(table(3000), target="y")).findings() == []
    small = split_dataset(load_dataset(table(100), target="y"))
    assert [finding.where for finding in small.findings() if finding.code == "SPLIT-SMALL-PART"] == ["train", "test"]


def test_groups_on_both_sides_are_reported_unless_kept_apart():
    data = load_dataset(table(), target="y", group="g")
    codes = {finding.code for finding in split_dataset(data, strategy="random").findings()}
    assert "SPLIT-SHARED-GROUPS" in codes
    assert "SPLIT-SHARED-GROUPS" not in {finding.code for finding in split_dataset(data).findings()}


def test_frame_and_scalars_show_sizes_and_targets():
    split = split_dataset(load_dataset(table(classes=3), target="y", time="t"), validation_size=0.2)
    frame = split.frame()
    assert frame["part"].tolist() == ["train", "validation", "test"]
    assert frame["share"].sum() == pytest.approx(1)
    assert frame["share of c1"].tolist() == pytest.approx(
        [(part.target == "c1").mean() for part in split.parts().values()]
    )
    assert split.scalars()["split.train.rows"].value == split.train.rows
    binary = split_dataset(load_dataset(table(), target="y"))
    assert binary.scalars()["split.test.target_rate"].value == pytest.approx(binary.test.y_binary().mean())
    number = split_dataset(load_dataset("diabetes"))
    assert number.scalars()["split.test.target_mean"].value == pytest.approx(number.test.target.mean())


def test_a_split_is_a_result():
    split = split_dataset(load_dataset(table(), target="y"), validation_size=0.1)
    assert isinstance(split, Result)
    assert split.record().parameters == {"data": "table", "target": "y", "split": "stratified", "seed": 0}
    assert repr(split).startswith("Split of table\n300 rows, stratified split, seed 0.\n")
    assert split.pictures()["sizes"].alt == "train: 210 rows; validation: 30 rows; test: 60 rows."
    assert [bar.get_width() for bar in split.plot().patches] == [210, 30, 60]
    assert "Parts" in split._repr_html_()
    with pytest.raises(InputError, match="no figure"):
        split.plot("roc")


class TestTimeAndGroup:
    def table(self, people, seed=0):
        rng = np.random.default_rng(seed)
        day = np.sort(rng.integers(0, 400, 1200))
        who = day // 20 * 10 + rng.integers(0, people, 1200)
        return pd.DataFrame({"day": day, "who": who, "x": rng.normal(size=1200), "y": rng.choice(["a", "b"], 1200)})

    @pytest.mark.parametrize("validation", [0.0, 0.2])
    def test_both_are_respected(self, validation):
        data = load_dataset(self.table(30), target="y", time="day", group="who")
        split = split_dataset(data, validation_size=validation)
        assert split.strategy == "time_group"
        parts = list(split.parts().values())
        for earlier, later in itertools.pairwise(parts):
            assert earlier.time.max() < later.time.min()
        seen = [set(part.group) for part in parts]
        assert sum(map(len, seen)) == len(set.union(*seen))
        note = next(one for one in split.findings() if one.code == "SPLIT-GROUPS-LEFT-OUT")
        assert note.message.startswith(f"{data.rows - sum(part.rows for part in parts):,} earlier rows")
        assert "SPLIT-SHARED-GROUPS" not in {one.code for one in split.findings()}

    def test_groups_that_all_last_to_the_end_are_refused(self):
        table = self.table(30).assign(who=lambda rows: np.arange(len(rows)) % 7)
        with pytest.raises(InputError, match=r"no row is left to train on\. Use strategy='time'"):
            split_dataset(load_dataset(table, target="y", time="day", group="who"))

    @pytest.mark.parametrize("strategy", ["time_group", "group"])
    def test_rows_without_a_group_are_one_group_in_parts_and_in_intervals(self, strategy):
        table = self.table(30)
        table.loc[table.index % 3 == 0, "who"] = np.nan
        data = load_dataset(table, target="y", time="day", group="who")
        note = next(one.message for one in data.findings() if one.code == "DATA-GROUP-MISSING")
        assert note == "Group 'who' is missing in 400 of 1,200 rows, which form one group."
        split = split_dataset(data, strategy=strategy)
        holding = [part for part in split.parts().values() if part.group.isna().any()]
        assert len(holding) == 1
        part = holding[0]
        assert part.units.count == part.group.nunique() + 1
        assert len(set(part.units.codes[part.group.isna()])) == 1
        assert "SPLIT-SHARED-GROUPS" not in {one.code for one in split.findings()}

    def test_either_alone_is_as_before(self):
        data = load_dataset(self.table(30), target="y", time="day", group="who")
        assert split_dataset(data, strategy="group").strategy == "group"
        timed = split_dataset(data, strategy="time")
        assert "SPLIT-SHARED-GROUPS" in {one.code for one in timed.findings()}


def test_two_tables_of_ones_own_are_read_by_the_schema_of_the_training_part():
    rows = table(400, times=4).sort_values("t", kind="stable", ignore_index=True).astype({"g": str})
    later = rows.iloc[300:].reset_index(drop=True)
    later.loc[0] = rows.loc[0]
    later.loc[1, "b"], later.loc[2, "y"] = "new", None
    train = load_dataset(rows.iloc[:300], target="y", positive="c1", time="t", group="g")
    split = split_dataset(train=train, test=later)
    assert (split.strategy, split.train.rows, split.test.rows, split.data.rows) == ("given", 300, 99, 399)
    assert split.train.target.tolist() == rows["y"][:300].tolist()
    assert list(split.test.features["b"].cat.categories) == list(split.train.features["b"].cat.categories)
    assert split.test.features["b"].tolist()[1] == "new"
    found = {finding.code: finding for finding in split.findings()}
    assert found["SPLIT-SHARED-ROWS"].message.startswith("1 test row is a duplicate")
    early = int((later["t"].drop(2) <= rows["t"][:300].max()).sum())
    assert found["SPLIT-TIME-ORDER"].message.startswith(f"{early} of 99 test rows are not later")
    shared = int(later["g"].drop(2).isin(rows["g"][:300]).sum())
    assert found["SPLIT-SHARED-GROUPS"].message.startswith(f"{shared} of 99 test rows belong to a group")
    assert "1 of 100 rows: 'new'" in found["DATA-UNSEEN-LABELS"].message


@pytest.mark.parametrize(
    "settings_of_a_cut", [{"cut": 2012}, {"test_size": 0.4}, {"test_periods": [2013]}, {"strategy": "time"}]
)
def test_how_to_cut_is_refused_where_the_parts_are_given(settings_of_a_cut):
    train = load_dataset(table(), target="y", time="t")
    with pytest.raises(
        InputError, match="parts already: those are not cut, so leave out strategy, sizes, cut and periods"
    ):
        split_dataset(train=train, test=table(seed=1), **settings_of_a_cut)


@pytest.mark.parametrize("strategy", ["stratified", "random", "group", "time"])
def test_rows_without_a_label_are_in_no_part(strategy):
    frame = table()
    later = frame.assign(y=frame["y"].astype(object).mask(frame.index < 20, None))
    data = load_dataset(later, like=load_dataset(frame, target="y", time="t", group="g"))
    assert data.rows == len(frame)
    parts = split_dataset(data, strategy=strategy, validation_size=0.2).parts().values()
    assert sum(part.rows for part in parts) == len(frame) - 20
    assert all(part.target.notna().all() for part in parts)


def test_the_training_part_keeps_its_groups_and_weights_where_the_test_table_has_none():
    frame = table(groups=40).assign(w=1.0 + np.arange(len(table())) % 3)
    train = load_dataset(frame, target="y", group="g", weight="w")
    split = split_dataset(train=train, test=frame.drop(columns=["g", "w"]).sample(frac=0.5, random_state=0))
    assert split.train.group.tolist() == train.group.tolist()
    assert split.train.weight.tolist() == train.weight.tolist()
    assert split.test.group is split.test.weight is None
    folds, kind, _ = make_folds(split.train, strategy=split.strategy, folds=4, seed=0)
    assert kind == "4-fold by group"
    assert not any(set(split.train.group.iloc[fit]) & set(split.train.group.iloc[check]) for fit, check in folds)


@pytest.mark.parametrize("absent", ["g", "w", "t"])
def test_what_the_validation_table_lacks_the_test_part_keeps(absent):
    """Its numbers were those of rows that count alike and stand alone, and shared groups were not said."""
    frame = table(groups=40).assign(w=1.0 + np.arange(len(table())) % 3, t=pd.Timestamp("2024-01-01"))
    train = load_dataset(frame, target="y", group="g", weight="w", time="t")
    test = load_dataset(frame[::2].assign(t=pd.Timestamp("2025-01-01")), like=train)
    split = split_dataset(train=train, test=test, validation=frame.drop(columns=absent).iloc[::3])
    for role in ("group", "weight", "time"):
        assert getattr(split.test, role).tolist() == getattr(test, role).tolist()
        assert getattr(split.test, role).index.equals(split.test.target.index)
        assert (getattr(split.validation, role) is None) == (role[0] == absent)
    assert "SPLIT-SHARED-GROUPS" in [one.code for one in split.findings()]


def test_periods_may_be_dates_of_python_and_pandas():
    days = pd.date_range("2020-01-01", periods=60)
    data = load_dataset(table(rows=60).assign(t=days), target="y", time="t")
    for last in (days[-20:], days[-20:].date, days[-20:].strftime("%Y-%m-%d")):
        assert split_dataset(data, strategy="time", test_periods=list(last)).test.rows == 20


def test_parts_are_given_whole_and_alike():
    whole = load_dataset(table(), target="y", positive="c1")
    with pytest.raises(InputError, match="Give either a data set to cut, and how, or train= and test="):
        split_dataset(whole, test=whole)
    with pytest.raises(InputError, match="Give either a data set to cut, and how, or train= and test="):
        split_dataset(whole, validation=whole)
    with pytest.raises(InputError, match="has other columns or labels"):
        split_dataset(train=whole, test=load_dataset(table()[["a", "y"]], target="y", positive="c1"))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_target_of_a_part_counts_weights(classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, 900)
    frame = pd.DataFrame({"x": rng.normal(size=900), "y": y, "w": np.where(y == 1, 9.0, 1.0)})
    split = split_dataset(load_dataset(frame, target="y", weight="w"))
    table, test = split.frame().set_index("part"), split.test
    wanted = np.average(test.target == 1, weights=test.weight)
    assert table.loc["test", "target_rate" if classes == 2 else "share of 1"] == pytest.approx(wanted)
    if classes == 2:
        assert split.scalars()["split.test.target_rate"].value == pytest.approx(wanted)
