"""How text columns are read: one decision over all cells, whatever their order."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from toolkit.data.recognition import decide_format, decide_formats
from toolkit.data.schema import Schema
from toolkit.data.table_reader.formats import Format

THOUSAND = [repr(place / 7) for place in range(1199)]


def decided(*texts):
    return decide_format(pa.array(texts))


@pytest.mark.parametrize(
    "texts",
    [
        ("007", "12"),
        ("1.10", "1.9", "1.2"),
        ("1E2", "103"),
        ("+47", "+46"),
        ("18446744073709551616", "18446744073709551617"),
        ("9223372036854775808", "1"),
        ("A12", "A13"),
        ("12 Main Street", "5"),
        ("yes", "no", ""),
        ("2021-02", "2021-13"),
        ("?", "?"),
        ("(212)", "(415)"),
    ],
)
def test_what_a_number_would_not_give_back_stays_text(texts):
    assert decided(*texts).format == Format("text")


@pytest.mark.parametrize(
    ("texts", "decimal", "thousands", "unit", "values"),
    [
        (("1.10", "2.50"), ".", "", "", [1.1, 2.5]),
        (("5.0", "2.25"), ".", "", "", [5.0, 2.25]),
        (("1.5E-03", "2.0E+01"), ".", "", "", [0.0015, 20.0]),
        (("0,941", "2", "1,74"), ",", "", "", [0.941, 2, 1.74]),
        (("1,234,567", "2"), ".", ",", "", [1234567, 2]),
        (("$1,234.50", "$2.00"), ".", ",", "$", [1234.5, 2]),
        (("12.5%", "3%"), ".", "", "%", [12.5, 3]),
        (("5 kg", "6.2 kg"), ".", "", "kg", [5, 6.2]),
        (("$5 USD", "$6.2 USD"), ".", "", "$USD", [5, 6.2]),
        (("₹1,23,456", "₹12,34,567.5", "₹500"), ".", ",", "₹", [123456, 1234567.5, 500]),
        (("R$ 1.234,50", "R$ 2,00"), ",", ".", "R$", [1234.5, 2]),
        (("12,50 zł", "3,00 zł"), ",", "", "zł", [12.5, 3]),
        (("12.5-", "3.25", "4-"), ".", "", "", [-12.5, 3.25, -4]),
        (("1 234,5", "12 000,1"), ",", " ", "", [1234.5, 12000.1]),
        (("1'234.5", "10'000"), ".", "'", "", [1234.5, 10000]),
        (("1\u202f234,5", "12\u00a0000,1", "−3,5"), ",", " ", "", [1234.5, 12000.1, -3.5]),
        (("1\u2019234.50 CHF", "10\u2019000 CHF"), ".", "'", "CHF", [1234.5, 10000]),
        (("12,5\u202f%", "3\u2009%"), ",", "", "%", [12.5, 3]),
        (("1", "2", "?", ""), ".", "", "", [1, 2, np.nan, np.nan]),
        (("+4", "-5", "6"), ".", "", "", [4, -5, 6]),
        (("\u22124", "5", "-6"), ".", "", "", [-4, 5, -6]),
        (("(1,234.50)", "2.00"), ".", ",", "", [-1234.5, 2]),
        (("-$1,234.50", "$2.00", "($3.00)"), ".", ",", "$", [-1234.5, 2, -3]),
        (("$(5.00)", "$4.00"), ".", "", "$", [-5, 4]),
        (("(1\u00a0003,5) €", "2,5 €", "-€ 3,0"), ",", " ", "€", [-1003.5, 2.5, -3]),
        (("1\u202f234,50", "12\u2009345,00"), ",", " ", "", [1234.5, 12345]),
        (("1\u2019234.50", "12\u2019345"), ".", "'", "", [1234.5, 12345]),
    ],
)
def test_numbers_as_people_write_them(texts, decimal, thousands, unit, values):
    found = decided(*texts)
    assert replace(found.format, missing=()) == Format("number", decimal, thousands, unit)
    read, odd = found.format.read(pa.array(texts))
    np.testing.assert_array_equal(read, values)
    assert not odd.any()


@pytest.mark.parametrize("written", ["{}", "-{}", "{} €", "$ {}"])
def test_a_point_that_sets_off_thousands_is_known_by_the_numbers_without_one(written):
    numbers = np.random.default_rng(0).integers(0, 20_000, 500)
    texts = [written.format(f"{one:,}".replace(",", ".")) for one in numbers]
    found = decided(*texts)
    assert (found.format.decimal, found.format.thousands) == (",", ".")
    np.testing.assert_array_equal(found.format.read(pa.array(texts))[0], -numbers if "-" in written else numbers)
    assert found.other == Format("number", unit=found.format.unit)


@pytest.mark.parametrize(
    "texts",
    [
        [f"{one / 1000:.3f}" for one in range(20_000, 20_050)],
        [str(one / 1000) for one in range(20_000, 21_000)],
        ["1.125", "1.250", "1.375", "1.625", "2", "3"],
        [*(f"{one}.125" for one in range(1, 9)), "1999"],
        [*(f"{one}.125" for one in range(0, 9)), "5"],
    ],
)
def test_a_point_before_decimals_stays_one(texts):
    assert decided(*texts).format == Format("number")


@pytest.mark.parametrize(
    ("texts", "pattern", "first"),
    [
        (("Jan 2021", "Feb 2021"), "%b %Y", "2021-01-01"),
        (("January 2021", "May 2021"), "%B %Y", "2021-01-01"),
        (("Q3 2021", "2021-Q4"), "quarter", "2021-07-01"),
        (("2021-W5", "2021-W11"), "week", "2021-02-01"),
        (("31/12/21", "1/1/22"), "%d/%m/%y", "2021-12-31"),
        (("1/14/2021 9:05 PM", "1/5/2021 9:05 AM"), "%m/%d/%Y %I:%M %p", "2021-01-14 21:05"),
        (("12.05.2021", "13.05.2021"), "%d.%m.%Y", "2021-05-12"),
        (("2021-02-03T10:00:00+02:00", "2021-02-03"), "ISO8601", "2021-02-03 08:00"),
        (("2021-02", "2021-03"), "%Y-%m", "2021-02-01"),
        (("05-SEP-19", "1-Oct-19"), "%d-%b-%y", "2019-09-05"),
        (("Sep-19", "Oct-19"), "%b-%y", "2019-09-01"),
        (("2019.09.05", "2019.10.01"), "%Y.%m.%d", "2019-09-05"),
        (("2019-09-05 16:52:44+02", "2019-09-06 01:00:00.5+02"), "ISO8601", "2019-09-05 14:52:44"),
        (("2019-09-05 16:52:44.25 UTC", "2019-09-06 01:00:00 UTC"), "ISO8601", "2019-09-05 16:52:44.25"),
        (
            ("Thu, 05 Sep 2019 16:52:44 GMT", "Fri, 06 Sep 2019 01:00:00 GMT"),
            "%a, %d %b %Y %H:%M:%S",
            "2019-09-05 16:52:44",
        ),
    ],
)
def test_dates_periods_and_clocks(texts, pattern, first):
    found = decided(*texts)
    assert found.format == Format("date", dates=pattern)
    assert pd.Timestamp(found.format.read(pa.array(texts))[0][0]) == pd.Timestamp(first)


def test_dates_with_and_without_a_clock_are_text_since_no_pattern_reads_nearly_all():
    days = [f"{day:02}/02/2020" for day in range(1, 29)]
    assert decided(*days, *[f"{day} 10:00" for day in days]).format == Format("text")


def test_one_odd_cell_does_not_decide_for_a_column():
    found = decided(*THOUSAND, "#DIV/0!")
    assert found.format == Format("number")
    assert found.odd == {"#DIV/0!": 1}
    assert found.format.read(pa.array(["#DIV/0!", "<5", "300.5*"]))[1].all()


def test_too_many_odd_cells_make_a_column_text():
    assert decided(*THOUSAND, *[f"about {place}" for place in range(100)]).format.kind == "text"


@pytest.mark.parametrize("share", [0.06, 0.2, 0.49])
@pytest.mark.parametrize(("mark", "cells", "kind"), [("k.A.", THOUSAND, "number"), ("offen", None, "date")])
def test_a_word_that_marks_what_is_missing_does_not_make_numbers_or_dates_text(share, mark, cells, kind):
    cells = cells or [f"{day:%d.%m.%Y}" for day in pd.date_range("2001-01-01", periods=1199)]
    marked = round(share / (1 - share) * len(cells))
    found = decided(*cells, *[mark] * marked)
    assert (found.format.kind, found.format.missing, found.odd) == (kind, (mark,), {})
    assert pd.isna(found.format.read(pa.array([mark, cells[0]]))[0]).tolist() == [True, False]
    (note,) = found.about("lab", len(cells) + marked)
    assert (note.code, mark in note.message) == ("DATA-MISSING-MARKS", True)


@pytest.mark.parametrize(
    "texts",
    [
        [*THOUSAND, *["a", "b", "c", "d"] * 40],  # too many words
        [*THOUSAND[:99], *["n.d."] * 100],  # most are no numbers
        ["1", "2", "3", "4", "5", "n.d."] * 20,  # grades
        [*(f"{place:05}" for place in range(1, 99)), *["abroad"] * 9],  # codes
    ],
)
def test_words_among_labels_are_labels(texts):
    assert decided(*texts).format.kind == "text"


def test_what_is_mostly_numbers_and_kept_as_text_is_said():
    found = decided(*THOUSAND, *[f"<{place / 10}" for place in range(300)])
    assert found.format == Format("text")
    (note,) = found.about("lab", 1499)
    assert (note.code, "not all of its cells are numbers: 300 of 1,499" in note.message) == ("DATA-CODES", True)


def test_hours_beyond_a_day_are_durations():
    assert decided("27:12:00", "01:30:00").format == Format("duration")
    assert decided("23:12:00", "01:30:00").format == Format("text")


@pytest.mark.parametrize(("texts", "odd", "kind"), [("12345", "Total", "numbers"), (["2021-01-31"], "start", "dates")])
def test_a_few_values_with_an_odd_cell_among_them_are_text_and_the_cell_is_named(texts, odd, kind):
    found = decided(*texts * 40, "", odd)
    assert found.format == Format("text")
    assert dict(found.odd) == {odd: 1}
    (note,) = found.about("stars", len(texts) * 40 + 2)
    assert (note.code, note.severity) == ("DATA-CODES", "low")
    assert f"not all of its cells are {kind}" in note.message
    assert repr(odd) in note.message


def test_days_that_are_all_the_first_of_a_month_are_likelier_than_months_that_are_all_january():
    found = decided("01/05/2020", "01/07/2020")
    assert (found.format.dates, found.other.dates) == ("%d/%m/%Y", "%m/%d/%Y")


def test_two_readings_are_settled_by_the_other_columns():
    unsure = pa.array(["03/04/2021", "05/06/2021"])
    assert decide_formats({"a": unsure})["a"].other.dates == "%d/%m/%Y"
    settled = decide_formats({"a": unsure, "b": pa.array(["31/12/2021"])})["a"]
    assert (settled.format.dates, settled.other) == ("%d/%m/%Y", None)
    assert decide_formats({"a": unsure}, Schema(dates="%d/%m/%Y"))["a"].format.dates == "%d/%m/%Y"
    km = pa.array(["124.802", "9.150"])
    assert decide_formats({"km": km})["km"].format == Format("number")
    assert decide_formats({"km": km, "price": pa.array(["302,17"])})["km"].format == Format("number", ",", ".")
    assert decide_formats({"km": km}, Schema(decimal=","))["km"].format == Format("number", ",", ".")
    assert decide_formats({"n": pa.array(["1,234", "999"])})["n"].other == Format("number", ",")


def test_a_frequent_label_that_looks_like_a_missing_mark_is_kept():
    assert decided("None", "Low", "High", "None", "Low").format.labels == ("None",)
    assert decided("NA", "DE", "US", "FR").format.labels == ("NA",)
    assert decided("NA", *["north", "south"] * 50).format.labels == ()
    read, _ = Format("text", labels=("None",)).read(pa.array(["None", "Low", "", "NA"]))
    assert read.tolist() == ["None", "Low", None, None]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["007", "12", "1.5", "1,5", "1.234", "?", "", "Jan 2021", "03/04/2021", "31/12/2021", "x"]),
        min_size=1,
        max_size=30,
    ),
    st.randoms(),
)
def test_the_order_of_rows_never_matters(texts, random):
    shuffled = random.sample(texts, len(texts))
    assert decided(*texts) == decided(*shuffled)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_numbers_that_python_writes_come_back_exactly(values):
    texts = pa.array([repr(value) for value in values])
    found = decide_format(texts)
    assert found.format.read(texts)[0].tolist() == values if found.format.kind == "number" else len(values) <= 30
