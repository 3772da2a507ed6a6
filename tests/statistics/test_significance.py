import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from toolkit.statistics.significance import benjamini_hochberg, holm

METHODS = [(holm, "holm"), (benjamini_hochberg, "fdr_bh")]


@pytest.mark.parametrize(("adjust", "name"), METHODS)
@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_adjusting_agrees_with_statsmodels(adjust, name, n):
    p_values = np.round(np.random.default_rng(n).random(n) ** 4, 2)
    np.testing.assert_allclose(adjust(p_values), multipletests(p_values, method=name)[1], atol=1e-12)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_tests_that_were_not_made_stay_and_do_not_count(adjust):
    given = np.array([np.nan, 0.01, 0.2, np.nan])
    np.testing.assert_array_equal(adjust(given), [np.nan, *adjust([0.01, 0.2]), np.nan])
    assert np.isnan(given).sum() == 2
    assert len(adjust([])) == 0
    assert np.isnan(adjust([np.nan])).all()
