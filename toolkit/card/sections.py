"""Put a card's sections together from reports and the author's answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from toolkit.card.author import questions
from toolkit.card.content import Answer, Cell, Fact, Section, Table
from toolkit.card.lineage import detail_facts, lineage_tables, model_name, start_code, start_lead
from toolkit.card.quantities import (
    Found,
    driver_table,
    group_tables,
    metric_table,
    other_table,
    placed_table,
    training_table,
)
from toolkit.card.regulation import LEGAL_LEAD, regulation_tables
from toolkit.card.reports import Report
from toolkit.core.groups import group_numbers
from toolkit.core.result import SEVERITIES, by_severity
from toolkit.core.results import Results
from toolkit.core.words import spoken
from toolkit.errors import listed

#: Identifiers and titles, in the order of Mitchell et al. (2019); the last four are ours.
TITLES = {
    "details": "Model details",
    "intended_use": "Intended use",
    "factors": "Factors",
    "metrics": "Metrics",
    "evaluation_data": "Evaluation data",
    "training_data": "Training data",
    "quantitative": "Quantitative analyses",
    "ethics": "Ethical considerations",
    "caveats": "Caveats and recommendations",
    "start": "How to get started",
    "operation": "Environmental and operational numbers",
    "lineage": "Lineage",
    "regulation": "Regulation",
}
MOST_FINDINGS = 15


def make_sections(reports: Sequence[Report], answers: Mapping[str, str]) -> tuple[Section, ...]:
    """Return every section of a card, in order.

    Parameters
    ----------
    reports : sequence of Report
        At least one; the first is about the model itself.
    answers : mapping of key to text
    """
    every = [report.results for report in reports]
    first = every[0]
    found = {name: _gathered(every, maker) for name, maker in _MAKERS.items()}
    leads = {
        "factors": _factors_lead(every),
        "metrics": _metrics_lead(every),
        "training_data": "" if found["training_data"][1] else "The reports hold no numbers of the training.",
        "quantitative": _groups_lead(every),
        "start": start_lead(first),
        "regulation": LEGAL_LEAD,
    }
    tables = {name: tuple(made) for name, (made, _) in found.items()}
    tables["caveats"] = (*_findings_table(every), *tables["caveats"])
    tables |= {"lineage": lineage_tables(reports), "regulation": regulation_tables(every, answers, TITLES)}
    facts = {
        "details": detail_facts(first),
        "metrics": _verdicts(every),
        "evaluation_data": _data_facts(every),
        "training_data": _data_facts(every[:1]) if "train" in _parts(first) else (),
    }
    return tuple(
        Section(
            id=name,
            title=title,
            lead=leads.get(name, ""),
            answers=_answers(name, answers),
            facts=facts.get(name, ()),
            tables=tables.get(name, ()),
            code=start_code(first) if name == "start" else "",
            numbers=tuple(found[name][1]) if name in found else (),
        )
        for name, title in TITLES.items()
    )


def _answers(section: str, answers: Mapping[str, str]) -> tuple[Answer, ...]:
    return tuple(
        Answer(one.key, one.title, one.question, answers.get(one.key, ""))
        for one in questions()
        if one.section == section
    )


def _quantitative(results: Results) -> Found:
    (tables, names), (others, rest) = group_tables(results.scalars), other_table(results.scalars)
    return tables + others, names + rest


_MAKERS: dict[str, Callable[[Results], Found]] = {
    "details": lambda results: driver_table(results.scalars),
    "metrics": lambda results: metric_table(results.scalars),
    "evaluation_data": lambda results: placed_table(results.scalars, "evaluation_data", "The data, in numbers"),
    "training_data": lambda results: training_table(results.scalars),
    "quantitative": _quantitative,
    "caveats": lambda results: placed_table(results.scalars, "caveats", "Change of the data since"),
    "operation": lambda results: placed_table(
        results.scalars, "operation", "Time, size and speed", model_name(results)
    ),
}


def _gathered(every: Sequence[Results], maker: Callable[[Results], Found]) -> tuple[list[Table], list[tuple[int, str]]]:
    """Make the tables of every report; where there are several, a caption says which report it is of."""
    tables, names = [], []
    for place, results in enumerate(every):
        made, used = maker(results)
        names += [(place, name) for name in used]
        after = f" (report {place + 1}: {results.title})" if len(every) > 1 else ""
        tables += [Table(table.caption + after, table.names, table.rows) for table in made]
    return tables, names


def _factors_lead(every: Sequence[Results]) -> str:
    sizes: dict[str, set[str]] = {}
    for results in every:
        for one in group_numbers(results.scalars):
            if one.group and not one.is_disparity:
                sizes.setdefault(one.feature, set()).add(one.group)
    if not sizes:
        return "No number here is broken down by group of people."
    shown = [f"{feature} ({len(groups)} groups)" for feature, groups in sizes.items()]
    return f"Numbers are broken down by {listed(shown)}."


def _metrics_lead(every: Sequence[Results]) -> str:
    for results in every:
        for name, number in results.scalars.items():
            metric = name.removeprefix("test.")
            if name.startswith("test.") and "." not in metric and not math.isnan(number.value):
                lead = f"On the test part {spoken(metric)} is {number}"
                baseline = results.scalars.get(f"baseline.{metric}")
                return f"{lead}; the baseline has {baseline}." if baseline else f"{lead}."
    return "No number says how good the model is."


def _groups_lead(every: Sequence[Results]) -> str:
    """Name the groups farthest apart in the first metric that groups have."""
    for results in every:
        ones = [one for one in group_numbers(results.scalars) if one.group and not one.is_disparity]
        for metric in ("recall", "accuracy", "mean_absolute_error"):
            known = [one for one in ones if one.metric == metric and not math.isnan(one.number.value)]
            if len(known) > 1:
                low, high = (choose(known, key=lambda one: one.number.value) for choose in (min, max))
                return (
                    f"Of the groups judged, {spoken(metric)} is lowest for {low.group} ({low.feature}), {low.number}, "
                    f"and highest for {high.group} ({high.feature}), {high.number}."
                )
    return "The reports hold no numbers by group of people, so nothing here says whom the model serves worse."


def _verdicts(every: Sequence[Results]) -> tuple[Fact, ...]:
    return tuple(
        Fact(f"Verdict of {results.title}", f"{verdict.outcome}, by the policy {verdict.policy}")
        for results in every
        if (verdict := results.verdict).outcome
    )


def _data_facts(every: Sequence[Results]) -> tuple[Fact, ...]:
    facts = []
    for name, key in (("Data", "name"), ("Source", "source"), ("Fingerprint", "fingerprint"), ("Target", "target")):
        texts = dict.fromkeys(text for results in every if (text := getattr(results.data, key)))
        facts += [Fact(name, text) for text in texts]
    return tuple(facts)


def _parts(results: Results) -> Iterator[str]:
    return (name.split(".")[1] for name in results.scalars if name.startswith("split."))


def _findings_table(every: Sequence[Results]) -> tuple[Table, ...]:
    found = dict.fromkeys(one for results in every for one in results.findings)
    grave = [one for one in by_severity(found) if one.severity != SEVERITIES[-1]]
    if not grave:
        return ()
    rows: list[tuple[Cell, ...]] = [(one.code, one.severity, one.message) for one in grave[:MOST_FINDINGS]]
    caption = f"Findings of the reports ({len(rows)} of {len(grave)}, the most severe first)"
    return (Table(caption, ("code", "severity", "finding"), tuple(rows)),)
