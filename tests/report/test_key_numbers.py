"""The key numbers of results.json, in words and drawn."""

import math
import re

import pytest
from hypothesis import given, settings, strategies as st

from toolkit.core.estimate import Estimate, KeyNumber
from toolkit.report.summary import difference_html, direction_words, draw_interval, draw_series, sentence


def test_a_sentence_says_the_number_its_interval_and_the_baseline():
    numbers = Estimate(0.9, 0.88, 0.92), Estimate(0.5), Estimate(0.4, 0.38, 0.42)
    number = KeyNumber("test.roc_auc", "ROC AUC", numbers[0], "test part", "baseline", *numbers[1:])
    assert sentence(number) == (
        "ROC AUC on the test part is 0.900 (95% interval 0.880 to 0.920); the baseline has 0.500."
    )
    assert difference_html(number).striptags() == "+0.400 [0.380, 0.420]"


def test_a_difference_that_could_be_zero_is_said():
    difference = Estimate(0.01, -0.02, 0.04)
    number = KeyNumber("test.f1", "F1", Estimate(0.5), "", "baseline", Estimate(0.49), difference)
    assert sentence(number).endswith("The difference between them could be zero.")


@pytest.mark.parametrize(
    ("name", "difference", "word"),
    [
        ("roc_auc", Estimate(0.4, 0.3, 0.5), "better"),
        ("roc_auc", Estimate(-0.4, -0.5, -0.3), "worse"),
        ("log_loss", Estimate(-0.4, -0.5, -0.3), "better"),
        ("f1", Estimate(0.01, -0.02, 0.04), "no clear difference"),
        ("calibration_slope", Estimate(0.4, 0.3, 0.5), ""),
        ("accuracy", Estimate(0.4), ""),
    ],
)
def test_a_difference_is_for_better_or_worse(name, difference, word):
    assert direction_words(KeyNumber(name, name, Estimate(0.5), difference=difference)) == word


def test_what_is_missing_is_not_defined():
    number = KeyNumber("f1", "", Estimate(math.nan))
    assert sentence(number) == "f1 is not defined."
    assert (difference_html(number), draw_interval(number.value, number.other.value)) == ("–", "")


@pytest.mark.parametrize(
    ("estimate", "baseline", "left", "right"),
    [
        (Estimate(0.9, 0.8, 0.95), 0.5, "0", "1"),
        (Estimate(43.2, 40, 46), 66.0, "0", "100"),
        (Estimate(1.021, 0.98, 1.06), math.nan, "0", "2"),
        (Estimate(0.4, 0.3, 0.5), -0.01, "−0.01", "0.5"),
        (Estimate(-3, -4, -2), math.nan, "−5", "0"),
        (Estimate(1000.0), 10.0, "0", "1,000"),
        (Estimate(0.0, 0.0, 0.0), 0.0, "0", "1"),
        (Estimate(0.03, 0.02, 0.04), 0.1, "0", "0.1"),
    ],
)
def test_the_scale_ends_at_round_numbers_that_hold_everything(estimate, baseline, left, right):
    assert re.findall(r"<span>([^<]*)</span>", draw_interval(estimate, baseline)) == [left, right]


@settings(deadline=None)
@given(*[st.floats(allow_nan=True, allow_infinity=True)] * 4)
def test_nothing_is_drawn_outside_the_picture(value, low, high, baseline):
    drawing = draw_interval(Estimate(value, low, high), baseline)
    assert (drawing == "") == (not math.isfinite(value))
    for number in re.findall(r'(?:cx="|[MH])(-?[\d.]+)', drawing):
        assert 4 <= float(number) <= 116


def test_a_series_marks_its_run_and_grows_upwards():
    drawing = draw_series([Estimate(0.5, 0.4, 0.6), Estimate(math.nan), Estimate(0.7), Estimate(0.9)], 2)
    dots = [tuple(map(float, dot)) for dot in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', drawing)]
    assert [radius for *_, radius in dots] == [1.6, 4.0, 1.6]
    assert [across for across, *_ in dots] == [6, 50, 94]
    assert dots[0][1] > dots[1][1] > dots[2][1]
    assert drawing.count("iv-range") == 1


@pytest.mark.parametrize("values", [[], [0.5], [0.5, math.nan], [math.inf, 1.0]])
def test_fewer_than_two_numbers_are_no_series(values):
    assert draw_series([Estimate(value) for value in values], 0) == ""


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 3), max_size=6))
def test_a_series_stays_in_its_picture(numbers):
    drawing = draw_series([Estimate(*number) for number in numbers], 0)
    for place in re.findall(r'c[xy]="(-?[\d.]+|nan|inf)"', drawing):
        assert 0 <= float(place) <= 100
