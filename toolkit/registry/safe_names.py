"""Names that MLflow accepts, made of names that may hold any label of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Map each name to one that MLflow accepts, all of them different.

    Examples
    --------
    >>> safe_names(["a/b", "a?b", "é"])
    {'a/b': 'a_b', 'a?b': 'a_b-2', 'é': 'é'}
    """
    safe: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = re.sub(r"\.{2,}", ".", re.sub(r"[^\w.\- :]", "_", name)).strip(". ")[:240] or "unnamed"
        new, count = base, 1
        while new in taken:
            count += 1
            new = f"{base}-{count}"
        taken.add(new)
        safe[name] = new
    return safe
