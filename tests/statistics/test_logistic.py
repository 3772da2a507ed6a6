import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import expit

from toolkit.statistics.calibration import fit_firth, fit_logistic


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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_the_penalized_likelihood_is_greatest_also_where_classes_are_told_apart(apart, weighted):
    rng = np.random.default_rng(5)
    x = rng.normal(size=40)
    terms = np.column_stack([np.ones(40), x, rng.normal(size=40)])
    y_true = (x > 0 if apart else rng.random(40) < expit(x)).astype(float)
    weights = rng.gamma(2, 0.5, 40) if weighted else np.ones(40)

    def penalized(beta):
        eta, chance = terms @ beta, expit(terms @ beta)
        information = terms.T @ (terms * (weights * chance * (1 - chance))[:, None])
        return -(weights * (y_true * eta - np.logaddexp(0, eta))).sum() - np.linalg.slogdet(information)[1] / 2

    beta, _, gap = fit_firth(terms, y_true, weights if weighted else None)
    np.testing.assert_allclose(beta, minimize(penalized, np.zeros(3), options={"gtol": 1e-9}).x, rtol=1e-4)
    np.testing.assert_allclose(terms.T @ gap, 0, atol=1e-9)


def test_a_row_that_weighs_nothing_is_not_there():
    rng = np.random.default_rng(6)
    terms, y_true = np.column_stack([np.ones(30), rng.normal(size=30)]), (rng.random(30) < 0.4).astype(float)
    weights = np.array([0.0] * 5 + [1.0] * 25)
    np.testing.assert_allclose(fit_firth(terms, y_true, weights)[0], fit_firth(terms[5:], y_true[5:])[0], rtol=1e-5)


def test_few_rows_do_not_bias_the_slope():
    rng, slopes = np.random.default_rng(7), []
    for _ in range(400):
        terms = np.column_stack([np.ones(60), rng.normal(size=60)])
        y_true = (rng.random(60) < expit(terms @ [0.0, 2.0])).astype(float)
        slopes.append((fit_firth(terms, y_true)[0][1], fit_logistic(terms, y_true)[0][1]))
    firth, usual = np.mean(slopes, axis=0)
    assert abs(firth - 2) < 0.1 < usual - 2
