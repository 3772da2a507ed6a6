"""A step that has nothing to say about its input says so, as a result like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.core.face import Face
from toolkit.core.result import Finding, Result
from toolkit.errors import NotApplicableError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class NotApplicable(Result):
    """The result of a step that has nothing to say about this input, with the reason.

    Attributes
    ----------
    step : str
        Name of the step, such as ``explain``.
    reason : str
        One plain sentence.
    """

    step: str
    reason: str

    def frame(self) -> pd.DataFrame:
        """Return the step and the reason as one row."""
        import pandas as pd

        return pd.DataFrame({"step": [self.step], "reason": [self.reason]})

    def findings(self) -> list[Finding]:
        """Say that the step was left out."""
        return [Finding("STEP-NOT-APPLICABLE", "info", self.reason, self.step)]

    def face(self) -> Face:
        """Return the reason."""
        return Face("Not applicable", self.reason)


def if_applicable(step: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a step; where it has nothing to say about this input, return that as a result instead of an error.

    Parameters
    ----------
    step : callable
        Such as ``explain`` or ``audit_fairness``.
    *arguments, **options
        Handed on.

    Returns
    -------
    Result
        What the step returns, or ``NotApplicable``.

    Raises
    ------
    InputError
        Where the input is wrong, as the step itself would.

    Examples
    --------
    >>> def judge(model):
    ...     raise NotApplicableError("There is no model.")
    >>> if_applicable(judge, None).reason
    'There is no model.'
    """
    try:
        return step(*arguments, **options)
    except NotApplicableError as error:
        return NotApplicable(getattr(step, "__name__", "step"), str(error))
