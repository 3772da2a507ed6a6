"""How the names of metrics and of columns of numbers are written for a reader."""

from __future__ import annotations

import re

_WORDS = {
    "auc": "AUC",
    "corrcoef": "correlation",
    "f1": "F1",
    "neg": "negated",
    "ovr": "one-vs-rest",
    "r2": "R²",
    "roc": "ROC",
    "shap": "SHAP",
}
_WHOLE = {
    "p_adjusted": "adjusted p",
    "p_value": "p",
    "mean_abs_shap": "mean |SHAP|",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def spoken(name: str) -> str:
    """Write a name such as Python writes it in words; a text that is no such name stays as it is.

    Examples
    --------
    >>> spoken("roc_auc"), spoken("false_positive_rate"), spoken("p_adjusted"), spoken("Called_yes")
    ('ROC AUC', 'false positive rate', 'adjusted p', 'Called_yes')
    """
    if not _NAME.fullmatch(name):
        return name
    return _WHOLE.get(name) or " ".join(_WORDS.get(word, word) for word in name.split("_"))


def titled(name: str) -> str:
    """Write a name in words, beginning with a capital.

    Examples
    --------
    >>> titled("matthews_corrcoef"), titled("f1")
    ('Matthews correlation', 'F1')
    """
    words = spoken(name)
    return words[:1].upper() + words[1:]
