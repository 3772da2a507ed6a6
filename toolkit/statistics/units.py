"""What an independent observation is, where it is not a row: a group of rows, or the stretch of a series."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.fft import dct

from toolkit.errors import InputError
from toolkit.statistics.intervals import Array, standard_error

if TYPE_CHECKING:
    import pandas as pd

#: Groups below which an interval is a rough one, and times below which a series is too short to tell.
FEW_GROUPS, LEAST_TIMES = 15, 100


def check_weights(weight: pd.Series[Any]) -> pd.Series[Any]:
    """Return weights as ``float64``.

    Raises
    ------
    InputError
        Where one is missing, infinite, negative or no number, or all are 0.

    Examples
    --------
    >>> import pandas as pd
    >>> check_weights(pd.Series([1, 2])).tolist()
    [1.0, 2.0]
    """
    import pandas as pd

    values = pd.to_numeric(weight, errors="coerce").astype("float64")
    usable = np.isfinite(values.to_numpy()) & (values.to_numpy() >= 0)
    if not usable.all():
        bad, first = int((~usable).sum()), str(weight.iloc[int(np.argmin(usable))])
        found = f"{bad:,} of {len(values):,} rows have none such, the first {first!r}"
        raise InputError(f"Weights {str(weight.name)!r} must be numbers of 0 or more; {found}. Leave those rows out.")
    if not values.any():
        raise InputError(
            f"Weights {str(weight.name)!r} are 0 in all of {len(values):,} rows: there is nothing to count."
        )
    return values


def design_effect_of(weight: pd.Series[Any]) -> float:
    """Return Kish's design effect (1965): how many times the variance of a mean is that of rows of equal weight.

    Examples
    --------
    >>> import pandas as pd
    >>> design_effect_of(pd.Series([1.0, 1.0, 2.0]))
    1.125
    """
    values = weight.to_numpy(dtype=float)
    return len(values) * float(values @ values) / float(values.sum()) ** 2


@dataclass(frozen=True, eq=False)
class Units:
    """The independent observations that rows belong to.

    Attributes
    ----------
    codes : array of shape (n,)
        Of each row its group, or the place of its time in their order: whole numbers from 0.
    count : int
        How many groups or times there are.
    name : str
        The column they come from.
    serial : bool
        Whether they are times, of which neighbours are alike, and not groups, which are independent.
    """

    codes: NDArray[np.intp]
    count: int
    name: str
    serial: bool = False

    @classmethod
    def of(cls, group: pd.Series[Any] | None, time: pd.Series[Any] | None) -> Units | None:
        """Return the groups of rows, else their times if these are 100 or more; None where each row stands alone.

        A row without a group is a group of its own.

        Examples
        --------
        >>> import pandas as pd
        >>> Units.of(pd.Series(["a", "a", None, "b"], name="person"), None).codes.tolist()
        [0, 0, 2, 1]
        """
        if group is not None:
            codes, names = group.factorize()
            lone = codes < 0
            codes = np.where(lone, len(names) + np.cumsum(lone) - 1, codes)
            count = len(names) + int(lone.sum())
            return cls(codes, count, str(group.name)) if count < len(codes) else None
        if time is None or time.nunique() < LEAST_TIMES:
            return None
        codes, names = time.factorize(sort=True)
        return cls(codes, len(names), str(time.name), serial=True)

    def take(self, rows: NDArray[Any]) -> Units:
        """Return those of some rows, by their positions or a mask."""
        names, codes = np.unique(self.codes[rows], return_inverse=True)
        return replace(self, codes=codes, count=len(names))

    def __str__(self) -> str:
        """Name them for a reader."""
        return f"{self.count:,} {'times' if self.serial else 'groups'} of {self.name!r}"

    @property
    def independent(self) -> tuple[NDArray[np.intp], int]:
        """Return of each row what may be drawn as a whole, and how many there are: groups, or stretches of a series."""
        if not self.serial:
            return self.codes, self.count
        return self.codes * self.stretches // self.count, self.stretches

    def sums(self, influence: Array) -> Array:
        """Sum the influences of the rows of each unit, shape (count,)."""
        return np.bincount(self.codes, influence, self.count).astype(float)

    @property
    def stretches(self) -> int:
        """Into how many independent stretches a series is worth to be cut."""
        return max(int(0.4 * self.count ** (2 / 3)), 4)

    def freedom(self, influence: Array) -> float:
        """Return the degrees of freedom of a statistic's variance.

        Those of groups are of a variance that a few of them may dominate (Satterthwaite 1946, doi:10.2307/3002019):
        their number where the sums are normal, less where few hold what the statistic is about.
        """
        if self.serial:
            return float(self.stretches)
        square = self.sums(influence) ** 2
        fourth = float(square @ square)
        worth = 3 * float(square.sum()) ** 2 / fourth if fourth > 0 else 0.0
        return min(worth, float(np.count_nonzero(np.bincount(self.codes, influence != 0)))) - 1

    def quantile(self, influence: Array) -> float:
        """Return the quantile of Student's t for a 95% interval; infinite where a single group matters."""
        freedom = self.freedom(influence)
        return float(stats.t.ppf(0.975, freedom)) if freedom > 0 else math.inf

    def standard_error(self, influence: Array) -> float:
        """Return the standard error of a statistic from the influence of each row.

        Of groups by their sums (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13; for the AUC Obuchowski 1997,
        doi:10.2307/2533958). Of a series by the equal-weighted cosine estimator of its long-run variance, whose degrees
        of freedom grow with its length (Lazarus et al. 2018, doi:10.1080/07350015.2018.1506926).

        Parameters
        ----------
        influence : array of shape (n,)
            As ``intervals.standard_error`` takes it.

        Examples
        --------
        >>> apart, twice = np.array([1.0, -1.0, 2.0, -2.0]), Units(np.array([0, 0, 1, 1, 2, 2, 3, 3]), 4, "pair")
        >>> round(twice.standard_error(np.repeat(apart, 2)), 4)  # sqrt(4 / 3) times that of the four alone
        1.0801
        """
        sums = self.sums(influence)
        if self.serial:
            waves = dct(sums, norm="ortho")[1 : self.stretches + 1]
            return math.sqrt(self.count * float(waves @ waves) / self.stretches) / len(influence)
        small = math.sqrt(self.count / max(self.count - 1, 1))
        return standard_error(sums) * small * self.count / len(influence)
