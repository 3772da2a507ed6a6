import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit

from toolkit.statistics.calibration import fit_logistic


@pytest.mark.parametrize("soft", [False, True])
def test_coefficients_and_their_covariance_are_those_of_statsmodels(soft):
    rng = np.random.default_rng(3)
    terms = np.column_stack([np.ones(400), rng.normal(size=(400, 3)) * [1, 20, 0.01]])
    chance = expit(terms @ [-1.0, 0.7, -0.1, 30.0])
    y_true = chance * 0.9 + 0.05 if soft else (rng.random(400) < chance).astype(float)
    beta, information = fit_logistic(terms, y_true)
    reference = sm.GLM(y_true, terms, family=sm.families.Binomial()).fit(tol=1e-14, maxiter=200)
    np.testing.assert_allclose(beta, reference.params, rtol=1e-7)
    np.testing.assert_allclose(np.linalg.inv(information), reference.cov_params(), rtol=1e-5)


def test_classes_told_apart_perfectly_have_no_coefficients():
    x = np.arange(-10.0, 10.0) + 0.5
    assert np.isnan(fit_logistic(np.column_stack([np.ones(20), x]), (x > 0).astype(float))[0]).all()
    assert np.isnan(fit_logistic(np.ones((20, 1)), np.ones(20))[0]).all()


def test_terms_that_depend_on_each_other_share_one_effect():
    rng = np.random.default_rng(4)
    x = rng.normal(size=300)
    y_true = (rng.random(300) < expit(x)).astype(float)
    alone = fit_logistic(np.column_stack([np.ones(300), x]), y_true)[0]
    doubled = fit_logistic(np.column_stack([np.ones(300), x, x]), y_true)[0]
    assert doubled == pytest.approx([alone[0], alone[1] / 2, alone[1] / 2], abs=1e-6)
