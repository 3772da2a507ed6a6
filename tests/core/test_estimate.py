import json
import math
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given, strategies as st

from toolkit.core.estimate import Estimate, format_number


def test_an_estimate_writes_itself():
    assert str(Estimate(0.95, 0.94, 0.96, 100)) == "0.950 [0.940, 0.960]"
    assert str(Estimate(-0.5, -0.75, 0.25, 100)) == "−0.500 [−0.750, 0.250]"
    assert str(Estimate(107_679, n=107_679)) == "107,679"
    assert str(Estimate(math.nan)) == "not defined"
    assert not Estimate(1.0, 0.5).has_interval


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(3.2e-6, -0.002, 0.002), "0.000 [−0.002, 0.002]"),
        (Estimate(-3.2e-6, -0.002, 0.002), "0.000 [−0.002, 0.002]"),
        (Estimate(0.95341, 0.95316, 0.95368), "0.9534 [0.9532, 0.9537]"),
        (Estimate(0.00012, 0.0001, 0.00014), "0.00012 [0.00010, 0.00014]"),
        (Estimate(0.0, 0.0, 0.0), "0.000 [0.000, 0.000]"),
        (Estimate(0.95, 0.95 - 1e-12, 0.95 + 1e-12), "0.950 [0.950, 0.950]"),
        (Estimate(43.21, 40.08, 46.2), "43.21 [40.08, 46.20]"),
        (Estimate(-1234.5, -1300.0, 40.5), "−1,234 [−1,300, 40]"),
        (Estimate(1234.5, 1234.2, 1234.9), "1,234.5 [1,234.2, 1,234.9]"),
        (Estimate(1e20, 9e19, 2e20), "1e+20 [9e+19, 2e+20]"),
        (Estimate(9.4892e13, 8.7291e13, 1.03155e14), "9.489e+13 [8.729e+13, 1.032e+14]"),
        (Estimate(9.4892e11, 8.7291e11, 9.9e11), "948,920,000,000 [872,910,000,000, 990,000,000,000]"),
        (Estimate(9.4892e-11, 8.7291e-11, 1.03155e-10), "9.49e-11 [8.73e-11, 1.03e-10]"),
        (Estimate(-2e-9, -3e-9, -1e-9), "−2e-09 [−3e-09, −1e-09]"),
        (Estimate(1e-17, -3e-17, 5e-17), "0.000 [0.000, 0.000]"),
        (Estimate(0.5, -math.inf, 0.7), "0.500 [−∞, 0.700]"),
        (Estimate(math.inf, 0.5, math.inf), "∞ [0.500, ∞]"),
    ],
)
def test_the_digits_of_an_estimate_follow_its_interval(estimate, text):
    assert str(estimate) == text


@given(*[st.floats(allow_nan=False)] * 3)
def test_every_estimate_can_be_written(value, low, high):
    assert "-" not in str(Estimate(value, *sorted((low, high)))).replace("e-", "")


def test_an_estimate_cannot_be_changed_and_goes_into_json():
    found = Estimate(0.5, 0.4, 0.6, 10, "Wilson")
    with pytest.raises(FrozenInstanceError):
        found.value = 0.6
    assert json.loads(json.dumps(asdict(found))) == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "method": "Wilson"}


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_can_be_written(value):
    text = format_number(value)
    assert text
    assert "e+" not in text or abs(value) >= 1e12
    assert not text.startswith("-")
