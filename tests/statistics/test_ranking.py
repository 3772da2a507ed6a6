"""Quartiles and distinct values of many numbers, against NumPy, which puts all of them in order."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from toolkit.statistics import quartiles, value_counts
from toolkit.statistics.ranking import MANY, ROW, _cells_of

DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "even": lambda rng, n: rng.random(n),
    "skewed": lambda rng, n: rng.lognormal(0, 3, n),
    "far out": lambda rng, n: np.append(rng.normal(size=n), [-1e100, 1e100]),
    "rounded": lambda rng, n: rng.normal(size=n).round(3),
    "few values": lambda rng, n: rng.integers(-2, 3, n).astype(float),
    "a lump": lambda rng, n: np.concatenate([rng.normal(size=n), np.zeros(n // 3)]),
    "in order": lambda rng, n: np.sort(rng.gamma(2, size=n)),
    "in reverse": lambda rng, n: -np.sort(rng.gamma(2, size=n)),
    "tiny": lambda rng, n: rng.random(n) * 1e-300,
    "both zeros": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, -0.0),
}


@pytest.mark.parametrize("rows", [1, 2, MANY - 1, MANY, 100_003])
@pytest.mark.parametrize("kind", DRAWS)
def test_are_those_of_numpy(kind, rows):
    numbers = DRAWS[kind](np.random.default_rng(rows), rows)
    given = numbers.copy()
    for found, expected in zip(value_counts(numbers), np.unique(numbers, return_counts=True), strict=True):
        np.testing.assert_array_equal(found, expected)
    expected = np.quantile(numbers, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quartiles(numbers), expected, rtol=1e-12, atol=1e-12 * abs(expected).max())
    np.testing.assert_array_equal(numbers, given)


@pytest.mark.parametrize("kind", ["normal", "few values", "close"])
def test_weights_are_summed_for_each_value(kind):
    rng = np.random.default_rng(1)
    numbers = rng.integers(-20, 90, 50_000) if kind == "close" else DRAWS[kind](rng, 50_000).round(1)
    weights = rng.gamma(2, size=50_000)
    values, sums = value_counts(numbers, weights)
    assert values.tolist() == np.unique(numbers).tolist()
    np.testing.assert_allclose(sums, [weights[numbers == value].sum() for value in values], rtol=1e-12)
    np.testing.assert_array_equal(value_counts(numbers)[1], np.unique(numbers, return_counts=True)[1])


def test_nothing_has_no_values():
    assert [found.tolist() for found in value_counts(np.array([]))] == [[], []]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(MANY, 3 * MANY), st.integers(1, ROW), st.integers(1, ROW))
def test_numbers_that_lie_in_lumps_of_any_size_are_sorted(seed, rows, lump, apart):
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(np.arange(rows) // lump * apart + rng.random(rows))
    for found, expected in zip(value_counts(numbers), np.unique(numbers, return_counts=True), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("kind", "way"), [("normal", "float64"), ("even", "float64"), ("skewed", "int64")])
def test_smooth_numbers_are_dealt_out(kind, way):
    smooth = DRAWS[kind](np.random.default_rng(0), 500_000)
    assert np.bincount(_cells_of(smooth.view(way))).max() <= ROW // 2


def test_large_whole_numbers_are_told_apart():
    assert value_counts(np.array([2**63 - 1, -(2**63), 2**63 - 2] * MANY))[0].tolist() == [
        -(2**63),
        2**63 - 2,
        2**63 - 1,
    ]
