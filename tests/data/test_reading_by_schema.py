import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lightgbm import Booster, LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier

from toolkit.data.contract import find_columns, schema_of
from toolkit.data.dataset import Roles
from toolkit.data.load import load_dataset
from toolkit.data.schema import Schema
from toolkit.data.split import split_dataset
from toolkit.data.table_reader.cells import read_cells
from toolkit.data.table_reader.formats import Format
from toolkit.drift.detect import detect_drift
from toolkit.errors import InputError, NotApplicableError
from toolkit.fairness.groups import group_rows
from toolkit.models.preprocessing import make_model
from toolkit.models.train import train


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "town": rng.choice(["Oslo", "Bergen"], n),
            "age in years": rng.integers(18, 80, n),
            "same": 1,
            "pay": rng.normal(size=n),
            "buys": rng.integers(0, 2, n),
        }
    )


@pytest.fixture
def reference():
    return load_dataset(table().drop(columns=["id", "same"]), target="buys")


class TestLikeAnotherTable:
    def test_the_columns_are_the_same_in_the_same_order(self, reference):
        other = table(seed=1).assign(town="Oslo")[["buys", "pay", "same", "town", "age in years", "id"]]
        data = load_dataset(other, target="buys", like=reference)
        assert list(data.features) == list(reference.features)
        assert data.features["town"].tolist() == ["Oslo"] * 120

    def test_kinds_follow_the_other_table(self):
        rows = table()
        rows["town"] = rows["town"].map({"Oslo": "1", "Bergen": "x"})
        reference = load_dataset(rows, target="buys", drop=["id", "same"])
        changed = table(seed=1).assign(town=[1.0, 2.0, None] * 40, **{"age in years": ["30", "?", "41"] * 40})
        data = load_dataset(changed, target="buys", like=reference)
        assert data.features["town"].cat.categories.tolist() == ["1", "x", "2"]
        assert data.features["town"].tolist()[:2] == ["1", "2"]
        assert data.features["age in years"].dtype == "float64"

    def test_categories_that_a_gap_made_numbers_with_a_point_are_the_same(self):
        rows = table().drop(columns=["id", "same"]).assign(rooms=pd.Categorical([1, 2, 3] * 40))
        reference = load_dataset(rows, target="buys")
        gap = rows.assign(rooms=pd.Categorical([np.nan, *[1.0, 2.0, 3.0] * 39, 2.0, 3.0]))
        data = load_dataset(gap, target="buys", like=reference)
        assert data.features["rooms"].cat.categories.tolist() == ["1", "2", "3"]
        assert data.features["rooms"].isna().tolist() == [True] + [False] * 119
        found = detect_drift(rows[["rooms"]], gap[["rooms"]]).frame()
        assert found["verdict"].tolist() == ["stable"]

    def test_an_empty_column_stays_and_is_said(self, reference):
        data = load_dataset(table(seed=1).assign(town=None, pay=None), target="buys", like=reference)
        assert data.features["town"].isna().all()
        assert data.features["town"].cat.categories.tolist() == ["Bergen", "Oslo"]
        assert data.features["pay"].dtype == "float64"
        assert {finding.where for finding in data.findings() if finding.code == "DATA-ALL-MISSING"} == {"town", "pay"}

    def test_missing_columns_are_named(self, reference):
        with pytest.raises(InputError, match=r"The table lacks columns that table needs: pay\. Did you mean 'pays'"):
            load_dataset(table().rename(columns={"pay": "pays"}), target="buys", like=reference)

    def test_text_in_place_of_numbers_is_missing_and_said(self, reference):
        data = load_dataset(table().assign(pay="much"), target="buys", like=reference)
        assert data.features["pay"].dtype == "float64"
        assert data.features["pay"].isna().all()
        (note,) = [one for one in data.findings() if one.code == "DATA-KIND-CHANGED"]
        assert (note.severity, note.where) == ("critical", "pay")
        assert note.message == "Column 'pay' must hold numbers; found text: 'much'. All its cells are missing."
        with pytest.raises(InputError, match="Column 'pay' must hold numbers; found text: 'much'"):
            load_dataset(table().assign(pay="much"), target="buys", like=reference, strict=True)

    @pytest.mark.parametrize("roles", [{"target": "pay"}, {"target": "buys", "drop": "pay"}])
    def test_a_feature_has_no_other_role(self, reference, roles):
        with pytest.raises(InputError, match="table needs the column 'pay', which is"):
            load_dataset(table(), like=reference, **roles)

    def test_there_may_be_labels_for_all_rows_some_or_none(self, reference):
        rows = table(seed=1)
        none = load_dataset(rows.drop(columns="buys"), like=reference)
        assert (none.rows, none.task, none.classes, none.positive) == (120, "binary", (0, 1), 1)
        assert (none.target.name, int(none.target.count())) == ("buys", 0)
        assert list(none.features) == list(reference.features)
        assert (none.pictures(), "data.target_rate" in none.scalars()) == ({}, False)
        assert "120 rows and 3 features, 0 labels" in repr(none)
        with pytest.raises(NotApplicableError, match="No labels of table are known"):
            none.labelled.target_level()
        some = load_dataset(rows.assign(buys=rows["buys"].where(rows.index >= 20)), like=reference)
        assert (some.rows, some.labelled.rows, some.labelled.target.dtype) == (120, 100, "int64")
        assert some.target_level().n == 100
        assert some.labelled.target.tolist() == rows["buys"][20:].tolist()
        assert [one.severity for one in some.findings() if one.code == "DATA-TARGET-MISSING"] == ["info"]
        whole = load_dataset(rows, like=reference)
        assert whole.labelled is whole
        one = load_dataset(rows.head(1), like=reference)
        assert (one.rows, one.task) == (1, "binary")

    def test_labels_that_the_other_table_does_not_know_are_counted(self, reference):
        rows = table()
        rows.loc[5:10, "buys"] = 7
        data = load_dataset(rows, like=reference)
        assert (data.task, data.classes, data.positive, int(data.target.count())) == ("binary", (0, 1), 1, 114)
        (note,) = [one for one in data.findings() if one.code == "DATA-UNSEEN-LABELS"]
        assert (note.severity, note.where) == ("medium", "buys")
        assert "in 6 of 120 rows: '7', first in row 6; they count as missing. Known: 0, 1." in note.message
        with pytest.raises(InputError, match="holds labels that table does not know in 6 of 120 rows: '7'"):
            load_dataset(rows, like=reference, strict=True)
        with pytest.raises(InputError, match="Target 'buys' is constant: it is 7"):
            load_dataset(rows.assign(buys=7), like=reference)

    def test_a_positive_class_that_is_given_wins(self, reference):
        assert load_dataset(table(), like=reference).positive == 1
        assert load_dataset(table(), like=reference, positive=0).positive == 0

    def test_roles_that_are_not_given_are_those_of_the_other_table(self):
        reference = load_dataset(table(), target="buys", sensitive="town", time="id", group="same")
        again = load_dataset(table(seed=1), like=reference)
        assert again.roles == reference.roles == Roles("buys", ("town",), "id", "same")
        assert load_dataset(table().drop(columns=["id", "town"])[:5].assign(town="Oslo"), like=reference).time is None

    def test_its_own_part_comes_back_unchanged(self, reference):
        again = load_dataset(reference.frame(), target="buys", like=reference)
        pd.testing.assert_frame_equal(again.features, reference.features)


class TestLikeAModel:
    @pytest.mark.parametrize(
        "estimator",
        [
            LogisticRegression(max_iter=1000),
            LGBMClassifier(n_estimators=3, verbose=-1),
            XGBClassifier(n_estimators=3),
            GridSearchCV(LogisticRegression(max_iter=1000), {"C": [1.0]}, cv=2),
        ],
        ids=lambda estimator: type(estimator).__name__,
    )
    def test_names_are_read_off_the_model(self, estimator):
        names = ["same", "age in years", "id", "pay"]
        model = estimator.fit(table()[names], table()["buys"])
        data = load_dataset(table(seed=1), target="buys", like=model)
        assert list(data.features) == names
        assert (model.predict(data.features) == model.predict(table(seed=1)[names])).all()

    def test_boosters_know_their_columns_too(self):
        model = LGBMClassifier(n_estimators=3, verbose=-1).fit(table()[["pay", "same"]], table()["buys"])
        assert list(schema_of(Booster(model_str=model.booster_.model_to_string())).features) == ["pay", "same"]
        booster = XGBClassifier(n_estimators=3).fit(table()[["pay", "same"]], table()["buys"]).get_booster()
        assert list(schema_of(booster).features) == ["pay", "same"]

    @pytest.mark.parametrize("estimator", [LogisticRegression(), LGBMClassifier(n_estimators=3, verbose=-1)])
    def test_a_model_fitted_on_an_array_gets_every_column_in_place(self, estimator):
        names = ["id", "age in years", "same", "pay"]
        model = estimator.fit(table()[names].to_numpy(), table()["buys"])
        assert schema_of(model).features == {}
        assert list(load_dataset(table().drop(columns="town"), target="buys", like=model).features) == names

    def test_what_was_encoded_as_text_comes_as_text(self):
        rows = table()
        rows["town"] = rows["town"].map({"Oslo": "1", "Bergen": "x"})
        reference = load_dataset(rows, target="buys", drop=["id", "same"])
        model = make_model(LogisticRegression(), reference.features).fit(reference.features, reference.target)
        assert schema_of(model).features["town"].kind == "text"
        data = load_dataset(rows.assign(town=1), target="buys", like=model)
        assert data.features["town"].tolist() == ["1"] * 120
        wanted = model.predict_proba(reference.features)[(rows["town"] == "1").to_numpy()]
        assert model.predict_proba(data.features)[(rows["town"] == "1").to_numpy()] == pytest.approx(wanted)

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    @pytest.mark.parametrize("mark", ["NA", "None", "null", "nan", ""])
    def test_a_label_that_usually_marks_a_missing_value_is_a_label_where_its_encoder_knows_it(
        self, tmp_path, kind, mark
    ):
        rows = table().replace({"town": {"Oslo": mark}})[["town", "pay", "buys"]]
        towns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]), remainder="passthrough")
        model = make_pipeline(towns, LogisticRegression()).fit(rows[["town", "pay"]], rows["buys"])
        getattr(rows, f"to_{kind}")(tmp_path / f"t.{kind}", index=False)
        data = load_dataset(tmp_path / f"t.{kind}", target="buys", like=model)
        assert data.features["town"].tolist() == rows["town"].tolist()

    def test_sensitive_columns_that_it_does_not_use_are_no_features(self):
        model = LogisticRegression().fit(table()[["pay"]], table()["buys"])
        data = load_dataset(table(), target="buys", sensitive="town", like=model)
        assert list(data.features) == ["pay"]
        assert list(data.sensitive) == ["town"]

    def test_missing_columns_are_named(self):
        model = LogisticRegression().fit(table()[["pay", "id"]], table()["buys"])
        with pytest.raises(InputError, match="The table lacks columns that LogisticRegression needs: pay, id"):
            load_dataset(table()[["same", "buys", "town"]], target="buys", like=model)
        assert find_columns(schema_of(model).features, ["id"]) == {"id": "id"}


def test_labels_of_a_sensitive_column_that_no_model_uses_are_counted_too(tmp_path):
    rows = pd.DataFrame({"x": np.arange(100) / 7, "sex": ["F", "M"] * 50, "y": ["no", "no", "yes", "yes"] * 25})
    rows.to_csv(tmp_path / "first.csv", index=False)
    first = load_dataset(tmp_path / "first.csv", target="y", sensitive="sex", sensitive_as_features=False)
    rows.loc[5:24, "sex"] = "diverse"
    rows.to_csv(tmp_path / "next.csv", index=False)
    (said,) = load_dataset(tmp_path / "next.csv", like=first).notes
    assert (said.code, said.where, said.severity) == ("DATA-UNSEEN-LABELS", "sex", "high")
    assert "in 20 of 100 rows: 'diverse', first in row 6" in said.message


@pytest.mark.parametrize("as_features", [True, False])
@pytest.mark.parametrize(
    ("known", "later", "groups"),
    [
        (np.arange(100) % 30, np.arange(100) % 5, None),
        (np.arange(100) % 2 + 0.25, np.arange(100) % 2 + 1, None),
        (np.arange(100) % 3, np.arange(100) % 12, [str(one) for one in range(12)]),
        (np.arange(100) % 3, np.where(np.arange(100) == 7, 1.5, np.arange(100) % 3), ["0", "1", "1.5", "2"]),
        (np.arange(100) % 2, np.arange(100) % 2 == 1, ["0", "1"]),
        (np.arange(100) % 2 == 1, np.arange(100) % 2, ["False", "True"]),
    ],
)
def test_a_sensitive_column_names_groups_or_holds_numbers_as_it_did_before(tmp_path, known, later, groups, as_features):
    rows = pd.DataFrame({"x": np.arange(100) / 7, "s": known, "y": ["no", "no", "yes", "yes"] * 25})
    first = load_dataset(rows, target="y", sensitive="s", sensitive_as_features=as_features)
    rows.assign(s=later).to_csv(tmp_path / "next.csv", index=False)
    for source in (rows.assign(s=later), tmp_path / "next.csv"):
        found = load_dataset(source, like=Schema.read(first.schema.plain())).sensitive["s"]
        assert (list(found.cat.categories) if isinstance(found.dtype, pd.CategoricalDtype) else None) == groups


def test_dates_of_a_sensitive_column_are_no_labels_of_days():
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(100) % 3, unit="D")
    rows = pd.DataFrame({"x": np.arange(100) / 7, "born": days, "y": ["no", "no", "yes", "yes"] * 25})
    data = load_dataset(rows, target="y", sensitive="born")
    (found,) = group_rows(data.sensitive, 1, dates=data.dates)
    assert found.labels == ("2020-01-01", "2020-01-02", "2020-01-03")


@pytest.mark.parametrize(("known", "later"), [("12", ["1.0", "2.0"]), (["1.0", "2.0"], "12")])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_whole_numbers_are_the_same_labels_with_and_without_a_point(tmp_path, known, later, kind):
    rows = pd.DataFrame({"level": [*known] * 50, "x": np.arange(100) / 7, "y": ["no", "no", "yes", "yes"] * 25})
    first = load_dataset(rows.astype({"level": "category"}), target="y")
    now = rows.assign(level=[*later] * 50)
    getattr(now, f"to_{kind}")(tmp_path / f"t.{kind}", index=False)
    data = load_dataset(tmp_path / f"t.{kind}", like=first)
    assert data.features["level"].tolist() == first.features["level"].tolist()
    assert not [note for note in data.notes if note.code == "DATA-UNSEEN-LABELS"]


@pytest.mark.parametrize("gaps", [False, True])
def test_codes_whose_zeros_a_reader_took_are_the_codes_they_were(gaps):
    rows = pd.DataFrame({"branch": ["003", "028", "000", "12"] * 25, "y": ["no", "no", "yes", "yes"] * 25})
    first = load_dataset(rows.assign(x=np.arange(100) / 7), target="y")
    later = rows.assign(x=np.arange(100) / 7, branch=rows["branch"].astype(float if gaps else int))
    later.loc[later.index[:gaps], "branch"] = np.nan
    data = load_dataset(later, like=first)
    assert data.features["branch"].tolist()[gaps:] == rows["branch"].tolist()[gaps:]
    assert not [note for note in data.notes if note.code == "DATA-UNSEEN-LABELS"]
    model = train(split_dataset(first), candidates="logistic").model
    chances = (model.predict_proba(one.drop(columns="y")[1:]) for one in (rows.assign(x=np.arange(100) / 7), later))
    np.testing.assert_array_equal(*chances)


def test_so_are_the_codes_of_a_target_and_of_groups_of_people():
    texts = {"who": ["01", "02"] * 50, "y": ["01", "02", "02", "01"] * 25}
    rows = pd.DataFrame({"x": np.arange(100) / 7, **texts})
    first = load_dataset(rows, target="y", sensitive="who")
    later = load_dataset(rows.astype({"who": int, "y": int}), like=first)
    assert later.target.tolist() == texts["y"]
    assert later.sensitive["who"].tolist() == texts["who"]
    assert not [note for note in later.findings() if note.code == "DATA-UNSEEN-LABELS"]


def test_a_later_table_of_one_class_is_not_said_to_leak():
    rows = pd.DataFrame({"x": np.arange(100) / 7, "z": np.arange(100) % 7, "y": ["no", "yes"] * 50})
    later = load_dataset(rows.assign(y="no"), like=load_dataset(rows, target="y"))
    assert {"DATA-LEAKAGE", "DATA-TARGET-COPY"}.isdisjoint(one.code for one in later.findings())


def test_a_number_that_two_codes_may_be_is_neither():
    number = read_cells(pd.Series([7, 3]), Format("text"), ("07", "007", "3", "03"))
    assert number.tolist() == ["7", "3"]


LENGTHS = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "jsonl": lambda table, path: table.to_json(path, orient="records", lines=True, date_format="iso"),
    "parquet": lambda table, path: table.to_parquet(path),
    "tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
}


@pytest.mark.parametrize("unit", ["s", "D"])
@pytest.mark.parametrize("first", LENGTHS)
def test_durations_are_the_same_numbers_of_days_in_any_file(tmp_path, first, unit):
    random = np.random.default_rng(0)
    wait = pd.Series(pd.to_timedelta(random.integers(-40, 900, 60) * (997 if unit == "s" else 1), unit=unit))
    table = pd.DataFrame({"wait": wait, "y": random.choice(["no", "yes"], 60)})
    python = table.assign(wait=[str(one.to_pytimedelta()) for one in wait])
    paths = {name: tmp_path / f"table.{name}" for name in LENGTHS}
    for name, write in LENGTHS.items():
        write(python if name == "tsv" else table, paths[name])
    known = load_dataset(paths[first], target="y")
    assert known.features["wait"].tolist() == pytest.approx((wait / pd.Timedelta(days=1)).tolist())
    for path in paths.values():
        later = load_dataset(path, like=known)
        pd.testing.assert_series_equal(later.features["wait"], known.features["wait"], check_dtype=False, obj=path.name)
        assert set(detect_drift(known, later).frame()["verdict"]) == {"stable"}
        assert set(detect_drift(known, load_dataset(path, target="y")).frame()["verdict"]) == {"stable"}
    short = load_dataset(pd.DataFrame({"wait": ["1:30:00", "36:00:00", "soon"]}), like=known)
    assert short.features["wait"].tolist()[:2] == pytest.approx([1.5 / 24, 1.5])
    assert [note.code for note in short.notes if note.where == "wait"] == ["DATA-ODD-CELLS"]


def test_times_of_day_stay_text():
    table = pd.DataFrame({"at": ["08:30:00", "17:00:00"] * 10, "y": ["no", "yes"] * 10})
    assert load_dataset(table, target="y").schema.columns["at"].kind == "text"


def test_dates_outside_the_range_are_named_as_dates():
    table = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "y": [0, 1] * 30})
    far = table.assign(day=table["day"].where(table.index > 2, pd.Timestamp("2089-05-05")))
    known = load_dataset(table, target="y")
    message = next(one.message for one in load_dataset(far, like=known).notes if one.code == "DATA-RANGE")
    assert (
        "2089-05-05 (median 2024-02-02; earlier 2024-01-01 to 2024-02-29, half of them 2024-01-15 to 2024-02-14)"
        in message
    )


@pytest.mark.parametrize("labels", [("false", "true"), ("1.0", "2.0"), ("5 kg", "7 kg"), ("2021-01-01", "2022-01-01")])
def test_labels_that_are_texts_in_one_file_are_texts_in_every_later_one(tmp_path, labels):
    table = pd.DataFrame({"a": np.arange(60.0) % 7, "y": [*labels] * 30})
    table.to_parquet(tmp_path / "first.parquet")
    table.to_csv(tmp_path / "later.csv", index=False)
    known = load_dataset(tmp_path / "first.parquet", target="y", positive=labels[1])
    for later in ("first.parquet", "later.csv"):
        data = load_dataset(tmp_path / later, like=known)
        assert (data.target.tolist(), data.classes, data.positive) == (table["y"].tolist(), labels, labels[1])


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_long_whole_numbers_are_the_labels_that_they_were_in_text(tmp_path, ending):
    ids = [10**18 + one for one in range(30)] * 2
    table = pd.DataFrame({"account": ids, "y": [0, 1] * 30})
    table.to_csv(tmp_path / "first.csv", index=False)
    known = load_dataset(tmp_path / "first.csv", target="y", kinds={"account": "text"})
    assert known.schema.columns["account"].kind == "text"
    path = tmp_path / f"later.{ending}"
    table.to_parquet(path) if ending == "parquet" else table.to_json(path, orient="records", lines=True)
    data = load_dataset(path, like=known)
    assert data.features["account"].astype(str).tolist() == list(map(str, ids))
    assert {note.code for note in data.notes} == set()


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "xlsx"])
def test_categories_that_are_yes_and_no_are_known_again_in_files_that_hold_yes_and_no(tmp_path, ending):
    told = np.arange(100) % 3 == 0
    rows = pd.DataFrame({"x": np.arange(100) / 7, "told": pd.Categorical(told), "y": [0, 1] * 50})
    write = {"csv": rows.to_csv, "xlsx": rows.to_excel, "parquet": rows.to_parquet}
    write.get(ending, lambda path, index: rows.to_json(path, orient="records", lines=True))(
        tmp_path / f"later.{ending}", index=False
    )
    later = load_dataset(tmp_path / f"later.{ending}", like=load_dataset(rows, target="y"))
    assert later.features["told"].tolist() == list(map(str, told))
    assert "DATA-UNSEEN-LABELS" not in {note.code for note in later.notes}


@pytest.mark.parametrize("known", ["bool", "int64"])
@pytest.mark.parametrize("later", ["bool", "boolean", "object", "int64", "float64"])
def test_labels_of_yes_and_no_are_the_same_as_booleans_and_as_numbers(known, later):
    told = pd.Series(np.arange(100) % 3 == 0)
    rows = pd.DataFrame({"x": np.arange(100) / 7, "told": pd.Categorical(told.astype(known)), "y": [0, 1] * 50})
    found = load_dataset(rows.assign(told=told.astype(later)), like=load_dataset(rows, target="y"))
    assert found.features["told"].tolist() == told.astype(known).astype(str).tolist()
    assert "DATA-UNSEEN-LABELS" not in {note.code for note in found.notes}


@pytest.mark.parametrize("known", [["f", "t"], ["false", "true"], [0, 1], [False, True]])
@pytest.mark.parametrize("later", [["f", "t"], ["FALSE", "TRUE"], ["0", "1"], [0, 1], [0.0, 1.0], [False, True]])
def test_the_labels_of_a_target_that_is_yes_or_no_are_those_of_the_schema_however_a_table_writes_them(known, later):
    rows = pd.DataFrame({"x": np.arange(100) / 7, "y": known * 50})
    first = load_dataset(rows, target="y")
    found = load_dataset(rows.assign(y=later * 50), like=first)
    assert found.classes == first.classes == tuple(known)
    assert (found.target.tolist(), found.positive) == (known * 50, first.positive)


def test_labels_of_which_the_schema_knows_none_are_a_target_of_their_own():
    rows = pd.DataFrame({"x": np.arange(100) / 7, "y": ["no", "yes"] * 50})
    found = load_dataset(rows.assign(y=["off", "on"] * 50), like=load_dataset(rows, target="y"))
    assert found.classes == ("off", "on")


@pytest.mark.parametrize("texts", [["high", "low"] * 50, [f"about {number}" for number in range(100)]])
def test_texts_are_refused_where_the_schema_has_numbers_to_predict(texts):
    rows = pd.DataFrame({"x": np.arange(100) / 7, "y": np.arange(100) / 3})
    for like in (load_dataset(rows, target="y"), load_dataset(rows, target="y").schema):
        with pytest.raises(InputError, match="The target 'y' must hold numbers, as that of table does"):
            load_dataset(rows.assign(y=texts), like=like)


def test_a_positive_class_that_the_schema_does_not_know_is_refused():
    rows = pd.DataFrame({"x": np.arange(100) / 7, "y": ["no", "yes"] * 50})
    first = load_dataset(rows, target="y")
    assert load_dataset(rows, like=first, positive="no").positive == "no"
    with pytest.raises(InputError, match=r"Class 'yess' is not in the target 'y'\. Did you mean 'yes'"):
        load_dataset(rows, like=first, positive="yess")


def test_booleans_as_postgresql_writes_them_in_a_text_file_are_read_by_a_schema_that_has_booleans(tmp_path):
    told = np.arange(100) % 3 == 0
    rows = pd.DataFrame({"x": np.arange(100) / 7, "told": told, "y": np.arange(100) % 2 == 1})
    first = load_dataset(rows, target="y")
    written = rows.assign(told=np.where(told, "t", "f"), y=np.where(rows["y"], "t", "f"))
    written.to_csv(tmp_path / "next.csv", index=False)
    later = load_dataset(tmp_path / "next.csv", like=first)
    assert later.features["told"].tolist() == told.tolist()
    assert later.target.tolist() == rows["y"].tolist()
    assert not later.notes
    assert load_dataset(tmp_path / "next.csv", target="y").classes == ("f", "t")


@pytest.mark.parametrize("least", [2**60, 2**63])
def test_large_whole_numbers_that_a_float_cannot_tell_apart_are_said_and_stay_apart_as_text(least):
    codes = pd.Series([least + one % 20 for one in range(100)], dtype="UInt64").mask(np.arange(100) == 5)
    rows = pd.DataFrame({"x": np.arange(100) / 7, "code": codes, "y": np.arange(100) % 2})
    (said,) = (one for one in load_dataset(rows, target="y").notes if one.code == "DATA-LARGE-NUMBERS")
    assert "of 20 different ones, 19 become the same as another" in said.message
    known = load_dataset(rows.assign(code=np.arange(100.0) / 3), target="y")
    (said,) = (one for one in load_dataset(rows, like=known).notes if one.code == "DATA-LARGE-NUMBERS")
    assert "of 20 different ones, 19 become the same as another" in said.message
    data = load_dataset(rows.assign(code=codes.astype("string")), target="y", kinds={"code": "text"})
    assert data.features["code"].nunique() == 20
    assert not data.notes


def test_numbers_beyond_measure_are_not_called_whole_ones_that_become_the_same():
    rows = pd.DataFrame({"x": np.tile([2.0**54, 3.0, -1e101, 5.0], 25), "y": np.arange(100) % 2})
    (said,) = (note for note in load_dataset(rows, target="y").notes if note.where == "x")
    assert said.code == "DATA-INFINITE"
    assert "25 infinite or astronomically large values" in said.message
    known = load_dataset(rows.assign(x=rows["x"].clip(lower=0)), target="y")
    assert {note.code for note in load_dataset(rows, like=known).notes} == {"DATA-INFINITE"}


@pytest.mark.parametrize("dtype", ["string", pd.ArrowDtype(pa.string()), "str", object])
def test_texts_of_every_type_are_read_by_what_is_given_and_by_the_other_columns(dtype):
    texts = {"code": [str(one % 20) for one in range(100)], "pay": [f"{one}.{one % 7}00" for one in range(1, 101)]}
    texts["sum"] = [f"{one},5" for one in range(100)]
    rows = pd.DataFrame(texts).astype(dtype).assign(y=np.arange(100) % 2)
    data = load_dataset(rows, target="y", kinds={"code": "text"})
    assert data.features["code"].tolist() == texts["code"]
    assert data.features["pay"].tolist() == [float(one.replace(".", "")) for one in texts["pay"]]
    plain = pd.DataFrame(texts).assign(y=rows["y"])
    assert data.fingerprint == load_dataset(plain, target="y", kinds={"code": "text"}).fingerprint
