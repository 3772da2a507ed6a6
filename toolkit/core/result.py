"""What every result can do, the findings it reports, and what it leaves to the tracker."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, dataclass_transform, get_args

from toolkit.core.estimate import Estimate, KeyNumber, spread
from toolkit.core.face import EXPLORER_MIME, NOTHING_MIME, Face
from toolkit.errors import InputError, NotApplicableError, listed, nearest

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.core.figures import Axes, Drawing, Picture
    from toolkit.core.results import PolicyVerdict

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reader should know, with a code that stays the same from run to run.

    Attributes
    ----------
    code : str
        Stable, upper case, such as ``DATA-LEAKAGE``.
    severity : {"critical", "high", "medium", "low", "info"}
    message : str
        One plain sentence that carries the numbers.
    where : str
        What it is about: a column, a part of the split, a group; may be empty.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings, the most severe first; equal ones keep their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


class Candidate(NamedTuple):
    """One trained alternative, as the tracker records it."""

    name: str
    parameters: Mapping[str, object]
    scalars: Mapping[str, Estimate]


class ModelRecord(NamedTuple):
    """A fitted model and what is needed to load and call it elsewhere.

    Attributes
    ----------
    estimator : object or None
        Fitted and scikit-learn compatible; None where the model was logged before and is only named here.
    example : DataFrame or None
        A few rows of features, in the form the model takes.
    requirements : tuple of str
        Pinned packages such as ``scikit-learn==1.9.1``.
    types : mapping of str to str
        MLflow's name of the type of each column it needs; none where any table will do.
    code, version : str
        A folder of Python code that loading it needs; what MLflow calls one that was logged before. May be empty.
    """

    name: str
    estimator: Any = None
    example: pd.DataFrame | None = None
    requirements: tuple[str, ...] = ()
    types: Mapping[str, str] = {}
    code: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class DataInfo:
    """The table a result rests on, by its fingerprint, and the schema by which a later one can be read."""

    name: str
    source: str = ""
    fingerprint: str = ""
    rows: int = 0
    columns: int = 0
    target: str = ""
    schema: Mapping[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class DataRecord(DataInfo):
    """The same with its rows; ``frame`` is None where the table itself is not at hand."""

    frame: pd.DataFrame | None = None


class Record(NamedTuple):
    """What a result adds to a tracked run besides its numbers; all of it may be empty.

    Attributes
    ----------
    parameters : mapping
    candidates : sequence of Candidate
    model : ModelRecord or None
        The model that the run is about.
    data : DataRecord or None
    models : sequence of ModelRecord
        Others worth keeping beside it.
    verdict : PolicyVerdict or None
        None where no policy was applied.
    files, kept : mapping of name to text
        Written beside ``results.json``, and kept with the logged model.
    note, note_of : str
        Words for the registered versions of the model that an earlier run logged, and the id of that run.
    headline : str
        What a report says first, in a sentence or two; may be left to its first number.
    numbers : sequence of KeyNumber
        For the head of a report.
    sign_off : sequence of mapping of str to str
        As of ``Results``.
    """

    parameters: Mapping[str, object] = {}
    candidates: Sequence[Candidate] = ()
    model: ModelRecord | None = None
    data: DataRecord | None = None
    models: Sequence[ModelRecord] = ()
    verdict: PolicyVerdict | None = None
    files: Mapping[str, str] = {}
    kept: Mapping[str, str] = {}
    note: str = ""
    note_of: str = ""
    headline: str = ""
    numbers: Sequence[KeyNumber] = ()
    sign_off: Sequence[Mapping[str, str]] = ()


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class Result(ABC):
    """What a step returns: numbers first, pictures when asked for, and one face for cell, terminal and page.

    One that is declared with ``frozen=True`` holds what is annotated in it, never changes, and equals itself alone.
    """

    table: pd.DataFrame

    def __init_subclass__(cls, *, frozen: bool = False) -> None:
        """Let it hold what is annotated in it, and show itself as results do."""
        super().__init_subclass__()
        if frozen:
            dataclass(frozen=True, eq=False, repr=False)(cls)

    def frame(self) -> pd.DataFrame:
        """Return the numbers as a tidy table: texts, numbers and yes/no, the ends of intervals in columns."""
        return spread(self.table)

    @abstractmethod
    def face(self) -> Face:
        """Return what the result says of itself: a title, a sentence, findings and tables."""

    def scalars(self) -> dict[str, Estimate]:
        """Return the numbers by their dotted names."""
        return {}

    def findings(self) -> list[Finding]:
        """Return what a reader should know, the most severe first."""
        return by_severity(getattr(self, "notes", ()))

    def record(self) -> Record:
        """Return what the tracker should keep besides the numbers."""
        return Record()

    def drawings(self) -> Sequence[Drawing]:
        """Return the figures there are, each with its words and its data."""
        return ()

    def drawing(self, kind: str = "") -> Drawing:
        """Return one of ``drawings()``, by default the first.

        Raises
        ------
        InputError
            Where there is no such figure.
        """
        known, name = {drawing.kind: drawing for drawing in self.drawings()}, type(self).__name__
        if not known:
            raise InputError(f"{name} has nothing to draw: {self.face().lead}")
        if kind and kind not in known:
            raise InputError(f"{name} has no figure {kind!r}.{nearest(kind, known)} It has: {listed(known, 20)}.")
        return known[kind] if kind else next(iter(known.values()))

    def pictures(self) -> dict[str, Picture]:
        """Return the kinds of figure that ``plot`` can draw, each with its words."""
        return {drawing.kind: drawing.words for drawing in self.drawings()}

    def plot(self, kind: str = "", ax: Axes | None = None) -> Axes:
        """Draw one of ``pictures()``, by default the first: onto ``ax``, whose style stays, or onto a new figure."""
        return self.drawing(kind).on(ax)

    def figure_data(self, kind: str = "") -> pd.DataFrame:
        """Return what a figure draws, as tidy as ``frame()``."""
        return spread(self.drawing(kind).data)

    def __repr__(self) -> str:
        """Say in a terminal what the face says in a cell."""
        return self.face().text()

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        face = self.face()
        if "TOOLKIT_RUN_FOLDER" in os.environ:  # a run: its template shows the figures in cells of their own
            return {"text/html": face.html(), "text/plain": face.text()}
        first = "".join(one.figure(5.2, 3.0).html() for one in self.drawings()[:1])  # inches: a narrow cell's
        return {"text/html": face.cell(first), "text/plain": face.text()}


class Explorer(Result, frozen=True):
    """A result with which the page's script does more: in a cell and without a script it is its face alone."""

    @abstractmethod
    def plain(self) -> dict[str, Any]:
        """Return what the script needs, for JSON; empty where there is nothing to be moved."""

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {EXPLORER_MIME: self.plain(), **super()._repr_mimebundle_()}


class NotApplicable(Result, frozen=True):
    """The result of a step, such as ``explain``, that has nothing to say about this input: the reason, a sentence."""

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

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {NOTHING_MIME: {"reason": self.reason}, **super()._repr_mimebundle_()}


def if_applicable(step: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a step; where it has nothing to say about this input, return that as a result instead of an error.

    A step that rests on one that did not apply, its first argument, does not apply either, for the same reason.

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
    if arguments and isinstance(arguments[0], NotApplicable):
        return arguments[0]
    try:
        return step(*arguments, **options)
    except NotApplicableError as error:
        return NotApplicable(getattr(step, "__name__", "step"), str(error))
