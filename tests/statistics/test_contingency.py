"""Counts of two tables: what rows that belong together tell, against the definitions."""

import numpy as np
import pytest

from toolkit.statistics.contingency import design_effect


def clustered(seed, levels=2):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(60), rng.integers(1, 12, 60)))
    own = rng.integers(0, levels, 60)[groups]
    return np.where(rng.random(len(groups)) < 0.6, own, rng.integers(0, levels, len(groups))), groups


def ratio_effect(hits, groups):
    """Return the variance of a share by the ratio estimator over that of as many independent rows."""
    n, share, count = len(hits), hits.mean(), len(np.unique(groups))
    sums = [(hits[groups == group] - share).sum() for group in np.unique(groups)]
    return count / (count - 1) * np.square(sums).sum() / n**2 / (share * (1 - share) / n)


@pytest.mark.parametrize("seed", range(3))
def test_the_design_effect_of_a_share_is_that_of_the_ratio_estimator(seed):
    codes, groups = clustered(seed)
    assert design_effect(codes, groups) == pytest.approx(ratio_effect(codes, groups), rel=1e-9)


def test_the_design_effect_of_labels_is_the_average_over_them():
    codes, groups = clustered(0, levels=4)
    shares = np.bincount(codes) / len(codes)
    expected = sum((1 - shares[k]) * ratio_effect((codes == k) * 1, groups) for k in range(4)) / 3
    assert design_effect(codes, groups) == pytest.approx(expected, rel=1e-9)
    far = codes.astype("int64") * 1_000_003
    assert design_effect(far, groups) == pytest.approx(expected, rel=1e-9)


def test_values_that_alternate_within_groups_count_for_no_more_rows_than_there_are():
    groups = np.repeat(np.arange(50), 2)
    assert design_effect(np.tile([0, 1], 50), groups) == 1.0
    assert design_effect(np.arange(100) % 2, np.arange(100)) == pytest.approx(100 / 99)
    assert design_effect(np.zeros(100, dtype=int), groups) == 2.0
