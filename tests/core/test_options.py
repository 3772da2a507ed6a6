import math

import numpy as np
import pytest

from toolkit.errors import InputError, above, column_of, one_of, share, whole


def test_what_fits_is_returned_as_a_plain_value():
    assert type(whole("rows", np.int64(5), 1)) is int
    assert type(share("alpha", np.float32(0.5))) is float
    assert (above("seconds", math.inf), share("size", 0, zero=True)) == (math.inf, 0.0)
    assert (column_of(1994, [1994, "age"], "people"), one_of("method", "ks", ["ks"])) == ("1994", "ks")


@pytest.mark.parametrize("given", [0, 6, 2.0, "2", True, None, math.nan])
def test_whole_numbers_are_whole_and_within_bounds(given):
    with pytest.raises(InputError, match=r"^depth must be a whole number from 1 to 5; found .+\.$"):
        whole("depth", given, 1, 5)
    with pytest.raises(InputError, match=r"^rows must be a whole number of at least 1,000; found .+\.$"):
        whole("rows", given, 1000)


@pytest.mark.parametrize("given", [0, 1, 1.5, "0.5", True, None, math.nan, math.inf])
def test_shares_lie_between_nothing_and_all(given):
    with pytest.raises(InputError, match=r"^alpha must be a share between 0 and 1, such as 0\.2; found .+\.$"):
        share("alpha", given)


@pytest.mark.parametrize("given", [0, -1, "0.5", True, None, math.nan])
def test_numbers_lie_above_their_bound(given):
    with pytest.raises(InputError, match=r"^precision must be a number above 0; found .+\.$"):
        above("precision", given)


def test_slips_are_pointed_out():
    with pytest.raises(InputError, match=r"^There is no method 'kss'\. Did you mean 'ks'\? Known: ks, z\.$"):
        one_of("method", "kss", ["ks", "z"])
    with pytest.raises(InputError, match=r"^There is no method \['ks'\]\. Known: ks, z\.$"):
        one_of("method", ["ks"], ["ks", "z"])
    with pytest.raises(InputError, match=r"^Time column 'yaer' is not in t\. Did you mean 'year'\? Columns: year\.$"):
        column_of("yaer", ["year"], "t", "time")
    with pytest.raises(InputError, match=r"^Column 'x' is not in the table\. Columns: year\.$"):
        column_of("x", ["year"])
