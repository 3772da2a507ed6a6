"""Texts from data, made fit for a figure."""

from __future__ import annotations


def plain(text: object, most: int = 40) -> str:
    """Write a name or label on one line of a figure, without characters that cannot be seen, shortened to ``most``.

    Examples
    --------
    >>> plain("two " + chr(10) + "lines"), plain("x" * 50, 5)
    ('two lines', 'xxxx…')
    """
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)[: 4 * most]).split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"
