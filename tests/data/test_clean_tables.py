"""Clean tables, as packages ship them and as offices export them: nothing false is said of them, and nothing twice."""

import importlib
import uuid

import numpy as np
import pandas as pd
import pytest
from plotly import data as shipped_by_plotly
from sklearn import datasets as shipped_by_sklearn

from toolkit.data.load import load_dataset

ROWS = 400

# The target of each table, and what is truly said of it above low severity.
AGE, SEX = "DATA-SENSITIVE-NOT-NAMED age", "DATA-SENSITIVE-NOT-NAMED sex"
REPEATS = "DATA-DUPLICATE-ROWS "  # answers in classes: many people give the same ones
SHIPPED = {
    "sklearn iris": ("target", ()),
    "sklearn wine": ("target", ()),
    "sklearn diabetes": ("target", (AGE,)),
    "sklearn breast_cancer": ("target", ()),
    "sklearn digits": ("target", ()),
    "sklearn linnerud": ("Pulse", ()),
    "statsmodels anes96": ("vote", (AGE,)),
    "statsmodels cancer": ("cancer", ()),
    "statsmodels ccard": ("AVGEXP", (AGE.replace("age", "AGE"),)),
    "statsmodels co2": ("co2", ()),
    "statsmodels committee": ("BILLS104", ()),
    "statsmodels copper": ("WORLDCONSUMPTION", ()),
    "statsmodels danish_data": ("lrm", ()),
    "statsmodels elec_equip": ("STS.M.I7.W.TOVT.NS0016.4.000", ()),
    "statsmodels elnino": ("DEC", ()),
    "statsmodels engel": ("foodexp", ()),
    "statsmodels fair": ("affairs", (AGE, REPEATS)),
    "statsmodels fertility": ("2011", ("DATA-TARGET-MISSING 2011",)),  # 17 of 219 countries have no value
    "statsmodels grunfeld": ("invest", ()),
    "statsmodels heart": ("survival", (AGE,)),
    "statsmodels interest_inflation": ("R", ()),
    "statsmodels macrodata": ("infl", ()),
    "statsmodels modechoice": ("choice", ()),
    "statsmodels nile": ("volume", ()),
    "statsmodels randhie": ("mdvis", (REPEATS,)),
    "statsmodels scotland": ("YES", (AGE.replace("age", "AGE"),)),
    "statsmodels spector": ("GRADE", ("DATA-TINY-CLASS 1",)),  # 11 of 32 students
    "statsmodels stackloss": ("STACKLOSS", ()),
    "statsmodels star98": ("NABOVE", ()),
    "statsmodels statecrime": ("murder", ()),
    "statsmodels strikes": ("duration", ()),
    "statsmodels sunspots": ("SUNACTIVITY", ()),
    "plotly tips": ("tip", (SEX,)),
    "plotly gapminder": ("lifeExp", ()),
    "plotly iris": ("species", ("DATA-TARGET-COPY species_id",)),  # the number of the species
    "plotly election": ("winner", ("DATA-TINY-CLASS Joly", "DATA-TINY-CLASS Bergeron")),  # 14 and 15 of 58
    "plotly stocks": ("GOOG", ()),
    "plotly experiment": ("group", (SEX.replace("sex", "gender"),)),
    "plotly carshare": ("car_hours", ()),
    "plotly wind": ("frequency", ()),
}


def shipped(name):
    package, table = name.split()
    if package == "sklearn":
        return getattr(shipped_by_sklearn, f"load_{table}")(as_frame=True).frame
    if package == "plotly":
        return getattr(shipped_by_plotly, table)()
    return importlib.import_module(f"statsmodels.datasets.{table}").load_pandas().data


def exported():
    """Make tables of the kinds that people send: shops, clinics, banks, laboratories, web logs, surveys."""
    random = np.random.default_rng(0)
    among = lambda *labels: random.choice(labels, ROWS)  # noqa: E731
    day = pd.Series(pd.Timestamp("2020-01-05") + pd.to_timedelta(random.integers(0, 900, ROWS), unit="D"))
    moment = day + pd.to_timedelta(random.integers(0, 86_400, ROWS), unit="s")
    amount, share = pd.Series(random.gamma(2, 900, ROWS).round(2)), random.random(ROWS)
    many = random.integers(500, 5_000_000, ROWS)
    return {
        "penguins": {"island": among("Biscoe", "Dream"), "bill_mm": pd.Series(amount.round(1)).mask(share < 0.02)},
        "diamonds": {"carat": (amount / 900).round(2), "cut": among("Fair", "Very Good", "Ideal"), "price": many},
        "mpg": {"horsepower": pd.Series(many % 200).astype(str).mask(share < 0.02, "?"), "model_year": many % 12 + 70},
        "taxis": {"pickup": moment.dt.strftime("%Y-%m-%d %H:%M:%S"), "tolls": np.where(share < 0.9, 0, 6.12)},
        "flights": {"year": many % 12 + 1949, "month": among("Jan", "Feb", "Mar"), "passengers": many % 600},
        "american": {"signed": day.dt.strftime("%m/%d/%Y"), "zip": among("00501", "10001", "94110"), "paid": amount},
        "german": {"datum": day.dt.strftime("%d.%m.%Y"), "preis": amount, "stadt": among("Köln", "Zürich")},
        "money": {"spend": amount.map("${:,.2f}".format), "share": (100 * share).round(1).astype(str) + "%"},
        "places": {"lat": (35 + 20 * share).round(5), "country": among("NO", "NA", "DE"), "height": amount.round(3)},
        "laboratory": {"conc": [f"{value:.3e}" for value in share / 1e6], "od600": share.round(3), "batch": "B007"},
        "web": {"user": [uuid.UUID(int=int(one)) for one in many], "agent": among("Chrome/120.0", "Firefox/115.0")},
        "versions": {"version": among("1.10", "1.9", "2.0"), "ms": amount, "status": among(200, 404, 500)},
        "clock": {"opens": among("06:15", "09:30"), "size": among("S", "M", "XL"), "range": among("0-10", "10-20")},
        "survey": {
            "q1": many % 5 + 1,
            "grade": among("A+", "A", "B-"),
            "children": pd.Series(many % 4).mask(share < 0.1),
        },
        "clinic": {
            "patient_id": random.permutation(ROWS),
            "icd": among("E11.9", "I10"),
            "smoker": among("never", "former", "None"),
        },
        "staff": {"hired": day.dt.strftime("%d %b %Y"), "dept": among("R&D", "HR"), "rating": among(1.0, 1.5, 2.0)},
        "quarters": {"quarter": day.dt.to_period("Q").map(lambda one: f"Q{one.quarter} {one.year}"), "x": amount},
        "sensors": {"at": pd.date_range("2024-01-01", periods=ROWS, freq="min"), "humid": (90 * share).round(3)},
        "shop": {"sku": [f"{one:08d}" for one in many], "weight": amount.round(1).astype(str) + " kg", "note": ""},
        "bank": {"job": among("admin.", "unknown", "retired"), "pdays": np.where(share < 0.8, -1, many % 400)},
        "wide": {f"v{place}": random.normal(size=ROWS) for place in range(60)},
        "genes": {"chr": among("1", "2", "X"), "pos": many * 40, "ref": among("A", "C", "G", "T")},
        "thousands": {"people": [f"{one:,}" for one in many], "code": among("1E2", "2E2", "3E5"), "x": amount},
        "zones": {"at": moment.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "unix": moment.astype("int64") // 10**9},
        "football": {"score": [f"{one % 5}-{one % 3}" for one in many], "odds": among("3/5", "11/4"), "x": amount},
    }


@pytest.fixture(scope="module")
def exports():
    return {name: pd.DataFrame(columns) for name, columns in exported().items()}


def loud(data):
    few = {"DATA-FEW-ROWS "} if data.rows < 200 else set()  # true by its definition
    return {f"{one.code} {one.where}" for one in data.findings() if one.severity not in ("info", "low")} - few


def said_again(path, data):
    missing = "DATA-TARGET-MISSING"  # how many rows have no label is said of every table
    return [one for one in load_dataset(path, like=data).notes if one.code != missing]


@pytest.mark.parametrize("name", SHIPPED)
def test_of_a_table_that_a_package_ships_only_what_is_true_is_said(name, tmp_path):
    path, (target, true) = tmp_path / "table.csv", SHIPPED[name]
    shipped(name).to_csv(path, index=False)
    data = load_dataset(path, target=target)
    assert loud(data) == set(true)
    assert said_again(path, data) == []


@pytest.mark.parametrize("name", exported())
def test_of_a_table_that_an_office_exports_nothing_severe_is_said(name, exports, tmp_path):
    path, rest = tmp_path / "table.csv", {"sep": ";", "decimal": ","} if name == "german" else {}
    random = np.random.default_rng(1)
    rows = exports[name].assign(size_of_it=random.normal(size=ROWS), y=random.choice(["no", "yes"], ROWS))
    rows.to_csv(path, index=False, **rest)
    data = load_dataset(path, target="y")
    assert loud(data) == set()
    assert said_again(path, data) == []
