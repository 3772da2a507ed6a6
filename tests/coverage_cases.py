"""Made-up worlds whose true metrics are known, for the tests that simulate how often intervals hold the truth."""

import numpy as np
from scipy.special import expit

from toolkit.statistics.measure import difference


def draw_binary(rng, n, rate, slope=1.3):
    """Draw truth and the probabilities of two models: one calibrated, one that sees less and is too sure."""
    y = (rng.random(n) < rate).astype(float)
    seen = rng.standard_normal(n) + 1.5 * y
    blurred = seen + 0.7 * rng.standard_normal(n)
    base, spread = np.log(rate / (1 - rate)), 1 + 0.7**2
    first = expit(1.5 * seen - 1.5**2 / 2 + base)
    return y, first, expit(slope * (1.5 * blurred - 1.5**2 / 2) / spread + base)


def draw_multiclass(rng, n, rates):
    """Draw truth and the probabilities of two models over three classes."""
    rates = np.asarray(rates)
    y = rng.choice(len(rates), n, p=rates)
    signal = np.log(rates) + 0.8 * rng.standard_normal((n, len(rates)))
    signal[np.arange(n), y] += 1.6
    blurred = signal + 0.6 * rng.standard_normal(signal.shape)
    return y, *(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in (signal, blurred))


def draw_regression(rng, n, heavy):
    """Draw truth and two predictions; the noise is normal or, ``heavy``, Student's t with 5 degrees of freedom."""
    x = rng.standard_normal(n)
    y = 30 + x + (rng.standard_t(5, n) if heavy else rng.standard_normal(n))
    return y, 30 + x, 30.2 + 0.8 * x + 0.3 * rng.standard_normal(n)


def coverage(draw, measure, *, n, replicates, seed=1, skip=(), known=None):
    """Return by metric the shares of intervals that hold the truth: of the two models and of their difference."""
    y, first, second = draw(np.random.default_rng(99), 1_000_000)
    truth = [{name: found.estimate.value for name, found in measure(y, s).items()} for s in (first, second)]
    truth[0] |= known or {}
    rng = np.random.default_rng(seed)
    held = {}
    for _ in range(replicates):
        y, first, second = draw(rng, n)
        a, b = measure(y, first), measure(y, second)
        for name in a:
            cases = (
                (a[name].estimate, truth[0][name]),
                (b[name].estimate, truth[1][name]),
                (difference(a[name], b[name]), truth[0][name] - truth[1][name]),
            )
            for place, (found, true) in enumerate(cases):
                if name not in skip and found.has_interval:
                    held.setdefault((name, ["first", "second", "difference"][place]), []).append(
                        found.low <= true <= found.high
                    )
    return {key: float(np.mean(values)) for key, values in held.items()}
