import gzip
import json
import lzma
import sqlite3
import threading
import traceback
import zipfile
from base64 import b64encode
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import zstandard

from toolkit.data.datasets import BUILT_IN
from toolkit.data.delimited import find_separator
from toolkit.data.load import load_dataset
from toolkit.data.read import read_table
from toolkit.errors import InputError

TABLE = pd.DataFrame({"a": [1, 2, 3], "b": [0.1, 1 / 3, np.nan], "c": ["x", "ü <b>", None]})


def same(frame, expected=TABLE):
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    return True


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_built_in_tables_are_what_they_claim(name):
    table, known = read_table(name), BUILT_IN[name]
    assert table.frame.shape == (known.rows, known.columns)
    assert {known.target, *known.sensitive, *known.also_sensitive} <= set(table.frame.columns)
    assert not known.time or known.time in table.frame
    assert (table.name, table.source, table.built_in) == (name, f"built-in table {name}", known)


WRITERS = {
    "t.csv": lambda frame, path: frame.to_csv(path, index=False),
    "t.csv.gz": lambda frame, path: frame.to_csv(path, index=False),
    "t.csv.zip": lambda frame, path: frame.to_csv(path, index=False),
    "t.csv.zst": lambda frame, path: frame.to_csv(path, index=False),
    "t.csv.bz2": lambda frame, path: frame.to_csv(path, index=False),
    "t.csv.xz": lambda frame, path: frame.to_csv(path, index=False),
    "T.CSV": lambda frame, path: frame.to_csv(path, index=False),
    "t.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "t.parquet": lambda frame, path: frame.to_parquet(path),
    "t.feather": lambda frame, path: frame.to_feather(path),
    "t.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, double_precision=15),
    "t.json": lambda frame, path: frame.to_json(path, orient="records", double_precision=15),
    "t.jsonl.gz": lambda frame, path: frame.to_json(path, orient="records", lines=True, double_precision=15),
    "t.xlsx": lambda frame, path: frame.to_excel(path, index=False),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](TABLE, path)
    table = read_table(path)
    assert same(table.frame)
    assert (table.name.lower(), table.source) == ("t", str(path))


def test_a_frame_gets_text_names_and_a_plain_index_and_is_not_changed():
    frame = pd.DataFrame({0: [1, 2], ("a", 1): [3, 4]}, index=pd.Index([7, 8], name="id"))
    before = frame.copy()
    table = read_table(frame)
    assert list(table.frame.columns) == ["0", "('a', 1)"]
    assert table.frame.index.tolist() == [0, 1]
    assert [(note.code, "id" in note.message) for note in table.notes] == [("DATA-INDEX", True)]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,x\n2,y\n", [[1, "x"], [2, "y"]]),
        ("a;b\n1;x\n2;y\n", [[1, "x"], [2, "y"]]),
        ("a\tb\n1\tx, z\n2\ty\n", [[1, "x, z"], [2, "y"]]),
        ("a|b\n1|x\n2|y\n", [[1, "x"], [2, "y"]]),
        ("\ufeffa,b\r\n1,x\r\n2,y\r\n", [[1, "x"], [2, "y"]]),
        ("a;b\n1,5;x\n2,25;y\n", [[1.5, "x"], [2.25, "y"]]),
        ("a;b\n1,500;x\n2,250;y\n", [[1500, "x"], [2250, "y"]]),
        ('a,b\n1,"x;y;z"\n2,"line\nbreak, quoted"\n', [[1, "x;y;z"], [2, "line\nbreak, quoted"]]),
        ("a,b\n\n1,x\n2,y", [[1, "x"], [2, "y"]]),
    ],
)
def test_separators_marks_and_decimal_commas(tmp_path, content, expected):
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode("utf-8"))
    table = read_table(path)
    assert list(table.frame.columns) == ["a", "b"]
    assert table.frame.to_numpy(dtype=object).tolist() == expected
    assert ("DATA-DECIMAL-COMMA" in {note.code for note in table.notes}) == ("2,25;" in content)


def test_the_labels_of_the_record_decide_between_encodings(tmp_path):
    """A few letters beyond ASCII fit many code pages; the reference's labels fit one."""
    towns = ["Åre", "Bergen", "Malmö", "Tromsø"]
    reference = load_dataset(pd.DataFrame({"town": towns * 20, "x": range(80), "y": ["a", "b"] * 40}), target="y")
    misread = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        later = pd.DataFrame({"town": rng.choice(towns, 60, p=rng.dirichlet([0.3] * 4)), "x": rng.integers(0, 80, 60)})
        later.to_csv(tmp_path / "later.csv", index=False, encoding="latin-1")
        read = load_dataset(tmp_path / "later.csv", like=reference)
        if read.features["town"].astype(str).tolist() != later["town"].tolist():
            misread.append(seed)
    assert misread == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_any_encoding_is_read_and_what_is_not_utf_8_is_said(tmp_path, encoding):
    text = "größe,straße\n1,Königsallee\n2,Hauptstraße\n3,Am Mühlenweg\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    table = read_table(tmp_path / "t.csv")
    assert table.frame.to_dict("list") == {"größe": [1, 2, 3], "straße": ["Königsallee", "Hauptstraße", "Am Mühlenweg"]}
    assert [note.code for note in table.notes] == ["DATA-ENCODING"] * (encoding in ("latin-1", "cp1252"))


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", "São Paulo|Brasília|Belém|Niterói"),
        ("cp1252", "Ångström|Malmö|Göteborg|Sundsvall"),
        ("cp1252", "Tromsø|Ålesund|Bærum|Oslo"),
        ("cp1252", "naïve|café|œuvre|Besançon"),
        ("cp1252", "Þór|Reykjavík|Akureyri|Ísafjörður"),
        ("cp1252", "Größe|Jürgen|Müller"),
        ("cp1252", "männlich|weiblich|Süd|Nord|4,5 °C"),
        ("cp1252", "|".join(["männlich", "Süd", *(f"3{number} °C" for number in range(10))])),
        ("cp1252", "Köln|München|Österreich|Straße"),
        ("cp1252", "niño|niña|España"),
        ("cp1252", "mañana|José|sí"),
        ("cp1252", "één|België|ruïne"),
        ("cp1252", "élève|où|Noël"),
        ("cp1252", "città|perché|è"),
        ("cp1252", "5 €|3 m²|20 °"),
        ("cp1250", "Łódź|Kraków|Gdańsk|Poznań"),
        ("cp1250", "Győr|Pécs|Székesfehérvár|Hódmezővásárhely"),
        ("cp1250", "České Budějovice|Plzeň|Ústí|Praha"),
        ("cp1251", "Москва|Казань|Уфа"),
        ("koi8-r", "Москва|Казань|Уфа"),
        ("cp1253", "Αθήνα|Θεσσαλονίκη"),
        ("cp1254", "İstanbul|Eskişehir|Muğla"),
        ("cp1257", "Rīga|Šiauliai|Klaipėda"),
        ("cp932", "東京|大阪|京都"),
        ("gb18030", "北京|上海"),
        ("cp949", "서울|부산"),
        ("big5", "臺北|高雄"),
        ("cp850", "São Paulo|Málaga"),
        ("mac-roman", "São Paulo|Málaga"),
    ],
)
def test_a_few_words_tell_the_code_page(tmp_path, encoding, words):
    towns = words.split("|")
    frame = pd.DataFrame({"x": range(60), "town": np.resize(towns, 60)})
    frame.to_csv(tmp_path / "t.csv", index=False, encoding=encoding)
    table = read_table(tmp_path / "t.csv")
    assert table.frame["town"].tolist() == frame["town"].tolist()
    said = next(note.message for note in table.notes if note.code == "DATA-ENCODING")
    assert repr(next(town for town in towns if not town.isascii())) in said  # for the eye to judge


def test_short_rows_names_twice_and_a_named_separator_are_read_and_said(tmp_path):
    (tmp_path / "t.csv").write_text("sep=;\na;a;b\n1;2;x\n3;4\n")
    table = read_table(tmp_path / "t.csv")
    assert list(table.frame.columns) == ["a", "a.1", "b"]
    assert table.frame["a.1"].tolist() == [2, 4]
    assert {note.code for note in table.notes} == {"DATA-NAME-TWICE", "DATA-SHORT-ROWS"}


@pytest.mark.parametrize(
    ("header", "names", "said"),
    [
        (
            "a,a,a.1",
            ["a", "a.2", "a.1"],
            ["The header names 'a' more than once; the later ones got a number, as in 'a.2'."],
        ),
        (
            "a.1,a,a",
            ["a.1", "a", "a.2"],
            ["The header names 'a' more than once; the later ones got a number, as in 'a.2'."],
        ),
        ("a,,Unnamed: 1", ["a", "Unnamed: 1.1", "Unnamed: 1"], []),
    ],
)
def test_a_name_that_is_made_is_no_other_columns_name(tmp_path, header, names, said):
    (tmp_path / "t.csv").write_text(f"{header}\n1,2,3\n4,5,6\n")
    table = read_table(tmp_path / "t.csv")
    assert table.frame.to_dict("list") == dict(zip(names, ([1, 4], [2, 5], [3, 6]), strict=True))
    assert [note.message for note in table.notes] == said


def test_the_header_of_a_workbook_is_read_as_that_of_a_csv(tmp_path):
    rows = [[None] * 4, ["a", "a", None, 2021], [1, 2, 3, 4], [None] * 4, [5, 6, 7, 8]]
    pd.DataFrame(rows).to_excel(tmp_path / "t.xlsx", header=False, index=False)
    table = read_table(tmp_path / "t.xlsx")
    assert list(table.frame) == ["a", "a.1", "Unnamed: 2", "2021"]
    assert table.frame.dropna().to_numpy().tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert len(table.frame) == 3
    assert [note.code for note in table.notes] == ["DATA-NAME-TWICE"]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("39,State-gov,2.5", "2.5"),
        ("3,1,3", "3"),
        ("-4,a,b", "-4"),
        ("2019,2020,x", ""),
        ("0,1,2", ""),
        ("v1.0,2024-01-05,1_000", ""),
    ],
)
def test_a_file_that_seems_to_have_no_header_is_said(tmp_path, first, said):
    (tmp_path / "t.csv").write_text(f"{first}\n1,2,3\n4,5,6\n")
    notes = [note.message for note in read_table(tmp_path / "t.csv").notes if note.code == "DATA-NO-HEADER"]
    expected = f"The header has numbers as names: {said}. If the first row holds values, it is missing from the rows"
    assert [note.startswith(expected) for note in notes] == [True] * bool(said)


def answers(rows=60):
    random = np.random.default_rng(0)
    labels = {"sex": ["m", "f"], "town": ["Oslo", "Bergen", None], "buys": ["yes", "no"]}
    texts = pd.DataFrame({name: random.choice(each, rows) for name, each in labels.items()})
    return texts.assign(who=[f"person {chr(97 + row % 26)}{chr(97 + row // 26)}" for row in range(rows)])


@pytest.mark.parametrize("ending", ["csv", "xlsx", "frame"])
def test_names_that_occur_again_as_cells_of_their_columns_are_said(tmp_path, ending):
    rows, path = answers().assign(town="Oslo"), tmp_path / f"t.{ending}"
    rows.loc[7, "town"] = "Bergen"
    if ending != "frame":
        {"csv": rows.to_csv, "xlsx": rows.to_excel}[ending](path, index=False, header=False)
    table = read_table(rows[1:].set_axis(rows.loc[0].tolist(), axis=1) if ending == "frame" else path)
    (note,) = [note for note in table.notes if note.code == "DATA-NO-HEADER"]
    names = ", ".join(map(repr, rows.loc[0].tolist()[:3]))
    assert (len(table.frame), note.severity) == (59, "medium")
    assert note.message.startswith(f"The names of {names} occur again as cells of their own columns. If the first row")


def test_a_header_that_is_written_again_is_said_and_other_tables_are_not_suspected(tmp_path):
    rows = answers()
    twice = pd.concat([rows, pd.DataFrame([list(rows)], columns=list(rows)), rows])
    chosen = pd.DataFrame({"Python": ["Python", None] * 30, "R": ["R", None, None] * 20, "sex": rows["sex"]})
    named = rows.assign(yes=rows["buys"])
    for name, table in {"twice": twice, "rows": rows, "chosen": chosen, "named": named}.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        notes = [note for note in read_table(tmp_path / f"{name}.csv").notes if note.code == "DATA-NO-HEADER"]
        assert ["If it is a header written more than once" in note.message for note in notes] == [True] * (
            name == "twice"
        )


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_title_above_the_names_is_refused(tmp_path, ending):
    rows = [["Sales of 2024", "", "", ""], ["age", "income", "city", "bought"], ["47", "1", "x", "no"]]
    path, write = tmp_path / f"t.{ending}", {"csv": pd.DataFrame.to_csv, "xlsx": pd.DataFrame.to_excel}[ending]
    write(pd.DataFrame(rows), path, index=False, header=False)
    with pytest.raises(InputError, match=r"^The first row names only one of 4 columns, .* Delete the rows above"):
        read_table(path)


def test_empty_columns_behind_the_others_are_no_title(tmp_path):
    (tmp_path / "t.csv").write_text(
        "a,b,,,,\n" + "\n".join(f"{place % 7},{'xy'[place % 2]},,,," for place in range(60))
    )
    assert list(load_dataset(tmp_path / "t.csv", target="b").features) == ["a"]


@pytest.mark.parametrize("gap", ["", "NA", "nan"])
def test_whole_numbers_beyond_what_a_float_holds_stay_apart_beside_gaps(tmp_path, gap):
    (tmp_path / "t.csv").write_text(f"who,x\n{2**60},1\n{gap},2\n {2**60 + 1},3\n")
    assert read_table(tmp_path / "t.csv").frame["who"].dropna().map(int).tolist() == [2**60, 2**60 + 1]


def test_a_cell_of_any_length_and_a_table_of_any_width_are_read(tmp_path):
    (tmp_path / "long.csv").write_text(f"a,b\n1,{'x' * 300_000}\n2,y\n")
    assert read_table(tmp_path / "long.csv").frame["b"].str.len().tolist() == [300_000, 1]
    names = ",".join(f"c{place}" for place in range(10_001))
    (tmp_path / "wide.csv").write_text(f"{names}\n{','.join(['1'] * 10_001)}\n")
    assert read_table(tmp_path / "wide.csv").frame.shape == (1, 10_001)


def test_the_separator_of_a_single_column_is_the_comma():
    assert find_separator(["value", "1", "2"]) == ","
    assert find_separator([]) == ","


def test_numbers_in_csv_are_read_exactly(tmp_path):
    values = np.random.default_rng(0).normal(size=2000) * 10.0 ** np.arange(-100, 100).repeat(10)
    pd.DataFrame({"a": values}).to_csv(tmp_path / "t.csv", index=False)
    assert (read_table(tmp_path / "t.csv").frame["a"].to_numpy() == values).all()


def test_a_workbook_with_more_sheets_says_which_was_read(tmp_path):
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        TABLE.to_excel(book, sheet_name="first", index=False)
        TABLE.head(1).to_excel(book, sheet_name="second", index=False)
    table = read_table(tmp_path / "t.xlsx")
    assert len(table.frame) == 3
    assert [note.code for note in table.notes] == ["DATA-SHEETS"]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
WRONG = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b" \n\n", "is empty"),
    "empty.parquet": (b"", "is empty"),
    "header.csv": (b"a,b\n", "2 columns and no rows"),
    "image.csv": (PNG, "a PNG image"),
    "page.csv": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
    "object.csv": (b'{"error": "not found"}', "JSON"),
    "list.csv": (b'[{"a": 1}]', "JSON"),
    "binary.csv": (bytes(range(256)) * 4, "binary data"),
    "book.csv": (b"PK\x03\x04rest", "a zip archive or an Excel file"),
    "ragged.csv": (b"a,b\n1,2\n1,2,3\n", "row 3 has more cells (3) than its header (2)"),
    "wider.csv": (b"a,b\n1,2,3\n1,2,3\n", "row 2 has more cells (3) than its header (2)"),
    "broken.parquet": (b"PAR1 and then nothing", "not a readable Parquet file"),
    "text.parquet": (b"a,b\n1,2\n", "not a readable Parquet file"),
    "broken.feather": (b"ARROW1 and then nothing", "not a readable Feather file"),
    "broken.xlsx": (b"a,b\n1,2\n", "not a readable Excel file"),
    "broken.jsonl": (b'{"a": 1}\n{"a": ', "not a readable JSON file"),
    "scalar.json": (b"42", "not a JSON table"),
    "page.jsonl": (b"<html></html>", "a web page"),
    "broken.csv.gz": (b"a,b\n1,2\n", "cannot be unpacked"),
    "half.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 100)[:-20], "cannot be unpacked"),
    "half.csv.xz": (lzma.compress(b"a,b\n1,2\n" * 100)[:20], "cannot be unpacked"),
    "broken.csv.zst": (b"a,b\n1,2\n", "cannot be unpacked"),
    "half.csv.zst": (zstandard.compress(b"".join(b"%d,%d\n" % (i, i % 7) for i in range(50_000)))[:-99], "Truncated"),
    "broken.csv.zip": (b"a,b\n1,2\n", "cannot be unpacked"),
    "table.sas7bdat": (b"something", "its name ends with .sas7bdat. Known: .csv"),
    "table": (b"a,b\n1,2\n", "has no extension"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_a_table_is_refused_with_one_clear_message(tmp_path, name):
    content, message = WRONG[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / name)
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_zip_must_hold_one_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(InputError, match=r"holds 2 files.*a\.csv, b\.csv"):
        read_table(tmp_path / "two.zip")


def test_missing_files_and_near_names(tmp_path):
    (tmp_path / "sales.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"no file .*Did you mean 'sales\.csv'"):
        read_table(tmp_path / "sale.csv")
    with pytest.raises(InputError, match=r"the folder .* does not exist"):
        read_table(tmp_path / "nowhere" / "sales.csv")
    with pytest.raises(InputError, match=r"is a folder\. Give one file\. It holds: sales\.csv"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="Did you mean 'census_income'"):
        read_table("census-income")
    with pytest.raises(InputError, match="No data given"):
        read_table("")
    with pytest.raises(InputError, match="not a int"):
        read_table(7)


def test_a_file_named_like_a_built_in_table_is_reached_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wine").write_text("a\n1\n")
    assert read_table("wine").built_in is not None
    with pytest.raises(InputError, match="no extension"):
        read_table("./wine")


def test_names_that_occur_twice_are_refused_in_frames_and_told_apart_in_csv(tmp_path):
    with pytest.raises(InputError, match="more than once: 'a'"):
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="more than once: '1'"):
        read_table(pd.DataFrame([[1, 2]], columns=[1, "1"]))
    (tmp_path / "t.csv").write_text("a,a\n1,2\n")
    assert list(read_table(tmp_path / "t.csv").frame.columns) == ["a", "a.1"]


# Databases


@pytest.fixture
def shop(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        TABLE.to_sql("sales", connection, index=False)
        connection.execute("CREATE VIEW few AS SELECT * FROM sales WHERE a < 3")
    connection.close()
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.mark.parametrize(
    ("what", "name", "rows"),
    [
        ("sales", "sales", 3),
        ("few", "few", 2),
        ("SELECT * FROM sales WHERE a > 1", "query", 2),
        ("with q as (select a from sales) select * from q", "query", 3),
    ],
)
def test_tables_views_and_queries(shop, what, name, rows):
    table = read_table(f"{shop}::{what}")
    assert (len(table.frame), table.name, table.source) == (rows, name, f"{shop}::{what}")


def test_database_errors(shop, tmp_path):
    with pytest.raises(InputError, match=r"no table 'sale'\. Did you mean 'sales'\? Tables: few, sales"):
        read_table(f"{shop}::sale")
    with pytest.raises(InputError, match="must be followed by ::table"):
        read_table(shop)
    with pytest.raises(InputError, match="not understood as one SELECT: Expected table name"):
        read_table(f"{shop}::SELECT FROM")
    with pytest.raises(InputError, match="there is no file"):
        read_table(f"sqlite:///{tmp_path}/absent.db::sales")
    assert not (tmp_path / "absent.db").exists()
    (tmp_path / "text.db").write_text("a,b\n" * 500)
    with pytest.raises(InputError, match="file is not a database"):
        read_table(f"sqlite:///{tmp_path}/text.db::sales")
    with pytest.raises(InputError, match="environment variable NO_SUCH_VARIABLE is not set"):
        read_table("sqlite:///${NO_SUCH_VARIABLE}::sales")
    with pytest.raises(InputError, match="could not be read"):
        read_table("nosuchdriver://host/db::sales")


def test_the_address_may_come_from_the_environment(shop, monkeypatch):
    monkeypatch.setenv("SHOP", shop)
    table = read_table("${SHOP}::sales")
    assert len(table.frame) == 3
    assert table.source == "${SHOP}::sales"


def everything_said(error):
    """All that a traceback could print, the chained exceptions included."""
    seen = []
    while error is not None:
        seen += [str(error), repr(error), repr(error.args), "".join(traceback.format_exception_only(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///{folder}/absent.db?key=s3cr3t-word::sales",
        "postgresql://us3r-name:s3cr3t-word@localhost:1/db::sales",
        "mysql+nosuchdriver://us3r-name:s3cr3t-word@localhost/db::sales",
        "nosuch://us3r-name:s3cr3t-word@localhost/db?password=s3cr3t-word::SELECT 1",
        "postgresql://us3r-name:s3cr3t-word@localhost:notaport/db::sales",
        "postgresql://us3r-name:s3cr3t-word@localhost/db",
        "postgresql://us3r-name:a::s3cr3t-word@localhost/db::sales",
        "postgresql://${{SECRET_USER}}:${{SECRET_WORD}}@localhost:1/db::sales",
        "${{SECRET_ADDRESS}}::sales",
        "${{SECRET_ADDRESS}}",
    ],
)
def test_credentials_appear_nowhere_in_errors(address, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_USER", "us3r-name")
    monkeypatch.setenv("SECRET_WORD", "s3cr3t-word/@:?&")
    monkeypatch.setenv("SECRET_ADDRESS", "nosuch://us3r-name:s3cr3t-word@localhost/db")
    with pytest.raises(InputError) as caught:
        read_table(address.format(folder=tmp_path))
    said = everything_said(caught.value)
    assert "s3cr3t-word" not in said
    assert "us3r-name" not in said


def test_a_failing_driver_cannot_give_credentials_away(monkeypatch):
    import sqlalchemy

    def refuse(url, **_):
        raise sqlalchemy.exc.OperationalError(
            "stmt", {}, Exception(f"no login for us3r-name with s3cr3t-word at {url}")
        )

    monkeypatch.setattr(sqlalchemy, "create_engine", refuse)
    with pytest.raises(InputError) as caught:
        read_table("postgresql://us3r-name:s3cr3t-word@server:5432/db::sales")
    assert "no login for *** with ***" in str(caught.value)
    assert "postgresql://server:5432/db" in str(caught.value)
    assert "s3cr3t-word" not in everything_said(caught.value)


def test_credentials_appear_nowhere_in_the_source(shop, monkeypatch):
    path = shop.removeprefix("sqlite:///")
    table = read_table(f"sqlite:///{path}?timeout=5::sales")
    assert table.source == f"{shop}::sales"
    monkeypatch.setenv("SHOP_FILE", path)
    assert read_table("sqlite:///${SHOP_FILE}::sales").source == "sqlite:///${SHOP_FILE}::sales"


# The web and OpenML


@pytest.fixture
def site(tmp_path):
    class Quiet(SimpleHTTPRequestHandler):
        def do_GET(self):
            if (
                "/locked/" in self.path
                and self.headers["Authorization"] != "Basic " + b64encode(b"ann:s3/cr3t").decode()
            ):
                return self.send_error(401)
            return super().do_GET()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield SimpleNamespace(folder=tmp_path, address=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_address_is_read_and_its_key_is_not_shown(site):
    TABLE.to_csv(site.folder / "my table.csv.gz", index=False)
    table = read_table(f"{site.address}/my%20table.csv.gz?key=s3cr3t")
    assert same(table.frame)
    assert table.source == f"{site.address}/my%20table.csv.gz"
    assert table.name == "my table"


def test_a_name_and_password_in_an_address_are_sent_and_not_shown(site):
    (site.folder / "locked").mkdir()
    TABLE.to_csv(site.folder / "locked" / "table.csv", index=False)
    host = site.address.removeprefix("http://")
    table = read_table(f"http://ann:s3%2Fcr3t@{host}/locked/table.csv")
    assert same(table.frame)
    assert table.source == f"{site.address}/locked/table.csv"
    with pytest.raises(InputError, match="HTTP 401"):
        read_table(f"http://ann:other@{host}/locked/table.csv")


def test_a_file_that_was_saved_with_its_query_is_not_named_by_it(tmp_path):
    TABLE.to_csv(tmp_path / "sales?sig=s3cr3t.csv", index=False)
    assert read_table(tmp_path / "sales?sig=s3cr3t.csv").name == "sales"


def test_web_errors(site):
    with pytest.raises(InputError, match="could not be read: HTTP 404") as caught:
        read_table(f"{site.address}/absent.csv?key=s3cr3t")
    assert "s3cr3t" not in everything_said(caught.value)
    with pytest.raises(InputError, match="could not be read") as caught:
        read_table("http://us3r:s3cr3t@127.0.0.1:1/t.csv")
    assert "s3cr3t" not in everything_said(caught.value)
    with pytest.raises(InputError, match="begin with s3://"):
        read_table("s3://bucket/t.csv")


def test_openml_gives_its_target(monkeypatch):
    import sklearn.datasets

    bunch = SimpleNamespace(frame=TABLE, target_names=["c"], details={"name": "adult"})
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda **_: bunch)
    table = read_table("openml:1590")
    assert (table.name, table.source, table.target) == ("adult", "openml:1590", "c")


def test_openml_without_internet_is_one_clear_error(monkeypatch):
    def offline(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", offline)
    with pytest.raises(InputError, match="OpenML could not be reached"):
        read_table("openml:adult")
    with pytest.raises(InputError, match="which OpenML data set"):
        read_table("openml:")


LARGE = [None if i % 7 == 3 else 2**60 + i for i in range(60)]


@pytest.mark.parametrize("lines", [True, False])
def test_large_whole_numbers_beside_gaps_stay_apart_in_json(tmp_path, lines):
    rows = [{"id": one, "y": i % 2} if one else {"y": i % 2} for i, one in enumerate(LARGE)]
    path = tmp_path / "table.json"
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows))
    data = load_dataset(path, target="y", group="id")
    assert data.group.dropna().tolist() == [str(one) for one in LARGE if one]
    csv = tmp_path / "table.csv"
    pd.DataFrame({"id": pd.array(LARGE, "Int64"), "y": [row["y"] for row in rows]}).to_csv(csv, index=False)
    assert load_dataset(csv, target="y").fingerprint == data.fingerprint


def test_large_whole_numbers_that_are_texts_stay_apart():
    table = pd.DataFrame({"amount": [str(2**60 + i) for i in range(0, 180, 3)], "y": [0, 1] * 30})
    data = load_dataset(table, target="y")
    assert data.features["amount"].tolist() == table["amount"].astype("int64").tolist()


def test_infinite_numbers_with_a_decimal_comma_are_numbers(tmp_path):
    values = np.where(np.arange(60) % 7 == 3, np.inf, np.linspace(0.5, 9.25, 60))
    table = pd.DataFrame({"a": np.where(np.arange(60) % 2, values, -values), "y": [0, 1] * 30})
    table.to_csv(path := tmp_path / "table.csv", index=False, sep=";", decimal=",")
    known, data = load_dataset(table, target="y"), load_dataset(path, target="y")
    pd.testing.assert_frame_equal(data.features, known.features)
    assert load_dataset(path, like=known).features["a"].tolist()[:3] == known.features["a"].tolist()[:3]


@pytest.mark.parametrize(("decimal", "sep"), [(".", ","), (",", ";")])
def test_two_spellings_of_one_number_are_said(tmp_path, decimal, sep):
    sections = [f"{chapter}{decimal}{part}" for chapter in range(1, 5) for part in range(1, 21)]
    table = pd.DataFrame({"section": sections, "size": [f"{i / 7:.2f}" for i in range(80)], "y": [0, 1] * 40})
    table.to_csv(path := tmp_path / "table.csv", index=False, sep=sep)
    found = [one for one in load_dataset(path, target="y").notes if one.code == "DATA-WRITTEN-TWICE"]
    assert [(one.where, one.severity) for one in found] == [("section", "medium")]
    assert f"as 1{decimal}1 and 1{decimal}10" in found[0].message
    kept = load_dataset(path, target="y", kinds={"section": "text"})
    assert kept.schema.columns["section"].kind == "text"
    assert "DATA-WRITTEN-TWICE" not in {one.code for one in kept.notes}
    first = load_dataset(table.query("section.str.len() < 4"), target="y")
    assert "DATA-WRITTEN-TWICE" not in {one.code for one in first.notes}
    assert "DATA-WRITTEN-TWICE" in {one.code for one in load_dataset(path, like=first).notes}


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("names", [("01", "2"), ("2020-01-01", "2020-02-01")])
def test_columns_of_json_keep_the_names_that_look_like_numbers_or_dates(tmp_path, names, lines):
    table = pd.DataFrame({name: range(3) for name in names})
    table.to_json(path := tmp_path / ("t.jsonl" if lines else "t.json"), orient="records", lines=lines)
    pd.testing.assert_frame_equal(read_table(path).frame, table)


def test_a_column_may_be_called_self(tmp_path):
    rows = [{"self": None, "y": 1}, *({"self": 2**60 + place, "y": place % 2} for place in range(1, 19))]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    assert str(read_table(tmp_path / "rows.json").frame["self"].iloc[-1]) == str(2**60 + 18)
    assert load_dataset(pd.DataFrame(rows[1:]), target="y").columns == 2
