"""What to do about drift: the highest level of a policy that the numbers show to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core.estimate import Estimate
from toolkit.core.result import Finding, Picture, Record, Result, Shown, result_html, table_html
from toolkit.errors import InputError
from toolkit.policy.outcomes import Judged, judge_policy
from toolkit.policy.policy import Levels, read_levels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

OK = "ok"


def decide(policy: str | Path | Mapping[str, object], *results: Result) -> Decision:
    """Decide what to do: ``ok``, or the highest level at which a limit of the policy is shown to be broken.

    A limit is shown to be broken where none of a number's interval satisfies it, as for gates. What the data cannot
    tell never raises the level; it is counted.

    Parameters
    ----------
    policy : str, Path or mapping
        ``drift``, which comes with the toolkit, path of a YAML file, or its content. It maps levels, the least first
        (``watch``, ``investigate``, ``retrain``), to rules as a gate's policy has them.
    *results : Result
        What the steps returned.

    Returns
    -------
    Decision

    Raises
    ------
    InputError
        Where the policy cannot be read, or asks for a number that is not there.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> decide({"levels": {"watch": {"numbers": {"data.rows": {"min": 1000}}}}}, load_dataset("wine")).outcome
    'watch'
    """
    levels = read_levels(policy)
    scalars = {name: number for result in results for name, number in result.scalars().items()}
    findings = [finding for result in results for finding in result.findings()]
    data = next((record.data for result in results if (record := result.record()).data), None)
    fingerprint = data.fingerprint if data else ""
    judged = {name: tuple(judge_policy(rules, scalars, findings, fingerprint)) for name, rules in levels.rules.items()}
    reached = [name for name, lines in judged.items() if any(line.outcome == "fail" for line in lines)]
    return Decision(levels, reached[-1] if reached else OK, judged)


@dataclass(frozen=True, eq=False, repr=False)
class Decision(Shown):
    """What a policy says should be done.

    Attributes
    ----------
    levels : Levels
        The policy.
    outcome : str
        ``ok`` or the highest level reached.
    judged : dict of str to tuple of Judged
        Every rule of every level.
    """

    levels: Levels
    outcome: str
    judged: dict[str, tuple[Judged, ...]]

    def frame(self) -> pd.DataFrame:
        """Return one row a rule, the highest level first: ``level, reached, name, rule, value, low, high, n, why``."""
        import pandas as pd

        columns = ["level", "reached", "name", "rule", "value", "low", "high", "n", "why"]
        rows = [
            [
                level,
                self._reached(line),
                line.name,
                line.rule,
                line.number.value,
                line.number.low,
                line.number.high,
                line.number.n,
                line.why,
            ]
            for level, line in self._lines()
        ]
        return pd.DataFrame(rows, columns=columns)

    def scalars(self) -> dict[str, Estimate]:
        """Return how many rules of each level are shown to be broken."""
        return {
            f"decision.{level}": Estimate(sum(line.outcome == "fail" for line in lines), n=len(lines))
            for level, lines in self.judged.items()
        }

    def findings(self) -> list[Finding]:
        """Return none: the decision stands above the findings."""
        return []

    def pictures(self) -> dict[str, Picture]:
        """Return no figures."""
        return {}

    def plot(self, kind: str = "", ax: Axes | None = None) -> Axes:  # noqa: ARG002  # the protocol's
        """Refuse: a decision is a table."""
        raise InputError(f"A decision has no figure {kind!r}; frame() is its table.")

    def record(self) -> Record:
        """Return the decision as the verdict of ``results.json``."""
        rules: list[dict[str, Any]] = [
            {
                "name": line.name,
                "rule": f"{line.rule}, else {level}",
                "outcome": level if line.outcome == "fail" else "ok" if line.outcome == "pass" else line.outcome,
                "number": line.number.plain(),
                "why": line.why,
            }
            for level, line in self._lines()
        ]
        return Record(
            parameters={"policy": self.levels.title},
            verdict={"outcome": self.outcome, "policy": self.levels.title, "rules": rules},
        )

    def _repr_html_(self) -> str:
        import pandas as pd

        table = pd.DataFrame(
            {
                "level": [level for level, _ in self._lines()],
                "reached": [self._reached(line) for _, line in self._lines()],
                "what": [line.name for _, line in self._lines()],
                "number": [str(line.number) if line.number.n else "" for _, line in self._lines()],
                "unless": [line.rule for _, line in self._lines()],
                "why": [line.why for _, line in self._lines()],
            }
        )
        return result_html(f"Decision: {self.outcome}", self.sentence(), [table_html(table, "Rules of each level")])

    def sentence(self) -> str:
        """Say why."""
        if self.outcome == OK:
            return f"No rule of the policy {self.levels.title!r} is shown to be broken."
        reasons = [f"{line.name}: {line.why}" for line in self.judged[self.outcome] if line.outcome == "fail"]
        return f"Policy {self.levels.title!r}. {' '.join(reasons)}"

    def _lines(self) -> list[tuple[str, Judged]]:
        """Every rule with its level: what is reached first, then the highest level first."""
        every = [(level, line) for level, lines in reversed(self.judged.items()) for line in lines]
        return sorted(every, key=lambda pair: pair[1].outcome != "fail")

    @staticmethod
    def _reached(line: Judged) -> str:
        return {"fail": "yes", "pass": "no", "undecided": "undecided"}[line.outcome]
