"""What to do about drift: the highest level of a policy that the numbers show to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from toolkit.core.estimate import Estimate, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.result import Record, Result
from toolkit.core.results import Level, PolicyVerdict, RuleOutcome
from toolkit.policy.outcomes import gather, judge_policy
from toolkit.policy.policy import Levels, read_levels
from toolkit.policy.reason import reason

if TYPE_CHECKING:
    import pandas as pd


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
    known = gather(results)
    judged = {name: tuple(judge_policy(rules, *known)) for name, rules in levels.levels.items()}
    reached = [name for name, lines in judged.items() if any(line.outcome == "fail" for line in lines)]
    return Decision(levels, reached[-1] if reached else "ok", judged, known[0])


@dataclass(frozen=True, eq=False, repr=False)
class Decision(Result):
    """What a policy says should be done.

    Attributes
    ----------
    levels : Levels
        The policy.
    outcome : str
        ``ok`` or the highest level reached.
    judged : dict of str to tuple of RuleOutcome
        Every rule of every level.
    numbers : mapping of str to Estimate
        All that was looked at.
    """

    levels: Levels
    outcome: Level | Literal["ok"]
    judged: dict[Level, tuple[RuleOutcome, ...]]
    numbers: Mapping[str, Estimate]

    def frame(self) -> pd.DataFrame:
        """Return one row a rule, the highest level first: ``level, reached, name, rule, value, low, high, n, why``."""
        import pandas as pd

        rows = [
            (level, self._reached(line), line.name, line.rule, line.number, line.why) for level, line in self._lines()
        ]
        return spread(pd.DataFrame(rows, columns=["level", "reached", "name", "rule", "value", "why"]))

    def scalars(self) -> dict[str, Estimate]:
        """Return how many rules of each level are shown to be broken."""
        return {
            f"decision.{level}": Estimate(sum(line.outcome == "fail" for line in lines), n=len(lines))
            for level, lines in self.judged.items()
        }

    def record(self) -> Record:
        """Return the decision for the report."""
        return Record(parameters={"policy": self.levels.title}, verdict=self.verdict())

    def verdict(self) -> PolicyVerdict:
        """Return the decision as ``results.json`` has it."""
        rules = tuple(
            replace(
                line,
                rule=f"{line.rule}, else {level}",
                outcome=level if line.outcome == "fail" else "ok" if line.outcome == "pass" else line.outcome,
            )
            for level, line in self._lines()
        )
        return PolicyVerdict(self.outcome, self.levels.title, rules)

    def face(self) -> Face:
        """Return the outcome, the reason, and every rule."""
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
        return Face(f"Decision: {self.outcome}", self.sentence(), [FaceTable("Rules of each level", table)])

    def sentence(self) -> str:
        """Say why."""
        return reason(self.verdict(), self.numbers)

    def _lines(self) -> list[tuple[Level, RuleOutcome]]:
        """Every rule with its level: what is reached first, then the highest level first."""
        every = [(level, line) for level, lines in reversed(self.judged.items()) for line in lines]
        return sorted(every, key=lambda pair: pair[1].outcome != "fail")

    @staticmethod
    def _reached(line: RuleOutcome) -> str:
        return {"fail": "yes", "pass": "no", "undecided": "undecided"}[line.outcome]
