"""The contract of a table: made of the first one, kept as plain values, and the way every later one is read."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from toolkit.data.load import as_dataset, load_dataset
from toolkit.data.schema import Column, Schema
from toolkit.errors import InputError

ROWS = 60


def table(seed=0):
    rng = np.random.default_rng(seed)
    when = pd.Timestamp("2021-01-31") + pd.to_timedelta(rng.integers(0, 300, ROWS), unit="D")
    return pd.DataFrame(
        {
            "zip": rng.choice(["007", "01067", "1"], ROWS),
            "price": rng.uniform(1, 90, ROWS).round(2),
            "start": when.strftime("%d/%m/%Y"),
            "town": rng.choice(["Oslo", "Bergen"], ROWS),
            "buys": rng.choice(["no", "yes"], ROWS, p=[0.3, 0.7]),
        }
    )


def written(rows, path, **options):
    rows.to_csv(path, index=False, **options)
    return path


@pytest.fixture
def first(tmp_path):
    rows = table().assign(price=table()["price"].map("{:.2f}".format).str.replace(".", ","))
    return load_dataset(written(rows, tmp_path / "first.csv", sep=";"), target="buys", positive="yes", sensitive="town")


def codes(data):
    return {(note.code, note.where): note for note in data.notes}


def test_it_says_what_each_column_is_and_how_it_is_written(first):
    schema = first.schema
    assert (schema.task, schema.classes, schema.positive) == ("binary", ("no", "yes"), "yes")
    assert schema.sensitive == ("town",)
    assert list(schema.features) == ["zip", "price", "start", "town"]
    assert schema.named("target") == "buys"
    columns = schema.columns
    assert (columns["zip"].kind, columns["zip"].categories) == ("text", ("007", "01067", "1"))
    assert columns["zip"].why == "numbers would not give its spelling back"
    assert (columns["price"].decimal, columns["start"].dates) == (",", "%d/%m/%Y")
    prices = table()["price"]
    assert (columns["price"].low, columns["price"].high) == (prices.min(), prices.max())
    assert columns["price"].typical == pytest.approx(prices.median())


@pytest.mark.parametrize("least", [1.0, 0.0, -40.0])
def test_the_typical_size_is_the_median_of_what_is_not_zero(least):
    numbers = np.round(np.random.default_rng(0).normal(least + 20, 30, 501).clip(least))
    column = as_dataset(pd.DataFrame({"a": numbers, "b": "x"}), "reference").schema.columns["a"]
    assert column.typical == pytest.approx(np.median(np.abs(numbers[numbers != 0])), rel=1e-12)
    assert column.half == pytest.approx(np.percentile(numbers, [25, 75]), rel=1e-12)


def test_a_table_read_like_another_keeps_its_contract_with_a_target_or_without():
    rows = pd.DataFrame({"a": np.arange(40.0), "town": ["Oslo", "Bergen"] * 20, "buys": ["no", "yes"] * 20})
    for target in ("", "buys"):
        known = as_dataset(rows, "reference", target=target)
        later = as_dataset(rows.assign(a=rows["a"] * 3), "current", like=known)
        assert later.schema == known.schema
    labelled = as_dataset(rows, "current", like=as_dataset(rows.drop(columns="buys"), "reference"), target="buys")
    assert (labelled.task, labelled.schema.task) == ("binary", "binary")


def test_it_is_kept_as_plain_values_and_read_again(first, tmp_path):
    schema = first.schema
    assert Schema.read(json.loads(schema.text())) == schema
    assert Schema.load(schema.save(tmp_path / "schema.yaml")) == schema
    assert schema.plain()["schema"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "is a schema of version 2; this toolkit reads 1"),
        ({"column": {}}, "there is no 'column'. Did you mean 'columns'"),
        ({"columns": {"zip": {"knd": "text"}}}, "columns zip: there is no 'knd'. Did you mean 'kind'"),
        ({"columns": {"zip": {"kind": "numbr"}}}, r"columns.zip.kind: .*found 'numbr'\. Did you mean 'number'"),
        ({"positive": "yess"}, "positive class 'yess' is not among the classes no, yes. Did you mean 'yes'"),
    ],
)
def test_a_slip_in_an_edited_schema_is_named_with_the_nearest_word(first, change, said):
    with pytest.raises(InputError, match=said):
        Schema.read({**first.schema.plain(), **change}, "'schema.yaml'")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("    kind: date", "    knd: date", "columns start: there is no 'knd'. Did you mean 'kind'"),
        ("    kind: date", "    kind: dat", r"columns.start.kind: .*found 'dat'\. Did you mean 'date'"),
        ("    dates: '%d/%m/%Y'", "    dates: '%d/%Q/%Y'", "columns.start.dates: '%d/%Q/%Y' is no pattern of dates"),
        ("    dates: '%d/%m/%Y'", "    dates: dd/mm/yyyy", "columns.start.dates: 'dd/mm/yyyy' is no pattern of dates"),
        ("    decimal: ','", "    decimal: ';'", r"columns.price.decimal: .*found ';'"),
        ("    - '007'", "    - 007", r"columns.zip.categories.0: .*found 7\. Put it in quotes"),
        ("    role: target", "    role: targt", r"columns.buys.role: .*found 'targt'\. Did you mean 'target'"),
        ("positive: 'yes'", "positive: yess", "the positive class 'yess' .* Did you mean 'yes'"),
        ("columns:", "colums:", "there is no 'colums'. Did you mean 'columns'"),
    ],
)
def test_a_slip_in_a_file_is_named_with_its_line(first, tmp_path, was, now, said):
    lines = first.schema.save(tmp_path / "schema.yaml").read_text().splitlines()
    place = lines.index(was)
    lines[place] = now
    (tmp_path / "schema.yaml").write_text("\n".join(lines))
    with pytest.raises(InputError, match=rf"schema\.yaml'.*: line {place + 1}: {said}"):
        load_dataset(table(), schema=tmp_path / "schema.yaml")


def test_it_says_of_every_column_why_and_gives_a_cell_as_it_stands_in_the_file(tmp_path):
    rows = table().assign(count=range(ROWS), flag=["True", "False"] * 30, paid=table()["price"].map("${:,.2f}".format))
    rows.loc[0, "start"] = "23/04/2020"
    rows["price"] = ["<5", "2.5", *rows["price"][2:].map(str)]
    columns = load_dataset(written(rows, tmp_path / "first.csv"), target="buys").schema.columns
    assert {name: (one.example, one.why) for name, one in columns.items()} == {
        "zip": (rows["zip"][0], "numbers would not give its spelling back"),
        "price": ("2.5", "every cell but 1 is a number"),
        "start": ("23/04/2020", "day first: 23/04 occurs"),
        "town": (rows["town"][0], "2 distinct texts"),
        "count": ("0", "every cell is a whole number"),
        "flag": ("True", "only True and False occur"),
        "paid": (rows["paid"][0], "every cell is a number"),
        "buys": (rows["buys"][0], "2 distinct texts"),
    }


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "xlsx"])
def test_the_same_rows_are_the_same_table_whatever_file_holds_them(first, tmp_path, kind):
    rows, place = table(1), tmp_path / f"next.{kind}"
    if kind == "csv":
        written(rows.assign(price=rows["price"].map("{:.2f}".format).str.replace(".", ",")), place, sep=";")
    else:
        write = {"parquet": rows.to_parquet, "jsonl": rows.to_json, "xlsx": rows.to_excel}[kind]
        write(place, **({"orient": "records", "lines": True} if kind == "jsonl" else {"index": False}))
    data = load_dataset(place, like=first)
    wanted = load_dataset(rows, like=first.schema)
    pd.testing.assert_frame_equal(data.features, wanted.features)
    assert data.features["zip"].tolist() == rows["zip"].tolist()
    assert data.features["price"].tolist() == rows["price"].tolist()
    assert (data.positive, data.target.tolist(), data.roles) == ("yes", rows["buys"].tolist(), first.roles)
    assert not [note for note in data.notes if note.severity not in ("info", "low")]
    assert data.schema == first.schema


def test_what_does_not_fit_is_counted_and_named(first, tmp_path):
    rows = table(1).assign(surplus=1)
    rows["price"] = (rows["price"] * 1000).map("{:.2f}".format).str.replace(".", ",")
    rows.loc[3:9, "town"] = "Paris"
    rows.loc[7, "start"] = "31/02/2021"
    data = load_dataset(written(rows, tmp_path / "odd.csv", sep=";"), like=first)
    found = codes(data)
    unseen = found["DATA-UNSEEN-LABELS", "town"]
    assert unseen.severity == "high"
    assert "in 7 of 60 rows: 'Paris', first in row 4" in unseen.message
    odd = found["DATA-ODD-CELLS", "start"]
    assert "1 of 60 cells cannot be read that way ('31/02/2021', first in row 8)" in odd.message
    assert "times those seen before" in found["DATA-UNIT-CHANGED", "price"].message
    assert "surplus" in found["DATA-COLUMNS-NEW", ""].message
    with pytest.raises(InputError, match=r"'31/02/2021', first in row 8"):
        load_dataset(tmp_path / "odd.csv", like=first, strict=True)


def test_another_way_of_writing_is_read_and_said(first, tmp_path):
    rows = table(1)
    rows["start"] = pd.to_datetime(rows["start"], format="%d/%m/%Y").dt.strftime("%m/%d/%Y")
    data = load_dataset(written(rows, tmp_path / "american.csv"), like=first)
    assert {("DATA-FORMAT-CHANGED", "start"), ("DATA-FORMAT-CHANGED", "price")} <= set(codes(data))
    wanted = load_dataset(table(1), like=first)
    pd.testing.assert_frame_equal(data.features, wanted.features)


def test_dates_that_fit_two_orders_follow_the_record(first, tmp_path):
    rows = table(1).assign(start=["03/04/2021", "05/06/2021"] * 30)
    data = load_dataset(written(rows, tmp_path / "early.csv"), like=first)
    days = (pd.Timestamp("2021-04-03") - pd.Timestamp("1970-01-01")).days
    assert data.features["start"].iloc[0] == days
    assert ("DATA-TWO-READINGS", "start") not in codes(data)


def test_what_to_do_about_two_readings_can_be_done_from_a_shell_too(tmp_path):
    table_of = {"start": ["03/04/2021", "05/06/2021"] * 30, "amount": range(60), "y": ["a", "b"] * 30}
    data = load_dataset(written(pd.DataFrame(table_of), tmp_path / "early.csv"), target="y")
    (said,) = [one.message for one in data.findings() if one.code == "DATA-TWO-READINGS"]
    assert "write dates as 2024-12-31" in said
    assert "give decimal= or dates= to load_dataset" in said


def test_a_column_of_another_kind_stays_where_tables_are_compared(first):
    rows = table(1).assign(price="much")
    assert as_dataset(rows, "current", like=first).features["price"].tolist() == ["much"] * ROWS
    assert load_dataset(rows, like=first).features["price"].isna().all()


def test_single_decisions_are_given_in_words(tmp_path):
    rows = pd.DataFrame(
        {"zip": range(10000, 10040), "x": ["1.234", "2.345"] * 20, "d": ["03/04/2021", "05/06/2021"] * 20}
    )
    path = written(rows.assign(y=[0, 1] * 20), tmp_path / "t.csv", sep=";")
    data = load_dataset(path, target="y", kinds={"zip": "text"}, decimal=",", dates="%d/%m/%Y")
    assert data.schema.columns["zip"].kind == "text"
    assert data.features["x"].tolist()[:2] == [1234, 2345]
    assert data.schema.columns["d"].dates == "%d/%m/%Y"
    with pytest.raises(InputError, match=r"kinds=, decimal= and dates= is not a schema: .*Did you mean 'text'"):
        load_dataset(path, target="y", kinds={"zip": "txt"})


def test_an_edited_schema_is_given_back(first, tmp_path):
    edited = replace(first.schema, columns={**first.schema.columns, "price": Column("text", role="feature")})
    rows = written(table(), tmp_path / "again.csv")
    data = load_dataset(rows, schema=edited.save(tmp_path / "edited.yaml"))
    assert data.features["price"].dtype == "category"
    assert list(data.features) == list(first.features)


def test_blank_rows_beside_a_single_label_are_named():
    rows = pd.DataFrame({"x": range(40), "bought": (["yes", None, "yes", "yes"]) * 10})
    with pytest.raises(InputError, match=r"'bought' is 'yes' in every row with a label; 10 rows of 40 .* row 2\."):
        load_dataset(rows, target="bought")
    with pytest.raises(InputError, match=r"'bought' is 1\.0 in every row with a label; 10 rows"):
        load_dataset(rows.assign(bought=[1, None, 1, 1] * 10), target="bought")


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        (np.full(200, 1994.0), np.full(200, 1995.0), None),
        (np.linspace(0, 100, 200), np.linspace(40, 140, 200), None),
        (np.linspace(60, 75, 200), np.linspace(60, 75, 200) * 2.54, "medium"),
        (np.linspace(60, 75, 200), np.linspace(60, 75, 200) * 1000, "high"),
        (np.linspace(0, 5000, 200), np.linspace(0, 5, 200), "high"),
        (np.resize([1.75, 2, 2.25], 200), np.resize([2.75, 3, 3.25], 200), "medium"),  # just as much as is said
        (np.resize([1.75, 2, 2.25], 200), np.resize([2.75, 2.9, 3.25], 200), None),
    ],
)
def test_a_unit_is_in_doubt_by_how_far_numbers_are_off(before, after, severity):
    known = load_dataset(
        pd.DataFrame({"size": before, "x": np.linspace(0, 1, 200), "y": np.linspace(0, 9, 200)}), target="y"
    )
    later = pd.DataFrame({"size": after, "x": np.linspace(0, 1, 200), "y": np.linspace(0, 9, 200)})
    read = load_dataset(later, like=known)
    said = {one.where: one.severity for one in read.findings() if one.code == "DATA-UNIT-CHANGED"}
    assert said == ({"size": severity} if severity and "size" in known.features else {})
    assert "size" in known.features or severity is None


def test_of_a_list_that_is_cut_all_are_counted(first):
    rows = table(1)
    rows.loc[:6, "town"] = [f"Paris {row}" for row in range(7)]
    rows.loc[:9, "price"] = 1e4 + np.arange(10)
    found = codes(load_dataset(rows, like=first))
    assert "(7 in all)" in found["DATA-UNSEEN-LABELS", "town"].message
    assert "(12 in all)" in found["DATA-RANGE", "price"].message
    found = codes(load_dataset(rows.assign(price=[f"odd {row}" for row in range(ROWS)]), like=first))
    assert f"({ROWS} in all)" in found["DATA-KIND-CHANGED", "price"].message


ENDINGS = ("csv", "parquet", "feather", "jsonl", "xlsx")


def stored(rows, path):
    ways = {
        ".csv": lambda: rows.to_csv(path, index=False),
        ".parquet": lambda: rows.to_parquet(path),
        ".feather": lambda: rows.to_feather(path),
        ".jsonl": lambda: rows.to_json(path, orient="records", lines=True),
        ".xlsx": lambda: rows.to_excel(path, index=False),
    }
    ways[path.suffix]()
    return path


def coded():
    codes = np.arange(60) % 7
    gaps = pd.Series(codes, dtype="Int64").mask(codes == 3)
    day = 20240101 + codes
    return pd.DataFrame({"zip": codes + 1000, "gaps": gaps, "day": day, "on": codes % 2, "y": codes % 3 % 2})


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_column_is_said_to_hold_counts_whatever_type_its_file_gives_it(tmp_path, ending):
    kinds = {"zip": "text", "gaps": "text", "day": "date", "on": "bool"}
    data = load_dataset(stored(coded(), tmp_path / f"t.{ending}"), target="y", kinds=kinds, dates="%Y%m%d")
    assert {name: data.schema.columns[name].kind for name in kinds} == kinds
    assert data.features["zip"].tolist()[:3] == ["1000", "1001", "1002"]
    assert data.features["gaps"].tolist()[:5] == ["0", "1", "2", np.nan, "4"]
    assert data.features["day"].tolist()[:2] == [19723, 19724]
    frame = load_dataset(coded(), target="y", kinds=kinds, dates="%Y%m%d")
    assert data.fingerprint == frame.fingerprint
    pd.testing.assert_frame_equal(data.features, frame.features)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({"zip": "bool"}, r"'zip' is to be 'bool' .*holds numbers, such as '?1000"),
        ({"day": "date"}, r"'day' is to be 'date' .*holds numbers, such as '?20240101.*dates="),
        ({"town": "number"}, r"'town' is to be 'number' .*holds text, such as 'Oslo'"),
        ({"town": "date"}, r"'town' is to be 'date' .*holds text, such as 'Oslo'"),
        ({"zpi": "text"}, r"zpi\. Did you mean 'zip'"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(tmp_path, ending, kinds, said):
    rows = coded().assign(town=["Oslo", "Rome"] * 30)
    with pytest.raises(InputError, match=said):
        load_dataset(stored(rows, tmp_path / f"t.{ending}"), target="y", kinds=kinds)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_usually_marks_a_missing_value_does_so_in_every_file(tmp_path, ending):
    size = np.where(np.arange(60) % 20 == 3, "NA", np.where(np.arange(60) % 2, "low", "high"))
    rows = pd.DataFrame({"x": np.arange(60) / 8, "size": size, "y": size})
    data = load_dataset(stored(rows, tmp_path / f"t.{ending}"), target="y")
    assert (data.classes, data.rows, set(data.features["size"])) == (("high", "low"), 57, {"low", "high"})
    (said,) = (one for one in data.notes if one.code == "DATA-TARGET-MISSING")
    assert "(written 'NA')" in said.message
    assert data.fingerprint == load_dataset(rows, target="y").fingerprint
    often = rows.assign(y=["DE", "NA", "US"] * 20)
    assert load_dataset(stored(often, tmp_path / f"o.{ending}"), target="y").classes == ("DE", "NA", "US")


@pytest.mark.parametrize("ending", ENDINGS)
def test_units_and_blanks_are_read_alike_from_every_file(tmp_path, ending):
    rows = pd.DataFrame({"size": [f"{one} kg" for one in range(60)], "name": [" ", "w", "v"] * 20, "y": [0, 1] * 30})
    data = load_dataset(stored(rows, tmp_path / f"t.{ending}"), target="y")
    assert data.features["size"].tolist() == [*map(float, range(60))]
    assert data.features["name"].isna().sum() == 20
    assert data.fingerprint == load_dataset(stored(rows, tmp_path / "t.csv"), target="y").fingerprint


def test_a_kind_that_is_given_leaves_the_marks_of_the_schema(tmp_path):
    prices, dates = [f"1.{100 + place}" for place in range(40)], [f"{1 + place % 12}/11/21" for place in range(40)]
    rows = pd.DataFrame({"price": prices, "day": dates, "zip": ["007"] * 20 + ["12"] * 20, "y": ["a", "b"] * 20})
    known, path = Schema(decimal=",", dates="%d/%m/%y"), written(rows, tmp_path / "t.csv", sep=";")
    whole = load_dataset(path, target="y", schema=known)
    assert whole.features["price"].tolist() == [*range(1100, 1140)]
    kept = load_dataset(path, target="y", schema=known, kinds={"zip": "text"})
    pd.testing.assert_frame_equal(kept.features[["price", "day"]], whole.features[["price", "day"]])
    assert load_dataset(path, target="y", schema=known, decimal=".").features["price"][1] == 1.101
