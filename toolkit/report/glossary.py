"""The words of a report that a reviewer may want explained: each unfolds where a section first uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Term:
    """A word and what it means; ``spellings`` are the ways a report writes it."""

    id: str
    title: str
    meaning: str
    spellings: tuple[str, ...]


def _term(title: str, meaning: str, *spellings: str) -> Term:
    words = (title, *spellings)
    return Term("term-" + re.sub(r"\W+", "-", title.casefold()).strip("-"), title, meaning, words)


TERMS = (
    _term(
        "ROC AUC",
        "The chance that a positive row drawn at random gets a higher score than a negative one. 0.5 is guessing, 1 is "
        "a perfect order. It does not depend on a threshold.",
        "roc_auc",
        "roc_auc_ovr",
        "AUC",
        "ROC AUC one-vs-rest",
    ),
    _term(
        "Average precision",
        "Precision averaged over all recalls, from the highest score down. A guess has the share of positive rows, so "
        "it says more than ROC AUC where positives are rare.",
        "average_precision",
    ),
    _term(
        "Recall",
        "Of the rows that are positive, the share that the model calls positive. Also called sensitivity or true "
        "positive rate.",
        "true_positive_rate",
        "true positive rate",
        "sensitivity",
    ),
    _term("Precision", "Of the rows that the model calls positive, the share that are."),
    _term(
        "False positive rate",
        "Of the rows that are negative, the share that the model calls positive by mistake.",
        "false_positive_rate",
    ),
    _term(
        "False negative rate",
        "Of the rows that are positive, the share that the model misses: one minus recall.",
        "false_negative_rate",
    ),
    _term("Specificity", "Of the rows that are negative, the share that the model calls negative."),
    _term(
        "F1",
        "One number for precision and recall, their harmonic mean: it is high only if both are.",
        "f1_macro",
        "f1_weighted",
    ),
    _term(
        "Balanced accuracy",
        "The share of right answers within each class, averaged over the classes, so that a frequent class cannot "
        "hide a rare one.",
        "balanced_accuracy",
    ),
    _term(
        "Matthews correlation",
        "The correlation between what is true and what the model says: 1 is always right, 0 no better than chance.",
        "matthews_corrcoef",
    ),
    _term(
        "Log loss",
        "How surprised one is by the truth, given the predicted probabilities. Lower is better; being sure and wrong "
        "costs most.",
        "log_loss",
    ),
    _term(
        "Brier score",
        "The mean squared distance between the predicted probability and what happened, 0 or 1. Lower is better.",
        "brier_score_loss",
        "brier_score",
        "Brier score loss",
    ),
    _term(
        "Calibration",
        "Whether probabilities mean what they say: of the rows given 30%, about 30 in 100 should be positive. A slope "
        "below 1 says that the probabilities are too extreme, an intercept off 0 that they are too high or too low.",
        "calibrated",
        "calibration_slope",
        "calibration_intercept",
        "calibration slope",
        "calibration intercept",
        "expected_calibration_error",
        "expected calibration error",
    ),
    _term(
        "R²",
        "The share of the target's variance that the model explains. 0 is as good as always saying the mean; it can be "
        "negative.",
        "r2",
    ),
    _term(
        "Mean absolute error",
        "How far off a prediction is on average, in the units of the target.",
        "mean_absolute_error",
        "neg_mean_absolute_error",
    ),
    _term(
        "Root mean squared error",
        "How far off predictions are, in the units of the target, with large errors weighing more than small ones.",
        "root_mean_squared_error",
        "neg_root_mean_squared_error",
    ),
    _term(
        "95% interval",
        "The values that the data leave plausible. Made in this way on many samples, 95 in 100 such intervals hold the "
        "true value. A wide one means that there are few rows to tell.",
        "95% intervals",
        "95% confidence interval",
    ),
    _term(
        "Baseline",
        "A model that knows only how often each outcome occurs, or the mean. A model that does not beat it has learned "
        "nothing of use.",
    ),
    _term(
        "Cross-validation",
        "Training on a part of the rows and scoring on the rest, several times over, so that every row is scored by a "
        "model that has not seen it. Each round is a fold.",
        "cross-validated",
        "cross validation",
    ),
    _term(
        "Threshold",
        "The score at which a row is called positive. Moving it trades false alarms against misses; the order of the "
        "scores stays the same.",
    ),
    _term(
        "Selection rate",
        "The share of rows that the model calls positive.",
        "selection_rate",
    ),
    _term(
        "Demographic parity",
        "Whether every group is called positive equally often. The difference is between the groups called most and "
        "least often; 0 is parity.",
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "demographic parity difference",
        "demographic parity ratio",
    ),
    _term(
        "Equalized odds",
        "Whether the model errs equally often in every group: the same recall and the same false positive rate. The "
        "difference is the larger of the two gaps.",
        "equalized_odds_difference",
        "equalized_odds_ratio",
        "equalized odds difference",
        "equalized odds ratio",
    ),
    _term(
        "Equal opportunity",
        "Whether those who are positive are found equally often in every group: the same recall.",
        "equal_opportunity_difference",
        "equal_opportunity_ratio",
        "equal opportunity difference",
        "equal opportunity ratio",
    ),
    _term(
        "Predictive parity",
        "Whether being called positive means the same in every group: the same precision.",
        "predictive_parity_difference",
        "predictive parity difference",
    ),
    _term(
        "Four-fifths rule",
        "A rule of thumb from employment: no group should be selected less than 80% as often as the group selected "
        "most.",
        "80% rule",
    ),
    _term(
        "SHAP",
        "Divides a prediction among the columns: each gets what it added to, or took from, the average prediction. "
        "It describes the model, not what causes the outcome.",
        "SHAP values",
        "Shapley values",
    ),
    _term(
        "Permutation importance",
        "How much worse the model gets when one column is shuffled, so that it says nothing any more.",
    ),
    _term(
        "Slice",
        "Rows that share a property, such as an age between 30 and 40; a model can be good on average and bad in one.",
        "slices",
    ),
    _term(
        "Leakage",
        "A column that already holds the answer, or becomes known only after it. The model looks good here and fails "
        "in use.",
    ),
    _term("Drift", "A change between the data the model was trained on and the data it meets now."),
)
_BY_SPELLING = {spelling.casefold(): term for term in TERMS for spelling in term.spellings}
_SPELLINGS = re.compile(
    rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in sorted(_BY_SPELLING, key=len, reverse=True))})(?!\w|\.\w)",
    re.IGNORECASE,
)


class Glossary:
    """Finds the terms in the texts of one page, and remembers which were used.

    Examples
    --------
    >>> glossary = Glossary()
    >>> print(glossary.mark("Recall, and recall again", "findings"))
    <button type="button" class="term" popovertarget="term-recall">Recall</button>, and recall again
    >>> [term.title for term in glossary.used]
    ['Recall']
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    @property
    def used(self) -> list[Term]:
        """The terms met so far, in the order of the alphabet."""
        met = {name for _, name in self._seen}
        return sorted((term for term in TERMS if term.id in met), key=lambda term: term.title.casefold())

    def pieces(self, text: str, section: str) -> Iterator[tuple[str, Term | None]]:
        """Cut a text at the terms that this section uses for the first time, each of which comes with its term."""
        start = 0
        for found in _SPELLINGS.finditer(text):
            term = _BY_SPELLING[found.group().casefold()]
            if (section, term.id) in self._seen:
                continue
            self._seen.add((section, term.id))
            yield text[start : found.start()], None
            yield found.group(), term
            start = found.end()
        yield text[start:], None

    def mark(self, text: str, section: str) -> Markup:
        """Write a text as HTML in which a term is a button that unfolds its meaning."""
        parts = (
            Markup('<button type="button" class="term" popovertarget="{}">{}</button>').format(term.id, piece)
            if term
            else escape(piece)
            for piece, term in self.pieces(text, section)
        )
        return Markup("").join(parts)
