"""Drift as a whole: false alarms, injected drifts, breaks, models, windows, wrong input, hostile tables."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from toolkit.core.result import Result
from toolkit.data.assignment import cut_windows
from toolkit.data.load import load_dataset
from toolkit.data.read import read_table
from toolkit.drift.detect import detect_drift
from toolkit.drift.profile import load_profile, summarize
from toolkit.drift.summary import PREDICTION
from toolkit.errors import InputError
from toolkit.models.preprocessing import make_model
from toolkit.policy.check import decide


def people(rows, seed, **changed):
    """Make a table of four related numbers and two categories; ``changed`` overwrites columns."""
    rng = np.random.default_rng(seed)
    age = rng.normal(45, 12, rows)
    table = pd.DataFrame(
        {
            "age": age,
            "income": rng.lognormal(10 + 0.01 * (age - 45), 0.8, rows),
            "savings": np.where(rng.random(rows) < 0.6, 0.0, rng.exponential(5000, rows)),
            "visits": rng.poisson(6, rows),
            "height": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(170, 10, rows)),
            "town": rng.choice(["Bergen", "Oslo", "Narvik", "Tromsø"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "plan": rng.choice(["basic", "plus"], rows),
        }
    )
    return table.assign(**{name: change(table) for name, change in changed.items()})


def verdicts(drift):
    return drift.table.set_index("column")["verdict"].to_dict()


def codes(drift, severity=None):
    return [finding.code for finding in drift.findings() if severity in (None, finding.severity)]


def halves(table, rng):
    order = rng.permutation(len(table))
    middle = len(table) // 2
    return table.iloc[order[:middle]], table.iloc[order[middle:]]


def false_alarms(table, repeats):
    rng = np.random.default_rng(0)
    return sum(detect_drift(*halves(table, rng)).drifted for _ in range(repeats))


def test_random_halves_seldom_raise_an_alarm():
    assert false_alarms(people(120, 0), 12) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("rows", [120, 600, 6000])
def test_random_halves_raise_an_alarm_in_at_most_five_percent(rows):
    alarms = false_alarms(people(rows, 0), 200)
    print(f"random halves of {rows:,} rows, 200 times: {alarms} false alarms")
    assert alarms <= 10


@pytest.mark.slow
def test_random_halves_of_built_in_tables_raise_an_alarm_in_at_most_five_percent():
    for name in ("wine", "diabetes"):
        alarms = false_alarms(read_table(name).frame, 200)
        print(f"random halves of {name}, 200 times: {alarms} false alarms")
        assert alarms <= 10


INJECTED = {
    "shift of 0.5 sd": ("age", {"age": lambda t: t["age"] + 6}, "DRIFT-COLUMN"),
    "scale of 1.6": ("age", {"age": lambda t: 45 + 1.6 * (t["age"] - 45)}, "DRIFT-COLUMN"),
    "category swap": (
        "town",
        {"town": lambda t: t["town"].replace({"Bergen": "Tromsø", "Tromsø": "Bergen"})},
        "DRIFT-COLUMN",
    ),
    "new category": (
        "town",
        {"town": lambda t: t["town"].where(np.arange(len(t)) % 4 > 0, "Bodø")},
        "DRIFT-NEW-LABELS",
    ),
    "20% missing": ("income", {"income": lambda t: t["income"].where(np.arange(len(t)) % 5 > 0)}, "DRIFT-MISSING"),
    "all missing": ("income", {"income": lambda t: np.nan}, "DRIFT-ALL-MISSING"),
    "constant": ("town", {"town": lambda t: "Oslo"}, "DRIFT-CONSTANT"),
    "unit x1000": ("income", {"income": lambda t: t["income"] * 1000}, "DRIFT-UNIT"),
    "unit inch": ("height", {"height": lambda t: t["height"] / 2.54}, "DRIFT-UNIT"),
    "type": ("visits", {"visits": lambda t: t["visits"].astype(str) + " times"}, "DRIFT-TYPE"),
}


@pytest.mark.parametrize("name", INJECTED)
@pytest.mark.parametrize("rows", [500, 3000])
def test_an_injected_drift_is_found_named_and_ranked_first(name, rows):
    column, change, code = INJECTED[name]
    drift = detect_drift(people(rows, 1), people(rows, 2, **change))
    assert drift.drifted
    assert drift.table["column"].iloc[0] == column
    found = [finding for finding in drift.findings() if finding.code == code]
    assert [finding.where for finding in found] == [column]
    others = {verdict for name, verdict in verdicts(drift).items() if name != column}
    assert others == {"stable"}
    if code not in ("DRIFT-COLUMN", "DRIFT-NEW-LABELS", "DRIFT-MISSING"):
        assert drift.findings()[0] == found[0]
        assert found[0].severity == "critical"


@pytest.mark.parametrize(("label", "shown"), [("Oslo ", "'Oslo '"), ("Troms\u00f8e\u0301", r"'Troms\xf8e\u0301'")])
def test_a_new_label_that_looks_like_a_known_one_is_shown_as_it_is(label, shown):
    town = {"town": lambda table: table["town"].where(np.arange(len(table)) % 4 > 0, label)}
    found = {
        finding.code: finding.message for finding in detect_drift(people(500, 1), people(500, 2, **town)).findings()
    }
    assert found["DRIFT-NEW-LABELS"].endswith(f"of its rows: {shown}.")


@pytest.mark.slow
def test_power_table():
    print("share of 30 repetitions in which the drift is found and named, and nothing else is")
    for name, (column, change, _) in INJECTED.items():
        shares = []
        for rows in (200, 1000, 5000):
            drifts = [detect_drift(people(rows, 2 * i), people(rows, 2 * i + 1, **change)) for i in range(30)]
            found = [drift.table.loc[drift.table["verdict"] != "stable", "column"].tolist() for drift in drifts]
            shares.append(np.mean([names[:1] == [column] for names in found]))
        print(f"{name:>16}: " + "  ".join(f"{share:.2f}" for share in shares) + "   (200, 1,000, 5,000 rows)")
        assert shares[-1] >= 0.95


@pytest.mark.parametrize(("last", "unit"), [(10_000.0, 1.0), (0.0, 1e-6)], ids=["one extreme value", "a small unit"])
def test_what_divides_the_distance_does_not_hide_a_move_of_all_rows(last, unit):
    rng = np.random.default_rng(0)
    before, after = (np.append(rng.normal(mean, 1, 2999), last) * unit for mean in (0, 1))
    tables = pd.DataFrame({"a": before}), pd.DataFrame({"a": after})
    of_rows, of_profiles = detect_drift(*tables), detect_drift(*map(summarize, tables))
    assert verdicts(of_rows) == verdicts(of_profiles) == {"a": "drifted"}
    assert of_rows.table["distance"][0].low > 0.3


def test_a_shift_that_keeps_all_margins_is_seen_by_the_domain_classifier():
    rng = np.random.default_rng(0)
    first, second, noise = rng.normal(size=(3, 3000))
    before = pd.DataFrame({"a": first, "b": 0.8 * first + 0.6 * second, "c": noise})
    first, second, noise = rng.normal(size=(3, 3000))
    after = pd.DataFrame({"a": first, "b": -0.8 * first + 0.6 * second, "c": noise})
    drift = detect_drift(before, after)
    assert set(verdicts(drift).values()) == {"stable"}
    assert drift.drifted
    assert drift.domain.roc_auc.low > 0.7
    assert set(drift.domain.giveaways()) == {"a", "b"}
    assert [finding.severity for finding in drift.findings() if finding.code == "DRIFT-DOMAIN"] == ["high"]


def test_label_shift_is_target_drift():
    data = load_dataset("census_income", periods=[1994])
    y = data.y_binary()
    rng = np.random.default_rng(0)
    before = data.take(np.sort(rng.choice(data.rows, 4000, replace=False)))
    after = data.take(
        np.sort(np.concatenate([rng.choice(np.flatnonzero(y == k), 2000, replace=False) for k in (0, 1)]))
    )
    drift = detect_drift(before, after)
    target = drift.table[drift.table["role"] == "target"].iloc[0]
    assert (target["verdict"], target["column"]) == ("drifted", "income_over_50k")
    assert "DRIFT-TARGET" in codes(drift, "high")
    assert drift.scalars()["drift.target.distance"].low > 0.1


def test_census_1995_begins_with_the_columns_that_became_empty():
    frame = read_table("census_income").frame
    reference, current = (frame[frame["year"] == year].drop(columns="year") for year in (1994, 1995))
    drift = detect_drift(reference, current)
    empty = ["migration_msa", "migration_region", "migration_within_region", "migration_sunbelt"]
    assert sorted(finding.where for finding in drift.findings()[:4]) == sorted(empty)
    assert {finding.code for finding in drift.findings()[:4]} == {"DRIFT-ALL-MISSING"}
    assert set(empty) < set(drift.broken)


def test_acs_employment_does_not_drift_over_the_years():
    data = load_dataset("acs_employment")
    reference = data.take(np.flatnonzero(data.time == 2015))
    current = data.take(np.flatnonzero(data.time > 2015))
    drift = detect_drift(reference, current, window="year")
    assert drift.broken == []
    assert not drift.drifted
    assert list(dict.fromkeys(drift.windows["window"])) == ["2016", "2017", "2018"]
    assert drift.drifted_windows() == []
    assert "DRIFT-WINDOWS" in codes(drift, "info")


def modelled(rows=1500, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(shift, 1, rows), "b": rng.normal(shift, 1, rows), "c": rng.normal(size=rows)})
    return frame, (frame["a"] + 0.1 * rng.normal(size=rows) > 0).astype(int)


def test_what_the_model_leans_on_matters_more():
    before, y = modelled()
    model = LogisticRegression().fit(before, y)
    drift = detect_drift(before, modelled(shift=0.4, seed=1)[0], model=model)
    rows = drift.table.set_index("column")
    assert rows.loc["a", "importance"] > 0.9
    assert rows["importance"].sum() == pytest.approx(1)
    severity = {finding.where: finding.severity for finding in drift.findings() if finding.code == "DRIFT-COLUMN"}
    assert severity["a"] == "high"
    assert severity["b"] in ("low", "medium")
    assert rows.loc["a", "impact"] > 5 * rows.loc["b", "impact"]
    assert drift.table["column"].iloc[:2].tolist() in (["a", PREDICTION], [PREDICTION, "a"])
    assert "DRIFT-PREDICTION" in codes(drift, "high")
    assert drift.scalars()["drift.importance_share"].value > 0.9


@pytest.mark.parametrize("task", ["regression", "multiclass", "labels only"])
def test_predictions_of_every_kind_are_compared(task):
    before, y = modelled()
    after, _ = modelled(shift=1.0, seed=1)
    if task == "regression":
        model = LinearRegression().fit(before, before["a"] * 3)
    elif task == "multiclass":
        model = LogisticRegression().fit(before, np.digitize(before["a"], [-1, 1]))
    else:
        model = DummyClassifier(strategy="prior").fit(before, y)
    rows = detect_drift(before, after, model=model).table.set_index("column")
    assert rows.loc[PREDICTION, "verdict"] == ("stable" if task == "labels only" else "drifted")
    assert rows.loc[PREDICTION, "kind"] == ("number" if task == "regression" else "label")


def test_a_column_that_is_gone_is_handed_to_the_model_as_missing():
    before = load_dataset(people(600, 0).assign(y=lambda t: t["age"] > 45), target="y")
    model = make_model(LogisticRegression(max_iter=500), before.features).fit(before.features, before.target)
    after = load_dataset(people(600, 1).drop(columns=["town", "age"]).assign(y=[0, 1] * 300), target="y")
    drift = detect_drift(before, after, model=model)
    assert sorted(drift.broken) == ["age", "town"]
    assert codes(drift, "critical") == ["DRIFT-GONE", "DRIFT-GONE"]
    assert "DRIFT-PREDICTED-WITHOUT" in codes(drift, "high")
    assert PREDICTION in drift.table["column"].tolist()
    plain = LogisticRegression().fit(before.features[["age", "visits"]], before.target)
    without = detect_drift(before, after, model=plain)
    assert "DRIFT-NO-PREDICTION" in codes(without, "critical")


def test_windows_show_a_trend_and_are_corrected_together():
    rng = np.random.default_rng(0)
    rows = 3000
    time = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 366, rows)), unit="D")
    steps = np.asarray(time.month) / 6
    current = people(rows, 2, age=lambda t: t["age"] + 6 * np.maximum(steps - 1, 0)).assign(t=time, y=[0, 1] * 1500)
    reference = people(2000, 1).assign(y=[0, 1] * 1000)
    drift = detect_drift(
        load_dataset(reference, target="y"), load_dataset(current, target="y", time="t"), window="month"
    )
    ages = drift.windows[drift.windows["column"] == "age"]
    assert ages["window"].tolist() == [f"2024-{month:02}" for month in range(1, 13)]
    assert set(ages["verdict"].iloc[:6]) == {"stable"}
    assert set(ages["verdict"].iloc[9:]) == {"drifted"}
    assert ages["beyond_chance"].iloc[6:].is_monotonic_increasing
    assert (drift.windows["p_adjusted"].dropna() >= drift.windows["p_value"][drift.windows["p_adjusted"].notna()]).all()
    assert drift.frame()["window"].unique().tolist() == ["all", *ages["window"]]
    assert "12 windows" in next(finding.message for finding in drift.findings() if finding.code == "DRIFT-WINDOWS")
    assert "trend" in drift.pictures()


@pytest.mark.parametrize(
    ("window", "labels"),
    [
        ("day", ["2024-01-01", "2024-01-02", "2024-01-08", "2024-02-01"]),
        ("week", ["week of 2024-01-01", "week of 2024-01-08", "week of 2024-01-29"]),
        ("month", ["2024-01", "2024-02"]),
        ("year", ["2024"]),
    ],
)
def test_windows_of_every_length(window, labels):
    time = pd.Series(pd.to_datetime(["2024-01-08", "2024-01-01", "2024-01-02", "2024-02-01"]), name="t")
    cut = cut_windows(time, 4, window)
    assert [label for label, _ in cut] == labels
    assert sorted(np.concatenate([places for _, places in cut])) == [0, 1, 2, 3]


def test_windows_of_rows_follow_time_and_take_in_a_short_remainder():
    time = pd.Series(np.arange(34)[::-1])
    cut = cut_windows(time, 34, 10)
    assert [len(places) for _, places in cut] == [10, 10, 14]
    assert cut[0][1].tolist() == list(range(33, 23, -1))
    assert [len(places) for _, places in cut_windows(None, 36, 10)] == [10, 10, 10, 6]
    assert [len(places) for _, places in cut_windows(None, 36, " 18 ")] == [18, 18]
    for rows in (25, 35, 45):
        assert {len(places) for _, places in cut_windows(None, rows, 10)} == {10, 5}
    assert cut_windows(None, 36, "") == cut_windows(None, 36, None) == []


def test_a_saved_profile_gives_nearly_the_verdicts_of_the_rows(tmp_path):
    before, after = people(3000, 1), people(3000, 2, age=lambda t: t["age"] + 5)
    whole = detect_drift(before, after)
    place = summarize(before).save(tmp_path / "profile.json")
    assert place.stat().st_size < 100_000
    saved = detect_drift(load_profile(place), after)
    assert verdicts(saved) == verdicts(whole)
    rows, kept = (drift.table.set_index("column")["distance"] for drift in (whole, saved))
    assert all(kept[name].value == pytest.approx(rows[name].value, abs=0.01) for name in rows.index)
    assert saved.domain is None
    assert "DRIFT-PROFILES" in codes(saved, "info")
    both = detect_drift(load_profile(place), summarize(after))
    assert verdicts(both) == verdicts(whole)
    with pytest.raises(InputError, match="a profile has none"):
        saved.evidently()


@pytest.mark.parametrize(
    "values", [[-(2.0**63), 0.0, 2.0**63], [1e9, 1e9 + 1e-6, 1e9 + 2e-6], [1e-310, 2e-310, 5e-310]]
)
def test_a_profile_keeps_numbers_to_the_last_digit(values, tmp_path):
    rng = np.random.default_rng(0)
    before, after = (pd.DataFrame({"v": rng.choice(values, 400), "x": rng.normal(size=400)}) for _ in range(2))
    saved = detect_drift(load_profile(summarize(before).save(tmp_path / "profile.json")), after)
    assert verdicts(saved) == verdicts(detect_drift(before, after)) == {"v": "stable", "x": "stable"}


def test_labels_that_a_profile_keeps_in_groups_are_named():
    table = pd.DataFrame({"many": [f"m{place % 3000}" for place in range(9000)], "few": ["a", "b", "c"] * 3000})
    drift = detect_drift(summarize(table), table)
    assert [note.message for note in drift.findings() if note.code == "DRIFT-GROUPED-LABELS"] == [
        "A profile keeps more than 1,000 labels in groups, where a change of single ones may not show: 'many'."
    ]
    assert "DRIFT-GROUPED-LABELS" not in codes(detect_drift(table, table))


@pytest.mark.parametrize("scale", [1e-140, 1e-5, 1.0, 1e99])
def test_what_moved_is_the_mean_or_the_spread_at_any_scale(scale):
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"v": rng.normal(size=500)}) * scale
    wider, higher = detect_drift(before, before * 2), detect_drift(before, before + 2 * scale)
    assert wider.table.loc[0, "change"].startswith("standard deviation ")
    assert higher.table.loc[0, "change"].startswith("mean ")
    for small in (1.0, 1e-170):
        axes = detect_drift(before * small, before * 2 * small).plot("worst")
        assert sum(axes.patches[0].get_data().values) == pytest.approx(1, abs=0.05)
    plt.close("all")


def test_a_profile_made_with_a_model_carries_predictions_and_importances():
    before, y = modelled()
    model = LogisticRegression().fit(before, y)
    after, _ = modelled(shift=0.6, seed=1)
    whole = detect_drift(before, after, model=model).table.set_index("column")
    kept = detect_drift(summarize(before, model=model), after, model=model).table.set_index("column")
    assert kept.loc[PREDICTION, "verdict"] == "drifted"
    assert kept.loc["a", "importance"] == pytest.approx(whole.loc["a", "importance"])
    with pytest.raises(InputError, match="made without a model"):
        detect_drift(summarize(before), after, model=model)


WRONG = {
    "no shared columns": (
        lambda t: detect_drift(t, pd.DataFrame({"x": [1, 2]})),
        "share no column.*the current table has x",
    ),
    "empty current": (lambda t: detect_drift(t, t.head(0)), "current table has no rows"),
    "no table": (lambda t: detect_drift(t, [1, 2]), "must be a Dataset or a DataFrame; found list"),
    "all types": (
        lambda t: detect_drift(t[["age"]], t[["town"]].set_axis(["age"], axis=1)),
        "1 column has incompatible types.*'age' holds text",
    ),
    "asked type": (
        lambda t: detect_drift(t, t.assign(age="x"), columns=["age"]),
        "'age' holds text; in the reference numbers",
    ),
    "unknown column": (
        lambda t: detect_drift(t, t, columns=["aeg"]),
        "'aeg' is not in the reference. Did you mean 'age'",
    ),
    "no columns": (lambda t: detect_drift(t, t, columns=[]), "columns= is empty"),
    "unknown method": (lambda t: detect_drift(t, t, methods="waserstein"), "Did you mean 'wasserstein'"),
    "unfit method": (
        lambda t: detect_drift(t, t, methods={"town": "ks"}),
        "'ks' cannot compare 'town'.*Use jensenshannon",
    ),
    "method of no column": (lambda t: detect_drift(t, t, methods={"twon": "ks"}), "'twon' is not in the reference"),
    "threshold": (lambda t: detect_drift(t, t, thresholds=0), "A threshold must be a number above 0; found 0"),
    "alpha": (lambda t: detect_drift(t, t, alpha=2), "alpha must be a share between 0 and 1, such as 0.2; found 2"),
    "no time": (lambda t: detect_drift(t, t, window="month"), "needs a time column in the current table"),
    "window": (lambda t: detect_drift(t, t, window="moth"), "found 'moth'. Did you mean 'month'"),
    "window of few rows": (lambda t: detect_drift(t, t, window=3), "at least 10; found 3"),
    "profile in windows": (lambda t: detect_drift(t, summarize(t), window=50), "has no rows to cut into windows"),
    "no model": (lambda t: detect_drift(t, t, model=LogisticRegression), "fitted model with a 'predict' method"),
    "signature": (
        lambda t: detect_drift(t, t, model=LinearRegression().fit(pd.DataFrame({"ages": [1, 2]}), [1, 2])),
        "needs features that reference does not have: ages. Did you mean 'age'",
    ),
    "unfit model": (
        lambda t: detect_drift(t, t, model=LinearRegression()),
        "failed on the 7 columns of reference: NotFitted",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_error(name):
    action, said = WRONG[name]
    with pytest.raises(InputError, match=said):
        action(people(60, 0))


def test_years_cannot_be_cut_by_month_and_labels_cannot_be_cut_at_all():
    with pytest.raises(InputError, match="'year' is not a time that can be cut by month: it holds int64 values"):
        cut_windows(pd.Series([1994, 1995], name="year"), 2, "month")
    with pytest.raises(InputError, match="not a time that can be cut by year"):
        cut_windows(pd.Series([3.5, 4.5], name="t"), 2, "year")


def test_targets_of_different_kinds_are_refused():
    frame = people(100, 0)
    numbers = load_dataset(frame.assign(y=np.arange(100) + 0.5), target="y")
    texts = load_dataset(frame.assign(y=["no", "yes"] * 50), target="y")
    with pytest.raises(InputError, match="'y' holds text; in the reference numbers"):
        detect_drift(numbers, texts)


def hostile(rows, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "levels": [f"x{level}" for level in rng.integers(0, 100_000, rows)],
            "empty": np.nan,
            "constant": 5,
            "infinite": np.where(rng.random(rows) < 0.1, np.inf, rng.normal(size=rows)),
            "bool": rng.random(rows) < 0.4,
            "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D"),
            "mixed": [1 if draw < 0.5 else "a" for draw in rng.random(rows)],
            "huge": rng.normal(size=rows) * 1e300,
            "large": rng.normal(size=rows) * 1e99,
            "nested": [[1]] * rows,
            "row": np.arange(rows),
            "text numbers": rng.integers(0, 50, rows).astype(str),
            "<script>alert(1)</script>": rng.normal(size=rows),
            "a{b}\n\u202e": rng.normal(size=rows),
            "x" * 10_000: np.array(["y" * 10_000, "z{}"], dtype=object)[rng.integers(0, 2, rows)],
            "int8": rng.integers(0, 3, rows).astype("int8"),
            "nullable": pd.array(np.where(rng.random(rows) < 0.2, None, 1), dtype="Int64"),
            "category": pd.Categorical(rng.choice([1, 2, 3], rows)),
            "duration": pd.to_timedelta(rng.integers(0, 9, rows), unit="h"),
        }
    )


@pytest.mark.parametrize(
    "sizes", [(1000, 1000), pytest.param((100_000, 3), marks=pytest.mark.slow), (3, 1000), (40, 40), (3, 3), (1, 1)]
)
def test_hostile_tables_give_a_sensible_row_each(sizes):
    drift = detect_drift(hostile(sizes[0]), hostile(sizes[1], 1))
    table = drift.table.set_index("column")
    assert isinstance(drift, Result)
    assert len(table) == 19
    assert table.loc["nested", "verdict"] == "left out"
    for distance in table.loc[table["method"] != "", "distance"]:
        assert np.isfinite(distance.value)
        assert distance.value >= 0
        if distance.method != "no interval: one row":
            assert distance.low <= distance.value <= distance.high
            assert distance.low < distance.high
    if sizes != (1, 1):
        assert set(table["verdict"]) <= {"stable", "left out"}
    assert "<script>" not in drift._repr_html_()
    assert len(drift.frame()) == 19
    for kind in drift.pictures():
        drift.plot(kind)
        plt.close("all")


def test_every_distance_has_an_interval_and_what_chance_would_do():
    drift = detect_drift(people(800, 0), people(900, 1))
    frame = drift.frame()
    assert (frame["distance_low"] < frame["distance_high"]).all()
    assert (frame["by_chance"] > 0).all()
    assert frame["distance"].between(0, 3 * frame["by_chance"]).all()
    scalars = drift.scalars()
    assert scalars["drift.columns_share"].value == 0
    assert scalars["drift.columns"].value == 7
    assert all(f"drift.column.{name}.distance" in scalars for name in frame["column"])


def test_a_single_row_decides_nothing():
    drift = detect_drift(people(800, 0).drop(columns="height"), people(20, 1).head(1).drop(columns="height"))
    share = drift.scalars()["drift.columns_share"]
    assert (share.value, share.low, share.high) == (0, 0, 1)
    rules = decide("drift", drift).frame().set_index("name")
    assert set(rules.loc["drift.columns_share", "reached"]) == {"undecided"}
    (said,) = [finding.message for finding in drift.findings() if finding.code == "DRIFT-FEW-ROWS"]
    assert said.startswith("With 1 row against 800 of the reference")


def test_methods_and_thresholds_by_choice():
    before, after = people(800, 0), people(800, 1, age=lambda t: t["age"] + 3)
    drift = detect_drift(before, after, methods={"age": "psi", "town": "hellinger"}, thresholds={"age": 5.0})
    rows = drift.table.set_index("column")
    assert rows.loc[["age", "town", "plan"], "method"].tolist() == ["psi", "hellinger", "z"]
    assert (rows.loc["age", "verdict"], rows.loc["age", "threshold"]) == ("stable", 5.0)
    assert detect_drift(before, after, methods={}, thresholds={}).scalars() == detect_drift(before, after).scalars()
    everywhere = detect_drift(before, after, methods="anderson", thresholds=0.05).table.set_index("column")
    assert everywhere.loc[["age", "town"], "method"].tolist() == ["anderson", "chisquare"]
    assert everywhere.loc["age", "verdict"] == "drifted"


def test_the_same_seed_gives_the_same_numbers():
    before, after = people(1500, 0), people(1500, 1)
    first, second = (detect_drift(before, after, seed=3).frame() for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_figures_say_in_words_what_they_show():
    drift = detect_drift(people(500, 0), people(500, 1, age=lambda t: t["age"] + 10))
    assert "age" in drift.pictures()["worst"].title
    assert (
        f"age: largest gap of cumulative shares {drift.table.iloc[0]['distance']}, drifted"
        in drift.pictures()["columns"].alt
    )
    ax = drift.plot("columns")
    assert ax.get_yticklabels()[0].get_text() == "age"
    with pytest.raises(InputError, match="has no figure 'trend'"):
        drift.plot("trend")


def test_the_data_of_a_figure_are_what_it_draws():
    drift = detect_drift(people(1500, 0), people(1500, 1, age=lambda table: table["age"] + 9), window=500)
    columns = drift.figure_data("columns")
    assert columns["distance"].tolist() == [cell.value for cell in drift.table["distance"].head(len(columns))]
    steps = drift.figure_data("worst")
    assert list(steps) == ["from", "to", "reference", "current"]
    for part in ("reference", "current"):
        assert 0.97 < steps[part].sum() <= 1  # half a percent lies beyond either end
    middle = (steps["from"] + steps["to"]) / 2
    assert middle @ steps["current"] - middle @ steps["reference"] == pytest.approx(9, abs=1)
    trend = drift.figure_data("trend")
    assert "age" in set(trend["column"])
    assert trend["column"].nunique() == 4
    assert set(trend["window"]) == set(drift.windows["window"])


def test_the_figure_of_a_column_of_dates_has_dates():
    days = pd.DataFrame({"since": pd.date_range("2024-01-01", periods=300)})
    drift = detect_drift(days, days + pd.Timedelta(days=200))
    steps = drift.figure_data("worst")
    assert steps["from"].between("2024-01-01", "2025-06-01").all()
    assert "2024-07" in [label.get_text() for label in drift.plot("worst").get_xticklabels()]
    assert detect_drift(summarize(load_dataset(days.assign(y=[0, 1] * 150), target="y")), days)


def test_the_shares_of_labels_are_those_of_the_tables():
    before, after = pd.DataFrame({"town": ["a"] * 60 + ["b"] * 40}), pd.DataFrame({"town": ["a"] * 20 + ["b"] * 80})
    shares = detect_drift(before, after).figure_data("worst").set_index("value")
    assert shares.loc["a"].tolist() == pytest.approx([0.6, 0.2])
    assert shares.loc["b"].tolist() == pytest.approx([0.4, 0.8])


def test_missing_shares_are_shown_where_there_are_missing_values():
    before, after = (people(1500, seed).drop(columns="height") for seed in (0, 1))
    assert "missing difference" not in detect_drift(before, after)._repr_html_()
    page = detect_drift(before, after.assign(age=after["age"].where(after.index % 5 > 0)))._repr_html_()
    assert "missing difference" in page
    assert page.count('0.200 <span class="tk-ci">') == 1


def test_labels_that_have_not_come_yet_are_not_missing_in_either_table():
    whole = load_dataset(people(600, 0).assign(y=[0, 1] * 300), target="y")
    partly = load_dataset(people(600, 1).assign(y=[0, 1, None] * 200), like=whole)
    for before, after in ((whole, partly), (partly, whole)):
        target = detect_drift(before, after).table.set_index("role").loc["target"]
        assert (target["verdict"], target["missing_difference"].value) == ("stable", 0.0)


def test_labels_that_the_reference_does_not_know_are_said_though_the_target_is_compared_without_them():
    whole = load_dataset(people(600, 0).assign(y=["no", "yes"] * 300), target="y")
    strange = load_dataset(people(600, 1).assign(y=["no", "maybe", "yes"] * 200), like=whole)
    (said,) = (one for one in detect_drift(whole, strange).findings() if one.where == "y")
    assert (said.code, said.severity) == ("DATA-UNSEEN-LABELS", "high")
    assert "in 200 of 600 rows: 'maybe'" in said.message


def test_a_column_that_never_had_a_value_may_vanish():
    before, after = (people(300, seed) for seed in (0, 1))
    drift = detect_drift(before.assign(none=np.nan), after)
    assert drift.broken == []
    assert verdicts(drift)["none"] == "left out"
    assert "'none' is not in the current table, and had no value" in str(drift.findings())


def test_a_format_that_changed_is_said_and_read(tmp_path):
    days = pd.date_range("2024-01-01", periods=300)
    for name, form in (("old", "%d/%m/%Y"), ("new", "%Y-%m-%d")):
        table = pd.DataFrame({"day": days.strftime(form), "x": np.random.default_rng(0).normal(size=300)})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    old = load_dataset(tmp_path / "old.csv", target="x")
    found = detect_drift(old, load_dataset(tmp_path / "new.csv", like=old))
    assert [(one.severity, one.where) for one in found.findings() if one.code == "DATA-FORMAT-CHANGED"] == [
        ("medium", "day")
    ]
    assert found.table.set_index("column").loc["day", "verdict"] == "stable"


def seasonal(rng, first, days, each=20, warmer=0.0):
    day = np.repeat(pd.date_range(first, periods=days), each)
    season = 10 * np.sin(2 * np.pi * day.dayofyear / 365.25)
    frame = pd.DataFrame(
        {"day": day, "heat": season + rng.normal(warmer, 3, len(day)), "steady": rng.normal(size=len(day))}
    )
    return frame.assign(coat=np.where(rng.random(len(day)) < 1 / (1 + np.exp(season / 4)), "yes", "no"))


def test_a_season_is_compared_with_the_same_season():
    rng = np.random.default_rng(0)
    year, later = seasonal(rng, "2021-01-01", 365), seasonal(rng, "2022-01-01", 396)
    found = detect_drift(year, later, time="day", window="month")
    assert found.windows["window"].nunique() == 13
    assert found.drifted_windows() == []
    assert (found.reference.rows, found.drifted) == (365 * 20, False)
    # The same months against a year of which nobody knows the dates.
    blind = detect_drift(year.drop(columns="day"), later, time="day", window="month")
    assert len(blind.drifted_windows()) >= 9


def test_a_change_within_a_season_is_found_and_the_season_is_named():
    rng = np.random.default_rng(1)
    year, march = seasonal(rng, "2021-01-01", 365), seasonal(rng, "2022-03-01", 31)
    found = detect_drift(year, march, time="day")
    assert not found.drifted
    assert found.reference.rows == 31 * 20
    said = next(one for one in found.findings() if one.code == "DRIFT-SEASON")
    assert said.message.startswith("The current rows are of March: they are compared with the 620 of 7,300 rows")
    warmer = detect_drift(year, seasonal(rng, "2022-03-01", 31, warmer=2.0), time="day", window="month")
    assert warmer.table.set_index("column").loc["heat", "verdict"] == "drifted"
    assert warmer.drifted_windows() == ["2022-03"]


def test_each_window_has_the_season_of_its_own_where_the_table_has_one_of_several_months():
    rng = np.random.default_rng(3)
    year, spring = seasonal(rng, "2021-01-01", 365), seasonal(rng, "2022-03-01", 92)
    model = LinearRegression().fit(year[["heat"]], year["heat"])
    found = detect_drift(year, spring, time="day", window="month", model=model)
    assert (found.windows["window"].nunique(), found.drifted_windows()) == (3, [])
    assert (found.reference.rows, found.drifted) == (92 * 20, False)


def test_where_the_reference_has_no_such_season_that_is_said():
    rng = np.random.default_rng(2)
    half, autumn = seasonal(rng, "2021-01-01", 181), seasonal(rng, "2021-09-01", 61)
    found = detect_drift(half, autumn, time="day", model=None)
    said = next(one for one in found.findings() if one.code == "DRIFT-OTHER-SEASON")
    assert "of September, October: the change may be seasonal" in said.message
    assert found.reference.rows == len(half)
    same = detect_drift(half, seasonal(rng, "2022-01-01", 90), time="day")
    assert not {one.code for one in same.findings()} & {"DRIFT-OTHER-SEASON", "DRIFT-SEASON"}


def test_a_column_of_dates_moves_from_one_date_to_another():
    days, rng = pd.date_range("2024-01-01", periods=300), np.random.default_rng(0)
    tables = [
        pd.DataFrame({"since": moved[rng.permutation(300)], "x": range(300)}) for moved in (days, days.shift(365, "D"))
    ]
    wide = tables[0].assign(since=days[150] + 4 * (days - days[150]))
    loaded = [load_dataset(table, target="x", name="t") for table in (*tables, wide)]
    for reference in (loaded[0], summarize(loaded[0])):
        changed = detect_drift(reference, loaded[1]).table.set_index("column")["change"]
        assert changed["since"] == "mean 2024-05-29 → 2025-05-29"
    assert (
        detect_drift(loaded[0], loaded[2]).table.set_index("column")["change"]["since"]
        == "standard deviation 86.6 → 346.4 days"
    )


def test_numbers_that_are_read_as_missing_are_said():
    rng = np.random.default_rng(0)
    tables = [pd.DataFrame({"a": rng.normal(place, size=500) * 1e300, "b": rng.normal(size=500)}) for place in (0, 9)]
    notes = [(note.code, note.where) for note in detect_drift(*tables).findings()]
    assert ("DATA-INFINITE", "a") in notes
