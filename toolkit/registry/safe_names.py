"""Names that MLflow accepts, made of names that may hold any label of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable

from toolkit.core.words import unique


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Map each name to one that MLflow accepts, all of them different.

    Examples
    --------
    >>> safe_names(["a/b", "a?b", "é"])
    {'a/b': 'a_b', 'a?b': 'a_b-2', 'é': 'é'}
    """
    ours = list(names)
    plain = (re.sub(r"\.{2,}", ".", re.sub(r"[^\w.\- :]", "_", name)).strip(". ")[:240] or "unnamed" for name in ours)
    return dict(zip(ours, unique(plain, "{}-{}"), strict=True))
