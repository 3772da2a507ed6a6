"""At which score a row is predicted positive: the rules to choose a threshold by, and the one chosen on given rows."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from toolkit.core import Finding, beside, format_number
from toolkit.errors import InputError, listed, refusing
from toolkit.models.findings import finding, refusal
from toolkit.statistics import Array, ranked

DEFAULT = 0.5
_RULES, _FORMS = beside(__file__, "rules.yaml").values()
THRESHOLD_FILE = "threshold.json"
OUTCOMES = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True)
class Costs:
    """What each outcome of one row costs; negative is a gain."""

    fp: float
    fn: float
    tp: float = 0.0
    tn: float = 0.0
    currency: str = ""

    def total(self, tp: Any, fp: Any, positives: float, negatives: float) -> Any:
        """Return what true and false positives, and all other rows of so many, cost together; arrays are taken too."""
        return self.tp * tp + self.fp * fp + self.fn * (positives - tp) + self.tn * (negatives - fp)

    def __str__(self) -> str:
        """Write the costs in words."""
        unit = f" {self.currency}" if self.currency else ""
        wrong = [f"a false positive {self.fp:g}{unit}", f"a false negative {self.fn:g}{unit}"]
        right = {"true positive": self.tp, "true negative": self.tn}
        return ", ".join([*wrong, *(f"a {name} {cost:g}{unit}" for name, cost in right.items() if cost)])


@dataclass(frozen=True)
class Rule:
    """How to choose: ``kind`` is fixed, decided, youden, max_f1, precision, recall or cost; ``level`` is its number."""

    kind: str
    level: float = 0.0
    costs: Costs | None = None

    @property
    def default(self) -> bool:
        """Whether it is the number that is used where none is given."""
        return self.kind == "fixed" and self.level == DEFAULT

    def __str__(self) -> str:
        """Write the rule in words."""
        return str(_RULES[self.kind]).format(level=self.level, costs=self.costs)


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold: rows with a score at or above ``value`` are predicted positive.

    Attributes
    ----------
    value : float
        Not a number where the model's own decisions are taken instead.
    rule : Rule
    part : str
        Part of the split on which it was chosen; empty where it was given.
    notes : tuple of Finding
    kept : bool
        Whether it was kept with a model that was loaded.
    """

    value: float
    rule: Rule
    part: str = ""
    notes: tuple[Finding, ...] = ()
    kept: bool = False

    def __str__(self) -> str:
        """Write the threshold and where it comes from."""
        return self._said(f"{self.value:.6g}")

    def text(self) -> str:
        """Write it as JSON, to be kept with a model.

        Examples
        --------
        >>> print(read_kept(Threshold(0.2, Rule("recall", 0.9), "validation").text()))
        0.2 (kept with the model, chosen on the validation part: largest precision with a recall of at least 0.9)
        """
        return json.dumps({"value": self.value, "part": self.part, "rule": asdict(self.rule)})

    @property
    def called(self) -> str:
        """Say when a row is predicted positive."""
        return self._said(f"at scores of {self.value:.6g} or more")

    def _said(self, number: str) -> str:
        chosen = f"chosen on the {self.part} part: {self.rule}" if self.part else str(self.rule)
        return chosen if self.rule.kind == "decided" else f"{number} ({'kept with the model, ' * self.kept}{chosen})"


#: No threshold: the model's own decisions are taken.
AS_DECIDED = Threshold(math.nan, Rule("decided"))
#: What a step takes: one already chosen, a number or a rule to choose by, or None for the model's own.
ThresholdLike: TypeAlias = float | str | Mapping[str, object] | Rule | Threshold | None


def read_kept(text: str) -> Threshold:
    """Read the threshold that was kept with a model; one of an earlier version is refused."""
    advice = " It was logged by another version of the toolkit: run its experiment again."
    with refusing("The threshold kept with the model cannot be read", advice, (ValueError, TypeError, KeyError)):
        found = json.loads(text)
        costs = found["rule"]["costs"]
        rule = Rule(**found["rule"] | {"costs": Costs(**costs) if costs else None})
        return Threshold(found["value"], rule, found["part"], kept=True)


def read_threshold(given: ThresholdLike) -> Rule:
    """Read a number or a rule as it is given in Python or as text in a notebook's parameters.

    Parameters
    ----------
    given : float, str, mapping, Rule, Threshold or None
        A number in [0, 1]; ``"youden"``; ``"max_f1"``; ``{"precision": 0.8}`` or ``"precision>=0.8"``;
        ``{"recall": 0.9}`` or ``"recall>=0.9"``; ``{"cost": {"fp": 1, "fn": 5, "currency": "EUR"}}`` or
        ``"cost:fp=1,fn=5,currency=EUR"``; of a threshold that was chosen, its rule. None and an empty text stand for
        0.5.

    Raises
    ------
    InputError
        Where it is none of these.

    Examples
    --------
    >>> read_threshold("recall>=0.9")
    Rule(kind='recall', level=0.9, costs=None)
    >>> print(read_threshold("cost:fp=1,fn=5,currency=EUR"))
    least expected cost (a false positive 1 EUR, a false negative 5 EUR)
    """
    if isinstance(given, Rule | Threshold):
        return given if isinstance(given, Rule) else given.rule
    if given is None or given == "":
        return Rule("fixed", DEFAULT)
    if (meant := _parsed(given) if isinstance(given, str) else given) in ("youden", "max_f1"):
        return Rule(str(meant))
    if isinstance(meant, int | float | np.number) and not isinstance(meant, bool):
        return Rule("fixed", _level(meant, "threshold"))
    ((kind, level),) = meant.items() if isinstance(meant, Mapping) and len(meant) == 1 else [("", None)]
    if kind in ("precision", "recall"):
        return Rule(kind, _level(level, kind))
    if kind == "cost" and isinstance(level, Mapping):
        return Rule("cost", costs=_read_costs(level))
    raise InputError(f"The threshold must be {_FORMS['text' if isinstance(given, str) else 'value']}; found {given!r}.")


def _parsed(text: str) -> object:
    """Turn a rule that is given as text into what Python would be given."""
    plain = text.replace(" ", "").replace(">=", ">").replace("≥", ">").strip()
    kind, above, level = plain.partition(">")
    if above:
        return {kind: level}
    kind, colon, pairs = plain.partition(":")
    if colon:
        return {kind: dict(pair.partition("=")[::2] for pair in pairs.split(","))}
    try:
        return float(plain)
    except ValueError:
        return plain


def _level(value: object, name: str) -> float:
    if not 0 <= (number := _number(value, name)) <= 1:
        raise InputError(f"The {name} must lie in [0, 1]; found {value}.")
    return number


def _read_costs(given: Mapping[str, object]) -> Costs:
    unknown = [str(name) for name in given if name not in (*OUTCOMES, "currency")]
    missing = [name for name in ("fp", "fn") if name not in given]
    if unknown or missing:
        raise refusal("cost", wrong=f"unknown: {listed(unknown)}" if unknown else f"missing: {listed(missing)}")
    numbers = {name: _number(given[name], f"cost {name}") for name in OUTCOMES if name in given}
    costs = Costs(**numbers, currency=str(given.get("currency") or ""))
    if costs.fp <= costs.tn and costs.fn <= costs.tp:
        raise InputError(f"With these costs every error is as cheap as being right: {dict(given)}. Check fp and fn.")
    return costs


def _number(value: object, name: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"The {name} must be a number; found {value!r}.") from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise InputError(f"The {name} must be a finite number; found {value!r}.")
    return number


def choose_threshold(
    rule: Rule, y_true: Array, y_score: Array, part: str, weights: Array | None = None, *, probabilities: bool = True
) -> Threshold:
    """Choose the threshold that a rule asks for on given rows.

    Among equally good thresholds the highest is taken, and of the values that would call the same rows the shortest
    decimal. A target that no threshold reaches, or rows of one class, give the nearest choice and a finding.

    Parameters
    ----------
    rule : Rule
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other.
    y_score : array of shape (n,)
    part : str
        What these rows are called.
    weights : array of shape (n,), optional
        How much each row counts.
    probabilities : bool
        Whether the scores are probabilities. If not, a fixed 0.5 stands for the model's own boundary, which is 0.

    Examples
    --------
    >>> y_true, y_score = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> choose_threshold(read_threshold("recall>=0.9"), y_true, y_score, "validation").value
    0.3
    """
    if rule.kind == "fixed":
        if not probabilities and not rule.default:
            raise refusal("threshold without probabilities", level=rule.level)
        return Threshold(rule.level if probabilities else 0.0, rule)
    each = np.ones(len(y_true)) if weights is None else weights
    ones, zeros = float(y_true @ each), float((1 - y_true) @ each)
    if len(y_true) == 0 or (not (ones and zeros) and rule.kind != "cost"):
        note = finding("THRESHOLD-NOT-CHOSEN", "high", part, default=DEFAULT)
        return Threshold(DEFAULT if probabilities else 0.0, rule, notes=(note,))
    steps, true_positives, called = confusion_steps(y_true, y_score, each)
    false_positives = called - true_positives
    recall = true_positives / ones if ones else np.zeros(len(steps))
    precision = np.divide(true_positives, called, where=called > 0, out=np.zeros(len(steps)))
    notes: tuple[Finding, ...] = ()
    if rule.kind == "youden":
        aim = recall - false_positives / zeros
    elif rule.kind == "max_f1":
        aim = 2 * true_positives / (called + ones)
    elif rule.kind == "cost" and rule.costs:
        aim = -rule.costs.total(true_positives, false_positives, ones, zeros)
    else:
        kept, other = (precision, recall) if rule.kind == "precision" else (recall, precision)
        reached = (kept >= rule.level - 1e-12) & (called > 0)
        aim = np.where(reached, other, -1.0) if reached.any() else kept
        if not reached.any():
            notes = (finding("THRESHOLD-UNREACHABLE", "high", part, rule=rule, most=format_number(float(kept.max()))),)
    # What only rounding tells apart is equally good.
    best = int(np.argmax(aim >= aim.max() - 1e-12 * max(1.0, float(np.abs(aim).max()))))
    return Threshold(_shortest(steps, best), rule, part, notes)


def confusion_steps(y_true: Array, y_score: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return each distinct threshold from above the highest score downwards, with the true positives and rows called.

    Rows count by their weights.

    Returns
    -------
    (thresholds, true positives, rows called), arrays of shape (distinct scores + 1,)
        The first threshold is infinite: nothing is called.
    """
    order, last, hits, called = ranked(y_true, y_score, weights)
    return np.append(math.inf, y_score[order[last]]), np.append(0.0, hits), np.append(0.0, called)


def _shortest(steps: Array, best: int) -> float:
    """Find the shortest decimal that calls the same rows as ``steps[best]``."""
    if best == 0:
        low, high = float(steps[1]), float(max(1.0, math.nextafter(steps[1], math.inf)))
    else:
        high = float(steps[best])
        lowest = 0.0 if high > 0 else math.nextafter(high, -math.inf)
        low = float(steps[best + 1]) if best + 1 < len(steps) else lowest
    rounded = (math.floor(high * 10**digits) / 10**digits for digits in range(18))
    return next((value for value in rounded if low < value <= high), high)
