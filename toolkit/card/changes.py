"""Tell what changed between two cards: facts, texts, findings, and numbers with the interval of their difference."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

from toolkit.card.content import QUESTIONS, SECTIONS, as_text
from toolkit.card.lineage import model_of
from toolkit.card.model_card import ModelCard
from toolkit.core import UNKNOWN, Estimate, Results, better_when, shorten, unique
from toolkit.statistics import ALPHA, PAIRED, Z, benjamini_hochberg, change, paired_difference

Kind = Literal["added", "removed", "changed", "same"]
PARTS = ("data", "features", "training", "metrics", "fairness", "operation", "other numbers", "findings", "author")
UNPAIRED = "MOVER, unpaired"
_BEGINNINGS = {"data": ("data.", "split."), "metrics": ("test.",), "fairness": ("fairness.",)}
_BEGINNINGS |= {"operation": tuple(SECTIONS["operation"]["numbers"])}


class Change(NamedTuple):
    """One thing in which two cards differ, or do not.

    Attributes
    ----------
    part : str
        One of ``PARTS``.
    name : str
    before, after : str
        Empty where it is not there.
    kind : {"added", "removed", "changed", "same"}
    difference : Estimate
        Of a number that both have: after minus before.
    numbers : (Estimate, Estimate) or None
        A number that both have, before and after.
    p_adjusted : float
        Of no difference, adjusted for all numbers of its part that changed; not a number where there is no interval.
    """

    part: str
    name: str
    before: str
    after: str
    kind: Kind
    difference: Estimate = UNKNOWN
    numbers: tuple[Estimate, Estimate] | None = None
    p_adjusted: float = np.nan

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is more than chance explains, of all numbers of its part."""
        return self.p_adjusted <= ALPHA

    @property
    def direction(self) -> Literal["better", "worse", ""]:
        """Which way a metric or a disparity moved; empty where neither way is better, or chance may explain it."""
        better, rose = better_when(self.name), "higher" if self.difference.value > 0 else "lower"
        return "" if not (better and self.beyond_chance) else "better" if rose == better else "worse"

    def describe(self) -> str:
        """Write it in a line.

        Examples
        --------
        >>> Change("data", "rows", "100", "120", "changed").describe()
        'data: rows: 100 -> 120'
        """
        before, after = (shorten(value, 80) or "(none)" for value in (self.before, self.after))
        text = f"{self.part}: {self.name}: {before} -> {after}"
        if not self.difference.has_interval:
            return text
        verdict = (self.direction or "more than chance") if self.beyond_chance else "could be chance"
        return f"{text}; difference {self.difference} ({self.how}), {verdict}"

    @property
    def how(self) -> str:
        """How the interval of the difference was made; empty where there is none."""
        return ("paired" if self.difference.method == PAIRED else "unpaired") if self.difference.has_interval else ""

    def plain(self) -> dict[str, object]:
        """Write it for JSON."""
        texts = {name: getattr(self, name) for name in ("part", "name", "kind", "before", "after", "direction")}
        return {**texts, "difference": self.difference.plain(), "how": self.how}


def changes_between(old: ModelCard, new: ModelCard) -> Iterator[Change]:
    """Compare all that two cards hold, but for what they say of themselves.

    Where only one of them recorded a kind of fact at all, such as the features, nothing is said about it. Of findings
    code, place and severity are compared: the numbers that their sentences hold are compared elsewhere.
    """
    for (part, before), (_, after) in zip(_facts(old.results[0]), _facts(new.results[0]), strict=True):
        if bool(before) == bool(after):
            yield from _compared(part, before, after)
    yield from changes_of_numbers(old, new)
    kept = [[one for one in card.findings() if not one.code.startswith("CARD-")] for card in (old, new)]
    names = [unique(f"{one.code} {one.where}".strip() for one in ones) for ones in kept]
    then, now = (dict(zip(*each, strict=True)) for each in zip(names, kept, strict=True))
    alike = {name: then[name].severity for name in then if name in now and then[name].severity == now[name].severity}
    found = [{name: f"{one.severity}: {one.message}" for name, one in ones.items()} | alike for ones in (then, now)]
    yield from _compared("findings", *found)
    said = [{QUESTIONS[key].title: text for key, text in card.answers.items()} for card in (old, new)]
    yield from _compared("author", *said)


def changes_of_numbers(old_card: ModelCard, new_card: ModelCard) -> Iterator[Change]:
    """Compare every number; a difference of two numbers with intervals has one too (see ``difference_of``).

    That of a test metric which has replicates over the same rows in both is known more sharply. The p value behind an
    interval is adjusted for all numbers of the part by Benjamini & Hochberg (1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x).
    """
    before, after = (card.scalars() for card in (old_card, new_card))
    (old_draws, old_rows), (new_draws, new_rows) = old_card.replicates(), new_card.replicates()
    both = [name for name in new_draws if name in old_draws and old_rows == new_rows]
    paired = {f"test.{name}": paired_difference(new_draws[name], old_draws[name]) for name in both}
    parts: dict[str, list[Change]] = {}
    for name in (one for one in {**before, **after} if not one.startswith("card.")):
        old, new = before.get(name), after.get(name)
        part = next((part for part, ones in _BEGINNINGS.items() if name.startswith(ones)), "other numbers")
        change = Change(part, name, str(old or ""), str(new or ""), "removed" if old else "added")
        if old and new:
            before_ends, after_ends = ([one.value, one.low, one.high] for one in (old, new))
            kind: Kind = "same" if np.array_equal(before_ends, after_ends, equal_nan=True) else "changed"
            difference = paired.get(name) or difference_of(new, old)
            change = change._replace(kind=kind, difference=difference, numbers=(old, new))
        parts.setdefault(part, []).append(change)
    for ones in parts.values():
        known = [np.nan if one.kind == "same" else p_value_of(one.difference) for one in ones]
        for one, p_value in zip(ones, benjamini_hochberg(known), strict=True):
            yield one._replace(p_adjusted=float(p_value))


def p_value_of(difference: Estimate) -> float:
    """Return the p value of no difference, from the side of the interval that zero lies on."""
    if not difference.has_interval:
        return np.nan
    value = difference.value
    side = value - difference.low if value > 0 else difference.high - value
    return 2 * NormalDist().cdf(-Z * abs(value) / side) if side > 0 else float(value == 0)


def difference_of(after: Estimate, before: Estimate) -> Estimate:
    """Return ``after - before``, with an interval where both have one.

    By MOVER (Zou & Donner 2008, doi:10.1002/sim.3095), which takes the two as independent. Numbers of the same rows
    rise and fall together as a rule, and then the interval is wider than needed.

    Examples
    --------
    >>> print(difference_of(Estimate(0.8, 0.7, 0.9), Estimate(0.6, 0.5, 0.7)))
    0.200 [0.059, 0.341]
    """
    moved, n = change(after, before), min(after.n, before.n)
    if not np.isfinite(moved.value):
        return Estimate(np.nan, n=n)
    return replace(moved, n=n, method=UNPAIRED if moved.has_interval else "")


def _compared(part: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in {**before, **after}:
        old, new = before.get(name, ""), after.get(name, "")
        kind: Kind = "added" if name not in before else "removed" if name not in after else "changed"
        yield Change(part, name, old, new, "same" if old == new and name in before and name in after else kind)


def _facts(results: Results) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each kind of fact with the part it belongs to, under names that say which it is."""
    model = model_of(results)
    kinds: tuple[tuple[str, str, Mapping[str, object]], ...] = (
        ("data", "", {name: one for name, one in asdict(results.data).items() if name != "schema"}),
        ("features", "", model.features),
        ("training", "", {"model": model.name, "commit": results.commit}),
        ("training", "parameter", results.parameters),
        ("training", "recorded", results.recorded),
        ("training", "setting", model.settings),
        ("training", "package", dict(text.partition("==")[::2] for text in model.requirements)),
        ("training", "environment", results.environment),
    )
    for part, word, ones in kinds:
        texts = {name: as_text(entry) for name, entry in ones.items()}
        yield part, {f"{word} {name}".strip(): text for name, text in texts.items()}
