import math
import re

import pandas as pd
import pytest

from toolkit.core.estimate import Estimate, format_number, spread
from toolkit.core.face import Face, FaceTable, cell_html, cell_text, result_html, table_html
from toolkit.core.result import Finding, Result, by_severity, if_applicable
from toolkit.errors import InputError, NotApplicableError

HOSTILE = '<script>alert("1")</script>'


def test_severity_orders_and_equal_findings_keep_their_order():
    findings = [Finding("A", "low", "a"), Finding("B", "critical", "b"), Finding("C", "low", "c")]
    assert [finding.code for finding in by_severity(findings)] == ["B", "A", "C"]


def test_all_text_is_escaped():
    frame = pd.DataFrame({HOSTILE: [HOSTILE], "n": [1.0]})
    html = result_html(HOSTILE, HOSTILE, [table_html(frame, HOSTILE)], [Finding(HOSTILE, "low", HOSTILE, HOSTILE)])
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 7


def test_tables_have_scoped_headers_and_say_what_they_leave_out():
    html = table_html(pd.DataFrame({"name": range(100), "value": range(100)}), "Numbers", most=60)
    assert html.count('<th scope="row">') == 60
    assert html.count('<th scope="col"') == 2
    assert "Numbers (first 60 of 100 rows)" in html


def test_small_p_values_are_said_to_be_small_and_names_of_metrics_are_words():
    frame = pd.DataFrame({"metric": ["roc_auc", None], "p_adjusted": [4e-5, 0.0361], "other_name": [4e-5, 1.0]})
    html = table_html(frame, "x")
    assert html.count("<td") == html.count('<td class="tk-number"') == 4
    for text in ("ROC AUC", "&lt;0.001", "0.036", "0.000040", "adjusted p", "other name"):
        assert f">{text}<" in html


def test_a_column_with_nothing_in_it_is_not_shown_and_stays_in_the_csv():
    frame = pd.DataFrame({"group": ["a", "b"], "class": ["", ""], "share": [0.5, 0.25], "why": ["", "few"]})
    html = table_html(frame, "x")
    assert re.findall("<th scope=.col[^>]*>(.*?)<", html) == ["group", "share", "why"]
    assert "group,class,share,why" in html
    assert "<th" in table_html(frame.head(0), "x")


def test_no_findings_no_list():
    assert "<ul" not in result_html("title")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (107679, "107,679"),
        (0.0, "0.000"),
        (1.0, "1.000"),
        (-0.25, "−0.250"),
        (0.00012, "0.00012"),
        (1234.5, "1,234"),
        (999_999_999_999.0, "999,999,999,999"),
        (1e12, "1e+12"),
        (10**12, "1,000,000,000,000"),
        (5.9e-7, "5.9e-07"),
        (-2.2e-16, "0.000"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_read_well(value, text):
    assert format_number(value) == text


def test_cells():
    values = (None, pd.NA, pd.NaT, True, "a&b")
    assert [cell_text(value) for value in values] == ["–", "–", "–", "yes", "a&b"]
    assert [cell_html(value) for value in values] == ["–", "–", "–", "yes", "a&amp;b"]
    assert cell_text("x" * 10_000) == "x" * 199 + "…"
    assert cell_html(Estimate(0.5, 0.4, 0.6)) == '0.500 <span class="tk-ci">[0.400, 0.600]</span>'
    assert cell_html(Estimate(math.nan, 0.4, 0.6)) == "not defined"


def test_a_step_that_does_not_apply_becomes_a_result():
    def explain(model):
        raise NotApplicableError("There is no model to explain.")

    result = if_applicable(explain, None)
    assert isinstance(result, Result)
    assert result.scalars() == {}
    assert result.pictures() == {}
    assert result.findings() == [Finding("STEP-NOT-APPLICABLE", "info", "There is no model to explain.", "explain")]
    assert result.frame().to_dict("records") == [{"step": "explain", "reason": "There is no model to explain."}]
    assert "There is no model to explain." in result._repr_html_()
    with pytest.raises(InputError, match="no model to explain"):
        result.plot("bar")


def test_wrong_input_stays_an_error():
    def explain(model):
        raise InputError("No such column.")

    with pytest.raises(InputError, match="No such column"):
        if_applicable(explain, None)


def test_a_terminal_shows_the_words_of_a_face_and_its_first_table():
    tables = [
        FaceTable("Folded", pd.DataFrame({"a": [1]}), folded="Open"),
        FaceTable("Rows", pd.DataFrame({"part": [f"p{row}" for row in range(12)], "n_rows": range(12)})),
        FaceTable("Others", pd.DataFrame({"b": [1]})),
    ]
    face = Face("A & B", "1 < 2.", tables, [Finding("N-LOW", "high", f"{HOSTILE} is low.", "n")])
    lines = face.text().splitlines()
    assert lines[:4] == ["A & B", "1 < 2.", f"high N-LOW {HOSTILE} is low.", "Rows"]
    assert lines[4:7] == ["part  n rows", "p0         0", "p1         1"]
    assert lines[-1] == "… 2 more rows"
    assert len(lines) == 16


def test_a_terminal_leaves_out_columns_that_do_not_fit_and_cuts_long_texts():
    frame = pd.DataFrame({f"column {place}": ["x\ny" * 100] for place in range(5)})
    lines = FaceTable("Wide", frame).text().splitlines()
    assert lines[-1] == "… 2 more columns"
    assert len(lines) == 4
    assert all(len(line) <= 110 for line in lines)
    assert lines[2].split("  ") == ["x yx yx yx yx yx yx y… yx yx yx…"] * 3


def test_estimates_are_spread_into_columns_of_numbers():
    mixed = pd.DataFrame({"what": ["a", "b"], "x": [Estimate(0.5, 0.4, 0.6, 9), None], "y": [1, 2]}, index=[3, 4])
    tidy = spread(mixed)
    assert list(tidy) == ["what", "x", "x_low", "x_high", "x_n", "y"]
    assert list(tidy.index) == [3, 4]
    assert tidy.iloc[0].tolist() == ["a", 0.5, 0.4, 0.6, 9, 1]
    assert tidy.loc[4, ["x", "x_low", "x_high"]].isna().all()
    assert spread(pd.DataFrame({"x": []})).empty
