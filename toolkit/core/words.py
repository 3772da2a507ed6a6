"""How the names of metrics and of columns of numbers, and long texts, are written for a reader."""

from __future__ import annotations

import re
import unicodedata

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


def shorten(text: object, most: int = 40) -> str:
    """Cut a text that is longer than so many characters, and mark the cut.

    Examples
    --------
    >>> shorten("capital_gains", 8), shorten("age", 8)
    ('capital…', 'age')
    """
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def slug(text: object) -> str:
    """Write a text for a folder's name: short, in plain letters and digits; empty where it has none.

    Examples
    --------
    >>> slug("Größe (cm)")
    'groe-cm'
    """
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
