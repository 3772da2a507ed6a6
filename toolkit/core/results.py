"""The results of a report: one type writes ``results.json``, reads it, and gives the file's JSON Schema."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args

from toolkit.core.estimate import UNKNOWN, Estimate, KeyNumber
from toolkit.core.resources import read_bytes
from toolkit.core.result import DataInfo, Finding
from toolkit.core.words import shorten, titled
from toolkit.errors import InputError, refusing, shown

SCHEMA: Literal[1] = 1
#: The kind of cell output by which results travel in a notebook.
MIME = "application/vnd.toolkit.results+json"
_STRICT: Mapping[str, object] = {"extra": "forbid", "json_schema_serialization_defaults_required": True}
Level = Literal["watch", "investigate", "retrain"]
LEVELS: tuple[Level, ...] = get_args(Level)
Approval = Literal["", "required", "independent"]
Outcome = Literal["pass", "fail", "undecided", "ok"] | Level


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model that a report is about.

    Attributes
    ----------
    name : str
    requirements : tuple of str
        Pinned packages such as ``scikit-learn==1.9.1``.
    features : mapping of str to str
        The kind of each column it takes.
    settings : mapping
        What it was trained with.
    version : str
        The identifier that MLflow gave it, where it was loaded from there; ``mlflow`` names one that the report logs.
    """

    name: str
    requirements: tuple[str, ...] = ()
    features: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Where a report's run is tracked; empty where it is not, or logged no model.

    ``failure`` says how the tracking server failed, where it did; the rest is then of the file beside the reports.
    """

    run_id: str = ""
    experiment: str = ""
    experiment_id: str = ""
    model_uri: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What came of one rule of a policy.

    Attributes
    ----------
    name, rule : str
        Which number, finding or table it is about, and what was asked of it.
    outcome : str
        ``pass``, ``fail`` or ``undecided``; of a policy of levels the level that is reached, or ``ok``.
    number : Estimate
        Not defined where the rule is not about a number.
    why : str
        Why, in a sentence or two, and what would decide what is open.
    limit : str
        What was asked of a number alone, such as ``at most 0.2``; empty for a rule that is about none.
    """

    name: str
    rule: str
    outcome: Outcome
    number: Estimate
    why: str
    limit: str = ""

    @property
    def number_text(self) -> str:
        """The number with its interval; empty for a rule that is about none."""
        return "" if math.isnan(self.number.value) else str(self.number)


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What a policy says about a report.

    Attributes
    ----------
    outcome : str or None
        None where no policy was applied.
    policy : str
        Its title.
    rules : tuple of RuleOutcome
    left_out : tuple of str
        Optional rules that are about no number there is.
    approval : {"", "required", "independent"}
        Whether somebody, or somebody other than the author, must approve a model before it is promoted.
    """

    outcome: Outcome | None = None
    policy: str = ""
    rules: tuple[RuleOutcome, ...] = ()
    left_out: tuple[str, ...] = ()
    approval: Approval = ""

    def plain(self) -> dict[str, Any]:
        """Write it as plain values, of which JSON can be made."""
        return dict(adapter(PolicyVerdict).dump_python(self, mode="json"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """All that a report says, for machines: the content of its ``results.json``.

    Attributes
    ----------
    schema : int
        Version of this form; another one is refused.
    template, title, question : str
        The notebook's template, and what stands at its head.
    created, author : str
        When and by whom it was made.
    command : str
        Makes it again; empty for a notebook that was run by hand.
    parameters : mapping
        Of the template.
    data : DataInfo
        The table.
    model : ModelInfo or None
    recorded : mapping
        What the steps decided.
    headline : str
        What the report says first; may be empty.
    key_numbers : tuple of KeyNumber
    scalars : mapping of str to Estimate
        Every number by its dotted name.
    findings : tuple of Finding
        The most severe first.
    verdict : PolicyVerdict
    commit : str or None
        The commit checked out; None outside git.
    dirty : bool
        Whether files differed from the commit.
    environment : mapping of str to str
        Versions.
    mlflow : RunInfo
    artifacts : tuple of str
        Names of the report's files.
    sign_off : tuple of mapping of str to str
        Who approved or rejected the model that a card is about: ``who, what, why, when, hash``, whether it is
        ``signed``, and as ``fault`` why it cannot be believed, where it cannot.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    schema: Literal[1] = SCHEMA
    template: str = ""
    title: str = ""
    question: str = ""
    created: str = ""
    author: str = ""
    command: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: DataInfo
    model: ModelInfo | None = None
    recorded: Mapping[str, Any] = field(default_factory=dict)
    headline: str = ""
    key_numbers: tuple[KeyNumber, ...] = ()
    scalars: Mapping[str, Estimate]
    findings: tuple[Finding, ...] = ()
    verdict: PolicyVerdict = PolicyVerdict()
    commit: str | None = None
    dirty: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    mlflow: RunInfo = RunInfo()
    artifacts: tuple[str, ...] = ()
    sign_off: tuple[Mapping[str, str], ...] = ()

    @property
    def unjudged(self) -> str:
        """Why no policy judged them though one was given; else empty."""
        if self.verdict.outcome or not self.parameters.get("policy"):
            return ""
        steps = {one.where: one.message for one in self.findings if one.code == "STEP-NOT-APPLICABLE"}
        return steps.get("check") or steps.get("decide") or ""

    @classmethod
    def read(cls, content: str | bytes | Mapping[str, Any], name: str = "This") -> "Results":
        """Read results from JSON, or from what ``plain`` wrote.

        Parameters
        ----------
        content : str, bytes or mapping
        name : str
            What an error calls it.

        Raises
        ------
        InputError
            Where it is broken, or another version wrote it.

        Examples
        --------
        >>> Results.read({"scalars": {"test.r2": None}, "data": {"name": "t"}}).scalars["test.r2"].value
        nan
        """
        from pydantic import ValidationError

        try:
            read = adapter(Results).validate_python if isinstance(content, Mapping) else adapter(Results).validate_json
            return cast("Results", read(content))
        except ValidationError as error:
            problems = error.errors(include_url=False)
            if (found := next((one["input"] for one in problems if one["loc"] == ("schema",)), None)) is not None:
                said = f"{name} was written by another version (schema {shown(found)}; this one reads {SCHEMA})"
                raise InputError(f"{said}. Make the report again.") from error
            raise InputError(f"{name} does not hold the results of a report: {problem(problems[0])}.") from error

    def plain(self) -> dict[str, Any]:
        """Write them as plain values, of which JSON can be made."""
        return dict(adapter(Results).dump_python(self, mode="json"))

    def to_json(self) -> str:
        """Write them as ``results.json`` holds them."""
        return json.dumps(self.plain(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def results_path(source: str | Path) -> Path:
    """Return the ``results.json`` of a report, given by its folder, its ``report.html`` or the file itself."""
    path = Path(source)
    return (path.parent if path.name in ("results.json", "report.html") else path) / "results.json"


def read_results(source: str | Path) -> Results:
    """Read what a report left for machines.

    Parameters
    ----------
    source : path
        The report's folder, or its ``report.html`` or ``results.json``.

    Raises
    ------
    InputError
        Where there is no such report, it is broken, or another version wrote it.
    """
    path = results_path(source)
    with refusing(f"There is no report at {shown(str(path))}", " Give its folder.", (OSError, ValueError)):
        return Results.read(read_bytes(path), repr(str(path)))


def problem(error: Mapping[str, Any]) -> str:
    """Say in a line what pydantic found amiss, and where."""
    where = shorten(".".join(map(str, error["loc"])), 100)
    # Those of our own say all themselves.
    said = "" if error["type"] in ("missing", "json_invalid", "value_error") else f", found {shown(error['input'])}"
    return f"{where}{': ' if where else ''}{error['msg'].removeprefix('Value error, ')}{said}"


@cache
def adapter(kind: type) -> Any:
    """Return pydantic's adapter of a type, which reads and writes it: made once, and only where it is needed."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def against_baseline(scalars: Mapping[str, Estimate]) -> tuple[KeyNumber, ...]:
    """Return the numbers of the test part that have a baseline beside them.

    Examples
    --------
    >>> found = against_baseline({"test.f1": Estimate(0.5), "baseline.f1": Estimate(0.1), "test.rows": Estimate(9)})
    >>> [(one.name, one.label, str(one.value), str(one.other)) for one in found]
    [('test.f1', 'F1', '0.500', '0.100')]
    """
    groups = scalars.get("test.groups", UNKNOWN).value
    on = "test part" if math.isnan(groups) else f"test part ({groups:,.0f} groups)"
    found = []
    for name, number in scalars.items():
        part, _, metric = name.partition(".")
        if part == "test" and f"baseline.{metric}" in scalars:
            other, difference = scalars[f"baseline.{metric}"], scalars.get(f"difference.{metric}", UNKNOWN)
            found.append(KeyNumber(name, titled(metric), number, on, "baseline", other, difference))
    return tuple(found)
