"""Options that are used late, read early: a slip of the pen should not cost a training."""

from __future__ import annotations

from toolkit.fairness.frontier import read_constraint
from toolkit.models.threshold import DEFAULT, read_rule


def check_options(*, threshold: object = DEFAULT, constraint: str = "") -> None:
    """Refuse options of later steps that cannot be meant, before anything is loaded or trained.

    Parameters
    ----------
    threshold : float, str or mapping
        As for ``evaluate``.
    constraint : str
        As for ``mitigate``; empty for none.

    Raises
    ------
    InputError

    Examples
    --------
    >>> check_options(threshold="recall>=0.9", constraint="equalized_odds")
    """
    read_rule(threshold)
    if constraint:
        read_constraint(constraint)
