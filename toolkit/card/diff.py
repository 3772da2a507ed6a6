"""The difference of two model cards: what changed, what did not, and which numbers moved by more than chance."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from toolkit.card.changes import PARTS, Change, changes_between, p_value_of
from toolkit.card.model_card import ModelCard, face, finding, read_card
from toolkit.card.sections import drawing
from toolkit.core import ORANGE, Drawing, Face, FaceTable, beside, draw_beside, shorten, titled
from toolkit.core.estimate import Estimate, KeyNumber, is_disparity, spread
from toolkit.core.result import Finding, Record, Result, by_severity
from toolkit.errors import NotApplicableError, listed
from toolkit.policy.reason import number_words
from toolkit.statistics import ALPHA

MOST_NAMES, MOST_SAID = 60, 5
_NUMBERS, _FOLDED, _FOLDED_KINDS, _PAIRED = beside(__file__, "changes.yaml").values()


def diff_cards(a: ModelCard | str | Path, b: ModelCard | str | Path) -> "CardDiff":
    """Tell what changed from one card to another.

    Parameters
    ----------
    a, b : ModelCard or path
        Cards, ``card.json`` files, or folders of reports: earlier and later, or champion and challenger.

    Returns
    -------
    CardDiff

    Raises
    ------
    InputError
        Where a card cannot be read.
    NotApplicableError
        Where one of the two is not given.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> from toolkit.card.model_card import make_card
    >>> old = make_card(load_dataset("wine"))
    >>> new = make_card(load_dataset("wine"), author={"contact": "team@example.org"})
    >>> [(one.part, one.name, one.kind) for one in diff_cards(old, new).changed]
    [('author', 'Contact', 'added')]
    """
    if not a or not b:
        raise NotApplicableError("No second card was given, so there is nothing to compare this one with.")
    old, new = (one if isinstance(one, ModelCard) else read_card(one) for one in (a, b))
    ordered = tuple(sorted(changes_between(old, new), key=lambda one: PARTS.index(one.part)))
    prints = [card.results[0].data.fingerprint for card in (old, new)]
    return CardDiff(old.title, new.title, bool(prints[0]) and prints[0] == prints[1], ordered)


class CardDiff(Result, frozen=True):
    """What changed from one card to another.

    Attributes
    ----------
    before, after : str
        Titles of the cards.
    same_data : bool
        Whether both rest on data of the same fingerprint.
    changes : tuple of Change
        By part, those that are the same among them.
    """

    before: str
    after: str
    same_data: bool
    changes: tuple[Change, ...]

    @property
    def changed(self) -> list[Change]:
        """What is not the same."""
        return [one for one in self.changes if one.kind != "same"]

    def frame(self) -> pd.DataFrame:
        """Return one row a thing compared.

        With the columns ``part, name, kind, before, after, difference, how, p_adjusted, direction`` and the ends of the
        difference.
        """
        names = ["part", "name", "kind", "before", "after", "difference", "how", "p_adjusted", "direction"]
        return spread(pd.DataFrame([[getattr(one, name) for name in names] for one in self.changes], columns=names))

    def scalars(self) -> dict[str, Estimate]:
        """Return ``change.<name>`` of every test metric and disparity, and how many things changed in each part."""
        known = [one for one in self._metrics() if not math.isnan(one.difference.value)]
        numbers = {f"change.{one.name}": one.difference for one in known}
        for part in PARTS:
            kinds = [one.kind for one in self.changes if one.part == part]
            numbers[f"card.changes.{part.replace(' ', '_')}"] = Estimate(len(kinds) - kinds.count("same"), n=len(kinds))
        return numbers

    def findings(self) -> list[Finding]:
        """Say whether the data are others, and what became worse by more than chance."""
        found = [*self._worse("test.", "CARD-METRIC-WORSE"), *self._worse("fairness.", "CARD-FAIRNESS-WORSE")]
        return by_severity(found + ([] if self.same_data else [finding("CARD-OTHER-DATA", "medium", "data")]))

    def _worse(self, beginning: str, code: str) -> Iterator[Finding]:
        """Name what is worse on intervals widened to hold for all of its kind at once (Bonferroni)."""
        ones = [one for one in self._metrics() if one.name.startswith(beginning) and one.difference.has_interval]
        sure = [one for one in ones if p_value_of(one.difference) * len(ones) <= ALPHA]
        if worse := [one for one in sure if one.direction == "worse"]:
            said = [f"{number_words(one.name)} by {one.difference}" for one in worse[:MOST_SAID]]
            said += [f"{len(worse) - MOST_SAID} more"] if len(worse) > MOST_SAID else []
            yield finding("WORSE", "medium", worse[0].name, code, count=len(ones), said="; ".join(said))

    def drawings(self) -> list[Drawing]:
        """Return the figure of the metrics' differences, where there are some."""
        if not (ones := [one for one in self._metrics() if one.name.count(".") == 1 and one.difference.has_interval]):
            return []
        # Metrics that share the scale from -1 to 1 share a figure; where there are none, the first stands alone.
        ones = [one for one in ones if max(-one.difference.low, one.difference.high) <= 1] or ones[:1]
        names, numbers = [titled(one.name.rpartition(".")[2]) for one in ones], [one.difference for one in ones]
        said, label = list(map("{}: {}".format, names, numbers)), "second card minus first"
        draw = draw_beside(label, list(map(shorten, names)), numbers, color=ORANGE)
        data = pd.DataFrame({"name": names, label: numbers})
        return [drawing("metrics", draw, data, grid="x", pairing=self._pairing(), said=said)]

    def record(self) -> Record:
        """Return which card this one was compared with, and the metrics beside those of that one."""
        numbers = []
        for one in self._metrics():
            if one.numbers and one.name.count(".") == 1:
                label, (before, after) = titled(one.name.rpartition(".")[2]), one.numbers
                numbers.append(KeyNumber(one.name, label, after, "test part", "champion", before, one.difference))
        return Record(parameters={"compared_with": self.before}, numbers=numbers)

    def sentence(self) -> str:
        """Say in a line how much changed."""
        counts = {part: sum(one.part == part for one in self.changed) for part in PARTS}
        said = ", ".join(f"{count} in {part}" for part, count in counts.items() if count)
        data = "The data are the same." if self.same_data else "The data are not the same."
        return f"{len(self.changed)} of {len(self.changes)} entries differ{f': {said}' if said else ''}. {data}"

    def _pairing(self) -> str:
        """Say which intervals know that the rows are the same."""
        ones = [one for one in self._metrics() if one.difference.has_interval]
        paired = sum(one.how == "paired" for one in ones)
        none = "none, same data" if self.same_data else "none"
        return _PAIRED["all" if paired == len(ones) else "some" if paired else none] if ones else ""

    def _metrics(self) -> list[Change]:
        return [one for one in self.changes if one.numbers and (one.part == "metrics" or is_disparity(one.name))]

    def face(self) -> Face:
        """Return how much changed, and what changed in each part."""
        tables = [table for part in PARTS for table in self._part_tables(part)]
        return face("diff", self, said=self.sentence(), pairing=self._pairing())._replace(tables=tables)

    def _part_tables(self, part: str) -> Iterator[FaceTable]:
        ones = [one for one in self.changes if one.part == part]
        shown = [one for one in ones if one.kind == "changed" or (one.kind != "same" and part not in _NUMBERS)]
        single = [one for one in shown if part == "fairness" and not is_disparity(one.name)]
        for rows, what in (([one for one in shown if one not in single], ""), (single, " in single groups")):
            if rows:
                title = f"{part.capitalize()}: {len(rows)} changed{what}"
                yield FaceTable(title, _table(rows), folded=title if part in _FOLDED or what else "")
        for kind, words in _FOLDED_KINDS.items():
            if names := [one.name for one in ones if one.kind == kind and one not in shown]:
                title = f"{part.capitalize()}: {len(names)} {words}"
                yield FaceTable(title, pd.DataFrame({"names": [listed(names, MOST_NAMES)]}), folded=title)


def _table(ones: Sequence[Change]) -> pd.DataFrame:
    rows = []
    for one in ones:
        before, after = one.numbers or (one.before or None, one.after or None)
        difference = None if math.isnan(one.difference.value) else one.difference
        said = ((one.direction or "yes") if one.beyond_chance else "no") if one.how else None
        name = number_words(one.name) if one.numbers else one.name
        rows.append((name, one.kind, before, after, difference, said, one.how or None))
    names = ["what", "kind", "before", "after", "difference", "more than chance", "interval"]
    table = pd.DataFrame(rows, columns=names, dtype=object)
    left_out = ["kind"] if (table["kind"] == "changed").all() else []
    return table.drop(columns=[*left_out, *(name for name in names[4:] if table[name].isna().all())])
