"""What the difference of two models on the same rows allows to say: superior, not inferior, equivalent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.statistics.direction import direction
from toolkit.statistics.intervals import Array
from toolkit.statistics.measure import Measure, difference


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference of one metric between two models that were measured on the same rows.

    Attributes
    ----------
    metric : str
    champion, challenger, difference : Estimate
        The difference is the challenger's value less the champion's.
    sign : {1, -1, 0}
        1 where more of the metric is better, -1 where less is, 0 where neither is.
    freedom : float
        Degrees of freedom of Student's t behind the interval of the difference; nan where it rests on another method.
    exact : float
        P value of a test that is exact, in place of Student's; nan where there is none.
    """

    metric: str
    champion: Estimate
    challenger: Estimate
    difference: Estimate
    sign: int
    freedom: float
    exact: float = math.nan

    @classmethod
    def of(cls, metric: str, champion: Measure, challenger: Measure, exact: float = math.nan) -> Paired:
        """Compare two measures.

        Examples
        --------
        >>> from toolkit.statistics.measure import mean
        >>> old, new = mean(np.array([1.0, 2, 3, 4])), mean(np.array([0.5, 1.0, 2.6, 3.5]))
        >>> print(Paired.of("mean_absolute_error", old, new).difference)
        −0.600 [−1.166, −0.034]
        """
        found = difference(challenger, champion)
        freedom = math.nan
        if found.has_interval and champion.pairing is not None and challenger.pairing is not None:
            units, apart = champion.units, challenger.pairing - champion.pairing
            freedom = units.freedom(apart) if units else found.n - 1
        sign = {"higher": 1, "lower": -1, "": 0}[direction(metric)]
        return cls(metric, champion.estimate, challenger.estimate, found, sign, freedom, exact)

    @property
    def gain(self) -> Estimate:
        """The difference, turned so that more is better."""
        found = self.difference
        return found if self.sign > 0 else Estimate(-found.value, -found.high, -found.low, found.n, found.method)

    def at_most(self, gain: float) -> float:
        """Return the p value of the hypothesis that the challenger's gain is at most this (one-sided, Student's t)."""
        found = self.gain
        half = max(found.high - found.value, found.value - found.low)
        if not (self.freedom > 0 and half > 0):
            return math.nan
        error = half / float(stats.t.ppf(0.975, self.freedom))
        return float(stats.t.sf((found.value - gain) / error, self.freedom))

    @property
    def p_value(self) -> float:
        """Of no difference, two-sided."""
        below = self.at_most(0.0)
        return 2 * min(below, 1 - below) if math.isnan(self.exact) else self.exact

    @property
    def better(self) -> float:
        """The probability that the challenger is better: the posterior under a flat prior on the difference."""
        return 1 - self.at_most(0.0) if self.sign else math.nan

    def p_not_inferior(self, margin: float) -> float:
        """Of a challenger that is worse by the margin or more (one-sided)."""
        return self.at_most(-margin)

    def p_equivalent(self, margin: float) -> float:
        """Of two that differ by the margin or more: two one-sided tests (Schuirmann 1987, doi:10.1007/BF01068419)."""
        return float(np.fmax(self.at_most(-margin), 1 - self.at_most(margin)))


def mcnemar(champion_right: Array, challenger_right: Array) -> float:
    """Return the exact p value of two models that are right equally often (McNemar 1947, doi:10.1007/BF02295996).

    Parameters
    ----------
    champion_right, challenger_right : arrays of shape (n,)
        1 for each row that is predicted correctly, else 0.

    Examples
    --------
    >>> round(mcnemar(np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([0, 1, 1, 1, 1, 1, 1, 1])), 4)
    0.2188
    """
    fixed = int(((challenger_right == 1) & (champion_right == 0)).sum())
    broken = int(((challenger_right == 0) & (champion_right == 1)).sum())
    return float(stats.binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0
