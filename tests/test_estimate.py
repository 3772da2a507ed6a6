import json
import math
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.estimate import Estimate, format_number


def test_an_estimate_writes_itself():
    assert str(Estimate(0.95, 0.94, 0.96, 100)) == "0.950 [0.940, 0.960]"
    assert str(Estimate(-0.5, -0.75, 0.25, 100)) == "−0.500 [−0.750, 0.250]"
    assert str(Estimate(107_679, n=107_679)) == "107,679"
    assert str(Estimate(math.nan)) == "not defined"
    assert not Estimate(1.0, 0.5).has_interval


def test_an_estimate_cannot_be_changed_and_goes_into_json():
    found = Estimate(0.5, 0.4, 0.6, 10, "Wilson")
    with pytest.raises(FrozenInstanceError):
        found.value = 0.6
    assert json.loads(json.dumps(asdict(found))) == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "method": "Wilson"}


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_can_be_written(value):
    text = format_number(value)
    assert text
    assert "e+" not in text or abs(value) >= 1e15
    assert not text.startswith("-")
