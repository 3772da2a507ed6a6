"""Make the findings about data of their texts, and say how severe those are that tell of a share of the cells."""

from toolkit.core.result import Severity
from toolkit.core.texts import finder, refuser

finding, refusal = finder(__file__), refuser(__file__)


def by_share(share: float) -> Severity:
    """Return how severe it is that a share of the cells of a column does not fit."""
    return "low" if share <= 0.01 else "medium" if share <= 0.1 else "high" if share <= 0.5 else "critical"
