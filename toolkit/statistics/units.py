"""What an observation is, where it is not a row that counts once: a group of rows, a stretch of a series, a weight."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.fft import dct

from toolkit.errors import InputError
from toolkit.statistics.intervals import AnyArray, Array, Codes, Z, standard_error, t_quantile

#: Groups below which an interval is a rough one, and times below which a series is too short to tell.
FEW_GROUPS, LEAST_TIMES = 15, 100


def check_weights(weight: pd.Series) -> pd.Series:
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
    times = getattr(weight.dtype, "kind", "") in ("M", "m")
    values = pd.to_numeric(weight.astype(str) if times else weight, errors="coerce").astype("float64")
    if not (usable := np.isfinite(values.to_numpy()) & (values.to_numpy() >= 0)).all():
        bad, first = int((~usable).sum()), str(weight.iloc[int(np.argmin(usable))])
        found = f"{bad:,} of {len(values):,} rows have none such, the first {first!r}"
        raise InputError(f"Weights {str(weight.name)!r} must be numbers of 0 or more; {found}. Leave those rows out.")
    if not values.any():
        raise InputError(f"Weights {str(weight.name)!r} are 0 in all {len(values):,} rows: there is nothing to count.")
    return values


def kish(weights: Array) -> float:
    """Return Kish's design effect (1965): how many times the variance of a mean is that of rows of equal weight.

    Examples
    --------
    >>> kish(np.array([1.0, 1.0, 2.0]))
    1.125
    """
    shares = weights / weights.sum()  # first, so that weights of any size have squares
    return len(weights) * float(shares @ shares)


def stretches_of(times: int) -> int:
    """Return into how many independent stretches a series of so many times is worth to be cut (Lazarus et al. 2018)."""
    return max(int(0.4 * times ** (2 / 3)), 4)


def weights_of(units: "Units | None", n: int) -> Array:
    """Return the weight of each of ``n`` rows: 1 where nothing else is said."""
    return np.ones(n) if units is None or units.weights is None else units.weights


def freedom_of(sums: Array, used: int | None = None) -> float:
    """Return the degrees of freedom of a variance that a few independent units may dominate.

    Those of Satterthwaite (1946, doi:10.2307/3002019): of what units add, at most their number (``used``) less one.

    Examples
    --------
    >>> freedom_of(np.array([1.0, -1.0, 1.0, -1.0])), round(freedom_of(np.array([5.0, 0.1, 0.1, 0.1])), 2)
    (3.0, 2.01)
    """
    square = sums**2
    fourth = float(square @ square)
    worth = 3 * float(square.sum()) ** 2 / fourth if fourth > 0 else 0.0
    return min(worth, float(np.count_nonzero(sums) if used is None else used)) - 1


def freed(sums: Array, totals: Array) -> Array:
    """Free what each unit adds to an error from its own pull, by its share of the total (MacKinnon et al. 2023).

    The squares are then those of the jackknife that leaves out each unit, doi:10.1002/jae.2969.
    """
    left = np.maximum(1 - totals / max(float(totals.sum()), 1e-300), 1e-9)
    return np.asarray(sums * (1 - 1 / max(int(np.count_nonzero(totals)), 1)) / left)


@dataclass(frozen=True, eq=False)
class Units:
    """The independent observations that rows belong to, and how much each row counts.

    Attributes
    ----------
    codes : array of shape (n,)
        Of each row its group, or the place of its time in their order: whole numbers from 0.
    count : int
        How many groups or times there are.
    name, weight : str
        The columns that they and their weights come from; empty where there is none.
    kind : {"group", "time", "row"}
        Of times neighbours are alike; groups are independent, and so are rows that have weights alone.
    weights : array of shape (n,) or None
        Of mean 1.
    known : mapping of str to float
        Design effects of metrics that stand in for those of a short part of a series, which cannot tell.
    """

    codes: Codes
    count: int
    name: str
    kind: Literal["group", "time", "row"] = "group"
    weights: Array | None = None
    weight: str = ""
    known: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, group: pd.Series | None, time: pd.Series | None, weight: pd.Series | None = None, least: int = LEAST_TIMES
    ) -> "Units | None":
        """Return the groups of rows, else their times if there are enough; None where each row stands alone.

        Rows without a group form one group, as they do in a split: what they have in common is not known. Each row is
        on its own where there are weights and neither.

        Examples
        --------
        >>> import pandas as pd
        >>> Units.of(pd.Series(["a", "a", None, "b"], name="person"), None).codes.tolist()
        [0, 0, 1, 2]
        >>> str(Units.of(None, None, pd.Series([1, 3], name="w")))
        "rows weighted by 'w'"
        """
        if weight is not None:
            values = check_weights(weight).to_numpy()
            known = cls.of(group, time, least=least) or cls(np.arange(len(values)), len(values), "", "row")
            return replace(known, weights=values / values.mean(), weight=str(weight.name))
        if group is not None:
            codes, names = group.factorize(use_na_sentinel=False)
            return cls(codes, len(names), str(group.name)) if len(names) < len(codes) else None
        if time is None or time.nunique() < least:
            return None
        codes, names = time.factorize(sort=True)
        return cls(codes, len(names), str(time.name), "time")

    def among(self, rows: AnyArray) -> tuple["Units", Codes]:
        """Return those of some rows, by their positions or a mask, and their places among all units."""
        seen = np.bincount(codes := self.codes[rows], minlength=self.count) > 0
        codes, places = (np.cumsum(seen) - 1)[codes], np.flatnonzero(seen)
        weights = None if self.weights is None else self.weights[rows]
        if weights is not None and weights.any():
            weights = weights / weights.mean()
        return replace(self, codes=codes, count=len(places), weights=weights), places

    def take(self, rows: AnyArray) -> "Units":
        """Return those of some rows alone."""
        return self.among(rows)[0]

    @property
    def times(self) -> int:
        """How many times a series has; 0 of groups and of rows."""
        return self.count * (self.kind == "time")

    @property
    def alone(self) -> "Units | None":
        """Each row on its own, with its weight; None where it has none."""
        if self.weights is None:
            return None
        return replace(self, codes=np.arange(len(self.codes)), count=len(self.codes), name="", kind="row")

    def __str__(self) -> str:
        """Name them for a reader."""
        found = "rows" if self.kind == "row" else f"{self.count:,} {self.kind}s of {self.name!r}"
        return f"{found} weighted by {self.weight!r}" if self.weight else found

    @property
    def text(self) -> str:
        """Say in brackets, after a number of rows, what intervals rest on."""
        found = f"{self}, on which intervals rest" if self.kind != "row" else f"weighted by {self.weight!r}"
        if self.weights is None:
            return f"({found})"
        return f"({found}; worth {len(self.codes) / kish(self.weights):,.0f} rows of equal weight)"

    @property
    def independent(self) -> tuple[Codes, int]:
        """Return of each row what may be drawn as a whole, and how many there are: groups, or stretches of a series."""
        cuts = stretches_of(self.count) if self.times else self.count
        return self.codes * cuts // self.count, cuts

    @property
    def size(self) -> float:
        """Of how many rows the group, or the stretch of a series, of a row is, as a mean over the rows."""
        return float((np.bincount(self.independent[0]).astype(float) ** 2).sum()) / len(self.codes)

    def sums(self, influence: Array) -> Array:
        """Sum the influences of the rows of each unit, shape (count,)."""
        return np.bincount(self.codes, influence, self.count).astype(float)

    def changes(self, influence: Array) -> Array:
        """Return how far a statistic moves without each group, scaled as ``sums``; shape (count,)."""
        return freed(self.sums(influence), self.sums((influence != 0) * weights_of(self, len(influence))))

    def parts(self, influence: Array) -> Array:
        """Return what each independent observation adds: ``changes`` of groups, sums of rows or of stretches."""
        codes, count = self.independent
        return self.changes(influence) if self.kind == "group" else np.bincount(codes, influence, count).astype(float)

    def freedom(self, influence: Array) -> float:
        """Return the degrees of freedom of a variance: ``freedom_of`` what groups, or stretches of a series, add."""
        if self.kind == "row" and self.weights is not None:
            used = self.weights[influence != 0] ** 2
            return max(float(used.sum()) ** 2 / float(used @ used), 2.0) - 1 if len(used) else 0.0
        used = int(np.count_nonzero(np.bincount(self.independent[0], influence != 0)))
        return freedom_of(self.parts(influence), used) + (self.kind == "time")

    def quantile(self, influence: Array) -> float:
        """Return the quantile of Student's t for a 95% interval; infinite where a single group matters.

        Of weighted rows it is as many times that of all rows as uneven weights widen it for those that matter.
        """
        found = t_quantile(self.freedom(influence) + 1)
        used = int(np.count_nonzero(influence))
        return found if self.kind != "row" or used < 2 else found / t_quantile(used) * t_quantile(len(influence))

    def design_effect(self, influence: Array | None, name: str = "") -> float:
        """Return how many times the variance is that of independent rows, weights as counts, few units included.

        Where no two rows differ there is no telling, and each unit counts as one row (Kish 1965).
        """
        if 0 < self.times < LEAST_TIMES and name in self.known:
            return self.known[name]
        size, n = len(self.codes) / self.count, len(self.codes)
        if influence is None or not influence.any():
            return size * (1.0 if self.weights is None else kish(self.weights))
        each = 1.0 if self.weights is None else np.sqrt(np.where(influence != 0, self.weights, 1.0))
        quantile = self.quantile(influence)
        ratio = self.standard_error(influence) / standard_error(influence / each) if quantile < math.inf else 1.0
        return max((ratio * quantile / (t_quantile(n) if self.kind == "row" else Z)) ** 2, 1 / size)

    def standard_error(self, influence: Array) -> float:
        """Return the standard error of a statistic from the influence of each row, as for ``intervals.standard_error``.

        Of groups by the jackknife that leaves out each (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13; for the AUC
        Obuchowski 1997, doi:10.2307/2533958). Of a series by the equal-weighted cosine estimator of its long-run
        variance, whose degrees of freedom grow with it (Lazarus et al. 2018, doi:10.1080/07350015.2018.1506926).

        Examples
        --------
        >>> apart, twice = np.array([1.0, -1.0, 2.0, -2.0]), Units(np.array([0, 0, 1, 1, 2, 2, 3, 3]), 4, "pair")
        >>> round(twice.standard_error(np.repeat(apart, 2)), 4)  # sqrt(4 / 3) times that of the four alone
        1.0801
        """
        if self.kind == "time":
            waves = dct(self.sums(influence), norm="ortho")[1 : stretches_of(self.count) + 1]
            return math.sqrt(self.count * float(waves @ waves) / stretches_of(self.count)) / len(influence)
        if self.kind == "row":
            return standard_error(influence)
        small = math.sqrt(self.count / max(self.count - 1, 1))
        return standard_error(self.changes(influence)) * small * self.count / len(influence)


def summed(rows: Array, units: Units | None) -> Array:
    """Sum rows of numbers as ``Units.parts`` does, scaled so that the squares are those of a sample of these."""
    if units is None:
        return rows
    found = np.apply_along_axis(units.parts, 0, rows)
    return np.asarray(found * math.sqrt(len(found) / max(len(found) - 1, 1)))
