"""The same rows, in whatever file they come and in whatever order: the same table, and the same decisions."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from toolkit.data.contract import MISFITS
from toolkit.data.load import load_dataset
from toolkit.drift.detect import detect_drift

ROWS = 60
CODES = (
    ("007", "012", "103"),
    ("1.10", "1.9", "2.0"),
    ("2021-02a", "1E2", "9"),
    ("1E2", "2E2", "3E5"),
    ("True", "NA", "No"),
)
LABELS = ("Åre", "Bergen", "Malmö", "Tromsø"), ("low", "mid", "high"), ("a;b", 'say "so"', "x,y"), ("Yes", "yes", "No")


def columns(random, gaps):
    """Make a column of each kind, some with gaps, and a target."""
    numbers = np.round(random.normal(50, 20, ROWS), 2)
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(random.integers(0, 900, ROWS), unit="D")
    odd = pd.Series(numbers).map("{:.2f}".format)
    odd[random.integers(ROWS)] = "<5"
    made = {
        "number": pd.Series(numbers),
        "thousand": pd.Series(np.round(random.uniform(1000, 9999, ROWS), 3)),
        "whole": pd.Series(random.integers(0, 1000, ROWS)),
        "odd": odd,
        "percent": pd.Series(numbers).map("{:.1f}%".format),
        "currency": pd.Series(random.uniform(1, 5000, ROWS)).map("${:,.2f}".format),
        "code": pd.Series(random.choice(CODES[random.integers(len(CODES))], ROWS)),
        "label": pd.Series(random.choice(LABELS[random.integers(len(LABELS))], ROWS)),
        "flag": pd.Series(random.random(ROWS) < 0.4),
        "day": pd.Series(days),
        "dayfirst": pd.Series(days).dt.strftime("%d/%m/%Y"),
        "quarter": pd.Series(days).dt.to_period("Q").map(lambda one: f"Q{one.quarter} {one.year}"),
    }
    for name in gaps:
        gone = random.random(ROWS) < 0.2
        made[name] = (
            made[name].mask(gone) if made[name].dtype.kind in "fiM" else made[name].astype(object).mask(gone, None)
        )
    return pd.DataFrame(made).assign(y=random.choice(["no", "yes"], ROWS))


def commas(frame):
    """Write the numbers of a table with a comma as decimal mark."""
    texts = frame.copy()
    for name in frame.columns:
        if frame[name].dtype == "float64":
            texts[name] = frame[name].map(lambda cell: "" if pd.isna(cell) else repr(cell).replace(".", ","))
    return texts


def database(frame, path):
    with sqlite3.connect(path) as connection:
        frame.to_sql("rows", connection, index=False)
    connection.close()
    return f"sqlite:///{path}::rows"


WRITERS = {
    "comma.csv": lambda frame, path: frame.to_csv(path, index=False),
    "semicolon.csv": lambda frame, path: commas(frame).to_csv(path, index=False, sep=";"),
    "tab.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "utf16.csv": lambda frame, path: frame.to_csv(path, index=False, encoding="utf-16"),
    "latin1.csv": lambda frame, path: frame.to_csv(path, index=False, encoding="latin-1"),
    "table.parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "table.feather": lambda frame, path: frame.to_feather(path),
    "table.xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "table.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, date_format="iso"),
    "table.db": database,
}


@st.composite
def tables(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    gaps = draw(st.lists(st.sampled_from(["number", "whole", "code", "label", "flag", "day", "dayfirst"]), max_size=3))
    return columns(random, set(gaps))


def same_in_any_file(frame, first):
    with TemporaryDirectory() as folder:
        paths = {name: write(frame, Path(folder) / name) or Path(folder) / name for name, write in WRITERS.items()}
        known = load_dataset(paths[first], target="y", positive="yes")
        for name, path in paths.items():
            table, same = (load_dataset(one, like=known) for one in (path, paths[first]))
            pd.testing.assert_frame_equal(table.features, known.features, check_dtype=False, obj=name)
            assert table.target.tolist() == known.target.tolist(), name
            assert table.fingerprint == same.fingerprint == known.fingerprint, name
            misfits = {note.code.removeprefix("DATA-") for note in table.notes if note.severity != "info"} & {*MISFITS}
            assert misfits <= {"ODD-CELLS", *(("FORMAT-CHANGED",) * (name == "semicolon.csv"))}, (name, table.notes)
            if name in ("semicolon.csv", "table.jsonl"):
                assert set(detect_drift(known, table).frame()["verdict"]) <= {"stable", "left out"}, name


def decided(table):
    """Return what was decided on a table; an example is the first cell that a column has."""
    said = {(note.code, note.severity, note.where) for note in table.notes}
    features = {str(name): str(table.features[name].dtype) for name in table.features}
    columns = {name: replace(one, example="") for name, one in table.schema.columns.items()}
    return features, columns, said, table.positive, table.classes


def same_in_any_order(frame, file, seed):
    shuffled = frame.sample(frac=1, random_state=seed)
    shuffled = shuffled[list(np.random.default_rng(seed).permutation(frame.columns))]
    with TemporaryDirectory() as folder:
        path = Path(folder) / file
        first, second = (
            WRITERS[file](one, path) or decided(load_dataset(path, target="y")) for one in (frame, shuffled)
        )
    assert first == second


LAWS = {
    same_in_any_file: (tables(), st.sampled_from(["comma.csv", "table.parquet", "table.jsonl"])),
    same_in_any_order: (tables(), st.sampled_from(["semicolon.csv", "table.parquet"]), st.integers(0, 2**32 - 1)),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("count", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_the_same_rows_are_the_same_table_in_any_file_and_in_any_order(law, count):
    examples = settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    examples(given(*LAWS[law])(law))()
