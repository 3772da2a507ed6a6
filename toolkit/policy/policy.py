"""Read a policy: a short YAML file of rules over named numbers, findings and data."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from toolkit.core import LEVELS, Approval, Level, Severity, beside, better_when, problem, read_plain, templates_folder
from toolkit.errors import InputError, NotApplicableError, listed, nearest, refusing, shown

RULES = ("numbers", "findings", "fingerprints")

#: What a metric may be compared with, and the beginning of the names of the numbers that compare it.
AGAINST = {None: "", "baseline": "difference.", "champion": "change."}
_FIELDS = beside(__file__, "fields.yaml")

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
Model = TypeVar("Model", bound=BaseModel)
#: The name of a policy, a file, or what it would hold.
PolicyLike: TypeAlias = str | Path | Mapping[str, object]


def _given(content: object, known: Sequence[str]) -> object:
    """Refuse keys that are not known, leave out those that say nothing, and order the others as ``known`` is."""
    if not isinstance(content, Mapping):
        raise ValueError(f"it must map {listed(known)} to values; found {shown(content)}")
    for key in content:
        if key not in known:
            raise ValueError(f"unknown key {shown(key)}.{nearest(str(key), known)} Known: {listed(known)}")
    return {key: content[key] for key in known if content.get(key) is not None}


class Part(BaseModel):
    """A part of a policy: what it says is checked to the letter."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, content: object) -> object:
        return _given(content, [field.alias or name for name, field in cls.model_fields.items()])


class NumberRule(Part):
    """What a number, or every number that a pattern matches, must satisfy: limits, or not to be worse than another."""

    model_config = ConfigDict(json_schema_extra={"oneOf": beside(__file__, "either.yaml")})

    # Made anew, so that the published schema has no default: JSON knows no infinite number.
    min: Number = Field(default_factory=lambda: -math.inf)
    max: Number = Field(default_factory=lambda: math.inf)
    not_worse_than: Literal["baseline", "champion"] | None = None
    by: Annotated[Number, Field(ge=0, description=_FIELDS["by"])] = 0.0
    optional: Annotated[bool, Field(strict=True, description=_FIELDS["optional"])] = False
    why: Annotated[str, Field(max_length=1000, description=_FIELDS["why"])] = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self.model_fields_set
        compares, limits = self.not_worse_than, given & {"min", "max"}
        if not (compares or limits) or ("by" in given and not compares):
            raise ValueError("needs 'min', 'max' or 'not_worse_than' ('by' belongs to the last)")
        if compares and limits:
            raise ValueError(f"'not_worse_than: {compares}' is without min or max")
        if self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    @property
    def condition(self) -> str:
        """The rule in words."""
        if self.not_worse_than:
            return f"not worse than the {self.not_worse_than}" + (f" by more than {self.by:g}" if self.by else "")
        ends = {"at least": self.min, "at most": self.max}
        return " and ".join(f"{word} {end:,.10g}".replace("-", "−") for word, end in ends.items() if math.isfinite(end))


class FindingRule(Part):
    """Which findings are allowed."""

    below: Annotated[Severity, Field(description=_FIELDS["below"])]
    excepted: list[str] = Field([], alias="except", description=_FIELDS["except"])


class Policy(Part):
    """Rules over the named numbers, findings and data of results.json."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [key]} for key in RULES]})

    title: Annotated[str, Field(max_length=200)] = ""
    undecided: Literal["undecided", "fail"] = Field("undecided", description=_FIELDS["undecided"])
    correction: Literal["holm"] | None = Field(None, description=_FIELDS["correction"])
    numbers: dict[str, NumberRule] = Field({}, description=_FIELDS["numbers"])
    findings: FindingRule | None = None
    fingerprints: list[Sha256] = Field([], description=_FIELDS["fingerprints"])
    approval: Approval = Field("", description=_FIELDS["approval"])

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if not (self.numbers or self.findings or self.fingerprints):
            raise ValueError(f"it has no rule. Give {listed(RULES)}")
        for name, rule in self.numbers.items():
            own = ("test.",) if rule.not_worse_than == "baseline" else ("test.", "fairness.")
            if rule.not_worse_than and not name.startswith(own):
                raise ValueError(f"{shown(name)}: not_worse_than is for names that begin with {' or '.join(own)} there")
            if rule.not_worse_than and not {"*", "?"} & set(name) and not better_when(name):
                raise ValueError(f"{shown(name)}: neither higher nor lower is better there. Give min and max")
        return self


class Levels(Part):
    """Levels of rules, for drift: each, the least first, is reached where one of its rules is broken."""

    title: Annotated[str, Field(max_length=200)] = ""
    levels: Annotated[dict[Level, Policy], Field(min_length=1), BeforeValidator(lambda one: _given(one, LEVELS))]


def policy_names() -> list[str]:
    """Name the policies that come with the toolkit."""
    return sorted(path.stem for path in (templates_folder() / "policies").glob("*.yaml"))


def read_policy(source: PolicyLike) -> Policy:
    """Read and validate a policy.

    Parameters
    ----------
    source : str, Path or mapping
        Name of one that comes with the toolkit, path of a YAML file, or its content.

    Raises
    ------
    InputError
        Where there is no such policy, or it says something that is not known or cannot be meant.

    Examples
    --------
    >>> read_policy({"numbers": {"test.roc_auc": {"min": 0.8}}}).numbers["test.roc_auc"].condition
    'at least 0.8'
    """
    return _validated(Policy, *_content(source))


def read_levels(source: PolicyLike) -> Levels:
    """Read and validate a policy of levels, as for ``read_policy``.

    Raises
    ------
    InputError
        Where there is no such policy, or its levels or their rules cannot be meant.

    Examples
    --------
    >>> list(read_levels("drift").levels)
    ['watch', 'investigate', 'retrain']
    """
    return _validated(Levels, *_content(source))


def check_policy(source: PolicyLike) -> None:
    """Refuse a policy of either kind that cannot be read."""
    content, name = _content(source)
    _validated(Levels if "levels" in content else Policy, content, name)


def _validated(kind: type[Model], content: Mapping[str, object], name: str) -> Model:
    if content.keys() & (set(RULES) if kind is Levels else {"levels"}):
        said = "rules: it is a gate's" if kind is Levels else "levels: it decides about drift"
        raise NotApplicableError(f"The policy {name!r} has {said}. Name one of the other kind.")
    try:
        return kind.model_validate({**content, "title": content.get("title") or name})
    except ValidationError as error:
        raise InputError(f"The policy {name!r}: {problem(error.errors(include_url=False)[0])}.") from error


def _content(source: PolicyLike) -> tuple[Mapping[str, object], str]:
    if isinstance(source, Mapping):
        return source, "policy"
    path = _path(source)
    if not isinstance(content := read_plain(path, "policy"), Mapping):
        found = "is empty" if content is None else f"holds {shown(content)}"
        raise InputError(f"The policy {str(path)!r} {found}; it must map {listed([*Policy.model_fields, 'levels'])}.")
    return content, path.stem


def _path(source: str | Path) -> Path:
    if str(source) in (known := policy_names()):
        return templates_folder() / "policies" / f"{source}.yaml"
    with refusing(f"Cannot read the policy {shown(str(source))}"):
        if str(source) and Path(source).is_dir():
            raise InputError(f"The policy {shown(str(source))} is a folder. Name a YAML file in it.")
        if Path(source).is_file():
            return Path(source)
    near = nearest(str(source), known)
    raise InputError(f"There is no policy {shown(str(source))}.{near} Known: {listed(known)}, or name a YAML file.")
